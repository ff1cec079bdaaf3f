package aws

import (
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"

	"github.com/scar-go/scar/planner"
)

// TestTriggersMoveBetweenFunctionAndQueue keeps the id of a rule, and everything else that is in the document.
func TestTriggersMoveBetweenFunctionAndQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake, cloud := newTriggerFake()
		direct := triggerFor("a/")
		queued, narrower := direct, direct
		queued.Target = testNaming.QueueARN(planner.QueueName("imaging", "grayify"))
		narrower.Target, narrower.Events = queued.Target, []string{"s3:ObjectCreated:Put"}
		for _, c := range []planner.Change{
			triggerChange(planner.Create, queued),
			{Action: planner.Update, Before: queued, After: narrower},
			{Action: planner.Update, Before: narrower, After: direct},
			{Action: planner.Update, Before: direct, After: queued},
		} {
			c.Address = triggerChange(c.Action, direct).Address
			if _, err := cloud.Do(t.Context(), planner.Batch{c}, nil); err != nil {
				t.Fatal(err)
			}
			state, err := cloud.Read(t.Context(), []planner.Ref{{Kind: planner.KindBucket, Name: "photos"}})
			if err != nil {
				t.Fatal(err)
			}
			r := state[c.Address]
			if diff := cmp.Diff(c.After, r.Value); diff != "" || r.Owner != (planner.Owner{Project: "imaging", Function: "grayify"}) {
				t.Errorf("owner %v: %s", r.Owner, diff)
			}
			if len(state) != 5 { // the bucket, three foreign rules and ours
				t.Errorf("state %v", state)
			}
		}
		if _, err := cloud.Do(t.Context(), planner.Batch{triggerChange(planner.Delete, queued)}, nil); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(foreignDocument(), fake.buckets["photos"].now, sameDocument); diff != "" {
			t.Error(diff)
		}
	})
}

// TestTriggersToAQueueOfACutName are their function's although the queue's name tells it no more.
func TestTriggersToAQueueOfACutName(t *testing.T) {
	function := "a-function-whose-name-is-as-long-as-lambda-lets-it-be-0123456789"
	events := []string{"s3:ObjectCreated:*"}
	rule := planner.Trigger{
		ID: planner.RuleID("imaging", function, "photos", "", "", events), Target: testNaming.QueueARN(planner.QueueName("imaging", function)),
	}
	if !planner.OwnsRule("imaging", rule) {
		t.Fatal("the rule is not the project's")
	}
	if got := (&triggers{project: "imaging"}).functionOf(rule); got != function {
		t.Errorf("function %q", got)
	}
}
