package sqs

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/scar-go/scar/local/clock"
)

func TestAMessageIsHiddenFromOthersForAWhile(t *testing.T) {
	b := start(t)
	c, ctx := b.admin(), t.Context()
	url := b.create(t, "q", map[string]string{"VisibilityTimeout": "60"})
	_, err := c.SendMessage(ctx, &sqs.SendMessageInput{QueueUrl: &url, MessageBody: aws.String("grün\t<&>"), MessageAttributes: map[string]types.MessageAttributeValue{
		"Name": {DataType: aws.String("String"), StringValue: aws.String("v")}, "raw.x": {DataType: aws.String("Binary.gif"), BinaryValue: []byte{0, 1}}}})
	must(t, err)
	first := b.receive(t, url)
	if len(first) != 1 || *first[0].Body != "grün\t<&>" || len(first[0].MessageAttributes) != 2 || first[0].Attributes["ApproximateReceiveCount"] != "1" {
		t.Fatalf("received %+v", first)
	}
	if n := b.attributes(t, url); n["ApproximateNumberOfMessages"] != "0" || n["ApproximateNumberOfMessagesNotVisible"] != "1" {
		t.Errorf("numbers %v", n)
	}
	b.clock.Advance(59 * time.Second)
	if again := b.receive(t, url); len(again) != 0 {
		t.Errorf("a hidden message was received: %v", bodies(again))
	}
	b.clock.Advance(time.Second)
	again := b.receive(t, url)
	if len(again) != 1 || again[0].Attributes["ApproximateReceiveCount"] != "2" ||
		again[0].Attributes["ApproximateFirstReceiveTimestamp"] != first[0].Attributes["ApproximateFirstReceiveTimestamp"] {
		t.Fatalf("after the timeout: %+v", again)
	}

	// Who comes too late with the first handle deletes nothing, and is not told.
	_, err = c.DeleteMessage(ctx, &sqs.DeleteMessageInput{QueueUrl: &url, ReceiptHandle: first[0].ReceiptHandle})
	must(t, err)
	_, err = c.ChangeMessageVisibility(ctx, &sqs.ChangeMessageVisibilityInput{QueueUrl: &url, ReceiptHandle: first[0].ReceiptHandle, VisibilityTimeout: 0})
	wantCode(t, "hide with an old handle", err, "InvalidParameterValue")
	handle := again[0].ReceiptHandle
	_, err = c.ChangeMessageVisibility(ctx, &sqs.ChangeMessageVisibilityInput{QueueUrl: &url, ReceiptHandle: handle, VisibilityTimeout: 0})
	must(t, err)
	_, err = c.ChangeMessageVisibility(ctx, &sqs.ChangeMessageVisibilityInput{QueueUrl: &url, ReceiptHandle: handle, VisibilityTimeout: 10})
	wantCode(t, "hide what is visible", err, "AWS.SimpleQueueService.MessageNotInflight")
	third := b.receive(t, url)
	if len(third) != 1 {
		t.Fatalf("a released message is not visible")
	}
	_, err = c.DeleteMessage(ctx, &sqs.DeleteMessageInput{QueueUrl: &url, ReceiptHandle: third[0].ReceiptHandle})
	must(t, err)
	b.clock.Advance(time.Hour)
	if rest := b.receive(t, url); len(rest) != 0 {
		t.Errorf("a deleted message was received: %v", bodies(rest))
	}
	_, err = c.DeleteMessage(ctx, &sqs.DeleteMessageInput{QueueUrl: &url, ReceiptHandle: aws.String("no handle")})
	wantCode(t, "no handle", err, "ReceiptHandleIsInvalid")
}

