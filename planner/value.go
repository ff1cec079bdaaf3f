package planner

// Value is what a resource is, in full: the fields that scar manages, each with its final value,
// defaults filled in and sets sorted, so that two Values can be compared field by field. Fields that
// others manage are left out, or carried over from the live value before the comparison.
//
// Struct tags steer the comparison: `plan:"replace"` marks a field that cannot change in place,
// `plan:"sensitive"` one that is never printed, `plan:"none=-1"` a number that is absent as -1, not as 0.
type Value interface {
	// Kind is the kind of resource that the value describes.
	Kind() Kind
	// needs are the resources that have to exist before this one, computed from its fields, so that
	// a live resource and a desired one are ordered by the same rule.
	needs(project string) []Address
}

// Needs are the resources that have to exist for a value to be what it is, ours or not; none for a nil value. The project is
// that which the value belongs to.
func Needs(v Value, project string) []Address {
	if v == nil {
		return nil
	}
	return v.needs(project)
}

// Tags are the tags of a resource without those that AWS reserves (aws:…).
type Tags map[string]string
