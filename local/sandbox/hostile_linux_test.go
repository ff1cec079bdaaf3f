package sandbox

import (
	"archive/tar"
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/scar-go/scar/internal/proof"
)

const climb = "../../../../../../../../../../../../"

// hostile are archives that try to reach a folder of the host, each as the layers of an image.
func hostile(outside string) map[string][][]entry {
	up, in := climb+strings.TrimPrefix(outside, "/"), outside+"/x"
	link := func(name, target string) entry { return entry{name: name, typ: tar.TypeSymlink, link: target} }
	hard := func(name, target string) entry { return entry{name: name, typ: tar.TypeLink, link: target} }
	file := func(name string) entry { return entry{name: name, body: "escaped"} }
	long := strings.Repeat("n", 255)
	return map[string][][]entry{
		"climbing name":                       {{file(up + "/x")}},
		"climbing after a folder":             {{file("a/" + up + "/x")}},
		"climbing with dots between":          {{file("./a/.././" + up + "/x")}},
		"climbing folder":                     {{{name: up + "/d/"}}},
		"only dots":                           {{file("..")}},
		"only dots with slash":                {{{name: "../"}}},
		"absolute name":                       {{file(in)}},
		"absolute name, slashes":              {{file("///" + in)}},
		"absolute folder":                     {{{name: outside + "/d/", mode: 0o777}}},
		"write through absolute link":         {{link("l", outside), file("l/x")}},
		"write through climbing link":         {{link("l", up), file("l/x")}},
		"write over link":                     {{link("canary", outside+"/canary"), file("canary")}},
		"folder over link":                    {{link("l", outside), {name: "l/", mode: 0o777}, file("l/x")}},
		"link over link":                      {{link("l", outside), link("l/k", "/etc"), file("l/k/x")}},
		"chain of links":                      {{link("a", "b"), link("b", "c"), link("c", outside), file("a/x")}},
		"link in folder in link":              {{{name: "d/"}, link("d/l", "../"+up), file("d/l/x")}},
		"link to dot dot":                     {{link("l", ".."), file("l/l/l/" + strings.TrimPrefix(in, "/"))}},
		"link to root":                        {{link("l", "/"), file("l" + in)}},
		"link to proc":                        {{link("l", "/proc/self/cwd"), file("l/x")}},
		"link to proc root":                   {{link("l", "/proc/self/root"), file("l" + in)}},
		"endless links":                       {{link("a", "b"), link("b", "a"), file("a/x")}},
		"link in a lower layer":               {{link("l", outside)}, {file("l/x")}},
		"link in a lower layer, folder":       {{link("l", outside)}, {{name: "l/"}, file("l/x")}},
		"parent is a link below":              {{link("l", outside)}, {file("l/d/x"), {name: ".wh.none"}}},
		"hard link out, climbing":             {{hard("h", up+"/canary")}},
		"hard link out, absolute":             {{hard("h", outside+"/canary")}},
		"hard link through link":              {{link("l", outside), hard("h", "l/canary")}},
		"hard link through link below":        {{link("l", outside)}, {hard("h", "l/canary")}},
		"hard link to link, written":          {{link("l", outside+"/canary"), hard("h", "l"), file("h")}},
		"hard link to link below":             {{link("l", outside+"/canary")}, {hard("h", "l")}, {file("h")}},
		"hard link to folder":                 {{{name: "d/"}, hard("h", "d")}},
		"hard link placed through link":       {{file("f"), link("l", outside), hard("l/x", "f")}},
		"hard link placed through link below": {{file("f"), link("l", outside)}, {hard("l/x", "f")}},
		"whiteout climbing":                   {{file("a")}, {file(up + "/.wh.canary")}},
		"whiteout through link":               {{link("l", outside)}, {file("l/.wh.canary")}},
		"whiteout of dot dot":                 {{file("a")}, {file(".wh...")}},
		"whiteout of dot":                     {{file("a")}, {file("d/.wh..")}},
		"opaque through link":                 {{link("l", outside)}, {file("l/.wh..wh..opq")}},
		"opaque climbing":                     {{file("a")}, {file(up + "/.wh..wh..opq")}},
		"block device":                        {{{name: "dev/sda", typ: tar.TypeBlock, mode: 0o666}}},
		"character device":                    {{{name: "mem", typ: tar.TypeChar, mode: 0o666}}},
		"pipe":                                {{{name: "pipe", typ: tar.TypeFifo, mode: 0o666}}},
		"set user id":                         {{{name: "su", mode: 0o6755, body: "x"}, {name: "d/", mode: 0o7777}}},
		"long name":                           {{file(strings.Repeat(long+"/", 40) + "x")}},
		"too long component":                  {{file(strings.Repeat("n", 300))}},
		"deep folders":                        {{file(strings.Repeat("d/", 1500) + "x")}},
		"odd names":                           {{file("\xff\xfe"), {name: "\xff/"}, file("\xff/\n"), file("back\\slash")}},
		"file as parent":                      {{file("f"), file("f/g"), file("f/g/h")}},
		"place to mount on is a link":         {{link("tmp", outside), link("proc", outside), link("dev", outside), link("etc", outside)}},
		"place to mount on is a file":         {{file("tmp"), file("proc"), file("dev"), file("etc")}},
		"file to mount on is a link":          {{{name: "etc/"}, link("etc/hosts", outside+"/canary"), link("etc/resolv.conf", outside+"/canary")}},
		"top folder as a link":                {{link(".", outside), link("./", outside), file("x")}},
	}
}

