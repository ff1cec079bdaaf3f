package aws

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"

	"github.com/scar-go/scar/planner"
)

// logGroupClient is what log groups need of CloudWatch Logs.
type logGroupClient interface {
	cloudwatchlogs.DescribeLogGroupsAPIClient
	ListTagsForResource(context.Context, *cloudwatchlogs.ListTagsForResourceInput, ...func(*cloudwatchlogs.Options)) (*cloudwatchlogs.ListTagsForResourceOutput, error)
	CreateLogGroup(context.Context, *cloudwatchlogs.CreateLogGroupInput, ...func(*cloudwatchlogs.Options)) (*cloudwatchlogs.CreateLogGroupOutput, error)
	PutRetentionPolicy(context.Context, *cloudwatchlogs.PutRetentionPolicyInput, ...func(*cloudwatchlogs.Options)) (*cloudwatchlogs.PutRetentionPolicyOutput, error)
	DeleteRetentionPolicy(context.Context, *cloudwatchlogs.DeleteRetentionPolicyInput, ...func(*cloudwatchlogs.Options)) (*cloudwatchlogs.DeleteRetentionPolicyOutput, error)
	TagResource(context.Context, *cloudwatchlogs.TagResourceInput, ...func(*cloudwatchlogs.Options)) (*cloudwatchlogs.TagResourceOutput, error)
	UntagResource(context.Context, *cloudwatchlogs.UntagResourceInput, ...func(*cloudwatchlogs.Options)) (*cloudwatchlogs.UntagResourceOutput, error)
	DeleteLogGroup(context.Context, *cloudwatchlogs.DeleteLogGroupInput, ...func(*cloudwatchlogs.Options)) (*cloudwatchlogs.DeleteLogGroupOutput, error)
}

// logGroups are the log groups of one account and region.
type logGroups struct {
	client logGroupClient
	naming planner.Naming
	patience
}

func (l *logGroups) read(ctx context.Context, name string) (planner.LogGroup, planner.Owner, error) {
	var group *types.LogGroup
	var tags planner.Tags
	err := together(ctx,
		func(ctx context.Context) (err error) { group, err = l.find(ctx, name); return err },
		func(ctx context.Context) (err error) { tags, err = l.tags(ctx, name); return err },
	)
	if err != nil {
		return planner.LogGroup{}, planner.Owner{}, err
	}
	v := planner.LogGroup{Name: name, RetentionDays: int(deref(group.RetentionInDays)), Tags: tags}
	return v, planner.OwnerOf(tags), nil
}

// find looks for the group among those whose names begin with its name: the API has no other way.
func (l *logGroups) find(ctx context.Context, name string) (*types.LogGroup, error) {
	pages := cloudwatchlogs.NewDescribeLogGroupsPaginator(l.client, &cloudwatchlogs.DescribeLogGroupsInput{LogGroupNamePrefix: &name})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, fmt.Errorf("read log group: %w", err)
		}
		for i, group := range page.LogGroups {
			if deref(group.LogGroupName) == name {
				return &page.LogGroups[i], nil
			}
		}
	}
	return nil, errAbsent
}

func (l *logGroups) tags(ctx context.Context, name string) (planner.Tags, error) {
	arn := l.naming.LogGroupARN(name)
	out, err := l.client.ListTagsForResource(ctx, &cloudwatchlogs.ListTagsForResourceInput{ResourceArn: &arn})
	if isNotFound(err) {
		return nil, errAbsent
	}
	if err != nil {
		return nil, fmt.Errorf("read tags of log group: %w", err)
	}
	return tagMap(out.Tags), nil
}

func (l *logGroups) create(ctx context.Context, want planner.LogGroup, _ sayer) error {
	err := l.retry(ctx, deleteWait, isBusy, func() error { // as while one of that name is being deleted
		_, err := l.client.CreateLogGroup(ctx, &cloudwatchlogs.CreateLogGroupInput{LogGroupName: &want.Name, Tags: want.Tags})
		return err
	})
	if isExists(err) {
		return errExists
	}
	if err != nil {
		return fmt.Errorf("create log group: %w", err)
	}
	if want.RetentionDays == 0 {
		return nil
	}
	return l.retain(ctx, want)
}

func (l *logGroups) update(ctx context.Context, live, want planner.LogGroup, _ sayer) error {
	if live.RetentionDays != want.RetentionDays {
		if err := l.retain(ctx, want); err != nil {
			return err
		}
	}
	arn := l.naming.LogGroupARN(want.Name)
	set, remove := retag(live.Tags, want.Tags)
	if len(set) > 0 {
		if _, err := l.client.TagResource(ctx, &cloudwatchlogs.TagResourceInput{ResourceArn: &arn, Tags: set}); err != nil {
			return fmt.Errorf("tag log group: %w", err)
		}
	}
	if len(remove) > 0 {
		if _, err := l.client.UntagResource(ctx, &cloudwatchlogs.UntagResourceInput{ResourceArn: &arn, TagKeys: remove}); err != nil {
			return fmt.Errorf("remove tags from log group: %w", err)
		}
	}
	return nil
}

// retain sets how long events are kept. It is repeated while another change of the group is under way.
func (l *logGroups) retain(ctx context.Context, want planner.LogGroup) error {
	err := l.retry(ctx, deleteWait, isBusy, func() error {
		if want.RetentionDays == 0 {
			_, err := l.client.DeleteRetentionPolicy(ctx, &cloudwatchlogs.DeleteRetentionPolicyInput{LogGroupName: &want.Name})
			return err
		}
		days := int32(want.RetentionDays)
		_, err := l.client.PutRetentionPolicy(ctx, &cloudwatchlogs.PutRetentionPolicyInput{LogGroupName: &want.Name, RetentionInDays: &days})
		return err
	})
	if err != nil {
		return fmt.Errorf("set retention of log group: %w", err)
	}
	return nil
}

func (l *logGroups) remove(ctx context.Context, live planner.LogGroup, _ sayer) error {
	err := l.retry(ctx, deleteWait, isBusy, func() error {
		_, err := l.client.DeleteLogGroup(ctx, &cloudwatchlogs.DeleteLogGroupInput{LogGroupName: &live.Name})
		return err
	})
	if err != nil && !isNotFound(err) {
		return fmt.Errorf("delete log group: %w", err)
	}
	return nil
}
