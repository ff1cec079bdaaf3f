package apigateway

import (
	"encoding/json"
	"maps"
	"net/http"
	"time"

	"github.com/scar-go/scar/local/wire"
)

// stage is a name under which an API is served, as it is stored.
type stage struct {
	stageOutput
	Deployed *deployment // what is served where the stage does not deploy by itself; nil: nothing
}

// stageOutput is a stage as its callers see it.
type stageOutput struct {
	StageName            string            `json:"stageName"`
	AutoDeploy           bool              `json:"autoDeploy"`
	Description          string            `json:"description,omitempty"`
	StageVariables       map[string]string `json:"stageVariables"`
	DefaultRouteSettings routeSettings     `json:"defaultRouteSettings"`
	RouteSettings        struct{}          `json:"routeSettings"`
	CreatedDate          time.Time         `json:"createdDate"`
	LastUpdatedDate      time.Time         `json:"lastUpdatedDate"`
	Tags                 map[string]string `json:"tags"`
}

type routeSettings struct {
	DetailedMetricsEnabled bool    `json:"detailedMetricsEnabled"`
	ThrottlingBurstLimit   int     `json:"throttlingBurstLimit,omitempty"`
	ThrottlingRateLimit    float64 `json:"throttlingRateLimit,omitempty"`
}

// deployment is what a stage serves.
type deployment struct {
	Integrations map[string]integration
	Routes       map[string]route
}

// serves is what a stage of an API serves now.
func (a *api) serves(st stage) deployment {
	switch {
	case st.AutoDeploy:
		return deployment{a.Integrations, a.Routes}
	case st.Deployed != nil:
		return *st.Deployed
	default:
		return deployment{}
	}
}

var (
	stagePattern   = wire.Pattern(`^(\$default|[a-zA-Z0-9_-]{1,128})$`)
	unservedStages = []string{"accessLogSettings", "clientCertificateId", "deploymentId", "routeSettings"}
)

func noSuchStage() error { return notFound("Invalid stage identifier specified") }

func (st *stageOutput) check() error {
	if !stagePattern().MatchString(st.StageName) {
		return badRequest("Invalid stage name %s: it has letters, digits, hyphens and underscores, or is $default", st.StageName)
	}
	if len(st.Description) > maxDescription {
		return badRequest("Invalid description specified: it has %d characters at most", maxDescription)
	}
	return checkTags(st.Tags)
}

func (s *Service) createStage(r *http.Request, body json.RawMessage) (out stageOutput, err error) {
	if err := refuse(body, "CreateStage", unservedStages...); err != nil {
		return out, err
	}
	out = stageOutput{StageVariables: map[string]string{}, Tags: map[string]string{}}
	if err := merge(body, &out); err != nil {
		return out, err
	}
	out.CreatedDate, out.LastUpdatedDate = s.now(), s.now()
	if err := out.check(); err != nil {
		return out, err
	}
	var made Address
	err = s.change(r, func(a *api) error {
		if _, found := a.Stages[out.StageName]; found {
			return conflict("Stage already exists")
		}
		a.Stages[out.StageName] = stage{stageOutput: out}
		made = s.address(a, out.StageName)
		return nil
	})
	if err == nil {
		s.cfg.OnAddress(made)
	}
	return out, err
}

// Address is where an API is served.
type Address struct {
	Name string // of the API
	URL  string // http://ID.execute-api.REGION.localhost:PORT, and the path of the stage
}

func (s *Service) address(a *api, stage string) Address {
	u := s.endpoint(a.ID)
	if stage != defaultKey {
		u += "/" + stage
	}
	return Address{a.Settings.Name, u}
}

// Addresses lists where APIs are served, by their ids.
func (s *Service) Addresses() ([]Address, error) {
	var all []Address
	err := s.apis.Each("", func(_ string, a api) bool {
		for _, st := range sorted(a.Stages) {
			all = append(all, s.address(&a, st.StageName))
		}
		return true
	})
	return all, err
}

func (s *Service) updateStage(r *http.Request, body json.RawMessage) (out stageOutput, err error) {
	if err := refuse(body, "UpdateStage", unservedStages...); err != nil {
		return out, err
	}
	name := r.PathValue("id")
	err = s.change(r, func(a *api) error {
		st, found := a.Stages[name]
		if !found {
			return noSuchStage()
		}
		before := a.serves(st)
		out = st.stageOutput
		kept := maps.Clone(out.Tags) // a merge would change them in place
		if gives(body, "stageVariables") {
			out.StageVariables = map[string]string{}
		}
		if err := merge(body, &out); err != nil {
			return err
		}
		out.StageName, out.Tags, out.CreatedDate, out.LastUpdatedDate = name, kept, st.CreatedDate, s.now()
		a.Stages[name] = stage{out, &before}
		return out.check()
	})
	return out, err
}

func (s *Service) getStage(r *http.Request, _ wire.Empty) (stageOutput, error) {
	a, err := s.api(r)
	if err != nil {
		return stageOutput{}, err
	}
	st, found := a.Stages[r.PathValue("id")]
	if !found {
		return stageOutput{}, noSuchStage()
	}
	return st.stageOutput, nil
}

func (s *Service) getStages(r *http.Request, _ wire.Empty) (list[stageOutput], error) {
	a, err := s.api(r)
	if err != nil {
		return list[stageOutput]{}, err
	}
	var all []stageOutput
	for _, st := range sorted(a.Stages) {
		all = append(all, st.stageOutput)
	}
	return page(r, all, func(st stageOutput) string { return st.StageName })
}

func (s *Service) deleteStage(r *http.Request, _ []byte) (any, error) {
	name := r.PathValue("id")
	return nil, s.change(r, func(a *api) error {
		if _, found := a.Stages[name]; !found {
			return noSuchStage()
		}
		delete(a.Stages, name)
		return nil
	})
}
