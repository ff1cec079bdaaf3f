package runs

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"runtime/metrics"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/scar-go/scar/runtime/job"

	"github.com/scar-go/scar/internal/proof"
)

// maxHeap is what a million keys may take, in bytes.
const maxHeap = 100 << 20

// endless lists objects that it makes up, and keeps nothing but the lease.
type endless struct {
	objects int

	mu      sync.Mutex
	lease   []byte
	version int
	written int64 // bytes of other documents
}

func (e *endless) List(_ context.Context, cursor string, limit int) ([]Object, string, error) {
	from := 0
	if cursor != "" {
		var err error
		if from, err = strconv.Atoi(cursor); err != nil {
			return nil, "", err
		}
	}
	to := min(from+limit, e.objects)
	found := make([]Object, 0, to-from)
	for i := from; i < to; i++ {
		found = append(found, Object{
			Bucket: "photos", Key: fmt.Sprintf("in/2026/a-folder-of-some-length/%09d.png", i), ETag: fmt.Sprintf("%032x", i), Size: 1 << 20, Modified: time.Unix(1.7e9, 0),
		})
	}
	if to == e.objects {
		return found, "", nil
	}
	return found, strconv.Itoa(to), nil
}

func (e *endless) Record(context.Context, Object) (*job.Record, error) { return nil, nil }

func (e *endless) Absent(_ context.Context, objects []Object) ([]bool, error) {
	return make([]bool, len(objects)), nil
}

func (e *endless) Exists(context.Context, Object) (bool, error) { return true, nil }

func (e *endless) Invoke(_ context.Context, event Event) (Answer, error) {
	return Answer{RequestID: event.ETag}, nil
}

// discarding is the ledger of an endless.
type discarding struct{ *endless }

func (d discarding) Read(_ context.Context, name string) (*Document, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if name != leaseName || d.lease == nil {
		return nil, ErrNotExist
	}
	return &Document{Content: d.lease, Version: strconv.Itoa(d.version)}, nil
}

func (d discarding) Write(_ context.Context, name string, content []byte, _ Condition) (string, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.version++
	if name == leaseName {
		d.lease = content
	} else {
		d.written += int64(len(content))
	}
	return strconv.Itoa(d.version), nil
}

func (discarding) List(context.Context, string) ([]string, error) {
	return nil, errors.New("not asked for")
}

func (e *endless) runner(concurrency int) *Runner {
	n := byte(0)
	return &Runner{
		Lister: func(Info) Lister { return e }, Records: e, Ledger: discarding{e}, Invoker: e, Concurrency: concurrency,
		Timeout: time.Minute, Tempo: DefaultTempo(), Now: time.Now, Random: func() [3]byte { n++; return [3]byte{n} },
	}
}

// BenchmarkMillionKeys counts a million keys, and runs a function over them, and reports the largest heap meanwhile.
func BenchmarkMillionKeys(b *testing.B) {
	const objects = 1_000_000
	for name, work := range map[string]func(r *Runner) (int, error){
		"plan": func(r *Runner) (int, error) {
			c, err := r.Count(b.Context(), begin().Info, nil)
			return c.ToSend, err
		},
		"run": func(r *Runner) (int, error) {
			s, err := r.Run(b.Context(), begin())
			if err != nil {
				return 0, err
			}
			return s.Tally.Done, nil
		},
	} {
		b.Run(name, func(b *testing.B) {
			peak := watchHeap(b)
			for b.Loop() {
				if n, err := work((&endless{objects: objects}).runner(100)); err != nil || n != objects {
					b.Fatal(n, err)
				}
			}
			held := float64(peak()) / (1 << 20)
			b.ReportMetric(held, "peak-MB")
			proof.Count(b, "memory of a run over 1,000,000 objects", held, "MB")
		})
	}
}

// TestMemoryStaysSmall runs over enough keys that holding all of them would show.
func TestMemoryStaysSmall(t *testing.T) {
	const objects = 100_000 // of about 300 bytes each
	peak := watchHeap(t)
	s, err := (&endless{objects: objects}).runner(100).Run(t.Context(), begin())
	if err != nil || s.Tally != (Tally{Done: objects}) {
		t.Fatalf("%+v, %v", s, err)
	}
	if got := peak(); got > maxHeap {
		t.Errorf("the heap was %d MB", got>>20)
	}
}

// watchHeap returns a function that tells the largest heap since, in bytes.
func watchHeap(t testing.TB) func() uint64 {
	runtime.GC()
	done, told := make(chan struct{}), make(chan uint64)
	go func() {
		sample := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
		var peak uint64
		tick := time.NewTicker(5 * time.Millisecond)
		defer tick.Stop()
		for {
			metrics.Read(sample)
			peak = max(peak, sample[0].Value.Uint64())
			select {
			case <-done:
				told <- peak
				return
			case <-tick.C:
			}
		}
	}()
	var once sync.Once
	stop := func() { once.Do(func() { close(done) }) }
	t.Cleanup(stop)
	return func() uint64 { stop(); return <-told }
}
