package planner

import (
	"maps"
	"reflect"
)

// normalise returns the desired value with what is not scar's to decide taken over from the live one,
// so that one plain comparison is enough: the concurrency that is reserved by hand where the file says nothing of
// it, tags of others where the file names none, and the version tag, which says which scar last changed a resource
// and is no reason to change it. The tag by which the original knows its functions is none of others': its rm -a deletes
// what has it.
func normalise(desired Resource, live Value) Value {
	function, isFunction := desired.Value.(Function)
	if isFunction && !desired.ConcurrencyManaged {
		function.Concurrency = live.(Function).Concurrency
		desired.Value = function
	}
	want, has := tagsOf(desired.Value), tagsOf(live)
	if want == nil {
		return desired.Value
	}
	merged := maps.Clone(want)
	if !desired.TagsManaged {
		for k, v := range has {
			if _, ours := merged[k]; !ours && !(isFunction && k == tagOriginal && v == originalMaker) {
				merged[k] = v
			}
		}
	}
	value := withTags(desired.Value, merged)
	version, tagged := has[TagVersion]
	if !tagged || version == merged[TagVersion] {
		return value
	}
	asOld := maps.Clone(merged)
	asOld[TagVersion] = version
	if kept := withTags(value, asOld); len(Diff(live, kept)) == 0 {
		return kept
	}
	return value
}

// KeepTags returns a wanted value with those tags of the live one that neither it nor the value that the plan was
// made from has: they were set since by somebody else, many accounts tag whatever is made in them, and the plan
// does not speak of them. before is nil where the plan creates.
func KeepTags(want, before, live Value) Value {
	planned, has := tagsOf(want), tagsOf(live)
	known := Tags{}
	if before != nil {
		maps.Copy(known, tagsOf(before))
	}
	maps.Copy(known, planned)
	merged := maps.Clone(planned)
	for k, v := range has {
		if _, isKnown := known[k]; isKnown {
			continue
		}
		if merged == nil {
			merged = Tags{}
		}
		merged[k] = v
	}
	if len(merged) == len(planned) {
		return want
	}
	return withTags(want, merged)
}

// tagsOf returns the tags of a value; nil for a kind that has none.
func tagsOf(v Value) Tags {
	field := reflect.ValueOf(v).FieldByName("Tags")
	if !field.IsValid() {
		return nil
	}
	return field.Interface().(Tags)
}

// withTags returns a copy of a value that has the given tags.
func withTags(v Value, tags Tags) Value {
	changed := reflect.New(reflect.TypeOf(v)).Elem()
	changed.Set(reflect.ValueOf(v))
	changed.FieldByName("Tags").Set(reflect.ValueOf(tags))
	return changed.Interface().(Value)
}
