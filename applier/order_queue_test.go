package applier_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/scar-go/scar/applier"
	"github.com/scar-go/scar/planner"
)

// chain is the resources of a function that a bucket starts through a queue, and that a schedule starts too.
type chain struct {
	queue, dead, source, rule, direct, grant, group, schedule, function planner.Change
}

func chainOf(function, bucket string) chain {
	at := func(kind planner.Kind, name string) planner.Address { return planner.Address{Kind: kind, Name: name} }
	owner := planner.Owner{Project: project, Function: function}
	dead := planner.Queue{Name: planner.DeadLetterName(project, function)}
	queue := planner.Queue{Name: planner.QueueName(project, function), DeadLetter: naming.QueueARN(dead.Name)}
	source := planner.EventSource{Function: function, Queue: naming.QueueARN(queue.Name)}
	id := planner.RuleID(project, function, bucket, "in/", "", nil)
	grant := planner.Permission{Function: function, StatementID: planner.StatementID(project, bucket)}
	group := planner.ScheduleGroup{Name: planner.ScheduleGroupName(project)}
	schedule := planner.Schedule{Group: group.Name, Name: function, Target: naming.FunctionARN(function)}
	c := chain{
		dead:  planner.Change{Address: at(planner.KindQueue, dead.Name), After: dead},
		queue: planner.Change{Address: at(planner.KindQueue, queue.Name), After: queue, Needs: []planner.Address{at(planner.KindQueue, dead.Name)}},
		source: planner.Change{Address: at(planner.KindEventSource, function+"/"+queue.Name), After: source,
			Needs: []planner.Address{at(planner.KindFunction, function), at(planner.KindQueue, queue.Name)}},
		rule: planner.Change{Address: at(planner.KindTrigger, bucket+"/"+id), After: planner.Trigger{Bucket: bucket, ID: id, Target: naming.QueueARN(queue.Name)},
			Needs: []planner.Address{at(planner.KindBucket, bucket), at(planner.KindQueue, queue.Name)}},
		direct: planner.Change{Address: at(planner.KindTrigger, bucket+"/"+id), After: planner.Trigger{Bucket: bucket, ID: id, Target: naming.FunctionARN(function)},
			Needs: []planner.Address{at(planner.KindBucket, bucket), at(planner.KindPermission, function+"/"+grant.StatementID)}},
		grant: planner.Change{Address: at(planner.KindPermission, function+"/"+grant.StatementID), After: grant,
			Needs: []planner.Address{at(planner.KindFunction, function)}},
		group: planner.Change{Address: at(planner.KindScheduleGroup, group.Name), After: group},
		schedule: planner.Change{Address: at(planner.KindSchedule, group.Name+"/"+function), After: schedule,
			Needs: []planner.Address{at(planner.KindScheduleGroup, group.Name), at(planner.KindFunction, function)}},
		function: planner.Change{Address: at(planner.KindFunction, function), After: planner.Function{Name: function, Timeout: 60},
			Needs: []planner.Address{at(planner.KindRole, "r")}},
	}
	for _, change := range []*planner.Change{&c.queue, &c.dead, &c.source, &c.rule, &c.direct, &c.grant, &c.group, &c.schedule, &c.function} {
		change.Owner = owner
	}
	return c
}

// from makes a change of a resource that was something else before.
func from(before, after planner.Change) planner.Change {
	after.Action, after.Before = planner.Update, before.After
	return after
}

// with is a change with an action, and the function's owner kept.
func with(action planner.Action, c planner.Change) planner.Change {
	owner := c.Owner
	c = as(action, c)[0]
	c.Owner = owner
	return c
}

// apply applies changes, some at a time, and returns what began and ended when.
func apply(t *testing.T, opts applier.Options, changes ...planner.Change) []string {
	t.Helper()
	cloud := newFakeCloud()
	if _, err := applier.Apply(t.Context(), cloud, plan(changes), opts); err != nil {
		t.Fatal(err)
	}
	return cloud.log
}

