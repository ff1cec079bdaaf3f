package aws

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/scar-go/scar/planner"
)

// sameDocument compares documents as they are sent: absent and empty are the same.
var sameDocument = cmp.Options{
	cmpopts.EquateEmpty(),
	cmpopts.IgnoreUnexported(types.NotificationConfiguration{}, types.LambdaFunctionConfiguration{}, types.QueueConfiguration{},
		types.TopicConfiguration{}, types.EventBridgeConfiguration{}, types.NotificationConfigurationFilter{}, types.S3KeyFilter{}, types.FilterRule{}),
}

// foreignDocument holds a rule of every sort that is not ours, one of which looks a lot like it.
func foreignDocument() fakeDocument {
	filter := &types.NotificationConfigurationFilter{Key: &types.S3KeyFilter{FilterRules: []types.FilterRule{
		{Name: "Suffix", Value: ptr(".tmp")}, {Name: "Prefix", Value: ptr("ü +/")}}}}
	return fakeDocument{
		EventBridgeConfiguration: &types.EventBridgeConfiguration{},
		LambdaFunctionConfigurations: []types.LambdaFunctionConfiguration{
			{Id: ptr("scar-imaging-grayify-00000000"), LambdaFunctionArn: ptr(testNaming.FunctionARN("other")), Events: []types.Event{"s3:ObjectRemoved:*"}},
		},
		QueueConfigurations: []types.QueueConfiguration{{Id: ptr("q"), QueueArn: ptr("arn:aws:sqs:eu-west-1:123456789012:q"), Events: []types.Event{"s3:z", "s3:a"}, Filter: filter}},
		TopicConfigurations: []types.TopicConfiguration{{Id: ptr("t"), TopicArn: ptr("arn:aws:sns:eu-west-1:123456789012:t"), Events: []types.Event{"s3:b"}}},
	}
}

func triggerFor(prefix string) planner.Trigger {
	events := []string{"s3:ObjectCreated:*"}
	return planner.Trigger{
		Bucket: "photos", ID: planner.RuleID("imaging", "grayify", "photos", prefix, ".jpg", events),
		Target: testNaming.FunctionARN("grayify"), Events: events, Prefix: prefix, Suffix: ".jpg",
	}
}

func triggerChange(action planner.Action, v planner.Trigger) planner.Change {
	c := planner.Change{Address: planner.Address{Kind: planner.KindTrigger, Name: "photos/" + v.ID}, Action: action}
	if action != planner.Create {
		c.Before = v
	}
	if action != planner.Delete {
		c.After = v
	}
	return c
}

func newTriggerFake() (*fakeS3, *Cloud) {
	fake := newFakeS3()
	fake.buckets["photos"] = &fakeBucket{now: foreignDocument()}
	return fake, assemble(Options{Project: "imaging", Naming: testNaming}, clients{s3: fake})
}

func ourIDs(doc fakeDocument) (ids []string) {
	for _, r := range doc.LambdaFunctionConfigurations {
		if *r.LambdaFunctionArn == testNaming.FunctionARN("grayify") {
			ids = append(ids, *r.Id)
		}
	}
	return ids
}

func TestTriggersKeepWhatIsForeign(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake, cloud := newTriggerFake()
		a, b, c := triggerFor("a/"), triggerFor("b/"), triggerFor("c/")
		for _, batch := range []planner.Batch{
			{triggerChange(planner.Create, a), triggerChange(planner.Create, b)},
			{triggerChange(planner.Delete, a), triggerChange(planner.Create, c)},
		} {
			if _, err := cloud.Do(t.Context(), batch, nil); err != nil {
				t.Fatal(err)
			}
		}
		if diff := cmp.Diff([]string{b.ID, c.ID}, ourIDs(fake.buckets["photos"].now)); diff != "" {
			t.Error(diff)
		}
		state, err := cloud.Read(t.Context(), []planner.Ref{{Kind: planner.KindTrigger, Name: "photos/x"}})
		if err != nil {
			t.Fatal(err)
		}
		owned := 0
		for _, r := range state {
			if r.Owner.Project == "imaging" {
				owned++
			}
		}
		if len(state) != 6 || owned != 2 { // the bucket, three foreign rules and ours
			t.Errorf("state %v", state)
		}
		if _, err := cloud.Do(t.Context(), planner.Batch{triggerChange(planner.Delete, b), triggerChange(planner.Delete, c)}, nil); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(foreignDocument(), fake.buckets["photos"].now, sameDocument); diff != "" {
			t.Error(diff)
		}
	})
}

