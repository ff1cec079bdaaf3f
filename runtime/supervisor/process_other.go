//go:build !linux

package supervisor

import (
	"errors"
	"fmt"
	"io"
	"os/exec"
	"runtime"
	"time"
)

// errLinux is what everything answers elsewhere. The package compiles everywhere, so that the whole
// tree can be checked on any machine.
var errLinux = fmt.Errorf("the runtime runs on Linux only, not on %s: %w", runtime.GOOS, errors.ErrUnsupported)

func adoptOrphans() error { return errLinux }

func closeInherited() error { return errLinux }

func run(*exec.Cmd, io.Writer, time.Time, time.Duration, time.Time) (*ending, error) {
	return nil, errLinux
}

func empty(string, time.Time) error { return errLinux }

func free(string) (int64, error) { return 0, errLinux }

func full(error) bool { return false }
