package runs

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/scar-go/scar/runtime/job"
)

// batchWait is how long an event waits for others to be sent with.
const batchWait = 20 * time.Millisecond

// throughQueue puts the object's event into the queue and waits for the end of all attempts on it.
func (a *attempt) throughQueue(ctx context.Context) error {
	backoff, refusedSince := a.Tempo.Backoff, time.Time{}
	for {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err := a.keeper.mayWork(ctx); err != nil {
			return err
		}
		err := a.batcher.send(ctx, a.event())
		var throttled *ThrottledError
		var doubtful *DoubtfulError
		switch {
		case errors.As(err, &throttled):
			if err := a.wait(ctx, throttled, &backoff, &refusedSince); err != nil {
				return err
			}
			continue
		case errors.As(err, &doubtful):
			a.reason = fmt.Sprintf("it is not known whether the queue took it (%v)", err)
		case err != nil:
			return err
		}
		a.sent++
		return a.awaitEnd(ctx)
	}
}

// awaitEnd waits until a message has been processed, or is in the dead-letter queue: that is known when its record counts as
// many attempts as the queue allows, or when the queue stays empty. It may take long, so that an interruption ends it: the
// next process waits on.
func (a *attempt) awaitEnd(ctx context.Context) error {
	sentAt := a.Now()
	var last *job.Record
	for wait := a.Tempo.Poll; ; wait = min(wait*3/2, 10*a.Tempo.Poll) {
		record, err := a.record(ctx, a.line().Object)
		if err != nil {
			a.park()
			return err
		}
		if record != nil && record.RequestID != a.line().Request {
			last = record
			tries := record.Attempts - a.line().Attempts
			if record.Status == job.Done || a.Queue.MaxReceives() > 0 && tries >= a.Queue.MaxReceives() {
				return a.ended(ctx, record)
			}
		}
		if a.quiet.since(sentAt, a.Now()) >= a.Tempo.Quiet {
			return a.dead(ctx, last, fmt.Sprintf("the queue has been empty for %v", a.Tempo.Quiet))
		}
		if a.quiet.still(sentAt, a.Now()) >= a.Tempo.Stuck {
			return a.dead(ctx, last, fmt.Sprintf("nothing that was sent has ended for %v", a.Tempo.Stuck))
		}
		if err := pause(ctx, wait); err != nil {
			a.park()
			return context.Cause(ctx)
		}
	}
}

func (a *attempt) ended(ctx context.Context, record *job.Record) error {
	e := ofRecord(a.line().Object, record)
	e.Sent, e.Reason = max(1, a.sent), a.reason
	if e.Status == Failed {
		e.Reason = "it is in the dead-letter queue"
	}
	if err := a.settleGone(ctx, a.item, &e); err != nil {
		return err
	}
	a.quiet.ended(a.Now())
	a.settled(context.WithoutCancel(ctx), a.item, e)
	return nil
}

// dead settles an object whose message will not be processed any more. There is a record if an attempt got so far. What was
// perhaps never sent is sent now.
func (a *attempt) dead(ctx context.Context, last *job.Record, why string) error {
	if last != nil {
		return a.ended(ctx, last)
	}
	if a.unsure {
		a.unsure, a.reason = false, "sent again: it may have been sent when the run was killed, but "+why+", and there was no record of it"
		return a.throughQueue(ctx)
	}
	a.settled(context.WithoutCancel(ctx), a.item, Entry{
		Status: Failed, Attempts: a.line().Attempts, Sent: a.sent, Reason: a.reason,
		Error: &job.Error{Type: "Run.NoRecord", Message: why + ", and there is no record of this object: it should be in the dead-letter queue"},
	})
	return nil
}

// quiet watches a queue for signs that nothing more will end.
type quiet struct {
	mu      sync.Mutex
	empty   time.Time // since when the queue was found empty each time; zero: it is not
	lastEnd time.Time // when something ended
}

// watch asks again and again whether the queue is empty. A question that fails says nothing.
func (q *quiet) watch(ctx context.Context, queue Queue, every time.Duration, now func() time.Time) {
	for pause(ctx, every) == nil {
		empty, err := queue.Empty(ctx)
		at := now()
		q.mu.Lock()
		switch {
		case err != nil || !empty:
			q.empty = time.Time{}
		case q.empty.IsZero():
			q.empty = at
		}
		q.mu.Unlock()
	}
}

// since is for how long the queue has been empty, as far as that is after a message was sent.
func (q *quiet) since(sent, now time.Time) time.Duration {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.empty.IsZero() {
		return 0
	}
	return now.Sub(later(q.empty, sent))
}

// still is for how long nothing has ended, after a message was sent.
func (q *quiet) still(sent, now time.Time) time.Duration {
	q.mu.Lock()
	defer q.mu.Unlock()
	return now.Sub(later(q.lastEnd, sent))
}

func (q *quiet) ended(at time.Time) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.lastEnd = at
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// batcher sends events in batches.
type batcher struct {
	queue Queue
	in    chan pendingEvent
}

// pendingEvent is an event that waits to be sent, and where its end is told.
type pendingEvent struct {
	Event
	done chan error // takes one without waiting
}

func newBatcher(q Queue) *batcher { return &batcher{queue: q, in: make(chan pendingEvent)} }

// send sends an event. Once it is taken, the end is waited for, whatever happens to the context.
func (b *batcher) send(ctx context.Context, e Event) error {
	p := pendingEvent{e, make(chan error, 1)}
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case b.in <- p:
		return <-p.done
	}
}

// run sends batches until the context ends. Nobody may send then.
func (b *batcher) run(ctx context.Context) {
	var sending sync.WaitGroup
	defer sending.Wait()
	for {
		batch := b.gather(ctx)
		if len(batch) == 0 {
			return
		}
		sending.Go(func() { b.flush(context.WithoutCancel(ctx), batch) })
	}
}

// gather collects a batch: as many as there are within a moment after the first.
func (b *batcher) gather(ctx context.Context) []pendingEvent {
	var batch []pendingEvent
	select {
	case <-ctx.Done():
		return nil
	case p := <-b.in:
		batch = append(batch, p)
	}
	wait := time.NewTimer(batchWait)
	defer wait.Stop()
	for len(batch) < QueueBatch {
		select {
		case p := <-b.in:
			batch = append(batch, p)
		case <-wait.C:
			return batch
		case <-ctx.Done():
			return batch
		}
	}
	return batch
}

func (b *batcher) flush(ctx context.Context, batch []pendingEvent) {
	events := make([]Event, len(batch))
	for i, p := range batch {
		events[i] = p.Event
	}
	for i, err := range b.queue.Send(ctx, events) {
		batch[i].done <- err
	}
}
