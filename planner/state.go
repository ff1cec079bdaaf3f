package planner

import (
	"maps"
	"slices"
)

// Owner is who a live resource belongs to, read from its tags, or for rules and statements from
// their ids. The zero Owner is somebody else.
type Owner struct {
	Project  string `json:"project,omitempty"`
	Function string `json:"function,omitempty"`
}

// The tags by which ownership is told.
const (
	TagProject  = "scar:project"
	TagFunction = "scar:function"
	TagVersion  = "scar:version"
)

// The tags of a function that say what a list of functions shows, so that none has to be asked about one by one. They
// follow from the file, and no ownership is told by them.
const (
	TagImage  = "scar:image"  // its base as the file has it, a reference or the name of an archive; see imageTag
	TagStarts = "scar:starts" // what starts it, sorted: api, queue, s3, schedule, url, or types of other storage
)

// OwnerOf reads the owner from a resource's tags.
func OwnerOf(tags Tags) Owner {
	return Owner{Project: tags[TagProject], Function: tags[TagFunction]}
}

// Resource is a resource as it is, or as it should be.
type Resource struct {
	Address
	Value Value
	Needs []Address // what has to exist before it; empty in a live state
	Owner Owner

	Warnings []string // of a desired resource: what the user should know; of a function that is there: what stays of it when it is taken over
	Place    string   // of a desired bucket: where the function stands that first names it, and its name

	// TagsManaged says, of a desired resource, that the file lists its tags, so that live tags it
	// does not name are removed. Otherwise they are left alone.
	TagsManaged bool

	// ConcurrencyManaged says, of a desired function, that the file says what is reserved for it. Otherwise what
	// is reserved by hand is left alone.
	ConcurrencyManaged bool
}

// State is a set of resources.
type State map[Address]Resource

// Add puts r into the state under its address.
func (s State) Add(r Resource) { s[r.Address] = r }

// Sorted returns the resources in the order in which they are shown.
func (s State) Sorted() []Resource {
	return slices.SortedFunc(maps.Values(s), func(a, b Resource) int { return a.Compare(b.Address) })
}

// Ref names a resource to be read. A function's ref stands for its permissions too, a bucket's for
// its triggers: they are parts of one document, read in one call. The refs of permissions and
// triggers themselves therefore mean the whole document that holds them.
type Ref = Address
