package apigateway

import (
	"cmp"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/scar-go/scar/local/httpevent"
	"github.com/scar-go/scar/local/wire"
)

// api is an API with all that belongs to it, as it is stored.
type api struct {
	ID       string
	Settings settings
	Created  time.Time
	Tags     map[string]string

	Integrations map[string]integration // by id
	Routes       map[string]route       // by id
	Stages       map[string]stage       // by name
}

// settings are what a caller decides of an API.
type settings struct {
	Name                      string `json:"name"`
	ProtocolType              string `json:"protocolType"`
	Description               string `json:"description,omitempty"`
	Version                   string `json:"version,omitempty"`
	RouteSelectionExpression  string `json:"routeSelectionExpression"`
	APIKeySelectionExpression string `json:"apiKeySelectionExpression"`
	DisableExecuteAPIEndpoint bool   `json:"disableExecuteApiEndpoint"`
	IPAddressType             string `json:"ipAddressType"`
	CORS                      *cors  `json:"corsConfiguration,omitempty"`
}

type cors struct {
	AllowCredentials bool     `json:"allowCredentials"`
	AllowHeaders     []string `json:"allowHeaders,omitempty"`
	AllowMethods     []string `json:"allowMethods,omitempty"`
	AllowOrigins     []string `json:"allowOrigins,omitempty"`
	ExposeHeaders    []string `json:"exposeHeaders,omitempty"`
	MaxAge           int      `json:"maxAge"` // seconds; -1: browsers do not remember it
}

// What an HTTP API cannot choose. The API reference writes the selection of routes with braces, and answers have it without.
const (
	protocolHTTP    = "HTTP"
	routeSelection  = "$request.method $request.path"
	bracedSelection = "${request.method} ${request.path}"
	apiKeySelection = "$request.header.x-api-key"
	maxCORSAge      = 86400
)

type apiOutput struct {
	APIEndpoint string    `json:"apiEndpoint"`
	APIID       string    `json:"apiId"`
	CreatedDate time.Time `json:"createdDate"`
	settings
	Tags map[string]string `json:"tags,omitempty"`
}

func (s *Service) apiOutput(a api) apiOutput {
	return apiOutput{s.endpoint(a.ID), a.ID, a.Created, a.Settings, a.Tags}
}

func (s *Service) createAPI(_ *http.Request, body json.RawMessage) (apiOutput, error) {
	var in struct {
		settings
		tagsBody
	}
	if err := merge(body, &in); err != nil {
		return apiOutput{}, err
	}
	if err := refuse(body, "CreateApi", "target", "routeKey", "credentialsArn"); err != nil {
		return apiOutput{}, err
	}
	if err := in.check(); err != nil {
		return apiOutput{}, err
	}
	if err := checkTags(in.Tags); err != nil {
		return apiOutput{}, err
	}
	a := api{ID: newID(10), Settings: in.settings, Created: s.now(), Tags: in.Tags,
		Integrations: map[string]integration{}, Routes: map[string]route{}, Stages: map[string]stage{}}
	return s.apiOutput(a), s.apis.Put(a.ID, a)
}

// check fills in defaults and says what is wrong.
func (set *settings) check() error {
	if set.RouteSelectionExpression == "" || set.RouteSelectionExpression == bracedSelection {
		set.RouteSelectionExpression = routeSelection
	}
	set.APIKeySelectionExpression = cmp.Or(set.APIKeySelectionExpression, apiKeySelection)
	set.IPAddressType = cmp.Or(set.IPAddressType, "ipv4")
	switch {
	case set.Name == "" || len(set.Name) > maxName:
		return badRequest("Invalid API name specified: it has 1 to %d characters", maxName)
	case len(set.Description) > maxDescription:
		return badRequest("Invalid description specified: it has %d characters at most", maxDescription)
	case set.ProtocolType == "WEBSOCKET":
		return wire.Unknown("apigateway", "WebSocket APIs")
	case set.ProtocolType != protocolHTTP:
		return badRequest("Invalid protocol specified. Must be one of [HTTP, WEBSOCKET]")
	case set.RouteSelectionExpression != routeSelection:
		return badRequest("Invalid routeSelectionExpression specified. HTTP APIs only support %s", bracedSelection)
	}
	return set.CORS.check()
}

