// Package applier executes a plan: what in which order, how much at once, what to say meanwhile, and
// what to do about errors. It knows nothing of AWS; it asks a Cloud.
package applier

import (
	"context"

	"github.com/scar-go/scar/planner"
)

// Cloud is an account and region in which a plan is carried out.
//
// Its methods may be called from several goroutines. Each returns when the context ends.
type Cloud interface {
	// Find lists the addresses of all that belongs to a project: by tag, by path, by name. A listing
	// that fails is an error, never an empty answer, because what is not found is not pruned and what
	// is found and not in the file is.
	Find(ctx context.Context, project string) ([]planner.Ref, error)

	// Read reads resources as they are. One that does not exist is left out. A function brings with it its
	// permissions, its event sources, its address, and what becomes of events that it fails on; a bucket brings all
	// its triggers. Those of others are included. Buckets that the project's permissions and queues name are read too.
	Read(ctx context.Context, refs []planner.Ref) (planner.State, error)

	// Do makes the changes of one batch and returns when they can be read back. It is safe to repeat
	// after any failure. It calls report from time to time during long work.
	Do(ctx context.Context, b planner.Batch, report func(Progress)) (planner.Outputs, error)
}

// Progress says how far the work on one resource is.
type Progress struct {
	Address planner.Address
	Message string // what is going on: "waiting until active"
	Done    int64  // bytes; 0 where the work is not counted in bytes
	Total   int64  // bytes; 0 where the work is not counted in bytes
}
