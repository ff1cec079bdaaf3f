package s3

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go"

	"github.com/scar-go/scar/local/clock"
	"github.com/scar-go/scar/local/store"
	"github.com/scar-go/scar/local/wire"
)

const account = "123456789012"

// credential finds who signed, and for which region, in an Authorization header or a presigned query.
var credential = regexp.MustCompile(`Credential=([^/&]+)(?:/|%2F)[0-9]+(?:/|%2F)([a-z0-9-]+)(?:/|%2F)s3`)

// frame stands for what is in front of the service: it says who calls. Access keys that begin with ROLE
// are sessions of a role.
func frame(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		call := wire.Call{Service: "s3", RequestID: "REQUEST1"}
		if m := credential.FindStringSubmatch(r.Header.Get("Authorization") + "&" + r.URL.RawQuery); m != nil {
			call.Region = m[2]
			call.Identity = wire.Identity{Account: account, AccessKey: m[1], ARN: "arn:aws:iam::" + account + ":root"}
			if strings.HasPrefix(m[1], "ROLE") {
				call.Identity.Role = "worker"
				call.Identity.ARN = "arn:aws:sts::" + account + ":assumed-role/worker/session"
			}
		}
		next.ServeHTTP(w, r.WithContext(wire.WithCall(r.Context(), call)))
	})
}

// functions stands for Lambda and all other targets: it keeps what it gets.
type functions struct {
	mu      sync.Mutex
	got     []invocation
	denied  map[string]bool // functions that S3 may not invoke
	failing int             // how many invocations fail before they succeed
	came    chan struct{}
}

type invocation struct {
	function, source string
	payload          string
}

func newFunctions() *functions {
	return &functions{denied: map[string]bool{}, came: make(chan struct{}, 10000)}
}

func (f *functions) Check(_ context.Context, arn, principal, source, owner string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if principal != "s3.amazonaws.com" || owner != account || !strings.HasPrefix(source, "arn:aws:s3:::") {
		return fmt.Errorf("asked about %s %s %s", principal, source, owner)
	}
	if f.denied[arn] {
		return wire.Errorf(http.StatusForbidden, "AccessDeniedException", "no statement allows it")
	}
	return nil
}

func (f *functions) Send(_ context.Context, arn string, payload []byte, source string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.failing > 0 {
		f.failing--
		return errors.New("the queue is full")
	}
	f.got = append(f.got, invocation{arn, source, string(payload)})
	f.came <- struct{}{}
	return nil
}

// wait returns all invocations once there are n.
func (f *functions) wait(t *testing.T, n int) []invocation {
	t.Helper()
	deadline := time.After(20 * time.Second)
	for {
		f.mu.Lock()
		got := append([]invocation(nil), f.got...)
		f.mu.Unlock()
		if len(got) >= n {
			return got
		}
		select {
		case <-f.came:
		case <-deadline:
			t.Fatalf("%d invocations came, want %d: %v", len(got), n, got)
		}
	}
}

// backend is a running service on a directory that can be opened again.
type backend struct {
	*Service
	dir  string
	url  string
	fn   *functions
	stop func()
}

type backendOption func(*Config)

func open(t testing.TB, dir string, fn *functions, options ...backendOption) *backend {
	t.Helper()
	db, err := store.Open(filepath.Join(dir, "state.db"))
	if err != nil {
		t.Fatal(err)
	}
	cfg := Config{
		DB: db, Dir: dir, Clock: clock.Real{}, Account: account, Region: "us-east-1", Targets: fn,
		Log: slog.New(slog.NewTextHandler(t.Output(), nil)),
	}
	for _, o := range options {
		o(&cfg)
	}
	service, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var run sync.WaitGroup
	run.Go(func() {
		if err := service.Run(ctx); err != nil {
			t.Error(err)
		}
	})
	server := httptest.NewServer(frame(service))
	b := &backend{Service: service, dir: dir, url: server.URL, fn: fn}
	b.stop = sync.OnceFunc(func() {
		server.Close()
		cancel()
		run.Wait()
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(b.stop)
	return b
}

func start(t testing.TB, options ...backendOption) *backend {
	return open(t, t.TempDir(), newFunctions(), options...)
}

// client is the SDK's client for an endpoint, as a user who sets nothing else gets it.
func client(endpoint, key, region string) *s3.Client {
	return s3.New(s3.Options{
		BaseEndpoint: aws.String(endpoint),
		Region:       region,
		Credentials:  credentials.NewStaticCredentialsProvider(key, "secret", ""),
		Retryer:      aws.NopRetryer{},
		UsePathStyle: true,
	})
}

func (b *backend) client() *s3.Client { return client(b.url, "ADMIN", "us-east-1") }

func makeBucket(t testing.TB, c *s3.Client, name string) {
	t.Helper()
	if _, err := c.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: &name}); err != nil {
		t.Fatal(err)
	}
}

func put(t testing.TB, c *s3.Client, bucket, key, body string) *s3.PutObjectOutput {
	t.Helper()
	out, err := c.PutObject(t.Context(), &s3.PutObjectInput{Bucket: &bucket, Key: &key, Body: strings.NewReader(body)})
	if err != nil {
		t.Fatalf("put %q: %v", key, err)
	}
	return out
}

// code is the code of an API error, or "" if there is no error.
func code(err error) string {
	var api smithy.APIError
	switch {
	case err == nil:
		return ""
	case errors.As(err, &api):
		return api.ErrorCode()
	}
	return err.Error()
}

func wantCode(t *testing.T, what string, err error, want string) {
	t.Helper()
	if got := code(err); got != want {
		t.Errorf("%s: got %q (%v), want %q", what, got, err, want)
	}
}

// lambdaRule is a rule for the function.
func lambdaRule(id, arn, prefix, suffix string, events ...types.Event) types.LambdaFunctionConfiguration {
	var rules []types.FilterRule
	if prefix != "" {
		rules = append(rules, types.FilterRule{Name: types.FilterRuleNamePrefix, Value: &prefix})
	}
	if suffix != "" {
		rules = append(rules, types.FilterRule{Name: types.FilterRuleNameSuffix, Value: &suffix})
	}
	out := types.LambdaFunctionConfiguration{LambdaFunctionArn: &arn, Events: events}
	if id != "" {
		out.Id = &id
	}
	if rules != nil {
		out.Filter = &types.NotificationConfigurationFilter{Key: &types.S3KeyFilter{FilterRules: rules}}
	}
	return out
}
