package aws

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/scar-go/scar/applier"
	"github.com/scar-go/scar/planner"
)

// changeQueue makes one change of testQueue against a fake and says how long it took.
func changeQueue(t *testing.T, fake *fakeSQS, action planner.Action, before, after planner.Value) (took time.Duration, said []string, err error) {
	t.Helper()
	c := assemble(Options{Project: "imaging", Naming: testNaming}, clients{sqs: fake})
	start := time.Now()
	change := planner.Change{Address: planner.Address{Kind: planner.KindQueue, Name: testQueue().Name}, Action: action, Before: before, After: after}
	_, err = c.Do(t.Context(), planner.Batch{change}, func(p applier.Progress) { said = append(said, p.Message) })
	return time.Since(start), said, err
}

func TestQueueWaitsUntilItsNameIsFree(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := newFakeSQS()
		fake.deleted[testQueue().Name] = time.Now()
		took, said, err := changeQueue(t, fake, planner.Create, nil, testQueue())
		if err != nil || took < time.Minute || took > 2*time.Minute || len(said) != 1 {
			t.Errorf("%s, %q, %v", took, said, err)
		}
	})
}

func TestQueueWaitsForItsNeighbours(t *testing.T) {
	for name, err := range map[string]error{
		"dead letters": answer("InvalidParameterValue", "Value {...} for parameter RedrivePolicy is invalid. Reason: Dead letter target does not exist."),
		"by its shape": answer("QueueDeletedRecently", "You must wait 60 seconds"),
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				fake := newFakeSQS()
				fake.fails["CreateQueue"] = []error{err, err}
				if _, _, err := changeQueue(t, fake, planner.Create, nil, testQueue()); err != nil || fake.count("CreateQueue") != 3 {
					t.Errorf("%d calls, %v", fake.count("CreateQueue"), err)
				}
			})
		})
	}
}

func TestQueueReportsWhatDoesNotPass(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := newFakeSQS()
		fake.fails["CreateQueue"] = []error{answer("InvalidAttributeValue", "Invalid value for the parameter Policy.")}
		took, _, err := changeQueue(t, fake, planner.Create, nil, testQueue())
		if err == nil || took != 0 || !strings.Contains(err.Error(), "create queue") {
			t.Errorf("%s, %v", took, err)
		}
	})
}

// TestQueueOfOthersIsNotTaken creates where somebody has a queue with the very same attributes, which SQS calls a success.
func TestQueueOfOthersIsNotTaken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := newFakeSQS()
		fake.queues[testQueue().Name] = &fakeQueue{attributes: map[string]string{}, tags: map[string]string{"a": "b"}}
		if err := fake.queues[testQueue().Name].set(queueAttributes(testQueue())); err != nil {
			t.Fatal(err)
		}
		_, _, err := changeQueue(t, fake, planner.Create, nil, testQueue())
		if err == nil || !strings.Contains(err.Error(), "somebody else") || fake.count("TagQueue") != 0 {
			t.Errorf("error %v", err)
		}
		if _, _, err = changeQueue(t, fake, planner.Delete, testQueue(), nil); err == nil || len(fake.queues) != 1 {
			t.Errorf("deleted: %v", err)
		}
	})
}

// TestQueueLosesAKeySetByHand goes back to SQS's own keys.
func TestQueueLosesAKeySetByHand(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := newFakeSQS()
		if _, _, err := changeQueue(t, fake, planner.Create, nil, testQueue()); err != nil {
			t.Fatal(err)
		}
		q := fake.queues[testQueue().Name]
		q.attributes[ownKeysAttribute], q.attributes[keyAttribute] = "false", "alias/mine"
		live := testQueue()
		live.Encrypted = false
		if _, _, err := changeQueue(t, fake, planner.Update, live, testQueue()); err != nil || q.attributes[keyAttribute] != "" {
			t.Errorf("%v, %v", q.attributes, err)
		}
	})
}

// TestQueueChangesNothingElse leaves attributes alone that do not differ, others among them.
func TestQueueChangesNothingElse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := newFakeSQS()
		if _, _, err := changeQueue(t, fake, planner.Create, nil, testQueue()); err != nil {
			t.Fatal(err)
		}
		fake.queues[testQueue().Name].attributes["DelaySeconds"] = "7"
		changed := testQueue()
		changed.VisibilityTimeout = 60
		recorder := &recordingSQS{fakeSQS: fake}
		c := assemble(Options{Project: "imaging", Naming: testNaming}, clients{sqs: recorder})
		change := planner.Change{Address: planner.Address{Kind: planner.KindQueue, Name: changed.Name}, Action: planner.Update, Before: testQueue(), After: changed}
		if _, err := c.Do(t.Context(), planner.Batch{change}, nil); err != nil {
			t.Fatal(err)
		}
		if len(recorder.set) != 1 || recorder.set[visibilityAttribute] != "60" {
			t.Errorf("set %v", recorder.set)
		}
	})
}

func TestQueueWithoutSense(t *testing.T) {
	whole := map[string]string{visibilityAttribute: "30", retentionAttribute: "60"}
	for name, broken := range map[string][2]string{
		"visibility": {visibilityAttribute, "x"}, "retention": {retentionAttribute, ""}, "redrive": {redriveAttribute, "{"},
		"count": {redriveAttribute, `{"deadLetterTargetArn":"a"}`}, "policy": {policyAttribute, "["},
	} {
		attributes := map[string]string{visibilityAttribute: whole[visibilityAttribute], retentionAttribute: whole[retentionAttribute], broken[0]: broken[1]}
		if v, err := queueValue("q", attributes); err == nil {
			t.Errorf("%s: %+v", name, v)
		}
	}
	if _, err := queueValue("q", whole); err != nil {
		t.Error(err)
	}
}

func FuzzRedrive(f *testing.F) {
	for _, seed := range []string{`{"deadLetterTargetArn":"arn:aws:sqs:eu-west-1:1:d","maxReceiveCount":5}`, `{"maxReceiveCount":"5"}`, `{"maxReceiveCount":5e1}`, `[]`, ``} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, document string) {
		target, n, err := parseRedrive(document)
		if err != nil || target == "" {
			return
		}
		again := queueAttributes(planner.Queue{DeadLetter: target, MaxReceives: n})[redriveAttribute]
		target2, n2, err := parseRedrive(again)
		if err != nil || n2 != n || target2 != target {
			t.Errorf("%q became %q: %q, %d, %v", document, again, target2, n2, err)
		}
	})
}
