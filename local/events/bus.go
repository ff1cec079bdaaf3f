package events

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/scar-go/scar/local/wire"
)

const maxTags = 50

var busPattern = wire.Pattern(`^[A-Za-z0-9._-]{1,256}$`)

type tag struct{ Key, Value string }

type createBusInput struct {
	Name             string
	Description      string
	EventSourceName  string
	KmsKeyIdentifier string
	Tags             []tag
}

type createBusOutput struct {
	EventBusArn string
	Description string `json:",omitempty"`
}

func (s *Service) createBus(_ context.Context, in createBusInput) (out createBusOutput, err error) {
	switch {
	case in.EventSourceName != "":
		return out, wire.Unknown("events", "buses of partners")
	case in.KmsKeyIdentifier != "":
		return out, wire.Unknown("events", "buses with a key")
	case in.Name == defaultBus:
		return out, failure("ResourceAlreadyExistsException", "Event bus default already exists.")
	case !busPattern().MatchString(in.Name):
		return out, invalid("1 validation error detected: Value '%s' at 'name' failed to satisfy constraint: Member must satisfy regular expression pattern: [/\\.\\-_A-Za-z0-9]+", in.Name)
	}
	tags := map[string]string{}
	if err := addTags(tags, in.Tags); err != nil {
		return out, err
	}
	err = s.buses.Update(in.Name, func(b *bus, found bool) error {
		if found {
			return failure("ResourceAlreadyExistsException", "Event bus %s already exists.", in.Name)
		}
		*b = bus{Name: in.Name, Description: in.Description, Tags: tags, Created: s.cfg.Clock.Now()}
		return nil
	})
	return createBusOutput{s.busARN(in.Name), in.Description}, err
}

type busInput struct{ Name string }

type busOutput struct {
	Arn              string
	Name             string
	Description      string      `json:",omitempty"`
	CreationTime     *wire.Epoch `json:",omitempty"`
	LastModifiedTime *wire.Epoch `json:",omitempty"`
}

func (s *Service) output(b bus) busOutput {
	out := busOutput{Arn: s.busARN(b.Name), Name: b.Name, Description: b.Description}
	if !b.Created.IsZero() {
		at := wire.Epoch(b.Created)
		out.CreationTime, out.LastModifiedTime = &at, &at
	}
	return out
}

func (s *Service) describeBus(_ context.Context, in busInput) (busOutput, error) {
	b, err := s.bus(s.busName(in.Name))
	return s.output(b), err
}

// deleteBus is content where there is no such bus, as EventBridge is.
func (s *Service) deleteBus(_ context.Context, in busInput) (wire.Empty, error) {
	name := s.busName(in.Name)
	if name == defaultBus {
		return wire.Empty{}, invalid("Cannot delete event bus default.")
	}
	inUse := false
	err := s.rules.Each(name+"/", func(string, rule) bool {
		inUse = true
		return false
	})
	if err == nil && inUse {
		err = invalid("Event bus %s has rules: they have to be deleted first.", name)
	}
	if err != nil {
		return wire.Empty{}, err
	}
	return wire.Empty{}, s.buses.Delete(name)
}

type listBusesInput struct {
	NamePrefix string
	NextToken  string
	Limit      *int
}

type listBusesOutput struct {
	EventBuses []busOutput
	NextToken  string `json:",omitempty"`
}

func (s *Service) listBuses(ctx context.Context, in listBusesInput) (out listBusesOutput, err error) {
	all := map[string]bus{defaultBus: {Name: defaultBus}}
	err = s.buses.Each("", func(name string, b bus) bool {
		all[name] = b
		return true
	})
	if err != nil {
		return out, err
	}
	maps.DeleteFunc(all, func(name string, _ bus) bool { return !strings.HasPrefix(name, in.NamePrefix) })
	names, next, err := page(ctx, in.NextToken, in.Limit, slices.Sorted(maps.Keys(all)))
	out = listBusesOutput{EventBuses: []busOutput{}, NextToken: next}
	for _, name := range names {
		out.EventBuses = append(out.EventBuses, s.output(all[name]))
	}
	return out, err
}

func addTags(tags map[string]string, added []tag) error {
	for _, t := range added {
		if t.Key == "" || len(t.Key) > 128 || len(t.Value) > 256 || strings.HasPrefix(strings.ToLower(t.Key), "aws:") {
			return invalid("The tag %q is invalid: keys have 1 to 128 characters and do not begin with aws:, values have up to 256.", t.Key)
		}
		tags[t.Key] = t.Value
	}
	if len(tags) > maxTags {
		return failure("LimitExceededException", "The number of tags exceeds the limit of %d.", maxTags)
	}
	return nil
}

type tagsInput struct {
	ResourceARN string
	Tags        []tag
	TagKeys     []string
}

type tagsOutput struct{ Tags []tag }

func (s *Service) tagResource(_ context.Context, in tagsInput) (wire.Empty, error) {
	return wire.Empty{}, s.changeTags(in.ResourceARN, func(tags map[string]string) error { return addTags(tags, in.Tags) })
}

func (s *Service) untagResource(_ context.Context, in tagsInput) (wire.Empty, error) {
	return wire.Empty{}, s.changeTags(in.ResourceARN, func(tags map[string]string) error {
		for _, key := range in.TagKeys {
			delete(tags, key)
		}
		return nil
	})
}

func (s *Service) listTags(_ context.Context, in tagsInput) (out tagsOutput, err error) {
	out.Tags = []tag{}
	err = s.changeTags(in.ResourceARN, func(tags map[string]string) error {
		for _, key := range slices.Sorted(maps.Keys(tags)) {
			out.Tags = append(out.Tags, tag{key, tags[key]})
		}
		return nil
	})
	return out, err
}

// changeTags changes the tags of a bus or a rule.
func (s *Service) changeTags(arn string, change func(map[string]string) error) error {
	if name, found := strings.CutPrefix(arn, s.busARN("")); found {
		if _, err := s.bus(name); err != nil {
			return err
		}
		return s.buses.Update(name, func(b *bus, _ bool) error {
			b.Name = name // the default one gets stored with its first tag
			if b.Tags == nil {
				b.Tags = map[string]string{}
			}
			return change(b.Tags)
		})
	}
	key, found := strings.CutPrefix(arn, s.arn("rule/"))
	if !found {
		return notFound("Resource %s does not exist.", arn)
	}
	if !strings.Contains(key, "/") {
		key = defaultBus + "/" + key
	}
	return s.rules.Update(key, func(r *rule, found bool) error {
		if !found {
			return notFound("Rule %s does not exist on EventBus %s.", key[strings.Index(key, "/")+1:], key[:strings.Index(key, "/")])
		}
		if r.Tags == nil {
			r.Tags = map[string]string{}
		}
		return change(r.Tags)
	})
}
