//go:build linux

package transfer

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/scar-go/scar/runtime/storage"
)

func (w *world) get(to string, o Options, places ...string) (Tally, *seen, error) {
	w.t.Helper()
	parsed := make([]Place, len(places))
	for i, p := range places {
		parsed[i] = w.place(p)
	}
	s := newSeen()
	o.Observer = s
	tally, err := Get(w.t.Context(), parsed, to, w.open, o)
	return tally, s, err
}

// TestNamesOfGet holds the table in the help of scar get.
func TestNamesOfGet(t *testing.T) {
	w := newWorld(t)
	source := tree(t, map[string]string{"x.jpg": "x", "out/a": "a", "out/d/b": "b"})
	for _, provider := range []string{"s3://photos/", "webdav.nas/"} {
		if _, err := Put(t.Context(), []string{source + "/"}, w.place(provider), w.open, Options{Recursive: true}); err != nil {
			t.Fatal(err)
		}
		for _, c := range []struct {
			places []string
			to     string
			want   map[string]string
		}{
			{[]string{"x.jpg"}, "new/", map[string]string{"new/x.jpg": "x"}},
			{[]string{"x.jpg"}, "dir", map[string]string{"dir/x.jpg": "x"}},
			{[]string{"x.jpg"}, ".", map[string]string{"x.jpg": "x"}},
			{[]string{"x.jpg"}, "y.jpg", map[string]string{"y.jpg": "x"}},
			{[]string{"x.jpg"}, "new/y.jpg", map[string]string{"new/y.jpg": "x"}},
			{[]string{"out"}, "new/", map[string]string{"new/out/a": "a", "new/out/d/b": "b"}},
			{[]string{"out"}, "dir", map[string]string{"dir/out/a": "a", "dir/out/d/b": "b"}},
			{[]string{"out"}, "new", map[string]string{"new/a": "a", "new/d/b": "b"}},
			{[]string{"out/"}, "dir", map[string]string{"dir/a": "a", "dir/d/b": "b"}},
			{[]string{"out/"}, "new", map[string]string{"new/a": "a", "new/d/b": "b"}},
			{[]string{"out", "x.jpg"}, "dir", map[string]string{"dir/out/a": "a", "dir/out/d/b": "b", "dir/x.jpg": "x"}},
		} {
			t.Chdir(t.TempDir())
			if err := os.Mkdir("dir", 0o755); err != nil {
				t.Fatal(err)
			}
			var places []string
			for _, p := range c.places {
				places = append(places, provider+p)
			}
			tally, s, err := w.get(c.to, Options{Recursive: true}, places...)
			if err != nil || tally.Done != len(c.want) {
				t.Errorf("%q to %s: %+v, %v, %v", places, c.to, tally, err, s.failed)
			}
			equal(t, fmt.Sprintf("%q to %s", places, c.to), files(t, "."), c.want)
		}
	}
}

func TestGetRefuses(t *testing.T) {
	w := newWorld(t)
	w.putObject("out/a", "a")
	t.Chdir(t.TempDir())
	for _, c := range []struct {
		places    []string
		to        string
		recursive bool
		want      string
	}{
		{[]string{"s3://photos/out/"}, ".", false, "-r"},
		{[]string{"s3://photos/out"}, ".", false, "does not exist; if it is a folder, -r"},
		{[]string{"s3://photos/none/"}, ".", true, "nothing below s3://photos/none/"},
		{[]string{"s3://photos/none"}, ".", true, "nothing below s3://photos/none/"},
		{[]string{"webdav.nas/none"}, ".", true, "nothing below"},
		{[]string{"s3://photos/out/a", "s3://photos/out/a"}, "name", false, "end it with a slash"},
	} {
		if _, _, err := w.get(c.to, Options{Recursive: c.recursive}, c.places...); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q: %v", c.places, err)
		}
	}
	equal(t, "left", files(t, "."), map[string]string{})
}

