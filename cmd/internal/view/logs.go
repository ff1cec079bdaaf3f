package view

import (
	"strings"
	"time"
)

// LogLine is one event of a function's log.
type LogLine struct {
	Time    time.Time `json:"time"`
	Stream  string    `json:"stream"`
	Message string    `json:"message"`
}

// Logs returns a function that prints the lines of a log as they come. On a terminal, and there only,
// control characters are left out.
func Logs(s *Streams, f Format, terminal bool) func(LogLine) error {
	p := s.out()
	if f == JSON {
		return func(l LogLine) error {
			p.json(l, "")
			return p.result()
		}
	}
	return func(l LogLine) error {
		message := strings.TrimRight(l.Message, "\r\n")
		if terminal {
			message = cleanLines(message)
		}
		p.printf("%s %s\n", p.paint(dim, l.Time.UTC().Format("2006-01-02T15:04:05.000Z")), message)
		return p.result()
	}
}

// Tail returns a function that prints, beside the output of a command, the lines of a log as they come. As soon as there are
// lines of several requests, each has the beginning of its request's id in front.
func Tail(s *Streams) func(requestID string, l LogLine) error {
	const shown = 8 // characters of an id that tell requests apart
	p := s.err()
	requests := map[string]bool{}
	return func(requestID string, l LogLine) error {
		requests[requestID] = true
		whose := ""
		if len(requests) > 1 {
			whose = clean(requestID[:min(len(requestID), shown)]) + " "
		}
		message := cleanLines(strings.TrimRight(l.Message, "\r\n"))
		p.printf("%s%s %s\n", p.paint(cyan, whose), p.paint(dim, l.Time.UTC().Format("15:04:05.000")), message)
		return p.result()
	}
}