func TestTriggersPutNothingWhenNothingIsLeftToDo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake, cloud := newTriggerFake()
		batch := planner.Batch{triggerChange(planner.Create, triggerFor("a/")), triggerChange(planner.Delete, triggerFor("b/"))}
		for range 2 {
			if _, err := cloud.Do(t.Context(), batch, nil); err != nil {
				t.Fatal(err)
			}
		}
		if len(fake.puts) != 1 {
			t.Errorf("%d puts", len(fake.puts))
		}
	})
}

func TestTriggersWaitForThePermissionToBeSeen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake, cloud := newTriggerFake()
		notReady := answer("InvalidArgument", "Unable to validate the following destination configurations")
		fake.fails["PutBucketNotificationConfiguration"] = []error{notReady, answer("OperationAborted", "A conflicting conditional operation is currently in progress"), notReady}
		if _, err := cloud.Do(t.Context(), planner.Batch{triggerChange(planner.Create, triggerFor("a/"))}, nil); err != nil {
			t.Fatal(err)
		}
		for range 1000 {
			fake.fails["PutBucketNotificationConfiguration"] = append(fake.fails["PutBucketNotificationConfiguration"], notReady)
		}
		start := time.Now()
		_, err := cloud.Do(t.Context(), planner.Batch{triggerChange(planner.Create, triggerFor("b/"))}, nil)
		if err == nil || !strings.Contains(err.Error(), `rule "q" → arn:aws:sqs:eu-west-1:123456789012:q`) {
			t.Errorf("error %v", err)
		}
		if took := time.Since(start); took > permissionWait {
			t.Errorf("took %s", took)
		}
	})
}

func TestTriggersWriteAgainWhatSomebodyOverwrote(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake, cloud := newTriggerFake()
		fake.onPut = func(try int) {
			if try > 2 {
				return
			}
			theirs := foreignDocument() // read before our put, written after it, with one rule more
			theirs.TopicConfigurations[0].Id = ptr("t" + string(rune('0'+try)))
			fake.buckets["photos"].now = theirs
		}
		want := triggerFor("a/")
		if _, err := cloud.Do(t.Context(), planner.Batch{triggerChange(planner.Create, want)}, nil); err != nil {
			t.Fatal(err)
		}
		doc := fake.buckets["photos"].now
		if diff := cmp.Diff([]string{want.ID}, ourIDs(doc)); diff != "" || *doc.TopicConfigurations[0].Id != "t2" {
			t.Errorf("%s, topic %s", diff, *doc.TopicConfigurations[0].Id)
		}
	})
}

func TestTriggersAndStaleReads(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake, cloud := newTriggerFake()
		fake.stale = 3
		want := triggerFor("a/")
		if _, err := cloud.Do(t.Context(), planner.Batch{triggerChange(planner.Create, want)}, nil); err != nil {
			t.Fatal(err)
		}
		if len(fake.puts) != 1 || len(fake.buckets["photos"].now.QueueConfigurations) != 1 {
			t.Errorf("puts %v", fake.puts)
		}
		if diff := cmp.Diff([]string{want.ID}, ourIDs(fake.buckets["photos"].now)); diff != "" {
			t.Error(diff)
		}
	})
}

// TestTriggersKeepWhatOthersWriteWhileReadsAreStale has somebody add a rule right after ours was put, and S3
// answer for a while what was there before both.
func TestTriggersKeepWhatOthersWriteWhileReadsAreStale(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake, cloud := newTriggerFake()
		fake.stale = 3
		fake.onPut = func(int) {
			now := &fake.buckets["photos"].now
			theirs := now.TopicConfigurations[0]
			theirs.Id = ptr("new")
			now.TopicConfigurations = append(now.TopicConfigurations[:1:1], theirs)
		}
		want := triggerFor("a/")
		if _, err := cloud.Do(t.Context(), planner.Batch{triggerChange(planner.Create, want)}, nil); err != nil {
			t.Fatal(err)
		}
		doc := fake.buckets["photos"].now
		if len(fake.puts) != 1 || len(doc.TopicConfigurations) != 2 || !cmp.Equal([]string{want.ID}, ourIDs(doc)) {
			t.Errorf("%d puts, left %d topics and our rules %v", len(fake.puts), len(doc.TopicConfigurations), ourIDs(doc))
		}
	})
}

