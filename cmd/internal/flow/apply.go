package flow

import (
	"context"
	"fmt"
	"maps"
	"time"

	"github.com/scar-go/scar/applier"
	"github.com/scar-go/scar/planner"
)

// ApplyOptions steer the carrying out of a plan.
type ApplyOptions struct {
	Parallelism int
	Drain       time.Duration
	Events      func(applier.Event)
	Preheated   Preheated // may be nil
}

// Apply carries out exactly this plan, then starts the functions that want to be preheated. Its outputs are those of all that is there then, of what did not change too; after
// an error, those of what was done.
func (p *Planned) Apply(ctx context.Context, o ApplyOptions) (Outputs, error) {
	outputs, err := applier.Apply(ctx, p.cloud, p.Plan, applier.Options{Parallelism: o.Parallelism, Drain: o.Drain, Events: o.Events})
	if err != nil {
		return p.outputs(outputs), err
	}
	p.account.preheat(ctx, p.Plan, o.Parallelism, o.Preheated)
	unchanged, err := p.Outputs(ctx)
	if err != nil {
		return p.outputs(outputs), err
	}
	maps.Copy(unchanged.Resources, outputs)
	return p.outputs(unchanged.Resources), nil
}

// Outputs are what AWS alone can tell of what the plan leaves as it is, such as addresses.
func (p *Planned) Outputs(ctx context.Context) (Outputs, error) {
	var refs []planner.Ref
	for _, c := range p.Changes {
		if c.Action == planner.NoOp {
			refs = append(refs, c.Address)
		}
	}
	outputs, err := p.cloud.Outputs(ctx, refs)
	if err != nil {
		return Outputs{}, fmt.Errorf("read what AWS alone knows: %w", explainCall(err))
	}
	return p.outputs(outputs), nil
}
