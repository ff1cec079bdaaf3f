package sandbox

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/v1/tarball"
)

const debianVar = "SCAR_TEST_DEBIAN" // path of an archive of an image of Debian, for the run as another user

// debianArchive makes the archive, or finds it made.
func debianArchive(tb testing.TB) string {
	tb.Helper()
	if archive := os.Getenv(debianVar); archive != "" {
		return archive
	}
	if _, err := exec.LookPath("mmdebstrap"); err != nil {
		tb.Skip("mmdebstrap is not installed: it makes the image of this test")
	}
	var log bytes.Buffer
	cmd := exec.Command("../../examples/debian-image", "busybox-static")
	cmd.Stderr = &log
	out, err := cmd.Output()
	if err != nil {
		tb.Fatalf("make an image of Debian: %v\n%s", err, log.String())
	}
	archive := strings.TrimSpace(string(out))
	// Where every user can read it.
	shared := filepath.Join(filepath.Dir(os.Getenv(insideVar)), "debian.tar")
	if os.Geteuid() == 0 {
		if err := errors.Join(share(archive, shared), os.Chmod(shared, 0o644), os.Setenv(debianVar, shared)); err != nil {
			tb.Fatal(err)
		}
	}
	return archive
}

// share makes a hard link, or a copy where the files are on different file systems.
func share(from, to string) error {
	if os.Link(from, to) == nil {
		return nil
	}
	content, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	return os.WriteFile(to, content, 0o644)
}

func TestDebianRunsAsInLambda(t *testing.T) {
	img, err := tarball.ImageFromPath(debianArchive(t), nil)
	if err != nil {
		t.Fatal(err)
	}
	both(t, func(t *testing.T, c *Cache) {
		root, err := c.Unpack(t.Context(), img)
		if err != nil {
			t.Fatal(err)
		}
		shell := func(script string) (string, Exit) {
			var out buffer
			p, err := Start(t.Context(), Spec{Root: root, Args: []string{"sh", "-c", script}, Env: []string{"PATH=/usr/bin:/bin"}, Output: &out, Memory: 256})
			if err != nil {
				t.Fatal(err)
			}
			exit := waitFor(t, p)
			return out.String(), exit
		}
		for _, c := range []struct{ script, want string }{
			{`id -u; id -g`, "993\n990\n"},
			{`cat /var/cache/apt/archives/partial/x 2>&1`, "denied"},
			{`ls /root 2>&1`, "denied"},
			{`touch /usr/x 2>&1`, "Read-only"},
			{`touch /dev/shm/x 2>&1`, "No such file"},
			{`echo x > /tmp/x && cat /tmp/x`, "x\n"},
			{`echo y > /dev/null; head -c 3 /dev/zero | od -An -tx1`, " 00 00 00\n"},
			{`cat /proc/1/environ 2>&1`, "denied"},
			{`sleep 1000 & echo $!; seq 3 | sort -r | tr -d '\n'`, "321"},
			{`su -c id 2>&1; true`, "su:"},
			{`dpkg-query -W -f '${Package}' busybox-static`, "busybox-static"},
			{`readlink /bin; ls -ld /tmp | cut -c1-10`, "usr/bin\ndrwx------\n"},
		} {
			if out, exit := shell(c.script); !strings.Contains(out, c.want) {
				t.Errorf("%s: %q, %+v", c.script, out, exit)
			}
		}
	})
}

// BenchmarkDebian unpacks and starts an image of 100 MB, and starts it with another layer on top.
func BenchmarkDebian(b *testing.B) {
	img, err := tarball.ImageFromPath(debianArchive(b), nil)
	if err != nil {
		b.Fatal(err)
	}
	b.Run("unpack", func(b *testing.B) {
		for b.Loop() {
			if _, err := newCache(b).Unpack(b.Context(), img); err != nil {
				b.Fatal(err)
			}
		}
	})
	for _, overlay := range []bool{true, false} {
		b.Run(fmt.Sprint("changed script, overlay=", overlay), func(b *testing.B) {
			c := newCache(b)
			c.noOverlay.Store(!overlay)
			if _, err := c.Unpack(b.Context(), img); err != nil {
				b.Fatal(err)
			}
			n := 0
			for b.Loop() {
				n++
				b.StopTimer()
				changed := appendLayer(b, img, []entry{{name: "scar/"}, {name: "scar/script", body: fmt.Sprint("#!/bin/sh\necho ", n)}})
				if _, err := changed.Manifest(); err != nil { // compresses the base
					b.Fatal(err)
				}
				b.StartTimer()
				root, err := c.Unpack(b.Context(), changed)
				if err != nil {
					b.Fatal(err)
				}
				p, err := Start(b.Context(), Spec{Root: root, Args: []string{"/scar/script"}})
				if err != nil {
					b.Fatal(err)
				}
				if exit := waitFor(b, p); exit.Code != 0 {
					b.Fatalf("%+v", exit)
				}
			}
		})
	}
}
