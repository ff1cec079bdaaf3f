package sqs

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Other services of the backend call these instead of SQS's API. They ask for no rights by themselves: who may send or receive
// is CheckSend's and CheckCaller's to say.

// Message is a message as Lambda gets it.
type Message struct {
	ID           string
	Receipt      string
	Body         string
	MD5          string // of the body, in hexadecimal
	Attributes   map[string]string
	Given        map[string]Attribute // the sender's own attributes
	MD5OfGiven   string
	ReceiveCount int // from all queues that it was in, this receive included
}

// Attribute is an attribute that the sender gave a message. One of the values is there.
type Attribute struct {
	DataType    string
	StringValue *string
	BinaryValue []byte
}

// QueueInfo is what Lambda asks of a queue.
type QueueInfo struct {
	Name       string
	FIFO       bool
	Visibility time.Duration
	DeadLetter string // ARN; empty: none
	Receives   int    // after which a message goes to DeadLetter
}

// Info describes a queue. The error is SQS's where there is none.
func (s *Service) Info(_ context.Context, queueARN string) (QueueInfo, error) {
	q, err := s.byARN(queueARN)
	if err != nil {
		return QueueInfo{}, err
	}
	info := QueueInfo{Name: q.Name, FIFO: q.fifo(), Visibility: q.seconds("VisibilityTimeout")}
	if p, found := q.redrive(); found {
		info.DeadLetter, info.Receives = p.Target, int(p.Most)
	}
	return info, nil
}

// Send puts a message into a queue, as a service does. Group is for FIFO queues only; they tell messages apart by their content.
func (s *Service) Send(ctx context.Context, queueARN, body, group string) (id string, err error) {
	q, err := s.byARN(queueARN)
	if err != nil {
		return "", err
	}
	in := sendInput{MessageBody: body}
	if q.fifo() {
		in.MessageGroupID, in.MessageDeduplicationID = group, newID()
	}
	out, err := s.send(ctx, q, []sendInput{in})
	if err != nil {
		return "", err
	}
	return out[0].MessageID, out[0].err
}

// Poll takes up to most messages, which are hidden from others for the queue's visibility timeout then. It waits until there is
// one, or until the context ends, whose error it returns.
func (s *Service) Poll(ctx context.Context, queueARN string, most int) ([]Message, error) {
	q, err := s.byARN(queueARN)
	if err != nil {
		return nil, err
	}
	got, err := s.receive(ctx, q.Name, take{most: most, hide: q.seconds("VisibilityTimeout")}, time.Time{})
	out := make([]Message, 0, len(got))
	for _, r := range got {
		out = append(out, r.message())
	}
	return out, err
}

func (r received) message() Message {
	m := Message{
		ID: r.ID, Receipt: r.receipt, Body: r.Body, MD5: md5Of(r.Body), Attributes: r.system(),
		MD5OfGiven: md5OfAttributes(r.content.Attributes), ReceiveCount: r.Total, Given: map[string]Attribute{},
	}
	for name, a := range r.content.Attributes {
		m.Given[name] = Attribute(a)
	}
	return m
}

// Delete removes messages that were received.
func (s *Service) Delete(_ context.Context, queueARN string, receipts []string) error {
	q, err := s.byARN(queueARN)
	if err != nil {
		return err
	}
	if err := errors.Join(s.edit(q, receipts, s.remove)...); err != nil {
		return fmt.Errorf("delete messages of queue %q: %w", q.Name, err)
	}
	return nil
}

// Release makes messages that were received visible again. Those that are so already, or are gone, are left as they are.
func (s *Service) Release(_ context.Context, queueARN string, receipts []string) error {
	q, err := s.byARN(queueARN)
	if err != nil {
		return err
	}
	release := func(m messages, _ queue, number []byte, st state, current bool) error {
		now := s.cfg.Clock.Now()
		if !current || !st.Visible.After(now) {
			return nil
		}
		next := st
		next.Visible = now
		return m.setState(number, st, next)
	}
	if err := errors.Join(s.edit(q, receipts, release)...); err != nil {
		return fmt.Errorf("release messages of queue %q: %w", q.Name, err)
	}
	return nil
}

// Hold hides messages that were received for the queue's visibility timeout from now, if all of them are still with those who have these
// receipts, and says whether they are. Otherwise those that are may be hidden: Release shows them again.
func (s *Service) Hold(_ context.Context, queueARN string, receipts []string) (held bool, err error) {
	q, err := s.byARN(queueARN)
	if err != nil {
		return false, err
	}
	held = true
	hold := func(m messages, q queue, number []byte, st state, current bool) error {
		if !current {
			held = false
			return nil
		}
		next := st
		next.Visible = s.cfg.Clock.Now().Add(q.seconds("VisibilityTimeout"))
		return m.setState(number, st, next)
	}
	if err := errors.Join(s.edit(q, receipts, hold)...); err != nil {
		return false, fmt.Errorf("hold messages of queue %q: %w", q.Name, err)
	}
	return held, nil
}