// TestHostileKeys fetches keys that are no names of files: none of them leads out of the folder, and all others arrive.
func TestHostileKeys(t *testing.T) {
	w := newWorld(t)
	bad := []string{
		"../climbed", "a/../../climbed", "/absolute", "//double", "a//b", "./dot", "a/./b", "..", "a/..", "nul\x00byte", "folder-with-bytes/",
	}
	good := []string{
		"plain", "a/deep/er", "new\nline", "back\\slash", "-rf", "~", "a b", "ü", "C:", "con", "...", "..a", "*", ".scar-get-x",
	}
	want := map[string]string{}
	for _, key := range bad {
		w.putObject("in/"+key, "bad")
	}
	for _, key := range good {
		w.putObject("in/"+key, key)
		want["to/"+key] = key
	}
	w.putObject("in/marker/", "")
	base := t.TempDir()
	tally, s, err := w.get(filepath.Join(base, "to"), Options{Recursive: true}, "s3://photos/in/")
	if err != nil || tally.Failed != len(bad) || tally.Done != len(good) {
		t.Errorf("%+v, %v, %v", tally, err, s.failed)
	}
	for _, key := range bad {
		if !strings.Contains(s.failed["s3://photos/in/"+key], "no name of a file") {
			t.Errorf("%q: %q", key, s.failed["s3://photos/in/"+key])
		}
	}
	equal(t, "fetched", files(t, base), want)
}

// TestKeyOfOneHostileName fetches single objects whose last parts are no names.
func TestKeyOfOneHostileName(t *testing.T) {
	w := newWorld(t)
	base := t.TempDir()
	for _, key := range []string{"a/..", "..", "a/."} {
		w.putObject(key, "bad")
		tally, s, err := w.get(base+"/", Options{}, "s3://photos/"+key)
		if err == nil && tally.Done > 0 {
			t.Errorf("%q was fetched: %+v %v", key, tally, s.items)
		}
	}
	equal(t, "fetched", files(t, base), map[string]string{})
}

// TestLinksInTheTarget leads a get out of its folder by links that are there.
func TestLinksInTheTarget(t *testing.T) {
	w := newWorld(t)
	w.putObject("in/out/x", "new")
	w.putObject("in/file", "new")
	w.putObject("in/inside/x", "new")
	base := tree(t, map[string]string{"outside/keep": "kept", "to/real/keep": "kept", "secret": "kept"})
	to := filepath.Join(base, "to")
	for link, target := range map[string]string{"out": "../outside", "file": "../secret", "inside": "real"} {
		if err := os.Symlink(target, filepath.Join(to, link)); err != nil {
			t.Fatal(err)
		}
	}
	tally, s, err := w.get(to, Options{Recursive: true}, "s3://photos/in/")
	if err != nil || tally.Done != 1 || tally.Failed != 2 {
		t.Errorf("%+v, %v, %v", tally, err, s.failed)
	}
	equal(t, "files", files(t, base), map[string]string{
		"outside/keep": "kept", "to/real/keep": "kept", "secret": "kept", "to/real/x": "new",
	})
}

// TestFileAndFolder fetches a key that is also a folder of others: one of both fails, and says why.
func TestFileAndFolder(t *testing.T) {
	w := newWorld(t)
	for _, key := range []string{"in/a", "in/a/b", "in/z"} {
		w.putObject(key, key)
	}
	for range 5 {
		base := t.TempDir()
		tally, s, err := w.get(base, Options{Recursive: true}, "s3://photos/in/")
		if err != nil || tally.Done != 2 || tally.Failed != 1 {
			t.Fatalf("%+v, %v, %v", tally, err, s.failed)
		}
		for key, reason := range s.failed {
			if !strings.Contains(reason, "there is a f") {
				t.Errorf("%s: %s", key, reason)
			}
		}
		if got := files(t, base); got["z"] != "in/z" {
			t.Errorf("%v", got)
		}
	}
}

