package runs

import (
	"context"
	"slices"
	"sync"
	"time"
)

// limiter says how many invocations may be under way: one more with each success until the first refusal; from then on a
// part less after a refusal, and one more after as many successes (AIMD, as TCP does). A refusal costs nothing but a call,
// so the part is smaller than TCP's half.
type limiter struct {
	max  int
	hold time.Duration // for which the limit stays after a refusal: what was under way then may be refused, too
	now  func() time.Time

	mu      sync.Mutex
	limit   float64
	inUse   int
	refused bool      // there was a refusal
	cutAt   time.Time // when the limit was last cut
	waiting []chan struct{}
}

// decrease is what a refusal multiplies the limit by.
const decrease = 0.85

func newLimiter(start, most int, hold time.Duration, now func() time.Time) *limiter {
	return &limiter{max: most, hold: hold, limit: float64(min(start, most)), now: now}
}

// acquire waits for a place. Who waits longest gets the next one.
func (l *limiter) acquire(ctx context.Context) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	l.mu.Lock()
	if len(l.waiting) == 0 && l.inUse < int(l.limit) {
		l.inUse++
		l.mu.Unlock()
		return nil
	}
	turn := make(chan struct{})
	l.waiting = append(l.waiting, turn)
	l.mu.Unlock()
	select {
	case <-turn:
		return nil
	case <-ctx.Done():
	}
	l.mu.Lock()
	i := slices.Index(l.waiting, turn)
	if i >= 0 {
		l.waiting = slices.Delete(l.waiting, i, i+1)
	}
	l.mu.Unlock()
	if i < 0 {
		l.release() // the place came at the same moment
	}
	return context.Cause(ctx)
}

// release gives a place back.
func (l *limiter) release() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.inUse--
	l.admit()
}

// grow takes note of a success.
func (l *limiter) grow() {
	l.mu.Lock()
	defer l.mu.Unlock()
	more := 1.0
	if l.refused {
		if l.now().Sub(l.cutAt) < l.hold {
			return
		}
		more = 1 / l.limit
	}
	l.limit = min(l.limit+more, float64(l.max))
	l.admit()
}

// cut takes note of a refusal.
func (l *limiter) cut() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if now := l.now(); !l.refused || now.Sub(l.cutAt) >= l.hold {
		l.limit, l.cutAt, l.refused = max(1, l.limit*decrease), now, true
	}
}

func (l *limiter) current() (limit, inUse int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return int(l.limit), l.inUse
}

// admit gives the places that are free to those who wait.
func (l *limiter) admit() {
	for len(l.waiting) > 0 && l.inUse < int(l.limit) {
		l.inUse++
		close(l.waiting[0])
		l.waiting = l.waiting[1:]
	}
}
