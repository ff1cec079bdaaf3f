package flow

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"

	"github.com/scar-go/scar/local/lambda"
	"github.com/scar-go/scar/spec"
)

// invocations collects how the invocations of a run ended.
type invocations struct {
	mu      sync.Mutex
	seen    map[object]bool       // everything that has ended
	fresh   map[endingKey]ending  // what has ended since take; the last of each, since events may come twice
	waiting map[object]func(bool) // what is waited for, and who is told
	all     chan struct{}         // closed when waiting is empty

	attempts map[string]int // on a message of a queue, by function
}

type endingKey struct {
	function string
	object
}

func newInvocations(f *spec.File) *invocations {
	v := &invocations{
		seen: map[object]bool{}, fresh: map[endingKey]ending{}, waiting: map[object]func(bool){}, all: make(chan struct{}),
		attempts: map[string]int{},
	}
	close(v.all)
	for i := range f.Functions {
		if q := f.Functions[i].Queue; q != nil {
			v.attempts[f.Functions[i].Name] = q.Attempts
		}
	}
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
	ended := v.endings(i)
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, e := range ended {
		v.seen[e.object] = true
		v.fresh[endingKey{i.Function, e.object}] = e
		processed, waited := v.waiting[e.object]
		if !waited {
			continue
		}
		delete(v.waiting, e.object)
		processed(!e.failed)
		if len(v.waiting) == 0 {
			close(v.all)
		}
	}
}

// endings are the objects on which there is no further attempt. Of a batch from a queue, each message ends by itself: when it
// was processed, or has been tried as often as it is before it goes to the dead-letter queue.
func (v *invocations) endings(i lambda.Invocation) []ending {
	var out []ending
	if len(i.Messages) == 0 {
		for _, o := range objectsOf(i.Payload) {
			if i.Final {
				out = append(out, ending{o, i, i.Attempt, i.Failed()})
			}
		}
		return out
	}
	bodies := bodiesOf(i.Payload)
	for _, m := range i.Messages {
		failed := m.Failed || i.Failed()
		if failed && m.Attempt < v.attempts[i.Function] {
			continue
		}
		for _, o := range objectsOf([]byte(bodies[m.ID])) {
			out = append(out, ending{o, i, m.Attempt, failed})
		}
	}
	return out
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
