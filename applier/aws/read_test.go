package aws

import (
	"strings"
	"testing"

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