func TestHostileArchivesDoNotEscape(t *testing.T) {
	archives, tries, escapes, refused := 0, 0, 0, 0
	for _, overlay := range []bool{true, false} {
		outside := t.TempDir()
		if err := os.WriteFile(filepath.Join(outside, "canary"), []byte("unharmed"), 0o644); err != nil {
			t.Fatal(err)
		}
		before := snapshot(t, outside)
		all := hostile(outside)
		archives = len(all)
		for name, layers := range all {
			tries++
			c := newCache(t)
			c.noOverlay.Store(!overlay)
			root, err := c.Unpack(t.Context(), imageOf(t, append(layers, insideLayer(t))...))
			if err != nil {
				refused++
			} else if reached := inspect(t, c, root); reached != "" {
				t.Errorf("%s: %s", name, reached)
			}
			if diff := cmp.Diff(before, snapshot(t, outside)); diff != "" {
				escapes++
				t.Errorf("%s: reached the host:\n%s", name, diff)
				before = snapshot(t, outside)
			}
		}
	}
	t.Logf("%d archives in %d tries, of which %d were refused", archives, tries, refused)
	proof.Count(t, "hostile archives", float64(archives), "")
	proof.Count(t, "escapes", float64(escapes), "")
}

// inspect starts a sandbox on what was unpacked, and looks for what must not be there.
func inspect(t *testing.T, c *Cache, root *Root) string {
	t.Helper()
	out, exit := run(t, Spec{Root: root}, "find", "/")
	if exit.Code != 0 {
		return fmt.Sprintf("the sandbox ended with %+v: %s", exit, out)
	}
	bad := ""
	err := filepath.WalkDir(c.dir, func(file string, d fs.DirEntry, err error) error {
		if d != nil && d.IsDir() && os.IsPermission(err) {
			return fs.SkipDir
		}
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		if info.Mode()&(fs.ModeSetuid|fs.ModeSetgid|fs.ModeDevice|fs.ModeNamedPipe|fs.ModeSocket) != 0 {
			bad = fmt.Sprintf("%s has mode %s", file, info.Mode())
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	return bad
}

// snapshot is everything about the files of a folder, their number of links included.
func snapshot(t *testing.T, dir string) map[string]string {
	t.Helper()
	files := map[string]string{}
	err := filepath.WalkDir(dir, func(file string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		files[file] = fmt.Sprint(info.Mode(), info.ModTime())
		if stat, known := info.Sys().(*syscall.Stat_t); known && !d.IsDir() {
			content, err := os.ReadFile(file)
			files[file] += fmt.Sprint(" links ", stat.Nlink, " ", string(content), err)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func TestBombsAreRefused(t *testing.T) {
	many := make([]entry, 200)
	for i := range many {
		many[i] = entry{name: fmt.Sprint("f", i), body: "x"}
	}
	for name, c := range map[string]struct {
		limits Limits
		layers [][]entry
	}{
		"one large file":           {Limits{Bytes: 1 << 20}, [][]entry{{{name: "f", body: strings.Repeat("0", 2<<20)}}}},
		"large in several":         {Limits{Bytes: 1 << 20}, [][]entry{{{name: "f", body: strings.Repeat("0", 700<<10)}}, {{name: "g", body: strings.Repeat("1", 700<<10)}}}},
		"many entries":             {Limits{Entries: 100}, [][]entry{many}},
		"folders that are implied": {Limits{Entries: 100}, [][]entry{{{name: strings.Repeat("d/", 200) + "f"}}}},
	} {
		cache, err := OpenCache(filepath.Join(t.TempDir(), "cache"), c.limits)
		if err != nil {
			t.Fatal(err)
		}
		// The second try meets the layers that the first one has unpacked.
		for range 2 {
			if _, err := cache.Unpack(t.Context(), imageOf(t, c.layers...)); err == nil {
				t.Errorf("%s: was unpacked", name)
			}
		}
		left, err := os.ReadDir(filepath.Join(cache.dir, workDir))
		if err != nil || len(left) > 0 {
			t.Errorf("%s: left %v, %v", name, left, err)
		}
	}
}

func FuzzExtract(f *testing.F) {
	for _, layers := range hostile("/nonexistent/outside") {
		for _, entries := range layers {
			f.Add(archive(f, entries))
		}
	}
	f.Fuzz(func(t *testing.T, content []byte) {
		dir := t.TempDir()
		tree := filepath.Join(dir, "tree")
		if err := os.Mkdir(tree, 0o755); err != nil {
			t.Fatal(err)
		}
		root, err := os.OpenRoot(tree)
		if err != nil {
			t.Fatal(err)
		}
		defer root.Close()
		_ = newExtractor(root, newBudget(Limits{Bytes: 1 << 20, Entries: 500})).extract(bytes.NewReader(content)) // errors are fine
		around, err := os.ReadDir(dir)
		if err != nil || len(around) != 1 {
			t.Errorf("written beside the tree: %v, %v", around, err)
		}
	})
}
