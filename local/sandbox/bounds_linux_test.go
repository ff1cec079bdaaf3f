package sandbox

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// slowly is a reader that is slower than whoever writes.
type slowly struct{ got atomic.Int64 }

func (s *slowly) Write(p []byte) (int, error) {
	time.Sleep(20 * time.Millisecond) // in which a pipe is filled again
	s.got.Add(int64(len(p)))
	return len(p), nil
}

func TestDrainDoesNotWaitForTheEndOfChatter(t *testing.T) {
	root := unpack(t, newCache(t), insideLayer(t))
	var out slowly
	p := start(t, Spec{Root: root}, &out, "chatter")
	eventually(t, "output", func() bool { return out.got.Load() > 1<<18 })
	drained := make(chan struct{})
	go func() {
		p.Drain()
		close(drained)
	}()
	select {
	case <-drained:
	case <-time.After(20 * time.Second):
		t.Error("it waits for as long as something is written")
	}
	p.Kill()
	waitFor(t, p)
}

// Files without content take memory of the kernel's, which nobody counts.
func TestTmpTakesFewerFilesThanBlocks(t *testing.T) {
	root := unpack(t, newCache(t), insideLayer(t))
	if out, exit := run(t, Spec{Root: root, Tmp: 1}, "files", "/tmp", "200"); exit.Code != 0 {
		t.Errorf("200 files: %s", out)
	}
	if out, exit := run(t, Spec{Root: root, Tmp: 1}, "files", "/tmp", "1000"); exit.Code != 3 || !strings.Contains(out, "no space left") {
		t.Errorf("1,000 files in 1 MB: %+v, %q", exit, out)
	}
}

const keyVar = "SCAR_TEST_KEY" // set: the id of a key that the process has, and no sandbox may read

func TestRunReadsNoKeyOfTheHost(t *testing.T) {
	if text := os.Getenv(keyVar); text != "" {
		id, err := strconv.Atoi(text)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := unix.KeyctlBuffer(unix.KEYCTL_READ, id, make([]byte, 10), 0); err != nil {
			t.Fatalf("the host cannot read it: %v", err)
		}
		root := unpack(t, newCache(t), insideLayer(t))
		if out, exit := run(t, Spec{Root: root}, "key", text); out != "error: permission denied\n" {
			t.Errorf("%+v: %s", exit, out)
		}
		return
	}
	// The keyring belongs to the thread, and to what is started from it. The thread ends with the test.
	runtime.LockOSThread()
	if _, err := unix.KeyctlInt(unix.KEYCTL_JOIN_SESSION_KEYRING, 0, 0, 0, 0); err != nil {
		t.Skipf("the kernel gives no keyrings: %v", err)
	}
	id, err := unix.AddKey("user", "secret-of-the-host", []byte("x"), unix.KEY_SPEC_SESSION_KEYRING)
	if err != nil {
		t.Fatal(err)
	}
	again := exec.Command("/proc/self/exe", "-test.run=^"+t.Name()+"$", "-test.v")
	again.Env = append(os.Environ(), fmt.Sprintf("%s=%d", keyVar, id))
	if out, err := again.CombinedOutput(); err != nil || !strings.Contains(string(out), "--- PASS") {
		t.Errorf("%v\n%s", err, out)
	}
}

func TestStartEndsWithItsContext(t *testing.T) {
	root := unpack(t, newCache(t), insideLayer(t))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	p, err := startInside(ctx, Spec{Root: root}, nil, "sleep")
	if err == nil { // it was as fast as the context
		if exit := waitFor(t, p); exit.Signal != int(syscall.SIGKILL) {
			t.Errorf("%+v", exit)
		}
	} else if !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}