// TestTriggersWriteAgainWhatSomebodyUndid has the first put undone, exactly.
func TestTriggersWriteAgainWhatSomebodyUndid(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake, cloud := newTriggerFake()
		fake.onPut = func(try int) {
			if try == 1 {
				fake.buckets["photos"].now = foreignDocument()
			}
		}
		want := triggerFor("a/")
		if _, err := cloud.Do(t.Context(), planner.Batch{triggerChange(planner.Create, want)}, nil); err != nil {
			t.Fatal(err)
		}
		if ids := ourIDs(fake.buckets["photos"].now); len(fake.puts) != 2 || !cmp.Equal([]string{want.ID}, ids) {
			t.Errorf("%d puts, our rules %v", len(fake.puts), ids)
		}
	})
}

func TestTriggersRefuse(t *testing.T) {
	ours := triggerFor("a/")
	for name, c := range map[string]struct {
		setUp func(*fakeS3)
		want  string
	}{
		"an id that is taken": {func(f *fakeS3) {
			doc := &f.buckets["photos"].now
			doc.QueueConfigurations[0].Id = &ours.ID
		}, "of somebody else, which starts arn:aws:sqs"},
		"an overlap": {func(f *fakeS3) {
			f.fails["PutBucketNotificationConfiguration"] = []error{answer("InvalidArgument", "Configurations overlap. Configurations on the same bucket cannot share a common event type.")}
		}, "another rule takes the same events"},
		"no right": {func(f *fakeS3) {
			f.fails["PutBucketNotificationConfiguration"] = []error{answer("AccessDenied", "Access Denied")}
		}, "Access Denied"},
		"no bucket": {func(f *fakeS3) { delete(f.buckets, "photos") }, "does not exist"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				fake, cloud := newTriggerFake()
				c.setUp(fake)
				start := time.Now()
				_, err := cloud.Do(t.Context(), planner.Batch{triggerChange(planner.Create, ours)}, nil)
				if err == nil || !strings.Contains(err.Error(), c.want) || time.Since(start) != 0 {
					t.Errorf("error %v after %s", err, time.Since(start))
				}
				if len(fake.puts) != 0 {
					t.Error("something was written")
				}
			})
		})
	}
}

func TestTriggersOfABucketThatIsGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake, cloud := newTriggerFake()
		delete(fake.buckets, "photos")
		if _, err := cloud.Do(t.Context(), planner.Batch{triggerChange(planner.Delete, triggerFor("a/"))}, nil); err != nil {
			t.Error(err)
		}
	})
}

// TestTriggersAreWrittenAsS3ReadsThem writes prefixes and suffixes encoded, compares them plain, and takes
// another spelling of the same rule for the rule.
func TestTriggersAreWrittenAsS3ReadsThem(t *testing.T) {
	for plain, encoded := range map[string]string{
		"in/":                 "in/",
		"in put+1/ü%/":        "in+put%2B1/%C3%BC%25/",
		"a=b&c/d?e/$/":        "a%3Db%26c/d%3Fe/%24/",
		"safe!-_.*'()":        "safe%21-_.%2A%27%28%29",
		"already%20encoded+1": "already%2520encoded%2B1",
	} {
		synctest.Test(t, func(t *testing.T) {
			fake, cloud := newTriggerFake()
			want := triggerFor(plain)
			batch := planner.Batch{triggerChange(planner.Create, want)}
			if _, err := cloud.Do(t.Context(), batch, nil); err != nil {
				t.Fatal(err)
			}
			rules := fake.buckets["photos"].now.LambdaFunctionConfigurations
			filter := rules[len(rules)-1].Filter.Key.FilterRules
			if got := *filter[0].Value; got != encoded {
				t.Errorf("%s is written as %s, want %s", plain, got, encoded)
			}
			for _, spelling := range []string{encoded, strings.ReplaceAll(encoded, "+", "%20"), strings.ReplaceAll(encoded, "/", "%2F")} {
				filter[0].Value = &spelling
				state, err := cloud.Read(t.Context(), []planner.Ref{{Kind: planner.KindBucket, Name: "photos"}})
				if err != nil {
					t.Fatal(err)
				}
				if live := state[batch[0].Address].Value; len(planner.Diff(live, want)) > 0 {
					t.Errorf("%s is read as %v", spelling, live)
				}
				if _, err := cloud.Do(t.Context(), batch, nil); err != nil || len(fake.puts) != 1 {
					t.Errorf("%s was written again: %v", spelling, err)
				}
			}
		})
	}
}

