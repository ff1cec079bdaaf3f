package image

import (
	"archive/tar"
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// put is a member of a test layer.
type put struct {
	name string // a folder where it ends in a slash
	mode int64  // 0: 0755
	typ  byte   // 0: as the name says
	to   string // target of links
}

func link(name, to string) put  { return put{name: name, typ: tar.TypeSymlink, to: to} }
func hard(name, to string) put  { return put{name: name, typ: tar.TypeLink, to: to} }
func program(name string) put   { return put{name: name} }
func plainFile(name string) put { return put{name: name, mode: 0o644} }

func layerBytes(t testing.TB, members ...put) []byte {
	t.Helper()
	var buf bytes.Buffer
	w := tar.NewWriter(&buf)
	for _, p := range members {
		h := &tar.Header{Name: p.name, Mode: p.mode, Typeflag: p.typ, Linkname: p.to}
		if h.Mode == 0 {
			h.Mode = 0o755
		}
		if h.Typeflag == 0 {
			h.Typeflag = tar.TypeReg
			if strings.HasSuffix(p.name, "/") {
				h.Typeflag = tar.TypeDir
			}
		}
		if err := w.WriteHeader(h); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

// baseOf is a base with the layers, in an OCI layout.
func baseOf(t testing.TB, r *Resolver, layers ...[]byte) *Base {
	t.Helper()
	p := newPicture(t, ociFamily, "amd64")
	for _, content := range layers {
		p.add(types.OCILayer, gzipBytes(t, content))
	}
	base, err := r.Resolve(t.Context(), Source{Path: writeLayout(t, p)}, "")
	if err != nil {
		t.Fatal(err)
	}
	return base
}

func writeLayout(t testing.TB, p *picture) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range p.layoutFiles() {
		name = filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, content, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// seen is a Look as the tests write it.
func seen(l Look) string {
	switch {
	case l.Presence == Unknown:
		return "unknown"
	case l.Presence == Absent:
		return "absent " + l.Path
	}
	kind := "file"
	if l.Folder {
		kind = "folder"
	}
	if l.Executable {
		kind = "program"
	}
	if l.Closed != "" {
		kind += " closed by " + l.Closed
	}
	return kind + " " + l.Path
}

func TestLook(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		layers [][]put
		want   map[string]string
	}{
		"files": {[][]put{{{name: "bin/"}, program("bin/sh"), plainFile("etc/passwd"), {name: "root-only", mode: 0o744}}}, map[string]string{
			"/bin/sh": "program /bin/sh", "/bin": "folder /bin", "/": "folder /", "//bin/./sh": "program /bin/sh",
			"/bin/bash": "absent /bin/bash", "/etc/passwd": "file /etc/passwd", "/etc": "folder /etc", "/usr/bin/env": "absent /usr",
			"/bin/sh/x": "absent /bin/sh", "/bin/../bin/sh": "program /bin/sh", "/../../bin/sh": "program /bin/sh", "/root-only": "file /root-only",
		}},
		"symbolic links": {[][]put{{
			link("bin", "usr/bin"), program("usr/bin/dash"), link("usr/bin/sh", "dash"), link("usr/bin/abs", "/usr/bin/dash"),
			link("usr/up", "../bin/dash"), link("usr/out", "../../../../bin/dash"), link("a", "b"), link("b", "a"), link("gone", "/nowhere/x"), link("self", "self/x"),
		}}, map[string]string{
			"/bin/sh": "program /usr/bin/dash", "/bin/abs": "program /usr/bin/dash", "/usr/up": "program /usr/bin/dash",
			"/usr/out": "program /usr/bin/dash", "/a": "absent /a", "/gone": "absent /nowhere", "/bin": "folder /usr/bin", "/self": "absent /self",
		}},
		"upper layers": {[][]put{
			{program("bin/sh"), program("bin/ls"), plainFile("x")},
			{plainFile("bin/sh"), link("lib", "bin"), program("x")},
		}, map[string]string{
			"/bin/sh": "file /bin/sh", "/bin/ls": "program /bin/ls", "/lib/ls": "program /bin/ls", "/x": "program /x",
		}},
		"whiteouts": {[][]put{
			{program("bin/sh"), program("bin/ls"), program("d/e/f"), program("back")},
			{plainFile("bin/.wh.sh"), plainFile(".wh.d"), plainFile(".wh.back")},
			{program("back")},
		}, map[string]string{
			"/bin/sh": "absent /bin/sh", "/bin/ls": "program /bin/ls", "/d/e/f": "absent /d", "/back": "program /back",
		}},
		"a whiteout takes away what is below it only": {[][]put{
			{program("bin/sh"), program("d/old")},
			{program("bin/sh"), plainFile("bin/.wh.sh"), {name: "d/"}, program("d/new"), plainFile(".wh.d")},
		}, map[string]string{"/bin/sh": "program /bin/sh", "/d/new": "program /d/new", "/d/old": "absent /d/old"}},
		"opaque folders": {[][]put{
			{program("bin/sh"), program("bin/sub/x")},
			{{name: "bin/"}, program("bin/new"), plainFile("bin/.wh..wh..opq")},
		}, map[string]string{"/bin/sh": "absent /bin/sh", "/bin/sub/x": "absent /bin/sub", "/bin/new": "program /bin/new"}},
		"opaque root": {[][]put{{program("bin/sh")}, {program("x"), plainFile(".wh..wh..opq")}}, map[string]string{
			"/bin/sh": "absent /bin", "/x": "program /x",
		}},
		"a file in the place of a folder": {[][]put{{program("opt/x")}, {plainFile("opt")}, {program("opt/y")}}, map[string]string{
			"/opt/x": "unknown", "/opt/y": "program /opt/y",
		}},
		"hard links": {[][]put{
			{program("bin/busybox"), hard("bin/sh", "bin/busybox"), hard("bin/abs", "/bin/busybox"), link("bin/l", "busybox"), hard("bin/hl", "bin/l")},
			{hard("bin/ash", "bin/busybox"), hard("bin/none", "bin/nothing"), hard("loop", "loop2"), hard("loop2", "loop")},
		}, map[string]string{
			"/bin/sh": "program /bin/sh", "/bin/abs": "program /bin/abs", "/bin/ash": "program /bin/ash", "/bin/hl": "program /bin/busybox",
			"/bin/none": "unknown", "/loop": "unknown",
		}},
		"folders that are closed": {[][]put{
			{{name: "root/", mode: 0o700}, program("root/.local/bin/python"), link("python", "root/.local/bin/python"), {name: "open/", mode: 0o711}, program("open/x")},
			{program("root/y")},
		}, map[string]string{
			"/python": "program closed by /root /root/.local/bin/python", "/open/x": "program /open/x", "/root/y": "program closed by /root /root/y",
		}},
		"a folder in the place of a link is not sure": {[][]put{
			{link("bin", "usr/bin"), program("usr/bin/sh")},
			{program("bin/tool")},
			{{name: "lib/"}},
		}, map[string]string{"/bin/sh": "program /usr/bin/sh", "/bin/tool": "unknown", "/bin/x": "unknown", "/usr/bin/x": "absent /usr/bin/x"}},
		"entries through a link of their own layer": {[][]put{{link("bin", "usr/bin"), program("bin/sh"), link("l", "k"), link("k", "l"), program("l/x")}}, map[string]string{
			"/bin/sh": "program /usr/bin/sh", "/x": "unknown",
		}},
		"names": {[][]put{{program("./bin/sh"), program("/sbin/init"), program("a/../b"), program("../../etc/x")}}, map[string]string{
			"/bin/sh": "program /bin/sh", "/sbin/init": "program /sbin/init", "/b": "program /b", "/etc/x": "unknown",
		}},
		"devices": {[][]put{{{name: "pipe", typ: tar.TypeFifo}, {name: "null", typ: tar.TypeChar}}}, map[string]string{"/pipe": "file /pipe", "/null": "file /null"}},
		"nothing": {nil, map[string]string{"/bin/sh": "absent /bin", "/": "folder /"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var layers [][]byte
			for _, members := range c.layers {
				layers = append(layers, layerBytes(t, members...))
			}
			r := NewResolver(ResolverOptions{CacheDir: t.TempDir()})
			base := baseOf(t, r, layers...)
			for at, want := range c.want {
				got, err := base.Look(t.Context(), at)
				if err != nil {
					t.Fatal(err)
				}
				if seen(got) != want {
					t.Errorf("%s: %s, want %s", at, seen(got), want)
				}
			}
		})
	}
}

// TestLookReadsALayerOnce counts how often layers are opened.
func TestLookReadsALayerOnce(t *testing.T) {
	t.Parallel()
	cacheDir := t.TempDir()
	content := layerBytes(t, program("bin/sh"))
	opened := 0
	look := func(wantOpened int, change func(b *Base)) {
		t.Helper()
		base := baseOf(t, NewResolver(ResolverOptions{CacheDir: cacheDir}), content)
		inner := base.blobs[0].open
		base.blobs[0].open = func(ctx context.Context) (io.ReadCloser, error) {
			opened++
			return inner(ctx)
		}
		if change != nil {
			change(base)
		}
		for range 3 {
			got, err := base.Look(t.Context(), "/bin/sh")
			if err != nil || seen(got) != "program /bin/sh" {
				t.Errorf("%s, %v", seen(got), err)
			}
		}
		if opened != wantOpened {
			t.Errorf("the layer was opened %d times, want %d", opened, wantOpened)
		}
	}
	look(1, nil)
	look(1, nil) // another plan
	// A layer that is in a registry is known if it has been listed before.
	look(1, func(b *Base) { b.blobs[0].repo = &name.Repository{} })

	kept, err := filepath.Glob(filepath.Join(cacheDir, listingsFolder, "*"))
	if err != nil || len(kept) != 1 {
		t.Fatalf("kept %v, %v", kept, err)
	}
	for i, damage := range []func([]byte) []byte{
		func(b []byte) []byte { return b[:len(b)/2] },
		func(b []byte) []byte { b[len(b)-3] ^= 1; return b },
		func([]byte) []byte { return nil },
		func([]byte) []byte { b := []byte("no gob"); return fmt.Appendf(nil, "%s\n%s", digestOf(b), b) },
	} {
		b, err := os.ReadFile(kept[0])
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(kept[0], damage(b), 0o600); err != nil {
			t.Fatal(err)
		}
		look(2+i, nil)
	}
}

func TestLookDownloadsNothing(t *testing.T) {
	t.Parallel()
	s := newSpy(t, nil)
	p := newPicture(t, ociFamily, "amd64")
	p.add(types.OCILayer, gzipBytes(t, layerBytes(t, program("bin/sh"))))
	p.push(t, s, "lib/tool", "1")
	base := resolve(t, newTestResolver(t, s), Source{Reference: s.ref("lib/tool:1")})
	got, err := base.Look(t.Context(), "/bin/bash")
	if err != nil || seen(got) != "unknown" {
		t.Errorf("%s, %v", seen(got), err)
	}
}

func TestLookIntoDamagedLayers(t *testing.T) {
	t.Parallel()
	base := baseOf(t, NewResolver(ResolverOptions{CacheDir: t.TempDir()}), layerBytes(t, program("bin/sh")))
	base.blobs[0].open = func(context.Context) (io.ReadCloser, error) {
		wrong := gzipBytes(t, layerBytes(t, program("bin/ls")))
		return verified(io.NopCloser(bytes.NewReader(wrong)), int64(len(wrong)), base.blobs[0].desc.Digest), nil
	}
	_, err := base.Look(t.Context(), "/bin/sh")
	wantError(t, err, "layer 1", errDigest.Error())

	// A layer whose digest is right and that is no archive says nothing.
	base = baseOf(t, NewResolver(ResolverOptions{CacheDir: t.TempDir()}), []byte(strings.Repeat("no archive", 100)))
	got, err := base.Look(t.Context(), "/bin/sh")
	if err != nil || seen(got) != "unknown" {
		t.Errorf("%s, %v", seen(got), err)
	}
	cut := layerBytes(t, program("bin/sh"), program("bin/ls"))
	base = baseOf(t, NewResolver(ResolverOptions{CacheDir: t.TempDir()}), cut[:700])
	if got, err = base.Look(t.Context(), "/bin/ls"); err != nil || seen(got) != "unknown" {
		t.Errorf("%s, %v", seen(got), err)
	}
}

func TestLookIsBounded(t *testing.T) {
	t.Parallel()
	l := newLister()
	for i := range maxItems {
		if !l.add(&tar.Header{Name: fmt.Sprint("f", i), Typeflag: tar.TypeReg}) {
			t.Fatalf("entry %d was refused", i)
		}
	}
	if l.add(&tar.Header{Name: "more", Typeflag: tar.TypeReg}) {
		t.Error("one more than the most was taken")
	}
	l = newLister()
	long := strings.Repeat("x", 1<<20)
	taken := 0
	for l.add(&tar.Header{Name: fmt.Sprint(long, taken), Typeflag: tar.TypeReg}) {
		taken++
	}
	if taken >= maxNames>>20 {
		t.Errorf("%d names of a megabyte were taken", taken)
	}
}

func FuzzListArchive(f *testing.F) {
	f.Add(layerBytes(f, program("bin/sh"), link("a", "b"), hard("c", "a"), plainFile(".wh.x"), plainFile("d/.wh..wh..opq"), program("a/x")), "/a/x")
	f.Add(layerBytes(f, link("a", "b"), link("b", "../a/../b/c"), program("b/c")), "/a/b/c")
	f.Fuzz(func(t *testing.T, content []byte, name string) {
		list, _ := listArchive(bytes.NewReader(content))
		layers := tree{list, list}
		if got := layers.look(name); got.Presence == Present && !strings.HasPrefix(got.Path, "/") {
			t.Errorf("%q is at %q", name, got.Path)
		}
	})
}

func BenchmarkLook(b *testing.B) {
	var members []put
	for i := range 30_000 {
		members = append(members, plainFile(fmt.Sprintf("usr/share/package-%d/files/file-%d", i/100, i)))
	}
	members = append(members, program("bin/sh"))
	base := baseOf(b, NewResolver(ResolverOptions{}), layerBytes(b, members...))
	look := func(b *testing.B, dir string) {
		base.listings = &listings{cache: cache{dir}} // as another process has them
		if got, err := base.Look(b.Context(), "/bin/sh"); err != nil || got.Presence != Present {
			b.Fatal(got, err)
		}
	}
	b.Run("first plan", func(b *testing.B) {
		for b.Loop() {
			look(b, "")
		}
	})
	dir := b.TempDir()
	b.Run("next plan", func(b *testing.B) {
		for b.Loop() {
			look(b, dir)
		}
	})
}
