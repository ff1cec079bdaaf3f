package aws

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/ratelimit"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
)

// How long things may take before they are an error. They are what the services need at worst, with
// room, and are those of terraform-provider-aws where it had to find out.
const (
	roleWait       = 5 * time.Minute  // until Lambda can assume a new role
	principalWait  = 2 * time.Minute  // until IAM knows a new principal
	functionWait   = 10 * time.Minute // until a function is active or updated: Lambda optimises its image first
	busyWait       = 5 * time.Minute  // until another change of the same function is through
	deleteWait     = 1 * time.Minute  // until what was attached to a deleted thing is forgotten
	permissionWait = 1 * time.Minute  // until S3 sees that it may call a function
	documentWait   = 3 * time.Minute  // until a bucket's notifications are as they should be
	queueWait      = 2 * time.Minute  // until the name of a deleted queue is free (a minute), and until a new queue is seen
	mappingWait    = 5 * time.Minute  // until an event source mapping is enabled, disabled or gone
	reserveWait    = 2 * time.Minute  // until executions that another function gives back can be reserved
	parameterWait  = 1 * time.Minute  // until tags can be put on a new parameter
	groupWait      = 5 * time.Minute  // until a schedule group of that name is gone
)

// Defaults of Options.
const (
	defaultPace   = time.Second
	defaultSettle = 2 * time.Minute
)

// The longest pause between two tries, in paces.
const maxPause = 5

// patience is how scar waits for AWS: the one policy for everything that has to be asked again.
// Pauses double from one pace up to maxPause paces, and each is cut by up to a half at random, so that
// what failed together is not tried again together.
type patience struct {
	pace   time.Duration // first pause
	settle time.Duration // how long a change may take to be visible everywhere
}

// until calls step, with pauses, until it is done or fails. When the bound is over it returns what
// step said last, wrapped.
func (p patience) until(ctx context.Context, bound time.Duration, step func() (done bool, why error, err error)) error {
	deadline := time.Now().Add(bound)
	for n := 0; ; n++ {
		done, why, err := step()
		if err != nil || done {
			return err
		}
		pause := p.pause(n)
		if time.Now().Add(pause).After(deadline) {
			return fmt.Errorf("gave up after %s: %w", bound, why)
		}
		if err := sleep(ctx, pause); err != nil {
			return fmt.Errorf("%w (while waiting because: %w)", err, why)
		}
	}
}

// retry calls op, with pauses, as long as it fails in a way that again says will pass.
func (p patience) retry(ctx context.Context, bound time.Duration, again func(error) bool, op func() error) error {
	return p.until(ctx, bound, func() (bool, error, error) {
		err := op()
		if err != nil && again(err) {
			return false, err, nil
		}
		return true, nil, err
	})
}

func (p patience) pause(n int) time.Duration {
	full := p.pace * time.Duration(min(1<<min(n, 10), maxPause))
	return full/2 + rand.N(full/2+1)
}

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// any of several predicates.
func either(predicates ...func(error) bool) func(error) bool {
	return func(err error) bool {
		for _, p := range predicates {
			if p(err) {
				return true
			}
		}
		return false
	}
}

// The SDK's part: throttles, lost connections and faults of the service are repeated inside each call.
const (
	maxAttempts = 10
	maxBackoff  = 20 * time.Second
)

// newRetryer is the SDK's standard retryer with more attempts, because a plan of a hundred functions
// runs into Lambda's 15 calls a second by itself; without its quota of retries, which many throttled
// calls at once would use up; and without quotas of the account and refused connections among what it
// repeats.
func newRetryer() aws.Retryer {
	return retry.NewStandard(func(o *retry.StandardOptions) {
		o.MaxAttempts = maxAttempts
		o.MaxBackoff = maxBackoff
		o.RateLimiter = ratelimit.None
		o.Retryables = append([]retry.IsErrorRetryable{retry.IsErrorRetryableFunc(func(err error) aws.Ternary {
			if isQuota(err) || isRefused(err) {
				return aws.FalseTernary
			}
			return aws.UnknownTernary
		})}, o.Retryables...)
	})
}
