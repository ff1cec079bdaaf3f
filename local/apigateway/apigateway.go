// Package apigateway serves the HTTP APIs of Amazon API Gateway (version 2 of its API): their description, and the APIs themselves,
// each at a host of its own, in front of Lambda functions.
//
// Integrations are AWS_PROXY with payload format 2.0, authorization is NONE or AWS_IAM. A stage that does not deploy by itself
// goes on serving what it served when that was turned off.
package apigateway

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/scar-go/scar/local/clock"
	"github.com/scar-go/scar/local/store"
	"github.com/scar-go/scar/local/wire"
)

// Result is what a function answered.
type Result struct {
	Payload       []byte // JSON
	FunctionError string // empty: it succeeded; otherwise the payload is the error
}

// Functions invokes functions.
type Functions interface {
	// Invoke invokes a function and waits for its answer. An error is Lambda's (a wire.Error) where it does not run.
	Invoke(ctx context.Context, functionARN string, payload []byte) (Result, error)
	// CheckInvoke says whether a function's policy lets a service invoke it on behalf of a resource of an account.
	CheckInvoke(ctx context.Context, functionARN, principal, sourceARN, sourceAccount string) error
}

// Authorizer knows who calls, and what the policies of callers allow.
type Authorizer interface {
	wire.Keys
	Allowed(ctx context.Context, id wire.Identity, action, resource string, conditions map[string][]string) (bool, error)
}

// Config is what a Service needs. All must be given, but for OnAddress and Log.
type Config struct {
	DB         *store.DB
	Clock      clock.Clock
	Account    string // twelve digits
	Region     string
	Endpoint   func() string // URL of the backend
	Functions  Functions
	Authorizer Authorizer
	OnAddress  func(Address) // called with the address of each stage that is made; may be nil; must not block for long
	Log        *slog.Logger  // why functions behind APIs could not be invoked; nil: nothing is logged
}

const servicePrincipal = "apigateway.amazonaws.com"

// Service is the API Gateway of one account and region. It is an http.Handler of the calls that describe APIs; those that use them
// are for APIs.
type Service struct {
	*wire.RESTAPI
	cfg  Config
	apis *store.Table[api] // by id
}

// New returns the service, with the state that is in the database.
func New(cfg Config) (*Service, error) {
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.OnAddress == nil {
		cfg.OnAddress = func(Address) {}
	}
	apis, err := store.NewTable[api](cfg.DB, "apigateway.apis")
	if err != nil {
		return nil, err
	}
	s := &Service{cfg: cfg, apis: apis}
	s.RESTAPI = wire.NewRESTAPI("apigateway", s.operations())
	return s, nil
}

