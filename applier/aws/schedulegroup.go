package aws

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/scheduler"
	"github.com/aws/aws-sdk-go-v2/service/scheduler/types"

	"github.com/scar-go/scar/planner"
)

// scheduleGroupClient is what groups of schedules need of EventBridge Scheduler.
type scheduleGroupClient interface {
	scheduleLister
	GetScheduleGroup(context.Context, *scheduler.GetScheduleGroupInput, ...func(*scheduler.Options)) (*scheduler.GetScheduleGroupOutput, error)
	ListTagsForResource(context.Context, *scheduler.ListTagsForResourceInput, ...func(*scheduler.Options)) (*scheduler.ListTagsForResourceOutput, error)
	CreateScheduleGroup(context.Context, *scheduler.CreateScheduleGroupInput, ...func(*scheduler.Options)) (*scheduler.CreateScheduleGroupOutput, error)
	TagResource(context.Context, *scheduler.TagResourceInput, ...func(*scheduler.Options)) (*scheduler.TagResourceOutput, error)
	UntagResource(context.Context, *scheduler.UntagResourceInput, ...func(*scheduler.Options)) (*scheduler.UntagResourceOutput, error)
	DeleteScheduleGroup(context.Context, *scheduler.DeleteScheduleGroupInput, ...func(*scheduler.Options)) (*scheduler.DeleteScheduleGroupOutput, error)
}

// scheduleLister lists schedules and their groups.
type scheduleLister interface {
	scheduler.ListSchedulesAPIClient
	scheduler.ListScheduleGroupsAPIClient
}

// scheduleGroups are the groups of schedules of one account and region.
type scheduleGroups struct {
	client scheduleGroupClient
	naming planner.Naming
	patience
}

// read takes a group that is being deleted for gone: nothing in it starts anything any more, and it needs nothing.
func (g *scheduleGroups) read(ctx context.Context, name string) (planner.ScheduleGroup, planner.Owner, error) {
	var tags planner.Tags
	err := together(ctx,
		func(ctx context.Context) error { return g.find(ctx, name) },
		func(ctx context.Context) (err error) { tags, err = g.tags(ctx, name); return err },
	)
	if err != nil {
		return planner.ScheduleGroup{}, planner.Owner{}, err
	}
	return planner.ScheduleGroup{Name: name, Tags: tags}, planner.OwnerOf(tags), nil
}

func (g *scheduleGroups) find(ctx context.Context, name string) error {
	out, err := g.client.GetScheduleGroup(ctx, &scheduler.GetScheduleGroupInput{Name: &name})
	switch {
	case isNotFound(err):
		return errAbsent
	case err != nil:
		return fmt.Errorf("read schedule group: %w", err)
	case out.State == types.ScheduleGroupStateDeleting:
		return errAbsent
	}
	return nil
}

func (g *scheduleGroups) tags(ctx context.Context, name string) (planner.Tags, error) {
	arn := g.naming.ScheduleGroupARN(name)
	out, err := g.client.ListTagsForResource(ctx, &scheduler.ListTagsForResourceInput{ResourceArn: &arn})
	if isNotFound(err) {
		return nil, errAbsent
	}
	if err != nil {
		return nil, fmt.Errorf("read tags of schedule group: %w", err)
	}
	return tagsOf(out.Tags, func(t types.Tag) (*string, *string) { return t.Key, t.Value }), nil
}

// create makes the group. A conflict tells of one that is there, or of one that is just being deleted, which is waited for.
func (g *scheduleGroups) create(ctx context.Context, want planner.ScheduleGroup, say sayer) error {
	return g.until(ctx, groupWait, func() (bool, error, error) {
		_, err := g.client.CreateScheduleGroup(ctx, &scheduler.CreateScheduleGroupInput{Name: &want.Name, Tags: schedulerTags(want.Tags)})
		if err == nil {
			return true, nil, nil
		}
		if !isConflict(err) {
			return false, nil, fmt.Errorf("create schedule group: %w", err)
		}
		if there := g.find(ctx, want.Name); !errors.Is(there, errAbsent) {
			if there == nil {
				there = errExists
			}
			return false, nil, there
		}
		say("waiting until the group before is deleted", 0, 0)
		return false, err, nil
	})
}

