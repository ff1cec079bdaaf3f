package view

import (
	"maps"
	"slices"

	"github.com/scar-go/scar/planner"
)

// Outputs prints what AWS alone can tell of what is there, such as the addresses of functions.
func Outputs(s *Streams, f Format, outputs planner.Outputs) error {
	p := s.out()
	if f == JSON {
		if outputs == nil {
			outputs = planner.Outputs{}
		}
		p.json(outputs, "  ")
		return p.result()
	}
	outputLines(p, "", outputs)
	return p.result()
}

// OutputsBelow prints outputs, for people, below a plan that has nothing to change.
func OutputsBelow(s *Streams, outputs planner.Outputs) error {
	p := s.out()
	outputsHuman(p, outputs)
	return p.result()
}

// outputsHuman prints outputs below what else is said of an apply.
func outputsHuman(p *printer, outputs planner.Outputs) {
	if len(outputs) > 0 {
		p.printf("\nOutputs:\n")
		outputLines(p, "  ", outputs)
	}
}

// outputLines names each thing once for each value: the value shows which it is, an address or an ARN.
func outputLines(p *printer, indent string, outputs planner.Outputs) {
	for _, address := range slices.SortedFunc(maps.Keys(outputs), planner.Address.Compare) {
		for _, name := range slices.Sorted(maps.Keys(outputs[address])) {
			p.printf("%s%s: %s\n", indent, clean(address.Name), clean(outputs[address][name]))
		}
	}
}
