package runs

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
)

// pagesOpen is how many pages have no results yet, at most.
const pagesOpen = 8

// readers is how many records are read at once: each object's is read before it is sent and after its end, and neither may hold
// up fast functions.
func (r *Runner) readers() int { return min(max(32, 4*r.Concurrency), 256) }

// work is one process's part of a run.
type work struct {
	*Runner
	keeper *keeper
	limit  *limiter
	before lease // as it was when this process took it
	info   Info

	unsettled  []int     // pages of before that have no results
	handed     int       // how many pages have been opened, those first
	pages      int       // how many pages there are
	cursor     string    // behind the last of them
	listed     bool      // there are no more
	taken      int       // objects that had to be sent, for the limit of the selection
	doubtUntil time.Time // when what another process has sent must have ended

	cancel  context.CancelCauseFunc
	flying  *crew         // at objects that are sent or waited for
	room    chan struct{} // a place for each open page
	reading chan struct{} // a place for each record that is read
	batcher *batcher      // of a queue; nil: there is none
	quiet   quiet         // of a queue

	mu      sync.Mutex
	tally   Tally // of all objects that have ended
	found   int   // objects that were listed
	ahead   int   // objects that were counted, those listed included
	all     bool  // all objects have been counted
	open    map[int]*page
	counted map[int]Tally // of pages that have results, but not all pages before them
	state   State
}

// process does the work, waits for what is under way, and writes down how far it got.
func (w *work) process(parent context.Context) error {
	ctx, cancel := context.WithCancelCause(parent)
	defer cancel(nil)
	w.cancel, w.flying = cancel, newCrew()
	w.room, w.reading = make(chan struct{}, pagesOpen), make(chan struct{}, w.readers())
	w.open = map[int]*page{}
	if w.counted == nil {
		w.counted = map[int]Tally{}
	}
	beside, stop := context.WithCancel(context.WithoutCancel(parent))
	defer stop()
	var helpers sync.WaitGroup
	helpers.Go(func() { w.keeper.keep(beside) })
	if w.Progress != nil && !w.listed && w.info.Limit == 0 {
		w.ahead = w.found
		counting, cursor := w.Lister(w.info), w.cursor
		helpers.Go(func() { w.countAhead(beside, counting, cursor) })
	}
	if w.Queue != nil {
		w.batcher = newBatcher(w.Queue)
		helpers.Go(func() { w.batcher.run(beside) })
		helpers.Go(func() { w.quiet.watch(beside, w.Queue, w.Tempo.Poll, w.Now) })
	}
	err := w.stages(ctx)
	w.flying.Wait()
	if cause := context.Cause(ctx); cause != nil {
		err = cause // the first of several errors
	}
	stop()
	helpers.Wait()
	return w.finish(context.WithoutCancel(parent), parent, err)
}

// stages runs the three stages, each of which works ahead of the next: pages are listed and written, chunks of them are
// announced, and their objects sent.
func (w *work) stages(ctx context.Context) error {
	pages, chunks := make(chan *page), make(chan []item)
	var stages errgroup.Group
	stage := func(f func() error) {
		stages.Go(func() error {
			err := f()
			if err != nil {
				w.cancel(err)
			}
			return err
		})
	}
	stage(func() error { defer close(pages); return w.produce(ctx, pages) })
	stage(func() error { defer close(chunks); return w.announce(ctx, pages, chunks) })
	stage(func() error { return w.dispatch(ctx, chunks) })
	return stages.Wait()
}

// finish writes down how far the run is.
func (w *work) finish(ctx, parent context.Context, err error) error {
	w.state = Stopped
	if errors.Is(err, errLost) {
		return err
	}
	if err == nil && w.complete() {
		w.state = Finished
		w.keeper.note(func(l *lease) { l.Doubt = false })
		end := End{State: Finished, Ended: w.Now().UTC(), Tally: w.tally}
		err = w.ledger().createJSON(ctx, w.info.ID+"/"+endName, &end)
		if err != nil {
			err = fmt.Errorf("write the end of run %s: %w", w.info.ID, err)
		}
		return errors.Join(err, w.release(ctx))
	}
	var kept error
	for _, p := range w.open {
		w.parkDoubtful(p)
		kept = errors.Join(kept, w.ledger().writePartial(ctx, w.info.ID, p.number, p.known()))
	}
	// What the pages do not say is in doubt, if it is before the mark.
	doubt := kept != nil || w.before.Doubt && w.handed < len(w.unsettled)
	w.keeper.note(func(l *lease) { l.Doubt = doubt })
	kept = errors.Join(kept, w.release(ctx))
	if parent.Err() != nil && errors.Is(err, parent.Err()) {
		err = nil // an interruption is no error
	}
	return errors.Join(err, kept)
}