func TestExistingOfGet(t *testing.T) {
	w := newWorld(t)
	for _, name := range []string{"same", "size", "older", "fresh"} {
		w.putObject("in/"+name, name)
	}
	dir := tree(t, map[string]string{"same": "SAME", "size": "other size", "older": "OLDER"})
	past := time.Now().Add(-time.Hour)
	if err := os.Chtimes(filepath.Join(dir, "older"), past, past); err != nil {
		t.Fatal(err)
	}
	future := time.Now().Add(time.Hour)
	if err := os.Chtimes(filepath.Join(dir, "same"), future, future); err != nil {
		t.Fatal(err)
	}
	tally, _, err := w.get(dir, Options{Recursive: true, Existing: Keep}, "s3://photos/in/")
	if err != nil || tally.Done != 1 || tally.Skipped != 3 {
		t.Errorf("keep: %+v, %v", tally, err)
	}
	tally, _, err = w.get(dir, Options{Recursive: true, Existing: Update}, "s3://photos/in/")
	if err != nil || tally.Done != 2 || tally.Skipped != 2 {
		t.Errorf("update: %+v, %v", tally, err)
	}
	equal(t, "files", files(t, dir), map[string]string{"same": "SAME", "size": "size", "older": "older", "fresh": "fresh"})
	tally, _, err = w.get(dir, Options{Recursive: true, DryRun: true}, "s3://photos/in/")
	if err != nil || tally.Done != 4 {
		t.Errorf("dry run: %+v, %v", tally, err)
	}
	equal(t, "files", files(t, dir), map[string]string{"same": "SAME", "size": "size", "older": "older", "fresh": "fresh"})
}

// TestInterruptedGetLeavesNoPart ends a get in the middle of a file that has a former version.
func TestInterruptedGetLeavesNoPart(t *testing.T) {
	w := newWorld(t)
	path := large(t, int(storage.RangesFrom)+1<<20)
	if _, err := Put(t.Context(), []string{path}, w.place("s3://photos/in/"), w.open, Options{}); err != nil {
		t.Fatal(err)
	}
	dir := tree(t, map[string]string{"large": "former"})
	ctx, interrupt := context.WithCancel(t.Context())
	defer interrupt()
	var ranges atomic.Int32
	w.intercept(func(_ http.ResponseWriter, r *http.Request) bool {
		if r.Header.Get("Range") != "" && ranges.Add(1) == 3 {
			interrupt()
		}
		return false
	})
	_, err := Get(ctx, []Place{w.place("s3://photos/in/large")}, dir, w.open, Options{})
	if !errors.Is(err, context.Canceled) || ranges.Load() < 3 {
		t.Errorf("%v after %d ranges", err, ranges.Load())
	}
	equal(t, "files", files(t, dir), map[string]string{"large": "former"})
	if left, err := os.ReadDir(dir); err != nil || len(left) != 1 {
		t.Errorf("left: %v, %v", left, err)
	}
}

// TestRoundTrips puts random trees, fetches them again, and removes them.
func TestRoundTrips(t *testing.T) {
	w := newWorld(t)
	const seed = 5
	random := rand.New(rand.NewPCG(seed, seed))
	names := []string{"a", "b b", "ü", "+", "%2F", "#?&", "'\"", "x.tar.gz", ".hidden", "日本", "a=b;c"}
	for i, provider := range []string{"s3://photos/rt/", "webdav.nas/rt/"} {
		for range 6 {
			want := map[string]string{}
			folder := map[string]bool{"": true}
			for range 40 {
				var parts []string
				for range 1 + random.IntN(4) {
					parts = append(parts, names[random.IntN(len(names))])
				}
				name := strings.Join(parts, "/")
				clash := folder[name]
				for n := len(parts) - 1; n > 0; n-- {
					_, isFile := want[strings.Join(parts[:n], "/")]
					clash = clash || isFile
				}
				if clash {
					continue
				}
				for n := len(parts) - 1; n > 0; n-- {
					folder[strings.Join(parts[:n], "/")] = true
				}
				want[name] = string(bytes.Repeat([]byte{byte(random.IntN(256))}, random.IntN(3000)))
			}
			source := tree(t, want)
			if _, err := Put(t.Context(), []string{source + "/"}, w.place(provider), w.open, Options{Recursive: true}); err != nil {
				t.Fatal(err)
			}
			equal(t, provider, w.objects(provider), want)
			to := filepath.Join(t.TempDir(), "to")
			if tally, s, err := w.get(to, Options{Recursive: true}, provider); err != nil || tally.Failed > 0 {
				t.Fatal(tally, err, s.failed)
			}
			equal(t, provider, files(t, to), want)
			tally, err := Remove(t.Context(), []Place{w.place(provider)}, w.open, Options{Recursive: true})
			if err != nil || tally.Done != len(want) || tally.Failed > 0 {
				t.Fatal(tally, err)
			}
			equal(t, provider, w.objects(provider), map[string]string{})
		}
		if i == 1 {
			if left, err := os.ReadDir(w.dav); err != nil || len(left) > 0 {
				t.Errorf("folders are left: %v, %v", left, err)
			}
		}
	}
}

