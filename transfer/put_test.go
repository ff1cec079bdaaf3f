//go:build linux

package transfer

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
)

// TestNamesOfPut holds the table in the help of scar put.
func TestNamesOfPut(t *testing.T) {
	w := newWorld(t)
	for i, c := range []struct {
		paths []string
		to    string // below a folder of its own
		want  map[string]string
	}{
		{[]string{"x.jpg"}, "in/", map[string]string{"in/x.jpg": "x"}},
		{[]string{"x.jpg"}, "in", map[string]string{"in": "x"}},
		{[]string{"raw"}, "in/", map[string]string{"in/raw/a": "a", "in/raw/d/b": "b"}},
		{[]string{"raw/"}, "in/", map[string]string{"in/a": "a", "in/d/b": "b"}},
		{[]string{"raw"}, "in", map[string]string{"in/a": "a", "in/d/b": "b"}},
		{[]string{"raw/."}, "in/", map[string]string{"in/a": "a", "in/d/b": "b"}},
		{[]string{"raw", "x.jpg"}, "in/", map[string]string{"in/raw/a": "a", "in/raw/d/b": "b", "in/x.jpg": "x"}},
		{[]string{"raw/", "other/"}, "", map[string]string{"a": "a", "d/b": "b", "c": "c"}},
	} {
		t.Chdir(tree(t, map[string]string{"x.jpg": "x", "raw/a": "a", "raw/d/b": "b", "other/c": "c"}))
		for _, provider := range []string{"s3://" + bucket, "webdav.nas"} {
			root := fmt.Sprintf("%s/%d/", provider, i)
			s := newSeen()
			tally, err := Put(t.Context(), c.paths, w.place(root+c.to), w.open, Options{Recursive: true, Observer: s})
			if err != nil || tally.Done != len(c.want) || tally.Failed > 0 {
				t.Errorf("%q to %s: %+v, %v, %v", c.paths, root+c.to, tally, err, s.failed)
			}
			equal(t, fmt.Sprintf("%q to %s", c.paths, root+c.to), w.objects(root), c.want)
		}
	}
}

func TestPutRefuses(t *testing.T) {
	w := newWorld(t)
	t.Chdir(tree(t, map[string]string{"x.jpg": "x", "d/x.jpg": "y", "minio.lab/a": ""}))
	for _, c := range []struct {
		paths     []string
		to        string
		recursive bool
		want      string
	}{
		{[]string{"d"}, "s3://photos/in/", false, "-r"},
		{[]string{"x.jpg", "d/x.jpg"}, "s3://photos/in", true, "end it with a slash"},
		{[]string{"x.jpg", "d/x.jpg"}, "s3://photos/in/", true, "would both be s3://photos/in/x.jpg"},
		{[]string{"none"}, "s3://photos/in/", true, "no such file"},
		{[]string{"minio.lab/a"}, "s3://photos/in/", true, "./minio.lab/a"},
		{nil, "s3://photos/in/", true, "nothing to put"},
	} {
		_, err := Put(t.Context(), c.paths, w.place(c.to), w.open, Options{Recursive: c.recursive})
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q to %s: %v", c.paths, c.to, err)
		}
	}
	if got := w.objects("s3://photos/"); len(got) > 0 {
		t.Errorf("something was put: %v", got)
	}
}

