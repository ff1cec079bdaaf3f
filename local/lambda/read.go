package lambda

import (
	"net/http"
	"strconv"

	"github.com/scar-go/scar/local/wire"
)

const (
	maxPage     = 50     // functions that one ListFunctions answers
	maxAskable  = 10_000 // MaxItems
	invalidPage = "InvalidParameterValueException"
)

type codeLocation struct {
	RepositoryType   string
	ImageURI         string `json:"ImageUri,omitempty"`
	ResolvedImageURI string `json:"ResolvedImageUri,omitempty"`
}

func (set *settings) location() codeLocation {
	if set.Zip != nil {
		return codeLocation{RepositoryType: "S3"} // with Lambda there is a place to download it from
	}
	return codeLocation{"ECR", set.ImageURI, set.ResolvedURI}
}

func (s *Service) getFunction(r *http.Request, name string) (answer, error) {
	if err := s.checkQualifier(r, name); err != nil {
		return answer{}, err
	}
	f, err := s.observe(name)
	if err != nil {
		return answer{}, err
	}
	return ok(struct {
		Configuration configuration
		Code          codeLocation
		Tags          map[string]string `json:",omitempty"`
		Concurrency   *concurrency      `json:",omitempty"`
	}{s.configurationOf(&f), f.Settings.location(), f.Tags, f.concurrency()})
}

func (s *Service) getFunctionConfiguration(r *http.Request, name string) (answer, error) {
	if err := s.checkQualifier(r, name); err != nil {
		return answer{}, err
	}
	f, err := s.observe(name)
	if err != nil {
		return answer{}, err
	}
	return ok(s.configurationOf(&f))
}

// checkQualifier refuses versions and aliases, of which there are none.
func (s *Service) checkQualifier(r *http.Request, name string) error {
	if q := r.URL.Query().Get("Qualifier"); q != "" && q != latest {
		return functionNotFound(s.arn(name) + ":" + q)
	}
	return nil
}

type listOutput struct {
	Functions  []configuration
	NextMarker string `json:",omitempty"`
}

func (s *Service) listFunctions(r *http.Request, _ string) (answer, error) {
	query := r.URL.Query()
	asked := 0
	if text := query.Get("MaxItems"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 || n > maxAskable {
			return answer{}, invalid("MaxItems must be between 1 and %d", maxAskable)
		}
		asked = n
	}
	from := ""
	if marker := query.Get("Marker"); marker != "" {
		var err error
		if from, err = wire.PageStart(marker, invalidPage); err != nil {
			return answer{}, err
		}
	}
	size := wire.PageSize(r.Context(), asked, maxPage)
	out := listOutput{Functions: []configuration{}}
	err := s.functions.Each("", func(name string, f function) bool {
		if name < from {
			return true
		}
		if len(out.Functions) == size {
			out.NextMarker = wire.PageToken(name)
			return false
		}
		c := s.configurationOf(&f)
		// The list says nothing of states, as Lambda's does not.
		c.State, c.StateReason, c.StateReasonCode = "", "", ""
		c.LastUpdateStatus, c.LastUpdateStatusReason, c.LastUpdateStatusReasonCode = "", "", ""
		out.Functions = append(out.Functions, c)
		return true
	})
	if err != nil {
		return answer{}, err
	}
	return ok(out)
}

func (s *Service) listVersions(_ *http.Request, name string) (answer, error) {
	f, err := s.get(name)
	if err != nil {
		return answer{}, err
	}
	return ok(struct{ Versions []configuration }{[]configuration{s.configurationOf(&f)}})
}
