package flow

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"

	"github.com/scar-go/scar/local/lambda"
)

// invocations collects how the invocations of a run ended.
type invocations struct {
	mu      sync.Mutex
	seen    map[object]bool       // everything that has ended
	fresh   map[endingKey]ending  // what has ended since take; the last of each, since events may come twice
	waiting map[object]func(bool) // what is waited for, and who is told
	all     chan struct{}         // closed when waiting is empty
}

type endingKey struct {
	function string
	object
}

func newInvocations() *invocations {
	v := &invocations{seen: map[object]bool{}, fresh: map[endingKey]ending{}, waiting: map[object]func(bool){}, all: make(chan struct{})}
	close(v.all)
	return v
}

// watch says which objects are waited for. processed is told of each, and whether the last attempt on it
// succeeded; not of those that have ended already.
func (v *invocations) watch(objects []object, processed func(ok bool)) {
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, o := range objects {
		if v.seen[o] {
			continue
		}
		if len(v.waiting) == 0 {
			v.all = make(chan struct{})
		}
		v.waiting[o] = processed
	}
}

// add takes note of an attempt.
func (v *invocations) add(i lambda.Invocation) {
	if !i.Final {
		return
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, o := range objectsOf(i.Payload) {
		v.seen[o] = true
		v.fresh[endingKey{i.Function, o}] = ending{o, i}
		processed, waited := v.waiting[o]
		if !waited {
			continue
		}
		delete(v.waiting, o)
		processed(!i.Failed())
		if len(v.waiting) == 0 {
			close(v.all)
		}
	}
}

// wait returns when every object that is waited for has been processed.
func (v *invocations) wait(ctx context.Context) error {
	v.mu.Lock()
	all := v.all
	v.mu.Unlock()
	select {
	case <-all:
		return nil
	case <-ctx.Done():
		v.mu.Lock()
		defer v.mu.Unlock()
		return fmt.Errorf("interrupted, files not processed: %d: %w", len(v.waiting), ctx.Err())
	}
}

// take returns what has ended since it was last called.
func (v *invocations) take() []ending {
	v.mu.Lock()
	defer v.mu.Unlock()
	out := slices.Collect(maps.Values(v.fresh))
	v.fresh = map[endingKey]ending{}
	return out
}
