package aws

import (
	"context"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/apigatewayv2"
	"github.com/aws/smithy-go/middleware"
)

// What API Gateway allows an account in a region, of all calls that manage APIs together (API Gateway developer guide,
// "Amazon API Gateway quotas").
const (
	apiCallsPerPace = 10 // a second, which is AWS's pace
	apiBurst        = 40
)

// pacedAPIs keeps calls of API Gateway within what it allows, however many APIs are read at once. Being throttled and
// trying again would take longer, and take from others in the account.
func pacedAPIs(pace time.Duration) func(*apigatewayv2.Options) {
	if pace <= 0 {
		pace = defaultPace
	}
	p := &pacer{interval: pace / apiCallsPerPace, burst: apiBurst}
	return func(o *apigatewayv2.Options) {
		o.APIOptions = append(o.APIOptions, func(stack *middleware.Stack) error {
			return stack.Initialize.Add(middleware.InitializeMiddlewareFunc("Pace",
				func(ctx context.Context, in middleware.InitializeInput, next middleware.InitializeHandler) (middleware.InitializeOutput, middleware.Metadata, error) {
					if err := p.wait(ctx); err != nil {
						return middleware.InitializeOutput{}, middleware.Metadata{}, err
					}
					return next.HandleInitialize(ctx, in)
				}), middleware.After)
		})
	}
}

// pacer lets calls through one in an interval, and burst of them at once after a rest.
type pacer struct {
	interval time.Duration
	burst    int

	mu   sync.Mutex
	last time.Time // when the last call may start; before now, as long as some of the burst is left
}

// wait returns when the next call may start.
func (p *pacer) wait(ctx context.Context) error {
	p.mu.Lock()
	now := time.Now()
	if rested := now.Add(-time.Duration(p.burst) * p.interval); p.last.Before(rested) {
		p.last = rested
	}
	p.last = p.last.Add(p.interval)
	pause := p.last.Sub(now)
	p.mu.Unlock()
	if pause <= 0 {
		return ctx.Err()
	}
	return sleep(ctx, pause)
}
