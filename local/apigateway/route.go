package apigateway

import (
	"cmp"
	"encoding/json"
	"net/http"
	"slices"
	"strings"

	"github.com/scar-go/scar/local/wire"
)

// route says which requests go to which integration.
type route struct {
	RouteID           string `json:"routeId"`
	RouteKey          string `json:"routeKey"` // $default, or a method or ANY, and a path
	Target            string `json:"target,omitempty"`
	AuthorizationType string `json:"authorizationType"`
	APIKeyRequired    bool   `json:"apiKeyRequired"`
	OperationName     string `json:"operationName,omitempty"`
}

const (
	authNone   = "NONE"
	authIAM    = "AWS_IAM"
	defaultKey = "$default" // of a route and of a stage
	anyMethod  = "ANY"
	targets    = "integrations/" // the target of a route begins with it
)

// integration is the id of the integration that a route leads to; empty: none yet.
func (t route) integration() string { return strings.TrimPrefix(t.Target, targets) }

var unservedRoute = []string{
	"authorizationScopes", "authorizerId", "modelSelectionExpression", "requestModels", "requestParameters", "routeResponseSelectionExpression",
}

// check says what is wrong with a route of an API that may have the route already.
func (t *route) check(a *api) error {
	t.AuthorizationType = cmp.Or(t.AuthorizationType, authNone)
	if _, err := parseKey(t.RouteKey); err != nil {
		return err
	}
	switch t.AuthorizationType {
	case authNone, authIAM:
	case "JWT", "CUSTOM":
		return wire.Unknown("apigateway", "routes of authorization type "+t.AuthorizationType)
	default:
		return badRequest("Invalid authorization type specified: %s", t.AuthorizationType)
	}
	if t.APIKeyRequired {
		return badRequest("API keys are not supported for protocol type HTTP")
	}
	if t.Target != "" {
		if _, found := a.Integrations[t.integration()]; !found || !strings.HasPrefix(t.Target, targets) {
			return badRequest("Unable to find Integration with the target %s", t.Target)
		}
	}
	for _, other := range a.Routes {
		if other.RouteKey == t.RouteKey && other.RouteID != t.RouteID {
			return conflict("Route with key %s already exists for this API", t.RouteKey)
		}
	}
	return nil
}

// pattern is a parsed route key. The zero pattern is that of $default.
type pattern struct {
	method string
	parts  []string // of the path; {name} stands for one, {name+} for all that is left
}

var (
	routeMethods = []string{anyMethod, http.MethodGet, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodHead, http.MethodOptions}
	partPattern  = wire.Pattern(`^(\{[a-zA-Z0-9._-]+\+?\}|[^{}\s/]*)$`)
)

func parseKey(key string) (pattern, error) {
	if key == defaultKey {
		return pattern{}, nil
	}
	method, path, found := strings.Cut(key, " ")
	if !found || !slices.Contains(routeMethods, method) || !strings.HasPrefix(path, "/") {
		return pattern{}, badRequest("The provided route key is not formatted properly for HTTP protocol. Format should be \"<HTTP METHOD> /<RESOURCE PATH>\" or \"$default\"")
	}
	p := pattern{method, split(path)}
	for i, part := range p.parts {
		if !partPattern().MatchString(part) || isGreedy(part) && i < len(p.parts)-1 {
			return pattern{}, badRequest("Invalid route key %s: a variable is a whole part of the path, and a greedy one the last", key)
		}
	}
	return p, nil
}

func split(path string) []string { return strings.Split(strings.TrimPrefix(path, "/"), "/") }

func isVariable(part string) bool { return strings.HasPrefix(part, "{") }

func isGreedy(part string) bool { return strings.HasSuffix(part, "+}") }

// The first characters of ranks, from the best.
const (
	rankWhole   = "0"
	rankGreedy  = "1"
	rankDefault = "2"
)

// match says whether a request fits, how well, and what its variables are. Ranks compare as texts, the lowest is the best: whole paths
// before greedy ones before $default, as "Working with routes for HTTP APIs" in the developer guide orders them; then literals
// before variables, and a method before any.
func (p pattern) match(method string, parts []string) (rank string, variables map[string]string, ok bool) {
	if p.parts == nil {
		return rankDefault, nil, true
	}
	if p.method != anyMethod && p.method != method {
		return "", nil, false
	}
	variables = map[string]string{}
	for i, part := range p.parts {
		if i >= len(parts) {
			return "", nil, false
		}
		switch {
		case isGreedy(part):
			variables[strings.Trim(part, "{+}")] = strings.Join(parts[i:], "/")
			return rankGreedy + rank + "3" + methodRank(p.method), variables, parts[i] != ""
		case isVariable(part):
			if parts[i] == "" {
				return "", nil, false
			}
			variables[strings.Trim(part, "{}")] = parts[i]
			rank += "2"
		case part == parts[i]:
			rank += "1"
		default:
			return "", nil, false
		}
	}
	return rankWhole + rank + methodRank(p.method), variables, len(parts) == len(p.parts)
}

func methodRank(method string) string {
	if method == anyMethod {
		return "1"
	}
	return "0"
}

func noSuchRoute(id string) error { return notFound("Invalid Route identifier specified %s", id) }

func (s *Service) createRoute(r *http.Request, body json.RawMessage) (t route, err error) {
	if err := refuse(body, "CreateRoute", unservedRoute...); err != nil {
		return t, err
	}
	if err := merge(body, &t); err != nil {
		return t, err
	}
	t.RouteID = newID(7)
	err = s.change(r, func(a *api) error {
		err := t.check(a)
		a.Routes[t.RouteID] = t
		return err
	})
	return t, err
}

func (s *Service) updateRoute(r *http.Request, body json.RawMessage) (t route, err error) {
	if err := refuse(body, "UpdateRoute", unservedRoute...); err != nil {
		return t, err
	}
	id := r.PathValue("id")
	err = s.change(r, func(a *api) error {
		found := false
		if t, found = a.Routes[id]; !found {
			return noSuchRoute(id)
		}
		if err := merge(body, &t); err != nil {
			return err
		}
		t.RouteID = id
		err := t.check(a)
		a.Routes[id] = t
		return err
	})
	return t, err
}

func (s *Service) getRoute(r *http.Request, _ wire.Empty) (route, error) {
	a, err := s.api(r)
	if err != nil {
		return route{}, err
	}
	t, found := a.Routes[r.PathValue("id")]
	if !found {
		return t, noSuchRoute(r.PathValue("id"))
	}
	return t, nil
}

func (s *Service) getRoutes(r *http.Request, _ wire.Empty) (list[route], error) {
	a, err := s.api(r)
	if err != nil {
		return list[route]{}, err
	}
	return page(r, sorted(a.Routes), func(t route) string { return t.RouteID })
}

func (s *Service) deleteRoute(r *http.Request, _ []byte) (any, error) {
	id := r.PathValue("id")
	return nil, s.change(r, func(a *api) error {
		if _, found := a.Routes[id]; !found {
			return noSuchRoute(id)
		}
		delete(a.Routes, id)
		return nil
	})
}
