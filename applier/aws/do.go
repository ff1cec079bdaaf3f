package aws

import (
	"context"
	"errors"
	"fmt"

	"golang.org/x/sync/errgroup"

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
	if _, ends := planner.ReplacementOf(c.opts.Project, b[0].Name); ends && b[0].Kind == planner.KindParameter {
		return nil, explain(c.replacements.end(ctx, c.functions, b, sayerFor(b[0].Address, report)))
	}
	outputs := planner.Outputs{}
	for _, change := range b {
		if err := c.change(ctx, change, sayerFor(change.Address, report)); err != nil {
			if len(b) > 1 {
				err = fmt.Errorf("%s: %w", change.Address, err)
			}
			return outputs, explain(err)
		}
		if change.After == nil {
			continue
		}
		told, err := c.outputsOf(ctx, change.Address)
		if err != nil {
			return outputs, explain(err)
		}
		if told != nil {
			outputs[change.Address] = told
		}
	}
	return outputs, nil
}

// outputsOf is what only AWS can tell of a resource that is there; most have nothing of the kind.
func (c *Cloud) outputsOf(ctx context.Context, a planner.Address) (map[string]string, error) {
	switch a.Kind {
	case planner.KindFunction:
		return map[string]string{"arn": c.opts.Naming.FunctionARN(a.Name)}, nil
	case planner.KindFunctionURL:
		return c.functionURLs.outputs(ctx, a.Name)
	case planner.KindHTTPAPI:
		return c.httpAPIs.outputs(ctx, a.Name)
	default:
		return nil, nil
	}
}

// Outputs reads what only AWS can tell of resources that are there: ARNs and addresses. Those that are gone, or have
// nothing of the kind, are left out.
func (c *Cloud) Outputs(ctx context.Context, refs []planner.Ref) (planner.Outputs, error) {
	told := make([]map[string]string, len(refs))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(c.opts.Parallelism)
	for i, ref := range refs {
		group.Go(func() (err error) {
			told[i], err = c.outputsOf(ctx, ref)
			if err != nil && !errors.Is(err, errAbsent) {
				return fmt.Errorf("%s: %w", ref, explain(err))
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	outputs := planner.Outputs{}
	for i, ref := range refs {
		if told[i] != nil {
			outputs[ref] = told[i]
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
	case planner.KindParameter:
		return converge(ctx, p, project, c.parameters, change, say)
	case planner.KindLogGroup:
		return converge(ctx, p, project, c.logGroups, change, say)
	case planner.KindRole:
		return converge(ctx, p, project, c.roles, change, say)
	case planner.KindFunction:
		return converge(ctx, p, project, c.functions, change, say)
	case planner.KindInvokeConfig:
		return converge(ctx, p, project, c.invokeConfigs, change, say)
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
	case planner.KindFunctionURL:
		return converge(ctx, p, project, c.functionURLs, change, say)
	case planner.KindHTTPAPI:
		return converge(ctx, p, project, c.httpAPIs, change, say)
	default:
		return fmt.Errorf("resources of kind %q cannot be changed", change.Kind)
	}
}
