package lambda

import (
	"context"
	"fmt"
	"math"
	"slices"
	"sync"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"golang.org/x/sync/singleflight"

	"github.com/scar-go/scar/local/sandbox"
	"github.com/scar-go/scar/local/wire"
)

// callerPatience is how long an invocation whose caller waits does so for a slot. The caller may be a function, and its own slot the one
// that would have to become free.
const callerPatience = time.Second

// engine starts instances of functions, keeps them warm, and gives them events.
type engine struct {
	ctx   context.Context
	cfg   Config
	slots chan struct{} // as many as may work at the same time
	spare chan struct{} // twice as many, for callers that have waited: functions that call each other, three deep

	loading singleflight.Group // of programs

	mu       sync.Mutex
	cache    *sandbox.Cache
	programs map[string]*program // by image URI that holds a digest
	idle     []*instance         // the longest idle first
	oldest   map[string]int64    // by function: instances of an earlier generation are not used again
	closed   bool
	running  sync.WaitGroup
}

// program is an unpacked image.
type program struct {
	root   *sandbox.Root
	config v1.Config
}

func newEngine(ctx context.Context, cfg Config) *engine {
	return &engine{
		ctx: ctx, cfg: cfg, slots: make(chan struct{}, cfg.Concurrency), spare: make(chan struct{}, 2*cfg.Concurrency),
		programs: map[string]*program{}, oldest: map[string]int64{},
	}
}

// acquire waits for a slot; run gives it back.
func (e *engine) acquire(ctx context.Context) error {
	select {
	case e.slots <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-e.ctx.Done():
		return e.ctx.Err()
	}
}

// acquireForCaller waits for a slot, or after a moment for a spare one, and returns where it is to be given back: to be received from.
func (e *engine) acquireForCaller(ctx context.Context) (from <-chan struct{}, err error) {
	patience := time.NewTimer(callerPatience)
	defer patience.Stop()
	var spare chan struct{} // nil: not yet
	for {
		select {
		case e.slots <- struct{}{}:
			return e.slots, nil
		case spare <- struct{}{}:
			return spare, nil
		case <-patience.C:
			spare = e.spare
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-e.ctx.Done():
			return nil, e.ctx.Err()
		}
	}
}

// run invokes a function in a slot that has been acquired, and gives it back.
func (e *engine) run(ctx context.Context, set settings, t task) result {
	defer func() { <-e.slots }()
	return e.work(ctx, set, t)
}

// work invokes a function.
func (e *engine) work(ctx context.Context, set settings, t task) result {
	e.mu.Lock()
	if e.closed {
		e.mu.Unlock()
		return result{err: context.Canceled}
	}
	e.running.Add(1)
	e.mu.Unlock()
	defer e.running.Done()
	if set.Zip != nil {
		return e.notRun(set, t, errNotServed)
	}
	if t.trace == "" {
		t.trace = newTrace()
	}
	i, f, err := e.instance(ctx, set, t)
	if err != nil {
		return e.notRun(set, t, err)
	}
	initial := i.initial
	i.initial = 0
	r := result{failure: f}
	if f == nil {
		r = e.invoke(i, t, initial)
	}
	if r.failure != nil && r.response == nil {
		r.failure = r.failure.of(t.requestID)
		r.response = r.failure.asJSON()
	}
	i.reportEnd(set, t, r, initial)
	r.tail = i.sink.end()
	i.sink.flush()
	e.release(i)
	return r
}

// notRun is the result of an invocation for which no instance could be made. The log of the function
// says why, which is where its user looks.
func (e *engine) notRun(set settings, t task, err error) result {
	e.cfg.Log.Warn("a function cannot be run", "function", set.Name, "error", err)
	log := newSink(context.WithoutCancel(e.ctx), e.cfg, set.Logging.LogGroup, newStream(time.Now()))
	log.platform("RequestId: " + t.requestID + " Error: the local backend cannot run this function: " + err.Error())
	tail := log.end()
	log.flush()
	return result{err: err, tail: tail}
}

func (e *engine) invoke(i *instance, t task, initial time.Duration) result {
	begun := time.Now()
	if initial == 0 { // the tail of a first invocation holds what the initialisation wrote
		i.sink.begin()
	}
	i.report(t, begun)
	o := i.invoke(e.ctx, t, begun)
	return result{response: o.response, failure: o.failure, duration: time.Since(begun)}
}

// of puts the request into the message of a failure, as Lambda does with those of its own.
func (f *failure) of(requestID string) *failure {
	return &failure{f.Type, "RequestId: " + requestID + " " + f.Message}
}

