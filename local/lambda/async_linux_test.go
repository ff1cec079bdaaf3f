package lambda

import (
	"encoding/json"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/google/go-cmp/cmp"

	"github.com/scar-go/scar/local/clock"
	"github.com/scar-go/scar/local/store"
)

const bucketARN = "arn:aws:s3:::failures"

var start = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// asyncBench has a virtual clock, Lambda's delays, and a place for documents.
func asyncBench(t *testing.T, change func(*Config)) (*bench, *clock.Virtual, *fakeDestinations) {
	t.Helper()
	now, to := clock.NewVirtual(start), &fakeDestinations{}
	b := newBench(t, func(c *Config) {
		c.Clock, c.RetryDelays, c.Destinations, c.Authorizer = now, nil, to, &fakeAuthorizer{}
		if change != nil {
			change(c)
		}
	})
	b.create("f", nil)
	return b, now, to
}

func (b *bench) putInvokeConfig(change func(*lambda.PutFunctionEventInvokeConfigInput)) {
	b.tb.Helper()
	in := &lambda.PutFunctionEventInvokeConfigInput{FunctionName: aws.String("f"),
		DestinationConfig: &types.DestinationConfig{OnFailure: &types.OnFailure{Destination: aws.String(bucketARN)}}}
	if change != nil {
		change(in)
	}
	if _, err := b.client.PutFunctionEventInvokeConfig(b.tb.Context(), in); err != nil {
		b.tb.Fatal(err)
	}
}

func (b *bench) send(event testEvent) string {
	b.tb.Helper()
	id, err := b.service.InvokeEvent(b.tb.Context(), functionARN, encode(b.tb, event), "arn:aws:s3:::in")
	if err != nil {
		b.tb.Fatal(err)
	}
	return id
}

func TestAFailedEventEndsAtItsDestination(t *testing.T) {
	b, now, to := asyncBench(t, nil)
	b.putInvokeConfig(nil)
	id := b.send(testEvent{Do: "fail"})
	for attempt, delay := range []time.Duration{time.Minute, 2 * time.Minute} {
		eventually(t, "a retry that waits", func() bool { return len(b.invocations()) == attempt+1 && now.Waiting() > 0 })
		now.Advance(delay - time.Second)
		if n := len(b.invocations()); n != attempt+1 || len(to.all()) != 0 {
			t.Errorf("%d attempts and %d documents before the delay of %s", n, len(to.all()), delay)
		}
		now.Advance(time.Second)
	}
	if err := b.service.Idle(t.Context()); err != nil {
		t.Fatal(err)
	}
	got := to.all()
	if len(got) != 1 || got[0].destination != bucketARN || got[0].role != roleARN {
		t.Fatalf("%+v", got)
	}
	if !regexp.MustCompile(`^aws/lambda/async/f/2026/01/01/2026-01-01T00\.03\.00-[0-9a-f-]{36}$`).MatchString(got[0].key) {
		t.Error(got[0].key)
	}
	var document, want any
	text := `{"version":"1.0","timestamp":"2026-01-01T00:03:00.000Z","requestContext":{"requestId":"` + id + `","functionArn":"` + functionARN +
		`:$LATEST","condition":"RetriesExhausted","approximateInvokeCount":3},"requestPayload":{"Do":"fail","Name":"","Size":0},` +
		`"responseContext":{"statusCode":200,"executedVersion":"$LATEST","functionError":"Unhandled"},` +
		`"responsePayload":{"errorMessage":"it went wrong","errorType":"errorString"}}`
	if err := json.Unmarshal([]byte(text), &want); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(got[0].document, &document); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, document); diff != "" {
		t.Error(diff)
	}
	last := b.invocations()[2]
	if !last.Final || last.Destination != bucketARN || last.DestinationError != "" || last.Source != "arn:aws:s3:::in" {
		t.Errorf("%+v", last)
	}
}

