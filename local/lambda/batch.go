package lambda

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"time"
)

// maxReleases is how often a message is made visible again at once. A queue that gives messages up does so long before; one that
// never does must not keep the machine busy for ever.
const maxReleases = 1000

// sqsRecord is one message as Lambda's events show it, from "Using Lambda with Amazon SQS" in the developer guide.
type sqsRecord struct {
	MessageID         string            `json:"messageId"`
	ReceiptHandle     string            `json:"receiptHandle"`
	Body              string            `json:"body"`
	Attributes        map[string]string `json:"attributes"`
	MessageAttributes json.RawMessage   `json:"messageAttributes"`
	MD5OfBody         string            `json:"md5OfBody"`
	MD5OfAttributes   string            `json:"md5OfMessageAttributes,omitempty"`
	EventSource       string            `json:"eventSource"`
	EventSourceARN    string            `json:"eventSourceARN"`
	AWSRegion         string            `json:"awsRegion"`
}

// process gives a batch to the function: in one event, or in several where one would be larger than an event may be.
func (p *pollers) process(ctx context.Context, b batch) {
	for len(b.messages) > 0 {
		event, n, err := p.event(b)
		if err != nil {
			p.s.cfg.Log.Error("an event of messages cannot be written", "queue", b.mapping.Queue, "error", err)
			return
		}
		part := b
		part.messages, b.messages = b.messages[:n], b.messages[n:]
		if !p.invoke(ctx, part, event) {
			p.release(b, b.messages)
			return
		}
	}
}

// event is the event of as many messages as fit, one at least.
func (p *pollers) event(b batch) (event []byte, n int, err error) {
	var records []json.RawMessage
	size := len(`{"Records":[]}`)
	region := strings.SplitN(b.mapping.Queue, ":", 5)[3]
	for _, m := range b.messages {
		attributes := m.MessageAttributes
		if attributes == nil {
			attributes = json.RawMessage("{}")
		}
		text, err := json.Marshal(sqsRecord{
			m.ID, m.Receipt, m.Body, m.Attributes, attributes, m.MD5, m.MD5OfAttributes, "aws:sqs", b.mapping.Queue, region,
		})
		if err != nil {
			return nil, 0, err
		}
		if size += len(text) + 1; size > maxPayload && len(records) > 0 {
			break
		}
		records = append(records, text)
	}
	event, err = json.Marshal(struct{ Records []json.RawMessage }{records})
	return event, len(records), err
}

// invoke gives an event of messages to the function and takes from the queue what succeeded. It says whether the function was
// given the event.
func (p *pollers) invoke(ctx context.Context, b batch, event []byte) bool {
	f, placed := p.place(ctx, b)
	if !placed {
		return false
	}
	name := b.mapping.Function
	if p.s.engine.acquire(p.ctx) != nil {
		p.s.places.free(name)
		p.release(b, b.messages)
		return false
	}
	if !p.still(b) {
		<-p.s.engine.slots
		p.s.places.free(name)
		p.release(b, b.messages)
		return false
	}
	t := task{requestID: newID(), payload: event, attempt: 1}
	for _, m := range b.messages {
		t.attempt = max(t.attempt, m.ReceiveCount)
	}
	r := p.s.engine.run(p.ctx, f.serving(p.s.cfg.Clock.Now()), t)
	p.s.places.free(name)
	failed := r.err != nil || r.failure != nil
	if failed && p.ctx.Err() != nil { // the service stops: the attempt does not count
		p.release(b, b.messages)
		return false
	}
	i := r.invocation(name, t, !failed)
	i.Source = b.mapping.Queue
	ids, whole := []string(nil), failed
	if !failed && b.mapping.ReportFailures {
		ids, whole = itemFailures(r.response, b.ids())
	}
	i.Messages = b.outcomes(ids, whole)
	p.settle(b, f, i.Messages)
	p.s.cfg.OnDone(i)
	return true
}

// place waits for a place in the function until the messages come back by themselves, as Lambda does with a function that it
// throttles.
func (p *pollers) place(ctx context.Context, b batch) (function, bool) {
	wait := firstThrottle
	for {
		f, err := p.s.get(b.mapping.Function)
		if err != nil {
			p.note(ctx, b.mapping, err)
			p.release(b, b.messages) // the poller asks for the function before it takes them again
			return f, false
		}
		freed := p.s.places.wait(b.mapping.Function)
		if p.s.places.take(b.mapping.Function, f.Reserved) {
			return f, true
		}
		left := b.visible.Sub(p.s.cfg.Clock.Now())
		if left <= 0 {
			return f, false
		}
		select {
		case <-freed:
		case <-p.s.cfg.Clock.After(min(wait, left)):
			wait = min(2*wait, lastThrottle)
		case <-ctx.Done():
			p.release(b, b.messages)
			return f, false
		}
	}
}

