package view

import (
	"github.com/scar-go/scar/applier"
	"github.com/scar-go/scar/planner"
)

// eventLine is one line of apply --json: JSON Lines, so that a program can follow the work.
type eventLine struct {
	Type    string            `json:"type"`
	Address *planner.Address  `json:"address,omitempty"`
	Action  planner.Action    `json:"action,omitempty"`
	Message string            `json:"message,omitempty"`
	Done    int64             `json:"done_bytes,omitempty"`
	Total   int64             `json:"total_bytes,omitempty"`
	Outputs map[string]string `json:"outputs,omitempty"`
	Error   string            `json:"error,omitempty"`
}

func (a *Apply) eventJSON(e applier.Event) {
	line := eventLine{
		Type: string(e.Type), Address: &e.Change.Address, Action: e.Change.Action,
		Message: e.Progress.Message, Done: e.Progress.Done, Total: e.Progress.Total, Outputs: e.Outputs,
	}
	if e.Err != nil {
		line.Error = e.Err.Error()
	}
	a.out.json(line, "")
}

func (a *Apply) summaryJSON(outputs planner.Outputs) {
	a.out.json(struct {
		Type    string          `json:"type"`
		Add     int             `json:"add"`
		Change  int             `json:"change"`
		Destroy int             `json:"destroy"`
		Failed  int             `json:"failed"`
		Skipped int             `json:"skipped"`
		Outputs planner.Outputs `json:"outputs"`
	}{"summary", a.tally.add, a.tally.change, a.tally.destroy, a.tally.failed, a.tally.skipped, outputs}, "")
}
