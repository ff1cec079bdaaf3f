//go:build unix

package flow

import (
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/scar-go/scar/planner"
)

// A plan that is saved to what is no file, as in --out /dev/stdout, goes there, and does not replace it.
func TestSavedPlanKeepsPipes(t *testing.T) {
	path := filepath.Join(t.TempDir(), "pipe")
	if err := unix.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	pipe, err := os.OpenFile(path, os.O_RDWR, 0) // both ends, so that nobody waits to open the other
	if err != nil {
		t.Fatal(err)
	}
	defer pipe.Close()
	if err := (&Planned{Plan: &planner.Plan{Project: "imaging"}}).Save(path, planner.Source{}); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Lstat(path); err != nil || info.Mode()&fs.ModeNamedPipe == 0 {
		t.Fatalf("the pipe became %v, %v", info.Mode(), err)
	}
	first := make([]byte, 1)
	if _, err := io.ReadFull(pipe, first); err != nil || first[0] != '{' {
		t.Errorf("read %q, %v", first, err)
	}
}
