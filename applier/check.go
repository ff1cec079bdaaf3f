package applier

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/go-multierror"

	"github.com/scar-go/scar/planner"
)

// Check reads every resource of a plan again and refuses the plan if one has changed since it was made:
// what the user agreed to would then not be what happens. The error is a multierror that names what has
// moved, in the order of addresses. The values themselves are not shown, some may be secret.
func Check(ctx context.Context, cloud Cloud, plan *planner.Plan) error {
	var refs []planner.Ref
	for _, c := range plan.Changes {
		refs = append(refs, c.Address)
	}
	live, err := cloud.Read(ctx, refs)
	if err != nil {
		return fmt.Errorf("read the resources of the plan again: %w", err)
	}
	var moved *multierror.Error
	for _, c := range slices.SortedFunc(slices.Values(plan.Changes), func(a, b planner.Change) int { return a.Compare(b.Address) }) {
		r, exists := live[c.Address]
		if why := movedSince(c, r.Value, exists); why != "" {
			moved = multierror.Append(moved, fmt.Errorf("%s %s since the plan was made: plan again", c.Address, why))
		}
	}
	return moved.ErrorOrNil()
}

// movedSince says how a live value differs from the one that the plan was made from; empty if it does not.
func movedSince(c planner.Change, live planner.Value, exists bool) string {
	before := c.Before
	if c.Reason == planner.ReasonWithFunction {
		return "" // it is made again together with its function, whatever is there
	}
	switch {
	case before == nil && exists:
		return "has appeared"
	case before == nil:
		return ""
	case !exists:
		return "has gone"
	case before.Kind() != live.Kind():
		return "is something else"
	}
	var paths []string
	for _, f := range planner.Diff(before, live) {
		paths = append(paths, f.Path)
	}
	if len(paths) == 0 {
		return ""
	}
	return "has changed (" + strings.Join(paths, ", ") + ")"
}
