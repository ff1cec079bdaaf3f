package lambda

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/scar-go/scar/local/clock"
	"github.com/scar-go/scar/local/wire"
)

const (
	queueARN    = "arn:aws:sqs:us-east-1:000000000000:q"
	functionARN = "arn:aws:lambda:us-east-1:000000000000:function:f"
)

// fakeQueue is a queue as SQS has them: what is received is hidden for a while, and comes back unless it is deleted.
type fakeQueue struct {
	clock      clock.Clock
	visibility time.Duration

	mu       sync.Mutex
	messages []*fakeMessage
	changed  chan struct{} // closed when there may be something to receive
	receipts int
	released int
}

type fakeMessage struct {
	id, body, receipt string
	visible           time.Time
	received          int
}

func newFakeQueue(c clock.Clock, visibility time.Duration) *fakeQueue {
	return &fakeQueue{clock: c, visibility: visibility, changed: make(chan struct{})}
}

var errNoQueue = wire.Errorf(http.StatusBadRequest, "AWS.SimpleQueueService.NonExistentQueue", "The specified queue does not exist for this wsdl version.")

func (q *fakeQueue) send(bodies ...string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, body := range bodies {
		q.messages = append(q.messages, &fakeMessage{id: fmt.Sprint("m", len(q.messages)), body: body})
	}
	q.wake()
}

func (q *fakeQueue) wake() {
	close(q.changed)
	q.changed = make(chan struct{})
}

func (q *fakeQueue) Receive(ctx context.Context, arn string, most int) ([]QueueMessage, error) {
	if arn != queueARN {
		return nil, errNoQueue
	}
	for {
		out, changed, next := q.receive(most)
		if len(out) > 0 {
			return out, nil
		}
		var later <-chan time.Time
		if !next.IsZero() {
			later = clock.At(q.clock, next)
		}
		select {
		case <-changed:
		case <-later:
		case <-ctx.Done():
			return nil, nil
		}
	}
}

func (q *fakeQueue) receive(most int) (out []QueueMessage, changed <-chan struct{}, next time.Time) {
	q.mu.Lock()
	defer q.mu.Unlock()
	now := q.clock.Now()
	for _, m := range q.messages {
		if m.visible.After(now) {
			if next.IsZero() || m.visible.Before(next) {
				next = m.visible
			}
			continue
		}
		if len(out) == most {
			break
		}
		q.receipts++
		m.received++
		m.visible, m.receipt = now.Add(q.visibility), strconv.Itoa(q.receipts)
		out = append(out, QueueMessage{ID: m.id, Receipt: m.receipt, Body: m.body, MD5: "md5", ReceiveCount: m.received,
			Attributes: map[string]string{"ApproximateReceiveCount": strconv.Itoa(m.received)}})
	}
	return out, q.changed, next
}

func (q *fakeQueue) Delete(_ context.Context, _ string, receipts []string) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.messages = slices.DeleteFunc(q.messages, func(m *fakeMessage) bool { return slices.Contains(receipts, m.receipt) })
	return nil
}

func (q *fakeQueue) Release(_ context.Context, _ string, receipts []string) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, m := range q.messages {
		if slices.Contains(receipts, m.receipt) {
			m.visible = time.Time{}
			q.released++
		}
	}
	q.wake()
	return nil
}

func (q *fakeQueue) Hold(_ context.Context, _ string, receipts []string) (bool, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	held := 0
	for _, m := range q.messages {
		if slices.Contains(receipts, m.receipt) {
			m.visible = q.clock.Now().Add(q.visibility)
			held++
		}
	}
	return held == len(receipts), nil
}

func (q *fakeQueue) Attributes(_ context.Context, arn string) (QueueAttributes, error) {
	if arn != queueARN {
		return QueueAttributes{}, errNoQueue
	}
	return QueueAttributes{VisibilityTimeout: q.visibility}, nil
}

// left are the bodies of the messages that are in the queue, hidden or not.
func (q *fakeQueue) left() []string {
	q.mu.Lock()
	defer q.mu.Unlock()
	var out []string
	for _, m := range q.messages {
		out = append(out, m.body)
	}
	return out
}

type delivered struct {
	destination, role, key string
	document               []byte
}

// fakeDestinations keeps what it is told, or refuses it.
type fakeDestinations struct {
	mu   sync.Mutex
	fail error
	got  []delivered
}

func (d *fakeDestinations) Deliver(_ context.Context, destinationARN, roleARN, key string, document []byte) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.fail != nil {
		return d.fail
	}
	d.got = append(d.got, delivered{destinationARN, roleARN, key, document})
	return nil
}

func (d *fakeDestinations) all() []delivered {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.got)
}

// fakeAuthorizer knows two callers, and allows all but what is denied.
type fakeAuthorizer struct {
	mu     sync.Mutex
	denied []string // actions
	asked  []string // action, resource and conditions
}

var errNoKey = errors.New("unknown access key")

func (a *fakeAuthorizer) Lookup(_ context.Context, accessKey, _ string) (string, wire.Identity, error) {
	if accessKey != "AKIDROLE" {
		return "", wire.Identity{}, errNoKey
	}
	return "secret", wire.Identity{Account: "000000000000", AccessKey: accessKey, Role: "caller",
		ARN: "arn:aws:sts::000000000000:assumed-role/caller/session"}, nil
}

func (a *fakeAuthorizer) Allowed(_ context.Context, id wire.Identity, action, resource string, conditions map[string][]string) (bool, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.asked = append(a.asked, fmt.Sprint(id.Role, " ", action, " ", resource, " ", conditions))
	return !slices.Contains(a.denied, action), nil
}

func (a *fakeAuthorizer) deny(actions ...string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.denied = actions
}

// fakePlace is a VPC with one subnet and group, and an access point.
type fakePlace struct{ folder string }

const accessPointARN = "arn:aws:elasticfilesystem:us-east-1:000000000000:access-point/fsap-0123456789abcdef0"

func (p fakePlace) CheckVPC(_ context.Context, subnets, groups []string) (string, error) {
	if !slices.Equal(subnets, []string{"subnet-1"}) {
		return "", wire.Errorf(http.StatusBadRequest, "InvalidSubnetID.NotFound", "The subnet ID '%s' does not exist", subnets[0])
	}
	if !slices.Equal(groups, []string{"sg-1"}) {
		return "", wire.Errorf(http.StatusBadRequest, "InvalidGroup.NotFound", "The security group '%s' does not exist", groups[0])
	}
	return "vpc-1", nil
}

func (p fakePlace) AccessPoint(_ context.Context, arn string) (string, error) {
	if arn != accessPointARN {
		return "", wire.Errorf(http.StatusNotFound, "AccessPointNotFound", "Access point %s does not exist.", arn)
	}
	return p.folder, nil
}

// advance moves a clock step by step until a condition holds, whenever somebody waits for it.
func advance(tb testing.TB, c *clock.Virtual, step time.Duration, what string, holds func() bool) {
	tb.Helper()
	eventually(tb, what, func() bool {
		if holds() {
			return true
		}
		if c.Waiting() > 0 {
			c.Advance(step)
		}
		return false
	})
}
