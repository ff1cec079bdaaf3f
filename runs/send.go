package runs

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"strings"
	"time"

	"github.com/scar-go/scar/runtime/job"
)

// maxSends is how often an object is sent whose fate is unknown each time.
const maxSends = 3

// attempt is one object on its way, with what is known of that.
type attempt struct {
	*work
	item
	warm   bool   // the first of all
	placed bool   // it has a place of the limiter
	unsure bool   // another process may have sent it
	sent   int    // how often it was sent
	reason string // why it was sent again
}

// send sends one object and settles it. It is called with a place of the limiter, which it gives back. Interrupted, it ends
// what is under way and begins nothing.
func (w *work) send(ctx context.Context, it item, warm bool) {
	w.deliver(ctx, &attempt{work: w, item: it, warm: warm})
}

func (w *work) deliver(ctx context.Context, a *attempt) {
	a.placed = true
	defer a.leave()
	err := a.run(ctx)
	if err != nil && (ctx.Err() == nil || !errors.Is(err, context.Cause(ctx))) {
		w.cancel(err)
	}
}

// park takes down that the object is under way, for the next process to wait for. How often it was sent is 0 if nobody knows.
func (a *attempt) park() {
	a.settle(Entry{Status: Pending, Sent: a.sent, Reason: a.reason})
}

// leave gives the object's place to another.
func (a *attempt) leave() {
	if a.placed {
		a.placed = false
		a.limit.release()
	}
}

// run sends the object until there is an answer.
func (a *attempt) run(ctx context.Context) error {
	done, err := a.doneMeanwhile(ctx)
	if done || err != nil {
		return err
	}
	if a.Queue != nil {
		return a.throughQueue(ctx)
	}
	backoff, refusedSince := a.Tempo.Backoff, time.Time{}
	for {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err := a.keeper.mayWork(ctx); err != nil {
			return err
		}
		answer, err := a.Invoker.Invoke(context.WithoutCancel(ctx), a.event())
		var throttled *ThrottledError
		var doubtful *DoubtfulError
		switch {
		case err == nil:
			a.sent++
			return a.answered(ctx, answer)
		case errors.As(err, &throttled):
			if err := a.wait(ctx, throttled, &backoff, &refusedSince); err != nil {
				return err
			}
		case errors.As(err, &doubtful):
			a.sent++
			settled, err := a.resolve(ctx, doubtful)
			if settled || err != nil {
				return err
			}
		default:
			return err
		}
	}
}

func (a *attempt) event() Event {
	return Event{Object: a.line().Object, Run: a.info.ID, Again: a.info.Again}
}

// doneMeanwhile looks once more whether an object is done whose record was read a while ago.
func (a *attempt) doneMeanwhile(ctx context.Context) (bool, error) {
	if a.Records == nil || a.info.Again || a.sent > 0 || a.Now().Sub(a.page.looked) < a.Tempo.Recheck {
		return false, nil
	}
	record, err := a.record(ctx, a.line().Object)
	if err != nil || record == nil {
		return false, err
	}
	line := lineOf(a.line().Object, record, false)
	if line.Skip == "" {
		return false, nil
	}
	e := ofRecord(line.Object, record)
	e.Status, e.Reason = Skipped, line.Skip+" meanwhile"
	a.settled(ctx, a.item, e)
	return true, nil
}

// wait slows down after a refusal, and gives the place to others meanwhile.
func (a *attempt) wait(ctx context.Context, refusal *ThrottledError, backoff *time.Duration, since *time.Time) error {
	now := a.Now()
	if since.IsZero() {
		*since = now
	}
	if now.Sub(*since) > a.Tempo.Refused {
		return fmt.Errorf("there was no place for the function in %v: %w", a.Tempo.Refused, refusal.Err)
	}
	a.limit.cut()
	a.tell()
	a.leave()
	if err := pause(ctx, *backoff/2+rand.N(*backoff/2+1)); err != nil {
		return context.Cause(ctx)
	}
	*backoff = min(2*(*backoff), 10*a.Tempo.Backoff)
	err := a.limit.acquire(ctx)
	a.placed = err == nil
	return err
}

// answered settles an object by the answer of its invocation, and by its record, which knows more. Meanwhile another object
// has its place, unless this one failed: it may be the last that may.
func (a *attempt) answered(ctx context.Context, answer Answer) error {
	a.limit.grow()
	if answer.Failed == nil {
		a.leave()
		runtime.Gosched() // the other one first: to read the record takes longer than to send
	}
	ctx = context.WithoutCancel(ctx)
	e := Entry{Status: Done, Attempts: a.line().Attempts + a.sent, RequestID: answer.RequestID, Error: answer.Failed}
	if answer.Failed != nil {
		e.Status = Failed
	}
	record, err := a.record(ctx, a.line().Object)
	switch {
	case err != nil:
		a.reason = strings.TrimPrefix(a.reason+"; ", "; ") + err.Error()
	case record == nil:
	case record.RequestID == answer.RequestID, answer.Failed == nil && record.Status == job.Done:
		e = ofRecord(a.line().Object, record)
	}
	e.Sent, e.Reason = a.sent, a.reason
	if err := a.settleGone(ctx, a.item, &e); err != nil {
		return err
	}
	a.settled(ctx, a.item, e)
	if a.warm && answer.Failed != nil && startFailure(answer.Failed.Type) {
		return fmt.Errorf("the function does not start, so the run is stopped: %w", answer.Failed)
	}
	return nil
}

