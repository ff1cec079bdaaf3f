package apigateway

import (
	"cmp"
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/scar-go/scar/local/wire"
)

// integration is what a route leads to: a Lambda function.
type integration struct {
	IntegrationID        string `json:"integrationId"`
	IntegrationType      string `json:"integrationType"`
	IntegrationMethod    string `json:"integrationMethod"`
	IntegrationURI       string `json:"integrationUri"`
	ConnectionType       string `json:"connectionType"`
	Description          string `json:"description,omitempty"`
	PayloadFormatVersion string `json:"payloadFormatVersion"`
	TimeoutInMillis      int    `json:"timeoutInMillis"`
}

// The only kind of integration, and the limits of how long one waits, in milliseconds.
const (
	typeProxy              = "AWS_PROXY"
	payloadFormat          = "2.0"
	minTimeout, maxTimeout = 50, 30_000
)

var functionPattern = wire.Pattern(`^arn:aws[a-z-]*:lambda:[a-z0-9-]+:\d{12}:function:[a-zA-Z0-9-_]+(:[a-zA-Z0-9-_$]+)?$`)

// function is the ARN of the function that an integration leads to. It may be given as the path of the call that invokes it.
func (i integration) function() string {
	_, rest, found := strings.Cut(i.IntegrationURI, ":lambda:path/2015-03-31/functions/")
	if !found {
		return i.IntegrationURI
	}
	return strings.TrimSuffix(rest, "/invocations")
}

// unservedIntegration are fields of integrations that the local backend does not serve.
var unservedIntegration = []string{
	"connectionId", "contentHandlingStrategy", "credentialsArn", "integrationSubtype", "passthroughBehavior", "requestParameters",
	"requestTemplates", "responseParameters", "templateSelectionExpression", "tlsConfig",
}

func (i *integration) check() error {
	i.ConnectionType = cmp.Or(i.ConnectionType, "INTERNET")
	i.IntegrationMethod = cmp.Or(i.IntegrationMethod, http.MethodPost)
	i.TimeoutInMillis = cmp.Or(i.TimeoutInMillis, maxTimeout)
	switch {
	case i.IntegrationType == "HTTP_PROXY":
		return wire.Unknown("apigateway", "integrations of type HTTP_PROXY")
	case i.IntegrationType != typeProxy:
		return badRequest("Invalid integration type %s. Only AWS_PROXY and HTTP_PROXY are supported for protocol type HTTP", i.IntegrationType)
	case i.ConnectionType != "INTERNET":
		return wire.Unknown("apigateway", "integrations of connection type "+i.ConnectionType)
	case !functionPattern().MatchString(i.function()):
		return badRequest("Integration URI must be the ARN of a Lambda function for an integration of type AWS_PROXY")
	case i.PayloadFormatVersion == "1.0":
		return wire.Unknown("apigateway", "integrations of payload format 1.0")
	case i.PayloadFormatVersion != payloadFormat:
		return badRequest("PayloadFormatVersion is a required parameter for integration type AWS_PROXY: 1.0 or 2.0")
	case i.TimeoutInMillis < minTimeout || i.TimeoutInMillis > maxTimeout:
		return badRequest("Timeout should be between %d ms and %d ms", minTimeout, maxTimeout)
	}
	return nil
}

func noSuchIntegration(id string) error {
	return notFound("Invalid Integration identifier specified %s", id)
}

func (s *Service) createIntegration(r *http.Request, body json.RawMessage) (i integration, err error) {
	if err := refuse(body, "CreateIntegration", unservedIntegration...); err != nil {
		return i, err
	}
	if err := merge(body, &i); err != nil {
		return i, err
	}
	if err := i.check(); err != nil {
		return i, err
	}
	i.IntegrationID = newID(7)
	return i, s.change(r, func(a *api) error {
		a.Integrations[i.IntegrationID] = i
		return nil
	})
}

func (s *Service) updateIntegration(r *http.Request, body json.RawMessage) (i integration, err error) {
	if err := refuse(body, "UpdateIntegration", unservedIntegration...); err != nil {
		return i, err
	}
	id := r.PathValue("id")
	err = s.change(r, func(a *api) (err error) {
		found := false
		if i, found = a.Integrations[id]; !found {
			return noSuchIntegration(id)
		}
		if err := merge(body, &i); err != nil {
			return err
		}
		i.IntegrationID = id
		a.Integrations[id] = i
		return i.check()
	})
	return i, err
}

func (s *Service) getIntegration(r *http.Request, _ wire.Empty) (integration, error) {
	a, err := s.api(r)
	if err != nil {
		return integration{}, err
	}
	i, found := a.Integrations[r.PathValue("id")]
	if !found {
		return i, noSuchIntegration(r.PathValue("id"))
	}
	return i, nil
}

func (s *Service) getIntegrations(r *http.Request, _ wire.Empty) (list[integration], error) {
	a, err := s.api(r)
	if err != nil {
		return list[integration]{}, err
	}
	return page(r, sorted(a.Integrations), func(i integration) string { return i.IntegrationID })
}

// sorted are the values of a map in the order of their keys.
func sorted[T any](all map[string]T) []T {
	var out []T
	for _, key := range slices.Sorted(maps.Keys(all)) {
		out = append(out, all[key])
	}
	return out
}

func (s *Service) deleteIntegration(r *http.Request, _ []byte) (any, error) {
	id := r.PathValue("id")
	return nil, s.change(r, func(a *api) error {
		if _, found := a.Integrations[id]; !found {
			return noSuchIntegration(id)
		}
		for _, route := range sorted(a.Routes) {
			if route.integration() == id {
				return conflict("Cannot delete Integration '%s' because it is referenced by the Route '%s'.", id, route.RouteKey)
			}
		}
		delete(a.Integrations, id)
		return nil
	})
}
