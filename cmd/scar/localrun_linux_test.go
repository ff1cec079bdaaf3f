package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// TestKilledRunIsCleanedUp kills a run that has its state in the folder for temporary files: the next one removes it,
// and its own.
func TestKilledRunIsCleanedUp(t *testing.T) {
	a := newAccount(t) // for its project only
	temp := t.TempDir()
	a.env = homeWithoutAWS(a.dir, "TMPDIR="+temp)
	in := filepath.Join(a.dir, "in")
	if err := os.Mkdir(in, 0o755); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(in, "a.png"), "a")

	run := exec.Command("scar", "local", "run", "--in", "in", "--out", "out")
	run.Dir, run.Env = a.dir, a.env
	if err := run.Start(); err != nil {
		t.Fatal(err)
	}
	left := awaitFile(t, filepath.Join(temp, "scar-run-*", "state.db"))
	if err := run.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := run.Wait(); err == nil {
		t.Fatal("it ended before it was killed")
	}
	if _, err := os.Stat(left); err != nil {
		t.Fatalf("it left nothing: %v", err)
	}
	if _, stderr, code := a.scar("local", "run", "--in", "in", "--out", "out"); code != exitError { // the image has no program
		t.Errorf("the next run ended with %d:\n%s", code, stderr)
	}
	if all, err := filepath.Glob(filepath.Join(temp, "scar-run-*")); err != nil || len(all) > 0 {
		t.Errorf("left: %v, %v", all, err)
	}
}

// TestClosedTerminalEndsARunCleanly tells a run twice that its terminal is gone, as a shell and the kernel do.
func TestClosedTerminalEndsARunCleanly(t *testing.T) {
	a := newAccount(t) // for its project only
	temp := t.TempDir()
	in := filepath.Join(a.dir, "in")
	if err := os.Mkdir(in, 0o755); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(in, "a.png"), "a")
	run := exec.Command("scar", "local", "run", "--in", "in", "--out", "out")
	run.Dir, run.Env = a.dir, homeWithoutAWS(a.dir, "TMPDIR="+temp)
	if err := run.Start(); err != nil {
		t.Fatal(err)
	}
	awaitFile(t, filepath.Join(temp, "scar-run-*", "state.db"))
	for range 2 {
		if err := run.Process.Signal(syscall.SIGHUP); err != nil {
			t.Fatal(err)
		}
	}
	if err := run.Wait(); run.ProcessState.ExitCode() != exitError {
		t.Errorf("it ended with %v", err)
	}
	if all, err := filepath.Glob(filepath.Join(temp, "scar-run-*")); err != nil || len(all) > 0 {
		t.Errorf("left: %v, %v", all, err)
	}
}

// awaitFile waits until a file that matches the pattern is there.
func awaitFile(t *testing.T, pattern string) string {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(time.Millisecond) {
		if found, err := filepath.Glob(pattern); err == nil && len(found) > 0 {
			return found[0]
		}
	}
	t.Fatalf("there is no %s", pattern)
	return ""
}