func (g *scheduleGroups) update(ctx context.Context, live, want planner.ScheduleGroup, _ sayer) error {
	arn := g.naming.ScheduleGroupARN(want.Name)
	set, remove := retag(live.Tags, want.Tags)
	if len(set) > 0 {
		err := g.retry(ctx, busyWait, isConflict, func() error {
			_, err := g.client.TagResource(ctx, &scheduler.TagResourceInput{ResourceArn: &arn, Tags: schedulerTags(set)})
			return err
		})
		if err != nil {
			return fmt.Errorf("tag schedule group: %w", err)
		}
	}
	if len(remove) > 0 {
		err := g.retry(ctx, busyWait, isConflict, func() error {
			_, err := g.client.UntagResource(ctx, &scheduler.UntagResourceInput{ResourceArn: &arn, TagKeys: remove})
			return err
		})
		if err != nil {
			return fmt.Errorf("remove tags from schedule group: %w", err)
		}
	}
	return nil
}

func schedulerTags(tags planner.Tags) []types.Tag {
	return tagList(tags, func(k, v *string) types.Tag { return types.Tag{Key: k, Value: v} })
}

// remove deletes the group if it is empty. Scheduler deletes the schedules of a group together with it, and somebody
// else may have put some there.
func (g *scheduleGroups) remove(ctx context.Context, live planner.ScheduleGroup, _ sayer) error {
	if err := g.empty(ctx, live.Name); err != nil {
		return err
	}
	err := g.retry(ctx, busyWait, isConflict, func() error {
		_, err := g.client.DeleteScheduleGroup(ctx, &scheduler.DeleteScheduleGroupInput{Name: &live.Name})
		return err
	})
	if err != nil && !isNotFound(err) {
		return fmt.Errorf("delete schedule group: %w", err)
	}
	return nil
}

// empty waits until no schedule is listed: those that were deleted a moment ago may still be.
func (g *scheduleGroups) empty(ctx context.Context, name string) error {
	err := g.until(ctx, deleteWait, func() (bool, error, error) {
		left, err := listSchedules(ctx, g.client, name)
		if err != nil || len(left) == 0 {
			return true, nil, err
		}
		names := make([]string, len(left))
		for i, s := range left {
			names[i] = deref(s.Name)
		}
		return false, fmt.Errorf("it holds schedules that are not the project's (%s), which would be deleted with it: move or delete them, then destroy again",
			strings.Join(names, ", ")), nil
	})
	if err != nil {
		return fmt.Errorf("delete schedule group: %w", err)
	}
	return nil
}

// hasScheduleGroup says whether there is a group of that name that is not being deleted.
func hasScheduleGroup(ctx context.Context, client scheduleLister, name string) (bool, error) {
	pages := scheduler.NewListScheduleGroupsPaginator(client, &scheduler.ListScheduleGroupsInput{NamePrefix: &name})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return false, fmt.Errorf("list schedule groups: %w", err)
		}
		for _, g := range page.ScheduleGroups {
			if deref(g.Name) == name {
				return g.State != types.ScheduleGroupStateDeleting, nil
			}
		}
	}
	return false, nil
}

// listSchedules lists the schedules of a group; one that does not exist has none.
func listSchedules(ctx context.Context, client scheduleLister, group string) ([]types.ScheduleSummary, error) {
	pages := scheduler.NewListSchedulesPaginator(client, &scheduler.ListSchedulesInput{GroupName: &group})
	var all []types.ScheduleSummary
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if isNotFound(err) {
			return nil, nil
		}
		if err != nil {
			return nil, fmt.Errorf("list schedules of group %s: %w", group, err)
		}
		all = append(all, page.Schedules...)
	}
	return all, nil
}
