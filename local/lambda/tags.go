package lambda

import (
	"maps"
	"net/http"
	"strings"

	"github.com/scar-go/scar/local/wire"
)

const maxTags = 50

func checkTags(tags map[string]string) error {
	if len(tags) > maxTags {
		return invalid("Tags on function exceed limit of %d tags.", maxTags)
	}
	for key, value := range tags {
		if key == "" || len(key) > 128 || len(value) > 256 || strings.HasPrefix(strings.ToLower(key), "aws:") {
			return wire.Errorf(http.StatusBadRequest, "InvalidParameterValueException", "The tag key or value is invalid: %s", key)
		}
	}
	return nil
}

// The operations on tags get the name of a function, or the ARN of an event source mapping.

func (s *Service) listTags(_ *http.Request, subject string) (answer, error) {
	tags := map[string]string{}
	if id := mappingID(subject); id != "" {
		m, err := s.observeMapping(id)
		if err != nil {
			return answer{}, err
		}
		maps.Copy(tags, m.Tags)
	} else {
		f, err := s.get(subject)
		if err != nil {
			return answer{}, err
		}
		maps.Copy(tags, f.Tags)
	}
	return ok(struct{ Tags map[string]string }{tags})
}

func (s *Service) tagResource(r *http.Request, subject string) (answer, error) {
	var in struct{ Tags map[string]string }
	if err := read(r, &in); err != nil {
		return answer{}, err
	}
	return s.retag(subject, func(tags map[string]string) { maps.Copy(tags, in.Tags) })
}

func (s *Service) untagResource(r *http.Request, subject string) (answer, error) {
	return s.retag(subject, func(tags map[string]string) {
		for _, key := range r.URL.Query()["tagKeys"] {
			delete(tags, key)
		}
	})
}

func (s *Service) retag(subject string, edit func(map[string]string)) (answer, error) {
	edited := func(tags map[string]string) (map[string]string, error) {
		if tags == nil {
			tags = map[string]string{}
		}
		edit(tags)
		return tags, checkTags(tags)
	}
	var err error
	if id := mappingID(subject); id != "" {
		err = s.mappings.Update(id, func(m *mapping, found bool) (err error) {
			if !found {
				return mappingNotFound()
			}
			m.Tags, err = edited(m.Tags)
			return err
		})
	} else {
		err = s.functions.Update(subject, func(f *function, found bool) (err error) {
			if !found {
				return functionNotFound(s.arn(subject))
			}
			f.Tags, err = edited(f.Tags)
			return err
		})
	}
	return answer{http.StatusNoContent, nil}, err
}
