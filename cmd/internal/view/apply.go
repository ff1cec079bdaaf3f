package view

import (
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/scar-go/scar/applier"
	"github.com/scar-go/scar/planner"
)

// sayEvery is how often a line tells that work which takes long is still going on.
const sayEvery = 5 * time.Second

// Apply shows a plan being carried out. Its methods may be called from several goroutines.
type Apply struct {
	format Format
	out    *printer
	log    *printer // progress
	bars   *bars    // nil without a terminal
	now    func() time.Time

	mu      sync.Mutex
	working map[planner.Address]*work
	tally   tally

	stop chan struct{}
	done sync.WaitGroup
}

// work is one change under way.
type work struct {
	change  planner.Change
	started time.Time
	said    time.Time // when a line was last printed about it
	message string
	bytes   applier.Progress
}

// tally counts what was done.
type tally struct{ add, change, destroy, failed, skipped int }

// NewApply returns a view that tells what happens until Finish is called.
func NewApply(s *Streams, f Format) *Apply {
	a := &Apply{
		format: f, out: s.out(), log: s.err(), now: time.Now,
		working: map[planner.Address]*work{}, stop: make(chan struct{}),
	}
	if s.Live && f == Human {
		a.bars = newBars(s)
		a.log = &printer{w: a.bars, color: s.ErrColor}
	}
	a.done.Add(1)
	go a.tick()
	return a
}

// tick repeats what is under way, for those who watch a log.
func (a *Apply) tick() {
	defer a.done.Done()
	ticker := time.NewTicker(time.Second)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			a.repeat()
		case <-a.stop:
			return
		}
	}
}

// Event shows one event of applier.Apply.
func (a *Apply) Event(e applier.Event) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.format == JSON {
		a.count(e)
		a.eventJSON(e)
		return
	}
	a.eventHuman(e)
	a.count(e)
}

func (a *Apply) eventHuman(e applier.Event) {
	address := e.Change.Address
	name := a.log.paint(bold, clean(address.String()))
	switch e.Type {
	case applier.Started:
		a.working[address] = &work{change: e.Change, started: a.now(), said: a.now()}
		a.log.printf("%s: %s…\n", name, doing(e.Change.Action))
	case applier.Progressed:
		a.progress(e)
	case applier.Done:
		a.log.printf("%s: %s after %s\n", name, didVerb(e.Change.Action), a.took(address))
		a.end(address, true)
	case applier.Failed:
		a.log.printf("%s: %s after %s\n", name, a.log.paint(red, "failed"), a.took(address))
		a.end(address, false)
	case applier.Skipped:
		a.log.printf("%s: %s\n", name, a.log.paint(yellow, clean(fmt.Sprint(e.Err))))
	}
}

// progress takes note; repeat says it when it is time, or the bar shows it.
func (a *Apply) progress(e applier.Event) {
	w := a.working[e.Change.Address]
	if w == nil {
		a.log.printf("%s: %s\n", clean(e.Change.Address.String()), clean(e.Progress.Message))
		return
	}
	w.message = e.Progress.Message
	if e.Progress.Total > 0 {
		w.bytes = e.Progress
		if a.bars != nil {
			a.bars.set(e.Change.Address.String(), inBytes, e.Progress.Done, e.Progress.Total)
		}
	}
}

func (a *Apply) end(address planner.Address, complete bool) {
	if a.bars != nil {
		a.bars.end(address.String(), complete)
	}
	delete(a.working, address)
}

func (a *Apply) took(address planner.Address) string {
	w := a.working[address]
	if w == nil {
		return seconds(0)
	}
	return seconds(a.now().Sub(w.started))
}

// repeat prints a line for everything of which nothing was said for a while.
func (a *Apply) repeat() {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.format == JSON {
		return
	}
	now := a.now()
	for _, address := range slices.SortedFunc(maps.Keys(a.working), planner.Address.Compare) {
		w := a.working[address]
		if now.Sub(w.said) < sayEvery || a.bars != nil && w.bytes.Total > 0 {
			continue
		}
		w.said = now
		a.log.printf("%s: %s… [%s]%s\n", clean(address.String()), doing(w.change.Action), seconds(now.Sub(w.started)), w.detail())
	}
}

func (w *work) detail() string {
	text := ""
	if w.message != "" {
		text = " " + clean(w.message)
	}
	if w.bytes.Total > 0 {
		text += fmt.Sprintf(" %s of %s", size(w.bytes.Done), size(w.bytes.Total))
	}
	return text
}

func (a *Apply) count(e applier.Event) {
	switch e.Type {
	case applier.Failed:
		a.tally.failed++
	case applier.Skipped:
		a.tally.skipped++
	case applier.Done:
		add, change, destroy := (&planner.Plan{Changes: []planner.Change{e.Change}}).Counts()
		a.tally.add += add
		a.tally.change += change
		a.tally.destroy += destroy
	case applier.Started, applier.Progressed:
	}
}

// Finish ends the view with a summary. What went wrong is printed by Error.
func (a *Apply) Finish(p *planner.Plan, outputs Outputs, failed bool) error {
	close(a.stop)
	a.done.Wait()
	if a.bars != nil {
		a.bars.wait()
	}
	if a.format == JSON {
		a.summaryJSON(outputs.Resources)
		return a.out.result()
	}
	t := a.tally
	counts := fmt.Sprintf("%d added, %d changed, %d destroyed.", t.add, t.change, t.destroy)
	if failed {
		a.out.printf("\n%s %s %d failed, %d skipped.\n", a.out.paint(red, "Apply incomplete:"), counts, t.failed, t.skipped)
		return a.out.result()
	}
	a.out.printf("\n%s %s\n", a.out.paint(green, "Apply complete!"), counts)
	a.keptHuman(p)
	outputs.below(a.out)
	return a.out.result()
}

// keptHuman names what stays in the account although one might expect it to go.
func (a *Apply) keptHuman(p *planner.Plan) {
	for _, c := range p.Changes {
		if c.Action == planner.Retain {
			a.out.printf("Kept: %s (%s)\n", clean(c.Address.String()), because(c))
		}
	}
}

func doing(a planner.Action) string {
	switch a {
	case planner.Create:
		return "creating"
	case planner.Update:
		return "changing"
	case planner.Replace:
		return "replacing"
	case planner.Delete:
		return "destroying"
	case planner.Adopt:
		return "adopting"
	case planner.NoOp, planner.Retain:
	}
	return "working"
}

func didVerb(a planner.Action) string {
	switch a {
	case planner.Create:
		return "created"
	case planner.Update:
		return "changed"
	case planner.Replace:
		return "replaced"
	case planner.Delete:
		return "destroyed"
	case planner.Adopt:
		return "adopted"
	case planner.NoOp, planner.Retain:
	}
	return "done"
}
