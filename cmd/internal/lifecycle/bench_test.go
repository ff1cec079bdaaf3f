package lifecycle

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/scar-go/scar/applier"
	"github.com/scar-go/scar/internal/proof"
	"github.com/scar-go/scar/planner"
)

// BenchmarkLocalRun processes 100 small files with cp in a real image: the whole command, from reading
// the file to the last result on the disk.
func BenchmarkLocalRun(b *testing.B) {
	const files = 100
	c := newCLI(b)
	c.debianImage("busybox.tar", "busybox-static")
	c.write("func.yaml", `
project: bench
functions:
  copy:
    image: ./busybox.tar
    run: cp "$INPUT_FILE_PATH" "$TMP_OUTPUT_DIR"
    input: [s3://bench/in/]
    output: [s3://bench/out/]
`)
	for i := range files {
		c.write(fmt.Sprintf("in/%03d.txt", i), "a small file\n")
	}
	c.run("scar", "local", "run", "--in", "in", "--out", "warm") // fills the caches of images
	b.ResetTimer()
	for i := range b.N {
		c.run("scar", "local", "run", "--in", "in", "--out", fmt.Sprintf("out%d", i))
	}
	b.StopTimer()
	b.ReportMetric(float64(files*b.N)/b.Elapsed().Seconds(), "files/s")
	results, err := os.ReadDir(filepath.Join(c.dir, "out0"))
	if err != nil || len(results) != files {
		b.Fatalf("%d results, %v", len(results), err)
	}
}

// BenchmarkEventRoundTrip is one small object, from its being stored to its result being there: notification, warm
// instance, runtime, cp in a real image, and every call of storage in between, in the backend that users run.
func BenchmarkEventRoundTrip(b *testing.B) {
	c := newCLI(b)
	c.debianImage("busybox.tar", "busybox-static")
	c.write("func.yaml", `
project: bench
functions:
  copy:
    image: ./busybox.tar
    run: cp "$INPUT_FILE_PATH" "$TMP_OUTPUT_DIR"
    input: [s3://bench/in/]
    output: [s3://bench/out/]
`)
	c.up()
	c.run("scar", "apply", "--local", "--auto-approve")
	client := s3.New(s3.Options{
		Region: c.variable("AWS_REGION"), BaseEndpoint: sdk.String(c.variable("AWS_ENDPOINT_URL")), UsePathStyle: true,
		Credentials: credentials.NewStaticCredentialsProvider(c.variable("AWS_ACCESS_KEY_ID"), c.variable("AWS_SECRET_ACCESS_KEY"), ""),
	})
	roundTrip := func(name string) {
		_, err := client.PutObject(b.Context(), &s3.PutObjectInput{
			Bucket: sdk.String("bench"), Key: sdk.String("in/" + name), Body: strings.NewReader("a small file\n"),
		})
		if err != nil {
			b.Fatal(err)
		}
		for end := time.Now().Add(time.Minute); ; time.Sleep(time.Millisecond) { // between two questions
			_, err := client.HeadObject(b.Context(), &s3.HeadObjectInput{Bucket: sdk.String("bench"), Key: sdk.String("out/" + name)})
			if err == nil {
				return
			}
			var missing *types.NotFound
			if !errors.As(err, &missing) || time.Now().After(end) {
				b.Fatalf("%s: no result: %v", name, err)
			}
		}
	}
	roundTrip("warm")
	for i := 0; b.Loop(); i++ {
		roundTrip(fmt.Sprint(i))
	}
}

// BenchmarkRequestRoundTrip is one request to a function URL, with a warm instance: the address, the event, the runtime, a
// script in a real image, and the way back. What a shell takes to start and end on this machine is the script's time.
func BenchmarkRequestRoundTrip(b *testing.B) {
	c := newCLI(b)
	c.debianImage("busybox.tar", "busybox-static")
	c.write("func.yaml", `
project: bench
functions:
  hello:
    image: ./busybox.tar
    run: exit
    http: {auth: none}
`)
	c.up()
	c.run("scar", "apply", "--local", "--auto-approve")
	url := strings.TrimSpace(c.run("scar", "outputs", "--local", "hello", "url"))
	backend := strings.TrimPrefix(c.variable("AWS_ENDPOINT_URL"), "http://")
	client := &http.Client{Transport: &http.Transport{
		// Names below localhost are this machine's, which not every resolver knows.
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, network, backend)
		},
	}}
	request := func() {
		answer, err := client.Get(url)
		if err != nil {
			b.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, answer.Body)
		if err := answer.Body.Close(); err != nil || answer.StatusCode != http.StatusOK {
			b.Fatalf("%s, %v", answer.Status, err)
		}
	}
	shell := func() {
		if err := exec.CommandContext(b.Context(), "/bin/sh", "-c", "exit").Run(); err != nil {
			b.Fatal(err)
		}
	}
	request()
	for b.Loop() {
		request()
	}
	b.StopTimer()
	over := median(101, request) - median(101, shell)
	b.ReportMetric(float64(over.Microseconds())/1000, "ms-over-script")
	proof.Count(b, "HTTP round trip over the script", float64(over.Microseconds())/1000, "ms")
}

// median is the time that a call takes, half the times less.
func median(times int, call func()) time.Duration {
	took := make([]time.Duration, times)
	for i := range took {
		begun := time.Now()
		call()
		took[i] = time.Since(begun)
	}
	slices.Sort(took)
	return took[times/2]
}

// BenchmarkChangedScript applies a change of the script and counts the bytes that go to the registry.
func BenchmarkChangedScript(b *testing.B) {
	w := newWorld(b)
	file := func(i int) *project {
		f := w.load(oneFunction)
		f.Functions[0].Script.Content = fmt.Appendf(nil, "#!/bin/sh\necho %d\n", i)
		return w.project(f)
	}
	w.converge(file(0))
	pushed := int64(0)
	i := 0
	for b.Loop() {
		i++
		p := file(i)
		var last int64
		events := func(e applier.Event) {
			if e.Change.Kind == planner.KindImage {
				last = max(last, e.Progress.Done)
			}
		}
		if _, err := applier.Apply(b.Context(), w.cloud(p), w.mustPlan(p), applier.Options{Events: events}); err != nil {
			b.Fatal(err)
		}
		pushed += last
	}
	b.ReportMetric(float64(pushed)/float64(i), "pushed-B/op")
	if pushed == 0 {
		b.Error("nothing was counted")
	}
}