func (s *Service) operations() []wire.RESTOperation {
	const apis, one = "/v2/apis", "/v2/apis/{api}"
	const (
		integrations, integration = one + "/integrations", one + "/integrations/{id}"
		routes, route             = one + "/routes", one + "/routes/{id}"
		stages, stage             = one + "/stages", one + "/stages/{id}"
		tags                      = "/v2/tags/{arn}"
	)
	const created, ok, gone = http.StatusCreated, http.StatusOK, http.StatusNoContent
	return []wire.RESTOperation{
		{Name: "CreateApi", Pattern: "POST " + apis, Status: created, Do: wire.REST(s.createAPI)},
		{Name: "GetApis", Pattern: "GET " + apis, Status: ok, Do: wire.REST(s.getAPIs)},
		{Name: "GetApi", Pattern: "GET " + one, Status: ok, Do: wire.REST(s.getAPI)},
		{Name: "UpdateApi", Pattern: "PATCH " + one, Status: ok, Do: wire.REST(s.updateAPI)},
		{Name: "DeleteApi", Pattern: "DELETE " + one, Status: gone, Do: s.deleteAPI},
		{Name: "DeleteCorsConfiguration", Pattern: "DELETE " + one + "/cors", Status: gone, Do: s.deleteCORS},
		{Name: "CreateIntegration", Pattern: "POST " + integrations, Status: created, Do: wire.REST(s.createIntegration)},
		{Name: "GetIntegrations", Pattern: "GET " + integrations, Status: ok, Do: wire.REST(s.getIntegrations)},
		{Name: "GetIntegration", Pattern: "GET " + integration, Status: ok, Do: wire.REST(s.getIntegration)},
		{Name: "UpdateIntegration", Pattern: "PATCH " + integration, Status: ok, Do: wire.REST(s.updateIntegration)},
		{Name: "DeleteIntegration", Pattern: "DELETE " + integration, Status: gone, Do: s.deleteIntegration},
		{Name: "CreateRoute", Pattern: "POST " + routes, Status: created, Do: wire.REST(s.createRoute)},
		{Name: "GetRoutes", Pattern: "GET " + routes, Status: ok, Do: wire.REST(s.getRoutes)},
		{Name: "GetRoute", Pattern: "GET " + route, Status: ok, Do: wire.REST(s.getRoute)},
		{Name: "UpdateRoute", Pattern: "PATCH " + route, Status: ok, Do: wire.REST(s.updateRoute)},
		{Name: "DeleteRoute", Pattern: "DELETE " + route, Status: gone, Do: s.deleteRoute},
		{Name: "CreateStage", Pattern: "POST " + stages, Status: created, Do: wire.REST(s.createStage)},
		{Name: "GetStages", Pattern: "GET " + stages, Status: ok, Do: wire.REST(s.getStages)},
		{Name: "GetStage", Pattern: "GET " + stage, Status: ok, Do: wire.REST(s.getStage)},
		{Name: "UpdateStage", Pattern: "PATCH " + stage, Status: ok, Do: wire.REST(s.updateStage)},
		{Name: "DeleteStage", Pattern: "DELETE " + stage, Status: gone, Do: s.deleteStage},
		{Name: "GetTags", Pattern: "GET " + tags, Status: ok, Do: wire.REST(s.getTags)},
		{Name: "TagResource", Pattern: "POST " + tags, Status: created, Do: wire.REST(s.tagResource)},
		{Name: "UntagResource", Pattern: "DELETE " + tags, Status: gone, Do: s.untagResource},
	}
}

// ResourceARN is the ARN of what a call is about, for policies: the path, which for tags holds an ARN itself. The right is
// apigateway:METHOD, not that of an operation ("Actions, resources, and condition keys for Amazon API Gateway Management V2" in
// the Service Authorization Reference).
func (s *Service) ResourceARN(r *http.Request) string {
	return s.prefix() + strings.TrimPrefix(r.URL.Path, "/v2")
}

// prefix is what the ARNs of APIs begin with: they name no account.
func (s *Service) prefix() string {
	return fmt.Sprintf("arn:%s:apigateway:%s::", wire.Partition(s.cfg.Region), s.cfg.Region)
}

// Tagged are the APIs and their stages for the tagging service.
func (s *Service) Tagged(context.Context) ([]wire.Resource, error) {
	var out []wire.Resource
	err := s.apis.Each("", func(id string, a api) bool {
		out = append(out, wire.Resource{ARN: s.prefix() + "/apis/" + id, Tags: a.Tags})
		for name, st := range a.Stages {
			if len(st.Tags) > 0 {
				out = append(out, wire.Resource{ARN: s.prefix() + "/apis/" + id + "/stages/" + name, Tags: st.Tags})
			}
		}
		return true
	})
	return out, err
}

// Limits, from the API reference and "Quotas for configuring and running an HTTP API" in the developer guide.
const (
	maxPage        = 500
	maxTags        = 50
	maxName        = 128
	maxDescription = 1024
)

// list is a page of a collection.
type list[T any] struct {
	Items     []T     `json:"items"`
	NextToken *string `json:"nextToken,omitempty"`
}

// page is the page of a sorted list that a request asks for.
func page[T any](r *http.Request, all []T, key func(T) string) (out list[T], err error) {
	query := r.URL.Query()
	asked := 0
	if text := query.Get("maxResults"); text != "" {
		if asked, err = strconv.Atoi(text); err != nil || asked < 1 {
			return out, badRequest("Invalid maxResults value %s", text)
		}
	}
	start, err := wire.PageStart(query.Get("nextToken"), "BadRequestException")
	if err != nil {
		return out, err
	}
	from, _ := slices.BinarySearchFunc(all, start, func(v T, start string) int { return strings.Compare(key(v), start) })
	out.Items = append([]T{}, all[from:]...)
	if size := wire.PageSize(r.Context(), asked, maxPage); len(out.Items) > size {
		next := wire.PageToken(key(out.Items[size]))
		out.Items, out.NextToken = out.Items[:size], &next
	}
	return out, nil
}

