package sqs

import (
	"context"
	"time"

	"github.com/scar-go/scar/local/clock"
)

// changed wakes those who wait for messages of a queue.
func (s *Service) changed(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c := s.changes[name]; c != nil {
		close(c)
		delete(s.changes, name)
	}
}

// change is closed when something next happens to a queue.
func (s *Service) change(name string) <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.changes[name]
	if c == nil {
		c = make(chan struct{})
		s.changes[name] = c
	}
	return c
}

// wait tries until there are messages, the deadline has passed, or the context ends, whose error it returns. A zero deadline
// is never. Try says when it is worth trying again although nothing happens; zero: it is not.
func (s *Service) wait(ctx context.Context, name string, deadline time.Time, try func() (done bool, again time.Time, err error)) error {
	for {
		change := s.change(name)
		done, again, err := try()
		if err != nil || done {
			return err
		}
		now := s.cfg.Clock.Now()
		if !deadline.IsZero() {
			if !deadline.After(now) {
				return nil
			}
			if again.IsZero() || again.After(deadline) {
				again = deadline
			}
		}
		var due <-chan time.Time
		if !again.IsZero() {
			due = clock.At(s.cfg.Clock, again)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-change:
		case <-due:
		}
	}
}
