package applier

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/scar-go/scar/planner"
)

// node is one batch of a plan and what it has to do with the other batches.
type node struct {
	batch planner.Batch
	waits []int // nodes that have to be done before, ascending
	next  []int // nodes that wait for this one, ascending
}

// order groups the changes of a plan into batches and finds which batch has to wait for which. The
// nodes are in the order of the addresses of their first changes. No-ops and what is retained are left
// out, there is nothing to do for them.
//
// What is made waits for what it stands on. What is deleted waits for all that stood on it, be that
// deleted as well, or changed so that it stands on something else. What is replaced waits for what leaves it,
// where that makes no cycle.
func order(plan *planner.Plan) ([]node, error) {
	nodes, home, err := batches(plan.Changes)
	if err != nil {
		return nil, err
	}
	for i := range nodes {
		for _, c := range nodes[i].batch {
			if err := connect(nodes, home, i, c); err != nil {
				return nil, err
			}
		}
	}
	for i := range nodes {
		leaveBeforeReplacement(nodes, home, i)
	}
	for i := range nodes {
		nodes[i].waits = sortedSet(nodes[i].waits)
		nodes[i].next = sortedSet(nodes[i].next)
	}
	if cycle := findCycle(nodes); cycle != nil {
		return nil, fmt.Errorf("the plan cannot be ordered, its changes wait for each other: %s", cycleString(nodes, cycle))
	}
	return nodes, nil
}

// place is where the change of an address is found.
type place struct {
	node   int
	action planner.Action
}

// batches groups the changes that are made together, and says for each address where it ended up.
func batches(changes []planner.Change) ([]node, map[planner.Address]place, error) {
	var (
		nodes []node
		byKey = map[string]int{}
		home  = map[planner.Address]place{}
	)
	sorted := slices.SortedStableFunc(slices.Values(changes), func(a, b planner.Change) int { return a.Compare(b.Address) })
	for _, c := range sorted {
		if !makes(c.Action) && c.Action != planner.Delete {
			continue
		}
		if _, twice := home[c.Address]; twice {
			return nil, nil, fmt.Errorf("the plan holds two changes of %s", c.Address)
		}
		key := batchKey(c)
		i, known := byKey[key]
		if !known {
			i = len(nodes)
			byKey[key] = i
			nodes = append(nodes, node{})
		}
		nodes[i].batch = append(nodes[i].batch, c)
		home[c.Address] = place{i, c.Action}
	}
	return nodes, home, nil
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
func connect(nodes []node, home map[planner.Address]place, i int, c planner.Change) error {
	for _, need := range c.Needs {
		at, changes := home[need]
		switch {
		case !changes:
		case c.Action == planner.Delete && at.action == planner.Delete:
			edge(nodes, i, at.node)
		case makes(c.Action) && makes(at.action):
			edge(nodes, at.node, i)
		case makes(c.Action) && at.action == planner.Delete:
			return fmt.Errorf("the plan deletes %s, which %s needs", need, c.Address)
		}
	}
	for _, need := range stoodOn(c.Before) {
		if at, changes := home[need]; changes && at.action == planner.Delete {
			edge(nodes, i, at.node)
		}
	}
	return nil
}

func edge(nodes []node, before, after int) {
	if before != after {
		nodes[after].waits = append(nodes[after].waits, before)
		nodes[before].next = append(nodes[before].next, after)
	}
}

// leaveBeforeReplacement lets the deletions of node i go before the replacement of what they stood on. A function
// that is replaced takes its policy with it, and with the policy the way to the buckets that started it: after a
// crash in between, a rule that was still to be deleted would not be found again. Two functions that are replaced
// and change places at their buckets wait for each other; the order is then left open.
func leaveBeforeReplacement(nodes []node, home map[planner.Address]place, i int) {
	for _, c := range nodes[i].batch {
		for _, need := range c.Needs {
			at, changes := home[need]
			if c.Action == planner.Delete && changes && at.action == planner.Replace && !leadsTo(nodes, at.node, i) {
				edge(nodes, i, at.node)
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

// stoodOn is what a live resource refers to. Needs tell it of what is to be; this matters where a
// function leaves the role that scar made for it, which must not go before the function has left it.
func stoodOn(live planner.Value) []planner.Address {
	switch v := live.(type) {
	case planner.Function:
		return []planner.Address{
			{Kind: planner.KindRole, Name: path.Base(v.Role)},
			{Kind: planner.KindLogGroup, Name: v.LogGroup},
		}
	case planner.Permission:
		return []planner.Address{{Kind: planner.KindFunction, Name: v.Function}}
	default:
		return nil
	}
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
		b.WriteString(label(nodes[i].batch))
		b.WriteString(" → ")
	}
	b.WriteString(label(nodes[cycle[0]].batch))
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
