package aws

import (
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/scheduler"
	"github.com/aws/aws-sdk-go-v2/service/scheduler/types"

	"github.com/scar-go/scar/planner"
)

// fakeScheduler keeps groups and schedules in memory.
type fakeScheduler struct {
	script
	groups    map[string]*fakeGroup
	schedules map[string]*scheduler.GetScheduleOutput // by group/name
	slow      time.Duration                           // how long the deletion of a group takes
	lag       int                                     // listings in which a deleted schedule still shows
	ghosts    []types.ScheduleSummary
}

type fakeGroup struct {
	tags  planner.Tags
	until time.Time // of its deletion; zero: it is not being deleted
}

func newFakeScheduler() *fakeScheduler {
	return &fakeScheduler{script: script{fails: map[string][]error{}}, groups: map[string]*fakeGroup{}, schedules: map[string]*scheduler.GetScheduleOutput{}}
}

var (
	errNoSchedule       = answer("ResourceNotFoundException", "Schedule does not exist.")
	errScheduleConflict = answer("ConflictException", "It exists, or is being changed.")
	errScheduleRole     = answer("ValidationException", "The execution role you provide must allow AWS EventBridge Scheduler to assume the role.")
)

// do runs op on the group of that name, nil if there is none, unless the script has another answer.
func (f *fakeScheduler) do(operation, group string, op func(*fakeGroup) error) error {
	if err := f.next(operation); err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if g := f.groups[group]; g != nil && !g.until.IsZero() && !time.Now().Before(g.until) {
		delete(f.groups, group)
	}
	return op(f.groups[group])
}

// in runs op if the group exists.
func (f *fakeScheduler) in(operation, group string, op func(*fakeGroup) error) error {
	return f.do(operation, group, func(g *fakeGroup) error {
		if g == nil {
			return errNoSchedule
		}
		return op(g)
	})
}

func groupOf(arn *string) string { return (*arn)[strings.LastIndex(*arn, "/")+1:] }

func (f *fakeScheduler) GetScheduleGroup(_ context.Context, in *scheduler.GetScheduleGroupInput, _ ...func(*scheduler.Options)) (*scheduler.GetScheduleGroupOutput, error) {
	out := &scheduler.GetScheduleGroupOutput{Name: in.Name, State: types.ScheduleGroupStateActive}
	return out, f.in("GetScheduleGroup", *in.Name, func(g *fakeGroup) error {
		if !g.until.IsZero() {
			out.State = types.ScheduleGroupStateDeleting
		}
		return nil
	})
}

func (f *fakeScheduler) ListScheduleGroups(_ context.Context, in *scheduler.ListScheduleGroupsInput, _ ...func(*scheduler.Options)) (*scheduler.ListScheduleGroupsOutput, error) {
	out := &scheduler.ListScheduleGroupsOutput{}
	return out, f.do("ListScheduleGroups", *in.NamePrefix, func(*fakeGroup) error {
		for name := range f.groups {
			if strings.HasPrefix(name, *in.NamePrefix) {
				out.ScheduleGroups = append(out.ScheduleGroups, types.ScheduleGroupSummary{Name: &name, State: types.ScheduleGroupStateActive})
			}
		}
		return nil
	})
}

func (f *fakeScheduler) ListTagsForResource(_ context.Context, in *scheduler.ListTagsForResourceInput, _ ...func(*scheduler.Options)) (*scheduler.ListTagsForResourceOutput, error) {
	out := &scheduler.ListTagsForResourceOutput{}
	return out, f.in("ListTagsForResource", groupOf(in.ResourceArn), func(g *fakeGroup) error {
		out.Tags = schedulerTags(g.tags)
		return nil
	})
}

func (f *fakeScheduler) CreateScheduleGroup(_ context.Context, in *scheduler.CreateScheduleGroupInput, _ ...func(*scheduler.Options)) (*scheduler.CreateScheduleGroupOutput, error) {
	return nil, f.do("CreateScheduleGroup", *in.Name, func(g *fakeGroup) error {
		if g != nil {
			return errScheduleConflict
		}
		f.groups[*in.Name] = &fakeGroup{tags: tagsOf(in.Tags, func(t types.Tag) (*string, *string) { return t.Key, t.Value })}
		return nil
	})
}

func (f *fakeScheduler) TagResource(_ context.Context, in *scheduler.TagResourceInput, _ ...func(*scheduler.Options)) (*scheduler.TagResourceOutput, error) {
	return nil, f.in("TagResource", groupOf(in.ResourceArn), func(g *fakeGroup) error {
		maps.Copy(g.tags, tagsOf(in.Tags, func(t types.Tag) (*string, *string) { return t.Key, t.Value }))
		return nil
	})
}

func (f *fakeScheduler) UntagResource(_ context.Context, in *scheduler.UntagResourceInput, _ ...func(*scheduler.Options)) (*scheduler.UntagResourceOutput, error) {
	return nil, f.in("UntagResource", groupOf(in.ResourceArn), func(g *fakeGroup) error {
		maps.DeleteFunc(g.tags, func(k, _ string) bool { return slices.Contains(in.TagKeys, k) })
		return nil
	})
}

