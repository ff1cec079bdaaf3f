package runs

import (
	"context"
	"errors"
	"fmt"
	"sort"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/scar-go/scar/runtime/job"
)

// world is a bucket, a function and a ledger, in memory. It outlives the processes that work on it.
type world struct {
	mu       sync.Mutex
	objects  []Object // sorted by key
	deleted  map[string]bool
	records  map[string]*job.Record
	runs     map[string]int // how often the script ran, by key
	docs     map[string]stored
	version  int
	requests int
	running  int // invocations under way
	queued   int // messages that are neither processed nor dead
	peak     int

	latency time.Duration               // of an invocation
	reads   time.Duration               // of the reading of a record
	script  func(key string) *job.Error // nil: it succeeds
	places  int                         // invocations that Lambda has room for; 0: any number
	silent  map[string]bool             // keys whose runs leave no record
}

type stored struct {
	content []byte
	version string
	at      time.Time
}

func newWorld(objects int) *world {
	w := &world{
		deleted: map[string]bool{}, records: map[string]*job.Record{}, runs: map[string]int{}, docs: map[string]stored{},
		latency: 20 * time.Millisecond, silent: map[string]bool{},
	}
	for i := range objects {
		w.objects = append(w.objects, Object{Bucket: "photos", Key: fmt.Sprintf("in/%07d.png", i), ETag: fmt.Sprintf("e%d", i), Size: 10})
	}
	return w
}

// process is one process of scar. Killed, it does nothing more, and what it began goes on without it.
type process struct {
	*world
	pid    int
	mu     sync.Mutex
	calls  int
	killAt int               // the number of the call at which it is killed; 0: never
	fault  func(n int) error // of call n, before its effect
	after  func(n int) error // of call n, after its effect
	died   chan struct{}
	once   sync.Once
}

var errKilled = errors.New("the process was killed")

func (w *world) process(pid int) *process {
	return &process{world: w, pid: pid, died: make(chan struct{})}
}

func (p *process) dead() bool {
	select {
	case <-p.died:
		return true
	default:
		return false
	}
}

// call counts a call. effect is what it does.
func (p *process) call(effect func()) error {
	p.mu.Lock()
	p.calls++
	n := p.calls
	p.mu.Unlock()
	if p.killAt > 0 && n >= p.killAt {
		p.once.Do(func() { close(p.died) })
	}
	if p.dead() {
		return errKilled
	}
	if p.fault != nil {
		if err := p.fault(n); err != nil {
			return err
		}
	}
	p.world.mu.Lock()
	effect()
	p.world.mu.Unlock()
	if p.after != nil {
		return p.after(n)
	}
	return nil
}

func (p *process) List(_ context.Context, cursor string, limit int) (found []Object, next string, err error) {
	err = p.call(func() {
		at := sort.Search(len(p.objects), func(i int) bool { return p.objects[i].Key > cursor })
		for ; at < len(p.objects) && len(found) < limit; at++ {
			if !p.deleted[p.objects[at].Key] {
				found = append(found, p.objects[at])
			}
		}
		if at < len(p.objects) && len(found) > 0 {
			next = found[len(found)-1].Key
		}
	})
	return found, next, err
}

func (p *process) Record(_ context.Context, o Object) (record *job.Record, err error) {
	if p.reads > 0 {
		time.Sleep(p.reads) // of the bubble's clock
	}
	err = p.call(func() { record = p.records[o.Key] })
	return record, err
}

// Absent knows of two thirds of what there is no record of.
func (p *process) Absent(_ context.Context, objects []Object) (absent []bool, err error) {
	absent = make([]bool, len(objects))
	err = p.call(func() {
		for i, o := range objects {
			absent[i] = p.records[o.Key] == nil && i%3 != 0
		}
	})
	return absent, err
}

func (p *process) Exists(_ context.Context, o Object) (there bool, err error) {
	err = p.call(func() { there = !p.deleted[o.Key] })
	return there, err
}

