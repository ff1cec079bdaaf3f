package image

import (
	"archive/tar"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/authn"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// picture is a test image: a configuration and layers as they are stored.
type picture struct {
	family family
	config v1.ConfigFile
	layers []storedLayer
}

type storedLayer struct {
	mediaType types.MediaType
	content   []byte
	diffID    v1.Hash
}

// newPicture is an image for a platform with gzip layers of the given sizes, of random content.
func newPicture(t testing.TB, f family, arch string, sizes ...int) *picture {
	t.Helper()
	p := &picture{family: f, config: v1.ConfigFile{
		OS: "linux", Architecture: arch,
		Config: v1.Config{
			Env: []string{"PATH=/usr/bin", "LANG=C"}, Entrypoint: []string{"/bin/tool"}, Cmd: []string{"--help"},
			WorkingDir: "/work", User: "nobody", Labels: map[string]string{"maker": "test"},
		},
	}}
	for i, size := range sizes {
		p.add(f.layer, gzipBytes(t, tarOf(t, fmt.Sprintf("usr/share/%s/%d", arch, i), size)))
	}
	return p
}

// add puts a stored layer on top. The compression is found by looking.
func (p *picture) add(mediaType types.MediaType, content []byte) {
	rc, err := decompress(bytes.NewReader(content))
	if err != nil {
		panic(err)
	}
	inner, err := io.ReadAll(rc)
	if err != nil {
		panic(err)
	}
	diffID := digestOf(inner)
	p.layers = append(p.layers, storedLayer{mediaType, content, diffID})
	p.config.RootFS.Type = "layers"
	p.config.RootFS.DiffIDs = append(p.config.RootFS.DiffIDs, diffID)
	p.config.History = append(p.config.History, v1.History{CreatedBy: "test"})
}

func (p *picture) rawConfig() []byte {
	b, err := json.Marshal(p.config)
	if err != nil {
		panic(err)
	}
	return b
}

func (p *picture) manifest() []byte {
	config := p.rawConfig()
	m := v1.Manifest{SchemaVersion: 2, MediaType: p.family.manifest, Layers: []v1.Descriptor{}}
	m.Config = v1.Descriptor{MediaType: p.family.config, Size: int64(len(config)), Digest: digestOf(config)}
	for _, l := range p.layers {
		m.Layers = append(m.Layers, v1.Descriptor{MediaType: l.mediaType, Size: int64(len(l.content)), Digest: digestOf(l.content)})
	}
	b, err := json.Marshal(m)
	if err != nil {
		panic(err)
	}
	return b
}

func (p *picture) descriptor() v1.Descriptor {
	m := p.manifest()
	return v1.Descriptor{
		MediaType: p.family.manifest, Size: int64(len(m)), Digest: digestOf(m),
		Platform: &v1.Platform{OS: p.config.OS, Architecture: p.config.Architecture},
	}
}

// push stores the picture in a registry, under its digest and a tag.
func (p *picture) push(t *testing.T, s *spy, repo, tag string) {
	t.Helper()
	for _, l := range p.layers {
		s.putBlob(t, repo, l.content)
	}
	s.putBlob(t, repo, p.rawConfig())
	for _, name := range []string{tag, p.descriptor().Digest.String()} {
		s.put(t, "/v2/"+repo+"/manifests/"+name, string(p.family.manifest), p.manifest())
	}
}

func indexOf(mediaType types.MediaType, entries ...v1.Descriptor) []byte {
	b, err := json.Marshal(v1.IndexManifest{SchemaVersion: 2, MediaType: mediaType, Manifests: entries})
	if err != nil {
		panic(err)
	}
	return b
}

// blobFiles are the picture's blobs and manifest as an OCI layout has them.
func (p *picture) blobFiles() map[string][]byte {
	files := map[string][]byte{}
	for _, b := range [][]byte{p.manifest(), p.rawConfig()} {
		files["blobs/sha256/"+digestOf(b).Hex] = b
	}
	for _, l := range p.layers {
		files["blobs/sha256/"+digestOf(l.content).Hex] = l.content
	}
	return files
}

// layoutFiles are the files of an OCI layout of the picture.
func (p *picture) layoutFiles() map[string][]byte {
	d := p.descriptor()
	d.Platform = nil
	files := p.blobFiles()
	files["oci-layout"] = []byte(`{"imageLayoutVersion":"1.0.0"}`)
	files["index.json"] = indexOf(types.OCIImageIndex, d)
	return files
}

// dockerFiles are the files of a docker save archive of the picture, as Docker wrote them before 25.
func (p *picture) dockerFiles(t testing.TB) map[string][]byte {
	config := p.rawConfig()
	files := map[string][]byte{digestOf(config).Hex + ".json": config}
	var names []string
	for i, l := range p.layers {
		rc, err := decompress(bytes.NewReader(l.content))
		if err != nil {
			t.Fatal(err)
		}
		inner, err := io.ReadAll(rc)
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, fmt.Sprintf("%d/layer.tar", i))
		files[names[i]] = inner
	}
	manifest, err := json.Marshal([]map[string]any{{"Config": digestOf(config).Hex + ".json", "RepoTags": []string{"a:b"}, "Layers": names}})
	if err != nil {
		t.Fatal(err)
	}
	files["manifest.json"] = manifest
	return files
}

