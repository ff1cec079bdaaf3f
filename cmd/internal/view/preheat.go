package view

import (
	"strings"

	"github.com/scar-go/scar/planner"
)

// Preheat tells of a function that is started so that Lambda has its image at hand. What it returns is called when the
// function has answered. That it failed is a warning: everything is applied.
func (a *Apply) Preheat(function string) (ended func(error)) {
	address := planner.Address{Kind: planner.KindFunction, Name: function}
	a.preheating(address, "preheating", nil)
	return func(err error) { a.preheating(address, "preheated", err) }
}

func (a *Apply) preheating(address planner.Address, what string, err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	switch {
	case a.format == JSON:
		line := eventLine{Type: what, Address: &address}
		if err != nil {
			line.Error = err.Error()
		}
		a.out.json(line, "")
	case err != nil:
		a.log.printf("%s %s: it was not preheated: %s\n", a.log.paint(yellow, "warning:"), clean(address.String()), clean(err.Error()))
	case what == "preheating":
		a.log.printf("%s: preheating…\n", a.log.paint(bold, clean(address.String())))
	default:
		a.log.printf("%s: preheated\n", a.log.paint(bold, clean(address.String())))
	}
}

// preheatLine says which functions a plan starts at its end; empty where there are none.
func preheatLine(p *planner.Plan) string {
	if len(p.Preheat) == 0 {
		return ""
	}
	return "At the end, an event that runs no script is sent to " + clean(strings.Join(p.Preheat, ", ")) + " (preheat)."
}
