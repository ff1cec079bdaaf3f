package applier

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/hashicorp/go-multierror"

	"github.com/scar-go/scar/planner"
)

// DefaultParallelism is how many batches Apply works on at once unless told otherwise.
const DefaultParallelism = 10

// Options steer Apply.
type Options struct {
	// Parallelism is how many batches are worked on at once; 0 means DefaultParallelism.
	Parallelism int

	// Drain is how long a function is kept after the last of what starts it is gone, so
	// that the invocations under way can end. A function waits no longer than its own time-out.
	Drain time.Duration

	// Events is told what happens, one event at a time. It may be nil. It must not block for long: the
	// work waits for it.
	Events func(Event)
}

// Interrupted is part of the error of an Apply whose context ended: what was done until then, and what
// was not.
type Interrupted struct {
	Done []planner.Address // changes that were made
	Left []planner.Address // changes that were not made, or whose end was not seen
	Err  error             // the context's
}

func (e *Interrupted) Error() string {
	return fmt.Sprintf("interrupted: %s; not done: %s; apply again to finish", doneString(e.Done), addressList(e.Left))
}

// Unwrap returns the context's error.
func (e *Interrupted) Unwrap() error { return e.Err }

// SkippedError says that a change was not begun because one that it depends on failed.
type SkippedError struct {
	Cause planner.Address // what failed
}

func (e *SkippedError) Error() string { return fmt.Sprintf("skipped because %s failed", e.Cause) }

// Apply makes the changes of a plan, in an order in which nothing lacks what it needs, and as much at
// once as that order and the options allow. A change that fails stops only those that depend on it.
//
// The outputs are those of the changes that were made, also when there is an error. The error is a
// multierror with one error for each batch that failed, or that was skipped because another failed and then
// holds a *SkippedError, in the order of their addresses, and an *Interrupted at the end if the context
// ended before all was done. After any error the same way from file to plan to Apply can be gone again: it
// goes on where this one stopped.
func Apply(ctx context.Context, cloud Cloud, plan *planner.Plan, opts Options) (planner.Outputs, error) {
	nodes, err := order(plan)
	if err != nil {
		return nil, err
	}
	r := newRun(ctx, cloud, nodes, opts)
	r.loop(ctx)
	return r.outputs, r.err(ctx)
}

// run is one Apply under way. Only the goroutine of loop touches it; workers send it messages.
type run struct {
	nodes    []node
	status   []status
	opts     Options
	outputs  planner.Outputs
	messages chan message
	over     chan struct{} // closed when nobody listens to messages any more
	begin    func(i int)   // starts the work on a node

	ready   []int // nodes that can be started, ascending
	working int   // nodes being worked on
	waiting int   // nodes being drained
}

// status is how far one node is.
type status struct {
	state   state
	pending int   // nodes that it still waits for
	err     error // of failed and skipped
}

type state int

const (
	untouched state = iota
	draining
	started
	done
	failed
	skipped
)

// message is what a worker or a drain tells the loop.
type message struct {
	node     int
	kind     messageKind
	progress Progress
	outputs  planner.Outputs
	err      error
}

type messageKind int

const (
	progressed messageKind = iota
	drained
	finished
)

func newRun(ctx context.Context, cloud Cloud, nodes []node, opts Options) *run {
	if opts.Parallelism <= 0 {
		opts.Parallelism = DefaultParallelism
	}
	if opts.Events == nil {
		opts.Events = func(Event) {}
	}
	r := &run{
		nodes:    nodes,
		status:   make([]status, len(nodes)),
		opts:     opts,
		outputs:  planner.Outputs{},
		messages: make(chan message),
		over:     make(chan struct{}),
	}
	for i, n := range nodes {
		r.status[i].pending = len(n.waits)
	}
	r.begin = func(i int) {
		go func() {
			report := func(p Progress) {
				select {
				case r.messages <- message{node: i, kind: progressed, progress: p}:
				case <-r.over: // said too late: by a goroutine that outlived its Do
				}
			}
			outputs, err := cloud.Do(ctx, slices.Concat(nodes[i].batch, nodes[i].with), report)
			r.messages <- message{node: i, kind: finished, outputs: outputs, err: err}
		}()
	}
	return r
}

// loop starts what can be started and listens, until nothing is under way any more.
func (r *run) loop(ctx context.Context) {
	defer close(r.over)
	for i := range r.nodes {
		if r.status[i].pending == 0 {
			r.free(ctx, i)
		}
	}
	for {
		for len(r.ready) > 0 && r.working < r.opts.Parallelism && ctx.Err() == nil {
			i := r.ready[0]
			r.ready = r.ready[1:]
			r.start(i)
		}
		if r.working == 0 && r.waiting == 0 {
			return
		}
		r.handle(ctx, <-r.messages)
	}
}

// free is called once for a node when all it waits for is done.
func (r *run) free(ctx context.Context, i int) {
	wait := r.drainOf(i)
	if wait <= 0 {
		r.enqueue(i)
		return
	}
	r.waiting++
	r.status[i].state = draining
	c := r.nodes[i].batch[0]
	note := fmt.Sprintf("draining: invocations under way have %s to end", wait)
	r.opts.Events(Event{Type: Started, Change: c})
	r.opts.Events(Event{Type: Progressed, Change: c, Progress: Progress{Address: c.Address, Message: note}})
	go func() {
		timer := time.NewTimer(wait)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-ctx.Done():
		}
		r.messages <- message{node: i, kind: drained}
	}()
}