func (p *process) Invoke(ctx context.Context, e Event) (answer Answer, err error) {
	refused := false
	err = p.call(func() {
		if refused = p.places > 0 && p.running >= p.places; !refused {
			p.running++
			p.peak = max(p.peak, p.running)
		}
	})
	if err != nil && !refused {
		return answer, err // the fault of a test: of the types that an Invoker has
	}
	if refused {
		return answer, &ThrottledError{errors.New("Rate Exceeded.")}
	}
	done := make(chan Answer, 1)
	go func() {
		time.Sleep(p.latency) // of the bubble's clock
		done <- p.execute(e)
	}()
	select {
	case <-p.died:
		return answer, errKilled
	case answer = <-done:
		return answer, nil
	}
}

// execute runs the script.
func (w *world) execute(e Event) Answer {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.running--
	return w.runScript(e)
}

func (w *world) runScript(e Event) Answer {
	w.requests++
	a := Answer{RequestID: fmt.Sprintf("r%d", w.requests)}
	switch {
	case w.deleted[e.Key]:
		a.Failed = &job.Error{Type: job.ErrStageIn, Message: "not found"}
	default:
		w.runs[e.Key]++
		if w.script != nil {
			a.Failed = w.script(e.Key)
		}
	}
	if w.silent[e.Key] {
		return a
	}
	r := &job.Record{Key: e.Key, ETag: e.ETag, Status: job.Done, Attempts: 1, RequestID: a.RequestID, Started: time.Now(), Error: a.Failed,
		Outputs: []job.Object{{Provider: job.OwnS3, Bucket: "photos", Key: strings.Replace(e.Key, "in/", "out/", 1)}}}
	if a.Failed != nil {
		r.Status = job.Failed
	}
	if prior := w.records[e.Key]; prior != nil && prior.ETag == r.ETag {
		r.Attempts = prior.Attempts + 1
	}
	w.records[e.Key] = r
	return a
}

func (p *process) Read(_ context.Context, name string) (doc *Document, err error) {
	err = p.call(func() {
		if d, found := p.docs[name]; found {
			doc = &Document{Content: d.content, Version: d.version, Age: time.Since(d.at)}
		}
	})
	if err == nil && doc == nil {
		err = fmt.Errorf("read %s: %w", name, ErrNotExist)
	}
	return doc, err
}

func (p *process) Write(_ context.Context, name string, content []byte, c Condition) (version string, err error) {
	conflict := false
	err = p.call(func() {
		there, found := p.docs[name]
		if conflict = found && c.Absent || c.Version != "" && there.version != c.Version; !conflict {
			p.version++
			version = fmt.Sprint("v", p.version)
			p.docs[name] = stored{content, version, time.Now()}
		}
	})
	if conflict {
		return "", ErrConflict
	}
	return version, err
}

// ledgerOf sets the listing of documents apart from that of objects.
type ledgerOf struct{ *process }

func (l ledgerOf) List(_ context.Context, folder string) (names []string, err error) {
	err = l.call(func() {
		seen := map[string]bool{}
		for name := range l.docs {
			rest, below := strings.CutPrefix(name, folder)
			if !below {
				continue
			}
			if i := strings.Index(rest, "/"); i >= 0 {
				rest = rest[:i+1]
			}
			seen[rest] = true
		}
		for name := range seen {
			names = append(names, name)
		}
		sort.Strings(names)
	})
	return names, err
}

// runner is a Runner of the process. Its clock is that of the bubble.
func (p *process) runner(concurrency int) *Runner {
	n := byte(0)
	return &Runner{
		Lister: func(i Info) Lister {
			if i.Parent != "" {
				return FailedOf(ledgerOf{p}, i.Parent)
			}
			return p
		},
		Records: p, Ledger: ledgerOf{p}, Invoker: p, Concurrency: concurrency, Timeout: 5 * time.Second,
		Host: "host", PID: p.pid, Tempo: DefaultTempo(), Now: time.Now,
		Random: func() [3]byte { n++; return [3]byte{byte(p.pid >> 8), byte(p.pid), n} },
	}
}

func begin() Begin { return Begin{Info: Info{Project: "imaging", Function: "grayify"}} }

// entries are those of a run, by key. A key that is there twice is an error.
func (w *world) entries(t *testing.T, id string) map[string]Entry {
	t.Helper()
	found := map[string]Entry{}
	for e, err := range Entries(t.Context(), ledgerOf{w.process(0)}, id) {
		if err != nil {
			t.Fatal(err)
		}
		if _, twice := found[e.Key]; twice {
			t.Errorf("%s is in the ledger twice", e.Key)
		}
		found[e.Key] = e
	}
	return found
}