// parkDoubtful takes down which of a page's objects are still in doubt, for the next process to wait for.
func (w *work) parkDoubtful(p *page) {
	for _, it := range p.open() {
		if w.doubtful(it) && it.known().Status != Pending {
			it.settle(Entry{Status: Pending})
		}
	}
}

// release lets others have the lease. What was in doubt when this process took it stays so, unless finish knows better.
func (w *work) release(ctx context.Context) error {
	err := w.keeper.update(context.WithoutCancel(ctx), func(l *lease) { l.Released = true })
	if err != nil {
		return fmt.Errorf("release the lease of the run: %w", err)
	}
	return nil
}

// complete says whether every object has a result.
func (w *work) complete() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.listed && len(w.open) == 0
}

// resume finds out how far the run is.
func (w *work) resume(ctx context.Context, age time.Duration) error {
	l, id, from := w.ledger(), w.info.ID, w.before.Settled
	pages, err := l.numbers(ctx, id, pagesFolder, from)
	if err != nil {
		return fmt.Errorf("list the pages of run %s: %w", id, err)
	}
	settled, err := l.numbers(ctx, id, resultsFolder, from)
	if err != nil {
		return fmt.Errorf("list the results of run %s: %w", id, err)
	}
	w.tally, w.counted = w.before.Tally, map[int]Tally{}
	for _, n := range settled {
		entries, err := l.readEntries(ctx, id, resultsFolder, n)
		if err != nil {
			return err
		}
		w.countPage(n, tallyOf(entries))
		w.tally.add(tallyOf(entries))
	}
	w.taken, w.found, w.pages = w.tally.sent(), w.tally.Total(), from
	if last := from - 1; len(pages) > 0 || last >= 0 {
		if len(pages) > 0 {
			last = pages[len(pages)-1]
		}
		head, _, err := l.readPage(ctx, id, last)
		if err != nil {
			return err
		}
		w.cursor, w.listed, w.pages = head.Next, head.Next == "", last+1
	}
	for n := from; n < w.pages; n++ {
		if !slices.Contains(settled, n) {
			w.unsettled = append(w.unsettled, n)
		}
	}
	// A holder sends nothing when its last sign of life is half a lease ago, nor after its end.
	w.doubtUntil = w.Now().Add(min(0, w.Tempo.Lease/2-age) + w.Timeout)
	return nil
}

// countPage takes down that a page has results. The lease counts pages up to the first that has none.
func (w *work) countPage(number int, t Tally) {
	w.counted[number] = t
	w.keeper.note(func(l *lease) {
		for {
			t, found := w.counted[l.Settled]
			if !found {
				return
			}
			delete(w.counted, l.Settled)
			l.Tally.add(t)
			l.Settled++
		}
	})
}

// settled takes down what became of an object, and with the last one of a page its results.
func (w *work) settled(ctx context.Context, it item, e Entry) {
	last := it.settle(e)
	if e.Status == Pending {
		return
	}
	w.mu.Lock()
	w.tally.count(e.Status)
	failed := w.tally.Failed
	w.mu.Unlock()
	w.tell()
	if last {
		w.close(ctx, it.page)
	}
	if w.MaxFailures > 0 && failed > w.MaxFailures {
		w.cancel(&TooManyFailuresError{w.MaxFailures})
	}
}

// TooManyFailuresError says that a run was stopped because more objects failed than were allowed to.
type TooManyFailuresError struct{ Max int }

func (e *TooManyFailuresError) Error() string {
	return fmt.Sprintf("more than %d objects failed: the run is stopped (--max-failures)", e.Max)
}

// close writes the results of a page whose objects have all ended.
func (w *work) close(ctx context.Context, p *page) {
	entries := p.known()
	if err := w.ledger().writeResults(ctx, w.info.ID, p.number, entries); err != nil {
		w.cancel(err)
		return
	}
	w.mu.Lock()
	delete(w.open, p.number)
	w.countPage(p.number, tallyOf(entries))
	w.mu.Unlock()
	<-w.room
}

// tell reports how far the run is.
func (w *work) tell() {
	if w.Progress == nil {
		return
	}
	limit, inUse := w.limit.current()
	w.mu.Lock()
	p := Progress{Tally: w.tally, Total: max(w.found, w.ahead), Complete: w.listed || w.all, Limit: limit, InFlight: inUse}
	w.mu.Unlock()
	w.Progress(p)
}

// countAhead counts the objects while the first of them are sent, so that it can be told how long the rest takes. It is a
// comfort: where it fails, nobody is told how long.
func (w *work) countAhead(ctx context.Context, lister Lister, cursor string) {
	for {
		objects, next, err := lister.List(ctx, cursor, PageSize)
		if err != nil {
			return
		}
		w.mu.Lock()
		w.ahead += len(objects)
		w.all = next == ""
		w.mu.Unlock()
		if next == "" {
			return
		}
		cursor = next
	}
}
