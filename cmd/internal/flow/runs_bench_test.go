package flow

import (
	"fmt"
	"testing"
	"time"

	"github.com/scar-go/scar/internal/proof"
	"github.com/scar-go/scar/runs"
	"github.com/scar-go/scar/spec"
)

// BenchmarkSweep runs a function over 10,000 objects in the embedded backend. Each invocation answers after 20 ms; the
// function itself is the test's, so that its CPU does not count. It reports how much of what concurrency and latency allow was
// reached. The latency is that of the same invocations one after the other.
func BenchmarkSweep(b *testing.B) {
	const objects = 10_000
	w := newSweepWorld(b)
	w.latency = 20 * time.Millisecond
	keys := make([]string, objects)
	for i := range keys {
		keys[i] = fmt.Sprintf("in/%05d.png", i)
	}
	w.put(b, keys...)
	latency := w.measure(b, keys[:200])
	for _, concurrency := range []int{5, 10, 20} {
		b.Run(fmt.Sprint(concurrency), func(b *testing.B) {
			s := sweepOf(spec.Input{Prefix: "in/"})
			s.Concurrency, s.Again = concurrency, true
			for b.Loop() {
				summary, err := w.account.Sweep(b.Context(), s)
				if err != nil || summary.Tally.Done != objects {
					b.Fatalf("%+v, %v", summary, err)
				}
			}
			ideal := objects * latency / time.Duration(concurrency)
			reached := 100 * ideal.Seconds() * float64(b.N) / b.Elapsed().Seconds()
			b.ReportMetric(reached, "%-of-ideal")
			b.ReportMetric(float64(objects)*float64(b.N)/b.Elapsed().Seconds(), "objects/s")
			if concurrency <= 10 { // with 20, two cores are busy with the server and the function too
				proof.Count(b, "a run beside what its concurrency allows", reached, "%")
			}
		})
	}
}

// measure is how long an invocation takes.
func (w *sweepWorld) measure(b *testing.B, keys []string) time.Duration {
	b.Helper()
	deployed, err := w.account.Function(b.Context(), "grayify")
	if err != nil {
		b.Fatal(err)
	}
	invoker := w.account.invokerOf(deployed, 1)
	began := time.Now()
	for _, key := range keys {
		if _, err := invoker.Invoke(b.Context(), runs.Event{Object: runs.Object{Bucket: "photos", Key: key}}); err != nil {
			b.Fatal(err)
		}
	}
	return time.Since(began) / time.Duration(len(keys))
}
