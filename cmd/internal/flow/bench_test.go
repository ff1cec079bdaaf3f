package flow

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/random"

	"github.com/scar-go/scar/internal/localtest"
	"github.com/scar-go/scar/internal/proof"
	"github.com/scar-go/scar/local"
	"github.com/scar-go/scar/spec"
)

const (
	benchFunctions = 100
	benchLatency   = 50 * time.Millisecond // of every call, as across a continent
	depthLatency   = 5 * time.Second
)

// BenchmarkLivePlan plans a project of functions with every trigger that is already applied, against a backend that takes
// its time for every call. What counts is how deep the calls are nested: rounds, one call waiting for another.
func BenchmarkLivePlan(b *testing.B) {
	ctx := b.Context()
	script := local.NewScript()
	account := benchAccount(b, script)
	file := benchFile(b, benchFunctions)
	planned, err := account.Plan(ctx, file, PlanOptions{})
	if err != nil {
		b.Fatal(err)
	}
	if _, err := planned.Apply(ctx, ApplyOptions{}); err != nil {
		b.Fatal(err)
	}
	script.Latency(benchLatency)
	script.Forget()
	for b.Loop() {
		planned, err := account.Plan(ctx, file, PlanOptions{})
		if err != nil {
			b.Fatal(err)
		}
		if planned.HasChanges() {
			b.Fatal("the plan after the apply is not empty")
		}
	}
	b.StopTimer()
	// So long that what the machine does between the calls does not count as a round.
	script.Latency(depthLatency)
	script.Forget()
	if _, err := account.Plan(ctx, file, PlanOptions{}); err != nil {
		b.Fatal(err)
	}
	calls := script.Calls()
	b.ReportMetric(float64(local.Depth(calls)), "rounds")
	b.ReportMetric(float64(len(calls))/benchFunctions, "calls/function")
	proof.Count(b, "rounds of a live plan", float64(local.Depth(calls)), "")
	proof.Count(b, "calls of a live plan for each function", float64(len(calls))/benchFunctions, "")
}

func benchAccount(b *testing.B, script *local.Script) *Account {
	b.Helper()
	account, err := Connect(b.Context(), Settings{
		Endpoint: &Endpoint{
			URL: localtest.Serve(b, local.Options{Script: script}), Region: local.DefaultRegion,
			AccessKey: local.AdminAccessKey, SecretKey: local.AdminSecretKey,
		},
		Version: "bench", Parallelism: 10 * benchFunctions, // no call waits for a free place
	})
	if err != nil {
		b.Fatal(err)
	}
	return account
}

// benchFunction is what each function has beside its name. Half of them are started directly and have a URL, the others
// are started by a queue and have an API.
func benchFunction(i int) string {
	start := "http: {auth: none, cors: true}, retries: {attempts: 1}, on_failure: s3://failed"
	if i%2 == 1 {
		start = fmt.Sprintf("queue: true, http: {api: api%03d}", i)
	}
	return fmt.Sprintf("{input: [s3://photos/in/f%03d/], output: [s3://photos/out/f%03d/], schedule: rate(1 hour), concurrency: 1, %s}", i, i, start)
}

// benchFile describes functions that share an image and their buckets. The image is random: what runs is none of it.
func benchFile(b *testing.B, functions int) *spec.File {
	b.Helper()
	dir := b.TempDir()
	image, err := random.Image(64, 1)
	if err != nil {
		b.Fatal(err)
	}
	config, err := image.ConfigFile()
	if err != nil {
		b.Fatal(err)
	}
	config.OS, config.Architecture = "linux", "amd64"
	if image, err = mutate.ConfigFile(image, config); err != nil {
		b.Fatal(err)
	}
	index := mutate.AppendManifests(empty.Index, mutate.IndexAddendum{Add: image})
	if _, err := layout.Write(filepath.Join(dir, "image.oci"), index); err != nil {
		b.Fatal(err)
	}
	var text strings.Builder
	fmt.Fprintf(&text, "project: bench\ndefaults: {image: %q, run: '#!/tmp/true'}\nfunctions:\n", filepath.Join(dir, "image.oci"))
	for i := range functions {
		fmt.Fprintf(&text, "  f%03d: %s\n", i, benchFunction(i))
	}
	file, err := spec.Load(b.Context(), []string{"-"}, spec.Options{Stdin: strings.NewReader(text.String())})
	if err != nil {
		b.Fatal(err)
	}
	return file
}
