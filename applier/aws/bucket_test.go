package aws

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/scar-go/scar/planner"
)

func results() planner.Bucket {
	return planner.Bucket{Name: "results", Region: testNaming.Region, Tags: planner.Tags{"scar:project": "imaging", "team": "x"}}
}

func bucketChange(action planner.Action, before, after planner.Value) planner.Batch {
	return planner.Batch{{Address: planner.Address{Kind: planner.KindBucket, Name: "results"}, Action: action, Before: before, After: after}}
}

func TestBucketLifecycle(t *testing.T) {
	for name, setUp := range map[string]func(*fakeS3, *planner.Naming){
		"with tags at creation":    func(*fakeS3, *planner.Naming) {},
		"without tags at creation": func(f *fakeS3, _ *planner.Naming) { f.noTags = true },
		"in us-east-1":             func(f *fakeS3, n *planner.Naming) { f.region, n.Region = globalRegion, globalRegion },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				fake, naming := newFakeS3(), testNaming
				setUp(fake, &naming)
				cloud := assemble(Options{Project: "imaging", Naming: naming}, clients{s3: fake})
				want := results()
				want.Region = naming.Region
				if _, err := cloud.Do(t.Context(), bucketChange(planner.Create, nil, want), nil); err != nil {
					t.Fatal(err)
				}
				b := fake.buckets["results"]
				b.tags = append(b.tags, types.Tag{Key: ptr("aws:cloudformation:stack-name"), Value: ptr("s")})
				changed := want
				changed.Tags = planner.Tags{"scar:project": "imaging"}
				if _, err := cloud.Do(t.Context(), bucketChange(planner.Update, want, changed), nil); err != nil {
					t.Fatal(err)
				}
				if len(b.tags) != 2 {
					t.Errorf("AWS's own tags are to stay: %v", tagsOf(b.tags, s3Tag))
				}
				if _, err := cloud.Do(t.Context(), bucketChange(planner.Delete, changed, nil), nil); err != nil || len(fake.buckets) != 0 {
					t.Errorf("%v, %v", err, fake.buckets)
				}
			})
		})
	}
}

func TestBucketRefusals(t *testing.T) {
	for name, c := range map[string]struct {
		setUp func(*fakeS3)
		batch planner.Batch
		want  string
	}{
		"another account's": {func(f *fakeS3) { f.others["results"] = answer("Forbidden", "Forbidden") },
			bucketChange(planner.Create, nil, results()), "belongs to another account"},
		"taken meanwhile": {func(f *fakeS3) { f.fails["CreateBucket"] = []error{answer("BucketAlreadyExists", "")} },
			bucketChange(planner.Create, nil, results()), "another account has a bucket of that name"},
		"made by somebody else": {func(f *fakeS3) { f.buckets["results"] = &fakeBucket{} },
			bucketChange(planner.Create, nil, results()), "does not carry the project's tag"},
		"not empty": {func(f *fakeS3) {
			f.buckets["results"] = &fakeBucket{objects: 1, tags: tagList(results().Tags, newS3Tag)}
		}, bucketChange(planner.Delete, results(), nil), "scar never deletes objects"},
		"deleted though foreign": {func(f *fakeS3) { f.buckets["results"] = &fakeBucket{} },
			bucketChange(planner.Delete, results(), nil), "does not carry the project's tag"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				fake := newFakeS3()
				c.setUp(fake)
				cloud := assemble(Options{Project: "imaging", Naming: testNaming}, clients{s3: fake})
				_, err := cloud.Do(t.Context(), c.batch, nil)
				if err == nil || !strings.Contains(err.Error(), c.want) {
					t.Errorf("error %v", err)
				}
				if b := fake.buckets["results"]; b != nil && fake.count("PutBucketTagging") > 0 {
					t.Error("a foreign bucket was tagged")
				}
			})
		})
	}
}

func TestReadBucketElsewhere(t *testing.T) {
	fake := newFakeS3()
	for _, status := range []int{301, 400} {
		fake.others["results"] = inRegion(status, "us-west-2")
		cloud := assemble(Options{Project: "imaging", Naming: testNaming}, clients{s3: fake})
		ref := planner.Ref{Kind: planner.KindBucket, Name: "results"}
		state, err := cloud.Read(t.Context(), []planner.Ref{ref})
		if err != nil {
			t.Fatal(err)
		}
		if b := state[ref].Value.(planner.Bucket); b.Region != "us-west-2" || len(state) != 1 {
			t.Errorf("%v", state)
		}
	}
}

func TestReadNamesEveryErrorAndNothingTwice(t *testing.T) {
	fake := newFakeS3()
	fake.buckets["a"], fake.buckets["b"], fake.buckets["c"] = &fakeBucket{}, &fakeBucket{}, &fakeBucket{}
	fake.fails["GetBucketNotificationConfiguration"] = []error{answer("AccessDenied", "no"), answer("AccessDenied", "no")}
	cloud := assemble(Options{Project: "imaging", Naming: testNaming, Parallelism: 1}, clients{s3: fake})
	refs := []planner.Ref{{Kind: planner.KindBucket, Name: "c"}, {Kind: planner.KindBucket, Name: "a"}, {Kind: planner.KindTrigger, Name: "a/x"}, {Kind: planner.KindBucket, Name: "b"}}
	_, err := cloud.Read(t.Context(), refs)
	if err == nil || !strings.Contains(err.Error(), "bucket/a: ") || !strings.Contains(err.Error(), "bucket/b: ") || strings.Contains(err.Error(), "bucket/c") {
		t.Errorf("error %v", err)
	}
	if n := fake.count("HeadBucket"); n != 3 {
		t.Errorf("%d reads", n)
	}
}

func TestTogetherPrefersAbsence(t *testing.T) {
	denied := errors.New("denied")
	fails := func(err error) func(context.Context) error { return func(context.Context) error { return err } }
	for _, c := range []struct {
		calls []func(context.Context) error
		want  error
	}{
		{[]func(context.Context) error{fails(nil), fails(nil)}, nil},
		{[]func(context.Context) error{fails(nil), fails(denied)}, denied},
		{[]func(context.Context) error{fails(denied), fails(errAbsent)}, errAbsent},
	} {
		if err := together(t.Context(), c.calls...); !errors.Is(err, c.want) {
			t.Errorf("%v, want %v", err, c.want)
		}
	}
}