func (c *cors) check() error {
	if c == nil {
		return nil
	}
	if c.AllowCredentials && slices.Contains(c.AllowOrigins, "*") {
		return badRequest("Invalid CORS configuration: allowCredentials cannot be true when allowOrigins contains *")
	}
	if c.MaxAge < -1 || c.MaxAge > maxCORSAge {
		return badRequest("Invalid CORS configuration: maxAge must be from -1 to %d", maxCORSAge)
	}
	for _, origin := range c.AllowOrigins {
		u, err := url.Parse(origin)
		if origin != "*" && (err != nil || u.Scheme == "" || u.Host == "" || u.Path != "") {
			return badRequest("Invalid format for origin %s", origin)
		}
	}
	return nil
}

// headers is the CORS configuration as the front needs it.
func (c *cors) headers() httpevent.CORS {
	if c == nil {
		return httpevent.CORS{}
	}
	return httpevent.CORS{
		AllowOrigins: c.AllowOrigins, AllowMethods: c.AllowMethods, AllowHeaders: c.AllowHeaders, ExposeHeaders: c.ExposeHeaders,
		AllowCredentials: c.AllowCredentials, MaxAge: c.MaxAge,
	}
}

func (s *Service) noSuchAPI(id string) error {
	return notFound("Invalid API identifier specified %s:%s", s.cfg.Account, id)
}

// api is the API that a request is about.
func (s *Service) api(r *http.Request) (api, error) {
	id := r.PathValue("api")
	a, found, err := s.apis.Get(id)
	if err == nil && !found {
		err = s.noSuchAPI(id)
	}
	return a, err
}

// change changes the API that a request is about, in one transaction.
func (s *Service) change(r *http.Request, change func(*api) error) error {
	id := r.PathValue("api")
	return s.apis.Update(id, func(a *api, found bool) error {
		if !found {
			return s.noSuchAPI(id)
		}
		return change(a)
	})
}

func (s *Service) getAPI(r *http.Request, _ wire.Empty) (apiOutput, error) {
	a, err := s.api(r)
	if err != nil {
		return apiOutput{}, err
	}
	return s.apiOutput(a), nil
}

func (s *Service) getAPIs(r *http.Request, _ wire.Empty) (list[apiOutput], error) {
	var all []apiOutput
	err := s.apis.Each("", func(_ string, a api) bool {
		all = append(all, s.apiOutput(a))
		return true
	})
	if err != nil {
		return list[apiOutput]{}, err
	}
	return page(r, all, func(a apiOutput) string { return a.APIID })
}

func (s *Service) updateAPI(r *http.Request, body json.RawMessage) (out apiOutput, err error) {
	if err := refuse(body, "UpdateApi", "target", "routeKey", "credentialsArn"); err != nil {
		return out, err
	}
	err = s.change(r, func(a *api) error {
		if gives(body, "corsConfiguration") {
			a.Settings.CORS = nil // it is given whole
		}
		if err := merge(body, &a.Settings); err != nil {
			return err
		}
		a.Settings.ProtocolType = protocolHTTP
		if err := a.Settings.check(); err != nil {
			return err
		}
		out = s.apiOutput(*a)
		return nil
	})
	return out, err
}

func (s *Service) deleteAPI(r *http.Request, _ []byte) (any, error) {
	id := r.PathValue("api")
	return nil, s.apis.Remove(id, func(_ api, found bool) error {
		if !found {
			return s.noSuchAPI(id)
		}
		return nil
	})
}

func (s *Service) deleteCORS(r *http.Request, _ []byte) (any, error) {
	return nil, s.change(r, func(a *api) error {
		a.Settings.CORS = nil
		return nil
	})
}
