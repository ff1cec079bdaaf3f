package ssm

import (
	"context"
	"maps"
	"slices"

	"github.com/scar-go/scar/local/wire"
)

const maxTags = 50

type tag struct{ Key, Value string }

func tagMap(tags []tag) (map[string]string, error) {
	out := map[string]string{}
	for i, t := range tags {
		if t.Key == "" || len(t.Key) > 128 || len(t.Value) > 256 {
			return nil, invalid("1 validation error detected: Value at 'tags.%d.member' failed to satisfy constraint: keys have 1 to 128 characters, values up to 256", i+1)
		}
		out[t.Key] = t.Value
	}
	return out, checkTagCount(out)
}

func checkTagCount(tags map[string]string) error {
	if len(tags) > maxTags {
		return failure("TooManyTagsError", "The number of tags on the resource exceeds the limit of %d.", maxTags)
	}
	return nil
}

type tagsInput struct {
	ResourceType string
	ResourceID   string `json:"ResourceId"` // the parameter's name
	Tags         []tag
	TagKeys      []string
}

type listTagsOutput struct{ TagList []tag }

func (s *Service) addTagsToResource(_ context.Context, in tagsInput) (wire.Empty, error) {
	added, err := tagMap(in.Tags)
	if err != nil {
		return wire.Empty{}, err
	}
	return wire.Empty{}, s.changeTags(in, func(tags map[string]string) error {
		maps.Copy(tags, added)
		return checkTagCount(tags)
	})
}

func (s *Service) removeTagsFromResource(_ context.Context, in tagsInput) (wire.Empty, error) {
	return wire.Empty{}, s.changeTags(in, func(tags map[string]string) error {
		for _, key := range in.TagKeys {
			delete(tags, key)
		}
		return nil
	})
}

func (s *Service) listTagsForResource(_ context.Context, in tagsInput) (out listTagsOutput, err error) {
	if err := in.check(); err != nil {
		return out, err
	}
	p, found, err := s.parameters.Get(in.ResourceID)
	if err == nil && !found {
		err = noSuchResource()
	}
	out.TagList = []tag{}
	for _, key := range slices.Sorted(maps.Keys(p.Tags)) {
		out.TagList = append(out.TagList, tag{key, p.Tags[key]})
	}
	return out, err
}

func (s *Service) changeTags(in tagsInput, change func(map[string]string) error) error {
	if err := in.check(); err != nil {
		return err
	}
	return s.parameters.Update(in.ResourceID, func(p *parameter, found bool) error {
		if !found {
			return noSuchResource()
		}
		if p.Tags == nil {
			p.Tags = map[string]string{}
		}
		return change(p.Tags)
	})
}

func (in tagsInput) check() error {
	if in.ResourceType != "Parameter" {
		return failure("InvalidResourceType", "the local backend has resources of type Parameter only")
	}
	return nil
}

func noSuchResource() error {
	return failure("InvalidResourceId", "The resource ID isn't valid. Verify that you entered the correct ID and try again.")
}
