// Package moto starts moto_server, an imitation of AWS that others wrote, as a second opinion beside the embedded
// backend. It is for tests only.
package moto

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"testing"
	"time"
)

// ErrNotInstalled says that this machine has no moto_server on its PATH.
var ErrNotInstalled = errors.New("moto_server is not installed")

const (
	program = "moto_server"
	// startLimit is what a busy machine may take: Python alone compiles for seconds where it has no cache.
	startLimit = time.Minute
	// drainLimit is how long the output of a killed server is waited for, should something outside its process
	// group hold it open.
	drainLimit = 10 * time.Second
)

// Server is a moto server that runs.
type Server struct {
	URL string // of the endpoint for every service, without a slash at its end

	cmd    *exec.Cmd
	output *output
	ended  chan struct{} // closed once the process has ended and all of its output is read
	err    error         // of the process; settled when ended is closed
}

// Serve starts a server for one test, which is skipped where moto is not installed, and returns its URL. The variables are
// added to the environment, each as name=value.
func Serve(t testing.TB, variables ...string) string {
	t.Helper()
	server, err := Start(t.Context(), variables...)
	if errors.Is(err, ErrNotInstalled) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := server.Stop(); err != nil {
			t.Error(err)
		}
	})
	return server.URL
}

// Start starts a server and returns once it listens, which the context and a limit of a minute bound. The caller stops it. The
// variables are added to the environment, each as name=value. Without the program the error is ErrNotInstalled; that of a
// server that does not come up holds what it wrote last.
//
// The server picks its port itself: one that was found free beforehand may be another's by the time the server asks for it.
func Start(ctx context.Context, variables ...string) (*Server, error) {
	path, err := exec.LookPath(program)
	if err != nil {
		return nil, ErrNotInstalled
	}
	s := &Server{
		cmd:    exec.Command(path, "-H", "127.0.0.1", "-p", "0"),
		output: &output{address: make(chan string, 1)},
		ended:  make(chan struct{}),
	}
	s.cmd.Env = append(append(os.Environ(), "PYTHONUNBUFFERED=1"), variables...)
	s.cmd.Stdout, s.cmd.Stderr = s.output, s.output
	s.cmd.WaitDelay = drainLimit
	ownGroup(s.cmd)
	if err := s.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", path, err)
	}
	go func() {
		s.err = s.cmd.Wait()
		close(s.ended)
	}()
	ctx, cancel := context.WithTimeoutCause(ctx, startLimit, fmt.Errorf("it does not listen after %s", startLimit))
	defer cancel()
	select {
	case s.URL = <-s.output.address:
		return s, nil
	case <-s.ended:
		return nil, fmt.Errorf("start %s: %w\n%s", path, s.endedByItself(), s.output.last)
	case <-ctx.Done():
		kill(s.cmd)
		<-s.ended
		return nil, fmt.Errorf("start %s: %w\n%s", path, context.Cause(ctx), s.output.last)
	}
}

// Stop ends the server and the processes that it started. It is an error, with what the server wrote last, that it had ended
// before.
func (s *Server) Stop() error {
	select {
	case <-s.ended:
		return fmt.Errorf("%s: %w\n%s", s.cmd.Path, s.endedByItself(), s.output.last)
	default:
	}
	kill(s.cmd)
	<-s.ended
	return nil
}

func (s *Server) endedByItself() error {
	if s.err == nil {
		return errors.New("it ended by itself")
	}
	return fmt.Errorf("it ended by itself: %w", s.err)
}

// output finds the server's address in what it writes, and keeps the end of the rest. It is the writer's alone until the
// process has ended.
type output struct {
	address chan string // gets one, and has room for it
	found   bool
	last    []byte // at most outputKept
}

// outputKept is more than the line with the address and enough for the end of a Python traceback, in bytes.
const outputKept = 8 << 10

// running is the line by which Werkzeug, the library that serves, says where it listens. It does listen by then:
// https://github.com/pallets/werkzeug/blob/main/src/werkzeug/serving.py, run_simple.
var running = regexp.MustCompile(`Running on (http://127\.0\.0\.1:[0-9]{1,5})/?\s`)

func (o *output) Write(p []byte) (int, error) {
	o.last = append(o.last, p...)
	if !o.found {
		if match := running.FindSubmatch(o.last); match != nil {
			o.found = true
			o.address <- string(match[1])
		}
	}
	if excess := len(o.last) - outputKept; excess > 0 {
		o.last = bytes.Clone(o.last[excess:])
	}
	return len(p), nil
}
