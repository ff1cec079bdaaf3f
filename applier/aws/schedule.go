package aws

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/scheduler"
	"github.com/aws/aws-sdk-go-v2/service/scheduler/types"

	"github.com/scar-go/scar/planner"
)

// scheduleClient is what schedules need of EventBridge Scheduler.
type scheduleClient interface {
	GetSchedule(context.Context, *scheduler.GetScheduleInput, ...func(*scheduler.Options)) (*scheduler.GetScheduleOutput, error)
	CreateSchedule(context.Context, *scheduler.CreateScheduleInput, ...func(*scheduler.Options)) (*scheduler.CreateScheduleOutput, error)
	UpdateSchedule(context.Context, *scheduler.UpdateScheduleInput, ...func(*scheduler.Options)) (*scheduler.UpdateScheduleOutput, error)
	DeleteSchedule(context.Context, *scheduler.DeleteScheduleInput, ...func(*scheduler.Options)) (*scheduler.DeleteScheduleOutput, error)
}

// schedules are the schedules of one account and region. They have no tags.
type schedules struct {
	client  scheduleClient
	project string
	patience
}

// What Scheduler has where its answer is silent (Scheduler API reference, RetryPolicy and GetSchedule).
const (
	defaultScheduleMaxAge   = 86400 // seconds
	defaultScheduleAttempts = 185
	defaultScheduleZone     = "UTC"
)

func (s *schedules) read(ctx context.Context, name string) (planner.Schedule, planner.Owner, error) {
	group, id := splitName(planner.KindSchedule, name)
	out, err := s.get(ctx, group, id)
	if err != nil {
		return planner.Schedule{}, planner.Owner{}, err
	}
	v := scheduleValue(group, id, out)
	return v, ownerOfSchedule(s.project, group, id, v.Target), nil
}

// ownerOfSchedule tells a schedule of the project from what else is in its group: it bears the name of the function
// that it starts.
func ownerOfSchedule(project, group, name, target string) planner.Owner {
	function, isFunction := planner.FunctionOfARN(target)
	if group != planner.ScheduleGroupName(project) || !isFunction || function != name {
		return planner.Owner{}
	}
	return planner.Owner{Project: project, Function: function}
}

func (s *schedules) get(ctx context.Context, group, name string) (*scheduler.GetScheduleOutput, error) {
	out, err := s.client.GetSchedule(ctx, &scheduler.GetScheduleInput{GroupName: &group, Name: &name})
	if isNotFound(err) {
		return nil, errAbsent
	}
	if err != nil {
		return nil, fmt.Errorf("read schedule: %w", err)
	}
	return out, nil
}

func scheduleValue(group, name string, out *scheduler.GetScheduleOutput) planner.Schedule {
	v := planner.Schedule{
		Group:      group,
		Name:       name,
		Expression: deref(out.ScheduleExpression),
		Timezone:   defaultScheduleZone,
		MaxAge:     defaultScheduleMaxAge,
		Attempts:   defaultScheduleAttempts,
		Enabled:    out.State != types.ScheduleStateDisabled,
	}
	if zone := deref(out.ScheduleExpressionTimezone); zone != "" {
		v.Timezone = zone
	}
	if w := out.FlexibleTimeWindow; w != nil {
		v.Window = int(deref(w.MaximumWindowInMinutes))
	}
	target := out.Target
	if target == nil {
		return v
	}
	v.Target, v.Role, v.Input = deref(target.Arn), deref(target.RoleArn), deref(target.Input)
	if r := target.RetryPolicy; r != nil {
		if r.MaximumEventAgeInSeconds != nil {
			v.MaxAge = int(*r.MaximumEventAgeInSeconds)
		}
		if r.MaximumRetryAttempts != nil {
			v.Attempts = int(*r.MaximumRetryAttempts)
		}
	}
	return v
}

