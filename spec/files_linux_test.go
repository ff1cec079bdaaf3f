package spec

import (
	"os"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// withoutRoot lets the calling test use files as a user who may not read everything. Root's rights are
// those of the thread, which the test keeps until its end.
func withoutRoot(t *testing.T) {
	t.Helper()
	if os.Geteuid() != 0 {
		return
	}
	const nobody = 65534
	runtime.LockOSThread()
	if err := syscall.Setfsuid(nobody); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := syscall.Setfsuid(0); err != nil {
			t.Error(err)
		}
		runtime.UnlockOSThread()
	})
}

func TestUnreadableFilesAreNamed(t *testing.T) {
	withoutRoot(t)
	folder := writeFiles(t, map[string]string{"d/secret": "1", "d/closed/x": "1", "secret.sh": "ls\n"})
	for _, name := range []string{"d/secret", "d/closed", "secret.sh"} {
		path := filepath.Join(folder, name)
		if err := os.Chmod(path, 0); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := os.Chmod(path, 0o700); err != nil {
				t.Error(err)
			}
		})
	}
	want := []string{
		"func.yaml:5:5: files: d/closed cannot be read: permission denied (d/closed)",
		"func.yaml:5:5: files: d/secret cannot be read: permission denied (d/secret)",
		"func.yaml:6:5: script: secret.sh cannot be read: permission denied (secret.sh)",
	}
	if diff := cmp.Diff(want, problemsOnDisk(t, folder, in("files: d\nscript: secret.sh"))); diff != "" {
		t.Error(diff)
	}
}
