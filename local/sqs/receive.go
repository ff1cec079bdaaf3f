package sqs

import (
	"context"
	"crypto/rand"
	"fmt"
	"slices"
	"strconv"
	"time"

	"go.etcd.io/bbolt"
)

const maxReceive = 10 // messages

type receiveInput struct {
	QueueURL                    string `json:"QueueUrl"`
	AttributeNames              []string
	MessageSystemAttributeNames []string
	MessageAttributeNames       []string
	MaxNumberOfMessages         *number
	VisibilityTimeout           *number
	WaitTimeSeconds             *number
}

type messageOutput struct {
	MessageID              string `json:"MessageId" xml:"MessageId"`
	ReceiptHandle          string
	MD5OfBody              string
	Body                   string
	Attributes             textMap      `json:",omitempty" xml:"Attribute"`
	MD5OfMessageAttributes string       `json:",omitempty" xml:",omitempty"`
	MessageAttributes      attributeMap `json:",omitempty" xml:"MessageAttribute"`
}

type receiveOutput struct {
	Messages []messageOutput `json:",omitempty" xml:"Message"`
}

func (s *Service) receiveMessage(ctx context.Context, in receiveInput) (out receiveOutput, err error) {
	q, err := s.open(ctx, in.QueueURL, "ReceiveMessage")
	if err != nil {
		return out, err
	}
	if err := in.check(); err != nil {
		return out, err
	}
	want := take{most: in.MaxNumberOfMessages.or(1), hide: q.seconds("VisibilityTimeout")}
	if in.VisibilityTimeout != nil {
		want.hide = time.Duration(*in.VisibilityTimeout) * time.Second
	}
	patience := time.Duration(in.WaitTimeSeconds.or(q.number("ReceiveMessageWaitTimeSeconds"))) * time.Second
	got, err := s.receive(ctx, q.Name, want, s.cfg.Clock.Now().Add(patience))
	for _, r := range got {
		out.Messages = append(out.Messages, r.output(in))
	}
	return out, err
}

func (in receiveInput) check() error {
	if n := in.MaxNumberOfMessages.or(1); n < 1 || n > maxReceive {
		return errParameter(n, "MaxNumberOfMessages", "Must be between 1 and 10, if provided.")
	}
	if n := in.VisibilityTimeout.or(0); n < 0 || n > maxVisibility {
		return errParameter(n, "VisibilityTimeout", "Must be between 0 and 43200, if provided.")
	}
	if n := in.WaitTimeSeconds.or(0); n < 0 || n > 20 {
		return errParameter(n, "WaitTimeSeconds", "Must be >= 0 and <= 20, if provided.")
	}
	return nil
}

// take is how many messages are wanted, and for how long they are hidden from others then.
type take struct {
	most int
	hide time.Duration
}

// received is a message that somebody got.
type received struct {
	content
	state
	receipt string
}

// receive takes messages, and waits for them until the deadline, which is never where it is zero.
func (s *Service) receive(ctx context.Context, name string, want take, deadline time.Time) (got []received, err error) {
	err = s.wait(ctx, name, deadline, func() (bool, time.Time, error) {
		var again time.Time
		q, err := s.byName(name) // as it is now: it may be gone, or changed
		if err != nil {
			return false, again, err
		}
		got, again, err = s.receiveNow(q, want)
		return len(got) > 0, again, err
	})
	return got, err
}

// receiveNow takes what is visible. Again is when a message will next become visible; zero: none will by itself.
func (s *Service) receiveNow(q queue, want take) (got []received, again time.Time, err error) {
	now := s.cfg.Clock.Now()
	var due bool
	err = s.cfg.DB.Bolt().View(func(tx *bbolt.Tx) error {
		m, found, err := messagesOf(tx, q.Name)
		if err != nil || !found {
			return err
		}
		if first, _ := m.order.Cursor().First(); first != nil {
			again, _ = split(first)
			due = !again.After(now)
		}
		return nil
	})
	if err != nil || !due {
		return nil, again, err
	}
	var moved []string
	err = s.cfg.DB.Bolt().Update(func(tx *bbolt.Tx) error {
		m, _, err := messagesOf(tx, q.Name)
		if err != nil {
			return err
		}
		r := receiver{service: s, tx: tx, queue: q, messages: m, now: now, want: want, seen: map[string]bool{}}
		got, again, err = r.run()
		moved = r.moved
		return err
	})
	for _, name := range moved {
		s.changed(name)
	}
	if err != nil {
		return nil, again, fmt.Errorf("receive from queue %q: %w", q.Name, err)
	}
	return got, again, nil
}

// receiver takes messages of a queue, in one transaction.
type receiver struct {
	service  *Service
	tx       *bbolt.Tx
	queue    queue
	messages messages
	now      time.Time
	want     take
	seen     map[string]bool // numbers that were looked at: what is hidden for no time stays visible
	moved    []string        // queues that got dead letters
}

func (r *receiver) run() (got []received, again time.Time, err error) {
	due := r.dueStandard
	if r.queue.fifo() {
		due = r.dueFIFO
	}
	for len(got) < r.want.most {
		numbers, err := due(r.want.most - len(got))
		if err != nil {
			return nil, again, err
		}
		if len(numbers) == 0 {
			break
		}
		for _, number := range numbers {
			one, err := r.take(number)
			if err != nil {
				return nil, again, err
			}
			if one != nil {
				got = append(got, *one)
			}
		}
	}
	return got, r.next(), nil
}

