package lambda

import (
	"context"
	"sync"
)

// tally counts what is under way, for those who wait until nothing is.
type tally struct {
	mu      sync.Mutex
	left    int
	waiting []chan struct{} // closed when left is 0
}

func (t *tally) add(n int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.left += n
}

func (t *tally) done() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.left--
	if t.left > 0 {
		return
	}
	for _, w := range t.waiting {
		close(w)
	}
	t.waiting = nil
}

// wait waits until nothing is under way.
func (t *tally) wait(ctx context.Context) error {
	t.mu.Lock()
	if t.left == 0 {
		t.mu.Unlock()
		return nil
	}
	w := make(chan struct{})
	t.waiting = append(t.waiting, w)
	t.mu.Unlock()
	select {
	case <-w:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
