package sqs

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"go.etcd.io/bbolt"

	"github.com/scar-go/scar/local/wire"
)

// dedupeFor is how long a FIFO queue remembers what was sent.
const dedupeFor = 5 * time.Minute

const maxDelay = 900 // seconds

type sendInput struct {
	QueueURL                string `json:"QueueUrl"`
	ID                      string `json:"Id"` // in a batch
	MessageBody             string
	DelaySeconds            *number
	MessageAttributes       map[string]attribute
	MessageSystemAttributes map[string]attribute
	MessageGroupID          string `json:"MessageGroupId"`
	MessageDeduplicationID  string `json:"MessageDeduplicationId"`
}

type sendOutput struct {
	ID                     string `json:"Id,omitempty" xml:"Id,omitempty"` // in a batch
	MessageID              string `json:"MessageId" xml:"MessageId"`
	MD5OfMessageBody       string
	MD5OfMessageAttributes string `json:",omitempty" xml:",omitempty"`
	SequenceNumber         string `json:",omitempty" xml:",omitempty"`
}

func (s *Service) sendMessage(ctx context.Context, in sendInput) (out sendOutput, err error) {
	q, err := s.open(ctx, in.QueueURL, "SendMessage")
	if err != nil {
		return out, err
	}
	outs, err := s.send(ctx, q, []sendInput{in})
	if err != nil {
		return out, err
	}
	return outs[0].sendOutput, outs[0].err
}

// sent is what became of one message of a batch.
type sent struct {
	sendOutput
	err error // of this message alone
}

