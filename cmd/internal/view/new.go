package view

import "strings"

// NewFile is what a new file of functions is.
type NewFile struct {
	Files    []string `json:"files"` // that were written
	Dir      string   `json:"-"`
	Project  string   `json:"project"`
	Function string   `json:"function"`
	Input    string   `json:"-"` // place that it takes files from; empty: none
}

// New says what was written, and what to do next.
func New(s *Streams, f Format, n NewFile) error {
	p := s.out()
	if f == JSON {
		p.json(n, "  ")
		return p.result()
	}
	p.printf("Wrote %s.\n\nNext:\n", clean(strings.Join(n.Files, " and ")))
	var steps [][2]string
	if n.Dir != "." {
		steps = append(steps, [2]string{"cd " + clean(n.Dir), ""})
	}
	if n.Input != "" {
		steps = append(steps, [2]string{"scar local run --in FOLDER --out results", "try it on files of this machine"})
	}
	steps = append(steps, [][2]string{
		{"scar plan", "see what it would change in the account"}, {"scar apply", "change that"},
	}...)
	if n.Input != "" {
		steps = append(steps, [2]string{"scar put FILE " + clean(n.Input) + " --wait", "give it a file, and see what comes out"})
	} else {
		steps = append(steps, [2]string{"scar run " + clean(n.Function), "start it"})
	}
	for _, step := range steps {
		if step[1] != "" {
			step[0] = pad(step[0], 44)
		}
		p.printf("  %s%s\n", step[0], p.paint(dim, step[1]))
	}
	return p.result()
}

// Ask asks for a value on the terminal. The answer is read by the caller.
func Ask(s *Streams, question, otherwise string) {
	p := s.err()
	if otherwise != "" {
		question += " [" + otherwise + "]"
	}
	p.printf("%s: ", p.paint(bold, clean(question)))
}
