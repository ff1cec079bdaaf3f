package main

import (
	"archive/tar"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/rogpeppe/go-internal/testscript"

	"github.com/scar-go/scar/local"
	"github.com/scar-go/scar/local/sandbox"
)

func TestMain(m *testing.M) {
	sandbox.Main()
	testscript.Main(m, map[string]func(){
		"scar": main,
		"scar-1.2.3": func() { // a release, which required_version is about
			version = "1.2.3"
			main()
		},
	})
}

// TestScripts runs the command lines in testdata/script, each with a home of its own.
func TestScripts(t *testing.T) {
	tool := &toolBuild{dir: t.TempDir()}
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		Setup:               cleanEnvironment,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"image":   tool.image,
			"backend": backend,
			"moto":    startMoto,
			"mode":    mode,
			"images":  images,
			"bucket":  bucket,
			"expand":  expand,
			"logged":  logEvents,
			"unmake":  unmake,
		},
	})
}

// cleanEnvironment keeps the machine's own AWS configuration out of the tests.
func cleanEnvironment(env *testscript.Env) error {
	for _, name := range []string{"XDG_CACHE_HOME", "XDG_STATE_HOME", "HOME"} {
		dir := filepath.Join(env.WorkDir, ".home", name)
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return err
		}
		env.Setenv(name, dir)
	}
	env.Setenv("AWS_EC2_METADATA_DISABLED", "true")
	env.Setenv("NO_COLOR", "")
	return nil
}

// toolBuild builds the program of the images once.
type toolBuild struct {
	dir string
}

// image writes a docker save archive of an image that runs the tool: image FILE [LABEL]. Images with
// different labels have different digests.
func (b *toolBuild) image(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) < 1 || len(args) > 2 {
		ts.Fatalf("usage: image FILE [LABEL]")
	}
	program := filepath.Join(b.dir, "tool")
	if _, err := os.Stat(program); err != nil {
		program = b.build(ts)
	}
	content, err := os.ReadFile(program)
	ts.Check(err)
	layer, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) {
		archive, err := toolArchive(content)
		return io.NopCloser(archive), err
	})
	ts.Check(err)
	image, err := mutate.AppendLayers(empty.Image, layer)
	ts.Check(err)
	config := v1.Config{Entrypoint: []string{"/tool"}}
	if len(args) == 2 {
		config.Labels = map[string]string{"test": args[1]}
	}
	image, err = mutate.ConfigFile(image, &v1.ConfigFile{OS: "linux", Architecture: "amd64", Config: config, RootFS: rootFS(ts, image)})
	ts.Check(err)
	ts.Check(tarball.WriteToFile(ts.MkAbs(args[0]), nil, image))
}

func rootFS(ts *testscript.TestScript, image v1.Image) v1.RootFS {
	config, err := image.ConfigFile()
	ts.Check(err)
	return config.RootFS
}

// build makes the tool; it is static, so that the image needs nothing else.
func (b *toolBuild) build(ts *testscript.TestScript) string {
	temp, err := os.MkdirTemp(b.dir, "build-")
	ts.Check(err)
	source, err := filepath.Abs(sourceDir())
	ts.Check(err)
	build := exec.Command("go", "build", "-trimpath", "-ldflags=-s -w", "-o", filepath.Join(temp, "tool"), ".")
	build.Dir = source
	build.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH=amd64")
	out, err := build.CombinedOutput()
	if err != nil {
		ts.Fatalf("build the tool: %v\n%s", err, out)
	}
	program := filepath.Join(b.dir, "tool")
	ts.Check(os.Rename(filepath.Join(temp, "tool"), program))
	return program
}

func sourceDir() string { return filepath.Join("testdata", "tool") }

func toolArchive(program []byte) (*bytes.Reader, error) {
	var buf bytes.Buffer
	w := tar.NewWriter(&buf)
	if err := w.WriteHeader(&tar.Header{Name: "tool", Typeflag: tar.TypeReg, Mode: 0o755, Size: int64(len(program))}); err != nil {
		return nil, err
	}
	if _, err := w.Write(program); err != nil {
		return nil, err
	}
	return bytes.NewReader(buf.Bytes()), w.Close()
}

// backend starts a local backend in the test's process and points the SDK's variables at it:
// backend [REGION].
func backend(ts *testscript.TestScript, _ bool, args []string) {
	region := "eu-west-1"
	switch len(args) {
	case 0:
	case 1:
		region = args[0]
	default:
		ts.Fatalf("usage: backend [REGION]")
	}
	ctx, stop := context.WithCancel(context.Background())
	b, err := local.Open(ctx, local.Options{Dir: ts.MkAbs(".backend"), Region: region})
	if err != nil {
		stop()
		ts.Fatalf("open backend: %v", err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	ts.Check(err)
	served := make(chan error, 1)
	go func() { served <- b.Serve(ctx, listener) }()
	ts.Defer(func() {
		stop()
		if err := <-served; err != nil {
			ts.Logf("serve: %v", err)
		}
		if err := b.Close(); err != nil {
			ts.Logf("close: %v", err)
		}
	})
	ts.Setenv("AWS_ENDPOINT_URL", "http://"+listener.Addr().String())
	ts.Setenv("AWS_ACCESS_KEY_ID", local.AdminAccessKey)
	ts.Setenv("AWS_SECRET_ACCESS_KEY", local.AdminSecretKey)
	ts.Setenv("AWS_REGION", region)
}

// mode checks the permissions of a file: mode FILE 0600.
func mode(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) != 2 {
		ts.Fatalf("usage: mode FILE MODE")
	}
	info, err := os.Stat(ts.MkAbs(args[0]))
	ts.Check(err)
	if got := fmt.Sprintf("%04o", info.Mode().Perm()); got != args[1] {
		ts.Fatalf("%s has mode %s, want %s", args[0], got, args[1])
	}
}

func write(t testing.TB, path, content string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}
