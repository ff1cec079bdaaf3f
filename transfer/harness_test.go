//go:build linux

package transfer

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"golang.org/x/net/webdav"

	"github.com/scar-go/scar/local"
	"github.com/scar-go/scar/runtime/job"
	"github.com/scar-go/scar/runtime/storage"
)

const bucket = "photos"

// world is an embedded backend with one bucket, and a server of WebDAV.
type world struct {
	t      testing.TB
	url    string // of the backend
	client *s3.Client
	dav    string // the folder that the server of WebDAV serves
	stores *storage.Stores
	own    storage.S3Catalogue

	mu   sync.Mutex
	hook func(http.ResponseWriter, *http.Request) (done bool)
}

func newWorld(t testing.TB) *world {
	t.Helper()
	w := &world{t: t, dav: t.TempDir()}
	backend, err := local.Open(t.Context(), local.Options{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	front := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		w.mu.Lock()
		hook := w.hook
		w.mu.Unlock()
		if hook == nil || !hook(rw, r) {
			backend.ServeHTTP(rw, r)
		}
	}))
	dav := httptest.NewServer(&webdav.Handler{FileSystem: webdav.Dir(w.dav), LockSystem: webdav.NewMemLS()})
	t.Cleanup(func() {
		dav.Close()
		front.Close()
		if err := backend.Close(); err != nil {
			t.Error(err)
		}
	})
	w.url = front.URL
	w.client = s3.New(s3.Options{
		Region: local.DefaultRegion, BaseEndpoint: &front.URL, UsePathStyle: true, DisableLogOutputChecksumValidationSkipped: true,
		HTTPClient: &http.Client{Transport: Counting(http.DefaultTransport.(*http.Transport).Clone())},
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: local.AdminAccessKey, SecretAccessKey: local.AdminSecretKey}, nil
		}),
	})
	if _, err := w.client.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: aws.String(bucket)}); err != nil {
		t.Fatal(err)
	}
	w.own = storage.AccountS3(w.client)
	w.stores = storage.New(storage.Options{
		Getenv: func(string) string { return "" }, Transport: Counting,
		Providers: map[string]job.Provider{"webdav.nas": {Type: job.WebDAV, Endpoint: dav.URL}},
	})
	t.Cleanup(w.stores.Close)
	return w
}

func (w *world) open(ctx context.Context, at Place) (storage.Catalogue, error) {
	if at.Provider == OwnS3 {
		return w.own, nil
	}
	return storage.OpenCatalogue(ctx, w.stores, at.Provider)
}

// intercept has a function see every request to the backend before it is answered, and answer it if it likes to.
func (w *world) intercept(hook func(http.ResponseWriter, *http.Request) bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.hook = hook
}

func (w *world) putObject(key, content string) {
	w.t.Helper()
	_, err := w.client.PutObject(w.t.Context(), &s3.PutObjectInput{Bucket: aws.String(bucket), Key: &key, Body: strings.NewReader(content)})
	if err != nil {
		w.t.Fatalf("%q: %v", key, err)
	}
}

// objects are all objects below a place, by their path there.
func (w *world) objects(at string) map[string]string {
	w.t.Helper()
	place := w.place(at)
	store, err := w.open(w.t.Context(), place)
	if err != nil {
		w.t.Fatal(err)
	}
	found := map[string]string{}
	err = store.List(w.t.Context(), place.Bucket, place.Key, true, func(e storage.Entry) error {
		if e.Folder {
			return nil
		}
		var content bytes.Buffer
		if err := store.Stream(w.t.Context(), place.Bucket, e.Key, &content); err != nil {
			return err
		}
		found[strings.TrimPrefix(e.Key, place.Key)] = content.String()
		return nil
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return found
}

func (w *world) place(text string) Place {
	w.t.Helper()
	p, err := Parse(text)
	if err != nil {
		w.t.Fatal(err)
	}
	return p
}

// tree writes files below a new folder and returns it.
func tree(t testing.TB, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range files {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// files are all files below a folder, by their path there. Files that are no regular ones are left out.
func files(t testing.TB, dir string) map[string]string {
	t.Helper()
	found := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		name, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		file, err := os.Open(path)
		if err != nil {
			return err
		}
		defer file.Close()
		content, err := io.ReadAll(file)
		found[filepath.ToSlash(name)] = string(content)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// seen records what an observer is told.
type seen struct {
	mu     sync.Mutex
	found  int64
	moved  int64
	items  []Item
	failed map[string]string // what went wrong with each file, by From
	skips  map[string]string
}

func newSeen() *seen { return &seen{failed: map[string]string{}, skips: map[string]string{}} }

func (s *seen) Found(size int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.found += size
}

func (s *seen) Moved(n int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.moved += n
}

func (s *seen) Ended(item Item) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.items = append(s.items, item)
	if item.Err != nil {
		s.failed[item.From] = item.Err.Error()
	}
	if item.Skipped != "" {
		s.skips[item.From] = item.Skipped
	}
}

func equal(t testing.TB, what string, got, want map[string]string) {
	t.Helper()
	if maps.Equal(got, want) {
		return
	}
	show := func(m map[string]string) string {
		var lines []string
		for _, name := range slices.Sorted(maps.Keys(m)) {
			lines = append(lines, fmt.Sprintf("%q: %.40q", name, m[name]))
		}
		return strings.Join(lines, "\n  ")
	}
	t.Errorf("%s:\n  %s\nwant\n  %s", what, show(got), show(want))
}