// instance is a warm instance, or a new one. A new one whose initialisation fails is tried again
// once, with the time-out of an invocation, as Lambda does. With a failure, the instance is dead, and
// its log is that of the invocation.
func (e *engine) instance(ctx context.Context, set settings, t task) (*instance, *failure, error) {
	if i := e.warm(set); i != nil {
		return i, nil, nil
	}
	i, f, err := e.startInstance(ctx, set, initTimeout)
	if f != nil && retriedInit(f) {
		i, f, err = e.startInstance(ctx, set, time.Duration(set.Timeout)*time.Second)
	}
	if f != nil {
		i.report(t, time.Now())
	}
	return i, f, err
}

func retriedInit(f *failure) bool {
	return f.Type != invalidEntrypoint && f.Type != invalidWorkingDir
}

// warm takes the instance that was used last, which is the likeliest to be in the caches.
func (e *engine) warm(set settings) *instance {
	e.mu.Lock()
	defer e.mu.Unlock()
	for n, i := range slices.Backward(e.idle) {
		if i.set.Name != set.Name {
			continue
		}
		e.idle = slices.Delete(e.idle, n, n+1)
		if i.usable(set) {
			return i
		}
		e.end(i)
	}
	return nil
}

// release makes an instance idle, or ends it if it is of no more use.
func (e *engine) release(i *instance) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed || !i.usable(i.set) || i.set.Generation < e.oldest[i.set.Name] {
		e.end(i)
		return
	}
	i.idled = time.Now()
	e.idle = append(e.idle, i)
	// Idle instances use memory: no more are kept than may work.
	if len(e.idle) > cap(e.slots) {
		e.end(e.idle[0])
		e.idle = slices.Delete(e.idle, 0, 1)
	}
	time.AfterFunc(e.cfg.IdleTimeout, e.expire)
}

// expire ends what has been idle for too long.
func (e *engine) expire() {
	e.mu.Lock()
	defer e.mu.Unlock()
	old := time.Now().Add(-e.cfg.IdleTimeout)
	e.idle = slices.DeleteFunc(e.idle, func(i *instance) bool {
		if i.idled.After(old) {
			return false
		}
		e.end(i)
		return true
	})
}

// discard ends the idle instances of a function that are older than a generation, and makes the others
// end when they have done their work.
func (e *engine) discard(name string, oldest int64) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.oldest[name] = oldest
	e.idle = slices.DeleteFunc(e.idle, func(i *instance) bool {
		if i.set.Name != name || i.set.Generation >= oldest {
			return false
		}
		e.end(i)
		return true
	})
}

// end ends an instance in the background. The lock is held.
func (e *engine) end(i *instance) {
	e.running.Go(i.kill)
}

func (e *engine) close() {
	e.mu.Lock()
	e.closed = true
	for _, i := range e.idle {
		e.end(i)
	}
	e.idle = nil
	e.mu.Unlock()
	e.running.Wait()
}

// program is the unpacked image of a function.
func (e *engine) program(ctx context.Context, set settings) (*program, error) {
	architecture := map[string]string{"x86_64": "amd64", "arm64": "arm64"}[set.Architecture]
	if err := sandbox.Runnable(architecture); err != nil {
		return nil, err
	}
	e.mu.Lock()
	p := e.programs[set.ResolvedURI]
	e.mu.Unlock()
	if p != nil {
		return p, nil
	}
	loaded, err, _ := e.loading.Do(set.ResolvedURI, func() (any, error) { return e.load(ctx, set.ResolvedURI, architecture) })
	if err != nil {
		return nil, err
	}
	return loaded.(*program), nil
}

func (e *engine) load(ctx context.Context, uri, architecture string) (*program, error) {
	cache, err := e.openCache()
	if err != nil {
		return nil, err
	}
	img, err := e.cfg.Images.Image(ctx, uri)
	if err != nil {
		return nil, fmt.Errorf("read image %s: %w", uri, err)
	}
	file, err := img.ConfigFile()
	if err != nil {
		return nil, fmt.Errorf("read image %s: %w", uri, err)
	}
	if file.Architecture != "" && file.Architecture != architecture {
		return nil, fmt.Errorf("the image %s is for %s, the function's architecture is %s", uri, file.Architecture, architecture)
	}
	root, err := cache.Unpack(ctx, img)
	if err != nil {
		return nil, err
	}
	p := &program{root, file.Config}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.programs[uri] = p
	return p, nil
}

func (e *engine) openCache() (*sandbox.Cache, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.cache == nil {
		cache, err := sandbox.OpenCache(e.cfg.Cache, sandbox.Limits{})
		if err != nil {
			return nil, err
		}
		e.cache = cache
	}
	return e.cache, nil
}

func (e *engine) arn(name string) string {
	return fmt.Sprintf("arn:%s:lambda:%s:%s:function:%s", wire.Partition(e.cfg.Region), e.cfg.Region, e.cfg.Account, name)
}

// newTrace makes a trace header as Lambda's, not sampled.
func newTrace() string {
	id := randomHex()
	return fmt.Sprintf("Root=1-%08x-%s;Parent=%s;Sampled=0", time.Now().Unix()&math.MaxUint32, id[:24], randomHex()[:16])
}
