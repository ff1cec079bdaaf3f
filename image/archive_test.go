package image

import (
	"archive/tar"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/google/go-containerregistry/pkg/v1/validate"
)

func writeFile(t testing.TB, content []byte) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "image.tar")
	if err := os.WriteFile(name, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

func writeFolder(t testing.TB, files map[string][]byte) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range files {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// mixed is a picture with a layer of each compression.
func mixed(t testing.TB) *picture {
	p := newPicture(t, ociFamily, "amd64", 150_000)
	p.add(types.OCILayerZStd, zstdBytes(t, tarOf(t, "zstd", 120_000)))
	p.add(types.OCIUncompressedLayer, tarOf(t, "plain", 110_000))
	return p
}

// sources are all forms in which a picture can come.
func sources(t *testing.T, p *picture, s *spy) map[string]Source {
	p.push(t, s, "lib/tool", "1")
	docker := archiveOf(t, p.dockerFiles(t))
	oci := archiveOf(t, p.layoutFiles())
	both := p.layoutFiles()
	maps.Copy(both, p.dockerFiles(t))
	return map[string]Source{
		"registry":             {Reference: s.ref("lib/tool:1")},
		"layout":               {Path: writeFolder(t, p.layoutFiles())},
		"OCI archive":          {Path: writeFile(t, oci)},
		"OCI archive, gzip":    {Path: writeFile(t, gzipBytes(t, oci))},
		"OCI archive, zstd":    {Path: writeFile(t, zstdBytes(t, oci))},
		"docker archive":       {Path: writeFile(t, docker)},
		"docker archive, gzip": {Path: writeFile(t, gzipBytes(t, docker))},
		"both in one archive":  {Path: writeFile(t, archiveOf(t, both))},
	}
}

func TestEverySourceCanBePushed(t *testing.T) {
	t.Parallel()
	from, p := newSpy(t, nil), mixed(t)
	layers := map[string]string{} // diff ids by kind of source
	for name, source := range sources(t, p, from) {
		t.Run(name, func(t *testing.T) {
			to := newSpy(t, nil)
			base := resolve(t, newTestResolver(t, from), source)
			img := assemble(t, base, layerOf(t, text("scar/script", "x")))
			got := pushed(t, img, to)
			if err := validate.Image(got); err != nil {
				t.Error(err)
			}
			manifest, err := got.Manifest()
			if err != nil {
				t.Fatal(err)
			}
			for i, l := range manifest.Layers {
				if !isGzip(l.MediaType) {
					t.Errorf("layer %d is %s", i, l.MediaType)
				}
			}
			if strings.HasPrefix(name, "docker") {
				if base.family != dockerFamily {
					t.Error("a docker save archive has become an OCI image")
				}
			} else if base.Digest != p.descriptor().Digest.String() {
				t.Errorf("digest %s is not that of the source's manifest", base.Digest)
			}
			// The same layers however they came, but for gzip that was there already.
			kind, list := strings.HasPrefix(name, "docker"), base.Layers
			key := fmt.Sprint(kind)
			if have := layers[key]; have != "" && have != fmt.Sprint(list) {
				t.Errorf("layers %v differ from %v", list, have)
			}
			layers[key] = fmt.Sprint(list)
		})
	}
}

func TestConversionHappensOnce(t *testing.T) {
	t.Parallel()
	from, p := newSpy(t, nil), mixed(t)
	for name, source := range sources(t, p, from) {
		t.Run(name, func(t *testing.T) {
			opts := ResolverOptions{CacheDir: t.TempDir(), Keychain: anonymous{}}
			var done, total int64
			opts.Converting = func(s Source, d, n int64) {
				if s != source {
					t.Errorf("progress of %s", s)
				}
				done, total = d, n
			}
			first := resolve(t, NewResolver(opts), source)
			if done == 0 || done != total {
				t.Errorf("converted %d of %d bytes", done, total)
			}
			opts.Converting = func(Source, int64, int64) { t.Error("converted again") }
			from.reset()
			second := resolve(t, NewResolver(opts), source)
			if blobs := from.seen("GET", "/blobs/"); len(blobs) > 1 {
				t.Errorf("the second time read %v", blobs)
			}
			if first.Digest != second.Digest || assemble(t, first).Digest() != assemble(t, second).Digest() {
				t.Error("the second time gives another image")
			}
			other := resolve(t, newTestResolver(t, from), source)
			if assemble(t, first).Digest() != assemble(t, other).Digest() {
				t.Error("another cache gives another image")
			}
			if parts, err := os.ReadDir(filepath.Join(opts.CacheDir, "tmp")); err != nil || len(parts) > 0 {
				t.Errorf("left in the cache: %v, %v", parts, err)
			}
		})
	}
}

// TestCompressedArchiveIsNotReadAgain shows it by an archive that cannot be read any more.
func TestCompressedArchiveIsNotReadAgain(t *testing.T) {
	t.Parallel()
	path := writeFile(t, gzipBytes(t, archiveOf(t, mixed(t).dockerFiles(t))))
	opts := ResolverOptions{CacheDir: t.TempDir()}
	resolve(t, NewResolver(opts), Source{Path: path})
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteAt(make([]byte, info.Size()-10), 10); err != nil {
		t.Fatal(err)
	}
	f.Close()
	if err := os.Chtimes(path, info.ModTime(), info.ModTime()); err != nil {
		t.Fatal(err)
	}
	resolve(t, NewResolver(opts), Source{Path: path})
	later := info.ModTime().Add(1e9)
	if err := os.Chtimes(path, later, later); err != nil {
		t.Fatal(err)
	}
	if _, err := NewResolver(opts).Resolve(t.Context(), Source{Path: path}, ""); err == nil {
		t.Error("a file with another time was not read again")
	}
}

func TestBadFiles(t *testing.T) {
	t.Parallel()
	p := newPicture(t, ociFamily, "amd64", 1000, 2000)
	change := func(files map[string][]byte, name string, content []byte) []byte {
		if content == nil {
			delete(files, name)
		} else {
			files[name] = content
		}
		return archiveOf(t, files)
	}
	layer := "blobs/sha256/" + digestOf(p.layers[1].content).Hex
	config := digestOf(p.rawConfig()).Hex
	two := newPicture(t, ociFamily, "amd64", 3000).descriptor()
	two.Platform, two.Annotations = nil, map[string]string{"org.opencontainers.image.ref.name": "second"}
	one := p.descriptor()
	one.Platform = nil
	dockerImages := func(images ...map[string]any) []byte {
		b, err := json.Marshal(images)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	whole := archiveOf(t, p.layoutFiles())
	for _, c := range []struct {
		name    string
		content []byte
		want    string
	}{
		{"empty", nil, "too short"},
		{"garbage", bytes.Repeat([]byte("no archive "), 1000), "tar archive"},
		{"a tar of something else", archiveOf(t, map[string][]byte{"a": nil}), "neither a docker save archive"},
		{"cut", whole[:len(whole)/2], "tar archive"},
		{"cut gzip", gzipBytes(t, whole)[:1000], "decompress it"},
		{"xz", append([]byte("\xfd7zXZ\x00"), make([]byte, 1000)...), "xz or bzip2"},
		{"no layout version", change(p.layoutFiles(), "oci-layout", nil), "oci-layout"},
		{"future layout", change(p.layoutFiles(), "oci-layout", []byte(`{"imageLayoutVersion":"2.0"}`)), `version "2.0"`},
		{"no images", change(p.layoutFiles(), "index.json", indexOf(types.OCIImageIndex)), "lists no image"},
		{"two images", change(p.layoutFiles(), "index.json", indexOf(types.OCIImageIndex, one, two)), "it holds 2 images"},
		{"missing layer", change(p.layoutFiles(), layer, nil), "is missing"},
		{"huge index", change(p.layoutFiles(), "index.json", make([]byte, maxMetadata+1)), "larger than 4 MB"},
		{"index that is no JSON", change(p.layoutFiles(), "index.json", []byte("x")), "read its index.json"},
		{"other manifest", change(p.layoutFiles(), "blobs/sha256/"+p.descriptor().Digest.Hex, []byte(`{}`)), "does not match its digest"},
		{"other config", change(p.layoutFiles(), "blobs/sha256/"+config, bytes.Replace(p.rawConfig(), []byte("nobody"), []byte("nobod!"), 1)), "does not match its digest"},
		{"docker: two images", change(p.dockerFiles(t), "manifest.json", dockerImages(
			map[string]any{"RepoTags": []string{"one:1"}}, map[string]any{"RepoTags": []string{"two:2"}})), `["one:1" "two:2"]`},
		{"docker: escape", change(p.dockerFiles(t), "manifest.json", dockerImages(
			map[string]any{"Config": "../../../../etc/passwd"})), "file does not exist"},
		{"docker: no config", change(p.dockerFiles(t), config+".json", nil), "read its configuration"},
		{"docker: no layer", change(p.dockerFiles(t), "1/layer.tar", nil), "find its layer 2"},
		{"docker: other layer", change(p.dockerFiles(t), "1/layer.tar", tarOf(t, "other", 10)), "layer 2: it is damaged"},
		{"docker: no list", change(p.dockerFiles(t), "manifest.json", []byte("{}")), "read its manifest.json"},
	} {
		t.Run(c.name, func(t *testing.T) {
			path := writeFile(t, c.content)
			_, err := newTestResolver(t, nil).Resolve(t.Context(), Source{Path: path}, "")
			wantError(t, err, path, c.want)
		})
	}
}

func TestDamagedLayerOfAnArchiveIsNotPushed(t *testing.T) {
	t.Parallel()
	p := newPicture(t, ociFamily, "amd64", 1000)
	files := p.layoutFiles()
	layer := "blobs/sha256/" + digestOf(p.layers[0].content).Hex
	files[layer] = bytes.Clone(files[layer])
	files[layer][500]++
	for _, source := range []string{writeFile(t, archiveOf(t, files)), writeFolder(t, files)} {
		base := resolve(t, newTestResolver(t, nil), Source{Path: source})
		err := PushBlobs(t.Context(), assemble(t, base), newSpy(t, nil).target("scar/p"), nil)
		wantError(t, err, "does not match its digest")
	}
}

func TestArchiveThatChangesIsNotPushed(t *testing.T) {
	t.Parallel()
	p := newPicture(t, ociFamily, "amd64", 1000)
	path := writeFile(t, archiveOf(t, p.layoutFiles()))
	base := resolve(t, newTestResolver(t, nil), Source{Path: path})
	if err := os.WriteFile(path, []byte("something else"), 0o600); err != nil {
		t.Fatal(err)
	}
	err := PushBlobs(t.Context(), assemble(t, base), newSpy(t, nil).target("scar/p"), nil)
	wantError(t, err, "changed after it was first read")
}

func TestLayoutLinksLeadNowhereElse(t *testing.T) {
	t.Parallel()
	p := newPicture(t, ociFamily, "amd64", 1000)
	files := p.layoutFiles()
	outside := writeFile(t, files["index.json"])
	delete(files, "index.json")
	dir := writeFolder(t, files)
	if err := os.Symlink(outside, filepath.Join(dir, "index.json")); err != nil {
		t.Fatal(err)
	}
	_, err := newTestResolver(t, nil).Resolve(t.Context(), Source{Path: dir}, "")
	wantError(t, err, "escapes")
}

func TestLinksInArchives(t *testing.T) {
	t.Parallel()
	var buf bytes.Buffer
	w := tar.NewWriter(&buf)
	for _, h := range []tar.Header{
		{Name: "./a/layer.tar", Typeflag: tar.TypeReg, Size: 4},
		{Name: "b/layer.tar", Typeflag: tar.TypeSymlink, Linkname: "../a/layer.tar"},
		{Name: "c", Typeflag: tar.TypeLink, Linkname: "b/layer.tar"},
		{Name: "loop", Typeflag: tar.TypeSymlink, Linkname: "loop"},
		{Name: "out", Typeflag: tar.TypeSymlink, Linkname: "../../../../etc/passwd"},
		{Name: "root", Typeflag: tar.TypeSymlink, Linkname: "/etc/passwd"},
	} {
		if err := w.WriteHeader(&h); err != nil {
			t.Fatal(err)
		}
		if h.Size > 0 {
			if _, err := w.Write([]byte("data")); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	a, err := newArchive(writeFile(t, buf.Bytes()), cache{})
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"a/layer.tar": "data", "b/layer.tar": "data", "c": "data", "loop": "", "out": "", "root": ""} {
		got, err := readFile(t.Context(), a, name)
		if want == "" && !errors.Is(err, os.ErrNotExist) || string(got) != want {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
}

func FuzzArchive(f *testing.F) {
	p := newPicture(f, ociFamily, "amd64", 10)
	f.Add(archiveOf(f, p.layoutFiles()))
	f.Add(archiveOf(f, p.dockerFiles(f)))
	f.Add(gzipBytes(f, archiveOf(f, p.dockerFiles(f))))
	f.Add([]byte{0x28, 0xb5, 0x2f, 0xfd, 0, 0, 0})
	f.Fuzz(func(t *testing.T, content []byte) {
		path := writeFile(t, content)
		r := NewResolver(ResolverOptions{CacheDir: t.TempDir()})
		base, err := r.Resolve(context.Background(), Source{Path: path}, "")
		if err != nil {
			return
		}
		img, err := Assemble(base, nil, []string{"/x"})
		if err != nil {
			return
		}
		for _, b := range img.blobs {
			rc, err := b.open(context.Background())
			if err != nil {
				continue
			}
			sum := newMeter()
			if _, err := io.Copy(sum, rc); err == nil && (sum.digest() != b.desc.Digest || sum.n != b.desc.Size) {
				t.Errorf("a blob of digest %s gave %s", b.desc.Digest, sum.digest())
			}
			rc.Close()
		}
	})
}
