//go:build linux

package storage

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/scar-go/scar/internal/proof"
	"github.com/scar-go/scar/local"
	"github.com/scar-go/scar/runtime/job"
)

const gigabyte = 1 << 30

// embedded starts the embedded backend and returns its address and the account's own S3 on it.
func embedded(b *testing.B) (string, *S3) {
	b.Helper()
	handler, _ := startEmbedded(b)
	front := httptest.NewServer(handler)
	b.Cleanup(front.Close)
	stores := New(Options{Getenv: ownEnvironment(front.URL)})
	b.Cleanup(stores.Close)
	own, err := stores.Own()
	if err != nil {
		b.Fatal(err)
	}
	return front.URL, own
}

// awsCopy is a function that runs aws s3 cp, with its defaults, against a server.
func awsCopy(b *testing.B, endpoint string) func(from, to string) {
	b.Helper()
	program, err := exec.LookPath("aws")
	if err != nil {
		b.Skip("the AWS CLI is not installed")
	}
	home := b.TempDir()
	return func(from, to string) {
		cmd := exec.CommandContext(b.Context(), program, "s3", "cp", "--quiet", "--endpoint-url", endpoint, from, to)
		cmd.Env = append(os.Environ(), "HOME="+home, "AWS_CONFIG_FILE="+home+"/none", "AWS_REGION=us-east-1",
			"AWS_DEFAULT_REGION=us-east-1", "AWS_ACCESS_KEY_ID="+local.AdminAccessKey, "AWS_SECRET_ACCESS_KEY="+local.AdminSecretKey)
		if out, err := cmd.CombinedOutput(); err != nil {
			b.Fatalf("aws s3 cp: %v\n%s", err, out)
		}
	}
}

// compare runs a transfer of a gigabyte beside the same one by aws s3 cp, and reports under a name how many times as fast it is.
func compare(b *testing.B, name string, baseline, ours func()) {
	var theirs time.Duration
	var ratio float64
	b.Run("aws-s3-cp", func(b *testing.B) {
		b.SetBytes(gigabyte)
		for b.Loop() {
			baseline()
		}
		theirs = b.Elapsed() / time.Duration(b.N)
	})
	b.Run("scar", func(b *testing.B) {
		b.SetBytes(gigabyte)
		for b.Loop() {
			ours()
		}
		ratio = theirs.Seconds() / (b.Elapsed().Seconds() / float64(b.N))
		b.ReportMetric(ratio, "x-of-aws-s3-cp")
	})
	proof.Count(b, name, ratio, "")
}

func BenchmarkUpload1GB(b *testing.B) {
	endpoint, store := embedded(b)
	path, _ := randomFile(b, gigabyte)
	copyTo := awsCopy(b, endpoint)
	compare(b, "1 GB out beside aws s3 cp", func() {
		copyTo(path, "s3://"+bucket+"/k")
	}, func() {
		if _, err := store.Upload(b.Context(), bucket, "k", path); err != nil {
			b.Fatal(err)
		}
	})
}

func BenchmarkDownload1GB(b *testing.B) {
	endpoint, store := embedded(b)
	path, _ := randomFile(b, gigabyte)
	if _, err := store.Upload(b.Context(), bucket, "k", path); err != nil {
		b.Fatal(err)
	}
	copyTo := awsCopy(b, endpoint)
	compare(b, "1 GB in beside aws s3 cp", func() {
		copyTo("s3://"+bucket+"/k", path)
	}, func() {
		if _, err := store.Download(b.Context(), bucket, "k", path, anySize); err != nil {
			b.Fatal(err)
		}
	})
}

// BenchmarkSmallFiles stores 1,000 files of 10 KB each on a server whose answers take 20 ms, one after the other and as many
// at once as UploadsAtOnce says.
func BenchmarkSmallFiles(b *testing.B) {
	const n, size, latency = 1000, 10_000, 20 * time.Millisecond
	store := open(b, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		time.Sleep(latency)
		w.Header().Set("ETag", `"e"`)
	}))
	folder := b.TempDir()
	for i := range n {
		if err := os.WriteFile(filepath.Join(folder, fmt.Sprint(i)), content(byte(i), size), 0o600); err != nil {
			b.Fatal(err)
		}
	}
	all := func(ctx context.Context, atOnce int) {
		group, ctx := errgroup.WithContext(ctx)
		group.SetLimit(atOnce)
		for i := range n {
			group.Go(func() error {
				_, err := store.Upload(ctx, bucket, fmt.Sprintf("out/%d", i), filepath.Join(folder, fmt.Sprint(i)))
				return err
			})
		}
		if err := group.Wait(); err != nil {
			b.Fatal(err)
		}
	}
	var sequential time.Duration
	var ratio float64
	for _, atOnce := range []int{1, UploadsAtOnce} {
		b.Run(fmt.Sprintf("at-once=%d", atOnce), func(b *testing.B) {
			for b.Loop() {
				all(b.Context(), atOnce)
			}
			each := b.Elapsed() / time.Duration(b.N)
			if atOnce == 1 {
				sequential = each
			}
			b.ReportMetric(n/each.Seconds(), "files/s")
			ratio = sequential.Seconds() / each.Seconds()
			b.ReportMetric(ratio, "x-of-sequential")
		})
	}
	proof.Count(b, "1,000 small files beside one after the other", ratio, "")
}

// BenchmarkOpen is what the first use of each kind of storage costs.
func BenchmarkOpen(b *testing.B) {
	for _, p := range places() {
		if p.name == "s3.moto" || p.name == "webdav.apache" {
			continue
		}
		p.provider.Endpoint = "https://storage.example.org"
		b.Run(p.name, func(b *testing.B) {
			for b.Loop() {
				stores := New(Options{Getenv: environment(""), Providers: map[string]job.Provider{p.name: p.provider}, Secrets: vault{secretName: secret}})
				if _, err := stores.Open(b.Context(), p.name); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
