package scheduler

import (
	"bytes"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.etcd.io/bbolt"

	"github.com/scar-go/scar/local/store"
	"github.com/scar-go/scar/local/wire"
)

// group is a schedule group, as it is stored.
type group struct {
	Name     string
	Token    string // client token of the call that made it
	Created  time.Time
	Modified time.Time
	Gone     time.Time // when a deleted group is gone; zero: it is not deleted
	Tags     map[string]string
}

// The states of a group.
const (
	stateActive   = "ACTIVE"
	stateDeleting = "DELETING"
)

func (g group) deleted() bool { return !g.Gone.IsZero() }

func (g group) gone(now time.Time) bool { return g.deleted() && !now.Before(g.Gone) }

func (g group) state() string {
	if g.deleted() {
		return stateDeleting
	}
	return stateActive
}

// Limits, from "CreateScheduleGroup" and "ListSchedules" in the API reference.
const (
	maxTags     = 200
	maxPage     = 100
	maxTagKey   = 128
	maxTagValue = 256
)

type tag struct{ Key, Value string }

func tagMap(tags []tag) (map[string]string, error) {
	out := map[string]string{}
	for _, t := range tags {
		if t.Key == "" || len(t.Key) > maxTagKey {
			return nil, constraint(t.Key, "tags", "have keys of 1 to 128 characters")
		}
		if t.Value == "" || len(t.Value) > maxTagValue {
			return nil, constraint(t.Value, "tags", "have values of 1 to 256 characters")
		}
		out[t.Key] = t.Value
	}
	return out, checkTagCount(out)
}

func checkTagCount(tags map[string]string) error {
	if len(tags) > maxTags {
		return invalid("A resource has %d tags at most.", maxTags)
	}
	return nil
}

type createGroupInput struct {
	ClientToken string
	Tags        []tag
}

type createGroupOutput struct {
	ScheduleGroupARN string `json:"ScheduleGroupArn"`
}

func (s *Service) createGroup(r *http.Request, in createGroupInput) (out createGroupOutput, err error) {
	name := r.PathValue("name")
	if err := checkName("name", name); err != nil {
		return out, err
	}
	tags, err := tagMap(in.Tags)
	if err != nil {
		return out, err
	}
	now := s.cfg.Clock.Now()
	out.ScheduleGroupARN = s.groupARN(name)
	if name == defaultGroup {
		return out, groupExists(name)
	}
	return out, s.groups.Update(name, func(g *group, found bool) error {
		if found && !g.gone(now) {
			if in.ClientToken != "" && g.Token == in.ClientToken && !g.deleted() {
				return nil // the same call once more
			}
			return groupExists(name)
		}
		*g = group{Name: name, Token: in.ClientToken, Created: now, Modified: now, Tags: tags}
		return nil
	})
}

func groupExists(name string) error { return conflict("Schedule group %s already exists.", name) }

func noSuchGroup(name string) error { return notFound("Schedule group %s does not exist.", name) }

type groupOutput struct {
	ARN                  string `json:"Arn"`
	CreationDate         wire.Epoch
	LastModificationDate wire.Epoch
	Name                 string
	State                string
}

func (s *Service) groupOutput(g group) groupOutput {
	return groupOutput{s.groupARN(g.Name), wire.Epoch(g.Created), wire.Epoch(g.Modified), g.Name, g.state()}
}

// group is the group of that name, which may be DELETING.
func (s *Service) group(name string) (group, error) {
	g, found, err := s.groups.Get(name)
	switch {
	case err != nil:
		return g, err
	case !found && name == defaultGroup:
		return group{Name: name, Created: s.started, Modified: s.started}, nil
	case !found || g.gone(s.cfg.Clock.Now()):
		return g, noSuchGroup(name)
	}
	return g, nil
}

// activeGroup is the group of that name, in which schedules can be made.
func (s *Service) activeGroup(name string) (group, error) {
	g, err := s.group(name)
	if err == nil && g.deleted() {
		err = conflict("Schedule group %s is being deleted.", name)
	}
	return g, err
}

func (s *Service) getGroup(r *http.Request, _ wire.Empty) (groupOutput, error) {
	g, err := s.group(r.PathValue("name"))
	return s.groupOutput(g), err
}

type listGroupsOutput struct {
	NextToken      *string
	ScheduleGroups []groupOutput
}

func (s *Service) listGroups(r *http.Request, _ wire.Empty) (out listGroupsOutput, err error) {
	prefix := r.URL.Query().Get("NamePrefix")
	found := []groupOutput{}
	now := s.cfg.Clock.Now()
	err = s.groups.Each(prefix, func(_ string, g group) bool {
		if !g.gone(now) {
			found = append(found, s.groupOutput(g))
		}
		return true
	})
	if err != nil {
		return out, err
	}
	if strings.HasPrefix(defaultGroup, prefix) {
		g, err := s.group(defaultGroup)
		if err != nil {
			return out, err
		}
		found = append(found, s.groupOutput(g))
		slices.SortFunc(found, func(a, b groupOutput) int { return strings.Compare(a.Name, b.Name) })
	}
	out.ScheduleGroups, out.NextToken, err = page(r, found, func(g groupOutput) string { return g.Name })
	return out, err
}

