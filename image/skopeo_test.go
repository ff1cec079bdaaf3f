package image

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// skopeo copies an image with the program of that name, which shares no code with this package's reading.
func skopeo(t *testing.T, args ...string) {
	t.Helper()
	program, err := exec.LookPath("skopeo")
	if err != nil {
		t.Skip("skopeo is not installed")
	}
	args = append([]string{"--insecure-policy", "--tmpdir", t.TempDir()}, args...)
	if out, err := exec.CommandContext(t.Context(), program, args...).CombinedOutput(); err != nil {
		t.Fatalf("skopeo %s: %v\n%s", args, err, out)
	}
}

func TestSkopeosFormsAreRead(t *testing.T) {
	t.Parallel()
	s, dir := newSpy(t, nil), t.TempDir()
	p := newPicture(t, ociFamily, "amd64", 10_000, 20_000)
	p.push(t, s, "lib/tool", "1")
	from := "docker://" + s.ref("lib/tool:1")
	for _, form := range []string{"oci:", "oci-archive:", "docker-archive:"} {
		path := filepath.Join(dir, strings.TrimSuffix(form, ":"))
		skopeo(t, "copy", "-q", "--src-tls-verify=false", from, form+path)
		base := resolve(t, newTestResolver(t, s), Source{Path: path})
		if form != "docker-archive:" && base.Digest != p.descriptor().Digest.String() {
			t.Errorf("%s digest %s", form, base.Digest)
		}
		for i, l := range base.Layers {
			if l.DiffID != p.layers[i].diffID.String() {
				t.Errorf("%s layer %d is %s", form, i, l.DiffID)
			}
		}
	}
	path := filepath.Join(dir, "zstd")
	skopeo(t, "copy", "-q", "--src-tls-verify=false", "--dest-compress-format", "zstd", from, "oci:"+path)
	if base := resolve(t, newTestResolver(t, s), Source{Path: path}); base.Layers[1].DiffID != p.layers[1].diffID.String() {
		t.Errorf("zstd layout: %+v", base.Layers)
	}
}

func TestSkopeoReadsWhatWasPushed(t *testing.T) {
	t.Parallel()
	from, to := newSpy(t, nil), newSpy(t, nil)
	for _, f := range []family{dockerFamily, ociFamily} {
		newPicture(t, f, "amd64", 10_000).push(t, from, "lib/tool", "1")
		base := resolve(t, newTestResolver(t, from), Source{Reference: from.ref("lib/tool:1")})
		img := assemble(t, base, layerOf(t, text("scar/script", "#!/bin/sh\n")))
		pushed(t, img, to)
		dir := filepath.Join(t.TempDir(), "copy")
		skopeo(t, "copy", "-q", "--preserve-digests", "--src-tls-verify=false", "docker://"+to.ref("scar/p@"+img.Digest()), "dir:"+dir)
		manifest, err := os.ReadFile(filepath.Join(dir, "manifest.json"))
		if err != nil {
			t.Fatal(err)
		}
		if digestOf(manifest).String() != img.Digest() {
			t.Errorf("skopeo got %s, not %s", digestOf(manifest), img.Digest())
		}
	}
}
