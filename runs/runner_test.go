package runs

import (
	"context"
	"errors"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/scar-go/scar/runtime/job"
)

func TestRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(2500)
		failing := &job.Error{Type: job.ErrScriptFailed, Message: "exit code 3"}
		w.script = func(key string) *job.Error {
			if strings.HasSuffix(key, "7.png") {
				return failing
			}
			return nil
		}
		w.records["in/0000001.png"] = &job.Record{ETag: "e1", Status: job.Done, Attempts: 2, RequestID: "before"}
		w.records["in/0000002.png"] = &job.Record{ETag: "older", Status: job.Done, Attempts: 2, RequestID: "older"}
		w.records["in/0000003.png"] = &job.Record{ETag: "e3", Status: job.Failed, Attempts: 2, RequestID: "failed"}
		r := w.process(1).runner(20)
		s, err := r.Run(t.Context(), begin())
		if err != nil {
			t.Fatal(err)
		}
		if s.State != Finished || s.Tally != (Tally{Done: 2249, Failed: 250, Skipped: 1}) || s.Resumed {
			t.Errorf("%+v", s)
		}
		if w.peak != 20 {
			t.Errorf("%d were under way at most, want 20", w.peak)
		}
		found := w.entries(t, s.ID)
		if len(found) != 2500 {
			t.Errorf("%d entries", len(found))
		}
		for key, e := range found {
			want := 1
			if key == "in/0000001.png" {
				want = 0
			}
			if w.runs[key] != want {
				t.Errorf("%s ran %d times", key, w.runs[key])
			}
			switch {
			case want == 0 && (e.Status != Skipped || e.Reason != "request before processed this version"),
				want == 1 && strings.HasSuffix(key, "7.png") && (e.Status != Failed || e.Error == nil || *e.Error != *failing),
				want == 1 && !strings.HasSuffix(key, "7.png") && (e.Status != Done || len(e.Outputs) != 1 || e.Sent != 1 || e.Reason != ""):
				t.Errorf("%+v", e)
			}
		}
		if e := found["in/0000003.png"]; e.Attempts != 3 {
			t.Errorf("%+v", e)
		}

		// Another run has nothing to do but what failed, and a retry takes just that.
		w.script = nil
		retry := begin()
		retry.Parent, retry.Chosen = s.ID, true
		again, err := r.Run(t.Context(), retry)
		if err != nil || again.Tally != (Tally{Done: 250}) || again.Resumed {
			t.Errorf("%+v, %v", again, err)
		}
		third, err := r.Run(t.Context(), begin())
		if err != nil || third.Tally != (Tally{Skipped: 2500}) {
			t.Errorf("%+v, %v", third, err)
		}
		all, err := List(t.Context(), r.Ledger, heardWithin(r.Tempo.Lease))
		if err != nil || len(all) != 3 || all[2].ID != s.ID || all[2].State != Finished || all[2].Tally != s.Tally {
			t.Errorf("%+v, %v", all, err)
		}
	})
}

// TestPace runs over 10,000 objects with calls that take their time: what concurrency and latency allow is reached but for a
// twentieth. The clock is the bubble's, so that the machine does not matter.
func TestPace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const objects, concurrency = 10_000, 20
		w := newWorld(objects)
		w.reads = 15 * time.Millisecond
		began := time.Now()
		s, err := w.process(1).runner(concurrency).Run(t.Context(), begin())
		if err != nil || s.Tally != (Tally{Done: objects}) {
			t.Fatalf("%+v, %v", s, err)
		}
		took, ideal := time.Since(began), objects*w.latency/concurrency
		t.Logf("%.1f %% of %d objects per second", 100*ideal.Seconds()/took.Seconds(), int(objects/ideal.Seconds()))
		if took > ideal*20/19 {
			t.Errorf("it took %v, want hardly more than %v", took, ideal)
		}
	})
}

// TestKilledAtAnyMoment kills processes at random calls until one gets to the end: each object is done once, or there is the reason.
func TestKilledAtAnyMoment(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	for range 40 {
		synctest.Test(t, func(t *testing.T) { killAndResume(t, random) })
	}
}

