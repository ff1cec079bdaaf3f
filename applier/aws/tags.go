package aws

import (
	"maps"
	"slices"
	"strings"

	"github.com/scar-go/scar/planner"
)

// reservedTags begin the names of tags that AWS itself sets and nobody else may.
const reservedTags = "aws:"

// tagsOf makes the canonical form of a resource's tags: without AWS's own, nil when there are none.
func tagsOf[T any](list []T, pair func(T) (key, value *string)) planner.Tags {
	var tags planner.Tags
	for _, t := range list {
		key, value := pair(t)
		if key == nil || strings.HasPrefix(*key, reservedTags) {
			continue
		}
		if tags == nil {
			tags = planner.Tags{}
		}
		tags[*key] = deref(value)
	}
	return tags
}

// tagMap is tagsOf for services that answer tags as a map.
func tagMap(m map[string]string) planner.Tags {
	tags := planner.Tags(maps.Clone(m))
	maps.DeleteFunc(tags, func(k, _ string) bool { return strings.HasPrefix(k, reservedTags) })
	if len(tags) == 0 {
		return nil
	}
	return tags
}

// tagList makes a service's list of tags, sorted by key.
func tagList[T any](tags planner.Tags, make func(key, value *string) T) []T {
	var list []T
	for _, k := range slices.Sorted(maps.Keys(tags)) {
		v := tags[k]
		list = append(list, make(&k, &v))
	}
	return list
}

// retag says what to set and what to remove so that live tags become the wanted ones.
func retag(live, want planner.Tags) (set planner.Tags, remove []string) {
	for k, v := range want {
		if old, has := live[k]; !has || old != v {
			if set == nil {
				set = planner.Tags{}
			}
			set[k] = v
		}
	}
	for _, k := range slices.Sorted(maps.Keys(live)) {
		if _, wanted := want[k]; !wanted {
			remove = append(remove, k)
		}
	}
	return set, remove
}

// deref is the value of a pointer, or the zero value.
func deref[T any](p *T) T {
	if p == nil {
		var zero T
		return zero
	}
	return *p
}