func TestDeadLetters(t *testing.T) {
	b := start(t)
	dead := b.create(t, "dead", nil)
	arn := "arn:aws:sqs:us-east-1:" + account + ":"
	url := b.create(t, "q", map[string]string{"VisibilityTimeout": "1", "RedrivePolicy": `{"deadLetterTargetArn":"` + arn + `dead","maxReceiveCount":2}`})
	b.send(t, url, "poison")
	id := ""
	for n := range 2 {
		got := b.receive(t, url)
		if len(got) != 1 {
			t.Fatalf("receive %d: %v", n, bodies(got))
		}
		id = *got[0].MessageId
		b.clock.Advance(time.Second)
	}
	if got := b.receive(t, url); len(got) != 0 {
		t.Errorf("received a third time: %v", bodies(got))
	}
	got := b.receive(t, dead)
	if len(got) != 1 || *got[0].MessageId != id || got[0].Attributes["DeadLetterQueueSourceArn"] != arn+"q" || got[0].Attributes["ApproximateReceiveCount"] != "3" {
		t.Errorf("the dead letter: %+v", got)
	}
	if n := b.attributes(t, url); n["ApproximateNumberOfMessages"] != "0" || n["ApproximateNumberOfMessagesNotVisible"] != "0" {
		t.Errorf("the source holds %v", n)
	}

	// Without the dead-letter queue a message stays.
	_, err := b.admin().DeleteQueue(t.Context(), &sqs.DeleteQueueInput{QueueUrl: &dead})
	must(t, err)
	b.send(t, url, "stays")
	for range 4 {
		if got := b.receive(t, url); len(got) != 1 {
			t.Fatalf("received %v", bodies(got))
		}
		b.clock.Advance(time.Second)
	}
}

func TestDelaysAndRetention(t *testing.T) {
	b := start(t)
	url := b.create(t, "q", map[string]string{"DelaySeconds": "5", "MessageRetentionPeriod": "60"})
	b.send(t, url, "late")
	_, err := b.admin().SendMessage(t.Context(), &sqs.SendMessageInput{QueueUrl: &url, MessageBody: aws.String("later"), DelaySeconds: 30})
	must(t, err)
	if n := b.attributes(t, url)["ApproximateNumberOfMessagesDelayed"]; n != "2" {
		t.Errorf("%s are delayed", n)
	}
	b.clock.Advance(5 * time.Second)
	if got := bodies(b.receive(t, url)); !slices.Equal(got, []string{"late"}) {
		t.Errorf("after five seconds: %v", got)
	}
	b.clock.Advance(56 * time.Second)
	if got := b.receive(t, url); len(got) != 0 {
		t.Errorf("received after the retention: %v", bodies(got))
	}
	if n := b.attributes(t, url)["ApproximateNumberOfMessages"]; n != "0" {
		t.Errorf("%s are left", n)
	}
}

func TestFIFOQueuesKeepTheOrderOfAGroup(t *testing.T) {
	b := start(t)
	url := b.create(t, "q.fifo", map[string]string{"FifoQueue": "true", "ContentBasedDeduplication": "true", "VisibilityTimeout": "10"})
	send := func(group, body string) *sqs.SendMessageOutput {
		out, err := b.admin().SendMessage(t.Context(), &sqs.SendMessageInput{QueueUrl: &url, MessageGroupId: &group, MessageBody: &body})
		must(t, err)
		return out
	}
	first := send("a", "a1")
	send("a", "a2")
	send("b", "b1")
	if again := send("a", "a1"); *again.MessageId != *first.MessageId || *again.SequenceNumber != *first.SequenceNumber {
		t.Errorf("a repeated message is %s, was %s", *again.MessageId, *first.MessageId)
	}
	one, err := b.admin().ReceiveMessage(t.Context(), &sqs.ReceiveMessageInput{QueueUrl: &url})
	must(t, err)
	if got := bodies(one.Messages); !slices.Equal(got, []string{"a1"}) {
		t.Fatalf("first %v", got)
	}
	// While one of a group is under way, nothing else of the group is given away.
	if got := bodies(b.receive(t, url)); !slices.Equal(got, []string{"b1"}) {
		t.Errorf("beside it %v", got)
	}
	b.clock.Advance(10 * time.Second)
	got := b.receive(t, url)
	if !slices.Equal(bodies(got), []string{"a1", "a2", "b1"}) {
		t.Errorf("after the timeout %v", bodies(got))
	}
	_, err = b.admin().DeleteMessage(t.Context(), &sqs.DeleteMessageInput{QueueUrl: &url, ReceiptHandle: got[0].ReceiptHandle})
	must(t, err)
	b.clock.Advance(5 * time.Minute)
	if late := send("a", "a1"); *late.MessageId == *first.MessageId {
		t.Error("a message is taken for a repeated one after five minutes")
	}
	if got := bodies(b.receive(t, url)); !slices.Equal(got, []string{"a2", "b1", "a1"}) {
		t.Errorf("at the end %v", got)
	}
	_, err = b.admin().SendMessage(t.Context(), &sqs.SendMessageInput{QueueUrl: &url, MessageBody: aws.String("x")})
	wantCode(t, "without a group", err, "MissingParameter")
}

