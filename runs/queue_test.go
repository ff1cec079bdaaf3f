package runs

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/scar-go/scar/runtime/job"
)

const (
	fakeReceives   = 3
	fakeVisibility = 30 * time.Second
)

// fakeQueue is a process's view of the world's queue, whose messages the function takes as they come.
type fakeQueue struct{ *process }

func (q fakeQueue) Send(_ context.Context, events []Event) []error {
	errs := make([]error, len(events))
	err := q.call(func() {
		for _, e := range events {
			q.queued++
			go q.take(e)
		}
	})
	for i := range errs {
		errs[i] = err
	}
	return errs
}

// take is what becomes of a message.
func (w *world) take(e Event) {
	for range fakeReceives {
		time.Sleep(w.latency) // of the bubble's clock
		w.mu.Lock()
		a := w.runScript(e)
		w.mu.Unlock()
		if a.Failed == nil {
			break
		}
		time.Sleep(fakeVisibility)
	}
	w.mu.Lock()
	w.queued--
	w.mu.Unlock()
}

func (q fakeQueue) Empty(context.Context) (empty bool, err error) {
	err = q.call(func() { empty = q.queued == 0 })
	return empty, err
}

func (q fakeQueue) MaxReceives() int { return fakeReceives }

// queueRunner is a Runner that sends through the queue.
func (p *process) queueRunner() *Runner {
	r := p.runner(200)
	r.Invoker, r.Queue = nil, fakeQueue{p}
	return r
}

// TestQueue counts what is in the dead-letter queue as failed, whether it left a record or not.
func TestQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(700)
		w.script = func(key string) *job.Error {
			if strings.HasSuffix(key, "50.png") {
				return &job.Error{Type: job.ErrScriptFailed, Message: "no"}
			}
			return nil
		}
		w.silent["in/0000123.png"] = true
		w.deleted["in/0000500.png"] = false
		s, err := w.process(1).queueRunner().Run(t.Context(), begin())
		if err != nil || s.Tally != (Tally{Done: 692, Failed: 8}) || s.State != Finished {
			t.Fatalf("%+v, %v", s, err)
		}
		found := w.entries(t, s.ID)
		if e := found["in/0000250.png"]; e.Status != Failed || e.Attempts != fakeReceives || e.Error == nil || !strings.Contains(e.Reason, "dead-letter queue") {
			t.Errorf("%+v", e)
		}
		if e := found["in/0000123.png"]; e.Status != Failed || e.Error == nil || e.Error.Type != "Run.NoRecord" {
			t.Errorf("%+v", e)
		}
		for key, n := range w.runs {
			if want := map[bool]int{false: 1, true: fakeReceives}[strings.HasSuffix(key, "50.png")]; n != want {
				t.Errorf("%s ran %d times, want %d", key, n, want)
			}
		}
	})
}

// TestQueueKilled kills processes that send through the queue, and interrupts some: nothing is sent twice without a reason.
func TestQueueKilled(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	for range 15 {
		synctest.Test(t, func(t *testing.T) {
			const objects = 900
			w := newWorld(objects)
			var s *Summary
			for pid := 1; ; pid++ {
				p := w.process(pid)
				ctx, stop := context.WithCancel(t.Context())
				r := p.queueRunner()
				if pid < 6 {
					p.killAt = 1 + random.IntN(4000)
					if after := random.IntN(objects); random.IntN(2) == 0 {
						p.killAt = 0
						r.Progress = func(p Progress) {
							if p.Done >= after {
								stop()
							}
						}
					}
				}
				got, err := r.Run(ctx, begin())
				stop()
				if err != nil && !p.dead() {
					t.Fatal(err)
				}
				if s = got; err == nil && s.State == Finished {
					break
				}
			}
			found := w.entries(t, s.ID)
			for _, o := range w.objects {
				e := found[o.Key]
				if n := w.runs[o.Key]; n == 0 || n > 1 && e.Reason == "" || e.Status != Done && e.Status != Skipped {
					t.Errorf("%s ran %d times: %+v", o.Key, n, e)
				}
			}
		})
	}
}

// TestQueueThatRefuses ends the run when the queue takes nothing.
func TestQueueThatRefuses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(50)
		p := w.process(1)
		r := p.queueRunner()
		r.Queue = refusingQueue{fakeQueue{p}}
		s, err := r.Run(t.Context(), begin())
		if err == nil || !strings.Contains(err.Error(), "access denied") || s.State != Stopped || s.Tally.Total() != 0 {
			t.Errorf("%+v, %v", s, err)
		}
	})
}

type refusingQueue struct{ fakeQueue }

func (refusingQueue) Send(_ context.Context, events []Event) []error {
	errs := make([]error, len(events))
	for i := range errs {
		errs[i] = fmt.Errorf("access denied")
	}
	return errs
}
