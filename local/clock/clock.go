// Package clock lets tests of the embedded backend decide what time it is.
package clock

import (
	"sync"
	"time"
)

// Clock tells the time and waits for it.
type Clock interface {
	Now() time.Time
	// After returns a channel that gets the time once d has passed.
	After(d time.Duration) <-chan time.Time
}

// Real is the machine's clock.
type Real struct{}

// Now implements Clock.
func (Real) Now() time.Time { return time.Now() }

// After implements Clock.
func (Real) After(d time.Duration) <-chan time.Time { return time.After(d) }

// At returns a channel that gets the time once it is t, or at once if it is later. Where a virtual clock may be moved on at any
// moment, this is the way to wait: between Now and After it may have been.
func At(c Clock, t time.Time) <-chan time.Time {
	if v, virtual := c.(*Virtual); virtual {
		return v.at(t)
	}
	return c.After(t.Sub(c.Now()))
}

// Virtual is a clock that moves only when it is told to.
type Virtual struct {
	mu     sync.Mutex
	now    time.Time
	timers []timer
}

type timer struct {
	at time.Time
	c  chan time.Time
}

// NewVirtual returns a clock that shows start.
func NewVirtual(start time.Time) *Virtual { return &Virtual{now: start} }

// Now implements Clock.
func (v *Virtual) Now() time.Time {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.now
}

// After implements Clock.
func (v *Virtual) After(d time.Duration) <-chan time.Time {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.timer(v.now.Add(d))
}

func (v *Virtual) at(t time.Time) <-chan time.Time {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.timer(t)
}

// timer starts a timer. The lock is held.
func (v *Virtual) timer(t time.Time) <-chan time.Time {
	c := make(chan time.Time, 1)
	if !t.After(v.now) {
		c <- v.now
		return c
	}
	v.timers = append(v.timers, timer{t, c})
	return c
}

// Advance moves the clock on and fires what has come due.
func (v *Virtual) Advance(d time.Duration) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.now = v.now.Add(d)
	waiting := v.timers[:0]
	for _, t := range v.timers {
		if t.at.After(v.now) {
			waiting = append(waiting, t)
			continue
		}
		t.c <- v.now
	}
	v.timers = waiting
}

// Waiting is the number of timers that have not fired, for tests that advance once somebody waits.
func (v *Virtual) Waiting() int {
	v.mu.Lock()
	defer v.mu.Unlock()
	return len(v.timers)
}