func TestRetriesAndAgeAreTheFunctions(t *testing.T) {
	b, now, to := asyncBench(t, nil)
	b.putInvokeConfig(func(in *lambda.PutFunctionEventInvokeConfigInput) { in.MaximumRetryAttempts = aws.Int32(0) })
	b.send(testEvent{Do: "fail"})
	if err := b.service.Idle(t.Context()); err != nil {
		t.Fatal(err)
	}
	if len(b.invocations()) != 1 || len(to.all()) != 1 {
		t.Errorf("%d attempts, %d documents", len(b.invocations()), len(to.all()))
	}
	b.putInvokeConfig(func(in *lambda.PutFunctionEventInvokeConfigInput) { in.MaximumEventAgeInSeconds = aws.Int32(90) })
	b.send(testEvent{Do: "fail"})
	advance(t, now, 30*time.Second, "the end of an event that is too old", func() bool { return len(to.all()) == 2 })
	document := string(to.all()[1].document)
	if !strings.Contains(document, `"condition":"EventAgeExceeded","approximateInvokeCount":2`) || !strings.Contains(document, `"functionError":"Unhandled"`) {
		t.Error(document)
	}
	if at := now.Now().Sub(start); at > 90*time.Second {
		t.Errorf("given up after %s, though the next attempt was known to be too late after 60s", at)
	}
}

func TestASuccessIsToldToo(t *testing.T) {
	b, _, to := asyncBench(t, nil)
	queue := "arn:aws:sqs:us-east-1:000000000000:done"
	b.putInvokeConfig(func(in *lambda.PutFunctionEventInvokeConfigInput) {
		in.DestinationConfig = &types.DestinationConfig{OnSuccess: &types.OnSuccess{Destination: &queue}}
	})
	b.send(testEvent{})
	if err := b.service.Idle(t.Context()); err != nil {
		t.Fatal(err)
	}
	got := to.all()
	if len(got) != 1 || got[0].destination != queue || !strings.Contains(string(got[0].document), `"condition":"Success"`) ||
		!strings.Contains(string(got[0].document), `"responsePayload":{"Count":1,"Text":""}`) || strings.Contains(string(got[0].document), "functionError") {
		t.Errorf("%+v", got)
	}
}

func TestADestinationThatRefusesIsSaid(t *testing.T) {
	b, _, to := asyncBench(t, func(c *Config) { c.RetryDelays = []time.Duration{} })
	to.fail = errDenied
	b.putInvokeConfig(nil)
	b.send(testEvent{Do: "fail"})
	if err := b.service.Idle(t.Context()); err != nil {
		t.Fatal(err)
	}
	if done := b.invocations(); len(done) != 1 || done[0].DestinationError != errDenied.Message {
		t.Errorf("%+v", done)
	}
}