func killAndResume(t *testing.T, random *rand.Rand) {
	const objects = 1300
	w := newWorld(objects)
	var summary *Summary
	kills, resumed := 0, 0
	for pid := 1; ; pid++ {
		p := w.process(pid)
		if kills < 6 {
			p.killAt = 1 + random.IntN(4000)
		}
		r := p.runner(1 + random.IntN(50))
		if random.IntN(2) == 0 {
			r.Gone = func(h Holder) bool { return h.PID < pid }
		}
		ctx, stop := context.WithCancel(t.Context())
		if kills < 6 && random.IntN(2) == 0 {
			time.AfterFunc(time.Duration(random.Int64N(int64(2*time.Second))), stop)
		}
		how := begin()
		if random.IntN(4) == 0 { // it is refused, if one is unfinished
			how.Chosen, how.Suffix = true, "png"
		}
		s, err := r.Run(ctx, how)
		interrupted := ctx.Err() != nil
		stop()
		if s != nil && s.Resumed {
			resumed++
		}
		if err == nil && s.State == Finished {
			summary = s
			break
		}
		var refused *UnfinishedError
		if err != nil && !p.dead() && !interrupted && !errors.As(err, &refused) {
			t.Fatal(err)
		}
		kills++
		if random.IntN(3) == 0 {
			time.Sleep(time.Duration(random.Int64N(int64(time.Minute))))
		}
	}
	time.Sleep(time.Minute) // what nobody waits for ends, too
	if summary.State != Finished || summary.Tally.Total() != objects {
		t.Errorf("after %d kills: %+v", kills, summary)
	}
	found := w.entries(t, summary.ID)
	twice := 0
	for _, o := range w.objects {
		e := found[o.Key]
		switch n := w.runs[o.Key]; {
		case n == 0:
			t.Errorf("%s was never processed: %+v", o.Key, e)
		case n > 1 && e.Reason == "":
			t.Errorf("%s was processed %d times without a reason: %+v", o.Key, n, e)
		case n > 1:
			twice++
		}
		if e.Status != Done && e.Status != Skipped {
			t.Errorf("%+v", e)
		}
	}
	t.Logf("%d kills, %d resumed, %d processed more than once", kills, resumed, twice)
}

// TestFaultOfAnyCall lets each of the calls fail in turn, before or after its effect: the run ends with that error, or gets over it,
// and the next one finishes it.
func TestFaultOfAnyCall(t *testing.T) {
	broken := errors.New("broken")
	for _, late := range []bool{false, true} {
		for k := 1; k < 120; k += 1 {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(12)
				p := w.process(1)
				fail := func(n int) error {
					if n == k {
						return broken
					}
					return nil
				}
				if p.fault = fail; late {
					p.fault, p.after = nil, fail
				}
				s, err := p.runner(3).Run(t.Context(), begin())
				if err != nil && !errors.Is(err, broken) {
					t.Errorf("call %d: %v", k, err)
				}
				if err == nil && s.State != Finished {
					t.Errorf("call %d: %+v", k, s)
				}
				s, err = w.process(2).runner(3).Run(t.Context(), begin())
				if err != nil || s.State != Finished {
					t.Fatalf("after a fault of call %d: %+v, %v", k, s, err)
				}
				found := w.entries(t, s.ID)
				for _, o := range w.objects {
					if n := w.runs[o.Key]; n != 1 && (n == 0 || found[o.Key].Reason == "") {
						t.Errorf("call %d, late %v: %s ran %d times: %+v", k, late, o.Key, n, found[o.Key])
					}
				}
			})
		}
	}
}

