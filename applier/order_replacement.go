package applier

import (
	"slices"

	"github.com/scar-go/scar/planner"
)

// endReplacements lets the end of each function's replacement follow all else that is done about the function: what
// arrived while there was no function is looked for once nothing can be missed any more. A plan has the end of a replacement
// that was cut short; for functions that it replaces itself, a node is added, which is part of the function's change.
func (g *graph) endReplacements(plan *planner.Plan) {
	for _, c := range plan.Changes {
		switch {
		case c.Reason == planner.ReasonReplaced:
			g.endsReplacement(g.home[c.Address].node, plan)
		case c.Kind == planner.KindFunction && c.Action == planner.Replace:
			end := planner.ReplacementEnd(plan.Project, c.Name)
			if _, planned := g.home[end.Address]; planned {
				continue
			}
			g.nodes = append(g.nodes, node{batch: planner.Batch{end}, partOf: &c})
			g.endsReplacement(len(g.nodes)-1, plan)
		}
	}
}

// endsReplacement lets a node follow the others of its function, and gives it the function's rules, which say what to look for.
func (g *graph) endsReplacement(end int, plan *planner.Plan) {
	function := g.nodes[end].batch[0].Owner.Function
	for i := range g.nodes {
		if i != end && slices.ContainsFunc(g.nodes[i].batch, func(c planner.Change) bool { return c.Owner.Function == function }) {
			g.edge(i, end)
		}
	}
	for _, c := range plan.Changes {
		if c.Kind == planner.KindTrigger && c.After != nil && c.Owner.Function == function {
			g.nodes[end].with = append(g.nodes[end].with, c)
		}
	}
}

// shown are the changes that events about a node name: its own, or the one that it is a part of.
func (n node) shown() planner.Batch {
	if n.partOf != nil {
		return planner.Batch{*n.partOf}
	}
	return n.batch
}
