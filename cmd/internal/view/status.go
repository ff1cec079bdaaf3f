package view

// Status shows, on a terminal only, what is going on before there is something to show.
type Status struct {
	out  *printer
	live bool
	said bool
}

// NewStatus returns a Status for those streams. It is quiet in the formats for programs.
func NewStatus(s *Streams, f Format) *Status {
	return &Status{out: s.err(), live: s.Live && f == Human}
}

// Say replaces what is shown.
func (s *Status) Say(text string) {
	if !s.live {
		return
	}
	s.said = true
	s.out.printf("\r\x1b[K%s", s.out.paint(dim, clean(text)))
}

// Clear removes what is shown. Nothing else may be printed before.
func (s *Status) Clear() {
	if s.said {
		s.out.printf("\r\x1b[K")
		s.said = false
	}
}
