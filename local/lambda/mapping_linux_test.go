package lambda

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/google/go-cmp/cmp"

	"github.com/scar-go/scar/local/clock"
)

// queueBench has a queue and a virtual clock.
func queueBench(t testing.TB, change func(*Config)) (*bench, *fakeQueue, *clock.Virtual) {
	t.Helper()
	now := clock.NewVirtual(start)
	q := newFakeQueue(now, 120*time.Second)
	b := newBench(t, func(c *Config) {
		c.Clock, c.Queues, c.Authorizer = now, q, &fakeAuthorizer{}
		c.RetryDelays = nil
		if change != nil {
			change(c)
		}
	})
	b.create("f", nil)
	return b, q, now
}

func (b *bench) tryMap(change func(*lambda.CreateEventSourceMappingInput)) (*lambda.CreateEventSourceMappingOutput, error) {
	in := &lambda.CreateEventSourceMappingInput{
		FunctionName: aws.String("f"), EventSourceArn: aws.String(queueARN),
		FunctionResponseTypes: []types.FunctionResponseType{types.FunctionResponseTypeReportBatchItemFailures},
	}
	if change != nil {
		change(in)
	}
	return b.client.CreateEventSourceMapping(b.tb.Context(), in)
}

func (b *bench) mapQueue(change func(*lambda.CreateEventSourceMappingInput)) string {
	b.tb.Helper()
	out, err := b.tryMap(change)
	if err != nil {
		b.tb.Fatal(err)
	}
	return *out.UUID
}

func body(t testing.TB, e testEvent) string { return string(encode(t, e)) }

func TestAThousandMessagesAndOnePoison(t *testing.T) {
	b, q, now := queueBench(t, nil)
	b.mapQueue(func(in *lambda.CreateEventSourceMappingInput) {
		in.ScalingConfig = &types.ScalingConfig{MaximumConcurrency: aws.Int32(2)}
	})
	poison := body(t, testEvent{Do: "fail"})
	var all []string
	for n := range 1000 {
		if n == 500 {
			all = append(all, poison)
		}
		all = append(all, body(t, testEvent{Name: fmt.Sprint(n)}))
	}
	q.send(all...)
	eventually(t, "the end of all but one", func() bool { return slices.Equal(q.left(), []string{poison}) })
	advance(t, now, 30*time.Second, "three attempts on the poison", func() bool { return attempts(b.invocations(), "m500") >= 3 })
	processed, failed := map[string]int{}, map[string]int{}
	for _, i := range b.invocations() {
		if i.Failed() || i.Async || i.Source != queueARN || len(i.Messages) == 0 || len(i.Messages) > 10 {
			t.Errorf("%+v", i)
		}
		for _, m := range i.Messages {
			if m.Failed {
				failed[m.ID]++
				if i.Attempt < m.Attempt || m.Attempt != failed[m.ID] {
					t.Errorf("attempt %d of %d, the message's is %d", i.Attempt, failed[m.ID], m.Attempt)
				}
			} else {
				processed[m.ID]++
			}
		}
	}
	if len(processed) != 1000 || len(failed) != 1 || failed["m500"] < 3 {
		t.Errorf("%d processed, failed: %v", len(processed), failed)
	}
	for id, n := range processed {
		if n != 1 {
			t.Errorf("%s was processed %d times", id, n)
		}
	}
	if n := len(b.account.streams); n > 2 {
		t.Errorf("%d instances", n)
	}
}

// attempts is how often a message was given to the function.
func attempts(done []Invocation, id string) int {
	n := 0
	for _, i := range done {
		if slices.ContainsFunc(i.Messages, func(m Message) bool { return m.ID == id }) {
			n++
		}
	}
	return n
}

func TestABatchFailsAsAWhole(t *testing.T) {
	b, q, now := queueBench(t, nil)
	q.send(body(t, testEvent{}), body(t, testEvent{Do: "failall"}))
	b.mapQueue(nil)
	eventually(t, "an attempt", func() bool { return len(b.invocations()) == 1 })
	advance(t, now, 30*time.Second, "a second attempt", func() bool { return len(b.invocations()) == 2 })
	first, second := b.invocations()[0], b.invocations()[1]
	if !first.Failed() || first.Final || first.Attempt != 1 || second.Attempt != 2 || len(q.left()) != 2 {
		t.Errorf("%+v, %+v", first, second)
	}
	var event struct{ Records []map[string]any }
	if err := json.Unmarshal(second.Payload, &event); err != nil {
		t.Fatal(err)
	}
	want := map[string]any{
		"messageId": "m0", "receiptHandle": "3", "body": body(t, testEvent{}), "attributes": map[string]any{"ApproximateReceiveCount": "2"},
		"messageAttributes": map[string]any{}, "md5OfBody": "md5", "eventSource": "aws:sqs", "eventSourceARN": queueARN, "awsRegion": "us-east-1",
	}
	if diff := cmp.Diff(want, event.Records[0]); diff != "" {
		t.Error(diff)
	}
}

