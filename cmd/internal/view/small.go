package view

import (
	"strings"

	"github.com/scar-go/scar/spec"
)

// Build says which scar this is.
type Build struct {
	Version string `json:"version"`
	Go      string `json:"go"`     // of the compiler
	System  string `json:"system"` // operating system and architecture
}

// Version prints which scar this is.
func Version(s *Streams, f Format, b Build) error {
	p := s.out()
	if f == JSON {
		p.json(b, "  ")
		return p.result()
	}
	p.printf("scar %s (%s, %s)\n", b.Version, b.Go, b.System)
	return p.result()
}

// Validated says that the files hold no problem that they alone can have. They are named as the user named them.
func Validated(s *Streams, f Format, files []string, file *spec.File) error {
	p := s.out()
	if f == JSON {
		names := make([]string, len(file.Functions))
		for i := range file.Functions {
			names[i] = file.Functions[i].Name
		}
		p.json(map[string]any{"valid": true, "files": files, "project": file.Project, "functions": names}, "  ")
		return p.result()
	}
	p.printf("%s %s: project %s, %s.\n", p.paint(green, "Valid."), clean(strings.Join(files, ", ")), file.Project, count(len(file.Functions), "function"))
	return p.result()
}

// Invalid prints the problems of a file for programs; people get them from Error.
func Invalid(s *Streams, problems spec.Problems) error { return problemsJSON(s.out(), problems) }

// Shown prints a file with everything filled in.
func Shown(s *Streams, f Format, shown *spec.Shown) error {
	if f != JSON {
		content, err := shown.YAML()
		if err != nil {
			return err
		}
		return Document(s, content)
	}
	p := s.out()
	p.json(map[string]any{"settings": shown.Settings}, "  ")
	return p.result()
}

// Document prints a text as it is.
func Document(s *Streams, content []byte) error {
	p := s.out()
	p.printf("%s", content)
	return p.result()
}

// Finding is one thing that scar local needs of the machine.
type Finding struct {
	Name     string `json:"name"`
	OK       bool   `json:"ok"`
	Required bool   `json:"required"` // without it functions do not run; otherwise something is slower or looser
	Detail   string `json:"detail,omitempty"`
	Fix      string `json:"fix,omitempty"` // a command
}

// Doctor prints what the machine offers to scar local, and how to get what it lacks.
func Doctor(s *Streams, f Format, findings []Finding) error {
	p := s.out()
	if f == JSON {
		p.json(findings, "  ")
		return p.result()
	}
	for _, one := range findings {
		mark, color := "ok", green
		if !one.OK {
			mark, color = "missing", red
			if !one.Required {
				mark, color = "absent", yellow
			}
		}
		p.printf("%s %s\n", p.paint(color, pad(mark, 8)), clean(one.Name+detail(one.Detail)))
		if !one.OK && one.Fix != "" {
			p.printf("         fix: %s\n", cleanLines(one.Fix))
		}
	}
	return p.result()
}

func detail(s string) string {
	if s == "" {
		return ""
	}
	return ": " + s
}

// Up says where the local backend listens, and what to export so that other programs find it.
func Up(s *Streams, f Format, endpoint, state string, environment [][2]string) error {
	p := s.out()
	if f == JSON {
		env := map[string]string{}
		for _, e := range environment {
			env[e[0]] = e[1]
		}
		p.json(map[string]any{"endpoint": endpoint, "state": state, "environment": env}, "  ")
		return p.result()
	}
	p.printf("# scar local listens at %s, its state is in %s\n", endpoint, clean(state))
	p.printf("# For other programs:\n")
	for _, e := range environment {
		p.printf("export %s=%s\n", e[0], e[1])
	}
	p.printf("# scar's own commands find it with --local. Ctrl-C ends it.\n")
	return p.result()
}

// Address is where functions take requests by HTTP.
type Address struct {
	Function string // whose URL it is; empty: it is an HTTP API's
	API      string // name of the HTTP API
	URL      string
}

// AddressTold prints an address beside the output of a command, for people; programs ask for outputs.
func AddressTold(s *Streams, f Format, a Address) {
	if f != Human {
		return
	}
	what := "function " + a.Function
	if a.Function == "" {
		what = "API " + a.API
	}
	s.err().printf("%s answers at %s\n", clean(what), clean(a.URL))
}

// Prompt asks for the approval of a plan. The answer is read by the caller.
func Prompt(s *Streams, question string) {
	p := s.err()
	p.printf("\n%s\n  Only \"yes\" is taken as an answer: ", p.paint(bold, clean(question)))
}

// Saved says where a plan was written, and how to carry it out where it was made.
func Saved(s *Streams, path string, local bool) {
	command := "scar apply"
	if local {
		command += " --local"
	}
	s.err().printf("\nThe plan is saved. To carry it out: %s %s\n", command, clean(path))
}
