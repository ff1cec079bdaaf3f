//go:build unix

package flow

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"
)

// holdVariable makes the test below hold a folder until it is killed.
const holdVariable = "SCAR_TEST_HOLD_STATE"

func TestHoldState(t *testing.T) {
	if os.Getenv(holdVariable) == "" {
		return // it is run by the test below
	}
	dir, _, err := TempState()
	if err != nil {
		t.Fatal(err)
	}
	fmt.Println("held: " + dir)
	if _, err := io.Copy(io.Discard, os.Stdin); err != nil { // it ends when it is killed, or the one that waits for it
		t.Fatal(err)
	}
}

// hold starts a process that has a folder for its state.
func hold(t *testing.T, temp string) (dir string, process *os.Process) {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run=^TestHoldState$")
	cmd.Env = append(os.Environ(), holdVariable+"=1", "TMPDIR="+temp)
	if _, err := cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill() })
	for lines := bufio.NewScanner(out); lines.Scan(); {
		if dir, found := strings.CutPrefix(lines.Text(), "held: "); found {
			return dir, cmd.Process
		}
	}
	t.Fatal("the process has no folder")
	return "", nil
}

// TestKilledRunsLeaveNothing kills one of two runs: the next one removes its folder, and leaves the other's.
func TestKilledRunsLeaveNothing(t *testing.T) {
	temp := t.TempDir()
	t.Setenv("TMPDIR", temp)
	dead, process := hold(t, temp)
	alive, _ := hold(t, temp)
	if err := os.WriteFile(filepath.Join(dead, "state.db"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := process.Kill(); err != nil { // SIGKILL
		t.Fatal(err)
	}
	if _, err := process.Wait(); err != nil {
		t.Fatal(err)
	}
	young, old := filepath.Join(temp, tempStatePrefix+"young"), filepath.Join(temp, tempStatePrefix+"old")
	for _, dir := range []string{young, old} {
		if err := os.Mkdir(dir, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	outside := filepath.Join(temp, "outside")
	if err := os.Mkdir(outside, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(outside, tempStateLock), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(outside, filepath.Join(temp, tempStatePrefix+"link")); err != nil {
		t.Fatal(err)
	}
	past := time.Now().Add(-2 * lockGrace)
	if err := os.Chtimes(old, past, past); err != nil {
		t.Fatal(err)
	}
	mine, cleanup, err := TempState()
	if err != nil {
		t.Fatal(err)
	}
	for dir, want := range map[string]bool{dead: false, alive: true, mine: true, young: true, old: false, outside: true} {
		if _, err := os.Stat(dir); (err == nil) != want {
			t.Errorf("%s is there: %v, want %v", dir, err == nil, want)
		}
	}
	if err := cleanup(); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(mine); err == nil {
		t.Error("cleanup leaves the folder")
	}
}

// TestRunsThatStartTogetherKeepTheirFolders has runs sweep while others make theirs.
func TestRunsThatStartTogetherKeepTheirFolders(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	var runs errgroup.Group
	for range 16 {
		runs.Go(func() error {
			for range 100 {
				dir, cleanup, err := TempState()
				if err != nil {
					return err
				}
				if _, err := os.Stat(filepath.Join(dir, tempStateLock)); err != nil {
					return err
				}
				if err := cleanup(); err != nil {
					return err
				}
			}
			return nil
		})
	}
	if err := runs.Wait(); err != nil {
		t.Error(err)
	}
	if left, err := filepath.Glob(filepath.Join(os.TempDir(), "*")); err != nil || len(left) > 0 {
		t.Errorf("left: %q, %v", left, err)
	}
}
