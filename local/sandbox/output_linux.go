package sandbox

import (
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// output hands on what comes out of a pipe. Reading and handing on happen under one lock, so that
// drain can know that nothing is on its way.
type output struct {
	to     io.Writer
	reader *os.File
	writer *os.File // closed once the sandbox has it
	raw    syscall.RawConn
	mu     sync.Mutex
	buf    []byte
	ended  chan struct{}
	begun  bool
}

func newOutput(to io.Writer) (*output, error) {
	if to == nil {
		to = io.Discard
	}
	r, w, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("make pipe: %w", err)
	}
	raw, err := r.SyscallConn()
	if err != nil {
		return nil, errors.Join(fmt.Errorf("make pipe: %w", err), r.Close(), w.Close())
	}
	return &output{to: to, reader: r, writer: w, raw: raw, buf: make([]byte, 64<<10), ended: make(chan struct{})}, nil
}

// started closes the end of the pipe that the sandbox has by now, and begins to read.
func (o *output) started() {
	_ = o.writer.Close()
	o.begun = true
	go func() {
		defer close(o.ended)
		// The first call waits for something to read; pass says whether to wait again.
		_ = o.raw.Read(func(fd uintptr) bool { return o.pass(int(fd)) })
	}()
}

// pass hands on all that is in the pipe, and says whether it has come to its end.
func (o *output) pass(fd int) (end bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for {
		n, err := unix.Read(fd, o.buf)
		switch {
		case n > 0:
			_, _ = o.to.Write(o.buf[:n]) // a reader that fails must not stop the process that writes
		case errors.Is(err, unix.EINTR):
		case errors.Is(err, unix.EAGAIN):
			return false
		default:
			return true
		}
	}
}

func (o *output) drain() {
	_ = o.raw.Control(func(fd uintptr) { o.pass(int(fd)) })
}

// wait waits for the end of the pipe: until every process that could write is gone.
func (o *output) wait() { <-o.ended }

func (o *output) close() {
	if !o.begun {
		_ = o.writer.Close()
	} else {
		<-o.ended
	}
	_ = o.reader.Close()
}
