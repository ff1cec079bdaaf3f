package secret

import (
	"context"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"

	"github.com/scar-go/scar/internal/localtest"
	"github.com/scar-go/scar/local"
	"github.com/scar-go/scar/runtime/job"
)

// world is the embedded backend with a cache before it, and a clock that stands still.
type world struct {
	t       *testing.T
	script  *local.Script
	ssm     *ssm.Client
	manager *secretsmanager.Client
	env     map[string]string
	cache   *Cache

	mu       sync.Mutex
	now      time.Time
	warnings []string
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, script: local.NewScript(), now: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)}
	endpoint := w.serve()
	config := aws.Config{
		Region: local.DefaultRegion, BaseEndpoint: &endpoint,
		Credentials: credentials.NewStaticCredentialsProvider(local.AdminAccessKey, local.AdminSecretKey, ""),
	}
	w.ssm, w.manager = ssm.NewFromConfig(config), secretsmanager.NewFromConfig(config)
	w.env = map[string]string{
		"AWS_REGION": local.DefaultRegion, "AWS_ENDPOINT_URL": endpoint,
		"AWS_ACCESS_KEY_ID": local.AdminAccessKey, "AWS_SECRET_ACCESS_KEY": local.AdminSecretKey,
	}
	w.cache = New(Options{
		Getenv: func(name string) string { return w.env[name] },
		Now: func() time.Time {
			w.mu.Lock()
			defer w.mu.Unlock()
			return w.now
		},
		Warn: func(message string) {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.warnings = append(w.warnings, message)
		},
	})
	w.cache.services.maxPause = time.Millisecond
	return w
}

func (w *world) serve() (endpoint string) {
	w.t.Helper()
	return localtest.Serve(w.t, local.Options{Script: w.script})
}

// parameter stores a value in SSM, over one that is there.
func (w *world) parameter(name, value string) {
	w.t.Helper()
	_, err := w.ssm.PutParameter(context.Background(), &ssm.PutParameterInput{
		Name: &name, Value: &value, Type: types.ParameterTypeSecureString, Overwrite: aws.Bool(true)})
	if err != nil {
		w.t.Fatal(err)
	}
}

// secret makes a secret in Secrets Manager. Binary is used if there is no text.
func (w *world) secret(name, text string, binary []byte) {
	w.t.Helper()
	in := &secretsmanager.CreateSecretInput{Name: &name, SecretBinary: binary}
	if text != "" {
		in.SecretString = &text
	}
	if _, err := w.manager.CreateSecret(context.Background(), in); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) advance(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.now = w.now.Add(d)
}

func (w *world) takeWarnings() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	taken := slices.Clone(w.warnings)
	w.warnings = nil
	return taken
}

// want checks a value.
func (w *world) want(s job.Secret, value string) {
	w.t.Helper()
	got, err := w.cache.Get(context.Background(), s)
	if err != nil || got != value {
		w.t.Errorf("%s: %q, %v; want %q", s, got, err, value)
	}
}

// fetches is how often a value was asked for since the last time, attempts of one fetch included.
func (w *world) fetches() int {
	count := local.Count(w.script.Calls())
	w.script.Forget()
	return count["ssm:GetParameter"] + count["secretsmanager:GetSecretValue"]
}

func parameter(name string) job.Secret { return job.Secret{Service: job.SSM, Name: name} }
