package runs

import (
	"context"
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
	changed chan struct{}
}

// decrease is what a refusal multiplies the limit by.
const decrease = 0.85

func newLimiter(start, most int, hold time.Duration, now func() time.Time) *limiter {
	return &limiter{max: most, hold: hold, limit: float64(min(start, most)), now: now, changed: make(chan struct{})}
}

// acquire waits for a place.
func (l *limiter) acquire(ctx context.Context) error {
	for {
		if err := ctx.Err(); err != nil {
			return context.Cause(ctx)
		}
		l.mu.Lock()
		if l.inUse < int(l.limit) {
			l.inUse++
			l.mu.Unlock()
			return nil
		}
		changed := l.changed
		l.mu.Unlock()
		select {
		case <-ctx.Done():
		case <-changed:
		}
	}
}

// release gives a place back.
func (l *limiter) release() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.inUse--
	l.tell()
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
	l.tell()
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

// tell wakes those who wait.
func (l *limiter) tell() {
	close(l.changed)
	l.changed = make(chan struct{})
}