func TestWhatCannotBeSent(t *testing.T) {
	b := start(t)
	url := b.create(t, "q", map[string]string{"MaximumMessageSize": "1024"})
	text := types.MessageAttributeValue{DataType: aws.String("String"), StringValue: aws.String("v")}
	for what, c := range map[string]struct {
		in   sqs.SendMessageInput
		code string
	}{
		"nothing":                   {sqs.SendMessageInput{MessageBody: aws.String("")}, "MissingParameter"},
		"a byte too many":           {sqs.SendMessageInput{MessageBody: aws.String(strings.Repeat("x", 1025))}, "InvalidParameterValue"},
		"with attributes too many":  {sqs.SendMessageInput{MessageBody: aws.String(strings.Repeat("x", 1024)), MessageAttributes: map[string]types.MessageAttributeValue{"a": text}}, "InvalidParameterValue"},
		"a control character":       {sqs.SendMessageInput{MessageBody: aws.String("a\x01b")}, "InvalidMessageContents"},
		"too late":                  {sqs.SendMessageInput{MessageBody: aws.String("x"), DelaySeconds: 901}, "InvalidParameterValue"},
		"an attribute of AWS's own": {sqs.SendMessageInput{MessageBody: aws.String("x"), MessageAttributes: map[string]types.MessageAttributeValue{"AWS.x": text}}, "InvalidParameterValue"},
		"a number that is none": {sqs.SendMessageInput{MessageBody: aws.String("x"), MessageAttributes: map[string]types.MessageAttributeValue{
			"n": {DataType: aws.String("Number"), StringValue: aws.String("one")}}}, "InvalidParameterValue"},
		"an attribute of no type": {sqs.SendMessageInput{MessageBody: aws.String("x"), MessageAttributes: map[string]types.MessageAttributeValue{
			"n": {DataType: aws.String("Text"), StringValue: aws.String("one")}}}, "InvalidParameterValue"},
	} {
		c.in.QueueUrl = &url
		_, err := b.admin().SendMessage(t.Context(), &c.in)
		wantCode(t, what, err, c.code)
	}
	b.send(t, url, strings.Repeat("x", 1024), "\ufffd")
}

