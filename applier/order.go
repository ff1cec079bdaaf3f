package applier

import (
	"fmt"
	"slices"
	"strings"

	"github.com/scar-go/scar/planner"
)

// node is one batch of a plan and what it has to do with the other batches.
type node struct {
	batch planner.Batch
	waits []int // nodes that have to be done before, ascending
	next  []int // nodes that wait for this one, ascending

	with   planner.Batch   // changes that Do is told beside the batch, and that are none of its work
	partOf *planner.Change // the change that the node ends, which has one of its own; nil: it is the plan's
}

// order groups the changes of a plan into batches and finds which batch has to wait for which. The
// nodes are in the order of the addresses of their first changes. No-ops and what is retained are left
// out, there is nothing to do for them.
//
// What is made waits for what it stands on, through what stays as it is too: an event source waits for a right of its
// function's role. What is deleted waits for all that stood on it, be that deleted as well, or changed so that it stands on
// something else. What is replaced waits for what leaves it, where that makes no cycle.
func order(plan *planner.Plan) ([]node, error) {
	g, err := newGraph(plan)
	if err != nil {
		return nil, err
	}
	for i := range g.nodes {
		for _, c := range g.nodes[i].batch {
			if err := g.connect(i, c); err != nil {
				return nil, err
			}
		}
	}
	for i := range g.nodes {
		g.leaveBeforeReplacement(i)
	}
	g.endReplacements(plan)
	nodes := g.nodes
	for i := range nodes {
		nodes[i].waits = sortedSet(nodes[i].waits)
		nodes[i].next = sortedSet(nodes[i].next)
	}
	if cycle := findCycle(nodes); cycle != nil {
		return nil, fmt.Errorf("the plan cannot be ordered, its changes wait for each other: %s", cycleString(nodes, cycle))
	}
	return nodes, nil
}

// graph is the order while it is found.
type graph struct {
	project string
	nodes   []node
	home    map[planner.Address]place             // of what is done
	stays   map[planner.Address][]planner.Address // needs of what stays as it is
}

// place is where the change of an address is found.
type place struct {
	node   int
	change planner.Change
}

// newGraph groups the changes that are made together, and notes for each address where it ended up.
func newGraph(plan *planner.Plan) (*graph, error) {
	g := &graph{project: plan.Project, home: map[planner.Address]place{}, stays: map[planner.Address][]planner.Address{}}
	byKey := map[string]int{}
	sorted := slices.SortedStableFunc(slices.Values(plan.Changes), func(a, b planner.Change) int { return a.Compare(b.Address) })
	for _, c := range sorted {
		if !makes(c.Action) && c.Action != planner.Delete {
			g.stays[c.Address] = c.Needs
			continue
		}
		if _, twice := g.home[c.Address]; twice {
			return nil, fmt.Errorf("the plan holds two changes of %s", c.Address)
		}
		key := batchKey(c)
		i, known := byKey[key]
		if !known {
			i = len(g.nodes)
			byKey[key] = i
			g.nodes = append(g.nodes, node{})
		}
		g.nodes[i].batch = append(g.nodes[i].batch, c)
		g.home[c.Address] = place{i, c}
	}
	return g, nil
}

// batchKey is equal for the changes that are made together. The rules of one bucket are one document,
// written at once. The statements of one function's policy are written one by one but must not be
// written in parallel; what is granted and what is revoked are kept apart, because a trigger may have
// to be made after the first and removed before the second.
func batchKey(c planner.Change) string {
	document, _ := c.Split()
	switch {
	case c.Kind == planner.KindTrigger:
		return "trigger/" + document
	case c.Kind == planner.KindPermission && c.Action == planner.Delete:
		return "revoke/" + document
	case c.Kind == planner.KindPermission:
		return "grant/" + document
	default:
		return c.String()
	}
}

// connect adds the edges between node i, which holds c, and the nodes of what c stands or stood on.
func (g *graph) connect(i int, c planner.Change) error {
	for _, need := range g.needs(c) {
		at, changes := g.home[need]
		switch {
		case !changes:
		case c.Action == planner.Delete && at.change.Action == planner.Delete:
			g.edge(i, at.node)
		case makes(c.Action) && makes(at.change.Action):
			g.edge(at.node, i)
		case c.Action == planner.Delete && (at.change.Action == planner.Adopt || c.Reason == planner.ReasonTakenOver):
			g.edge(at.node, i) // it is ours to delete only by then
		case makes(c.Action) && at.change.Action == planner.Delete:
			return fmt.Errorf("the plan deletes %s, which %s needs", need, c.Address)
		}
	}
	for _, need := range stoodOn(g.project, c) {
		if at, changes := g.home[need]; changes && at.change.Action == planner.Delete {
			g.edge(i, at.node)
		}
	}
	return nil
}