// send stores messages, in one transaction. What is wrong with one of them does not hold up the others.
func (s *Service) send(ctx context.Context, q queue, in []sendInput) ([]sent, error) {
	out := make([]sent, len(in))
	err := s.cfg.DB.Bolt().Update(func(tx *bbolt.Tx) error {
		m, _, err := messagesOf(tx, q.Name)
		if err != nil {
			return err
		}
		for i := range in {
			answer, err := s.store(ctx, m, q, in[i])
			var refused *wire.Error
			if err != nil && !errors.As(err, &refused) {
				return err
			}
			out[i] = sent{answer, err}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("send to queue %q: %w", q.Name, err)
	}
	s.changed(q.Name)
	return out, nil
}

// store checks one message and puts it into its queue.
func (s *Service) store(ctx context.Context, m messages, q queue, in sendInput) (out sendOutput, err error) {
	c, delay, err := s.content(ctx, q, in)
	if err != nil {
		return out, err
	}
	out = sendOutput{ID: in.ID, MessageID: c.ID, MD5OfMessageBody: md5Of(c.Body), MD5OfMessageAttributes: md5OfAttributes(c.Attributes)}
	if !q.fifo() {
		return out, m.add(c, state{Visible: c.Sent.Add(delay)})
	}
	before, err := m.dedupe(q, &c)
	if err != nil {
		return out, err
	}
	if before != nil {
		out.MessageID, out.SequenceNumber = before.ID, before.Sequence
		return out, nil
	}
	out.SequenceNumber = c.Sequence
	return out, m.add(c, state{Visible: c.Sent.Add(delay)})
}

// content is a checked message, and how long it is to be hidden.
func (s *Service) content(ctx context.Context, q queue, in sendInput) (c content, delay time.Duration, err error) {
	if err := checkBody(in.MessageBody); err != nil {
		return c, 0, err
	}
	if err := checkMessageAttributes(in.MessageAttributes); err != nil {
		return c, 0, err
	}
	c = content{
		ID: newID(), Body: in.MessageBody, Attributes: in.MessageAttributes, Sender: senderOf(ctx), Sent: s.cfg.Clock.Now().UTC().Truncate(time.Millisecond),
		Group: in.MessageGroupID, Dedupe: in.MessageDeduplicationID,
	}
	if trace := in.MessageSystemAttributes["AWSTraceHeader"].StringValue; trace != nil {
		c.Trace = *trace
	}
	if most := q.number("MaximumMessageSize"); c.size() > most {
		return c, 0, failure("InvalidParameterValue", "One or more parameters are invalid. Reason: Message must be shorter than %d bytes.", most)
	}
	seconds := in.DelaySeconds.or(q.number("DelaySeconds"))
	if seconds < 0 || seconds > maxDelay {
		return c, 0, errParameter(seconds, "DelaySeconds", "DelaySeconds must be >= 0 and <= 900.")
	}
	return c, time.Duration(seconds) * time.Second, c.checkOrder(q, in)
}

// checkOrder is about what FIFO queues need, and others do not take.
func (c *content) checkOrder(q queue, in sendInput) error {
	if !q.fifo() {
		if in.MessageDeduplicationID != "" {
			return errParameter(in.MessageDeduplicationID, "MessageDeduplicationId", "The request include parameter that is not valid for this queue type")
		}
		return nil
	}
	if c.Group == "" {
		return errMissing("MessageGroupId")
	}
	if in.DelaySeconds != nil && *in.DelaySeconds != 0 {
		return errParameter(*in.DelaySeconds, "DelaySeconds", "The request include parameter that is not valid for this queue type.")
	}
	if c.Dedupe != "" {
		return nil
	}
	if q.value("ContentBasedDeduplication") != "true" {
		return failure("InvalidParameterValue", "The queue should either have ContentBasedDeduplication enabled or MessageDeduplicationId provided explicitly")
	}
	sum := sha256.Sum256([]byte(c.Body))
	c.Dedupe = hex.EncodeToString(sum[:])
	return nil
}

// remembered is what a FIFO queue knows of a message that was sent.
type remembered struct {
	ID       string
	Sequence string
	At       time.Time
}

// dedupe is the message that was sent before with the same deduplication id, or nil; then the message gets its sequence number
// and is remembered.
func (m messages) dedupe(q queue, c *content) (*remembered, error) {
	known, order := m.root.Bucket(tableDedupe), m.root.Bucket(tableForget)
	if err := forget(known, order, c.Sent.Add(-dedupeFor)); err != nil {
		return nil, err
	}
	key := []byte(c.Dedupe)
	if q.value("DeduplicationScope") == "messageGroup" {
		key = []byte(c.Group + "\x00" + c.Dedupe)
	}
	if text := known.Get(key); text != nil {
		var before remembered
		if err := json.Unmarshal(text, &before); err != nil {
			return nil, fmt.Errorf("read what was sent: %w", err)
		}
		return &before, nil
	}
	n, err := known.NextSequence()
	if err != nil {
		return nil, err
	}
	c.Sequence = fmt.Sprintf("1885%016d", n) // 20 digits, as SQS's
	if err := put(known, key, remembered{c.ID, c.Sequence, c.Sent}); err != nil {
		return nil, err
	}
	return nil, order.Put(append(timeKey(c.Sent), key...), nil)
}

// forget removes what was sent before a time.
func forget(known, order *bbolt.Bucket, before time.Time) error {
	limit := timeKey(before)
	for {
		at, _ := order.Cursor().First()
		if at == nil || string(at[:8]) >= string(limit) {
			return nil
		}
		at = append([]byte(nil), at...)
		if err := known.Delete(at[8:]); err != nil {
			return err
		}
		if err := order.Delete(at); err != nil {
			return err
		}
	}
}

func senderOf(ctx context.Context) string {
	id := wire.CallOf(ctx).Identity
	if id.Role != "" {
		return id.ARN
	}
	return id.Account
}

// newID makes a UUID, version 4.
func newID() string {
	var u [16]byte
	_, _ = rand.Read(u[:]) // never fails
	u[6], u[8] = u[6]&0x0f|0x40, u[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", u[:4], u[4:6], u[6:8], u[8:10], u[10:])
}