// merge sets the fields that a call of an Update operation gives, and no others. Those of the fields that are given whole, such as
// maps, must have been emptied by the caller.
func merge(body json.RawMessage, into any) error {
	if err := json.Unmarshal(body, into); err != nil {
		return badRequest("Invalid request body: %v", err)
	}
	return nil
}

// gives says whether a body has a field.
func gives(body json.RawMessage, field string) bool {
	var fields map[string]json.RawMessage
	err := json.Unmarshal(body, &fields)
	return err == nil && fields[field] != nil
}

// refuse names the first of the fields of a body that the local backend does not serve.
func refuse(body json.RawMessage, operation string, fields ...string) error {
	for _, field := range fields {
		if gives(body, field) {
			return wire.Unknown("apigateway", field+" of "+operation)
		}
	}
	return nil
}

// newID makes an id as API Gateway's: lower-case letters and digits. The first is a letter, since ids of APIs begin host names.
func newID(length int) string {
	text := strings.ToLower(rand.Text())
	return string('a'+text[0]%26) + text[1:length]
}

// endpoint is the URL of an API: a name below localhost, which browsers and resolvers keep on this machine, at the backend's port.
func (s *Service) endpoint(id string) string {
	host := id + "." + hostService + "." + s.cfg.Region + ".localhost"
	if u, err := url.Parse(s.cfg.Endpoint()); err == nil && u.Port() != "" {
		host += ":" + u.Port()
	}
	return "http://" + host
}

func (s *Service) now() time.Time { return s.cfg.Clock.Now().UTC().Truncate(time.Second) }

func badRequest(format string, args ...any) error {
	return wire.Errorf(http.StatusBadRequest, "BadRequestException", format, args...)
}

func notFound(format string, args ...any) error {
	return wire.Errorf(http.StatusNotFound, "NotFoundException", format, args...)
}

func conflict(format string, args ...any) error {
	return wire.Errorf(http.StatusConflict, "ConflictException", format, args...)
}

type tagsBody struct {
	Tags map[string]string `json:"tags"`
}

func checkTags(tags map[string]string) error {
	for key, value := range tags {
		if key == "" || len(key) > 128 || len(value) > 256 || strings.HasPrefix(strings.ToLower(key), "aws:") {
			return badRequest("Invalid tag %q: keys have 1 to 128 characters and do not begin with aws:, values up to 256", key)
		}
	}
	if len(tags) > maxTags {
		return badRequest("A resource has %d tags at most", maxTags)
	}
	return nil
}

// changeTags changes the tags of the API or the stage that the ARN in a path names.
func (s *Service) changeTags(r *http.Request, change func(map[string]string) (map[string]string, error)) error {
	arn := r.PathValue("arn")
	path, found := strings.CutPrefix(arn, s.prefix()+"/apis/")
	id, rest, below := strings.Cut(path, "/")
	stageName, isStage := strings.CutPrefix(rest, "stages/")
	if !found || id == "" || below && !isStage {
		return notFound("Invalid resource identifier specified %s", arn)
	}
	return s.apis.Update(id, func(a *api, found bool) (err error) {
		if !found {
			return s.noSuchAPI(id)
		}
		if !below {
			a.Tags, err = change(a.Tags)
			return err
		}
		st, found := a.Stages[stageName]
		if !found {
			return noSuchStage()
		}
		st.Tags, err = change(st.Tags)
		a.Stages[stageName] = st
		return err
	})
}

func (s *Service) getTags(r *http.Request, _ wire.Empty) (out tagsBody, err error) {
	out.Tags = map[string]string{}
	err = s.changeTags(r, func(tags map[string]string) (map[string]string, error) {
		maps.Copy(out.Tags, tags)
		return tags, nil
	})
	return out, err
}

func (s *Service) tagResource(r *http.Request, in tagsBody) (wire.Empty, error) {
	return wire.Empty{}, s.changeTags(r, func(tags map[string]string) (map[string]string, error) {
		all := map[string]string{}
		maps.Copy(all, tags)
		maps.Copy(all, in.Tags)
		return all, checkTags(all)
	})
}

func (s *Service) untagResource(r *http.Request, _ []byte) (any, error) {
	return nil, s.changeTags(r, func(tags map[string]string) (map[string]string, error) {
		maps.DeleteFunc(tags, func(key, _ string) bool { return slices.Contains(r.URL.Query()["tagKeys"], key) })
		return tags, nil
	})
}
