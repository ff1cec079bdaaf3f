package lambda

import (
	"cmp"
	"net/http"

	"github.com/scar-go/scar/local/wire"
)

type updateConfigurationInput struct {
	settingsInput
	RevisionID string `json:"RevisionId"`
}

func (s *Service) updateFunctionConfiguration(r *http.Request, name string) (answer, error) {
	var in updateConfigurationInput
	if err := read(r, &in); err != nil {
		return answer{}, err
	}
	if err := cmp.Or(in.unserved(), in.unservedForImages()); err != nil {
		return answer{}, err
	}
	f, err := s.get(name)
	if err != nil {
		return answer{}, err
	}
	role := f.Settings.Role
	if in.Role != nil {
		role = *in.Role
		if _, err := s.cfg.Roles.Session(r.Context(), role, servicePrincipal, name); err != nil {
			return answer{}, err
		}
	}
	if err := s.checkNetwork(r.Context(), &in.settingsInput, role); err != nil {
		return answer{}, err
	}
	return s.change(name, in.RevisionID, func(set *settings) error {
		in.apply(set)
		return set.check()
	})
}

type updateCodeInput struct {
	codeInput
	Architectures []string
	RevisionID    string `json:"RevisionId"`
	DryRun        bool
	Publish       bool
}

func (s *Service) updateFunctionCode(r *http.Request, name string) (answer, error) {
	var in updateCodeInput
	if err := read(r, &in); err != nil {
		return answer{}, err
	}
	f, err := s.get(name)
	if err != nil {
		return answer{}, err
	}
	if f.Settings.Zip != nil {
		return answer{}, invalid("Please do not provide ImageUri when updating a function with packageType Zip.")
	}
	if in.DryRun || in.Publish {
		return answer{}, wire.Unknown("lambda", "UpdateFunctionCode with DryRun or Publish")
	}
	if len(in.Architectures) > 1 {
		return answer{}, oneArchitecture()
	}
	if in.ImageURI == "" {
		return answer{}, invalid("Please provide ImageUri when updating a function with packageType Image.")
	}
	var image settings
	if err := s.resolve(r.Context(), &image, in.ImageURI); err != nil {
		return answer{}, err
	}
	return s.change(name, in.RevisionID, func(set *settings) error {
		set.ImageURI, set.ResolvedURI, set.Digest = image.ImageURI, image.ResolvedURI, image.Digest
		if len(in.Architectures) > 0 {
			set.Architecture = in.Architectures[0]
		}
		return set.check()
	})
}

// change makes a change of a function's settings, unless another is in progress.
func (s *Service) change(name, revision string, edit func(*settings) error) (answer, error) {
	var changed function
	err := s.functions.Update(name, func(f *function, found bool) error {
		if !found {
			return functionNotFound(s.arn(name))
		}
		if err := s.free(f); err != nil {
			return err
		}
		if revision != "" && revision != f.Revision {
			return staleRevision()
		}
		before := f.Settings
		if err := edit(&f.Settings); err != nil {
			return err
		}
		f.Settings.Generation++
		f.Serving, f.Update = &before, updateInProgress
		s.unsettle(f)
		changed = *f
		return nil
	})
	if err != nil {
		return answer{}, err
	}
	s.engine.discard(name, changed.serving(s.cfg.Clock.Now()).Generation)
	return ok(s.configurationOf(&changed))
}

// free says why a function cannot be changed now; nil if it can. What has taken its time is settled.
func (s *Service) free(f *function) error {
	if !f.settled() && f.ReadsLeft == 0 && f.due(s.cfg.Clock.Now()) {
		f.settle()
	}
	switch {
	case f.State == statePending:
		return conflict("The operation cannot be performed at this time. The function is currently in the following state: Pending")
	case f.Update == updateInProgress:
		return conflict("The operation cannot be performed at this time. An update is in progress for resource: %s", s.arn(f.Settings.Name))
	default:
		return nil
	}
}

func (s *Service) deleteFunction(_ *http.Request, name string) (answer, error) {
	f, err := s.get(name)
	if err != nil {
		return answer{}, err
	}
	if err := s.functions.Delete(name); err != nil {
		return answer{}, err
	}
	if f.URL != nil {
		if err := s.urls.Delete(f.URL.ID); err != nil {
			return answer{}, err
		}
	}
	s.engine.discard(name, f.Settings.Generation+1)
	return answer{http.StatusNoContent, nil}, nil
}