// settleGone says of an object that could not be fetched that it was deleted, if it was.
func (w *work) settleGone(ctx context.Context, it item, e *Entry) error {
	if e.Status != Failed || e.Error == nil || e.Error.Type != job.ErrStageIn || w.Records == nil {
		return nil
	}
	exists, err := w.Records.Exists(ctx, it.line().Object)
	if err != nil {
		return fmt.Errorf("look whether %s/%s is still there: %w", it.line().Bucket, it.line().Key, err)
	}
	if !exists {
		e.Status, e.Reason, e.Error = Gone, "it was deleted before it could be processed", nil
	}
	return nil
}

// startFailure says whether an error is of the function's start, so that it would be that of every invocation.
func startFailure(errorType string) bool {
	switch errorType {
	case job.ErrBadJob, job.ErrSecret, "Local.NotRun":
		return true
	}
	return strings.HasPrefix(errorType, "Runtime.") || strings.HasPrefix(errorType, "Extension.")
}

// resolve waits for the record of an object of which nobody knows whether it was sent.
func (a *attempt) resolve(ctx context.Context, doubt *DoubtfulError) (settled bool, err error) {
	settled, err = a.awaitRecord(ctx, a.Now().Add(a.Timeout))
	if err != nil {
		a.park()
	}
	if settled || err != nil {
		return settled, err
	}
	why := fmt.Sprintf("the answer was lost (%v), and no record came within %v", doubt, a.Timeout)
	if a.sent >= maxSends {
		a.settled(context.WithoutCancel(ctx), a.item, Entry{
			Status: Failed, Attempts: a.line().Attempts, Sent: a.sent, Reason: a.reason,
			Error: &job.Error{Type: "Run.NoAnswer", Message: fmt.Sprintf("sent %d times: %s", a.sent, why)},
		})
		return true, nil
	}
	a.reason = "sent again: " + why
	return false, nil
}

// await waits for an object that another process may have sent, and sends it if it has not.
func (w *work) await(ctx context.Context, it item) {
	a := &attempt{work: w, item: it, sent: 1}
	if w.Queue != nil {
		w.awaitQueued(ctx, a)
		return
	}
	settled, err := a.awaitRecord(ctx, w.doubtUntil)
	if settled {
		return
	}
	if err == nil {
		a.sent, a.reason = 0, "sent again: it may have been under way when the run was killed, and no record of it came in the time that the function may take"
		if err = w.limit.acquire(ctx); err == nil {
			a.sent = 1
			w.deliver(ctx, a)
			return
		}
	}
	if ctx.Err() == nil {
		w.cancel(err)
	}
	it.settle(Entry{Status: Pending})
}

// awaitQueued waits for an object whose message another process has sent, surely or perhaps.
func (w *work) awaitQueued(ctx context.Context, a *attempt) {
	known := a.known()
	a.sent, a.reason, a.unsure = known.Sent, known.Reason, known.Sent == 0
	err := w.limit.acquire(ctx)
	if err == nil {
		a.placed = true
		err = a.awaitEnd(ctx)
		a.leave()
	} else {
		a.park()
	}
	if err != nil && ctx.Err() == nil {
		w.cancel(err)
	}
}

// awaitRecord waits until there is a record of the object's being sent, or a time.
func (a *attempt) awaitRecord(ctx context.Context, until time.Time) (settled bool, err error) {
	if a.Records == nil {
		return false, nil
	}
	for wait := a.Tempo.Poll; ; wait = min(wait*3/2, 10*a.Tempo.Poll) {
		record, err := a.record(ctx, a.line().Object)
		if err != nil {
			return false, err
		}
		if record != nil && record.RequestID != a.line().Request && (a.Queue == nil || record.Status == job.Done) {
			e := ofRecord(a.line().Object, record)
			e.Sent, e.Reason = max(1, a.sent), a.reason
			if err := a.settleGone(ctx, a.item, &e); err != nil {
				return false, err
			}
			a.settled(context.WithoutCancel(ctx), a.item, e)
			return true, nil
		}
		left := until.Sub(a.Now())
		if left <= 0 {
			return false, nil
		}
		if err := pause(ctx, min(wait, left)); err != nil {
			return false, context.Cause(ctx)
		}
	}
}