// invoking are the kinds of what starts functions.
var invoking = map[planner.Kind]bool{
	planner.KindPermission: true, planner.KindTrigger: true, planner.KindEventSource: true,
	planner.KindSchedule: true, planner.KindFunctionURL: true, planner.KindHTTPAPI: true,
}

// drainOf is how long a node has to wait although nothing that it needs is missing: a function that is
// deleted and from which something that started it was taken by this very plan.
func (r *run) drainOf(i int) time.Duration {
	c := r.nodes[i].batch[0]
	if c.Kind != planner.KindFunction || c.Action != planner.Delete {
		return 0
	}
	invoked := slices.ContainsFunc(r.nodes[i].waits, func(j int) bool {
		return invoking[r.nodes[j].batch[0].Kind]
	})
	if !invoked {
		return 0
	}
	wait := r.opts.Drain
	if f, isFunction := c.Before.(planner.Function); isFunction && f.Timeout > 0 {
		wait = min(wait, time.Duration(f.Timeout)*time.Second)
	}
	return wait
}

func (r *run) enqueue(i int) {
	at, _ := slices.BinarySearch(r.ready, i)
	r.ready = slices.Insert(r.ready, at, i)
}

func (r *run) start(i int) {
	r.working++
	if r.status[i].state != draining && r.nodes[i].partOf == nil {
		for _, c := range r.nodes[i].batch {
			r.opts.Events(Event{Type: Started, Change: c})
		}
	}
	r.status[i].state = started
	r.begin(i)
}

func (r *run) handle(ctx context.Context, m message) {
	batch := r.nodes[m.node].shown()
	switch m.kind {
	case progressed:
		for _, c := range batch {
			if c.Address == m.progress.Address || len(batch) == 1 {
				r.opts.Events(Event{Type: Progressed, Change: c, Progress: m.progress})
			}
		}
	case drained:
		r.waiting--
		r.enqueue(m.node)
	case finished:
		r.working--
		r.finish(ctx, m)
	}
}

func (r *run) finish(ctx context.Context, m message) {
	n := r.nodes[m.node]
	if m.err != nil {
		err := fmt.Errorf("%s: %w", label(n.shown()), m.err)
		r.status[m.node] = status{state: failed, err: err}
		for _, c := range n.shown() {
			r.opts.Events(Event{Type: Failed, Change: c, Err: m.err})
		}
		r.skipDependents(m.node, n.batch[0].Address)
		return
	}
	r.status[m.node].state = done
	for address, outputs := range m.outputs {
		r.outputs[address] = outputs
	}
	if n.partOf == nil {
		for _, c := range n.batch {
			r.opts.Events(Event{Type: Done, Change: c, Outputs: m.outputs[c.Address]})
		}
	}
	for _, j := range n.next {
		r.status[j].pending--
		if r.status[j].pending == 0 && r.status[j].state == untouched {
			r.free(ctx, j)
		}
	}
}

// skipDependents marks everything that stands on node i, directly or not. The cause is named in each.
func (r *run) skipDependents(i int, cause planner.Address) {
	for _, j := range r.nodes[i].next {
		if r.status[j].state != untouched {
			continue
		}
		r.skip(j, &SkippedError{Cause: cause})
		r.skipDependents(j, cause)
	}
}

func (r *run) skip(i int, why error) {
	if r.nodes[i].partOf != nil {
		r.status[i] = status{state: skipped} // what kept it from its end has been told
		return
	}
	batch := r.nodes[i].batch
	r.status[i] = status{state: skipped, err: fmt.Errorf("%s: %w", label(batch), why)}
	for _, c := range batch {
		r.opts.Events(Event{Type: Skipped, Change: c, Err: why})
	}
}

// err collects what went wrong, in the order of addresses.
func (r *run) err(ctx context.Context) error {
	var all *multierror.Error
	for i, s := range r.status {
		switch {
		case s.state == untouched:
			r.skip(i, errors.New("not begun: interrupted"))
		case s.state == draining:
			c := r.nodes[i].batch[0]
			r.opts.Events(Event{Type: Failed, Change: c, Err: errors.New("not deleted: interrupted while draining")})
		case s.err != nil:
			all = multierror.Append(all, s.err)
		}
	}
	if interrupted := r.interrupted(ctx); interrupted != nil {
		all = multierror.Append(all, interrupted)
	}
	return all.ErrorOrNil()
}

// interrupted is nil if everything was done, or if the context had no part in what was not.
func (r *run) interrupted(ctx context.Context) error {
	e := &Interrupted{Err: ctx.Err()}
	for i, s := range r.status {
		for _, c := range r.nodes[i].shown() {
			if s.state == done && r.nodes[i].partOf == nil {
				e.Done = append(e.Done, c.Address)
			} else if s.state != done {
				e.Left = append(e.Left, c.Address)
			}
		}
	}
	if e.Err == nil || len(e.Left) == 0 {
		return nil
	}
	return e
}

func doneString(done []planner.Address) string {
	if len(done) == 0 {
		return "nothing was done"
	}
	return "done: " + addressList(done)
}

func addressList(addresses []planner.Address) string {
	names := make([]string, len(addresses))
	for i, a := range addresses {
		names[i] = a.String()
	}
	return strings.Join(names, ", ")
}
