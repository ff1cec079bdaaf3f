package runs

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// TestTwoAtOnce refuses a second process as long as the first one works.
func TestTwoAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(1000)
		w.latency = 10 * time.Second
		first := make(chan error, 1)
		go func() {
			s, err := w.process(1).runner(10).Run(t.Context(), begin())
			if err == nil && s.State != Finished {
				err = errors.New("not finished")
			}
			first <- err
		}()
		time.Sleep(time.Minute)
		_, err := w.process(2).runner(10).Run(t.Context(), begin())
		var busy *BusyError
		if !errors.As(err, &busy) || busy.Holder.PID != 1 {
			t.Errorf("the second: %v", err)
		}
		if err := <-first; err != nil {
			t.Errorf("the first: %v", err)
		}
		for key, n := range w.runs {
			if n != 1 {
				t.Errorf("%s ran %d times", key, n)
			}
		}
	})
}

// TestLostAnswers loses answers of invocations: the records tell what became of them.
func TestLostAnswers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(50)
		p := w.process(1)
		r := p.runner(5)
		r.Invoker = invokerFunc(func(ctx context.Context, e Event) (Answer, error) {
			a, err := p.Invoke(ctx, e)
			if err == nil && strings.HasSuffix(e.Key, "3.png") {
				err = &DoubtfulError{errors.New("connection reset by peer")}
			}
			return a, err
		})
		w.silent["in/0000013.png"] = true
		s, err := r.Run(t.Context(), begin())
		if err != nil || s.Tally != (Tally{Done: 49, Failed: 1}) {
			t.Fatalf("%+v, %v", s, err)
		}
		found := w.entries(t, s.ID)
		if e := found["in/0000003.png"]; e.Status != Done || e.Sent != 1 || w.runs["in/0000003.png"] != 1 {
			t.Errorf("%+v", e)
		}
		if e := found["in/0000013.png"]; e.Status != Failed || e.Sent != 3 || e.Reason == "" || w.runs["in/0000013.png"] != 3 {
			t.Errorf("%+v", e)
		}
	})
}

type invokerFunc func(context.Context, Event) (Answer, error)

func (f invokerFunc) Invoke(ctx context.Context, e Event) (Answer, error) { return f(ctx, e) }

func TestWithoutRecordsOrLedger(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(1100)
		r := w.process(1).runner(20)
		r.Records, r.Ledger = nil, nil
		b := begin()
		b.Again = true
		s, err := r.Run(t.Context(), b)
		if err != nil || s.Tally != (Tally{Done: 1100}) || s.State != Finished || len(w.docs) > 0 {
			t.Errorf("%+v, %v, %d documents", s, err, len(w.docs))
		}
	})
}

func TestUnfinishedRunComesFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(100)
		stopped, stop := context.WithCancel(t.Context())
		r := w.process(1).runner(2)
		r.Progress = func(p Progress) {
			if p.Done == 10 {
				stop()
			}
		}
		s, err := r.Run(stopped, begin())
		if err != nil || s.State != Stopped {
			t.Fatalf("%+v, %v", s, err)
		}
		time.Sleep(time.Second)
		r = w.process(2).runner(2)
		other := begin()
		other.Chosen, other.Prefix = true, "in/00001"
		var unfinished *UnfinishedError
		if _, err := r.Run(t.Context(), other); !errors.As(err, &unfinished) || unfinished.ID != s.ID {
			t.Errorf("%v", err)
		}
		other.New = true
		n, err := r.Run(t.Context(), other)
		if err != nil || n.ID == s.ID || n.Resumed || n.State != Finished {
			t.Errorf("%+v, %v", n, err)
		}
		if o, err := Look(t.Context(), r.Ledger, s.ID, heardWithin(time.Minute)); err != nil || o.State != Abandoned {
			t.Errorf("%+v, %v", o, err)
		}
		if c, err := r.Count(t.Context(), begin().Info, nil); err != nil || c != (Counted{Done: 100}) {
			t.Errorf("%+v, %v", c, err)
		}
	})
}
