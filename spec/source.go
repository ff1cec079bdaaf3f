package spec

import (
	"bytes"
	"fmt"
	"strings"
	"unicode/utf8"
)

// maxSource is the size of the largest file that is read, in bytes. A file with a thousand functions
// has a fifth of it.
const maxSource = 1 << 20

// source is the text of one file.
type source struct {
	index int    // among the files that are loaded together
	name  string // as the user gave it
	dir   string // absolute; what relative paths in it are relative to
	text  []byte
	lines []string // split when a line is first asked for
}

// line is one line of the text, counted from 1, without its end.
func (s *source) line(number int) string {
	if s.lines == nil {
		s.lines = splitLines(string(s.text))
	}
	if number < 1 || number > len(s.lines) {
		return ""
	}
	return s.lines[number-1]
}

// yamlBreaks turns the other line ends that the YAML library counts into the usual one.
var yamlBreaks = strings.NewReplacer("\r", "\n", "\u0085", "\n", "\u2028", "\n", "\u2029", "\n")

// splitLines splits where YAML does.
func splitLines(text string) []string {
	text = strings.TrimPrefix(text, "\ufeff")
	text = strings.ReplaceAll(text, "\r\n", "\n")
	text = yamlBreaks.Replace(text)
	return strings.Split(text, "\n")
}

// checkText refuses what cannot be YAML at all, and says where. It returns nil for text.
func (s *source) checkText() *finding {
	if len(s.text) > maxSource {
		return s.finding(1, 1, "the file is larger than 1 MB, which no file of functions is")
	}
	if len(bytes.TrimSpace(s.text)) == 0 {
		return s.finding(1, 1, "the file is empty; it begins with a line such as project: imaging")
	}
	line, column := 1, 1
	for rest := s.text; len(rest) > 0; {
		r, size := utf8.DecodeRune(rest)
		if message := refuseRune(r, size); message != "" {
			f := s.finding(line, column, message)
			f.hideSourceLine = true
			return f
		}
		column++
		if r == '\n' {
			line, column = line+1, 1
		}
		rest = rest[size:]
	}
	return nil
}

// refuseRune says why a character cannot be in a file, or nothing. What YAML allows is in section 5.1
// of its specification.
func refuseRune(r rune, size int) string {
	switch {
	case r == utf8.RuneError && size == 1:
		return "the file is no text: a byte that is no UTF-8 is here"
	case r == '\t' || r == '\n' || r == '\r' || r == 0x85:
		return ""
	case r < 0x20 || r >= 0x7f && r < 0xa0:
		return fmt.Sprintf("the file is no text: the control character %U is here", r)
	case r == 0xfffe || r == 0xffff:
		return fmt.Sprintf("the file is no text: %U is here", r)
	default:
		return ""
	}
}

// finding is a problem with the file as such, at one of its characters.
func (s *source) finding(line, column int, message string) *finding {
	return &finding{src: s, line: line, column: column, length: 1, message: message}
}
