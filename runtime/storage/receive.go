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

// anew downloads until a body arrives whole. What breaks off begins from the start, so that no file is pieced together
// from parts that no checksum covers.
func anew(ctx context.Context, r retries, path string, download func() (Object, error)) (Object, error) {
	for attempt := 1; ; attempt++ {
		object, err := download()
		var broken *brokenError
		if !errors.As(err, &broken) || !r.wait(ctx, attempt, 0) {
			return object, err
		}
		// What is there already would take the room that the next attempt asks for.
		if err := os.Remove(path); err != nil {
			return Object{}, err
		}
	}
}

// receive writes the body of an answer to a new file, and compares its length and its sum.
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
	written, err := io.CopyBuffer(onlyWriter{sum.observe(file)}, bodyReader{body}, make([]byte, min(size+1, copyBuffer)))
	if err = errors.Join(err, file.Close()); err != nil {
		return err
	}
	if written != size {
		return &brokenError{fmt.Errorf("%d of %d bytes arrived", written, size)}
	}
	if err := sum.compare(); err != nil {
		return &brokenError{err}
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
	if err != nil && err != io.EOF {
		err = &brokenError{err}
	}
	return n, err
}

type brokenError struct{ err error }

func (e *brokenError) Error() string { return "the download broke off: " + e.err.Error() }
func (e *brokenError) Unwrap() error { return e.err }