// page is the page of a sorted list that a request asks for, and the token of the next, if there is one.
func page[T any](r *http.Request, all []T, key func(T) string) ([]T, *string, error) {
	query := r.URL.Query()
	asked := 0
	if text := query.Get("MaxResults"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 || n > maxPage {
			return nil, nil, constraint(text, "maxResults", "be from 1 to "+strconv.Itoa(maxPage))
		}
		asked = n
	}
	start, err := wire.PageStart(query.Get("NextToken"), "ValidationException")
	if err != nil {
		return nil, nil, err
	}
	from, _ := slices.BinarySearchFunc(all, start, func(v T, start string) int { return strings.Compare(key(v), start) })
	all = all[from:]
	size := wire.PageSize(r.Context(), asked, maxPage)
	if len(all) <= size {
		return all, nil, nil
	}
	next := wire.PageToken(key(all[size]))
	return all[:size], &next, nil
}

// deleteGroup deletes a group and its schedules. The group is DELETING for a while, and its schedules do nothing any more.
func (s *Service) deleteGroup(r *http.Request, _ wire.Empty) (wire.Empty, error) {
	name := r.PathValue("name")
	if name == defaultGroup {
		return wire.Empty{}, invalid("The default schedule group cannot be deleted.")
	}
	now := s.cfg.Clock.Now()
	// All at once: after a crash in between, the schedules of a group that is gone would go on.
	return wire.Empty{}, s.cfg.DB.Bolt().Update(func(tx *bbolt.Tx) error {
		groups := tx.Bucket([]byte(tableGroups))
		g, found, err := store.GetJSON[group](groups, name)
		if err != nil {
			return err
		}
		if !found || g.gone(now) {
			return noSuchGroup(name)
		}
		if !g.deleted() {
			g.Gone, g.Modified = now.Add(s.cfg.Settle), now
		}
		if err := store.PutJSON(groups, name, g); err != nil {
			return err
		}
		return deletePrefix(tx.Bucket([]byte(tableSchedules)), []byte(name+"/"))
	})
}

func deletePrefix(b *bbolt.Bucket, prefix []byte) error {
	var keys [][]byte
	c := b.Cursor()
	for key, _ := c.Seek(prefix); bytes.HasPrefix(key, prefix); key, _ = c.Next() {
		keys = append(keys, bytes.Clone(key))
	}
	for _, key := range keys {
		if err := b.Delete(key); err != nil {
			return err
		}
	}
	return nil
}

type tagsInput struct{ Tags []tag }

type tagsOutput struct{ Tags []tag }

// changeGroup changes the group that the ARN in a path names.
func (s *Service) changeGroup(r *http.Request, change func(*group) error) error {
	name, err := s.taggedGroup(r)
	if err != nil {
		return err
	}
	now := s.cfg.Clock.Now()
	return s.groups.Update(name, func(g *group, found bool) error {
		if !found || g.gone(now) {
			if name != defaultGroup {
				return noSuchGroup(name)
			}
			*g = group{Name: name, Created: s.started, Modified: s.started}
		}
		if g.Tags == nil {
			g.Tags = map[string]string{}
		}
		return change(g)
	})
}

// taggedGroup is the name of the group that the ARN in a path names.
func (s *Service) taggedGroup(r *http.Request) (string, error) {
	name, found := strings.CutPrefix(r.PathValue("arn"), s.groupARN(""))
	if !found {
		return "", invalid("%s is no ARN of a schedule group", r.PathValue("arn"))
	}
	return name, checkName("resourceArn", name)
}

func (s *Service) tagResource(r *http.Request, in tagsInput) (wire.Empty, error) {
	added, err := tagMap(in.Tags)
	if err != nil {
		return wire.Empty{}, err
	}
	return wire.Empty{}, s.changeGroup(r, func(g *group) error {
		maps.Copy(g.Tags, added)
		return checkTagCount(g.Tags)
	})
}

func (s *Service) untagResource(r *http.Request, _ wire.Empty) (wire.Empty, error) {
	return wire.Empty{}, s.changeGroup(r, func(g *group) error {
		for _, key := range r.URL.Query()["TagKeys"] {
			delete(g.Tags, key)
		}
		return nil
	})
}

func (s *Service) listTags(r *http.Request, _ wire.Empty) (out tagsOutput, err error) {
	name, err := s.taggedGroup(r)
	if err != nil {
		return out, err
	}
	g, err := s.group(name)
	out.Tags = []tag{}
	for _, key := range slices.Sorted(maps.Keys(g.Tags)) {
		out.Tags = append(out.Tags, tag{key, g.Tags[key]})
	}
	return out, err
}
