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

// output hands on what comes out of a pipe. One read and the handing on of it happen under one lock, so
// that drain can know that nothing is on its way.
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

// pass hands on all that is in the pipe, and says whether it has come to its end. It lets go of the lock
// in between, since a process may write faster than is read for as long as it lives.
func (o *output) pass(fd int) (end bool) {
	for {
		n, err := o.step(fd)
		switch {
		case n > 0 || errors.Is(err, unix.EINTR):
		case errors.Is(err, unix.EAGAIN):
			return false
		default:
			return true
		}
	}
}

// step hands on what one read yields.
func (o *output) step(fd int) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	n, err := unix.Read(fd, o.buf)
	if n > 0 {
		_, _ = o.to.Write(o.buf[:n]) // a reader that fails must not stop the process that writes
	}
	return n, err
}

// drain hands on what is in the pipe now, which is no more than a pipe holds. What is written meanwhile may come
// along.
func (o *output) drain() {
	_ = o.raw.Control(func(fd uintptr) {
		left, err := unix.IoctlGetInt(int(fd), unix.TIOCINQ)
		for err == nil && left > 0 {
			var n int
			n, err = o.step(int(fd))
			left -= n
			if errors.Is(err, unix.EINTR) {
				err = nil
			}
		}
		// A step that is under way has read already, and ends with the lock.
		o.mu.Lock()
		defer o.mu.Unlock()
	})
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
