package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"golang.org/x/sync/errgroup"

	"github.com/scar-go/scar/local/wire"
	"github.com/scar-go/scar/runs"
)

// TestKilledSweep runs a function over 5,000 objects, kills the process twice in the middle, and goes on. The ledger has each object
// once; the function ran once for each, or the ledger has the reason.
func TestKilledSweep(t *testing.T) {
	const objects = 5000
	a := newAccount(t)
	a.toolProject(t)
	a.fill(t, objects)
	if _, stderr, code := a.scar("apply", "--auto-approve"); code != exitOK {
		t.Fatalf("apply ended with %d:\n%s", code, stderr)
	}
	for _, after := range []int64{1500, 1000} {
		a.killSweep(t, after)
	}
	stdout, stderr, code := a.scar("run", "upper", "--all", "--json", "--concurrency", "8")
	var end struct {
		Run     string
		Resumed bool
		runs.Tally
	}
	if err := json.Unmarshal([]byte(stdout), &end); err != nil || code != exitError { // some fail
		t.Fatalf("%v, exit code %d:\n%s%s", err, code, stdout, stderr)
	}
	if want := (runs.Tally{Done: objects - 50, Failed: 50}); !end.Resumed || end.Tally != want {
		t.Errorf("%+v, want %+v", end, want)
	}
	again := 0
	for key, e := range a.ledger(t, end.Run) {
		switch {
		case e.Attempts != 1 && (e.Attempts != 2 || e.Reason == ""):
			t.Errorf("%s: %d attempts without a reason: %+v", key, e.Attempts, e)
		case e.Attempts == 2:
			again++
		}
		want := runs.Done
		if strings.Contains(key, "/bad") {
			want = runs.Failed
		}
		if e.Status != want {
			t.Errorf("%s: %+v", key, e)
		}
	}
	t.Logf("%d objects of %d were sent twice, for the reason that the ledger has", again, objects)

	// What failed is tried again, and nothing else.
	stdout, stderr, code = a.scar("retry", end.Run, "--failed", "--json")
	if err := json.Unmarshal([]byte(stdout), &end); err != nil || code != exitError || end.Tally != (runs.Tally{Failed: 50}) {
		t.Errorf("%v, exit code %d, %+v:\n%s%s", err, code, end, stdout, stderr)
	}
	for key, e := range a.ledger(t, end.Run) {
		if !strings.Contains(key, "/bad") || e.Attempts < 2 {
			t.Errorf("%s: %+v", key, e)
		}
	}
	stdout, _, _ = a.scar("runs", end.Run, "--failed")
	if n := strings.Count(stdout, "Scar.ScriptFailed: the script ended with exit code 3"); n != 50 {
		t.Errorf("%d failures are shown:\n%.2000s", n, stdout)
	}
	if stdout, _, _ = a.scar("runs"); strings.Count(stdout, " finished") != 2 {
		t.Errorf("scar runs:\n%s", stdout)
	}
}

// killSweep kills a run after a number of invocations.
func (a *account) killSweep(t *testing.T, after int64) {
	t.Helper()
	cmd := exec.Command("scar", "run", "upper", "--all", "--concurrency", "8")
	var stderr bytes.Buffer
	cmd.Dir, cmd.Env, cmd.Stderr = a.dir, a.env, &stderr
	var made atomic.Int64
	started := make(chan struct{})
	a.script.Observe(func(c wire.Call) {
		<-started
		if c.Operation == "Invoke" && made.Add(1) == after {
			_ = cmd.Process.Kill() // it may have ended, which is found out below
		}
	})
	defer a.script.Observe(nil)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	close(started)
	var exit *exec.ExitError
	if err := cmd.Wait(); !errors.As(err, &exit) || exit.ExitCode() != -1 {
		t.Fatalf("it ended by itself: %v\n%s", err, &stderr)
	}
}

// ledger is what scar runs says of each object of a run.
func (a *account) ledger(t *testing.T, id string) map[string]runs.Entry {
	t.Helper()
	stdout, stderr, code := a.scar("runs", id, "--json")
	if code != exitOK {
		t.Fatalf("scar runs %s ended with %d:\n%s", id, code, stderr)
	}
	found := map[string]runs.Entry{}
	for d := json.NewDecoder(strings.NewReader(stdout)); ; {
		var e runs.Entry
		if err := d.Decode(&e); errors.Is(err, io.EOF) {
			return found
		} else if err != nil {
			t.Fatal(err)
		}
		if _, twice := found[e.Key]; twice {
			t.Errorf("%s is in the ledger twice", e.Key)
		}
		found[e.Key] = e
	}
}

// toolProject writes a file whose function runs the tool of the tests.
func (a *account) toolProject(t *testing.T) {
	t.Helper()
	program := filepath.Join(a.dir, "tool")
	build := exec.Command("go", "build", "-trimpath", "-ldflags=-s -w", "-o", program, ".")
	build.Dir, build.Env = sourceDir(), append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build the tool: %v\n%s", err, out)
	}
	content, err := os.ReadFile(program)
	if err != nil {
		t.Fatal(err)
	}
	layer, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) {
		archive, err := toolArchive(content)
		return io.NopCloser(archive), err
	})
	if err != nil {
		t.Fatal(err)
	}
	image, err := mutate.AppendLayers(empty.Image, layer)
	if err != nil {
		t.Fatal(err)
	}
	config, err := image.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	config = config.DeepCopy()
	config.OS, config.Architecture, config.Config = "linux", "amd64", v1.Config{Entrypoint: []string{"/tool"}}
	if image, err = mutate.ConfigFile(image, config); err != nil {
		t.Fatal(err)
	}
	if err := tarball.WriteToFile(filepath.Join(a.dir, "tool.tar"), nil, image); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(a.dir, "func.yaml"), `
project: imaging
functions:
  upper:
    image: ./tool.tar
    timeout: 10
    input: [s3://texts/in/]
    output: [s3://texts/out/]
`)
}

// fill puts objects into the input, one in a hundred of which the tool fails for.
func (a *account) fill(t *testing.T, objects int) {
	t.Helper()
	client := s3.New(s3.Options{
		BaseEndpoint: aws.String(a.getenv("AWS_ENDPOINT_URL")), Region: a.getenv("AWS_REGION"), UsePathStyle: true,
		Credentials: credentials.NewStaticCredentialsProvider(a.getenv("AWS_ACCESS_KEY_ID"), a.getenv("AWS_SECRET_ACCESS_KEY"), ""),
	})
	bucket := aws.String("texts")
	if _, err := client.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: bucket}); err != nil {
		t.Fatal(err)
	}
	var group errgroup.Group
	group.SetLimit(16)
	for i := range objects {
		name := "file"
		if i%100 == 7 {
			name = "bad"
		}
		group.Go(func() error {
			_, err := client.PutObject(t.Context(), &s3.PutObjectInput{
				Bucket: bucket, Key: aws.String(fmt.Sprintf("in/%04d/%s.txt", i, name)), Body: strings.NewReader("hello"),
			})
			return err
		})
	}
	if err := group.Wait(); err != nil {
		t.Fatal(err)
	}
}
