package flow

import (
	"context"
	"fmt"
	"runtime"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/scar-go/scar/planner"
	"github.com/scar-go/scar/spec"
)

// digestsOf are the digests of the secrets that a file brings, by the names of their parameters. Each takes some time on
// purpose, so they are made side by side.
func (a *Account) digestsOf(ctx context.Context, f *spec.File) (map[string]string, error) {
	digests := make(map[string]string, len(f.Parameters))
	var mu sync.Mutex
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(runtime.GOMAXPROCS(0))
	for _, p := range f.Parameters {
		group.Go(func() error {
			if err := ctx.Err(); err != nil {
				return err
			}
			digest, err := a.digests.Of(p.Name, p.Value.Reveal())
			mu.Lock()
			defer mu.Unlock()
			digests[p.Name] = digest
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	return digests, nil
}

// broughtBy are the secrets that a file brings, by the names of their parameters. They go to the account and nowhere else.
func broughtBy(f *spec.File) map[string]string {
	secrets := make(map[string]string, len(f.Parameters))
	for _, p := range f.Parameters {
		secrets[p.Name] = p.Value.Reveal()
	}
	return secrets
}

// checkSecretsOf refuses a file whose secrets are not those of a plan any more.
func (a *Account) checkSecretsOf(ctx context.Context, f *spec.File, p *planner.Plan) error {
	digests, err := a.digestsOf(ctx, f)
	if err != nil {
		return err
	}
	var moved []error
	for _, c := range p.Changes {
		want, isParameter := c.After.(planner.Parameter)
		if !isParameter || !writes(c.Action) {
			continue
		}
		switch digest, found := digests[want.Name]; {
		case !found:
			moved = append(moved, fmt.Errorf("the file does not bring the secret of %s any more: plan again", want.Name))
		case digest != want.Digest:
			moved = append(moved, fmt.Errorf("the secret of %s is not the planned one any more: plan again, or set its variable as it was", want.Name))
		}
	}
	return join(moved)
}
