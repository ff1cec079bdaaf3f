package lambda

import (
	"container/heap"
	"context"
	"fmt"
	"strconv"
	"sync"
	"time"

	"github.com/scar-go/scar/local/clock"
	"github.com/scar-go/scar/local/store"
)

// event is an asynchronous event as it is stored until it is processed for good.
type event struct {
	Function  string
	RequestID string
	Payload   []byte
	Source    string    // ARN of what the event comes from; empty: a caller
	Queued    time.Time // when it came
	Failed    int       // attempts that have failed
	Due       time.Time // no attempt before
	Concluded *conclusion
}

// queue holds asynchronous events and gives them to the engine: each at least once, and again when
// the function fails.
type queue struct {
	s       *Service
	ctx     context.Context
	table   *store.Table[event]
	wake    chan struct{} // holds one
	running sync.WaitGroup

	mu        sync.Mutex
	next      uint64
	due       dueHeap
	throttled map[string]int // by key, how often there was no place for an event
}

func newQueue(ctx context.Context, s *Service) (*queue, error) {
	table, err := store.NewTable[event](s.cfg.DB, "lambda-events")
	if err != nil {
		return nil, err
	}
	q := &queue{s: s, ctx: ctx, table: table, wake: make(chan struct{}, 1), throttled: map[string]int{}}
	err = table.Each("", func(key string, e event) bool {
		if n, err := strconv.ParseUint(key, 10, 64); err == nil {
			q.next = n // keys come in order
		}
		s.tally.add(1)
		heap.Push(&q.due, dueEvent{key: key, at: e.Due})
		return true
	})
	if err != nil {
		return nil, err
	}
	return q, nil
}

// put stores an event.
func (q *queue) put(e event) (requestID string, err error) {
	e.Queued = q.s.cfg.Clock.Now()
	e.Due = e.Queued
	q.mu.Lock()
	q.next++
	key := fmt.Sprintf("%020d", q.next)
	q.mu.Unlock()
	q.s.tally.add(1)
	if err := q.table.Put(key, e); err != nil {
		q.s.tally.done()
		return "", err
	}
	q.push(key, e.Due)
	return e.RequestID, nil
}

func (q *queue) push(key string, due time.Time) { q.add(dueEvent{key: key, at: due}) }

func (q *queue) add(d dueEvent) {
	q.mu.Lock()
	heap.Push(&q.due, d)
	q.mu.Unlock()
	q.rouse()
}

// freed makes the first event due that waits for a place of a function.
func (q *queue) freed(function string) {
	now := q.s.cfg.Clock.Now()
	q.mu.Lock()
	if len(q.throttled) == 0 {
		q.mu.Unlock()
		return
	}
	first := -1
	for n, d := range q.due {
		if d.waitsFor == function && (first < 0 || d.key < q.due[first].key) {
			first = n
		}
	}
	if first >= 0 {
		q.due[first].at, q.due[first].waitsFor = now, ""
		heap.Fix(&q.due, first)
	}
	q.mu.Unlock()
	if first >= 0 {
		q.rouse()
	}
}

// rouse makes schedule look again.
func (q *queue) rouse() {
	select {
	case q.wake <- struct{}{}:
	default:
	}
}

// schedule starts events as they come due and as there is room for them.
func (q *queue) schedule() {
	for {
		key, next := q.take()
		if key == "" {
			var later <-chan time.Time
			if !next.IsZero() {
				later = clock.At(q.s.cfg.Clock, next)
			}
			select {
			case <-later:
			case <-q.wake:
			case <-q.ctx.Done():
				return
			}
			continue
		}
		if q.s.engine.acquire(q.ctx) != nil {
			return
		}
		q.running.Go(func() { q.process(key) })
	}
}

// take takes the first event that is due, or says when one will be; zero: there is none.
func (q *queue) take() (key string, next time.Time) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.due) == 0 {
		return "", time.Time{}
	}
	if first := q.due[0]; first.at.After(q.s.cfg.Clock.Now()) {
		return "", first.at
	}
	return heap.Pop(&q.due).(dueEvent).key, time.Time{}
}

// forget removes an event that is processed for good.
func (q *queue) forget(key string) {
	if err := q.table.Delete(key); err != nil {
		q.s.cfg.Log.Error("an event that is processed stays in the queue", "error", err)
	}
	q.mu.Lock()
	delete(q.throttled, key)
	q.mu.Unlock()
	q.s.tally.done()
}

// wait waits for the attempts under way when the service has been stopped.
func (q *queue) wait() { q.running.Wait() }

// dueEvent is an event's place in the order of times.
type dueEvent struct {
	key      string
	at       time.Time
	waitsFor string // function that it waits for a place of; empty: it waits for its time alone
}

type dueHeap []dueEvent

func (h dueHeap) Len() int { return len(h) }
func (h dueHeap) Less(i, j int) bool {
	if h[i].at.Equal(h[j].at) {
		return h[i].key < h[j].key
	}
	return h[i].at.Before(h[j].at)
}
func (h dueHeap) Swap(i, j int) { h[i], h[j] = h[j], h[i] }

// Push implements heap.Interface.
func (h *dueHeap) Push(x any) { *h = append(*h, x.(dueEvent)) }

// Pop implements heap.Interface.
func (h *dueHeap) Pop() any {
	last := (*h)[len(*h)-1]
	*h = (*h)[:len(*h)-1]
	return last
}