// next is when the next message that is hidden now becomes visible.
func (r *receiver) next() time.Time {
	first, _ := r.messages.order.Cursor().Seek(timeKey(r.now.Add(1)))
	if first == nil {
		return time.Time{}
	}
	visible, _ := split(first)
	return visible
}

// dueStandard are the numbers of visible messages, those that are visible longest first.
func (r *receiver) dueStandard(most int) (numbers [][]byte, err error) {
	c := r.messages.order.Cursor()
	for key, _ := c.First(); key != nil && len(numbers) < most; key, _ = c.Next() {
		visible, number := split(key)
		if visible.After(r.now) {
			break
		}
		if !r.seen[string(number)] {
			numbers = append(numbers, number)
		}
	}
	return numbers, nil
}

// dueFIFO are the numbers of visible messages in the order in which they came, but for groups of which a message before is
// hidden.
func (r *receiver) dueFIFO(most int) (numbers [][]byte, err error) {
	blocked := map[string]bool{}
	c := r.messages.content.Cursor()
	for key, _ := c.First(); key != nil && len(numbers) < most; key, _ = c.Next() {
		m, st, found, err := r.messages.load(key)
		if err != nil {
			return nil, err
		}
		if !found || blocked[m.Group] || r.seen[string(key)] {
			continue
		}
		if st.Visible.After(r.now) {
			blocked[m.Group] = true
			continue
		}
		numbers = append(numbers, slices.Clone(key))
	}
	return numbers, nil
}

// take gives one message away, unless it is too old or a dead letter.
func (r *receiver) take(number []byte) (*received, error) {
	m := r.messages
	r.seen[string(number)] = true
	c, st, found, err := m.load(number)
	if err != nil || !found {
		return nil, err
	}
	if c.Sent.Add(r.queue.seconds("MessageRetentionPeriod")).Before(r.now) {
		return nil, m.remove(number, st)
	}
	if dead, isDead := r.deadLetter(st); isDead {
		r.moved = append(r.moved, dead.Name)
		return nil, r.move(number, c, st, dead)
	}
	next := st
	next.Receives, next.Total = st.Receives+1, st.Total+1
	next.Visible, next.Nonce = r.now.Add(r.want.hide), rand.Text()
	if st.First.IsZero() {
		next.First = r.now
	}
	if err := m.setState(number, st, next); err != nil {
		return nil, err
	}
	return &received{c, next, receipt(r.queue.Name, number, next.Nonce)}, nil
}

// deadLetter is the queue to which a message goes that was received too often. Where that queue is gone, it stays.
func (r *receiver) deadLetter(st state) (queue, bool) {
	p, found := r.queue.redrive()
	if !found || st.Receives < int(p.Most) {
		return queue{}, false
	}
	dead, err := r.service.deadQueue(r.tx, p.Target)
	if err != nil || dead.Name == r.queue.Name {
		return queue{}, false
	}
	return dead, dead.takesFrom(r.service.arn(r.queue.Name))
}

// move makes a message a dead letter. Of a standard queue it keeps its age.
func (r *receiver) move(number []byte, c content, st state, dead queue) error {
	to, _, err := messagesOf(r.tx, dead.Name)
	if err != nil {
		return err
	}
	c.Source = r.service.arn(r.queue.Name)
	if r.queue.fifo() {
		c.Sent = r.now
	}
	if err := to.add(c, state{Visible: r.now, Total: st.Total, First: st.First}); err != nil {
		return err
	}
	return r.messages.remove(number, st)
}

// output is a message as it is answered.
func (r received) output(in receiveInput) messageOutput {
	out := messageOutput{
		MessageID: r.ID, ReceiptHandle: r.receipt, MD5OfBody: md5Of(r.Body), Body: r.Body,
		MessageAttributes: wanted(r.content.Attributes, in.MessageAttributeNames),
	}
	out.MD5OfMessageAttributes = md5OfAttributes(out.MessageAttributes)
	asked := append(slices.Clone(in.AttributeNames), in.MessageSystemAttributeNames...)
	for name, value := range r.system() {
		if slices.Contains(asked, "All") || slices.Contains(asked, name) {
			if out.Attributes == nil {
				out.Attributes = textMap{}
			}
			out.Attributes[name] = value
		}
	}
	return out
}

// system are the attributes that SQS gives a message.
func (r received) system() map[string]string {
	millis := func(t time.Time) string { return strconv.FormatInt(t.UnixMilli(), 10) }
	out := map[string]string{
		"SenderId": r.Sender, "SentTimestamp": millis(r.Sent),
		"ApproximateReceiveCount": strconv.Itoa(r.Total), "ApproximateFirstReceiveTimestamp": millis(r.First),
	}
	for name, value := range map[string]string{
		"MessageGroupId": r.Group, "MessageDeduplicationId": r.Dedupe, "SequenceNumber": r.Sequence,
		"AWSTraceHeader": r.Trace, "DeadLetterQueueSourceArn": r.Source,
	} {
		if value != "" {
			out[name] = value
		}
	}
	return out
}
