package sandbox

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"archive/tar"

	"github.com/google/go-cmp/cmp"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
)

// both runs a test with overlayfs and with joined trees.
func both(t *testing.T, test func(t *testing.T, c *Cache)) {
	for _, overlay := range []bool{true, false} {
		t.Run(fmt.Sprint("overlay=", overlay), func(t *testing.T) {
			c := newCache(t)
			c.noOverlay.Store(!overlay)
			test(t, c)
		})
	}
}

func TestLayersMeanWhatTheSpecificationSays(t *testing.T) {
	link := func(name, target string) entry { return entry{name: name, typ: tar.TypeSymlink, link: target} }
	layers := [][]entry{
		{
			{name: "gone", body: "1"}, {name: "kept", body: "1"}, {name: "changed", body: "1"},
			{name: "d/"}, {name: "d/gone", body: "1"}, {name: "d/kept", body: "1"},
			{name: "emptied/"}, {name: "emptied/a", body: "1"}, {name: "emptied/sub/"}, {name: "emptied/sub/b", body: "1"},
			{name: "becomesfile/"}, {name: "becomesfile/x", body: "1"}, {name: "becomesdir", body: "1"},
			{name: "becomeslink/"}, {name: "becomeslink/x", body: "1"},
			{name: "target", body: "linked"}, {name: "usr/"}, {name: "usr/lib/"}, link("lib", "usr/lib"), {name: "lib/so", body: "so"},
			{name: "gonedir/"}, {name: "gonedir/x", body: "1"},
		},
		{
			{name: ".wh.gone"}, {name: "d/.wh.gone"}, {name: "emptied/"}, {name: "emptied/.wh..wh..opq"}, {name: "emptied/new", body: "2"},
			{name: "changed", body: "2"}, {name: ".wh.gonedir"}, {name: ".wh.never"},
			{name: "hard", typ: tar.TypeLink, link: "target"},
		},
		{
			{name: "becomesfile", body: "3"}, {name: "becomesdir/"}, {name: "becomesdir/x", body: "3"}, link("becomeslink", "kept"),
			{name: "implied/by/file", body: "3"},
		},
		{{name: "top", body: "4"}},
	}
	want := map[string]string{
		"/kept": "1", "/changed": "2", "/d/kept": "1", "/emptied/new": "2", "/becomesfile": "3", "/becomesdir/x": "3",
		"/becomeslink": "1", "/target": "linked", "/hard": "linked", "/usr/lib/so": "so", "/lib/so": "so", "/implied/by/file": "3", "/top": "4",
	}
	absent := []string{"/gone", "/d/gone", "/emptied/a", "/emptied/sub", "/emptied/sub/b", "/gonedir", "/becomeslink/x"}
	both(t, func(t *testing.T, c *Cache) {
		root := unpack(t, c, append(layers, insideLayer(t))...)
		for file, content := range want {
			if out, exit := run(t, Spec{Root: root}, "cat", file); out != content || exit.Code != 0 {
				t.Errorf("%s: %q, %+v", file, out, exit)
			}
		}
		for _, file := range absent {
			if out, exit := run(t, Spec{Root: root}, "cat", file); exit.Code == 0 || !strings.Contains(out, "no such") && !strings.Contains(out, "not a dir") {
				t.Errorf("%s: %q, %+v", file, out, exit)
			}
		}
	})
}

func TestManyLayers(t *testing.T) {
	layers := [][]entry{insideLayer(t)}
	var want []string
	for i := range 40 {
		layers = append(layers, []entry{{name: "d/"}, {name: fmt.Sprintf("d/%02d", i)}})
		want = append(want, fmt.Sprintf("%02d", i))
	}
	both(t, func(t *testing.T, c *Cache) {
		out, exit := run(t, Spec{Root: unpack(t, c, layers...)}, "ls", "/d")
		if diff := cmp.Diff(want, strings.Fields(out)); diff != "" || exit.Code != 0 {
			t.Errorf("%+v\n%s", exit, diff)
		}
	})
}

// TestAChangedTopLayerLeavesTheBaseAlone counts what is written when only a script changes.
func TestAChangedTopLayerLeavesTheBaseAlone(t *testing.T) {
	c := newCache(t)
	base := []entry{{name: "base/"}}
	for i := range 300 {
		base = append(base, entry{name: fmt.Sprint("base/", i), body: strings.Repeat("x", 1000)})
	}
	withScript := func(script string) *Root {
		return unpack(t, c, base, []entry{{name: "base/0", body: "changed"}, {name: ".wh.none"}, {name: "scar/"}}, insideLayer(t),
			[]entry{{name: "scar/"}, {name: "scar/script", body: script}})
	}
	withScript("one")
	before := countFiles(t, c.dir)
	withScript("two")
	if added := countFiles(t, c.dir) - before; added > 20 {
		t.Errorf("a changed script added %d files to the cache", added)
	}
}

