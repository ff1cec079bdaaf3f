package image

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// cached are the files of a folder of a cache.
func cached(t *testing.T, dir, folder string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, folder, "*"))
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func TestDamagedCacheIsMadeAgain(t *testing.T) {
	t.Parallel()
	path := writeFile(t, gzipBytes(t, archiveOf(t, mixed(t).dockerFiles(t))))
	for name, damage := range map[string]func(file string) error{
		"removed":   os.Remove,
		"cut":       func(file string) error { return os.Truncate(file, 10) },
		"emptied":   func(file string) error { return os.Truncate(file, 0) },
		"scrambled": scramble,
	} {
		for _, folder := range []string{"layers", "notes"} {
			t.Run(folder+" "+name, func(t *testing.T) {
				opts := ResolverOptions{CacheDir: t.TempDir()}
				before := assemble(t, resolve(t, NewResolver(opts), Source{Path: path}))
				for _, file := range cached(t, opts.CacheDir, folder) {
					if err := damage(file); err != nil {
						t.Fatal(err)
					}
				}
				// What was resolved before the damage, and what is resolved after it.
				after := assemble(t, resolve(t, NewResolver(opts), Source{Path: path}))
				if before.Digest() != after.Digest() {
					t.Error("the image has become another")
				}
				for _, img := range []*Image{before, after} {
					if err := PushBlobs(t.Context(), img, newSpy(t, nil).target("scar/p"), nil); err != nil {
						t.Error(err)
					}
				}
			})
		}
	}
}

// scramble changes a byte and neither the length nor the time of a file.
func scramble(file string) error {
	info, err := os.Stat(file)
	if err != nil {
		return err
	}
	b, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	b[len(b)-1]++
	return errors.Join(os.WriteFile(file, b, 0o600), os.Chtimes(file, info.ModTime(), info.ModTime()))
}

func TestCacheIsPrivateAndSwept(t *testing.T) {
	t.Parallel()
	opts := ResolverOptions{CacheDir: filepath.Join(t.TempDir(), "scar")}
	tmp := filepath.Join(opts.CacheDir, "tmp")
	if err := os.MkdirAll(tmp, 0o700); err != nil {
		t.Fatal(err)
	}
	for name, age := range map[string]time.Duration{"old": leftover + time.Hour, "new": 0} {
		file := filepath.Join(tmp, name)
		if err := os.WriteFile(file, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(file, time.Now(), time.Now().Add(-age)); err != nil {
			t.Fatal(err)
		}
	}
	resolve(t, NewResolver(opts), Source{Path: writeFile(t, archiveOf(t, mixed(t).dockerFiles(t)))})
	if left := cached(t, opts.CacheDir, "tmp"); !slices.Equal(left, []string{filepath.Join(tmp, "new")}) {
		t.Errorf("left: %v", left)
	}
	for _, file := range append(cached(t, opts.CacheDir, "layers"), cached(t, opts.CacheDir, "notes")...) {
		if info, err := os.Stat(file); err != nil || os.PathSeparator == '/' && info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s: %v, %v", file, info.Mode(), err)
		}
	}
}

func TestNoCacheFolder(t *testing.T) {
	t.Parallel()
	_, err := NewResolver(ResolverOptions{}).Resolve(t.Context(), Source{Path: writeFile(t, archiveOf(t, mixed(t).dockerFiles(t)))}, "")
	wantError(t, err, "no cache folder was given")
}

// child makes the test binary a program that resolves an archive and prints the image's digest.
const child = "SCAR_IMAGE_TEST_CHILD"

func TestMain(m *testing.M) {
	path, dir, isChild := strings.Cut(os.Getenv(child), "|")
	if !isChild {
		os.Exit(m.Run())
	}
	base, err := NewResolver(ResolverOptions{CacheDir: dir}).Resolve(context.Background(), Source{Path: path}, "")
	if err != nil {
		_, _ = os.Stderr.WriteString(err.Error())
		os.Exit(1)
	}
	_, _ = os.Stdout.WriteString(base.Digest)
	os.Exit(0)
}