func TestFailedMessagesComeBackAtOnceWithoutDelays(t *testing.T) {
	b, q, _ := queueBench(t, func(c *Config) { c.RetryDelays = []time.Duration{0, 0} })
	q.send(body(t, testEvent{Do: "fail"}))
	id := b.mapQueue(nil)
	eventually(t, "five attempts", func() bool { return len(b.invocations()) >= 5 })
	if _, err := b.client.DeleteEventSourceMapping(t.Context(), &lambda.DeleteEventSourceMappingInput{UUID: &id}); err != nil {
		t.Fatal(err)
	}
	if err := b.service.Idle(t.Context()); err != nil {
		t.Fatal(err)
	}
	if len(q.left()) != 1 {
		t.Error("the message is gone")
	}
}

func TestWithoutReportsWhatSucceedsIsDeleted(t *testing.T) {
	b, q, _ := queueBench(t, nil)
	q.send(body(t, testEvent{Do: "fail"}))
	b.mapQueue(func(in *lambda.CreateEventSourceMappingInput) { in.FunctionResponseTypes = nil })
	eventually(t, "the message's end", func() bool { return len(q.left()) == 0 })
}

func TestAWindowFillsABatch(t *testing.T) {
	b, q, now := queueBench(t, nil)
	b.mapQueue(func(in *lambda.CreateEventSourceMappingInput) {
		in.BatchSize, in.MaximumBatchingWindowInSeconds = aws.Int32(25), aws.Int32(60)
	})
	for range 20 {
		q.send(body(t, testEvent{}))
	}
	eventually(t, "a batch that waits", func() bool { return now.Waiting() > 0 })
	if n := len(b.invocations()); n != 0 {
		t.Fatalf("%d invocations before the window is over", n)
	}
	eventually(t, "all messages to be taken", func() bool { _, _, next := q.receive(0); return !next.IsZero() && q.hidden() == 20 })
	now.Advance(time.Minute)
	eventually(t, "the batch", func() bool { return len(b.invocations()) == 1 })
	if n := len(b.invocations()[0].Messages); n != 20 {
		t.Errorf("%d messages", n)
	}
	for range 25 {
		q.send(body(t, testEvent{}))
	}
	eventually(t, "a full batch", func() bool { return len(b.invocations()) == 2 })
}

func (q *fakeQueue) hidden() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	n := 0
	for _, m := range q.messages {
		if m.visible.After(q.clock.Now()) {
			n++
		}
	}
	return n
}

func TestAThrottledBatchWaitsForAPlace(t *testing.T) {
	b, q, now := queueBench(t, nil)
	b.reserve(0)
	q.send(body(t, testEvent{}))
	b.mapQueue(nil)
	// The message comes back as often as its visibility is over, while there is no place.
	advance(t, now, 10*time.Second, "a second receipt", func() bool {
		q.mu.Lock()
		defer q.mu.Unlock()
		return q.receipts == 2
	})
	if n := len(b.invocations()); n != 0 {
		t.Fatalf("%d invocations", n)
	}
	b.reserve(1)
	eventually(t, "the message's end", func() bool { return len(q.left()) == 0 })
}

