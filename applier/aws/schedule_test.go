package aws

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/scheduler"
	"github.com/aws/aws-sdk-go-v2/service/scheduler/types"

	"github.com/scar-go/scar/planner"
)

func testScheduleGroup() planner.ScheduleGroup {
	return planner.ScheduleGroup{Name: planner.ScheduleGroupName("imaging"), Tags: planner.Tags{planner.TagProject: "imaging"}}
}

// withGroup is a fake that has testScheduleGroup.
func withGroup() *fakeScheduler {
	fake := newFakeScheduler()
	fake.groups[testScheduleGroup().Name] = &fakeGroup{tags: testScheduleGroup().Tags}
	return fake
}

// changeSchedule makes one change of a schedule or a group against a fake.
func changeSchedule(t *testing.T, fake *fakeScheduler, action planner.Action, before, after planner.Value) error {
	t.Helper()
	change := planner.Change{Action: action, Before: before, After: after}
	for _, v := range []planner.Value{before, after} {
		if v != nil {
			change.Address = planner.Address{Kind: v.Kind(), Name: nameOf(v)}
		}
	}
	_, err := assemble(Options{Project: "imaging", Naming: testNaming}, clients{scheduler: fake}).Do(t.Context(), planner.Batch{change}, nil)
	return err
}

func TestScheduleWaitsForItsRoleAndItsGroup(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := withGroup()
		fake.fails["CreateSchedule"] = []error{errScheduleRole, errNoSchedule, errScheduleRole}
		if err := changeSchedule(t, fake, planner.Create, nil, testSchedule()); err != nil || fake.count("CreateSchedule") != 4 {
			t.Errorf("%d calls, %v", fake.count("CreateSchedule"), err)
		}
		fake.fails["UpdateSchedule"] = []error{errScheduleRole, errScheduleConflict}
		changed := testSchedule()
		changed.Role = testNaming.RoleARN("imaging", "other")
		if err := changeSchedule(t, fake, planner.Update, testSchedule(), changed); err != nil || fake.count("UpdateSchedule") != 3 {
			t.Errorf("%d calls, %v", fake.count("UpdateSchedule"), err)
		}
		fake.fails["DeleteSchedule"] = []error{errScheduleConflict}
		if err := changeSchedule(t, fake, planner.Delete, changed, nil); err != nil || len(fake.schedules) != 0 {
			t.Errorf("%d left, %v", len(fake.schedules), err)
		}
		fake.fails["CreateSchedule"] = []error{answer("ValidationException", "Invalid Schedule Expression rate(1 hours).")}
		if err := changeSchedule(t, fake, planner.Create, nil, testSchedule()); err == nil || fake.count("CreateSchedule") != 5 {
			t.Errorf("%d calls, %v", fake.count("CreateSchedule"), err)
		}
	})
}

// TestScheduleKeepsWhatIsNotScars: an update replaces the whole, what it leaves out would be lost.
func TestScheduleKeepsWhatIsNotScars(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := withGroup()
		if err := changeSchedule(t, fake, planner.Create, nil, testSchedule()); err != nil {
			t.Fatal(err)
		}
		is := fake.schedules[nameOf(testSchedule())]
		end := time.Now().Add(time.Hour)
		is.EndDate, is.StartDate, is.Description, is.KmsKeyArn = &end, &end, ptr("mine"), ptr("key")
		is.ActionAfterCompletion = types.ActionAfterCompletionDelete
		is.Target.DeadLetterConfig = &types.DeadLetterConfig{Arn: ptr("dead")}
		changed := testSchedule()
		changed.Expression = "rate(2 hours)"
		if err := changeSchedule(t, fake, planner.Update, testSchedule(), changed); err != nil {
			t.Fatal(err)
		}
		now := fake.schedules[nameOf(testSchedule())]
		if now.EndDate != &end || now.StartDate != &end || deref(now.Description) != "mine" || deref(now.KmsKeyArn) != "key" ||
			now.ActionAfterCompletion != types.ActionAfterCompletionDelete || now.Target.DeadLetterConfig == nil {
			t.Errorf("%+v", now)
		}
		begun := time.Now().Add(-time.Hour)
		now.StartDate = &begun
		if err := changeSchedule(t, fake, planner.Update, changed, testSchedule()); err != nil {
			t.Fatal(err)
		}
		if now := fake.schedules[nameOf(testSchedule())]; now.StartDate != nil {
			t.Error("a date is sent back that Scheduler refuses, because it is past")
		}
	})
}