func TestBatches(t *testing.T) {
	b := start(t)
	c, ctx := b.admin(), t.Context()
	url := b.create(t, "q", nil)
	entry := func(id, body string) types.SendMessageBatchRequestEntry {
		return types.SendMessageBatchRequestEntry{Id: &id, MessageBody: &body}
	}
	out, err := c.SendMessageBatch(ctx, &sqs.SendMessageBatchInput{QueueUrl: &url, Entries: []types.SendMessageBatchRequestEntry{entry("a", "1"), entry("b", "\x01"), entry("c", "3")}})
	must(t, err)
	if len(out.Successful) != 2 || len(out.Failed) != 1 || *out.Failed[0].Id != "b" || *out.Failed[0].Code != "InvalidMessageContents" || !out.Failed[0].SenderFault {
		t.Errorf("sent %+v, not %+v", out.Successful, out.Failed)
	}
	got := b.receive(t, url)
	if len(got) != 2 {
		t.Fatalf("received %v", bodies(got))
	}
	hidden, err := c.ChangeMessageVisibilityBatch(ctx, &sqs.ChangeMessageVisibilityBatchInput{QueueUrl: &url, Entries: []types.ChangeMessageVisibilityBatchRequestEntry{
		{Id: aws.String("a"), ReceiptHandle: got[0].ReceiptHandle, VisibilityTimeout: 0}}})
	must(t, err)
	if len(hidden.Successful) != 1 {
		t.Errorf("changed %+v %+v", hidden.Successful, hidden.Failed)
	}
	gone, err := c.DeleteMessageBatch(ctx, &sqs.DeleteMessageBatchInput{QueueUrl: &url, Entries: []types.DeleteMessageBatchRequestEntry{
		{Id: aws.String("a"), ReceiptHandle: got[1].ReceiptHandle}, {Id: aws.String("b"), ReceiptHandle: aws.String("x")}}})
	must(t, err)
	if len(gone.Successful) != 1 || len(gone.Failed) != 1 || *gone.Failed[0].Code != "ReceiptHandleIsInvalid" {
		t.Errorf("deleted %+v %+v", gone.Successful, gone.Failed)
	}
	if rest := bodies(b.receive(t, url)); !slices.Equal(rest, bodies(got[:1])) {
		t.Errorf("left: %v", rest)
	}
	eleven := make([]types.SendMessageBatchRequestEntry, 11)
	for i := range eleven {
		eleven[i] = entry(fmt.Sprint(i), "x")
	}
	large := strings.Repeat("x", 600<<10)
	for what, c := range map[string]struct {
		entries []types.SendMessageBatchRequestEntry
		code    string
	}{
		"none":      {[]types.SendMessageBatchRequestEntry{}, "AWS.SimpleQueueService.EmptyBatchRequest"},
		"eleven":    {eleven, "AWS.SimpleQueueService.TooManyEntriesInBatchRequest"},
		"one twice": {[]types.SendMessageBatchRequestEntry{entry("a", "1"), entry("a", "2")}, "AWS.SimpleQueueService.BatchEntryIdsNotDistinct"},
		"odd id":    {[]types.SendMessageBatchRequestEntry{entry("a b", "1")}, "AWS.SimpleQueueService.InvalidBatchEntryId"},
		"too long":  {[]types.SendMessageBatchRequestEntry{entry("a", large), entry("b", large)}, "AWS.SimpleQueueService.BatchRequestTooLong"},
	} {
		_, err := b.admin().SendMessageBatch(ctx, &sqs.SendMessageBatchInput{QueueUrl: &url, Entries: c.entries})
		wantCode(t, what, err, c.code)
	}
}

func TestLongPolls(t *testing.T) {
	b := start(t)
	url := b.create(t, "q", nil)
	type answer struct {
		got []types.Message
		err error
	}
	poll := func() <-chan answer {
		c := make(chan answer, 1)
		go func() {
			out, err := b.admin().ReceiveMessage(context.Background(), &sqs.ReceiveMessageInput{QueueUrl: &url, WaitTimeSeconds: 20})
			if err != nil {
				c <- answer{err: err}
				return
			}
			c <- answer{got: out.Messages}
		}()
		return c
	}
	waits := func(n int) {
		t.Helper()
		deadline := time.Now().Add(20 * time.Second)
		for b.clock.Waiting() < n {
			if time.Now().After(deadline) {
				t.Fatal("nobody waits")
			}
			time.Sleep(time.Millisecond)
		}
	}
	came := poll()
	waits(1)
	b.send(t, url, "hello")
	if a := <-came; a.err != nil || len(a.got) != 1 {
		t.Errorf("a message that comes: %v", a)
	}
	// Nothing comes but the end of the visibility timeout, in 30 seconds: too late for the first poll.
	came = poll()
	waits(2)
	b.clock.Advance(20 * time.Second)
	if a := <-came; a.err != nil || len(a.got) != 0 {
		t.Errorf("after the wait: %v", a)
	}
	came = poll()
	waits(1)
	b.clock.Advance(10 * time.Second)
	if a := <-came; a.err != nil || len(a.got) != 1 {
		t.Errorf("a message that becomes visible: %v", a)
	}
	came = poll()
	waits(1)
	_, err := b.admin().DeleteQueue(t.Context(), &sqs.DeleteQueueInput{QueueUrl: &url})
	must(t, err)
	if a := <-came; a.err == nil {
		t.Error("waited for a deleted queue")
	} else {
		wantCode(t, "a queue that is deleted meanwhile", a.err, "AWS.SimpleQueueService.NonExistentQueue")
	}
}