// TestInterrupt ends a run in the middle: what is under way ends, and the next process waits for nothing.
func TestInterrupt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(1500)
		ctx, stop := context.WithCancel(t.Context())
		r := w.process(1).runner(10)
		r.Progress = func(p Progress) {
			if p.Done >= 700 {
				stop()
			}
		}
		s, err := r.Run(ctx, begin())
		if err != nil || s.State != Stopped || s.Tally.Done < 700 || s.Tally.Done > 720 {
			t.Fatalf("%+v, %v", s, err)
		}
		if w.running != 0 {
			t.Errorf("%d are under way", w.running)
		}
		looked, err := Look(t.Context(), r.Ledger, s.ID, heardWithin(time.Minute))
		if err != nil || looked.State != Stopped || looked.Tally != s.Tally {
			t.Errorf("%+v, %v", looked, err)
		}
		began := time.Now()
		next, err := w.process(2).runner(10).Run(t.Context(), begin())
		if err != nil || next.State != Finished || !next.Resumed || next.Tally != (Tally{Done: 1500}) || next.ID != s.ID {
			t.Errorf("%+v, %v", next, err)
		}
		if took := time.Since(began); took > 3*time.Second {
			t.Errorf("it took %v", took)
		}
		for key, n := range w.runs {
			if n != 1 {
				t.Errorf("%s ran %d times", key, n)
			}
		}
	})
}

// TestThrottling gives the function fewer places than the run would take.
func TestThrottling(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(3000)
		w.places = 7
		began := time.Now()
		s, err := w.process(1).runner(50).Run(t.Context(), begin())
		if err != nil || s.Tally != (Tally{Done: 3000}) {
			t.Fatalf("%+v, %v", s, err)
		}
		ideal := 3000 * w.latency / 7
		if took := time.Since(began); took > ideal*3/2 {
			t.Errorf("it took %v, want about %v", took, ideal)
		}
		for key, n := range w.runs {
			if n != 1 {
				t.Errorf("%s ran %d times", key, n)
			}
		}
	})
}

// TestNoPlaceAtAll gives up when every event is refused.
func TestNoPlaceAtAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(3)
		w.places, w.running = 1, 1
		s, err := w.process(1).runner(50).Run(t.Context(), begin())
		if err == nil || !strings.Contains(err.Error(), "no place") || s.State != Stopped {
			t.Errorf("%+v, %v", s, err)
		}
	})
}

func TestFunctionThatDoesNotStart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(100)
		w.script = func(string) *job.Error { return &job.Error{Type: "Runtime.InvalidEntrypoint", Message: "no such file"} }
		s, err := w.process(1).runner(50).Run(t.Context(), begin())
		if err == nil || !strings.Contains(err.Error(), "Runtime.InvalidEntrypoint") || s.Tally != (Tally{Failed: 1}) {
			t.Errorf("%+v, %v", s, err)
		}
		if w.requests != 1 {
			t.Errorf("%d invocations", w.requests)
		}
	})
}

func TestMaxFailures(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(500)
		w.script = func(string) *job.Error { return &job.Error{Type: job.ErrScriptFailed, Message: "no"} }
		r := w.process(1).runner(4)
		r.MaxFailures = 10
		s, err := r.Run(t.Context(), begin())
		var many *TooManyFailuresError
		if !errors.As(err, &many) || s.Tally.Failed < 11 || s.Tally.Failed > 15 {
			t.Errorf("%+v, %v", s, err)
		}
	})
}

// TestDeletedMeanwhile deletes objects once they are listed.
func TestDeletedMeanwhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(20)
		w.script = func(string) *job.Error {
			w.deleted["in/0000019.png"] = true // the world is locked
			return nil
		}
		s, err := w.process(1).runner(1).Run(t.Context(), begin())
		if err != nil || s.Tally != (Tally{Done: 19, Gone: 1}) {
			t.Fatalf("%+v, %v", s, err)
		}
		if e := w.entries(t, s.ID)["in/0000019.png"]; e.Status != Gone || e.Reason == "" {
			t.Errorf("%+v", e)
		}
	})
}

func TestLimitTakesMoreEachTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(1200)
		for _, done := range []int{500, 500, 200, 0} {
			b := begin()
			b.Limit = 500
			s, err := w.process(1).runner(20).Run(t.Context(), b)
			if err != nil || s.Tally.Done != done || s.State != Finished {
				t.Errorf("%+v, %v, want %d", s, err, done)
			}
			time.Sleep(time.Second)
		}
	})
}

func TestEmptySource(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, err := newWorld(0).process(1).runner(20).Run(t.Context(), begin())
		if err != nil || s.State != Finished || s.Tally.Total() != 0 {
			t.Errorf("%+v, %v", s, err)
		}
	})
}