// TestOneFailureStopsNoOther puts what can be put of a folder of difficult files.
func TestOneFailureStopsNoOther(t *testing.T) {
	w := newWorld(t)
	dir := tree(t, map[string]string{"good": "g", "d/good": "g", "bad\xff": "b", strings.Repeat("n", 200) + "/" + strings.Repeat("m", 200): "long"})
	long := dir
	for range 5 {
		long = filepath.Join(long, strings.Repeat("l", 250))
	}
	if err := os.MkdirAll(long, 0o755); err != nil {
		t.Fatal(err)
	}
	for link, target := range map[string]string{"link": "good", "folder": "d", "gone": "none"} {
		if err := os.Symlink(target, filepath.Join(dir, link)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(long, "key"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	s := newSeen()
	tally, err := Put(t.Context(), []string{dir + "/"}, w.place("s3://photos/in/"), w.open, Options{Recursive: true, Observer: s})
	if err != nil || tally.Failed != 3 || tally.Skipped != 1 || tally.Done != 4 {
		t.Errorf("%+v, %v\n%v", tally, err, s.failed)
	}
	for path, want := range map[string]string{"bad\xff": "UTF-8", "gone": "no such file", long[len(dir)+1:] + "/key": "at most 1024"} {
		if !strings.Contains(s.failed[filepath.Join(dir, path)], want) {
			t.Errorf("%q: %q", path, s.failed[filepath.Join(dir, path)])
		}
	}
	equal(t, "put", w.objects("s3://photos/in/"), map[string]string{
		"good": "g", "d/good": "g", "link": "g", strings.Repeat("n", 200) + "/" + strings.Repeat("m", 200): "long",
	})
}

func TestFoldersWithTheSameFile(t *testing.T) {
	w := newWorld(t)
	t.Chdir(tree(t, map[string]string{"a/x": "1", "b/x": "2", "b/y": "3"}))
	s := newSeen()
	tally, err := Put(t.Context(), []string{"a/", "b/"}, w.place("s3://photos/in/"), w.open, Options{Recursive: true, Observer: s})
	if err != nil || tally.Failed != 1 || !strings.Contains(s.failed["b/x"], "a/ has a file of the same name") {
		t.Errorf("%+v, %v, %v", tally, err, s.failed)
	}
	equal(t, "put", w.objects("s3://photos/in/"), map[string]string{"x": "1", "y": "3"})
}

func TestExistingOfPut(t *testing.T) {
	for _, provider := range []string{"s3://photos/in/", "webdav.nas/in/"} {
		w := newWorld(t)
		dir := tree(t, map[string]string{"same": "old", "size": "old", "newer": "old"})
		put := func(existing Existing) Tally {
			t.Helper()
			tally, err := Put(t.Context(), []string{dir + "/"}, w.place(provider), w.open, Options{Recursive: true, Existing: existing})
			if err != nil || tally.Failed > 0 {
				t.Fatal(tally, err)
			}
			return tally
		}
		put(Replace)
		write := func(name, content string, at time.Time) {
			path := filepath.Join(dir, name)
			if err := errors.Join(os.WriteFile(path, []byte(content), 0o600), os.Chtimes(path, at, at)); err != nil {
				t.Fatal(err)
			}
		}
		write("size", "longer", time.Now().Add(-time.Hour))
		write("newer", "new", time.Now().Add(time.Hour))
		write("fresh", "fresh", time.Now())
		if tally := put(Keep); tally.Done != 1 || tally.Skipped != 3 {
			t.Errorf("%s, keep: %+v", provider, tally)
		}
		if tally := put(Update); tally.Done != 2 || tally.Skipped != 2 {
			t.Errorf("%s, update: %+v", provider, tally)
		}
		equal(t, provider, w.objects(provider), map[string]string{"same": "old", "size": "longer", "newer": "new", "fresh": "fresh"})
	}
}

func TestDryRunPutsNothing(t *testing.T) {
	w := newWorld(t)
	s := newSeen()
	tally, err := Put(t.Context(), []string{tree(t, map[string]string{"a": "1", "b.tmp": "2"}) + "/"}, w.place("s3://photos/in/"), w.open,
		Options{Recursive: true, DryRun: true, Observer: s, Filter: filter(t, nil, []string{"*.tmp"})})
	if err != nil || tally.Done != 1 || len(s.items) != 1 || s.items[0].To != "s3://photos/in/a" {
		t.Errorf("%+v, %+v, %v", tally, s.items, err)
	}
	if got := w.objects("s3://photos/"); len(got) > 0 {
		t.Errorf("something was put: %v", got)
	}
}

func filter(t testing.TB, include, exclude []string) Filter {
	t.Helper()
	f, err := NewFilter(include, exclude)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// large is a file that is sent in parts.
func large(t testing.TB, size int) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "large")
	if err := os.WriteFile(path, bytes.Repeat([]byte("0123456789abcdef"), size/16), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestInterruptedPutLeavesNoParts ends a put while parts are under way.
func TestInterruptedPutLeavesNoParts(t *testing.T) {
	w := newWorld(t)
	ctx, interrupt := context.WithCancel(t.Context())
	defer interrupt()
	var parts atomic.Int32
	w.intercept(func(_ http.ResponseWriter, r *http.Request) bool {
		if r.URL.Query().Has("partNumber") && parts.Add(1) == 3 {
			interrupt()
		}
		return false
	})
	s := newSeen()
	_, err := Put(ctx, []string{large(t, 64<<20)}, w.place("s3://photos/in/"), w.open, Options{Observer: s})
	if !errors.Is(err, context.Canceled) || len(s.items) > 0 {
		t.Errorf("%v, %+v", err, s.items)
	}
	if parts.Load() < 3 {
		t.Error("no parts were sent")
	}
	left, err := w.client.ListMultipartUploads(t.Context(), &s3.ListMultipartUploadsInput{Bucket: aws.String(bucket)})
	if err != nil || len(left.Uploads) > 0 {
		t.Errorf("uploads that were begun are left: %+v, %v", left.Uploads, err)
	}
	if got := w.objects("s3://photos/"); len(got) > 0 {
		t.Error("an object is there")
	}
}

// TestProgressOfRetries counts every byte once, though the server fails now and then.
func TestProgressOfRetries(t *testing.T) {
	w := newWorld(t)
	var calls atomic.Int32
	w.intercept(func(rw http.ResponseWriter, r *http.Request) bool {
		if (r.Method == http.MethodPut || r.Method == http.MethodGet) && calls.Add(1)%3 == 0 {
			_, _ = io.CopyN(io.Discard, r.Body, 1<<20)
			rw.WriteHeader(http.StatusServiceUnavailable)
			return true
		}
		return false
	})
	path := large(t, 40<<20)
	s := newSeen()
	if tally, err := Put(t.Context(), []string{path}, w.place("s3://photos/in/"), w.open, Options{Observer: s}); err != nil || tally.Bytes != 40<<20 {
		t.Fatalf("%+v, %v, %v", tally, err, s.failed)
	}
	if s.found != 40<<20 || s.moved != 40<<20 {
		t.Errorf("put: %d found, %d moved", s.found, s.moved)
	}
	s = newSeen()
	dir := t.TempDir() + "/"
	if tally, err := Get(t.Context(), []Place{w.place("s3://photos/in/large")}, dir, w.open, Options{Observer: s}); err != nil || tally.Done != 1 {
		t.Fatalf("%+v, %v, %v", tally, err, s.failed)
	}
	if s.found != 40<<20 || s.moved != 40<<20 {
		t.Errorf("get: %d found, %d moved", s.found, s.moved)
	}
}

// TestNewFoldersAtOnce puts files at the same time into folders that all of them need. Servers of WebDAV lock what another is making.
func TestNewFoldersAtOnce(t *testing.T) {
	w := newWorld(t)
	want := map[string]string{}
	for i := range 2 * DefaultAtOnce {
		want[fmt.Sprintf("a/b/%d/c/x", i)] = fmt.Sprint(i)
	}
	dir := tree(t, want)
	s := newSeen()
	tally, err := Put(t.Context(), []string{dir + "/"}, w.place("webdav.nas/new/in/"), w.open, Options{Recursive: true, Observer: s})
	if err != nil || tally.Done != len(want) {
		t.Errorf("%+v, %v, %v", tally, err, s.failed)
	}
	equal(t, "files", w.objects("webdav.nas/new/in/"), want)
}
