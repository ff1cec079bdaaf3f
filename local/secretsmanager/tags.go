package secretsmanager

import (
	"context"
	"maps"
	"slices"

	"github.com/scar-go/scar/local/wire"
)

type tag struct{ Key, Value string }

const maxTags = 50

func tagMap(tags []tag) (map[string]string, error) {
	out := map[string]string{}
	for _, t := range tags {
		if t.Key == "" || len(t.Key) > 128 || len(t.Value) > 256 {
			return nil, invalid("Tag keys have 1 to 128 characters, values up to 256.")
		}
		out[t.Key] = t.Value
	}
	return out, checkTagCount(out)
}

func checkTagCount(tags map[string]string) error {
	if len(tags) > maxTags {
		return invalid("A secret can have %d tags at most.", maxTags)
	}
	return nil
}

func tagList(tags map[string]string) []tag {
	out := []tag{}
	for _, key := range slices.Sorted(maps.Keys(tags)) {
		out = append(out, tag{key, tags[key]})
	}
	return out
}

type tagsInput struct {
	SecretID string `json:"SecretId"`
	Tags     []tag
	TagKeys  []string
}

func (s *Service) tagResource(_ context.Context, in tagsInput) (wire.Empty, error) {
	added, err := tagMap(in.Tags)
	if err != nil {
		return wire.Empty{}, err
	}
	_, err = s.change(in.SecretID, func(x *secret) error {
		if err := x.usable(); err != nil {
			return err
		}
		if x.Tags == nil {
			x.Tags = map[string]string{}
		}
		maps.Copy(x.Tags, added)
		return checkTagCount(x.Tags)
	})
	return wire.Empty{}, err
}

func (s *Service) untagResource(_ context.Context, in tagsInput) (wire.Empty, error) {
	_, err := s.change(in.SecretID, func(x *secret) error {
		for _, key := range in.TagKeys {
			delete(x.Tags, key)
		}
		return x.usable()
	})
	return wire.Empty{}, err
}
