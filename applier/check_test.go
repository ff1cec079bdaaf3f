package applier_test

import (
	"strings"
	"testing"

	"github.com/scar-go/scar/applier"
	"github.com/scar-go/scar/planner"
)

func TestCheck(t *testing.T) {
	role := planner.Address{Kind: planner.KindRole, Name: "r"}
	value := planner.Role{Name: "r", Description: "old", Tags: planner.Tags{"b": "2", "a": "1"}}
	update := planner.Change{Address: role, Action: planner.Update, Reason: planner.ReasonDiffers, Before: value, After: planner.Role{Name: "r"}}
	create := planner.Change{Address: role, Action: planner.Create, Reason: planner.ReasonAbsent, After: value}
	again := create
	again.Reason = planner.ReasonWithFunction
	moved := value
	moved.Description, moved.Tags = "new", planner.Tags{"a": "1", "b": "3"}
	for _, c := range []struct {
		name   string
		change planner.Change
		live   planner.Value
		want   string // empty: no error
	}{
		{"as planned", update, planner.Role{Name: "r", Description: "old", Tags: planner.Tags{"a": "1", "b": "2"}}, ""},
		{"a field moved", update, moved, "role/r has changed (description, tags[b]) since the plan was made: plan again"},
		{"gone", update, nil, "role/r has gone since"},
		{"still absent", create, nil, ""},
		{"appeared", create, value, "role/r has appeared since"},
		{"follows its function", again, value, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			cloud := newFakeCloud()
			if c.live != nil {
				cloud.state.Add(planner.Resource{Address: role, Value: c.live})
			}
			err := applier.Check(t.Context(), cloud, plan([]planner.Change{c.change}))
			if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
				t.Errorf("error %v, want %q", err, c.want)
			}
		})
	}
}
