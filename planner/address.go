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
	KindBucket     Kind = "bucket"
	KindRepository Kind = "repository"
	KindImage      Kind = "image"
	KindLogGroup   Kind = "log_group"
	KindRole       Kind = "role"
	KindFunction   Kind = "function"
	KindPermission Kind = "permission"
	KindTrigger    Kind = "trigger"
)

// Kinds lists every kind in the order in which they are shown.
func Kinds() []Kind {
	return []Kind{KindBucket, KindRepository, KindImage, KindLogGroup, KindRole, KindFunction, KindPermission, KindTrigger}
}

// rank is the place of a kind in the order in which they are shown, -1 for an unknown one.
func (k Kind) rank() int {
	switch k {
	case KindBucket:
		return 0
	case KindRepository:
		return 1
	case KindImage:
		return 2
	case KindLogGroup:
		return 3
	case KindRole:
		return 4
	case KindFunction:
		return 5
	case KindPermission:
		return 6
	case KindTrigger:
		return 7
	default:
		return -1
	}
}

// Address names one resource of the account and region that a plan is for. What Name is depends on
// the kind:
//
//	bucket       the bucket's name
//	repository   the repository's name
//	image        the function's name, which is the image's tag in the project's repository
//	log_group    the log group's name
//	role         the role's name
//	function     the function's name
//	permission   <function>/<statement id>
//	trigger      <bucket>/<rule id>
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

// Split returns the two parts of a permission's or trigger's name: the document that holds it
// (function or bucket) and its id there. For other kinds document is the name and id is empty.
func (a Address) Split() (document, id string) {
	if a.Kind != KindPermission && a.Kind != KindTrigger {
		return a.Name, ""
	}
	document, id, _ = strings.Cut(a.Name, "/")
	return document, id
}

func kindList() string {
	names := make([]string, len(Kinds()))
	for i, k := range Kinds() {
		names[i] = string(k)
	}
	return strings.Join(names, ", ")
}
