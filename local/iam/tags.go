package iam

import (
	"context"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/scar-go/scar/local/wire"
)

func (s *Service) tagRole(_ context.Context, form url.Values) (any, error) {
	tags, err := formTags(form)
	if err != nil {
		return nil, err
	}
	return nil, s.changeNamed(form, func(r *role) error {
		if r.Tags == nil {
			r.Tags = map[string]string{}
		}
		for key, value := range tags {
			removeTag(r.Tags, key) // keys that differ by case only are the same
			r.Tags[key] = value
		}
		if len(r.Tags) > maxTags {
			return wire.Errorf(http.StatusConflict, "LimitExceeded", "The number of tags has reached the maximum limit.")
		}
		return nil
	})
}

func (s *Service) untagRole(_ context.Context, form url.Values) (any, error) {
	return nil, s.changeNamed(form, func(r *role) error {
		for i := 1; ; i++ {
			key, found := wire.Member(form, "TagKeys", i, "")
			if !found {
				return nil
			}
			removeTag(r.Tags, key)
		}
	})
}

func removeTag(tags map[string]string, key string) {
	maps.DeleteFunc(tags, func(other, _ string) bool { return strings.EqualFold(other, key) })
}

func (s *Service) listRoleTags(ctx context.Context, form url.Values) (any, error) {
	r, err := s.seenNamed(form)
	if err != nil {
		return nil, err
	}
	keys, marker, err := page(form, slices.Sorted(maps.Keys(r.Tags)), limiter(ctx))
	if err != nil {
		return nil, err
	}
	out := struct {
		IsTruncated bool
		Marker      string   `xml:",omitempty"`
		Tags        []tagXML `xml:"Tags>member"`
	}{IsTruncated: marker != "", Marker: marker}
	for _, key := range keys {
		out.Tags = append(out.Tags, tagXML{key, r.Tags[key]})
	}
	return out, nil
}
