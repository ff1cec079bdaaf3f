package local

import (
	"slices"
	"time"
)

// Call is one call that was made to the backend.
type Call struct {
	Service   string
	Operation string
	Start     time.Time
	End       time.Time // zero while it is not answered
	Status    int       // of the answer; 0 where the connection was dropped
}

// Calls are the calls that were made, in the order in which they began.
func (s *Script) Calls() []Call {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.calls)
}

// Forget empties the record of calls. Calls that are under way are forgotten too.
func (s *Script) Forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls = nil
}

func (s *Script) end(c scripted, status int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	// The record may have been emptied since.
	if c.number < len(s.calls) && s.calls[c.number].Start.Equal(c.start) {
		s.calls[c.number].End, s.calls[c.number].Status = time.Now(), status
	}
}

// Count is how many of the calls were made by operation, as service:Operation.
func Count(calls []Call) map[string]int {
	out := map[string]int{}
	for _, c := range calls {
		out[c.Service+":"+c.Operation]++
	}
	return out
}

// Depth is the length of the longest chain of calls of which each began after the one before had
// ended: how many round trips the caller waited for, however many it made at once.
func Depth(calls []Call) int {
	done := slices.DeleteFunc(slices.Clone(calls), func(c Call) bool { return c.End.IsZero() })
	slices.SortFunc(done, func(a, b Call) int { return a.End.Compare(b.End) })
	depth := 0
	var last time.Time
	for _, c := range done {
		if c.Start.Before(last) {
			continue
		}
		depth, last = depth+1, c.End
	}
	return depth
}