func countFiles(t *testing.T, dir string) int {
	t.Helper()
	n := 0
	err := filepath.WalkDir(dir, func(_ string, _ fs.DirEntry, err error) error {
		n++
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestUnpackingAtTheSameTime(t *testing.T) {
	dir := newCache(t).dir
	img := imageOf(t, insideLayer(t), []entry{{name: "f", body: "x"}, {name: ".wh.none"}})
	var all sync.WaitGroup
	errs := make([]error, 8)
	for i := range errs {
		all.Go(func() {
			c, err := OpenCache(dir, Limits{})
			if err == nil {
				_, err = c.Unpack(t.Context(), img)
			}
			errs[i] = err
		})
	}
	all.Wait()
	if err := errors.Join(errs...); err != nil {
		t.Error(err)
	}
}

func TestUnfinishedWorkIsDoneAgain(t *testing.T) {
	c := newCache(t)
	img := imageOf(t, []entry{{name: "f", body: "x"}})
	layers, err := img.Layers()
	if err != nil {
		t.Fatal(err)
	}
	id, err := layers[0].DiffID()
	if err != nil {
		t.Fatal(err)
	}
	// What a process leaves that was killed while it unpacked.
	work := filepath.Join(c.dir, workDir, layersDir+"-"+id.Hex, treeDir)
	if err := errors.Join(os.MkdirAll(work, 0o755), os.WriteFile(filepath.Join(work, "half"), nil, 0o600), os.Mkdir(filepath.Join(work, "closed"), 0)); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Unpack(t.Context(), img); err != nil {
		t.Fatal(err)
	}
	entries, err := os.ReadDir(filepath.Join(c.dir, layersDir, id.Hex, treeDir))
	if err != nil || len(entries) != 1 || entries[0].Name() != "f" {
		t.Errorf("%v, %v", entries, err)
	}
}

// liar is a layer that claims another's digest.
type liar struct {
	v1.Layer
	claimed v1.Hash
}

func (l liar) DiffID() (v1.Hash, error) { return l.claimed, nil }

func TestALayerCannotPoseAsAnother(t *testing.T) {
	c := newCache(t)
	honest := layerOf(t, archive(t, []entry{{name: "f", body: "honest"}}))
	id, err := honest.DiffID()
	if err != nil {
		t.Fatal(err)
	}
	img, err := mutate.AppendLayers(empty.Image, liar{layerOf(t, archive(t, []entry{{name: "f", body: "poison"}})), id})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Unpack(t.Context(), img); err == nil || !strings.Contains(err.Error(), "damaged") {
		t.Errorf("got %v", err)
	}
	if kept, err := os.ReadDir(filepath.Join(c.dir, layersDir)); err != nil || len(kept) != 0 {
		t.Errorf("kept %v, %v", kept, err)
	}
}

func TestUnpackEndsWithItsContext(t *testing.T) {
	c := newCache(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := c.Unpack(ctx, imageOf(t, []entry{{name: "f"}})); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestPruneRemovesWhatIsUnused(t *testing.T) {
	c := newCache(t)
	c.noOverlay.Store(true)
	root := unpack(t, c, insideLayer(t), []entry{{name: "closed/", mode: 0o700}, {name: "closed/in/", mode: 0o700}})
	run(t, Spec{Root: root}, "env")
	kinds := []string{layersDir, surfacesDir, flatDir}
	c.prune(time.Now().Add(-time.Hour))
	for _, kind := range kinds {
		if entries, err := os.ReadDir(filepath.Join(c.dir, kind)); err != nil || len(entries) == 0 {
			t.Errorf("%s: what is in use was removed: %v", kind, err)
		}
	}
	c.prune(time.Now().Add(time.Hour))
	for _, kind := range slices.Concat(kinds, []string{workDir}) {
		if entries, err := os.ReadDir(filepath.Join(c.dir, kind)); err != nil || len(entries) != 0 {
			t.Errorf("%s: left %v, %v", kind, entries, err)
		}
	}
}

// A program that runs for months unpacks an image once, and starts from it every day.
func TestStartingFromAnImageIsUse(t *testing.T) {
	c := newCache(t)
	root := unpack(t, c, insideLayer(t))
	metas, err := filepath.Glob(filepath.Join(c.dir, "*", "*", metaFile))
	if err != nil || len(metas) == 0 {
		t.Fatalf("%v, %v", metas, err)
	}
	long := time.Now().Add(-2 * keepUnused)
	for _, meta := range metas {
		if err := os.Chtimes(meta, long, long); err != nil {
			t.Fatal(err)
		}
	}
	for range 2 {
		if out, exit := run(t, Spec{Root: root}, "pwd"); out != "/\n" {
			t.Fatalf("%+v, %q", exit, out)
		}
		if _, err := OpenCache(c.dir, Limits{}); err != nil {
			t.Fatal(err)
		}
	}
}

func TestWhatKilledProcessesLeaveIsRemoved(t *testing.T) {
	c := newCache(t)
	gone := filepath.Join(c.dir, tmpDir, "of-a-killed-process")
	used, held, err := makeTmp(order{Cache: c.dir, User: !privileged()})
	if err != nil {
		t.Fatal(err)
	}
	defer held.Close()
	pruned := filepath.Join(c.dir, workDir, "prune-x")
	begun := filepath.Join(c.dir, workDir, "layers-x")
	making := filepath.Join(c.dir, workDir, "layers-y")
	unlock, err := c.lock(t.Context(), "layers-y")
	if err != nil {
		t.Fatal(err)
	}
	defer unlock()
	for _, dir := range []string{gone, used, pruned, begun, making} {
		if err := os.MkdirAll(filepath.Join(dir, "d"), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := OpenCache(c.dir, Limits{}); err != nil {
		t.Fatal(err)
	}
	for dir, want := range map[string]bool{gone: false, used: true, pruned: false, begun: false, making: true} {
		if _, err := os.Stat(dir); (err == nil) != want {
			t.Errorf("%s: %v", dir, err)
		}
	}
}

// People remove caches with rm -rf.
func TestCacheIsRemovedAsAnyFolder(t *testing.T) {
	for _, overlay := range []bool{true, false} {
		c := newCache(t)
		c.noOverlay.Store(!overlay)
		root := unpack(t, c, insideLayer(t), []entry{{name: "etc/"}, {name: "etc/secret/", mode: 0o700}, {name: "usr/lib/x", body: "x"}})
		if _, exit := run(t, Spec{Root: root}, "pwd"); exit.Code != 0 {
			t.Fatalf("%+v", exit)
		}
		if err := os.RemoveAll(c.dir); err != nil {
			t.Errorf("with overlayfs %v: %v", overlay, err)
		}
	}
}

func TestCgroupFiles(t *testing.T) {
	root := t.TempDir()
	own := filepath.Join(root, "user.slice")
	self := filepath.Join(root, "self")
	err := errors.Join(os.Mkdir(own, 0o755), os.WriteFile(self, []byte("1:memory:/x\n0::/user.slice\n"), 0o600),
		os.WriteFile(filepath.Join(own, "cgroup.subtree_control"), []byte("cpu memory\n"), 0o600))
	if err != nil {
		t.Fatal(err)
	}
	if got := cgroupParents(root, self); !slices.Equal(got, []string{own}) {
		t.Errorf("parents %v", got)
	}
	g := makeCgroup(own, 300<<20)
	if g == nil {
		t.Fatal("no group")
	}
	limit, err := os.ReadFile(filepath.Join(g.dir, "memory.max"))
	if err != nil || string(limit) != "314572800" {
		t.Errorf("limit %s, %v", limit, err)
	}
	for events, want := range map[string]bool{"low 0\noom 1\noom_kill 0\n": false, "oom 1\noom_kill 2\n": true} {
		if err := os.WriteFile(filepath.Join(g.dir, "memory.events"), []byte(events), 0o600); err != nil {
			t.Fatal(err)
		}
		if g.oom() != want {
			t.Errorf("%q: %v", events, !want)
		}
	}
	var none *cgroup
	none.remove()
	if none.oom() {
		t.Error("no group has run out of memory")
	}
}

func TestRunnable(t *testing.T) {
	if err := errors.Join(Runnable(""), checkHost()); err != nil {
		t.Error(err)
	}
	if err := Runnable("s390x"); err == nil {
		t.Error("s390x is no architecture of Lambda's")
	}
}

func checkHost() error {
	for _, a := range []string{"amd64", "arm64"} {
		if Runnable(a) == nil {
			return nil
		}
	}
	return errors.New("this machine runs no architecture at all")
}

// BenchmarkUnpack unpacks a layer of 2,000 files of 10 KB.
func BenchmarkUnpack(b *testing.B) {
	entries := []entry{{name: "d/"}}
	for i := range 2000 {
		entries = append(entries, entry{name: fmt.Sprintf("d/%d", i), body: strings.Repeat("x", 10_000)})
	}
	img := imageOf(b, entries)
	b.SetBytes(2000 * 10_000)
	for b.Loop() {
		if _, err := newCache(b).Unpack(b.Context(), img); err != nil {
			b.Fatal(err)
		}
	}
}