func TestCat(t *testing.T) {
	w := newWorld(t)
	w.putObject("a", "first\n")
	w.putObject("b", "second\n")
	var out bytes.Buffer
	if err := Cat(t.Context(), []Place{w.place("s3://photos/a"), w.place("s3://photos/b")}, w.open, &out); err != nil || out.String() != "first\nsecond\n" {
		t.Errorf("%q, %v", &out, err)
	}
	for at, want := range map[string]string{"s3://photos/none": "does not exist", "s3://photos/a/": "is a folder"} {
		if err := Cat(t.Context(), []Place{w.place(at)}, w.open, &out); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", at, err)
		}
	}
}

func (w *world) list(at string, recursive bool) ([]string, error) {
	var got []string
	err := List(w.t.Context(), w.place(at), w.open, recursive, func(p Place, _ Entry) error {
		got = append(got, p.String())
		return nil
	})
	slices.Sort(got)
	return got, err
}

func TestList(t *testing.T) {
	w := newWorld(t)
	source := tree(t, map[string]string{"x": "x", "in/a": "a", "in/d/b": "b"})
	for _, provider := range []string{"s3://photos/", "webdav.nas/"} {
		if _, err := Put(t.Context(), []string{source + "/"}, w.place(provider), w.open, Options{Recursive: true}); err != nil {
			t.Fatal(err)
		}
		for _, c := range []struct {
			at        string
			recursive bool
			want      []string
		}{
			{"", false, []string{"in/", "x"}},
			{"", true, []string{"in/a", "in/d/b", "x"}},
			{"in", false, []string{"in/a", "in/d/"}},
			{"in/", false, []string{"in/a", "in/d/"}},
			{"x", false, []string{"x"}},
		} {
			got, err := w.list(provider+c.at, c.recursive)
			for i := range c.want {
				c.want[i] = provider + c.want[i]
			}
			if err != nil || !slices.Equal(got, c.want) {
				t.Errorf("%s%s: %q, %v; want %q", provider, c.at, got, err, c.want)
			}
		}
		for at, want := range map[string]string{"none": "does not exist", "none/": "nothing below"} {
			if _, err := w.list(provider+at, false); err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %v", at, err)
			}
		}
	}
}

// TestRemove removes what is meant and nothing else.
func TestRemove(t *testing.T) {
	for _, provider := range []string{"s3://photos/", "webdav.nas/"} {
		w := newWorld(t)
		all := map[string]string{"in/a": "1", "in/a.tmp": "2", "in/d/b.tmp": "3", "into": "4", "keep/x": "5"}
		if _, err := Put(t.Context(), []string{tree(t, all) + "/"}, w.place(provider), w.open, Options{Recursive: true}); err != nil {
			t.Fatal(err)
		}
		remove := func(at string, o Options) (Tally, error) {
			return Remove(t.Context(), []Place{w.place(provider + at)}, w.open, o)
		}
		if tally, err := remove("in/", Options{Recursive: true, DryRun: true}); err != nil || tally.Done != 3 || tally.Bytes != 3 {
			t.Errorf("dry run: %+v, %v", tally, err)
		}
		for at, want := range map[string]string{"in/": "-r", "in": "-r", "none": "does not exist"} {
			if _, err := remove(at, Options{}); err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %v", at, err)
			}
		}
		equal(t, provider, w.objects(provider), all)
		if tally, err := remove("in", Options{Recursive: true, Filter: filter(t, []string{"*.tmp"}, nil)}); err != nil || tally.Done != 2 {
			t.Errorf("%+v, %v", tally, err)
		}
		maps.DeleteFunc(all, func(name, _ string) bool { return strings.HasSuffix(name, ".tmp") })
		equal(t, provider, w.objects(provider), all)
		if tally, err := remove("into", Options{}); err != nil || tally.Done != 1 {
			t.Errorf("%+v, %v", tally, err)
		}
		delete(all, "into")
		equal(t, provider, w.objects(provider), all)
	}
}
