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
	outputsHuman(p, outputs)
	return p.result()
}

// outputsHuman names each thing once for each value: the value shows which it is, an address or an ARN.
func outputsHuman(p *printer, outputs planner.Outputs) {
	if len(outputs) == 0 {
		return
	}
	p.printf("\nOutputs:\n")
	for _, address := range slices.SortedFunc(maps.Keys(outputs), planner.Address.Compare) {
		for _, name := range slices.Sorted(maps.Keys(outputs[address])) {
			p.printf("  %s: %s\n", clean(address.Name), clean(outputs[address][name]))
		}
	}
}
