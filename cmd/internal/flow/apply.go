package flow

import (
	"context"
	"fmt"
	"maps"
	"time"

	"github.com/scar-go/scar/applier"
	"github.com/scar-go/scar/applier/aws"
	"github.com/scar-go/scar/planner"
)

// ApplyOptions steer the carrying out of a plan.
type ApplyOptions struct {
	Parallelism int
	Drain       time.Duration
	Events      func(applier.Event)
}

// Apply carries out exactly this plan. Its outputs are those of all that is there then, of what did not change too; after
// an error, those of what was done.
func (p *Planned) Apply(ctx context.Context, o ApplyOptions) (planner.Outputs, error) {
	outputs, err := applier.Apply(ctx, p.cloud, p.Plan, applier.Options{Parallelism: o.Parallelism, Drain: o.Drain, Events: o.Events})
	if err != nil {
		return outputs, err
	}
	unchanged, err := p.Outputs(ctx)
	if err != nil {
		return outputs, err
	}
	maps.Copy(unchanged, outputs)
	return unchanged, nil
}

// Outputs are what AWS alone can tell of what the plan leaves as it is, such as addresses.
func (p *Planned) Outputs(ctx context.Context) (planner.Outputs, error) {
	var refs []planner.Ref
	for _, c := range p.Changes {
		if c.Action == planner.NoOp {
			refs = append(refs, c.Address)
		}
	}
	outputs, err := p.cloud.Outputs(ctx, refs)
	if err != nil {
		return nil, fmt.Errorf("read what AWS alone knows: %w", explainCall(err))
	}
	return outputs, nil
}

// Outputs are what AWS alone can tell of all that belongs to a project.
func (a *Account) Outputs(ctx context.Context, project string) (planner.Outputs, error) {
	naming, err := a.identify(ctx)
	if err != nil {
		return nil, err
	}
	cloud := a.cloud(project, naming, nil)
	found, err := cloud.Find(ctx, project)
	if err != nil {
		return nil, fmt.Errorf("list what belongs to project %s: %w", project, explainCall(err))
	}
	refs, err := withOutputs(ctx, cloud, found)
	if err != nil {
		return nil, explainCall(err)
	}
	outputs, err := cloud.Outputs(ctx, refs)
	if err != nil {
		return nil, fmt.Errorf("read what AWS alone knows: %w", explainCall(err))
	}
	return outputs, nil
}

// withOutputs are those of a project's resources that AWS alone can tell something of. What was found of a function may be
// all that is left of it, such as its log group; of a function that is there, it may have a URL.
func withOutputs(ctx context.Context, cloud *aws.Cloud, found []planner.Ref) ([]planner.Ref, error) {
	var functions, refs []planner.Ref
	for _, ref := range found {
		switch ref.Kind {
		case planner.KindFunction:
			functions = append(functions, ref)
		case planner.KindHTTPAPI:
			refs = append(refs, ref)
		default: // nothing that is not known before
		}
	}
	live, err := cloud.Read(ctx, functions)
	if err != nil {
		return nil, err
	}
	for _, ref := range functions {
		if _, exists := live[ref]; exists {
			refs = append(refs, ref, planner.Ref{Kind: planner.KindFunctionURL, Name: ref.Name})
		}
	}
	return refs, nil
}