// TestApplyWaitsForARightThroughWhatStays changes the role of a function that stays, and gives the function an event source,
// for which the role has to have its new rights: also where only one thing is done at a time.
func TestApplyWaitsForARightThroughWhatStays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := chainOf("grayify", "photos")
		role := planner.Change{Address: planner.Address{Kind: planner.KindRole, Name: "r"}, After: planner.Role{Name: "r"}}
		log := apply(t, applier.Options{},
			with(planner.Create, c.source), with(planner.NoOp, c.function), with(planner.Update, role), with(planner.NoOp, c.queue))
		before(t, log, "-role/r", "+event_source/")
	})
}

// TestApplyMovesARuleFromAFunctionToAQueue takes the right of the bucket from the function only when nothing needs it.
func TestApplyMovesARuleFromAFunctionToAQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := chainOf("grayify", "photos")
		log := apply(t, applier.Options{},
			with(planner.Create, c.dead), with(planner.Create, c.queue), with(planner.Create, c.source), with(planner.NoOp, c.function),
			from(c.direct, c.rule), with(planner.Delete, c.grant))
		before(t, log, "-queue/scar_dead-", "+queue/scar-", "-queue/scar-", "+trigger/", "-trigger/", "+permission/")
		before(t, log, "-queue/scar-", "+event_source/")
	})
}

// TestApplyMovesARuleFromAQueueToAFunction deletes the queue last, and what empties it after what fills it.
func TestApplyMovesARuleFromAQueueToAFunction(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := chainOf("grayify", "photos")
		log := apply(t, applier.Options{},
			with(planner.Delete, c.dead), with(planner.Delete, c.queue), with(planner.Delete, c.source), with(planner.NoOp, c.function),
			from(c.rule, c.direct), with(planner.Create, c.grant))
		before(t, log, "-permission/", "+trigger/", "-trigger/", "+event_source/", "-event_source/", "+queue/scar-", "-queue/scar-", "+queue/scar_dead-")
	})
}

// TestApplyLeavesABucketBeforeItsQueueDoes keeps the queue's policy, by which former buckets are found, until they are left.
func TestApplyLeavesABucketBeforeItsQueueDoes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		was, is := chainOf("grayify", "photos"), chainOf("grayify", "scans")
		log := apply(t, applier.Options{}, with(planner.Delete, was.rule), with(planner.Update, is.queue), with(planner.Create, is.rule))
		before(t, log, "-trigger/photos/", "+queue/scar-", "-queue/scar-", "+trigger/scans/")
		// A bucket that stays is left and joined in one go, which cannot be before and after at once.
		other := was.rule
		other.Name += "2"
		log = apply(t, applier.Options{}, with(planner.Delete, was.rule), with(planner.Update, is.queue), with(planner.Create, other))
		before(t, log, "-queue/scar-", "+trigger/photos/")
	})
}

// TestApplyDestroysAChain ends what starts the function first, drains it, and deletes what it stood on last.
func TestApplyDestroysAChain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := chainOf("grayify", "photos")
		var changes []planner.Change
		for _, change := range []planner.Change{c.dead, c.queue, c.source, c.rule, c.group, c.schedule, c.function} {
			changes = append(changes, with(planner.Delete, change))
		}
		start := time.Now()
		log := apply(t, applier.Options{Drain: time.Hour}, changes...)
		before(t, log, "-trigger/", "+event_source/", "-event_source/", "+queue/scar-", "-queue/scar-", "+queue/scar_dead-")
		before(t, log, "-event_source/", "+function/")
		before(t, log, "-schedule/", "+schedule_group/")
		before(t, log, "-schedule/", "+function/")
		if took := time.Since(start); took < time.Minute {
			t.Errorf("done after %s, the function has a minute to end its work", took)
		}
	})
}
