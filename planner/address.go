// Package planner computes what has to change. It is pure: from a file, what is known of the account,
// and the live state it makes a Plan, which is a value that can be shown, saved, compared and executed.
// Nothing in it does I/O, reads a clock or talks to an SDK.
package planner

import (
	"cmp"
	"fmt"
	"strings"
)

// Kind is a sort of resource.
type Kind string

// The kinds, in the order in which they are shown.
const (
	KindBucket        Kind = "bucket"
	KindRepository    Kind = "repository"
	KindImage         Kind = "image"
	KindParameter     Kind = "parameter"
	KindQueue         Kind = "queue"
	KindLogGroup      Kind = "log_group"
	KindRole          Kind = "role"
	KindFunction      Kind = "function"
	KindInvokeConfig  Kind = "invoke_config"
	KindPermission    Kind = "permission"
	KindTrigger       Kind = "trigger"
	KindEventSource   Kind = "event_source"
	KindScheduleGroup Kind = "schedule_group"
	KindSchedule      Kind = "schedule"
	KindFunctionURL   Kind = "function_url"
	KindHTTPAPI       Kind = "http_api"
)

// Kinds lists every kind in the order in which they are shown.
func Kinds() []Kind {
	var kinds []Kind
	for _, v := range zeroValues() {
		kinds = append(kinds, v.Kind())
	}
	return kinds
}

// zeroValues are an empty value of every kind, in the order in which they are shown.
func zeroValues() [16]Value {
	return [...]Value{
		Bucket{}, Repository{}, Image{}, Parameter{}, Queue{}, LogGroup{}, Role{}, Function{}, InvokeConfig{}, Permission{}, Trigger{},
		EventSource{}, ScheduleGroup{}, Schedule{}, FunctionURL{}, HTTPAPI{},
	}
}

// rank is the place of a kind in the order in which they are shown, -1 for an unknown one.
func (k Kind) rank() int {
	for i, v := range zeroValues() {
		if v.Kind() == k {
			return i
		}
	}
	return -1
}

// Address names one resource of the account and region that a plan is for. What Name is depends on
// the kind:
//
//	bucket          the bucket's name
//	repository      the repository's name
//	image           the function's name, which is the image's tag in the project's repository
//	queue           the queue's name
//	log_group       the log group's name
//	role            the role's name
//	function        the function's name
//	invoke_config   the function's name
//	permission      <function>/<statement id>
//	trigger         <bucket>/<rule id>
//	event_source    <function>/<name of the queue>
//	parameter       its name in Systems Manager, which begins with a slash
//	schedule_group  the group's name
//	schedule        <group>/<name>
//	function_url    the function's name
//	http_api        the API's name
type Address struct {
	Kind Kind
	Name string
}

// String is the address as users write it: function/grayify.
func (a Address) String() string { return string(a.Kind) + "/" + a.Name }

// ParseAddress reads an address as String writes it.
func ParseAddress(s string) (Address, error) {
	kind, name, found := strings.Cut(s, "/")
	a := Address{Kind(kind), name}
	if !found || name == "" || a.Kind.rank() < 0 {
		return Address{}, fmt.Errorf("%q is not an address: want KIND/NAME, such as function/grayify, where KIND is one of %s", s, kindList())
	}
	return a, nil
}

// MarshalText writes the address for JSON.
func (a Address) MarshalText() ([]byte, error) { return []byte(a.String()), nil }

// UnmarshalText reads the address from JSON.
func (a *Address) UnmarshalText(b []byte) (err error) {
	*a, err = ParseAddress(string(b))
	return err
}

// Compare orders addresses as they are shown: by kind, then by name.
func (a Address) Compare(b Address) int {
	return cmp.Or(cmp.Compare(a.Kind.rank(), b.Kind.rank()), cmp.Compare(a.Name, b.Name))
}

// Split returns the two parts of a name: what holds the resource, which is the function of a permission or
// an event source, the bucket of a trigger, the group of a schedule, and its id there. For other kinds
// document is the name and id is empty.
func (a Address) Split() (document, id string) {
	switch a.Kind {
	case KindPermission, KindTrigger, KindEventSource, KindSchedule:
		document, id, _ = strings.Cut(a.Name, "/")
		return document, id
	default:
		return a.Name, ""
	}
}

func kindList() string {
	names := make([]string, len(Kinds()))
	for i, k := range Kinds() {
		names[i] = string(k)
	}
	return strings.Join(names, ", ")
}
