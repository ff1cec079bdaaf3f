package lambda

import (
	"archive/tar"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"

	"github.com/scar-go/scar/local/clock"
	"github.com/scar-go/scar/local/sandbox"
	"github.com/scar-go/scar/local/store"
	"github.com/scar-go/scar/local/wire"
)

const (
	functionVar = "SCAR_TEST_FUNCTION" // path of the program in the images
	roleARN     = "arn:aws:iam::000000000000:role/scar/p/r"
	imageURI    = "000000000000.dkr.ecr.us-east-1.amazonaws.com/p:latest"
)

func TestMain(m *testing.M) {
	sandbox.Main()
	if serveUntilKilled() {
		return
	}
	code, err := buildAndRun(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

func buildAndRun(m *testing.M) (code int, err error) {
	if os.Getenv(functionVar) != "" { // a worker of a fuzzer, whose parent has built it
		return m.Run(), nil
	}
	dir, err := os.MkdirTemp("", "scar-lambda-test-")
	if err != nil {
		return 1, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	program := filepath.Join(dir, "function")
	build := exec.Command("go", "build", "-o", program, "./testdata/function")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return 1, fmt.Errorf("build %s: %w\n%s", program, err, out)
	}
	if err := os.Setenv(functionVar, program); err != nil {
		return 1, err
	}
	return m.Run(), nil
}

// functionImage is made of nothing but a static binary.
var functionImage = sync.OnceValues(func() (v1.Image, error) {
	program, err := os.ReadFile(os.Getenv(functionVar))
	if err != nil {
		return nil, err
	}
	var buf bytes.Buffer
	w := tar.NewWriter(&buf)
	header := &tar.Header{Name: "function", Mode: 0o755, Size: int64(len(program)), Typeflag: tar.TypeReg}
	if err := w.WriteHeader(header); err != nil {
		return nil, err
	}
	if _, err := w.Write(program); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	layer, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(buf.Bytes())), nil })
	if err != nil {
		return nil, err
	}
	img, err := mutate.AppendLayers(empty.Image, layer)
	if err != nil {
		return nil, err
	}
	file, err := img.ConfigFile()
	if err != nil {
		return nil, err
	}
	file = file.DeepCopy()
	file.Architecture, file.OS = runtime.GOARCH, "linux"
	file.Config = v1.Config{Entrypoint: []string{"/function"}, Env: []string{"FROM_IMAGE=yes", "OVERRIDDEN=image", "PATH=/bin"}, WorkingDir: "/"}
	return mutate.ConfigFile(img, file)
})

type fakeAccount struct {
	mu      sync.Mutex
	denied  bool
	events  []LogEvent
	streams map[string]bool
	groups  map[string]bool
}

var errDenied = wire.Errorf(http.StatusBadRequest, "InvalidParameterValueException", "The role defined for the function cannot be assumed by Lambda.")

func (a *fakeAccount) Session(_ context.Context, role, service, _ string) (Credentials, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.denied || role != roleARN || service != servicePrincipal {
		return Credentials{}, errDenied
	}
	return Credentials{"AKID", "SECRET", "TOKEN", time.Now().Add(12 * time.Hour)}, nil
}

func (a *fakeAccount) Image(_ context.Context, uri string) (v1.Image, error) {
	img, err := functionImage()
	if err != nil {
		return nil, err
	}
	digest, err := img.Digest()
	if err != nil {
		return nil, err
	}
	if uri != imageURI && !strings.HasSuffix(uri, "/p@"+digest.String()) {
		return nil, errors.New("no such image")
	}
	return img, nil
}

func (a *fakeAccount) Append(_ context.Context, group, stream string, events []LogEvent) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.streams == nil {
		a.streams, a.groups = map[string]bool{}, map[string]bool{}
	}
	a.streams[stream], a.groups[group] = true, true
	a.events = append(a.events, events...)
	return nil
}

func (a *fakeAccount) log() string {
	a.mu.Lock()
	defer a.mu.Unlock()
	var b strings.Builder
	for _, e := range a.events {
		b.WriteString(e.Message)
	}
	return b.String()
}

type bench struct {
	tb      testing.TB
	account *fakeAccount
	db      *store.DB
	cfg     Config
	service *Service
	client  *lambda.Client

	mu   sync.Mutex
	done []Invocation
}

// invocations are those that have ended so far.
func (b *bench) invocations() []Invocation {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.done)
}