// TestADocumentSurvivesACrash ends a service between the last attempt and the delivery.
func TestADocumentSurvivesACrash(t *testing.T) {
	b, _, to := asyncBench(t, nil)
	table, err := store.NewTable[event](b.db, "lambda-events")
	if err != nil {
		t.Fatal(err)
	}
	err = table.Put("00000000000000000007", event{Function: "gone", RequestID: "id", Queued: start, Due: start, Concluded: &conclusion{
		Invocation: Invocation{Function: "gone", RequestID: "id", Final: true, ErrorType: "x", Destination: bucketARN},
		Role:       roleARN, Key: "key", Document: []byte(`{"a":1}`),
	}})
	if err != nil {
		t.Fatal(err)
	}
	b.reopen()
	if err := b.service.Idle(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := to.all(); len(got) != 1 || got[0].key != "key" || string(got[0].document) != `{"a":1}` || got[0].role != roleARN {
		t.Errorf("%+v", got)
	}
	if done := b.invocations(); len(done) != 1 || done[0].RequestID != "id" {
		t.Errorf("%+v", done)
	}
}

func (b *bench) reserve(n int32) {
	b.tb.Helper()
	in := &lambda.PutFunctionConcurrencyInput{FunctionName: aws.String("f"), ReservedConcurrentExecutions: &n}
	if _, err := b.client.PutFunctionConcurrency(b.tb.Context(), in); err != nil {
		b.tb.Fatal(err)
	}
}

func TestAnEventWaitsForAPlace(t *testing.T) {
	b, now, to := asyncBench(t, nil)
	b.reserve(1)
	if !b.service.places.take("f", aws.Int(1)) { // as an invocation under way does
		t.Fatal("no place")
	}
	for range 5 {
		b.send(testEvent{Do: "wait", Size: 20})
	}
	eventually(t, "events that wait", func() bool { return now.Waiting() > 0 })
	_, err := b.client.Invoke(t.Context(), &lambda.InvokeInput{FunctionName: aws.String("f")})
	wantError(t, err, "TooManyRequestsException", "Rate Exceeded.")
	if n := len(b.invocations()); n != 0 {
		t.Errorf("%d invocations without a place", n)
	}
	b.service.places.free("f")
	if err := b.service.Idle(t.Context()); err != nil { // what waits needs no clock to go on
		t.Fatal(err)
	}
	if len(b.account.streams) != 1 || len(b.invocations()) != 5 {
		t.Errorf("%d instances, %d invocations", len(b.account.streams), len(b.invocations()))
	}
	b.putInvokeConfig(func(in *lambda.PutFunctionEventInvokeConfigInput) { in.MaximumEventAgeInSeconds = aws.Int32(60) })
	if !b.service.places.take("f", aws.Int(1)) {
		t.Fatal("no place")
	}
	b.send(testEvent{Name: "late"})
	advance(t, now, 10*time.Second, "the end of an event that never had a place", func() bool { return len(to.all()) == 1 })
	document := string(to.all()[0].document)
	if !strings.Contains(document, `"condition":"EventAgeExceeded","approximateInvokeCount":0},"requestPayload":{"Do":"","Name":"late"`) || strings.Contains(document, "response") {
		t.Error(document)
	}
	if last := b.invocations()[5]; last.ErrorType != "Local.EventAgeExceeded" || last.Attempt != 0 || !last.Final {
		t.Errorf("%+v", last)
	}
}

func TestAllEventsGoOnWhenThereIsRoomForAll(t *testing.T) {
	b, now, _ := asyncBench(t, nil)
	b.reserve(1)
	if !b.service.places.take("f", aws.Int(1)) {
		t.Fatal("no place")
	}
	for range 3 {
		b.send(testEvent{Do: "sleep"})
	}
	eventually(t, "three events that wait", func() bool {
		b.service.queue.mu.Lock()
		defer b.service.queue.mu.Unlock()
		return len(b.service.queue.throttled) == 3 && now.Waiting() > 0
	})
	b.reserve(4) // the first event holds its place, and the others must not wait for it
	eventually(t, "three invocations at a time", func() bool { return b.service.places.full("f", aws.Int(4)) })
}

func TestAFunctionThatNeverRunsGivesItsEventsUp(t *testing.T) {
	b, _, to := asyncBench(t, nil)
	b.reserve(0)
	b.putInvokeConfig(nil)
	b.send(testEvent{})
	if err := b.service.Idle(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := to.all(); len(got) != 1 || !strings.Contains(string(got[0].document), `"condition":"ZeroReservedConcurrency","approximateInvokeCount":0`) {
		t.Errorf("%+v", got)
	}
}

func TestThrottledCallersAreToldWhy(t *testing.T) {
	b, _, _ := asyncBench(t, nil)
	b.reserve(0)
	_, err := b.client.Invoke(t.Context(), &lambda.InvokeInput{FunctionName: aws.String("f")})
	var throttled *types.TooManyRequestsException
	if !asError(err, &throttled) || throttled.Reason != types.ThrottleReasonReservedFunctionConcurrentInvocationLimitExceeded {
		t.Errorf("%v", err)
	}
	if _, err := b.service.Invoke(t.Context(), functionARN, []byte("{}")); err == nil || !strings.Contains(err.Error(), "TooManyRequestsException") {
		t.Error(err)
	}
	if _, err := b.client.DeleteFunctionConcurrency(t.Context(), &lambda.DeleteFunctionConcurrencyInput{FunctionName: aws.String("f")}); err != nil {
		t.Fatal(err)
	}
	result, err := b.service.Invoke(t.Context(), functionARN, []byte("{}"))
	if err != nil || result.FunctionError != "" || !strings.Contains(string(result.Payload), `"Count":1`) {
		t.Errorf("%s, %v", result.Payload, err)
	}
	if result, err = b.service.Invoke(t.Context(), functionARN, []byte(`{"Do":"fail"}`)); err != nil || result.FunctionError != "Unhandled" {
		t.Errorf("%+v, %v", result, err)
	}
}