// still says whether the messages are still the batch's. The wait for a slot may have been longer than they are hidden: then they are
// hidden anew, so that no other batch has them at the same time.
func (p *pollers) still(b batch) bool {
	if p.s.cfg.Clock.Now().Before(b.visible) {
		return true
	}
	held, err := p.s.cfg.Queues.Hold(p.ctx, b.mapping.Queue, receiptsOf(b.messages))
	if err != nil {
		p.s.cfg.Log.Warn("messages that waited for long are left to their queue", "queue", b.mapping.Queue, "error", err)
	}
	return held && err == nil
}

func (b batch) ids() []string {
	ids := make([]string, len(b.messages))
	for n, m := range b.messages {
		ids[n] = m.ID
	}
	return ids
}

// outcomes says of each message whether it failed.
func (b batch) outcomes(failed []string, whole bool) []Message {
	out := make([]Message, len(b.messages))
	for n, m := range b.messages {
		out[n] = Message{m.ID, m.ReceiveCount, whole || slices.Contains(failed, m.ID)}
	}
	return out
}

// settle takes the messages that succeeded from the queue. The others come back when their time is over.
func (p *pollers) settle(b batch, f function, outcomes []Message) {
	var done []string
	var failed []QueueMessage
	for n, m := range b.messages {
		if outcomes[n].Failed {
			failed = append(failed, m)
		} else {
			done = append(done, m.Receipt)
		}
	}
	ctx := context.WithoutCancel(p.ctx) // what was processed must not be processed again
	if len(done) > 0 {
		if err := p.remove(ctx, b, f, done); err != nil {
			p.note(ctx, b.mapping, err)
			p.s.cfg.Log.Warn("messages that are processed stay in their queue", "queue", b.mapping.Queue, "error", err)
		}
	}
	if len(failed) > 0 && p.s.cfg.redelivers() {
		failed = slices.DeleteFunc(failed, func(m QueueMessage) bool { return m.ReceiveCount > maxReleases })
		p.release(b, failed)
	}
}

func (p *pollers) remove(ctx context.Context, b batch, f function, receipts []string) error {
	allowed, err := p.s.roleMay(ctx, f.Settings.Role, "sqs:DeleteMessage", b.mapping.Queue)
	if err != nil {
		return err
	}
	if !allowed {
		return missingQueueRight("DeleteMessage")
	}
	for part := range slices.Chunk(receipts, maxReceive) {
		if err := p.s.cfg.Queues.Delete(ctx, b.mapping.Queue, part); err != nil {
			return err
		}
	}
	return nil
}

// release makes messages visible at once.
func (p *pollers) release(b batch, messages []QueueMessage) {
	for part := range slices.Chunk(messages, maxReceive) {
		if err := p.s.cfg.Queues.Release(context.WithoutCancel(p.ctx), b.mapping.Queue, receiptsOf(part)); err != nil {
			// They come back by themselves, later.
			p.s.cfg.Log.Debug("messages stay hidden", "queue", b.mapping.Queue, "until", b.visible.Format(time.RFC3339), "error", err)
		}
	}
}

func receiptsOf(messages []QueueMessage) []string {
	receipts := make([]string, len(messages))
	for n, m := range messages {
		receipts[n] = m.Receipt
	}
	return receipts
}

// itemFailures reads which messages of a batch a function reports as failed. Nothing, null, an empty object, and an absent, null or
// empty list mean none. What Lambda cannot read, or names no message of the batch, means all of them ("Implementing partial
// batch responses" in the developer guide). Names of keys count exactly, unlike in encoding/json.
func itemFailures(response []byte, batch []string) (failed []string, whole bool) {
	if len(strings.TrimSpace(string(response))) == 0 {
		return nil, false
	}
	var answer map[string]json.RawMessage
	if json.Unmarshal(response, &answer) != nil {
		return nil, true
	}
	var items []map[string]json.RawMessage
	if text, found := answer["batchItemFailures"]; !found {
		return nil, false
	} else if json.Unmarshal(text, &items) != nil {
		return nil, true
	}
	for _, item := range items {
		var id *string
		if json.Unmarshal(item["itemIdentifier"], &id) != nil || id == nil || !slices.Contains(batch, *id) {
			return nil, true
		}
		failed = append(failed, *id)
	}
	return failed, false
}
