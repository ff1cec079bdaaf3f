package view

import (
	"fmt"
	"sync"
	"time"
)

// Status shows what is going on before there is something to show. Its methods may be called from
// several goroutines.
type Status struct {
	out  *printer
	live bool // lines can be drawn again
	now  func() time.Time

	mu   sync.Mutex
	said time.Time // when something was last said
	open bool      // a line is to be cleared
}

// NewStatus returns a Status for those streams. It is quiet in the formats for programs.
func NewStatus(s *Streams, f Format) *Status {
	st := &Status{out: s.err(), live: s.Live && f == Human, now: time.Now}
	st.said = st.now()
	if f != Human {
		st.out = nil
	}
	return st
}

// Say replaces what is shown, on a terminal only.
func (s *Status) Say(text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.live {
		s.draw(text)
	}
}

// Converting shows how far the conversion of an image is, in bytes: on a terminal as it goes, else as a
// line from time to time.
func (s *Status) Converting(source string, done, total int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	text := fmt.Sprintf("Converting %s: %s of %s", source, size(done), size(total))
	switch {
	case s.live && (done == total || s.now().Sub(s.said) >= time.Second/10):
		s.said = s.now()
		s.draw(text)
	case !s.live && s.out != nil && s.now().Sub(s.said) >= sayEvery:
		s.said = s.now()
		s.out.printf("%s\n", clean(text))
	}
}

func (s *Status) draw(text string) {
	s.open = true
	s.out.printf("\r\x1b[K%s", s.out.paint(dim, clean(text)))
}

// Clear removes what is shown. Nothing else may be printed before.
func (s *Status) Clear() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.open {
		s.out.printf("\r\x1b[K")
		s.open = false
	}
}
