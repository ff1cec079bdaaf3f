// Command generate builds scar's runtime for every architecture of Lambda and packs each into the image layer that
// functions start with. It runs in the folder runtime, by `go generate ./runtime`.
//
// The same source gives the same bytes on every machine: the toolchain is the one that go.mod names, everything that changes
// what the compiler makes is pinned, and no path, time or revision goes in. A function's image therefore has one digest,
// whoever applies it.
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/scar-go/scar/image"
	"github.com/scar-go/scar/runtime/job"
)

const (
	program = "github.com/scar-go/scar/cmd/scar-runtime"
	folder  = "embedded" // that package runtime embeds
)

func main() {
	if err := generate(context.Background(), folder); err != nil {
		fmt.Fprintln(os.Stderr, "generate:", err)
		os.Exit(1)
	}
}

func generate(ctx context.Context, folder string) error {
	version, err := goVersion(ctx)
	if err != nil {
		return err
	}
	work, err := os.MkdirTemp("", "scar-generate-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(work)
	for _, arch := range []string{"amd64", "arm64"} {
		binary := filepath.Join(work, arch)
		if err := build(ctx, ".", version, arch, binary); err != nil {
			return fmt.Errorf("build the runtime for %s: %w", arch, err)
		}
		if err := pack(ctx, binary, filepath.Join(folder, "linux_"+arch)); err != nil {
			return fmt.Errorf("pack the runtime for %s: %w", arch, err)
		}
	}
	return nil
}

// goVersion is the version in go.mod, which names a toolchain exactly.
func goVersion(ctx context.Context) (string, error) {
	var out bytes.Buffer
	cmd := exec.CommandContext(ctx, "go", "list", "-m", "-f", "{{.GoVersion}}", "github.com/scar-go/scar")
	cmd.Stdout, cmd.Stderr = &out, os.Stderr
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("read the version of Go from go.mod: %w", err)
	}
	return strings.TrimSpace(out.String()), nil
}

// build compiles the runtime, of the module that dir lies in, into one static binary.
func build(ctx context.Context, dir, version, arch, binary string) error {
	cmd := exec.CommandContext(ctx, "go", "build",
		"-trimpath", "-buildvcs=false", "-pgo=off",
		"-tags=lambda.norpc", // without the protocol of a retired Lambda runtime, and net/rpc with it
		"-ldflags=-s -w -buildid=",
		"-o", binary, program)
	cmd.Dir = dir
	cmd.Env = pinned(os.Environ(), version, arch)
	cmd.Stderr = os.Stderr
	return cmd.Run()
}

// pinned is an environment in which nothing that the user has set changes what is built.
func pinned(environment []string, version, arch string) []string {
	pins := []string{
		"GOTOOLCHAIN=go" + version,
		"GOOS=linux",
		"GOARCH=" + arch,
		"CGO_ENABLED=0",
		"GOFLAGS=-mod=readonly",
		"GOWORK=off",
		"GOAMD64=v1",
		"GOARM64=v8.0",
		"GOEXPERIMENT=",
		"GODEBUG=",
		"GOFIPS140=off",
	}
	kept := slices.DeleteFunc(slices.Clone(environment), func(variable string) bool {
		name, _, _ := strings.Cut(variable, "=")
		return slices.ContainsFunc(pins, func(pin string) bool { return strings.HasPrefix(pin, name+"=") })
	})
	return append(kept, pins...)
}

// pack writes the layer with the binary to path.tar.gz, and what is known of it to path.json.
func pack(ctx context.Context, binary, path string) error {
	info, err := os.Stat(binary)
	if err != nil {
		return err
	}
	layer, err := image.NewLayer(ctx, []image.Entry{{
		Name: strings.TrimPrefix(job.RuntimePath, "/"),
		Mode: 0o755,
		Size: info.Size(),
		Open: func() (io.ReadCloser, error) { return os.Open(binary) },
	}})
	if err != nil {
		return err
	}
	blob, err := readAll(ctx, layer)
	if err != nil {
		return err
	}
	about, err := json.MarshalIndent(map[string]any{
		"digest": layer.Digest(), "diff_id": layer.DiffID(), "size": layer.Size(),
	}, "", "  ")
	if err != nil {
		return err
	}
	if err := replace(path+".tar.gz", blob); err != nil {
		return err
	}
	return replace(path+".json", append(about, '\n'))
}

func readAll(ctx context.Context, layer *image.Layer) ([]byte, error) {
	r, err := layer.Open(ctx)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return io.ReadAll(r)
}

// replace writes a file as a whole or not at all. A file that has the content already keeps its time, so that
// whatever depends on it is not built again.
func replace(path string, content []byte) error {
	old, err := os.ReadFile(path)
	if err == nil && bytes.Equal(old, content) {
		return nil
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	fresh := filepath.Join(filepath.Dir(path), "."+filepath.Base(path)+".new") // go:embed leaves dotted names out
	if err := os.WriteFile(fresh, content, 0o644); err != nil {
		return err
	}
	return os.Rename(fresh, path)
}
