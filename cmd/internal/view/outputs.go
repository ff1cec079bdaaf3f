package view

import (
	"maps"
	"slices"

	"github.com/scar-go/scar/planner"
)

// Outputs are what AWS alone can tell of what is there.
type Outputs struct {
	Resources planner.Outputs              // of each resource, for programs
	Functions map[string]map[string]string // of each function, for people
}

// Print prints the outputs and nothing else.
func (o Outputs) Print(s *Streams, f Format) error {
	p := s.out()
	if f == JSON {
		resources := o.Resources
		if resources == nil {
			resources = planner.Outputs{}
		}
		p.json(resources, "  ")
		return p.result()
	}
	o.lines(p, "")
	return p.result()
}

// PrintBelow prints outputs, for people, below a plan that has nothing to change.
func (o Outputs) PrintBelow(s *Streams) error {
	p := s.out()
	o.below(p)
	return p.result()
}

// Output prints the value of one output, to be put into another command.
func Output(s *Streams, f Format, value string) error {
	p := s.out()
	if f == JSON {
		p.json(value, "")
		return p.result()
	}
	p.printf("%s\n", clean(value))
	return p.result()
}

// below prints outputs below what else is said of an apply.
func (o Outputs) below(p *printer) {
	if len(o.Functions) > 0 {
		p.printf("\nOutputs:\n")
		o.lines(p, "  ")
	}
}

// lines prints a line for each value, named so that no two lines have the same name.
func (o Outputs) lines(p *printer, indent string) {
	for _, function := range slices.Sorted(maps.Keys(o.Functions)) {
		for _, name := range slices.Sorted(maps.Keys(o.Functions[function])) {
			p.printf("%s%s.%s = %s\n", indent, clean(function), clean(name), clean(o.Functions[function][name]))
		}
	}
}
