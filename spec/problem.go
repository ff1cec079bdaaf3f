package spec

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Problem is one thing that is wrong with a file, with all that is needed to show it: the place, the
// line as it stands in the file and what to say.
type Problem struct {
	File       string // as the user gave it; <stdin> for -
	Line       int    // from 1
	Column     int    // from 1, in characters
	Length     int    // characters of the line from Column on that are meant, at least 1
	Path       string // of the key, such as functions.grayify.input[0].from; empty for the file itself
	Message    string // begins with the key's name: "memory: 64 is below the minimum of 128 MB"
	SourceLine string // without its line end; empty where the file is no text, and for a line that may hold a secret
}

// String is the problem on one line, as compilers print theirs: func.yaml:12:5: message.
func (p Problem) String() string {
	return fmt.Sprintf("%s:%d:%d: %s", p.File, p.Line, p.Column, p.Message)
}

// Problems are all problems of the files that were loaded together, in the order of the files, then by
// line and column. Load returns them as its error.
type Problems []Problem

// Error is one line per problem.
func (p Problems) Error() string {
	lines := make([]string, len(p))
	for i, problem := range p {
		lines[i] = problem.String()
	}
	return strings.Join(lines, "\n")
}

// report collects problems. One that is found twice, since several functions share the value at
// fault, is kept once.
type report struct {
	found  []finding
	seen   map[finding]bool
	hidden []string // texts of the files that are secrets
	notes  []finding

	concealed []concealed
}

// finding is a problem that has not been put into words for the user yet. It is comparable.
type finding struct {
	src            *source
	line, column   int
	length         int
	path, message  string
	hideSourceLine bool
}

// compare orders findings as they stand in the files.
func (f finding) compare(other finding) int {
	return cmp.Or(cmp.Compare(f.src.index, other.src.index), cmp.Compare(f.line, other.line),
		cmp.Compare(f.column, other.column), strings.Compare(f.message, other.message))
}

// at reports a problem with a value, or with a key and its value.
func (r *report) at(n *node, format string, args ...any) {
	n.bad = true
	r.add(finding{
		src: n.src, line: n.line, column: n.column, length: n.length,
		path: n.path, message: n.label + ": " + fmt.Sprintf(format, args...), hideSourceLine: n.isSecret(),
	})
}

// atKey reports a problem with the key alone.
func (r *report) atKey(n *node, format string, args ...any) {
	n.bad = true
	r.add(finding{
		src: n.src, line: n.line, column: n.column, length: n.keyLength,
		path: n.path, message: n.label + ": " + fmt.Sprintf(format, args...), hideSourceLine: n.isSecret(),
	})
}

// note tells of something that is right, and that the user should know. The text says what it is about.
func (r *report) note(n *node, format string, args ...any) {
	note := finding{src: n.src, line: n.line, column: n.column, message: r.withoutSecrets(fmt.Sprintf(format, args...))}
	if !slices.Contains(r.notes, note) { // several functions may share it
		r.notes = append(r.notes, note)
	}
}

// noted are all notes, in the order of the files.
func (r *report) noted() []Note {
	slices.SortStableFunc(r.notes, finding.compare)
	var notes []Note
	for _, n := range r.notes {
		notes = append(notes, Note{Place: fmt.Sprintf("%s:%d:%d", n.src.name, n.line, n.column), Text: n.message})
	}
	return notes
}

// missing reports a key that a mapping lacks.
func (r *report) missing(n *node, key, format string, args ...any) {
	r.add(finding{
		src: n.src, line: n.line, column: n.column, length: n.keyLength,
		path: join(n.path, key), message: key + ": " + fmt.Sprintf(format, args...),
	})
}

// add keeps the first of the findings that say the same of the same place.
func (r *report) add(f finding) {
	f.message = r.withoutSecrets(f.message)
	key := f
	key.path, key.length = "", 0
	if r.seen[key] {
		return
	}
	if r.seen == nil {
		r.seen = map[finding]bool{}
	}
	r.seen[key] = true
	r.found = append(r.found, f)
}

// err is all that was found as an error, nil if that is nothing.
func (r *report) err() error {
	if len(r.found) == 0 {
		return nil
	}
	slices.SortStableFunc(r.found, finding.compare)
	problems := make(Problems, len(r.found))
	for i, f := range r.found {
		problems[i] = Problem{
			File: f.src.name, Line: f.line, Column: f.column, Length: max(f.length, 1),
			Path: f.path, Message: f.message,
		}
		if line := f.src.line(f.line); !f.hideSourceLine && !r.holdsSecret(f.path, line) {
			problems[i].SourceLine = line
		}
	}
	return problems
}
