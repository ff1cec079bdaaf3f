package contract

import (
	"archive/tar"
	"bytes"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
)

// member is something in the layer of an image.
type member struct {
	name string // a folder where it ends in a slash
	mode int64  // 0: 0755
	link string // target of a symbolic link
	body string
}

// layerOf packs members, as root's.
func layerOf(t *testing.T, members ...member) v1.Layer {
	t.Helper()
	var buf bytes.Buffer
	w := tar.NewWriter(&buf)
	for _, m := range members {
		h := &tar.Header{Name: m.name, Mode: m.mode, Typeflag: tar.TypeReg, Size: int64(len(m.body))}
		if h.Mode == 0 {
			h.Mode = 0o755
		}
		switch {
		case m.link != "":
			h.Typeflag, h.Linkname = tar.TypeSymlink, m.link
		case strings.HasSuffix(m.name, "/"):
			h.Typeflag = tar.TypeDir
		}
		if err := w.WriteHeader(h); err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(w, m.body); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	layer, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(buf.Bytes())), nil })
	if err != nil {
		t.Fatal(err)
	}
	return layer
}

// imageOf makes an image.
func imageOf(t *testing.T, config v1.Config, layers ...v1.Layer) v1.Image {
	t.Helper()
	image, err := mutate.AppendLayers(empty.Image, layers...)
	if err != nil {
		t.Fatal(err)
	}
	made, err := image.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	made = made.DeepCopy()
	made.OS, made.Architecture, made.Config = "linux", "amd64", config
	if image, err = mutate.ConfigFile(image, made); err != nil {
		t.Fatal(err)
	}
	return image
}

// writeImage writes a docker save archive of an image and returns its path.
func writeImage(t *testing.T, image v1.Image) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "image.tar")
	if err := tarball.WriteToFile(path, nil, image); err != nil {
		t.Fatal(err)
	}
	return path
}

func contentOf(t *testing.T, path string) string {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

// staticImage has one program, and nothing else: no shell, no /etc, no /tmp, no certificates.
func staticImage(t *testing.T) string {
	t.Helper()
	return writeImage(t, imageOf(t, v1.Config{Entrypoint: []string{"/probe"}}, probeLayer(t, "probe")))
}

// probeLayer holds the probe at a path.
func probeLayer(t *testing.T, path string, others ...member) v1.Layer {
	t.Helper()
	return layerOf(t, append(others, member{name: path, body: contentOf(t, probeFor(t, "amd64"))})...)
}

// debianImage has Debian's essential packages.
func debianImage(t *testing.T) string {
	t.Helper()
	if _, err := exec.LookPath("mmdebstrap"); err != nil {
		t.Skip("mmdebstrap is not installed: it makes the image of this test")
	}
	cmd := exec.Command(root+"/examples/debian-image", "busybox-static")
	var log bytes.Buffer
	cmd.Stderr = &log
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("make an image of Debian: %v\n%s", err, log.String())
	}
	return strings.TrimSpace(string(out))
}

const muslLoader = "lib/ld-musl-x86_64.so.1"

// muslImage has musl, a program that is linked to it as the entrypoint, which starts the probe, and a busybox.
func muslImage(t *testing.T) string {
	t.Helper()
	for _, tool := range []string{"musl-gcc", "busybox"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("%s is not installed: it makes the image of this test", tool)
		}
	}
	start := filepath.Join(t.TempDir(), "start")
	if out, err := exec.Command("musl-gcc", "-O1", "-o", start, "testdata/start.c").CombinedOutput(); err != nil {
		t.Fatalf("build with musl: %v\n%s", err, out)
	}
	busybox, err := exec.LookPath("busybox")
	if err != nil {
		t.Fatal(err)
	}
	return writeImage(t, imageOf(t, v1.Config{Entrypoint: []string{"start", "/usr/local/bin/probe"}, Env: []string{"PATH=/usr/local/bin:/bin"}, WorkingDir: "/"},
		layerOf(t, member{name: muslLoader, body: contentOf(t, "/"+muslLoader)},
			member{name: "bin/busybox", body: contentOf(t, busybox)}),
		layerOf(t, member{name: "bin/sh", link: "busybox"}, member{name: "bin/wc", link: "busybox"}, member{name: "bin/ls", link: "busybox"},
			member{name: "bin/grep", link: "busybox"}, member{name: "bin/touch", link: "busybox"}, member{name: "bin/mkdir", link: "busybox"},
			member{name: "bin/cut", link: "busybox"},
			member{name: "usr/local/bin/start", body: contentOf(t, start)}, member{name: "usr/local/bin/probe", body: contentOf(t, probeFor(t, "amd64"))})))
}
