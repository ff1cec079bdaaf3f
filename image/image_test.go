package image

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

func TestAssembledConfiguration(t *testing.T) {
	s := newSpy(t, nil)
	p := newPicture(t, dockerFamily, "amd64", 100)
	p.config.Author, p.config.Container, p.config.OSVersion = "ann", "c0ffee", "12"
	p.config.Config.Hostname, p.config.Config.Volumes = "host", map[string]struct{}{"/data": {}}
	p.push(t, s, "lib/tool", "1")
	base := resolve(t, newTestResolver(t, s), Source{Reference: s.ref("lib/tool:1")})
	img := assemble(t, base, layerOf(t, text("scar/script", "x")))
	rc, err := img.blobs[0].open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	got, err := v1.ParseConfigFile(rc)
	if err != nil {
		t.Fatal(err)
	}
	want := v1.Config{
		Env: []string{"PATH=/usr/bin", "LANG=C"}, Entrypoint: []string{"/scar/runtime"}, WorkingDir: "/",
		Labels: map[string]string{"maker": "test"}, Volumes: map[string]struct{}{"/data": {}},
	}
	if diff := cmp.Diff(want, got.Config); diff != "" {
		t.Error(diff)
	}
	if got.Author+got.Container+got.OSVersion != "" || !got.Created.Equal(v1.Time{}.UTC().AddDate(1969, 0, 0)) {
		t.Errorf("the configuration tells who made it, or when: %+v", got)
	}
	if len(got.History) != 2 || len(got.RootFS.DiffIDs) != 2 {
		t.Errorf("%d steps of history and %d layers", len(got.History), len(got.RootFS.DiffIDs))
	}
	if base.config.Config.User != "nobody" {
		t.Error("assembling has changed the base")
	}
}

func TestHistoryThatDoesNotFitIsLeftOut(t *testing.T) {
	fits := []v1.History{{CreatedBy: "a"}, {CreatedBy: "b", EmptyLayer: true}}
	if got := history(fits, 1, 2, v1.Time{}); len(got) != 4 {
		t.Errorf("%v", got)
	}
	if got := history(fits, 2, 2, v1.Time{}); got != nil {
		t.Errorf("%v", got)
	}
}

func TestPartsTellWhatChanged(t *testing.T) {
	s := newSpy(t, nil)
	newPicture(t, ociFamily, "amd64", 100, 200).push(t, s, "lib/tool", "1")
	newPicture(t, ociFamily, "amd64", 100, 300).push(t, s, "lib/tool", "2")
	parts := func(tag, script string) (string, []string) {
		t.Helper()
		base := resolve(t, newTestResolver(t, s), Source{Reference: s.ref("lib/tool:" + tag)})
		img := assemble(t, base, layerOf(t, text("scar/files/a", "x")), layerOf(t, text("scar/script", script)))
		under, added, err := Parts(img.Manifest(), 2)
		if err != nil {
			t.Fatal(err)
		}
		return under, added
	}
	base, layers := parts("1", "one")
	otherBase, sameLayers := parts("2", "one")
	sameBase, otherLayers := parts("1", "two")
	if base == otherBase || base != sameBase || !slices.Equal(layers, sameLayers) {
		t.Error("the base is not told from the layers")
	}
	if len(layers) != 2 || layers[0] != otherLayers[0] || layers[1] == otherLayers[1] {
		t.Errorf("layers %v and %v", layers, otherLayers)
	}
}

func TestPartsOfOtherManifests(t *testing.T) {
	p := newPicture(t, ociFamily, "amd64", 10)
	for want, manifest := range map[string][]byte{
		"it has 1 layers, and 2 were added": p.manifest(),
		"index of several images":           indexOf(types.OCIImageIndex, p.descriptor()),
		"take an image apart":               []byte("x"),
		"neither an image's nor an index":   []byte("{}"),
		"cannot parse hash":                 []byte(`{"layers":[{"digest":"x"}]}`),
	} {
		_, _, err := Parts(manifest, 2)
		wantError(t, err, want)
	}
	if _, _, err := Parts(p.manifest(), -1); err == nil {
		t.Error("a negative number of layers is no error")
	}
	if _, added, err := Parts(p.manifest(), 0); err != nil || len(added) != 0 {
		t.Errorf("%v, %v", added, err)
	}
}

func TestSizeIsWhatTheRegistryKeeps(t *testing.T) {
	s := newSpy(t, nil)
	newPicture(t, ociFamily, "amd64", 1000).push(t, s, "lib/tool", "1")
	img := assemble(t, resolve(t, newTestResolver(t, s), Source{Reference: s.ref("lib/tool:1")}))
	var m v1.Manifest
	if err := json.Unmarshal(img.Manifest(), &m); err != nil {
		t.Fatal(err)
	}
	if want := m.Config.Size + m.Layers[0].Size; img.Size() != want {
		t.Errorf("%d, not %d", img.Size(), want)
	}
	if img.MediaType() != string(types.OCIManifestSchema1) || img.Digest() != digestOf(img.Manifest()).String() {
		t.Errorf("%s %s", img.MediaType(), img.Digest())
	}
}

func FuzzManifest(f *testing.F) {
	p := newPicture(f, ociFamily, "amd64", 10)
	f.Add(p.manifest())
	f.Add(indexOf(types.OCIImageIndex, p.descriptor(), p.descriptor()))
	f.Add([]byte(`{"schemaVersion":1}`))
	f.Add([]byte(`{"schemaVersion":2,"layers":[{"digest":"sha256:0","size":-1}]}`))
	f.Fuzz(func(t *testing.T, manifest []byte) {
		if base, added, err := Parts(manifest, 1); err == nil && (len(added) != 1 || !strings.HasPrefix(base, "sha256:")) {
			t.Errorf("%q and %v", base, added)
		}
		if m, fam, err := parseImage(manifest); err == nil {
			for _, l := range m.Layers {
				if l.Size < 0 || l.Digest.Algorithm != "sha256" || len(l.URLs) > 0 {
					t.Errorf("layer %+v", l)
				}
			}
			if fam != dockerFamily && fam != ociFamily {
				t.Errorf("family %v", fam)
			}
		}
		index, err := v1.ParseIndexManifest(bytes.NewReader(manifest))
		if err != nil {
			return
		}
		if d, err := choose(index.Manifests, architectures); err == nil && !slices.ContainsFunc(index.Manifests, func(e v1.Descriptor) bool { return e.Digest == d.Digest }) {
			t.Errorf("%v is not of the index", d)
		}
		_, _ = single(manifest) // it must not panic
	})
}
