package lambda

import (
	"context"
	"sync"
	"time"
)

const (
	maxReceive = 10 // messages that SQS gives at once

	// How long a poller waits after an error, twice as long each time.
	firstPause = time.Second
	lastPause  = time.Minute
)

// pollers take messages from the queues of all enabled mappings.
type pollers struct {
	s       *Service
	ctx     context.Context
	running sync.WaitGroup

	mu       sync.Mutex
	stops    map[string]context.CancelFunc // by mapping
	problems map[string]string             // by mapping, why nothing is taken
}

func newPollers(ctx context.Context, s *Service) *pollers {
	return &pollers{s: s, ctx: ctx, stops: map[string]context.CancelFunc{}, problems: map[string]string{}}
}

// resume polls for the mappings of a function that are stored; for all, if it is empty.
func (p *pollers) resume(function string) error {
	var all []mapping
	err := p.s.mappings.Each("", func(_ string, m mapping) bool {
		if function == "" || m.Function == function {
			all = append(all, m)
		}
		return true
	})
	for _, m := range all {
		p.set(m)
	}
	return err
}

// set polls for a mapping with the settings that it has now, or no longer. Batches under way end as they began.
func (p *pollers) set(m mapping) {
	p.drop(m.UUID)
	if !m.Enabled || m.Under == mappingDeleting || p.s.cfg.Queues == nil {
		return
	}
	ctx, stop := context.WithCancel(p.ctx)
	p.mu.Lock()
	p.stops[m.UUID] = stop
	p.mu.Unlock()
	p.running.Go(func() { p.poll(ctx, m) })
}

func (p *pollers) drop(id string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if stop, found := p.stops[id]; found {
		stop()
		delete(p.stops, id)
	}
	delete(p.problems, id)
}

// problem is why nothing is taken for a mapping; empty: there is no reason.
func (p *pollers) problem(id string) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.problems[id]
}

func (p *pollers) note(ctx context.Context, m mapping, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case ctx.Err() != nil: // the poller is no longer the mapping's
	case err == nil:
		delete(p.problems, m.UUID)
	default:
		p.problems[m.UUID] = "PROBLEM: " + messageOf(err)
	}
}

// poll takes batches and processes as many at a time as the mapping and the machine allow.
func (p *pollers) poll(ctx context.Context, m mapping) {
	most := p.s.cfg.Concurrency
	if m.MaxConcurrency > 0 {
		most = min(most, m.MaxConcurrency)
	}
	room := make(chan struct{}, most)
	pause := firstPause
	for {
		select {
		case room <- struct{}{}:
		case <-ctx.Done():
			return
		}
		b, err := p.take(ctx, m)
		if err != nil {
			p.note(ctx, m, err)
		}
		if err == nil && len(b.messages) > 0 {
			pause = firstPause
			p.running.Go(func() {
				defer func() { <-room }()
				defer p.s.tally.done()
				p.process(ctx, b)
			})
			continue
		}
		<-room
		if err == nil {
			pause = 0
		}
		select {
		case <-p.s.cfg.Clock.After(pause):
		case <-ctx.Done():
			return
		}
		pause = max(firstPause, min(2*pause, lastPause))
	}
}

// batch are messages that are given to a function together.
type batch struct {
	mapping  mapping
	messages []QueueMessage
	visible  time.Time // when the messages come back by themselves
}

// take waits for a batch, which counts as under way from then on.
func (p *pollers) take(ctx context.Context, m mapping) (batch, error) {
	f, err := p.s.get(m.Function)
	if err != nil {
		return batch{}, err
	}
	allowed, err := p.s.roleMay(ctx, f.Settings.Role, "sqs:ReceiveMessage", m.Queue)
	if err != nil {
		return batch{}, err
	}
	if !allowed {
		return batch{}, missingQueueRight("ReceiveMessage")
	}
	queue, err := p.s.cfg.Queues.Attributes(ctx, m.Queue)
	if err != nil {
		return batch{}, err
	}
	p.note(ctx, m, nil) // it may be long until there is a message
	messages, err := p.receive(ctx, m)
	if err != nil || len(messages) == 0 {
		return batch{}, err
	}
	b := batch{m, messages, p.s.cfg.Clock.Now().Add(queue.VisibilityTimeout)}
	if ctx.Err() != nil { // the mapping is disabled or gone, or the service stops
		p.release(b, b.messages)
		return batch{}, ctx.Err()
	}
	p.s.tally.add(1)
	return b, nil
}

// receive waits for a message, and then, where the mapping has a window, for more until the batch is full.
func (p *pollers) receive(ctx context.Context, m mapping) ([]QueueMessage, error) {
	messages, err := p.s.cfg.Queues.Receive(ctx, m.Queue, min(m.BatchSize, maxReceive))
	if err != nil || len(messages) == 0 || m.Window == 0 {
		return messages, err
	}
	open, shut := context.WithCancel(ctx)
	defer shut()
	window := p.s.cfg.Clock.After(time.Duration(m.Window) * time.Second)
	p.running.Go(func() {
		select {
		case <-window:
			shut()
		case <-open.Done():
		}
	})
	for len(messages) < m.BatchSize && open.Err() == nil {
		more, err := p.s.cfg.Queues.Receive(open, m.Queue, min(m.BatchSize-len(messages), maxReceive))
		if err != nil {
			break // what is there is processed; the next call meets the error again
		}
		messages = append(messages, more...)
	}
	return messages, nil
}

// wait waits for the batches under way when the service has been stopped.
func (p *pollers) wait() { p.running.Wait() }
