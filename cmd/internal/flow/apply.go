package flow

import (
	"context"
	"time"

	"github.com/scar-go/scar/applier"
	"github.com/scar-go/scar/planner"
)

// ApplyOptions steer the carrying out of a plan.
type ApplyOptions struct {
	Parallelism int
	Drain       time.Duration
	Events      func(applier.Event)
}

// Apply carries out exactly this plan.
func (p *Planned) Apply(ctx context.Context, o ApplyOptions) (planner.Outputs, error) {
	return applier.Apply(ctx, p.cloud, p.Plan, applier.Options{Parallelism: o.Parallelism, Drain: o.Drain, Events: o.Events})
}
