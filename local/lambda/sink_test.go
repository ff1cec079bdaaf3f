package lambda

import (
	"bytes"
	"context"
	"strings"
	"testing"
)

// largest is the most bytes that were stored at once.
type largest int

func (l *largest) Append(_ context.Context, _, _ string, events []LogEvent) error {
	size := 0
	for _, e := range events {
		size += len(e.Message)
	}
	*l = max(*l, largest(size))
	return nil
}

// What waits to be stored is memory of the backend, whatever the length of a function's lines is.
func TestSinkHoldsLittle(t *testing.T) {
	for _, length := range []int{10, 64 << 10, 3 * maxLine} {
		var stored largest
		s := newSink(t.Context(), Config{Logs: &stored}, "g", "s")
		const piece = 32 << 10
		for b := []byte(strings.Repeat(strings.Repeat("x", length-1)+"\n", 16<<20/length)); len(b) > 0; b = b[min(piece, len(b)):] {
			if _, err := s.Write(b[:min(piece, len(b))]); err != nil {
				t.Fatal(err)
			}
		}
		s.flush()
		s.storing.Lock() // a timer may be about to store nothing
		if stored == 0 || stored > 2<<20 {
			t.Errorf("lines of %d bytes: %d bytes were stored at once", length, stored)
		}
		s.storing.Unlock()
	}
}

func TestSinkKeepsTheTail(t *testing.T) {
	var stored largest
	s := newSink(t.Context(), Config{Logs: &stored}, "g", "s")
	for _, text := range []string{"first\n", strings.Repeat("x", 3*tailSize), "last"} {
		if _, err := s.Write([]byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	if tail := s.end(); len(tail) != tailSize || !bytes.HasSuffix(tail, []byte("xlast")) {
		t.Errorf("tail of %d bytes ends in %q", len(tail), tail[max(0, len(tail)-10):])
	}
}
