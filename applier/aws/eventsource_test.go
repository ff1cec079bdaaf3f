package aws

import (
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"github.com/scar-go/scar/planner"
)

func eventSourceAddress() planner.Address {
	queue, _ := planner.QueueOfARN(testEventSource().Queue)
	return planner.Address{Kind: planner.KindEventSource, Name: "grayify/" + queue}
}

// changeEventSource makes one change of testEventSource against a fake.
func changeEventSource(t *testing.T, fake *fakeLambda, action planner.Action, before, after planner.Value) error {
	t.Helper()
	c := assemble(Options{Project: "imaging", Naming: testNaming}, clients{lambda: fake})
	_, err := c.Do(t.Context(), planner.Batch{{Address: eventSourceAddress(), Action: action, Before: before, After: after}}, nil)
	return err
}

// TestEventSourceWhileLambdaTakesItsTime changes at once what Lambda is still busy with, and makes again what it is
// still deleting.
func TestEventSourceWhileLambdaTakesItsTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := newFakeLambda()
		fake.slow = 30 * time.Second
		if err := changeEventSource(t, fake, planner.Create, nil, testEventSource()); err != nil {
			t.Fatal(err)
		}
		if state := *fake.present()[0].State; state != mappingEnabled {
			t.Errorf("done while %s", state)
		}
		_, err := fake.UpdateEventSourceMapping(t.Context(), &lambda.UpdateEventSourceMappingInput{
			UUID: fake.mappings[0].UUID, BatchSize: ptr(int32(1)), Enabled: ptr(false)})
		if err != nil {
			t.Fatal(err)
		}
		changed := testEventSource()
		changed.MaxConcurrency, changed.Enabled = 0, false
		if err := changeEventSource(t, fake, planner.Update, testEventSource(), changed); err != nil {
			t.Fatal(err)
		}
		if err := changeEventSource(t, fake, planner.Delete, changed, nil); err != nil || len(fake.mappings) != 0 {
			t.Fatalf("%d left, %v", len(fake.mappings), err)
		}
		if err := changeEventSource(t, fake, planner.Create, nil, testEventSource()); err != nil {
			t.Fatal(err)
		}
		if _, err := fake.DeleteEventSourceMapping(t.Context(), &lambda.DeleteEventSourceMappingInput{UUID: fake.mappings[0].UUID}); err != nil {
			t.Fatal(err)
		}
		if err := changeEventSource(t, fake, planner.Create, nil, testEventSource()); err != nil {
			t.Error(err)
		}
	})
}

func TestEventSourceWaitsForRightsAndQueue(t *testing.T) {
	for _, message := range []string{
		"The function execution role does not have permissions to call ReceiveMessage on SQS",
		"The provided execution role does not have permissions to call ReceiveMessage on SQS",
		"Error occurred while ReceiveMessage. SQS Error Code: AWS.SimpleQueueService.NonExistentQueue. SQS Error Message: The specified queue does not exist.",
	} {
		synctest.Test(t, func(t *testing.T) {
			fake := newFakeLambda()
			again := answer("InvalidParameterValueException", message)
			fake.fails["CreateEventSourceMapping"] = []error{again, again}
			if err := changeEventSource(t, fake, planner.Create, nil, testEventSource()); err != nil || fake.count("CreateEventSourceMapping") != 3 {
				t.Errorf("%s: %d calls, %v", message, fake.count("CreateEventSourceMapping"), err)
			}
		})
	}
	synctest.Test(t, func(t *testing.T) {
		fake := newFakeLambda()
		fake.fails["CreateEventSourceMapping"] = []error{answer("InvalidParameterValueException", "Queue visibility timeout: 30 seconds is less than Function timeout: 60 seconds")}
		if err := changeEventSource(t, fake, planner.Create, nil, testEventSource()); err == nil || fake.count("CreateEventSourceMapping") != 1 {
			t.Errorf("%d calls, %v", fake.count("CreateEventSourceMapping"), err)
		}
	})
}

// TestEventSourceOfOthersStays leaves alone what somebody else made between the same two, and between others.
func TestEventSourceOfOthersStays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := newFakeLambda()
		putFunction(t, fake, grayify())
		foreign := testEventSource()
		foreign.Tags = nil
		putMapping(t, fake, foreign)
		other := foreign
		other.Queue = testNaming.QueueARN("theirs")
		putMapping(t, fake, other)
		if err := changeEventSource(t, fake, planner.Create, nil, testEventSource()); err == nil || !strings.Contains(err.Error(), "somebody else") {
			t.Errorf("error %v", err)
		}
		if err := changeEventSource(t, fake, planner.Delete, testEventSource(), nil); err == nil || len(fake.mappings) != 2 {
			t.Errorf("%d left, %v", len(fake.mappings), err)
		}
		c := assemble(Options{Project: "imaging", Naming: testNaming}, clients{lambda: fake, s3: newFakeS3()})
		state, err := c.Read(t.Context(), []planner.Ref{{Kind: planner.KindFunction, Name: "grayify"}})
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{eventSourceAddress().Name, "grayify/theirs"} {
			r, found := state[planner.Address{Kind: planner.KindEventSource, Name: name}]
			if !found || r.Owner != (planner.Owner{}) {
				t.Errorf("%s: found %v, owner %v", name, found, r.Owner)
			}
		}
	})
}