// archiveOf writes files into a tar archive, the metadata last, as docker does.
func archiveOf(t testing.TB, files map[string][]byte) []byte {
	t.Helper()
	var buf bytes.Buffer
	w := tar.NewWriter(&buf)
	names := make([]string, 0, len(files))
	for name := range files {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		if err := w.WriteHeader(&tar.Header{Name: name, Size: int64(len(files[name])), Mode: 0o644}); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(files[name]); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

// tarOf is a tar archive with one file of random, but always the same, content.
func tarOf(t testing.TB, name string, size int) []byte {
	t.Helper()
	content := make([]byte, size)
	random := rand.NewChaCha8(digestSeed(name))
	if _, err := random.Read(content); err != nil {
		t.Fatal(err)
	}
	return archiveOf(t, map[string][]byte{name: content})
}

func digestSeed(s string) (seed [32]byte) {
	copy(seed[:], digestOf([]byte(s)).Hex)
	return seed
}

func gzipBytes(t testing.TB, content []byte) []byte {
	t.Helper()
	var buf bytes.Buffer
	w := gzip.NewWriter(&buf)
	if _, err := w.Write(content); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

func zstdBytes(t testing.TB, content []byte) []byte {
	t.Helper()
	w, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	return w.EncodeAll(content, nil)
}

func newTestResolver(t *testing.T, s *spy) *Resolver {
	t.Helper()
	opts := ResolverOptions{CacheDir: t.TempDir(), Keychain: anonymous{}}
	if s != nil {
		opts.Transport = s.Client().Transport
	}
	return NewResolver(opts)
}

// anonymous keeps the credentials of whoever runs the tests out of them.
type anonymous struct{}

func (anonymous) Resolve(authn.Resource) (authn.Authenticator, error) { return authn.Anonymous, nil }

func resolve(t *testing.T, r *Resolver, s Source) *Base {
	t.Helper()
	base, err := r.Resolve(t.Context(), s, "")
	if err != nil {
		t.Fatal(err)
	}
	return base
}

func text(name, content string) Entry {
	return Entry{Name: name, Mode: 0o644, Size: int64(len(content)), Open: func() (io.ReadCloser, error) {
		return io.NopCloser(strings.NewReader(content)), nil
	}}
}

func layerOf(t testing.TB, entries ...Entry) *Layer {
	t.Helper()
	l, err := NewLayer(context.Background(), entries)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func assemble(t testing.TB, base *Base, layers ...*Layer) *Image {
	t.Helper()
	img, err := Assemble(base, layers, []string{"/scar/runtime"})
	if err != nil {
		t.Fatal(err)
	}
	return img
}

func wantError(t *testing.T, err error, parts ...string) {
	t.Helper()
	if err == nil {
		t.Fatalf("no error; it should say %q", parts)
	}
	for _, part := range parts {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("error %q does not say %q", err, part)
		}
	}
}