func TestPurge(t *testing.T) {
	b := start(t)
	url := b.create(t, "q", nil)
	b.send(t, url, "a", "b")
	in := &sqs.PurgeQueueInput{QueueUrl: &url}
	_, err := b.admin().PurgeQueue(t.Context(), in)
	must(t, err)
	if got := b.receive(t, url); len(got) != 0 {
		t.Errorf("a purged queue holds %v", bodies(got))
	}
	_, err = b.admin().PurgeQueue(t.Context(), in)
	wantCode(t, "again at once", err, "AWS.SimpleQueueService.PurgeQueueInProgress")
	b.clock.Advance(time.Minute)
	_, err = b.admin().PurgeQueue(t.Context(), in)
	must(t, err)
}

// TestServicesTakeAndGive is what Lambda and S3 do, without SQS's API.
func TestServicesTakeAndGive(t *testing.T) {
	b := start(t)
	ctx := t.Context()
	b.create(t, "q", map[string]string{"VisibilityTimeout": "60"})
	arn := "arn:aws:sqs:us-east-1:" + account + ":q"
	info, err := b.Info(ctx, arn)
	must(t, err)
	if info.Visibility != time.Minute || info.FIFO {
		t.Errorf("info %+v", info)
	}
	got := make(chan []Message, 1)
	go func() {
		messages, err := b.Poll(ctx, arn, 10)
		if err != nil {
			t.Error(err)
		}
		got <- messages
	}()
	id, err := b.Send(ctx, arn, "body", "")
	must(t, err)
	messages := <-got
	if len(messages) != 1 || messages[0].ID != id || messages[0].ReceiveCount != 1 || messages[0].MD5 != "841a2d689ad86bd1611447453c22c6fc" {
		t.Fatalf("polled %+v", messages)
	}
	must(t, b.Release(ctx, arn, []string{messages[0].Receipt}))
	again, err := b.Poll(ctx, arn, 10)
	must(t, err)
	if len(again) != 1 || again[0].ReceiveCount != 2 {
		t.Fatalf("after the release %+v", again)
	}
	must(t, b.Release(ctx, arn, []string{messages[0].Receipt})) // no longer the message's
	b.clock.Advance(2 * time.Minute)                            // nobody takes it meanwhile
	if held, err := b.Hold(ctx, arn, []string{again[0].Receipt}); err != nil || !held {
		t.Errorf("hold what is nobody else's: %t, %v", held, err)
	}
	if got := b.receive(t, b.url+"/"+account+"/q"); len(got) != 0 {
		t.Errorf("what is held is given away: %v", bodies(got))
	}
	if held, err := b.Hold(ctx, arn, []string{messages[0].Receipt}); err != nil || held {
		t.Errorf("hold what somebody else has: %t, %v", held, err)
	}
	must(t, b.Delete(ctx, arn, []string{again[0].Receipt}))
	short, cancel := context.WithCancel(ctx)
	cancel()
	if _, err := b.Poll(short, arn, 10); !errors.Is(err, context.Canceled) {
		t.Errorf("a poll that is given up: %v", err)
	}
	if _, err := b.Poll(ctx, arn+"x", 10); err == nil {
		t.Error("polled a queue that is not there")
	}
}

func TestQueuesSurviveReopening(t *testing.T) {
	dir, now := t.TempDir(), clock.NewVirtual(time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC))
	b := open(t, dir, now)
	url := b.create(t, "q", map[string]string{"VisibilityTimeout": "60"})
	b.send(t, url, "a", "b")
	one, err := b.admin().ReceiveMessage(t.Context(), &sqs.ReceiveMessageInput{QueueUrl: &url})
	must(t, err)
	b.stop()

	b = open(t, dir, now)
	url = b.url + "/" + account + "/q" // at another port
	if got := bodies(b.receive(t, url)); !slices.Equal(got, []string{"b"}) {
		t.Errorf("after reopening %v", got)
	}
	_, err = b.admin().DeleteMessage(t.Context(), &sqs.DeleteMessageInput{QueueUrl: &url, ReceiptHandle: one.Messages[0].ReceiptHandle})
	must(t, err)
	now.Advance(time.Minute)
	if got := bodies(b.receive(t, url)); !slices.Equal(got, []string{"b"}) {
		t.Errorf("at the end %v", got)
	}
}