// needs is what a change stands on. What stays as it is stands for what it stands on itself, where something is made.
func (g *graph) needs(c planner.Change) []planner.Address {
	if c.Action == planner.Delete {
		return c.Needs
	}
	var all []planner.Address
	seen := map[planner.Address]bool{}
	var visit func(needs []planner.Address)
	visit = func(needs []planner.Address) {
		for _, need := range needs {
			if seen[need] {
				continue
			}
			seen[need] = true
			if further, stays := g.stays[need]; stays {
				visit(further)
				continue
			}
			all = append(all, need)
		}
	}
	visit(c.Needs)
	return all
}

func (g *graph) edge(before, after int) {
	if before != after {
		g.nodes[after].waits = append(g.nodes[after].waits, before)
		g.nodes[before].next = append(g.nodes[before].next, after)
	}
}

// leaveBeforeReplacement lets the deletions of node i go before the replacement of what they stood on, and before a queue
// stops to admit the bucket that they are about. A function that is replaced takes its policy with it, and with a policy
// goes the way to the buckets that it named: after a crash in between, a rule that was still to be deleted would not be
// found again. Two that change places at their buckets wait for each other; the order is then left open.
func (g *graph) leaveBeforeReplacement(i int) {
	for _, c := range g.nodes[i].batch {
		if c.Action != planner.Delete || c.Reason == planner.ReasonTakenOver {
			continue // what is taken over leaves only once what takes its place is there
		}
		for _, need := range c.Needs {
			at, changes := g.home[need]
			loses := changes && (at.change.Action == planner.Replace || c.Kind == planner.KindTrigger && need.Kind == planner.KindQueue && makes(at.change.Action))
			if loses && !leadsTo(g.nodes, at.node, i) {
				g.edge(i, at.node)
			}
		}
	}
}

// leadsTo says whether one node has to be done before another, directly or not.
func leadsTo(nodes []node, from, to int) bool {
	seen := map[int]bool{}
	for stack := []int{from}; len(stack) > 0; {
		i := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		if i == to {
			return true
		}
		for _, next := range nodes[i].next {
			if !seen[next] {
				seen[next] = true
				stack = append(stack, next)
			}
		}
	}
	return false
}

// makes says whether an action leaves the resource in existence.
func makes(a planner.Action) bool {
	return a == planner.Create || a == planner.Update || a == planner.Replace || a == planner.Adopt
}

// stoodOn is what a live resource needs. Needs of a change tell it of what is to be; this matters where something stays and
// leaves what goes: a function the role that scar made for it, a rule the function that it started or the queue that it fed.
// A rule leaves a queue before the queue's event source goes, so that what it put there is worked on.
func stoodOn(project string, c planner.Change) []planner.Address {
	needs := planner.Needs(c.Before, project)
	if rule, isRule := c.Before.(planner.Trigger); isRule {
		if queue, found := planner.QueueOfARN(rule.Target); found {
			needs = append(needs, planner.Address{Kind: planner.KindEventSource, Name: c.Owner.Function + "/" + queue})
		}
	}
	return needs
}

// findCycle returns the nodes of one cycle in the order in which they wait for each other, or nil.
func findCycle(nodes []node) []int {
	const (
		unseen = iota
		open
		closed
	)
	state := make([]int, len(nodes))
	var trail, cycle []int
	var visit func(i int) bool
	visit = func(i int) bool {
		state[i] = open
		trail = append(trail, i)
		for _, j := range nodes[i].waits {
			if state[j] == open {
				cycle = slices.Clone(trail[slices.Index(trail, j):])
				return true
			}
			if state[j] == unseen && visit(j) {
				return true
			}
		}
		state[i] = closed
		trail = trail[:len(trail)-1]
		return false
	}
	for i := range nodes {
		if state[i] == unseen && visit(i) {
			return cycle
		}
	}
	return nil
}

func cycleString(nodes []node, cycle []int) string {
	var b strings.Builder
	for _, i := range cycle {
		b.WriteString(label(nodes[i].shown()))
		b.WriteString(" → ")
	}
	b.WriteString(label(nodes[cycle[0]].shown()))
	return b.String()
}

// label names a batch in messages: its one change, or its first and how many there are beside it.
func label(b planner.Batch) string {
	if len(b) == 1 {
		return b[0].Address.String()
	}
	document, _ := b[0].Split()
	return fmt.Sprintf("%s (and %d more of %s)", b[0].Address, len(b)-1, document)
}

func sortedSet(l []int) []int {
	slices.Sort(l)
	return slices.Compact(l)
}