// create makes the schedule. Its group and its role may be too new for Scheduler to see them.
func (s *schedules) create(ctx context.Context, want planner.Schedule, _ sayer) error {
	in := &scheduler.CreateScheduleInput{
		GroupName:                  &want.Group,
		Name:                       &want.Name,
		ScheduleExpression:         &want.Expression,
		ScheduleExpressionTimezone: &want.Timezone,
		FlexibleTimeWindow:         window(want),
		State:                      scheduleState(want),
		Target:                     target(want, nil),
	}
	err := s.retry(ctx, roleWait, either(isScheduleRoleNotReady, isNotFound), func() error {
		_, err := s.client.CreateSchedule(ctx, in)
		return err
	})
	if isConflict(err) {
		return errExists
	}
	if err != nil {
		return fmt.Errorf("create schedule: %w", err)
	}
	return nil
}

func window(v planner.Schedule) *types.FlexibleTimeWindow {
	if v.Window == 0 {
		return &types.FlexibleTimeWindow{Mode: types.FlexibleTimeWindowModeOff}
	}
	return &types.FlexibleTimeWindow{Mode: types.FlexibleTimeWindowModeFlexible, MaximumWindowInMinutes: ptr(int32(v.Window))}
}

func scheduleState(v planner.Schedule) types.ScheduleState {
	if v.Enabled {
		return types.ScheduleStateEnabled
	}
	return types.ScheduleStateDisabled
}

// target is what a schedule starts, and how. live is the present one, whose dead-letter queue stays, or nil.
func target(v planner.Schedule, live *types.Target) *types.Target {
	t := &types.Target{
		Arn:     &v.Target,
		RoleArn: &v.Role,
		RetryPolicy: &types.RetryPolicy{
			MaximumEventAgeInSeconds: ptr(int32(v.MaxAge)), MaximumRetryAttempts: ptr(int32(v.Attempts)),
		},
	}
	if v.Input != "" {
		t.Input = &v.Input
	}
	if live != nil {
		t.DeadLetterConfig = live.DeadLetterConfig
	}
	return t
}

// update replaces the schedule, which is the only way: what is not scar's to say is sent back as it was.
func (s *schedules) update(ctx context.Context, _, want planner.Schedule, _ sayer) error {
	is, err := s.get(ctx, want.Group, want.Name)
	if err != nil {
		return err
	}
	in := &scheduler.UpdateScheduleInput{
		GroupName:                  &want.Group,
		Name:                       &want.Name,
		ScheduleExpression:         &want.Expression,
		ScheduleExpressionTimezone: &want.Timezone,
		FlexibleTimeWindow:         window(want),
		State:                      scheduleState(want),
		Target:                     target(want, is.Target),
		ActionAfterCompletion:      is.ActionAfterCompletion,
		Description:                is.Description,
		StartDate:                  start(is.StartDate),
		EndDate:                    is.EndDate,
		KmsKeyArn:                  is.KmsKeyArn,
	}
	err = s.retry(ctx, roleWait, either(isScheduleRoleNotReady, isConflict), func() error {
		_, err := s.client.UpdateSchedule(ctx, in)
		return err
	})
	if err != nil {
		return fmt.Errorf("change schedule: %w", err)
	}
	return nil
}

// start is the date before which a schedule does nothing, as somebody set it. Scheduler refuses one that is more than
// five minutes past, which changes nothing any more.
func start(date *time.Time) *time.Time {
	const tooLate = 5 * time.Minute
	if date == nil || time.Since(*date) > tooLate {
		return nil
	}
	return date
}

func (s *schedules) remove(ctx context.Context, live planner.Schedule, _ sayer) error {
	// By its name alone it could be another's by now.
	is, err := s.get(ctx, live.Group, live.Name)
	if errors.Is(err, errAbsent) {
		return nil
	}
	if err != nil {
		return err
	}
	if is.Target != nil && ownerOfSchedule(s.project, live.Group, live.Name, deref(is.Target.Arn)).Project == "" {
		return errForeign
	}
	err = s.retry(ctx, busyWait, isConflict, func() error {
		_, err := s.client.DeleteSchedule(ctx, &scheduler.DeleteScheduleInput{GroupName: &live.Group, Name: &live.Name})
		return err
	})
	if err != nil && !isNotFound(err) {
		return fmt.Errorf("delete schedule: %w", err)
	}
	return nil
}
