package sandbox

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"

	"github.com/scar-go/scar/internal/proof"
)

const (
	insideVar = "SCAR_TEST_INSIDE" // path of the program that runs inside images
	testUser  = 12345              // an ordinary user, of no group
)

func TestMain(m *testing.M) {
	Main()
	if parentTest() {
		return
	}
	code, err := runAll(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

// runAll runs the tests as the user that started them and, if that is root, as an ordinary user too.
func runAll(m *testing.M) (int, error) {
	if os.Getenv(insideVar) != "" {
		return m.Run(), nil
	}
	flag.Parse()
	dir, err := os.MkdirTemp("", "scar-sandbox-test-")
	if err != nil {
		return 1, err
	}
	defer func() { _ = removeAll(dir) }()
	if err := os.Chmod(dir, 0o755); err != nil {
		return 1, err
	}
	inside := filepath.Join(dir, "inside")
	build := exec.Command("go", "build", "-o", inside, "./testdata/inside")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return 1, fmt.Errorf("build %s: %w\n%s", inside, err, out)
	}
	if err := os.Setenv(insideVar, inside); err != nil {
		return 1, err
	}
	if code := m.Run(); code != 0 || os.Geteuid() != 0 || special() {
		return code, nil
	}
	return runAsUser(dir)
}

// special says whether the run is one of benchmarks or of a fuzzer.
func special() bool {
	for _, name := range []string{"test.bench", "test.fuzz", "test.list"} {
		if f := flag.Lookup(name); f != nil && f.Value.String() != "" {
			return true
		}
	}
	return false
}

func runAsUser(dir string) (int, error) {
	self, err := os.ReadFile("/proc/self/exe")
	if err != nil {
		return 1, err
	}
	program, home := filepath.Join(dir, "sandbox.test"), filepath.Join(dir, "home")
	if err := errors.Join(os.WriteFile(program, self, 0o755), os.Mkdir(home, 0o755), os.Chown(home, testUser, testUser)); err != nil {
		return 1, err
	}
	var args []string
	for _, a := range os.Args[1:] {
		if !strings.Contains(a, "testlogfile") && !strings.Contains(a, "coverprofile") && !strings.Contains(a, "gocoverdir") {
			args = append(args, a)
		}
	}
	fmt.Println("again, as an ordinary user:")
	cmd := exec.Command(program, args...)
	cmd.Env = append(os.Environ(), "HOME="+home, "TMPDIR="+home, proof.Variable+"=") // root has reported the figures
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	cmd.Dir = home
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: testUser, Gid: testUser}}
	var exit *exec.ExitError
	if err := cmd.Run(); errors.As(err, &exit) {
		return exit.ExitCode(), nil
	} else if err != nil {
		return 1, err
	}
	return 0, nil
}

// entry is a member of a layer.
type entry struct {
	name string
	mode int64  // 0: 0755
	typ  byte   // 0: a regular file, or a folder where the name ends in a slash
	link string // target
	body string
}

func archive(tb testing.TB, entries []entry) []byte {
	tb.Helper()
	var buf bytes.Buffer
	w := tar.NewWriter(&buf)
	for _, e := range entries {
		h := &tar.Header{Name: e.name, Mode: e.mode, Typeflag: e.typ, Linkname: e.link, Size: int64(len(e.body)), Format: tar.FormatPAX}
		if h.Mode == 0 {
			h.Mode = 0o755
		}
		if h.Typeflag == 0 {
			h.Typeflag = tar.TypeReg
			if strings.HasSuffix(e.name, "/") {
				h.Typeflag = tar.TypeDir
			}
		}
		if h.Typeflag != tar.TypeReg {
			h.Size = 0
		}
		if err := w.WriteHeader(h); err != nil {
			tb.Fatalf("write header of %q: %v", e.name, err)
		}
		if h.Size > 0 {
			if _, err := io.WriteString(w, e.body); err != nil {
				tb.Fatal(err)
			}
		}
	}
	if err := w.Close(); err != nil {
		tb.Fatal(err)
	}
	return buf.Bytes()
}

// layersMade are the layers by the digest of their content: to make one means to compress it.
var layersMade sync.Map

func layerOf(tb testing.TB, content []byte) v1.Layer {
	tb.Helper()
	sum := sha256.Sum256(content)
	if layer, found := layersMade.Load(sum); found {
		return layer.(v1.Layer)
	}
	layer, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) {
		return io.NopCloser(bytes.NewReader(content)), nil
	})
	if err != nil {
		tb.Fatal(err)
	}
	layersMade.Store(sum, layer)
	return layer
}

func imageOf(tb testing.TB, layers ...[]entry) v1.Image {
	tb.Helper()
	img := empty.Image
	for _, entries := range layers {
		img = appendLayer(tb, img, entries)
	}
	return img
}

func appendLayer(tb testing.TB, img v1.Image, entries []entry) v1.Image {
	tb.Helper()
	img, err := mutate.AppendLayers(img, layerOf(tb, archive(tb, entries)))
	if err != nil {
		tb.Fatal(err)
	}
	return img
}

var insideOnce = sync.OnceValues(func() (string, error) {
	b, err := os.ReadFile(os.Getenv(insideVar))
	return string(b), err
})

// insideLayer holds the program of the tests.
func insideLayer(tb testing.TB) []entry {
	tb.Helper()
	program, err := insideOnce()
	if err != nil {
		tb.Fatal(err)
	}
	return []entry{{name: "bin/"}, {name: "bin/inside", body: program}}
}

func newCache(tb testing.TB) *Cache {
	tb.Helper()
	dir := tb.TempDir()
	c, err := OpenCache(filepath.Join(dir, "cache"), Limits{})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := removeAll(filepath.Join(dir, "cache")); err != nil {
			tb.Errorf("remove cache: %v", err)
		}
	})
	return c
}

func unpack(tb testing.TB, c *Cache, layers ...[]entry) *Root {
	tb.Helper()
	root, err := c.Unpack(tb.Context(), imageOf(tb, layers...))
	if err != nil {
		tb.Fatal(err)
	}
	return root
}

// buffer is a bytes.Buffer that can be read while it is written.
type buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// run runs the test program to its end.
func run(tb testing.TB, spec Spec, args ...string) (string, Exit) {
	tb.Helper()
	var out buffer
	p := start(tb, spec, &out, args...)
	exit := waitFor(tb, p)
	return out.String(), exit
}

func waitFor(tb testing.TB, p *Process) Exit {
	tb.Helper()
	select {
	case <-p.Done():
		return p.Wait()
	case <-time.After(30 * time.Second):
		p.Kill()
		tb.Fatal("the sandbox did not end")
		return Exit{}
	}
}

func startInside(ctx context.Context, spec Spec, out io.Writer, args ...string) (*Process, error) {
	spec.Args = append([]string{"/bin/inside"}, args...)
	spec.Output = out
	return Start(ctx, spec)
}

func start(tb testing.TB, spec Spec, out io.Writer, args ...string) *Process {
	tb.Helper()
	p, err := startInside(tb.Context(), spec, out, args...)
	if err != nil {
		tb.Fatal(err)
	}
	return p
}

// eventually polls until a condition holds.
func eventually(tb testing.TB, what string, holds func() bool) {
	tb.Helper()
	for deadline := time.Now().Add(20 * time.Second); !holds(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(deadline) {
			tb.Fatalf("never came: %s", what)
		}
	}
}
