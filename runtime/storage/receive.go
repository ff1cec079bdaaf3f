package storage

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
)

// copyBuffer is how many bytes are moved from a body to a file at a time.
const copyBuffer = 256 << 10

// again repeats what reads a body until that arrives whole. What breaks off begins from the start, so that no file is pieced
// together from parts that no checksum covers.
func again(ctx context.Context, r retries, try func() error) error {
	for attempt := 1; ; attempt++ {
		err := try()
		var broken *brokenError
		if !errors.As(err, &broken) || !r.wait(ctx, attempt, 0) {
			return err
		}
	}
}

// receive writes the body of an answer to a new file, and compares its length and its sum. It leaves no file behind when it fails:
// that would take the room that the next attempt asks for.
func receive(body io.Reader, size int64, sum *checksum, path string, reserve func(int64) error) error {
	if size < 0 {
		return errors.New("the server does not say how large the object is")
	}
	if err := reserve(size); err != nil {
		return err
	}
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o644)
	if err != nil {
		return err
	}
	// A server that said the size elsewhere may send more than that, without end: one byte more is enough to know.
	written, err := io.CopyBuffer(onlyWriter{sum.observe(file)}, io.LimitReader(bodyReader{body}, size+1), make([]byte, min(size+1, copyBuffer)))
	err = errors.Join(err, file.Close())
	switch {
	case err != nil:
	case written > size:
		err = fmt.Errorf("the server sends more than the %d bytes that it says the file has", size)
	case written < size:
		err = &brokenError{fmt.Errorf("%d of %d bytes arrived", written, size)}
	}
	if err == nil {
		err = brokenBy(sum.compare())
	}
	if err != nil {
		return errors.Join(err, os.Remove(path))
	}
	return nil
}

// onlyWriter hides from io.Copy that a file could read by itself: it would do so with a small buffer.
type onlyWriter struct{ io.Writer }

// onlyReader hides that a file could write by itself, in the same way.
type onlyReader struct{ io.Reader }

// bodyReader marks the errors of a body, to tell them from those of the file that it is copied to.
type bodyReader struct{ body io.Reader }

func (r bodyReader) Read(p []byte) (int, error) {
	n, err := r.body.Read(p)
	if err != io.EOF {
		err = brokenBy(err)
	}
	return n, err
}

// brokenBy makes an error one that a new attempt may mend.
func brokenBy(err error) error {
	if err == nil {
		return nil
	}
	return &brokenError{err}
}

type brokenError struct{ err error }

func (e *brokenError) Error() string { return "the download broke off: " + e.err.Error() }
func (e *brokenError) Unwrap() error { return e.err }