// TestEventSourceOutlivesItsFunction finds and deletes it nevertheless: Lambda does not list it by the function's name.
func TestEventSourceOutlivesItsFunction(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := newFakeLambda()
		putMapping(t, fake, testEventSource())
		gone := answer("ResourceNotFoundException", "Function not found")
		fake.fails["ListEventSourceMappings"] = []error{nil, gone, nil, nil, nil, gone}
		c := assemble(Options{Project: "imaging", Naming: testNaming}, clients{lambda: fake})
		state, err := c.Read(t.Context(), []planner.Ref{eventSourceAddress()})
		if err != nil || state[eventSourceAddress()].Owner.Project != "imaging" {
			t.Fatalf("%v, %v", state, err)
		}
		if err := changeEventSource(t, fake, planner.Delete, testEventSource(), nil); err != nil || len(fake.present()) != 0 {
			t.Errorf("%d left, %v", len(fake.mappings), err)
		}
	})
}

// TestEventSourcesOfOtherSortsAreNotSeen lists what is no queue's, and what is of a version of the function.
func TestEventSourcesOfOtherSortsAreNotSeen(t *testing.T) {
	fake := newFakeLambda()
	putMapping(t, fake, testEventSource())
	stream, version := testEventSource(), testEventSource()
	stream.Queue = "arn:aws:kinesis:eu-west-1:123456789012:stream/x"
	putMapping(t, fake, stream)
	version.Queue = testNaming.QueueARN("other")
	putMapping(t, fake, version)
	fake.mappings[2].FunctionArn = ptr(testNaming.FunctionARN("grayify") + ":7")
	sources := &eventSources{client: fake, naming: testNaming}
	all, err := sources.readAll(t.Context(), func(planner.Ref) bool { return true }, 2)
	if err != nil || len(all) != 1 || all[0].Address != eventSourceAddress() {
		t.Errorf("%v, %v", all, err)
	}
	fake.fails["ListTags"] = []error{answer("AccessDeniedException", "no")}
	if _, err := sources.readAll(t.Context(), func(planner.Ref) bool { return true }, 2); err == nil || !strings.Contains(err.Error(), eventSourceAddress().String()) {
		t.Errorf("error %v", err)
	}
}

func putMapping(t *testing.T, fake *fakeLambda, v planner.EventSource) {
	t.Helper()
	_, err := fake.CreateEventSourceMapping(t.Context(), &lambda.CreateEventSourceMappingInput{
		FunctionName: &v.Function, EventSourceArn: &v.Queue, BatchSize: ptr(int32(v.BatchSize)), Enabled: &v.Enabled,
		FunctionResponseTypes: slices.Clone(responseTypes(v)), ScalingConfig: scaling(v), Tags: v.Tags,
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestEncryptedFiltersAreTakenAway too: listings do not show them, and the function misses messages all the same.
func TestEncryptedFiltersAreTakenAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := newFakeLambda()
		if err := changeEventSource(t, fake, planner.Create, nil, testEventSource()); err != nil {
			t.Fatal(err)
		}
		m := fake.mappings[0]
		m.KMSKeyArn = ptr("arn:aws:kms:eu-west-1:123456789012:key/1")
		m.FilterCriteria = &types.FilterCriteria{Filters: []types.Filter{{Pattern: ptr("{}")}}}
		listed, err := (&eventSources{client: fake}).list(t.Context(), lambda.ListEventSourceMappingsInput{})
		if err != nil {
			t.Fatal(err)
		}
		live := eventSourceValue(listed[0])
		if want := []string{"encrypted with arn:aws:kms:eu-west-1:123456789012:key/1"}; !slices.Equal(live.Filters, want) {
			t.Errorf("filters %q", live.Filters)
		}
		if err := changeEventSource(t, fake, planner.Update, live, testEventSource()); err != nil {
			t.Fatal(err)
		}
		if *m.KMSKeyArn != "" || len(m.FilterCriteria.Filters) != 0 {
			t.Errorf("left: %q, %+v", *m.KMSKeyArn, m.FilterCriteria)
		}
	})
}
