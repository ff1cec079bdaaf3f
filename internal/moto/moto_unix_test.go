//go:build unix

package moto

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// launcher puts a program of that name on the PATH that is none of moto's.
func launcher(t *testing.T, script string) {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, program), []byte("#!/bin/sh\n"+script), 0o700); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir+string(os.PathListSeparator)+os.Getenv("PATH"))
}

func TestStopEndsWhatALauncherStarted(t *testing.T) {
	launcher(t, "sleep 1000 &\necho $! > \"$CHILD\"\necho ' * Running on http://127.0.0.1:1' >&2\nwait\n")
	file := filepath.Join(t.TempDir(), "pid")
	server, err := Start(t.Context(), "CHILD="+file)
	if err != nil {
		t.Fatal(err)
	}
	if server.URL != "http://127.0.0.1:1" {
		t.Errorf("the URL is %q", server.URL)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	child, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(child, 0); err != nil {
		t.Fatalf("the child does not run: %v", err)
	}
	if err := server.Stop(); err != nil {
		t.Error(err)
	}
	// An orphan is another's to wait for, so that it may be seen a moment longer than it runs.
	for deadline := time.Now().Add(time.Minute); syscall.Kill(child, 0) == nil && !isZombie(child); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("process %d of the launcher runs on", child)
		}
	}
}

// isZombie is true of a process that has ended and was not waited for, as /proc has it on Linux (proc_pid_stat(5)). A
// container's first process may never wait.
func isZombie(pid int) bool {
	stat, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "stat"))
	return err == nil && strings.Contains(string(stat), ") Z ")
}

func TestServerThatDoesNotComeUp(t *testing.T) {
	launcher(t, "echo 'No module named moto' >&2; exit 3\n")
	if _, err := Start(t.Context()); err == nil || !strings.Contains(err.Error(), "exit status 3\nNo module named moto") {
		t.Errorf("got %v", err)
	}
}

func TestStartIsInterrupted(t *testing.T) {
	cause := errors.New("the test has seen enough")
	ctx, cancel := context.WithCancelCause(t.Context())
	ready := filepath.Join(t.TempDir(), "ready")
	launcher(t, "echo still loading\necho > \"$READY\"\nsleep 1000\n")
	go func() {
		for {
			if _, err := os.Stat(ready); err == nil || t.Context().Err() != nil {
				cancel(cause)
				return
			}
			time.Sleep(time.Millisecond)
		}
	}()
	if _, err := Start(ctx, "READY="+ready); !errors.Is(err, cause) || !strings.Contains(err.Error(), "still loading") {
		t.Errorf("got %v", err)
	}
}

func TestStopTellsThatTheServerHadEnded(t *testing.T) {
	launcher(t, "echo ' * Running on http://127.0.0.1:1'; echo out of memory; exit 1\n")
	server, err := Start(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	<-server.ended
	if err := server.Stop(); err == nil || !strings.Contains(err.Error(), "out of memory") {
		t.Errorf("got %v", err)
	}
}
