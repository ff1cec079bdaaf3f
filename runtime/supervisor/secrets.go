package supervisor

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/scar-go/scar/runtime/job"
	"github.com/scar-go/scar/runtime/storage"
)

// secretsAtOnce is how many secrets are fetched at once. Systems Manager answers 40 calls per second in an account that has
// not asked for more, and many instances may start together.
const secretsAtOnce = 8

// fetchSecrets gets the secrets that become variables of the script. Options.Secrets keeps them for a while, so that a
// run seldom waits; they are in no variable of this process, no file and no line of the log.
func (t *task) fetchSecrets(ctx context.Context) error {
	if len(t.Job.Secrets) == 0 {
		return nil
	}
	ctx, cancel := context.WithDeadline(ctx, t.stop)
	defer cancel()
	names := slices.Sorted(maps.Keys(t.Job.Secrets))
	values := make([]string, len(names))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(secretsAtOnce)
	for i, name := range names {
		group.Go(func() (err error) {
			values[i], err = t.fetchSecret(ctx, name, t.Job.Secrets[name])
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	t.secrets = make(map[string]string, len(names))
	for i, name := range names {
		t.secrets[name] = values[i]
	}
	return nil
}

func (t *task) fetchSecret(ctx context.Context, name string, s job.Secret) (string, error) {
	if t.Options.Secrets == nil {
		return "", fmt.Errorf("the variable %s is to hold %s: %w", name, s, errors.New("this runtime has no access to secrets"))
	}
	value, err := t.Options.Secrets.Get(ctx, s)
	switch {
	case err != nil:
		return "", fmt.Errorf("the variable %s cannot be set: %w", name, err) // which names the secret
	case strings.Contains(value, "\x00"):
		return "", fmt.Errorf("the variable %s is to hold %s: its value has a zero byte, which no variable can hold", name, s)
	case len(name)+len(value)+2 > maxVariable:
		return "", fmt.Errorf("the variable %s is to hold %s: its value is larger than a variable can be, %d bytes", name, s, maxVariable-len(name)-2)
	}
	return value, nil
}

// storageSecrets gives the providers of files their credentials. A credential that cannot be fetched is told from a file that
// cannot be.
type storageSecrets struct{ from storage.Secrets }

func (s storageSecrets) Get(ctx context.Context, secret job.Secret) (string, error) {
	value, err := s.from.Get(ctx, secret)
	if err != nil {
		return "", &job.Error{Type: job.ErrSecret, Message: err.Error()}
	}
	return value, nil
}

// openStore opens the store of a provider.
func (t *task) openStore(ctx context.Context, provider string) (storage.Store, error) {
	store, err := t.stores.Open(ctx, provider)
	var secret *job.Error
	if errors.As(err, &secret) {
		return nil, &job.Error{Type: secret.Type, Message: fmt.Sprintf("storage provider %q: %s", provider, secret.Message)}
	}
	return store, err
}

// openOutputs opens the stores of all outputs, which fetches their credentials but calls none of them: a script should
// not run for long only to find that there is nowhere to put its results.
func (t *task) openOutputs(ctx context.Context) error {
	ctx, cancel := context.WithDeadline(ctx, t.stop)
	defer cancel()
	seen := map[string]bool{job.OwnS3: true} // which has no credentials to be fetched
	for _, out := range t.Job.Outputs {
		if seen[out.Provider] {
			continue
		}
		seen[out.Provider] = true
		if _, err := t.openStore(ctx, out.Provider); err != nil {
			return err
		}
	}
	return nil
}