// TestRulesOfOthersAreComparedPlainAndKeptEncoded has rules whose prefixes decode, and one whose does not.
func TestRulesOfOthersAreComparedPlainAndKeptEncoded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake, cloud := newTriggerFake()
		doc := &fake.buckets["photos"].now
		for i, prefix := range []string{"their+s%2f", "100%/"} {
			doc.TopicConfigurations = append(doc.TopicConfigurations, types.TopicConfiguration{
				Id: ptr("t" + string(rune('a'+i))), TopicArn: doc.TopicConfigurations[0].TopicArn, Events: []types.Event{"s3:c"},
				Filter: &types.NotificationConfigurationFilter{Key: &types.S3KeyFilter{FilterRules: []types.FilterRule{{Name: "Prefix", Value: &prefix}}}},
			})
		}
		if _, err := cloud.Do(t.Context(), planner.Batch{triggerChange(planner.Create, triggerFor("ü/"))}, nil); err != nil {
			t.Fatal(err)
		}
		state, err := cloud.Read(t.Context(), []planner.Ref{{Kind: planner.KindBucket, Name: "photos"}})
		if err != nil {
			t.Fatal(err)
		}
		for i, want := range []struct{ id, plain, written string }{{"ta", "their s/", "their+s%2f"}, {"tb", "100%/", "100%/"}} {
			read := state[planner.Address{Kind: planner.KindTrigger, Name: "photos/" + want.id}].Value.(planner.Trigger).Prefix
			written := *fake.buckets["photos"].now.TopicConfigurations[i+1].Filter.Key.FilterRules[0].Value
			if read != want.plain || written != want.written {
				t.Errorf("%s is read as %q and written as %q", want.id, read, written)
			}
		}
	})
}

func TestUnknownElements(t *testing.T) {
	for document, want := range map[string]string{
		"": "",
		`<NotificationConfiguration xmlns="http://s3.amazonaws.com/doc/2006-03-01/"/>`:                                                                      "",
		`<N><CloudFunctionConfiguration><Id>a</Id><Filter><S3Key><FilterRule><Name>x</Name></FilterRule></S3Key></Filter></CloudFunctionConfiguration></N>`: "",
		`<N><QueueConfiguration><Id>a</Id><Batch>2</Batch></QueueConfiguration><PipeConfiguration><Batch/></PipeConfiguration></N>`:                         "Batch PipeConfiguration",
	} {
		got, err := unknownElements([]byte(document))
		if err != nil || strings.Join(got, " ") != want {
			t.Errorf("%s: %v, %v", document, got, err)
		}
	}
	if _, err := unknownElements([]byte("<N><Id>")); err == nil {
		t.Error("a document that was cut off is taken for whole")
	}
}

func FuzzUnknownElements(f *testing.F) {
	f.Add([]byte(`<N><QueueConfiguration><Id>a</Id></QueueConfiguration></N>`))
	f.Add([]byte(`<N>&amp;<!-- x --><![CDATA[x]]></M>`))
	f.Fuzz(func(t *testing.T, document []byte) {
		unknown, err := unknownElements(document)
		if err == nil && len(unknown) > len(document) {
			t.Errorf("%d names in %d bytes", len(unknown), len(document))
		}
	})
}