// TestScheduleOfOthersStays has one in the project's group that starts something else.
func TestScheduleOfOthersStays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := withGroup()
		theirs := testSchedule()
		theirs.Target = testNaming.FunctionARN("theirs")
		putSchedule(fake, theirs)
		if err := changeSchedule(t, fake, planner.Create, nil, testSchedule()); err == nil || !strings.Contains(err.Error(), "somebody else") {
			t.Errorf("error %v", err)
		}
		if err := changeSchedule(t, fake, planner.Delete, testSchedule(), nil); err == nil || len(fake.schedules) != 1 {
			t.Errorf("deleted: %v", err)
		}
		err := changeSchedule(t, fake, planner.Delete, testScheduleGroup(), nil)
		if err == nil || !strings.Contains(err.Error(), "grayify") || len(fake.schedules) != 1 {
			t.Errorf("error %v", err)
		}
	})
}

func putSchedule(fake *fakeScheduler, v planner.Schedule) {
	fake.schedules[nameOf(v)] = &scheduler.GetScheduleOutput{
		GroupName: &v.Group, Name: &v.Name, ScheduleExpression: &v.Expression, Target: target(v, nil), FlexibleTimeWindow: window(v),
	}
}

// TestScheduleGroupWaits until the group before is gone, until deleted schedules are listed no more, and while it is changed.
func TestScheduleGroupWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := newFakeScheduler()
		fake.slow = 40 * time.Second
		if err := changeSchedule(t, fake, planner.Create, nil, testScheduleGroup()); err != nil {
			t.Fatal(err)
		}
		if err := changeSchedule(t, fake, planner.Create, nil, testScheduleGroup()); err != nil {
			t.Fatalf("again, after a lost answer: %v", err)
		}
		if err := changeSchedule(t, fake, planner.Create, nil, testSchedule()); err != nil {
			t.Fatal(err)
		}
		if err := changeSchedule(t, fake, planner.Delete, testSchedule(), nil); err != nil {
			t.Fatal(err)
		}
		fake.lag = 3
		fake.fails["DeleteScheduleGroup"] = []error{errScheduleConflict}
		if err := changeSchedule(t, fake, planner.Delete, testScheduleGroup(), nil); err != nil {
			t.Fatal(err)
		}
		if n := fake.count("ListSchedules"); n != 4 {
			t.Errorf("%d listings", n)
		}
		start := time.Now()
		if err := changeSchedule(t, fake, planner.Create, nil, testScheduleGroup()); err != nil || time.Since(start) < 30*time.Second {
			t.Errorf("%s, %v", time.Since(start), err)
		}
		changed := testScheduleGroup()
		changed.Tags = planner.Tags{planner.TagProject: "imaging", "a": "b"}
		fake.fails["TagResource"] = []error{errScheduleConflict}
		if err := changeSchedule(t, fake, planner.Update, testScheduleGroup(), changed); err != nil {
			t.Error(err)
		}
		fake.fails["UntagResource"] = []error{errScheduleConflict}
		if err := changeSchedule(t, fake, planner.Update, changed, testScheduleGroup()); err != nil {
			t.Error(err)
		}
	})
}

func TestScheduleGroupOfOthersIsNotTaken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := newFakeScheduler()
		fake.groups[testScheduleGroup().Name] = &fakeGroup{}
		if err := changeSchedule(t, fake, planner.Create, nil, testScheduleGroup()); err == nil || !strings.Contains(err.Error(), "somebody else") {
			t.Errorf("error %v", err)
		}
	})
}
