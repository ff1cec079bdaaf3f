package scheduler

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/scheduler"
	"github.com/aws/aws-sdk-go-v2/service/scheduler/types"

	"github.com/scar-go/scar/internal/moto"
)

// TestConformance states what Scheduler answers, and asks moto whether that is so. Moto checks neither expressions nor roles.
func TestConformance(t *testing.T) {
	f := newFixture(t)
	t.Run("backend", func(t *testing.T) { conform(t, f.client) })
	t.Run("moto", func(t *testing.T) { conform(t, newClient(moto.Serve(t))) })
}

func conform(t *testing.T, c *scheduler.Client) {
	ctx, group := t.Context(), aws.String("g")
	made, err := c.CreateScheduleGroup(ctx, &scheduler.CreateScheduleGroupInput{Name: group, Tags: []types.Tag{{Key: aws.String("a"), Value: aws.String("b")}}})
	if err != nil {
		t.Fatal(err)
	}
	got, err := c.GetScheduleGroup(ctx, &scheduler.GetScheduleGroupInput{Name: group})
	if err != nil || *got.Arn != *made.ScheduleGroupArn || got.State != types.ScheduleGroupStateActive {
		t.Errorf("%+v, %v", got, err)
	}
	tags, err := c.ListTagsForResource(ctx, &scheduler.ListTagsForResourceInput{ResourceArn: made.ScheduleGroupArn})
	if err != nil || len(tags.Tags) != 1 || *tags.Tags[0].Value != "b" {
		t.Errorf("%+v, %v", tags, err)
	}
	_, err1 := c.TagResource(ctx, &scheduler.TagResourceInput{ResourceArn: made.ScheduleGroupArn, Tags: []types.Tag{{Key: aws.String("c"), Value: aws.String("d")}}})
	_, err2 := c.UntagResource(ctx, &scheduler.UntagResourceInput{ResourceArn: made.ScheduleGroupArn, TagKeys: []string{"a"}})
	tags, err3 := c.ListTagsForResource(ctx, &scheduler.ListTagsForResourceInput{ResourceArn: made.ScheduleGroupArn})
	if err := errors.Join(err1, err2, err3); err != nil || len(tags.Tags) != 1 || *tags.Tags[0].Key != "c" {
		t.Errorf("%+v, %v", tags, err)
	}
	groups, err := c.ListScheduleGroups(ctx, &scheduler.ListScheduleGroupsInput{})
	if err != nil || len(groups.ScheduleGroups) != 2 {
		t.Errorf("the default group and ours: %+v, %v", groups, err)
	}
	conformSchedules(t, c, group)
}

func conformSchedules(t *testing.T, c *scheduler.Client, group *string) {
	ctx := t.Context()
	inGroup := func(in *scheduler.CreateScheduleInput) { in.GroupName = group }
	in := newSchedule("s", "cron(0 3 * * ? 2199)", inGroup)
	in.Target.RetryPolicy = &types.RetryPolicy{MaximumEventAgeInSeconds: aws.Int32(3600), MaximumRetryAttempts: aws.Int32(0)}
	made, err := c.CreateSchedule(ctx, in)
	if err != nil {
		t.Fatal(err)
	}
	got, err := c.GetSchedule(ctx, &scheduler.GetScheduleInput{Name: in.Name, GroupName: group})
	if err != nil {
		t.Fatal(err)
	}
	text := fmt.Sprint(*got.Arn == *made.ScheduleArn, *got.ScheduleExpression, *got.ScheduleExpressionTimezone, got.State, got.FlexibleTimeWindow.Mode,
		*got.Target.Arn == functionARN, *got.Target.RoleArn == roleARN, *got.Target.RetryPolicy.MaximumEventAgeInSeconds, *got.Target.RetryPolicy.MaximumRetryAttempts, got.Target.Input == nil)
	if want := fmt.Sprint(true, "cron(0 3 * * ? 2199)", "UTC", types.ScheduleStateEnabled, types.FlexibleTimeWindowModeOff, true, true, 3600, 0, true); text != want {
		t.Errorf("%s, want %s", text, want)
	}
	_, err = c.UpdateSchedule(ctx, &scheduler.UpdateScheduleInput{Name: in.Name, GroupName: group, ScheduleExpression: aws.String("cron(0 4 * * ? 2199)"),
		State: types.ScheduleStateDisabled, FlexibleTimeWindow: in.FlexibleTimeWindow, Target: in.Target})
	if err != nil {
		t.Fatal(err)
	}
	list, err := c.ListSchedules(ctx, &scheduler.ListSchedulesInput{GroupName: group, NamePrefix: aws.String("s")})
	if err != nil || len(list.Schedules) != 1 || list.Schedules[0].State != types.ScheduleStateDisabled || *list.Schedules[0].Target.Arn != functionARN {
		t.Errorf("%+v, %v", list, err)
	}
	_, again := c.CreateSchedule(ctx, newSchedule("s", "rate(1 hour)", inGroup))
	_, deleted := c.DeleteSchedule(ctx, &scheduler.DeleteScheduleInput{Name: in.Name, GroupName: group})
	_, gone := c.DeleteSchedule(ctx, &scheduler.DeleteScheduleInput{Name: in.Name, GroupName: group})
	_, absent := c.GetSchedule(ctx, &scheduler.GetScheduleInput{Name: in.Name, GroupName: group})
	for _, q := range []struct {
		what string
		err  error
		want string
	}{
		{"twice", again, "ConflictException: Schedule s already exists."},
		{"deleted", deleted, "<nil>"},
		{"gone", gone, "ResourceNotFoundException: Schedule s does not exist."},
		{"absent", absent, "ResourceNotFoundException: Schedule s does not exist."},
	} {
		if got := answer(q.err); got != q.want {
			t.Errorf("%s: %s, want %s", q.what, got, q.want)
		}
	}
}

func TestPages(t *testing.T) {
	f := newFixture(t)
	for i := range 12 {
		f.create(t, fmt.Sprintf("s%02d", i), "cron(0 0 1 1 ? 2199)")
	}
	var names []string
	p := scheduler.NewListSchedulesPaginator(f.client, &scheduler.ListSchedulesInput{MaxResults: aws.Int32(5), GroupName: aws.String("default")})
	for p.HasMorePages() {
		page, err := p.NextPage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if len(page.Schedules) > 5 {
			t.Errorf("a page of %d", len(page.Schedules))
		}
		for _, sc := range page.Schedules {
			names = append(names, *sc.Name)
		}
	}
	if len(names) != 12 || names[0] != "s00" || names[11] != "s11" {
		t.Errorf("%v", names)
	}
}

// TestCommandLineReadsBack lets the AWS CLI read what the SDK wrote.
func TestCommandLineReadsBack(t *testing.T) {
	program, err := exec.LookPath("aws")
	if err != nil {
		t.Skip("the AWS CLI is not installed")
	}
	f := newFixture(t)
	f.create(t, "s", "cron(0 3 * * ? 2199)")
	cmd := exec.Command(program, "--endpoint-url", f.server.URL, "--region", "us-east-1", "--output", "json", "scheduler", "get-schedule", "--name", "s")
	cmd.Env = append(os.Environ(), "AWS_ACCESS_KEY_ID=test", "AWS_SECRET_ACCESS_KEY=test")
	text, err := cmd.Output()
	var got struct {
		Name, GroupName string
		Target          struct{ Arn string }
	}
	if err := errors.Join(err, json.Unmarshal(text, &got)); err != nil || got.Name != "s" || got.GroupName != "default" || got.Target.Arn != functionARN {
		t.Errorf("%s, %v", text, err)
	}
}