func (f *fakeScheduler) DeleteScheduleGroup(_ context.Context, in *scheduler.DeleteScheduleGroupInput, _ ...func(*scheduler.Options)) (*scheduler.DeleteScheduleGroupOutput, error) {
	return nil, f.in("DeleteScheduleGroup", *in.Name, func(g *fakeGroup) error {
		g.until = time.Now().Add(f.slow)
		maps.DeleteFunc(f.schedules, func(name string, _ *scheduler.GetScheduleOutput) bool { return strings.HasPrefix(name, *in.Name+"/") })
		return nil
	})
}

func (f *fakeScheduler) ListSchedules(_ context.Context, in *scheduler.ListSchedulesInput, _ ...func(*scheduler.Options)) (*scheduler.ListSchedulesOutput, error) {
	out := &scheduler.ListSchedulesOutput{}
	return out, f.in("ListSchedules", *in.GroupName, func(*fakeGroup) error {
		for _, s := range f.schedules {
			if *s.GroupName == *in.GroupName {
				out.Schedules = append(out.Schedules, summaryOf(s))
			}
		}
		if f.lag > 0 {
			f.lag--
			out.Schedules = append(out.Schedules, f.ghosts...)
		}
		return nil
	})
}

func summaryOf(s *scheduler.GetScheduleOutput) types.ScheduleSummary {
	return types.ScheduleSummary{GroupName: s.GroupName, Name: s.Name, Target: &types.TargetSummary{Arn: s.Target.Arn}}
}

func (f *fakeScheduler) GetSchedule(_ context.Context, in *scheduler.GetScheduleInput, _ ...func(*scheduler.Options)) (out *scheduler.GetScheduleOutput, err error) {
	return out, f.in("GetSchedule", *in.GroupName, func(*fakeGroup) error {
		if out = f.schedules[*in.GroupName+"/"+*in.Name]; out == nil {
			return errNoSchedule
		}
		return nil
	})
}

func (f *fakeScheduler) CreateSchedule(_ context.Context, in *scheduler.CreateScheduleInput, _ ...func(*scheduler.Options)) (*scheduler.CreateScheduleOutput, error) {
	return nil, f.in("CreateSchedule", *in.GroupName, func(*fakeGroup) error {
		if f.schedules[*in.GroupName+"/"+*in.Name] != nil {
			return errScheduleConflict
		}
		f.schedules[*in.GroupName+"/"+*in.Name] = &scheduler.GetScheduleOutput{
			GroupName: in.GroupName, Name: in.Name, ScheduleExpression: in.ScheduleExpression, ScheduleExpressionTimezone: in.ScheduleExpressionTimezone,
			FlexibleTimeWindow: in.FlexibleTimeWindow, State: in.State, Target: in.Target,
		}
		return nil
	})
}

func (f *fakeScheduler) UpdateSchedule(_ context.Context, in *scheduler.UpdateScheduleInput, _ ...func(*scheduler.Options)) (*scheduler.UpdateScheduleOutput, error) {
	return nil, f.in("UpdateSchedule", *in.GroupName, func(*fakeGroup) error {
		if f.schedules[*in.GroupName+"/"+*in.Name] == nil {
			return errNoSchedule
		}
		f.schedules[*in.GroupName+"/"+*in.Name] = &scheduler.GetScheduleOutput{
			GroupName: in.GroupName, Name: in.Name, ScheduleExpression: in.ScheduleExpression, ScheduleExpressionTimezone: in.ScheduleExpressionTimezone,
			FlexibleTimeWindow: in.FlexibleTimeWindow, State: in.State, Target: in.Target,
			Description: in.Description, StartDate: in.StartDate, EndDate: in.EndDate, KmsKeyArn: in.KmsKeyArn, ActionAfterCompletion: in.ActionAfterCompletion,
		}
		return nil
	})
}

func (f *fakeScheduler) DeleteSchedule(_ context.Context, in *scheduler.DeleteScheduleInput, _ ...func(*scheduler.Options)) (*scheduler.DeleteScheduleOutput, error) {
	return nil, f.in("DeleteSchedule", *in.GroupName, func(*fakeGroup) error {
		s := f.schedules[*in.GroupName+"/"+*in.Name]
		if s == nil {
			return errNoSchedule
		}
		f.ghosts = append(f.ghosts, summaryOf(s))
		delete(f.schedules, *in.GroupName+"/"+*in.Name)
		return nil
	})
}

// testSchedule is the schedule of a function of the project imaging.
func testSchedule() planner.Schedule {
	return planner.Schedule{
		Group: planner.ScheduleGroupName("imaging"), Name: "grayify", Expression: "rate(1 hour)", Timezone: "Europe/Madrid",
		Target: testNaming.FunctionARN("grayify"), Role: testNaming.RoleARN("imaging", planner.ScheduleRoleName("grayify", testNaming.Region)),
		MaxAge: 86400, Attempts: 185, Enabled: true,
	}
}
