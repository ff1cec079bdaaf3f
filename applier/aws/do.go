package aws

import (
	"context"
	"fmt"

	"github.com/scar-go/scar/applier"
	"github.com/scar-go/scar/planner"
)

// Do implements applier.Cloud.
func (c *Cloud) Do(ctx context.Context, b planner.Batch, report func(applier.Progress)) (planner.Outputs, error) {
	if len(b) == 0 {
		return nil, nil
	}
	if b[0].Kind == planner.KindTrigger {
		bucket, _ := b[0].Split()
		err := c.triggers.do(ctx, bucket, b, sayerFor(b[0].Address, report))
		return nil, explain(err)
	}
	outputs := planner.Outputs{}
	for _, change := range b {
		if err := c.change(ctx, change, sayerFor(change.Address, report)); err != nil {
			if len(b) > 1 {
				err = fmt.Errorf("%s: %w", change.Address, err)
			}
			return outputs, explain(err)
		}
		if change.Kind == planner.KindFunction && change.After != nil {
			outputs[change.Address] = map[string]string{"arn": c.opts.Naming.FunctionARN(change.Name)}
		}
	}
	return outputs, nil
}

func (c *Cloud) change(ctx context.Context, change planner.Change, say sayer) error {
	p, project := patience{pace: c.opts.Pace, settle: c.opts.Settle}, c.opts.Project
	switch change.Kind {
	case planner.KindBucket:
		return converge(ctx, p, project, c.buckets, change, say)
	case planner.KindRepository:
		return converge(ctx, p, project, c.repositories, change, say)
	case planner.KindImage:
		return converge(ctx, p, project, c.images, change, say)
	case planner.KindLogGroup:
		return converge(ctx, p, project, c.logGroups, change, say)
	case planner.KindRole:
		return converge(ctx, p, project, c.roles, change, say)
	case planner.KindFunction:
		return converge(ctx, p, project, c.functions, change, say)
	case planner.KindPermission:
		return converge(ctx, p, project, c.permissions, change, say)
	case planner.KindQueue:
		return converge(ctx, p, project, c.queues, change, say)
	case planner.KindEventSource:
		return converge(ctx, p, project, c.eventSources, change, say)
	case planner.KindScheduleGroup:
		return converge(ctx, p, project, c.scheduleGroups, change, say)
	case planner.KindSchedule:
		return converge(ctx, p, project, c.schedules, change, say)
	default:
		return fmt.Errorf("resources of kind %q cannot be changed", change.Kind)
	}
}
