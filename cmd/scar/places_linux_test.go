package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/scar-go/scar/internal/proof"
	"github.com/scar-go/scar/local/wire"
)

// bucketOf makes a bucket in the account, and a client that sees what is in it.
func (a *account) bucketOf(t testing.TB, name string) *s3.Client {
	t.Helper()
	client := s3.New(s3.Options{
		BaseEndpoint: aws.String(a.getenv("AWS_ENDPOINT_URL")), Region: a.getenv("AWS_REGION"), UsePathStyle: true,
		Credentials: credentials.NewStaticCredentialsProvider(a.getenv("AWS_ACCESS_KEY_ID"), a.getenv("AWS_SECRET_ACCESS_KEY"), ""),
	})
	if _, err := client.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: &name}); err != nil {
		t.Fatal(err)
	}
	return client
}

// largeFile is so large that it is moved in parts.
func largeFile(t testing.TB, path string, size int) {
	t.Helper()
	if err := os.WriteFile(path, bytes.Repeat([]byte("0123456789abcdef"), size/16), 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestInterruptedPut interrupts a put in the middle of a file that is sent in parts: none of them stays.
func TestInterruptedPut(t *testing.T) {
	a := newAccount(t)
	client := a.bucketOf(t, "photos")
	largeFile(t, filepath.Join(a.dir, "large"), 96<<20)
	shown := a.interrupted(t, "UploadPart", "put", "large", "s3://photos/in/")
	if !strings.Contains(shown, "error: interrupted: 0 files were put, the others were not: the same with --update goes on where it stopped") ||
		strings.Contains(shown, "context canceled") {
		t.Errorf("it says:\n%s", shown)
	}
	left, err := client.ListMultipartUploads(t.Context(), &s3.ListMultipartUploadsInput{Bucket: aws.String("photos")})
	if err != nil || len(left.Uploads) > 0 {
		t.Errorf("uploads are left: %+v, %v", left.Uploads, err)
	}
	if _, stderr, code := a.scar("put", "--update", "large", "s3://photos/in/"); code != exitOK {
		t.Errorf("the next put ended with %d:\n%s", code, stderr)
	}
}

// TestKilledGet kills a get in the middle of a file: what has its name is the former file, and the next get completes.
func TestKilledGet(t *testing.T) {
	a := newAccount(t)
	a.bucketOf(t, "photos")
	largeFile(t, filepath.Join(a.dir, "large"), 96<<20)
	if _, stderr, code := a.scar("put", "large", "s3://photos/in/"); code != exitOK {
		t.Fatal(stderr)
	}
	to := filepath.Join(a.dir, "to")
	if err := os.Mkdir(to, 0o755); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(to, "large"), "former")
	cmd := exec.Command("scar", "get", "s3://photos/in/large", "to")
	cmd.Dir, cmd.Env = a.dir, a.env
	started := make(chan struct{})
	var calls atomic.Int32
	a.script.Observe(func(c wire.Call) {
		if c.Operation != "GetObject" || calls.Add(1) != 3 {
			return
		}
		<-started
		if err := cmd.Process.Kill(); err != nil {
			t.Error(err)
		}
	})
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	close(started)
	if err := cmd.Wait(); err == nil || calls.Load() < 3 {
		t.Fatalf("it was not killed in the middle: %v after %d calls", err, calls.Load())
	}
	a.script.Observe(nil)
	if got, err := os.ReadFile(filepath.Join(to, "large")); err != nil || string(got) != "former" {
		t.Errorf("%d bytes have its name, %v", len(got), err)
	}
	if _, stderr, code := a.scar("get", "s3://photos/in/large", "to"); code != exitOK {
		t.Fatal(stderr)
	}
	if out, err := exec.Command("cmp", filepath.Join(a.dir, "large"), filepath.Join(to, "large")).CombinedOutput(); err != nil {
		t.Errorf("%v: %s", err, out)
	}
}

// TestApprovalOfRemoval asks on a terminal, and says how much it is about.
func TestApprovalOfRemoval(t *testing.T) {
	a := newAccount(t)
	client := a.bucketOf(t, "photos")
	for _, key := range []string{"in/a", "in/b"} {
		if _, err := client.PutObject(t.Context(), &s3.PutObjectInput{Bucket: aws.String("photos"), Key: &key, Body: strings.NewReader("x")}); err != nil {
			t.Fatal(err)
		}
	}
	left := func() int {
		t.Helper()
		out, err := client.ListObjectsV2(t.Context(), &s3.ListObjectsV2Input{Bucket: aws.String("photos")})
		if err != nil {
			t.Fatal(err)
		}
		return len(out.Contents)
	}
	cmd, shown, keyboard := onTerminal(t, a.dir, a.env, "rm", "-r", "s3://photos/in/")
	shown.await(t, "Do you want scar to remove 2 files (2 B) at s3://photos/in/?")
	if _, err := keyboard.Write([]byte("no\n")); err != nil {
		t.Fatal(err)
	}
	shown.await(t, "not approved: nothing was changed")
	if err := cmd.Wait(); err == nil || left() != 2 {
		t.Errorf("not approved: %v, %d are left", err, left())
	}
	cmd, shown, keyboard = onTerminal(t, a.dir, a.env, "rm", "-r", "s3://photos/in/")
	shown.await(t, `Only "yes" is taken as an answer`)
	if _, err := keyboard.Write([]byte("yes\n")); err != nil {
		t.Fatal(err)
	}
	shown.await(t, "2 files removed")
	if err := cmd.Wait(); err != nil || left() != 0 {
		t.Errorf("%v, %d are left", err, left())
	}
}

// TestProgressOfPut looks at the bar on a terminal while a file is under way, in bytes, and sees it go at the end.
func TestProgressOfPut(t *testing.T) {
	a := newAccount(t)
	a.bucketOf(t, "photos")
	largeFile(t, filepath.Join(a.dir, "large"), 96<<20)
	started := make(chan *screen, 1)
	var parts atomic.Int32
	a.script.Observe(func(c wire.Call) {
		if c.Operation != "UploadPart" || parts.Add(1) != 4 {
			return
		}
		shown := <-started
		if !shown.shows("put  [") || !shown.shows(" MiB / 96.0 MiB") {
			t.Errorf("it shows no progress:\n%q", shown)
		}
	})
	cmd, shown, _ := onTerminal(t, a.dir, a.env, "put", "large", "s3://photos/in/")
	started <- shown
	shown.await(t, "1 file put, 96.0 MB in ")
	if err := cmd.Wait(); err != nil {
		t.Error(err)
	}
	text := shown.String()
	if last := text[strings.LastIndex(text, " MiB / "):]; !strings.Contains(last, "\x1b[J1 file put, ") {
		t.Errorf("the bar stays:\n%q", last)
	}
}

// endpoint are the arguments that send the AWS CLI to the account: that of Debian 12 knows no variable for it.
func (a *account) endpoint() []string {
	for _, variable := range a.env {
		if url, found := strings.CutPrefix(variable, "AWS_ENDPOINT_URL="); found {
			return []string{"--endpoint-url", url}
		}
	}
	return nil
}

// TestAWSReadsWhatWasPut has the AWS CLI fetch what scar has put, and scar what the CLI has put.
func TestAWSReadsWhatWasPut(t *testing.T) {
	program, err := exec.LookPath("aws")
	if err != nil {
		t.Skip("the AWS CLI is not installed")
	}
	a := newAccount(t)
	a.bucketOf(t, "photos")
	cli := func(args ...string) {
		t.Helper()
		cmd := exec.Command(program, slices.Concat(a.endpoint(), args)...)
		cmd.Dir, cmd.Env = a.dir, append(os.Environ(), a.env...)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("aws %v: %v\n%s", args, err, out)
		}
	}
	source := filepath.Join(a.dir, "source")
	for name, size := range map[string]int{"small": 16, "a b/ü+&%": 32, "large": 80 << 20, "empty": 0} {
		path := filepath.Join(source, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		largeFile(t, path, size)
	}
	if _, stderr, code := a.scar("put", "-r", "source/", "s3://photos/ours/"); code != exitOK {
		t.Fatal(stderr)
	}
	cli("s3", "cp", "--quiet", "--recursive", "s3://photos/ours/", "theirs")
	cli("s3", "cp", "--quiet", "--recursive", "source", "s3://photos/theirs/")
	if _, stderr, code := a.scar("get", "-r", "s3://photos/theirs/", "ours"); code != exitOK {
		t.Fatal(stderr)
	}
	for _, copied := range []string{"theirs", "ours"} {
		if out, err := exec.Command("diff", "-r", source, filepath.Join(a.dir, copied)).CombinedOutput(); err != nil {
			t.Errorf("%s: %v\n%s", copied, err, out)
		}
	}
}

// beside runs a put by the AWS CLI and by scar, in turns, and reports how many times as fast scar is.
func beside(b *testing.B, name string, bytes int64, cli, ours []string, a *account) {
	b.Helper()
	program, err := exec.LookPath("aws")
	if err != nil {
		b.Skip("the AWS CLI is not installed")
	}
	run := func(program string, args []string) time.Duration {
		b.Helper()
		cmd := exec.Command(program, args...)
		cmd.Dir, cmd.Env = a.dir, append(os.Environ(), a.env...)
		began := time.Now()
		if out, err := cmd.CombinedOutput(); err != nil {
			b.Fatalf("%s %v: %v\n%s", program, args, err, out)
		}
		return time.Since(began)
	}
	var theirs, scars time.Duration
	b.SetBytes(bytes)
	for b.Loop() {
		theirs += run(program, slices.Concat(a.endpoint(), cli))
		scars += run("scar", ours)
	}
	ratio := theirs.Seconds() / scars.Seconds()
	b.ReportMetric(theirs.Seconds()/float64(b.N), "s/aws-s3-cp")
	b.ReportMetric(scars.Seconds()/float64(b.N), "s/scar-put")
	b.ReportMetric(ratio, "x-of-aws-s3-cp")
	proof.Count(b, name, ratio, "")
}

// benchAccount is an account for a benchmark.
func benchAccount(b *testing.B) *account {
	b.Helper()
	a := newAccount(b)
	a.bucketOf(b, "photos")
	return a
}

// BenchmarkPutThousand puts 1,000 files of 10 KB.
func BenchmarkPutThousand(b *testing.B) {
	const n, size = 1000, 10_000
	a := benchAccount(b)
	dir := filepath.Join(a.dir, "many")
	if err := os.Mkdir(dir, 0o755); err != nil {
		b.Fatal(err)
	}
	for i := range n {
		largeFile(b, filepath.Join(dir, fmt.Sprint(i)), size)
	}
	beside(b, "1,000 files put beside aws s3 cp", n*size, []string{"s3", "cp", "--quiet", "--recursive", "many", "s3://photos/cli/"},
		[]string{"put", "-r", "many/", "s3://photos/scar/"}, a)
}

// BenchmarkPutLarge puts one file of 2 GB, which is of zeros that the disk need not hold.
func BenchmarkPutLarge(b *testing.B) {
	const size = 2 << 30
	a := benchAccount(b)
	file, err := os.Create(filepath.Join(a.dir, "large"))
	if err == nil {
		err = errors.Join(file.Truncate(size), file.Close())
	}
	if err != nil {
		b.Fatal(err)
	}
	beside(b, "2 GB put beside aws s3 cp", size, []string{"s3", "cp", "--quiet", "large", "s3://photos/cli"}, []string{"put", "large", "s3://photos/scar"}, a)
}