func TestMappingsAreReadBackAndSurvive(t *testing.T) {
	b, q, _ := queueBench(t, func(c *Config) { c.Settle = Settle{Reads: 1} })
	b.settled("f")
	ctx := t.Context()
	out, err := b.tryMap(func(in *lambda.CreateEventSourceMappingInput) {
		in.BatchSize, in.ScalingConfig, in.Tags = aws.Int32(5), &types.ScalingConfig{MaximumConcurrency: aws.Int32(3)}, map[string]string{"a": "b"}
	})
	if err != nil {
		t.Fatal(err)
	}
	id := out.UUID
	arn := "arn:aws:lambda:us-east-1:000000000000:event-source-mapping:" + *id
	if *out.State != "Creating" || *out.EventSourceMappingArn != arn || *out.FunctionArn != functionARN || !out.LastModified.Equal(start) {
		t.Errorf("%+v", out)
	}
	state := func() string {
		t.Helper()
		got, err := b.client.GetEventSourceMapping(ctx, &lambda.GetEventSourceMappingInput{UUID: id})
		if err != nil {
			return err.Error()
		}
		return *got.State
	}
	_, err = b.client.UpdateEventSourceMapping(ctx, &lambda.UpdateEventSourceMappingInput{UUID: id, BatchSize: aws.Int32(7)})
	wantError(t, err, "ResourceInUseException", "Cannot update the event source mapping because it is in use.")
	if first, second := state(), state(); first != "Creating" || second != "Enabled" {
		t.Errorf("%s, %s", first, second)
	}
	_, err = b.tryMap(nil)
	wantError(t, err, "ResourceConflictException", "Please update or delete the existing mapping with UUID "+*id)
	updated, err := b.client.UpdateEventSourceMapping(ctx, &lambda.UpdateEventSourceMappingInput{UUID: id, BatchSize: aws.Int32(7), ScalingConfig: &types.ScalingConfig{}, FunctionResponseTypes: []types.FunctionResponseType{}, Enabled: aws.Bool(false)})
	if err != nil || *updated.State != "Disabling" || *updated.BatchSize != 7 || updated.ScalingConfig != nil || len(updated.FunctionResponseTypes) != 0 {
		t.Fatalf("%+v, %v", updated, err)
	}
	if first, second := state(), state(); first != "Disabling" || second != "Disabled" {
		t.Errorf("%s, %s", first, second)
	}
	q.send(body(t, testEvent{}))
	b.reopen()
	if n := len(b.invocations()); n != 0 || state() != "Disabled" {
		t.Errorf("%d invocations, %s", n, state())
	}
	if _, err := b.client.UpdateEventSourceMapping(ctx, &lambda.UpdateEventSourceMappingInput{UUID: id, Enabled: aws.Bool(true)}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the message's end", func() bool { return len(q.left()) == 0 })
	b.reopen()
	q.send(body(t, testEvent{}))
	eventually(t, "the message's end after a restart", func() bool { return len(q.left()) == 0 })
	tags, err := b.client.ListTags(ctx, &lambda.ListTagsInput{Resource: &arn})
	if err != nil || !cmp.Equal(tags.Tags, map[string]string{"a": "b"}) {
		t.Errorf("%v, %v", tags, err)
	}
	if _, err := b.client.TagResource(ctx, &lambda.TagResourceInput{Resource: &arn, Tags: map[string]string{"c": "d"}}); err != nil {
		t.Fatal(err)
	}
	if _, err := b.client.UntagResource(ctx, &lambda.UntagResourceInput{Resource: &arn, TagKeys: []string{"a"}}); err != nil {
		t.Fatal(err)
	}
	all, err := b.service.Tagged(ctx)
	if err != nil || len(all) != 2 || all[1].ARN != arn || !cmp.Equal(all[1].Tags, map[string]string{"c": "d"}) {
		t.Errorf("%v, %v", all, err)
	}
	state()
	deleted, err := b.client.DeleteEventSourceMapping(ctx, &lambda.DeleteEventSourceMappingInput{UUID: id})
	if err != nil || *deleted.State != "Deleting" {
		t.Fatalf("%+v, %v", deleted, err)
	}
	if first, second := state(), state(); first != "Deleting" || !strings.Contains(second, "ResourceNotFoundException") {
		t.Errorf("%s, %s", first, second)
	}
}

// settled reads a function until nothing is under way.
func (b *bench) settled(name string) {
	b.tb.Helper()
	eventually(b.tb, "an active function", func() bool {
		out, err := b.client.GetFunctionConfiguration(b.tb.Context(), &lambda.GetFunctionConfigurationInput{FunctionName: &name})
		return err == nil && out.State == types.StateActive
	})
}

func TestMappingsThatAreRefused(t *testing.T) {
	may := &fakeAuthorizer{}
	b, q, _ := queueBench(t, func(c *Config) { c.Authorizer = may })
	refuse := func(code, message string, change func(*lambda.CreateEventSourceMappingInput)) {
		t.Helper()
		_, err := b.tryMap(change)
		wantError(t, err, code, message)
	}
	const bad = "InvalidParameterValueException"
	refuse(bad, "Function does not exist", func(in *lambda.CreateEventSourceMappingInput) { in.FunctionName = aws.String("none") })
	refuse(bad, "Unrecognized event source", func(in *lambda.CreateEventSourceMappingInput) {
		in.EventSourceArn = aws.String("arn:aws:kinesis:us-east-1:000000000000:stream/s")
	})
	refuse(bad, "Error occurred while ReceiveMessage. SQS Error Code: AWS.SimpleQueueService.NonExistentQueue. SQS Error Message: The specified queue does not exist for this wsdl version.",
		func(in *lambda.CreateEventSourceMappingInput) { in.EventSourceArn = aws.String(queueARN + "x") })
	refuse("ValidationException", "'batchSize'", func(in *lambda.CreateEventSourceMappingInput) { in.BatchSize = aws.Int32(0) })
	refuse("ValidationException", "'batchSize'", func(in *lambda.CreateEventSourceMappingInput) { in.BatchSize = aws.Int32(10001) })
	refuse(bad, "Maximum batch window in seconds must be greater than 0", func(in *lambda.CreateEventSourceMappingInput) { in.BatchSize = aws.Int32(11) })
	refuse("ValidationException", "greater than or equal to 2", func(in *lambda.CreateEventSourceMappingInput) {
		in.ScalingConfig = &types.ScalingConfig{MaximumConcurrency: aws.Int32(1)}
	})
	refuse(bad, "FilterCriteria", func(in *lambda.CreateEventSourceMappingInput) {
		in.FilterCriteria = &types.FilterCriteria{Filters: []types.Filter{{Pattern: aws.String("{}")}}}
	})
	q.visibility = 19 * time.Second
	refuse(bad, "Queue visibility timeout: 19 seconds is less than Function timeout: 20 seconds", nil)
	may.deny("sqs:ReceiveMessage", "sqs:DeleteMessage")
	refuse(bad, "The function execution role does not have permissions to call ReceiveMessage on SQS", nil)
	may.deny("sqs:GetQueueAttributes")
	refuse(bad, "The function execution role does not have permissions to call GetQueueAttributes on SQS", nil)
	list, err := b.client.ListEventSourceMappings(t.Context(), &lambda.ListEventSourceMappingsInput{FunctionName: aws.String("f"), EventSourceArn: aws.String(queueARN)})
	if err != nil || len(list.EventSourceMappings) != 0 {
		t.Errorf("%+v, %v", list, err)
	}
}

func TestARightThatIsTakenAwayStopsThePoller(t *testing.T) {
	may := &fakeAuthorizer{}
	b, q, now := queueBench(t, func(c *Config) { c.Authorizer, c.Concurrency = may, 1 })
	id := b.mapQueue(nil)
	q.send(body(t, testEvent{}))
	eventually(t, "the message's end", func() bool { return len(q.left()) == 0 })
	may.deny("sqs:ReceiveMessage")
	q.send(body(t, testEvent{})) // the poller asked before
	problem := func() string {
		got, err := b.client.GetEventSourceMapping(t.Context(), &lambda.GetEventSourceMappingInput{UUID: &id})
		if err != nil {
			t.Fatal(err)
		}
		return aws.ToString(got.LastProcessingResult)
	}
	eventually(t, "the problem", func() bool { return strings.HasPrefix(problem(), "PROBLEM: The function execution role") })
	may.deny()
	advance(t, now, time.Second, "the end of the problem", func() bool { return problem() == "" })
}

func TestAMappingOutlivesItsFunction(t *testing.T) {
	b, q, _ := queueBench(t, nil)
	b.mapQueue(nil)
	if _, err := b.client.DeleteFunction(t.Context(), &lambda.DeleteFunctionInput{FunctionName: aws.String("f")}); err != nil {
		t.Fatal(err)
	}
	q.send(body(t, testEvent{}))
	list, err := b.client.ListEventSourceMappings(t.Context(), &lambda.ListEventSourceMappingsInput{EventSourceArn: aws.String(queueARN)})
	if err != nil || len(list.EventSourceMappings) != 1 {
		t.Fatalf("%+v, %v", list, err)
	}
	b.create("f", nil)
	eventually(t, "the message's end", func() bool { return len(q.left()) == 0 })
}

// TestMessagesThatWaitForLongAreProcessedOnce keeps the machine busy for longer than the messages are hidden.
func TestMessagesThatWaitForLongAreProcessedOnce(t *testing.T) {
	b, q, now := queueBench(t, func(c *Config) { c.Concurrency = 2 })
	for range 2 {
		b.service.engine.slots <- struct{}{}
	}
	b.mapQueue(nil)
	q.send(body(t, testEvent{}))
	received := func() int {
		q.mu.Lock()
		defer q.mu.Unlock()
		return q.receipts
	}
	// Two batches hold the same message, one after the other.
	for n := range 2 {
		eventually(t, "a batch that waits", func() bool { return received() == n+1 })
		now.Advance(q.visibility)
	}
	for range 2 {
		<-b.service.engine.slots
	}
	eventually(t, "the message's end", func() bool { return len(q.left()) == 0 })
	if err := b.service.Idle(t.Context()); err != nil {
		t.Fatal(err)
	}
	if all := b.invocations(); len(all) != 1 {
		t.Errorf("%d invocations: %+v", len(all), all)
	}
}
