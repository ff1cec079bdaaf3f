// Package view is the only package of the command line that prints. Each command has one view, for
// people and as JSON; a plan has one in Markdown too. What a command was asked for goes to standard
// output, everything that is said meanwhile to standard error.
package view

import (
	"encoding/json"
	"fmt"
	"io"
	"os"

	"golang.org/x/term"
)

// Format is the form of what a command prints.
type Format int

// The formats.
const (
	Human Format = iota
	JSON
	Markdown // of plans only; others print as Human
)

// Streams are where a command prints, and what can be shown there.
type Streams struct {
	Out      io.Writer // what the command was asked for
	Err      io.Writer // everything else
	OutColor bool      // Out shows colours
	ErrColor bool      // Err shows colours
	Live     bool      // Err is a terminal, on which lines can be drawn again
	Width    int       // columns of the terminal; 0: unknown
}

// NewStreams finds out what two files can show. Colours are for terminals only, and only if they are
// not refused: by noColor, by a NO_COLOR that is not empty (no-color.org), or by a TERM of dumb.
func NewStreams(out, err *os.File, noColor bool, getenv func(string) string) *Streams {
	outTerm, errTerm := term.IsTerminal(int(out.Fd())), term.IsTerminal(int(err.Fd()))
	dumb := getenv("TERM") == "dumb"
	color := !noColor && getenv("NO_COLOR") == "" && !dumb
	s := &Streams{
		Out: out, Err: err,
		OutColor: outTerm && color, ErrColor: errTerm && color,
		Live: errTerm && !dumb,
	}
	if width, _, e := term.GetSize(int(err.Fd())); errTerm && e == nil {
		s.Width = width
	}
	return s
}

func (s *Streams) out() *printer { return &printer{w: s.Out, color: s.OutColor} }
func (s *Streams) err() *printer { return &printer{w: s.Err, color: s.ErrColor} }

// printer writes text, and remembers the first error so that callers ask once, at the end.
type printer struct {
	w     io.Writer
	color bool
	fault error
}

func (p *printer) printf(format string, args ...any) {
	if p.fault != nil {
		return
	}
	_, p.fault = fmt.Fprintf(p.w, format, args...)
}

func (p *printer) json(v any, indent string) {
	if p.fault != nil {
		return
	}
	enc := json.NewEncoder(p.w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", indent)
	p.fault = enc.Encode(v)
}

// result is the first error of writing, said in a way that can be shown.
func (p *printer) result() error {
	if p.fault != nil {
		return fmt.Errorf("write output: %w", p.fault)
	}
	return nil
}

// sgr is a Select Graphic Rendition of ECMA-48: what colours a text on a terminal.
type sgr string

const (
	bold   sgr = "1"
	dim    sgr = "2"
	red    sgr = "31"
	green  sgr = "32"
	yellow sgr = "33"
	blue   sgr = "34"
	cyan   sgr = "36"
)

// paint colours a text where colours are shown.
func (p *printer) paint(c sgr, text string) string {
	if !p.color || c == "" || text == "" {
		return text
	}
	return "\x1b[" + string(c) + "m" + text + "\x1b[0m"
}
