package transfer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
)

// standardInput is the path that means what is read from Options.Input.
const standardInput = "-"

// putInput stores what is read from the input. It is kept in a temporary file first: uploads have a size and a checksum, and are
// sent again where they fail.
func putInput(ctx context.Context, to Place, open Opener, o Options) (_ Tally, err error) {
	if to.IsFolder() {
		return Tally{}, fmt.Errorf("standard input has no name of its own: name the object below %s", to)
	}
	store, err := open(ctx, to)
	if err != nil {
		return Tally{}, err
	}
	path, size, err := spool(ctx, o.Input)
	if err != nil {
		return Tally{}, err
	}
	defer func() { err = errors.Join(err, os.Remove(path)) }()
	p := &putter{work: newWork(o), store: store, to: to}
	p.file(ctx, standardInput, path, to.Key, size)
	return p.wait(ctx, ctx.Err())
}

// spool copies an input to a temporary file, which only this user may read. A read cannot be interrupted: if the context
// ends first, it ends with the process.
func spool(ctx context.Context, from io.Reader) (path string, size int64, err error) {
	file, err := os.CreateTemp("", "scar-put-*")
	if err != nil {
		return "", 0, fmt.Errorf("keep standard input: %w", err)
	}
	type result struct {
		size int64
		err  error
	}
	copied := make(chan result, 1)
	go func() {
		n, err := io.Copy(file, from)
		copied <- result{n, errors.Join(err, file.Close())}
	}()
	select {
	case r := <-copied:
		if r.err != nil {
			return "", 0, errors.Join(fmt.Errorf("keep standard input: %w", r.err), os.Remove(file.Name()))
		}
		return file.Name(), r.size, nil
	case <-ctx.Done():
		return "", 0, errors.Join(ctx.Err(), os.Remove(file.Name()))
	}
}