func newBench(tb testing.TB, change func(*Config)) *bench {
	tb.Helper()
	b := &bench{tb: tb, account: &fakeAccount{}}
	dir := tb.TempDir()
	db, err := store.Open(filepath.Join(dir, "state.db"))
	if err != nil {
		tb.Fatal(err)
	}
	cfg := Config{
		DB: db, Clock: clock.Real{}, Account: "000000000000", Region: "us-east-1",
		Endpoint: func() string { return "http://127.0.0.1:1" },
		Roles:    b.account, Images: b.account, Logs: b.account, Cache: sharedCache(tb),
		RetryDelays: []time.Duration{time.Millisecond, time.Millisecond}, Concurrency: 4,
		OnDone: func(i Invocation) {
			b.mu.Lock()
			defer b.mu.Unlock()
			b.done = append(b.done, i)
		},
	}
	if change != nil {
		change(&cfg)
	}
	b.db, b.cfg = cfg.DB, cfg
	if b.service, err = New(tb.Context(), cfg); err != nil {
		tb.Fatal(err)
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { b.service.ServeHTTP(w, r) }))
	tb.Cleanup(func() {
		server.Close()
		if err := errors.Join(b.service.Close(), b.db.Close()); err != nil {
			tb.Error(err)
		}
	})
	b.client = lambda.New(lambda.Options{
		Region: "us-east-1", BaseEndpoint: &server.URL, RetryMaxAttempts: 1,
		Credentials: credentials.NewStaticCredentialsProvider("a", "b", ""),
	})
	return b
}

// reopen ends the service and starts another on its state.
func (b *bench) reopen() {
	b.tb.Helper()
	if err := b.service.Close(); err != nil {
		b.tb.Fatal(err)
	}
	var err error
	if b.service, err = New(b.tb.Context(), b.cfg); err != nil {
		b.tb.Fatal(err)
	}
}

// sharedCache is one folder for all tests, since their images are the same.
func sharedCache(tb testing.TB) string {
	tb.Helper()
	return filepath.Join(filepath.Dir(os.Getenv(functionVar)), "cache")
}

func (b *bench) create(name string, change func(*lambda.CreateFunctionInput)) *lambda.CreateFunctionOutput {
	b.tb.Helper()
	out, err := b.tryCreate(name, change)
	if err != nil {
		b.tb.Fatal(err)
	}
	return out
}

func (b *bench) tryCreate(name string, change func(*lambda.CreateFunctionInput)) (*lambda.CreateFunctionOutput, error) {
	in := &lambda.CreateFunctionInput{
		FunctionName: &name, Role: aws.String(roleARN), PackageType: types.PackageTypeImage,
		Code: &types.FunctionCode{ImageUri: aws.String(imageURI)}, Timeout: aws.Int32(20),
	}
	if runtime.GOARCH == "arm64" {
		in.Architectures = []types.Architecture{types.ArchitectureArm64}
	}
	if change != nil {
		change(in)
	}
	return b.client.CreateFunction(b.tb.Context(), in)
}

func (b *bench) invoke(name string, payload any) *lambda.InvokeOutput {
	b.tb.Helper()
	out, err := b.client.Invoke(b.tb.Context(), &lambda.InvokeInput{FunctionName: &name, Payload: encode(b.tb, payload), LogType: types.LogTypeTail})
	if err != nil {
		b.tb.Fatal(err)
	}
	return out
}

type testEvent struct {
	Do   string
	Name string
	Size int
}

type testAnswer struct {
	Count int
	Text  string
}

// call invokes and expects success.
func (b *bench) call(name string, e testEvent) testAnswer {
	b.tb.Helper()
	out := b.invoke(name, e)
	if out.FunctionError != nil {
		b.tb.Fatalf("%+v: %s", e, out.Payload)
	}
	var a testAnswer
	if err := json.Unmarshal(out.Payload, &a); err != nil {
		b.tb.Fatalf("%+v: %s: %v", e, out.Payload, err)
	}
	return a
}

// fail invokes and expects a failure.
func (b *bench) fail(name string, e testEvent) failure {
	b.tb.Helper()
	out := b.invoke(name, e)
	if aws.ToString(out.FunctionError) != unhandled {
		b.tb.Fatalf("%+v: no failure: %s", e, out.Payload)
	}
	var f failure
	if err := json.Unmarshal(out.Payload, &f); err != nil {
		b.tb.Fatalf("%+v: %s: %v", e, out.Payload, err)
	}
	return f
}

func encode(tb testing.TB, v any) []byte {
	tb.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		tb.Fatal(err)
	}
	return b
}

// eventually polls until a condition holds.
func eventually(tb testing.TB, what string, holds func() bool) {
	tb.Helper()
	for deadline := time.Now().Add(20 * time.Second); !holds(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(deadline) {
			tb.Fatalf("never came: %s", what)
		}
	}
}
