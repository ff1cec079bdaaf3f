package aws

import (
	"strings"
	"testing"
	"testing/synctest"

	"github.com/scar-go/scar/planner"
)

// TestReadFollowsStatementsToFormerBuckets reads a function only, and expects the rules of the buckets
// that the project's own statements name; those of others are followed nowhere.
func TestReadFollowsStatementsToFormerBuckets(t *testing.T) {
	w, s3 := newWorld(), newFakeS3()
	putFunction(t, w.lambda, grayify())
	w.lambda.policies["grayify"] = map[string]planner.Statement{}
	for id, bucket := range map[string]string{planner.StatementID("imaging", "photos"): "photos", planner.StatementID("imaging", "gone"): "gone", "by-hand": "others"} {
		s3.buckets[bucket] = &fakeBucket{now: foreignDocument()}
		w.lambda.policies["grayify"][id] = planner.Statement{
			Sid: id, Effect: "Allow", Action: planner.StringList{"lambda:InvokeFunction"}, Principal: planner.StringLists{"Service": {"s3.amazonaws.com"}},
			Condition: planner.Conditions{"ArnLike": {"AWS:SourceArn": {testNaming.BucketARN(bucket)}}},
		}
	}
	delete(s3.buckets, "gone")
	cloud := assemble(Options{Project: "imaging", Naming: testNaming}, clients{lambda: w.lambda, s3: s3})
	function := planner.Ref{Kind: planner.KindFunction, Name: "grayify"}
	state, err := cloud.Read(t.Context(), []planner.Ref{function})
	if err != nil {
		t.Fatal(err)
	}
	count := map[planner.Kind]int{}
	for a := range state {
		count[a.Kind]++
	}
	if count[planner.KindPermission] != 3 || count[planner.KindTrigger] != 3 || count[planner.KindBucket] != 1 {
		t.Errorf("%v", count)
	}
	s3.others["photos"] = answer("Forbidden", "Forbidden")
	_, err = cloud.Read(t.Context(), []planner.Ref{function})
	if err == nil || !strings.Contains(err.Error(), "remove the statement") || !strings.Contains(err.Error(), "bucket/photos") {
		t.Errorf("error %v", err)
	}
}

// TestReadFollowsQueuesToFormerBuckets reads a queue only, and expects the rules of the buckets that it still admits; a
// queue of others is followed nowhere.
func TestReadFollowsQueuesToFormerBuckets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s3, queues := newFakeS3(), newFakeSQS()
		s3.buckets["photos"], s3.buckets["scans"] = &fakeBucket{now: foreignDocument()}, &fakeBucket{now: foreignDocument()}
		cloud := assemble(Options{Project: "imaging", Naming: testNaming}, clients{s3: s3, sqs: queues})
		ours, theirs := testQueue(), testQueue()
		theirs.Name, theirs.Policy, theirs.Tags = "theirs", queuePolicy("scans"), planner.Tags{}
		for _, q := range []planner.Queue{ours, theirs} {
			if err := cloud.queues.create(t.Context(), q, func(string, int64, int64) {}); err != nil {
				t.Fatal(err)
			}
		}
		state, err := cloud.Read(t.Context(), []planner.Ref{{Kind: planner.KindQueue, Name: ours.Name}, {Kind: planner.KindQueue, Name: "theirs"}})
		if err != nil {
			t.Fatal(err)
		}
		count := map[planner.Kind]int{}
		for a := range state {
			count[a.Kind]++
		}
		if count[planner.KindQueue] != 2 || count[planner.KindBucket] != 1 || count[planner.KindTrigger] != 3 {
			t.Errorf("%v", count)
		}
	})
}

// TestReadOfAFunctionBringsWhatBelongsToIt gives its settings and its URL the function's owner.
func TestReadOfAFunctionBringsWhatBelongsToIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		cloud := w.cloud(Options{})
		putFunction(t, w.lambda, grayify())
		config := planner.InvokeConfig{Function: "grayify", Attempts: 1, MaxAge: 60}
		url := planner.FunctionURL{Function: "grayify", Auth: planner.AuthIAM, InvokeMode: "BUFFERED"}
		if err := cloud.invokeConfigs.create(t.Context(), config, func(string, int64, int64) {}); err != nil {
			t.Fatal(err)
		}
		if err := cloud.functionURLs.create(t.Context(), url, func(string, int64, int64) {}); err != nil {
			t.Fatal(err)
		}
		putMapping(t, w.lambda, testEventSource())
		owner := planner.Owner{Project: "imaging", Function: "grayify"}
		for _, ref := range []planner.Ref{
			{Kind: planner.KindFunction, Name: "grayify"}, {Kind: planner.KindInvokeConfig, Name: "grayify"}, {Kind: planner.KindFunctionURL, Name: "grayify"},
		} {
			state, err := cloud.Read(t.Context(), []planner.Ref{ref})
			if err != nil {
				t.Fatal(err)
			}
			for _, v := range []planner.Value{config, url, testEventSource(), grayify()} {
				r := state[planner.Address{Kind: v.Kind(), Name: nameOf(v)}]
				if r.Value == nil || len(planner.Diff(r.Value, v)) > 0 || r.Owner != owner {
					t.Errorf("reading %s: %s is %+v of %v", ref, v.Kind(), r.Value, r.Owner)
				}
			}
		}
	})
}
