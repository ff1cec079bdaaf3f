package image

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/google/go-cmp/cmp"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/klauspost/compress/gzip"
)

// unpacked reads a layer as others do.
func unpacked(t *testing.T, l *Layer) []*tar.Header {
	t.Helper()
	rc, err := l.Open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer rc.Close()
	stored, err := io.ReadAll(rc)
	if err != nil {
		t.Fatal(err)
	}
	if digestOf(stored).String() != l.Digest() || int64(len(stored)) != l.Size() {
		t.Error("the layer's bytes are not those of its digest and size")
	}
	zip, err := gzip.NewReader(bytes.NewReader(stored))
	if err != nil {
		t.Fatal(err)
	}
	content, err := io.ReadAll(zip)
	if err != nil {
		t.Fatal(err)
	}
	if digestOf(content).String() != l.DiffID() || int64(len(content)) != l.Uncompressed() {
		t.Error("the layer's content is not that of its diff id and size")
	}
	var headers []*tar.Header
	for archive := tar.NewReader(bytes.NewReader(content)); ; {
		header, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return headers
		}
		if err != nil {
			t.Fatal(err)
		}
		headers = append(headers, header)
	}
}

func TestLayerIsNormalised(t *testing.T) {
	script := text("scar/script", "#!/bin/sh\n")
	script.Mode = 0o4750
	l := layerOf(t,
		script, text("scar/files/b/ü +%.txt", "data"), Entry{Name: "scar/files/a/", Dir: true, Mode: 0o700},
		Entry{Name: "scar/files/link", Link: "b/../a"}, text("scar/files/"+strings.Repeat("long", 60), ""),
	)
	var got []string
	for _, h := range unpacked(t, l) {
		got = append(got, fmt.Sprintf("%c %04o %d %s %s", h.Typeflag, h.Mode, h.Size, h.Name, h.Linkname))
		if h.Uid != 0 || h.Gid != 0 || h.Uname != "" || h.Gname != "" || !h.ModTime.Equal(time.Unix(0, 0)) {
			t.Errorf("%s: owner %d:%d %q:%q, time %s", h.Name, h.Uid, h.Gid, h.Uname, h.Gname, h.ModTime)
		}
	}
	want := []string{
		"5 0755 0 scar/ ", "5 0755 0 scar/files/ ", "5 0755 0 scar/files/a/ ", "5 0755 0 scar/files/b/ ",
		"0 0644 4 scar/files/b/ü +%.txt ", "2 0777 0 scar/files/link b/../a",
		"0 0644 0 scar/files/" + strings.Repeat("long", 60) + " ", "0 0755 10 scar/script ",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// folderEntries are the entries of a folder on the disk.
func folderEntries(t *testing.T, dir string) []Entry {
	t.Helper()
	var entries []Entry
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(dir, path)
		entries = append(entries, Entry{
			Name: "scar/files/" + filepath.ToSlash(rel), Mode: info.Mode(), Size: info.Size(),
			Open: func() (io.ReadCloser, error) { return os.Open(path) },
		})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return entries
}

func TestEqualFilesGiveEqualLayers(t *testing.T) {
	write := func(mode fs.FileMode, age time.Duration) string {
		dir := t.TempDir()
		if err := os.MkdirAll(filepath.Join(dir, "a", "b"), 0o777); err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{"a/b/one", "a/two", "three"} {
			path := filepath.Join(dir, name)
			if err := os.WriteFile(path, bytes.Repeat([]byte(name), 100_000), mode); err != nil {
				t.Fatal(err)
			}
			if err := os.Chmod(path, mode); err != nil {
				t.Fatal(err)
			}
			then := time.Now().Add(-age)
			if err := os.Chtimes(path, then, then); err != nil {
				t.Fatal(err)
			}
		}
		return dir
	}
	first := layerOf(t, folderEntries(t, write(0o600, 0))...)
	entries := folderEntries(t, write(0o666, 1000*time.Hour))
	slices.Reverse(entries)
	second := layerOf(t, entries...)
	if first.Digest() != second.Digest() || first.DiffID() != second.DiffID() {
		t.Errorf("%s and %s", first.Digest(), second.Digest())
	}
	if other := layerOf(t, folderEntries(t, write(0o700, 0))...); other.Digest() == first.Digest() {
		t.Error("executable files give the same layer as others")
	}
}

// A change of these values means that every function's image gets a new digest, and that the converted
// layers in caches are of an old form: change gzipFormat with them, and say so in the release's notes.
func TestLayerBytesAreStable(t *testing.T) {
	var b strings.Builder
	random := rand.New(rand.NewPCG(1, 2))
	for range 50_000 {
		fmt.Fprintf(&b, "%d the quick brown fox %x\n", random.IntN(100), random.IntN(1000))
	}
	l := layerOf(t, text("scar/files/a", b.String()), Entry{Name: "scar/files/ü", Link: "a"})
	const (
		digest = "sha256:29e064e031c0fa44fbae4b0cb07fc5ef55d2bfb48aab21745e507c994bd7e107"
		diffID = "sha256:dece946edb6eddb09b4a0bac7e99fa230f55dc717b1877180cb94e198c4909b1"
		image  = "sha256:657d090e5567631d8be7a42ae1ad6f42c71da6ec34ef408e29d80cc6baaff0d9"
	)
	if l.Digest() != digest || l.DiffID() != diffID {
		t.Errorf("digest %s, diff id %s", l.Digest(), l.DiffID())
	}
	config := &v1.ConfigFile{OS: "linux", Architecture: "amd64", Config: v1.Config{Env: []string{"A=b"}}}
	img := assemble(t, &Base{family: ociFamily, config: config, turns: &turns{}}, l)
	if img.Digest() != image {
		t.Errorf("image digest %s", img.Digest())
	}
}

func TestCompressionDependsOnNothingButTheContent(t *testing.T) {
	content := append(tarOf(t, "random", 300_000), bytes.Repeat([]byte("compressible "), 50_000)...)
	var want packed
	for i, reader := range []io.Reader{
		bytes.NewReader(content), iotest.OneByteReader(bytes.NewReader(content)), iotest.HalfReader(bytes.NewReader(content)),
	} {
		got, err := compress(io.Discard, func(w io.Writer) error {
			_, err := io.CopyBuffer(struct{ io.Writer }{w}, struct{ io.Reader }{reader}, make([]byte, 1000+i))
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		if want == (packed{}) {
			want = got
		}
		if got != want {
			t.Errorf("read in another way, the content gives %v, not %v", got, want)
		}
	}
}

func TestLargeLayerIsMadeAgainEachTime(t *testing.T) {
	content := tarOf(t, "large", 2*maxKept)
	opened := 0
	l := layerOf(t, Entry{Name: "scar/files/model", Size: int64(len(content)), Open: func() (io.ReadCloser, error) {
		opened++
		return io.NopCloser(bytes.NewReader(content)), nil
	}})
	unpacked(t, l)
	unpacked(t, l)
	if opened != 3 {
		t.Errorf("the file was opened %d times", opened)
	}
	ctx, cancel := context.WithCancel(t.Context())
	rc, err := l.Open(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer rc.Close()
	cancel()
	if _, err := io.Copy(io.Discard, rc); !errors.Is(err, context.Canceled) {
		t.Errorf("reading it after the context's end: %v", err)
	}
}

func TestNewLayerRefuses(t *testing.T) {
	ok := text("scar/files/a", "x")
	lies := func(size int64) Entry { e := text("scar/files/a", "four"); e.Size = size; return e }
	for want, entries := range map[string][]Entry{
		"not below scar/":            {text("etc/passwd", "")},
		"is not below scar/":         {text("/scar/a", "")},
		"shortest form":              {text("scar/../etc/passwd", "")},
		"in its shortest form":       {text("scar//a", "")},
		"backslash":                  {text(`scar/a\b`, "")},
		"a zero byte":                {text("scar/a\x00", "")},
		"invalid UTF-8":              {text("scar/\xff", "")},
		".wh.":                       {text("scar/.wh.files", "")},
		"longer than 255":            {text("scar/"+strings.Repeat("x", 256), "")},
		"only be a folder":           {text("scar", "")},
		"there twice":                {ok, ok},
		"is no folder":               {ok, text("scar/files/a/b", "")},
		`"scar/files/l" is no`:       {{Name: "scar/files/l", Link: "."}, text("scar/files/l/b", "")},
		"without content":            {{Name: "scar/a"}},
		"a size of -1":               {lies(-1)},
		"both a folder and":          {{Name: "scar/a", Dir: true, Link: "b"}},
		"leads out of scar/":         {{Name: "scar/a/b", Link: "../../etc"}},
		`to "/etc"`:                  {{Name: "scar/a/b", Link: "/etc"}},
		"4 bytes in place of 5":      {lies(5)},
		"more than 3 bytes":          {lies(3)},
		"link's target holds":        {{Name: "scar/a", Link: `..\b`}},
		"open it as always: refused": {{Name: "scar/a", Open: func() (io.ReadCloser, error) { return nil, errors.New("open it as always: refused") }}},
	} {
		_, err := NewLayer(t.Context(), entries)
		wantError(t, err, want)
	}
}

func TestNewLayerEndsWithTheContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	endless := Entry{Name: "scar/a", Size: 1 << 40, Open: func() (io.ReadCloser, error) {
		cancel()
		return io.NopCloser(zeros{}), nil
	}}
	if _, err := NewLayer(ctx, []Entry{endless}); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { return len(p), nil }

func TestLayerFromBlob(t *testing.T) {
	made := layerOf(t, text("scar/runtime", "binary"))
	rc, err := made.Open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	blob, err := io.ReadAll(rc)
	if err != nil {
		t.Fatal(err)
	}
	l, err := LayerFromBlob(blob, made.Digest(), made.DiffID(), made.Uncompressed())
	if err != nil {
		t.Fatal(err)
	}
	unpacked(t, l)
	_, err = LayerFromBlob(blob[1:], made.Digest(), made.DiffID(), 0)
	wantError(t, err, "does not match its digest")
	_, err = LayerFromBlob(blob, "sha256:1", made.DiffID(), 0)
	wantError(t, err, "ready-made layer: digest")
	_, err = LayerFromBlob(blob, made.Digest(), "", 0)
	wantError(t, err, "ready-made layer: diff id")
}

func FuzzEntryNames(f *testing.F) {
	for _, s := range []string{"scar/a", "scar/../a", "/scar", `scar\a`, "scar/.wh.a", "scar/a/", "scar/./a", "scar/\x00"} {
		f.Add(s, "../b")
	}
	f.Fuzz(func(t *testing.T, name, link string) {
		sorted, err := arrange([]Entry{{Name: name, Link: link, Dir: link == ""}})
		if err != nil {
			return
		}
		for _, e := range sorted {
			if e.Name != top && !strings.HasPrefix(e.Name, top+"/") || strings.Contains("/"+e.Name+"/", "/../") || strings.Contains(e.Name, `\`) {
				t.Errorf("%q came through", e.Name)
			}
			end := filepath.Join("/", filepath.Dir(e.Name), e.Link)
			if e.Link != "" && end != "/scar" && !strings.HasPrefix(end, "/scar/") {
				t.Errorf("%q leads to %q", e.Name, end)
			}
		}
	})
}

func BenchmarkLayer100MB(b *testing.B) {
	content := tarOf(b, "model", 100<<20)
	text := bytes.Repeat([]byte("a line of text that repeats itself, 12345\n"), (100<<20)/42)
	for name, content := range map[string][]byte{"weights": content, "text": text} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(content)))
			for b.Loop() {
				layerOf(b, Entry{Name: "scar/files/m", Size: int64(len(content)), Open: func() (io.ReadCloser, error) {
					return io.NopCloser(bytes.NewReader(content)), nil
				}})
			}
		})
	}
}

func BenchmarkAssemble(b *testing.B) {
	config := &v1.ConfigFile{OS: "linux", Architecture: "amd64"}
	base := &Base{family: ociFamily, config: config, turns: &turns{}}
	for i := range 20 {
		base.blobs = append(base.blobs, blob{desc: v1.Descriptor{Digest: digestOf([]byte{byte(i)}), Size: 1}, diffID: digestOf([]byte{byte(i)})})
	}
	layers := []*Layer{layerOf(b, text("scar/script", "x"))}
	for b.Loop() {
		assemble(b, base, layers...).Digest()
	}
}
