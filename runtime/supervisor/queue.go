package supervisor

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/scar-go/scar/runtime/event"
	"github.com/scar-go/scar/runtime/job"
)

// batchFailures is the answer to a batch of messages: those that failed, which the queue then delivers again. See
// https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html
type batchFailures struct {
	Failures []messageFailure `json:"batchItemFailures"`
}

type messageFailure struct {
	ID string `json:"itemIdentifier"`
}

// batch is what has become of the messages of a queue so far.
type batch struct {
	answer   batchFailures
	failed   failures              // one for each message of the answer
	messages map[string]bool       // by id: those that failed
	groups   map[string]*job.Error // of a FIFO queue, by id: the first failure
}

// handleQueue handles a batch of messages, each of which succeeds or fails by itself. If all of them fail so does the invocation:
// for a mapping that takes the list of failures that is the same, and it is the truth for one that does not.
func (v *invocation) handleQueue(ctx context.Context) ([]byte, *job.Error) {
	b := &batch{answer: batchFailures{Failures: []messageFailure{}}, messages: map[string]bool{}, groups: map[string]*job.Error{}}
	for _, item := range v.event.Items {
		m := item.Message
		if err := v.handleMessage(ctx, item, b.groups[m.Group]); err != nil {
			b.fail(m, v.nameOf(item), err)
		}
	}
	arrived := map[string]bool{} // by id: nothing promises that no two are the same
	for _, m := range v.event.Messages {
		arrived[m.ID] = true
	}
	switch {
	case b.failed.count == 0 || b.failed.count < len(arrived):
		answer, err := json.Marshal(b.answer)
		if err != nil {
			return nil, &job.Error{Type: job.ErrInternal, Message: err.Error()}
		}
		return answer, nil
	case b.failed.count == 1:
		return nil, b.failed.first
	}
	return nil, b.failed.of(len(arrived))
}

// handleMessage handles what one message brought. Within a group of a FIFO queue the order counts: what follows a failure is
// left to be delivered again behind it.
func (v *invocation) handleMessage(ctx context.Context, item event.Item, before *job.Error) *job.Error {
	if before != nil {
		v.print(Warning, "%q: not run, because an earlier message of its group failed", v.nameOf(item))
		return &job.Error{Type: before.Type, Message: fmt.Sprintf("not run, because an earlier message of its group failed: %s", withoutOutput(before))}
	}
	_, err := v.handleItem(ctx, item)
	return err
}

// fail takes down that an item failed. Its message has failed as a whole, however many of its items did.
func (b *batch) fail(m *event.Message, name string, err *job.Error) {
	if m.Group != "" && b.groups[m.Group] == nil {
		b.groups[m.Group] = err
	}
	if b.messages[m.ID] {
		return
	}
	b.messages[m.ID] = true
	b.failed.add(name, err)
	b.answer.Failures = append(b.answer.Failures, messageFailure{m.ID})
}
