package lambda

import "sync"

// places counts the invocations of each function that are under way, against the concurrency that is reserved for it.
type places struct {
	freed func(function string) // called after there may be room again; without the lock

	mu      sync.Mutex
	taken   map[string]int
	waiting map[string]chan struct{} // closed when there may be room again
}

func newPlaces(freed func(string)) *places {
	return &places{freed: freed, taken: map[string]int{}, waiting: map[string]chan struct{}{}}
}

// take takes a place for one invocation, which free gives back, and says whether there was one. Reserved is nil for a
// function without a limit of its own.
func (p *places) take(function string, reserved *int) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if reserved != nil && p.taken[function] >= *reserved {
		return false
	}
	p.taken[function]++
	return true
}

// full says whether take would fail.
func (p *places) full(function string, reserved *int) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return reserved != nil && p.taken[function] >= *reserved
}

func (p *places) free(function string) {
	p.mu.Lock()
	if p.taken[function]--; p.taken[function] == 0 {
		delete(p.taken, function)
	}
	p.mu.Unlock()
	p.changed(function)
}

// changed wakes those that wait for a place of a function.
func (p *places) changed(function string) {
	p.mu.Lock()
	if c, found := p.waiting[function]; found {
		close(c)
		delete(p.waiting, function)
	}
	p.mu.Unlock()
	p.freed(function)
}

// wait returns a channel that is closed when there may be room again. Ask whether there is none after, not before.
func (p *places) wait(function string) <-chan struct{} {
	p.mu.Lock()
	defer p.mu.Unlock()
	c, found := p.waiting[function]
	if !found {
		c = make(chan struct{})
		p.waiting[function] = c
	}
	return c
}