func childCommand(t *testing.T, path, dir string, before ...string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	args := append(before, self)
	cmd := exec.CommandContext(t.Context(), args[0], args[1:]...)
	cmd.Env = append(os.Environ(), child+"="+path+"|"+dir)
	return cmd
}

func TestProcessesShareACache(t *testing.T) {
	t.Parallel()
	path, dir := writeFile(t, gzipBytes(t, archiveOf(t, mixed(t).dockerFiles(t)))), t.TempDir()
	want := resolve(t, newTestResolver(t, nil), Source{Path: path}).Digest
	var wg sync.WaitGroup
	for range 6 {
		cmd := childCommand(t, path, dir)
		wg.Go(func() {
			if out, err := cmd.CombinedOutput(); err != nil || string(out) != want {
				t.Errorf("%s, %v", out, err)
			}
		})
	}
	wg.Wait()
}

func TestKilledProcessLeavesNoBrokenCache(t *testing.T) {
	t.Parallel()
	p := newPicture(t, dockerFamily, "amd64", 30<<20)
	path, dir := writeFile(t, archiveOf(t, p.dockerFiles(t))), t.TempDir()
	cmd := childCommand(t, path, dir)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(20 * time.Second); len(cached(t, dir, "tmp")) == 0; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("it never began")
		}
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // killed, or faster than that
	base := resolve(t, NewResolver(ResolverOptions{CacheDir: dir}), Source{Path: path})
	if err := PushBlobs(t.Context(), assemble(t, base), newSpy(t, nil).target("scar/p"), nil); err != nil {
		t.Error(err)
	}
}

// TestFullDisk fills a real one: a tmpfs of one megabyte in a mount namespace of its own.
func TestFullDisk(t *testing.T) {
	t.Parallel()
	unshare, err := exec.LookPath("unshare")
	if err != nil {
		t.Skip("unshare is not installed")
	}
	p := newPicture(t, dockerFamily, "amd64", 3<<20)
	path, dir := writeFile(t, archiveOf(t, p.dockerFiles(t))), t.TempDir()
	const noMount = 99
	script := `mount -t tmpfs -o size=1m none "$1" || exit 99; "$2"; code=$?; find "$1" -type f -exec echo remains: {} +; exit $code`
	cmd := childCommand(t, path, dir, unshare, "--user", "--map-root-user", "--mount", "sh", "-c", script, "sh", dir)
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	if errors.As(err, &exit) && (exit.ExitCode() == noMount || bytes.HasPrefix(out, []byte("unshare:"))) {
		t.Skipf("unshare cannot make a file system of one's own here: %s", out)
	}
	if err == nil {
		t.Fatalf("it found room: %s", out)
	}
	for _, part := range []string{path, "no space left for the cache in " + dir, "XDG_CACHE_HOME"} {
		if !strings.Contains(string(out), part) {
			t.Errorf("%q does not say %q", out, part)
		}
	}
	if strings.Contains(string(out), "remains:") {
		t.Errorf("files are left: %s", out)
	}
}

func TestStoredFormsAreTold(t *testing.T) {
	t.Parallel()
	content := tarOf(t, "x", 100)
	skippable := append([]byte{0x5f, 0x2a, 0x4d, 0x18, 4, 0, 0, 0, 1, 2, 3, 4}, zstdBytes(t, content)...)
	for name, stored := range map[string][]byte{
		"plain": content, "gzip": gzipBytes(t, content), "zstd": zstdBytes(t, content), "skippable": skippable,
	} {
		made, err := recompress(io.Discard, bytes.NewReader(stored), digestOf(content))
		if err != nil || made.DiffID != digestOf(content) || made.Uncompressed != int64(len(content)) {
			t.Errorf("%s: %+v, %v", name, made, err)
		}
	}
}
