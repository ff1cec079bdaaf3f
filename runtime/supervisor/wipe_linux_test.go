package supervisor

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

func checkEmpty(t *testing.T, folder string) {
	t.Helper()
	if entries, err := os.ReadDir(folder); err != nil || len(entries) > 0 {
		t.Errorf("left: %v, %v", entries, err)
	}
}

func TestEmpty(t *testing.T) {
	outside := t.TempDir()
	kept := filepath.Join(outside, "kept")
	must(t, os.WriteFile(kept, nil, 0o600))
	folder := t.TempDir()
	in := func(path string) string { return filepath.Join(folder, path) }
	must(t,
		os.MkdirAll(in("a/b/c"), 0o700),
		os.WriteFile(in("a/b/c/file"), nil, 0o000),
		os.WriteFile(in("-rf"), nil, 0o600),
		os.WriteFile(in("new\nline"), nil, 0o600),
		os.Symlink(outside, in("link")),
		os.Symlink(kept, in("a/link")),
		os.Symlink(folder, in("a/b/loop")),
		os.Link(kept, in("hard")),
		syscall.Mkfifo(in("pipe"), 0o600),
		os.Chmod(in("a/b/c"), 0o000),
		os.Chmod(in("a"), 0o500),
	)
	must(t, empty(folder, soon()))
	checkEmpty(t, folder)
	if _, err := os.Stat(kept); err != nil {
		t.Errorf("a file outside: %v", err)
	}
	must(t, empty(folder, soon()))
}

// A tree deeper than there may be open files, and whose paths are longer than the kernel takes.
func TestEmptyADeepTree(t *testing.T) {
	folder := t.TempDir()
	name := strings.Repeat("d", 100)
	fd, err := syscall.Open(folder, syscall.O_RDONLY, 0)
	must(t, err)
	for range 1500 {
		must(t, syscall.Mkdirat(fd, name, 0o700))
		next, err := syscall.Openat(fd, name, syscall.O_RDONLY|syscall.O_DIRECTORY, 0)
		must(t, err, syscall.Close(fd))
		fd = next
	}
	must(t, syscall.Close(fd), empty(folder, soon()))
	checkEmpty(t, folder)
}

// A folder of so many files that it is read in parts.
func TestEmptyAFolderOfManyFiles(t *testing.T) {
	folder := t.TempDir()
	for i := range 5 * namesAtOnce / 2 {
		must(t, os.WriteFile(filepath.Join(folder, fmt.Sprintf("a file with a name of some length, number %d", i)), nil, 0o600))
	}
	must(t, os.MkdirAll(filepath.Join(folder, "sub/sub"), 0o700))
	must(t, empty(folder, soon()))
	checkEmpty(t, folder)
}

func TestEmptyStopsInTime(t *testing.T) {
	folder := t.TempDir()
	must(t, os.WriteFile(filepath.Join(folder, "file"), nil, 0o600))
	if err := empty(folder, time.Now().Add(-time.Second)); err == nil {
		t.Error("no error says that a file is left")
	}
	if err := empty(filepath.Join(folder, "none"), soon()); err == nil {
		t.Error("a folder that does not exist was emptied")
	}
	link := filepath.Join(t.TempDir(), "link")
	must(t, os.Symlink(folder, link))
	if err := empty(link, soon()); err == nil {
		t.Error("a link was followed")
	}
}
