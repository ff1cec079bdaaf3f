package storage

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"time"
)

// tempPrefix begins the names of files that are on their way. One that is left lying was of a runtime that was ended.
const tempPrefix = ".scar-upload-"

// abortTimeout is the time of its own that cleaning up has when none is left: short of what an invocation keeps back for its
// record and its answer.
const abortTimeout = 200 * time.Millisecond

// tree is a store of files in folders, where a file that is being written can be seen. Paths are keys, not escaped.
type tree interface {
	// put stores a new file, and makes the folder that it lies in.
	put(ctx context.Context, path, contentType string, content *io.SectionReader) error
	// move gives a file of so many bytes another name in its folder, in place of a file that has it. A folder
	// that has it is an error.
	move(ctx context.Context, from, to string, size int64) error
	remove(ctx context.Context, path string) error
}

// uploadStaged stores a file under a name that nobody looks for, and gives it its own once it is there as a whole.
func uploadStaged(ctx context.Context, t tree, key, path string) (int64, error) {
	if err := checkPath(key); err != nil {
		return 0, err
	}
	file, size, err := openFile(path)
	if err != nil {
		return 0, err
	}
	defer file.Close()
	temp := below(parent(key), tempPrefix+rand.Text())
	if err := t.put(ctx, temp, typeOf(key), io.NewSectionReader(file, 0, size)); err != nil {
		_ = removeStaged(ctx, t, temp) // as a rule there is nothing to remove, and no more to say
		return 0, err
	}
	if err := t.move(ctx, temp, key, size); err != nil {
		if left := removeStaged(ctx, t, temp); left != nil {
			return 0, fmt.Errorf("%w; %s stays behind: %w", err, shown(temp), left)
		}
		return 0, err
	}
	return size, nil
}

func removeStaged(ctx context.Context, t tree, temp string) error {
	ctx, cancel := cleanup(ctx)
	defer cancel()
	if err := t.remove(ctx, temp); !errors.Is(err, ErrNotExist) {
		return err
	}
	return nil
}

type graceKey struct{}

// WithGrace gives what is to be undone once ctx has ended more time than the runtime of a function can spare.
func WithGrace(ctx context.Context, grace time.Duration) context.Context {
	return context.WithValue(ctx, graceKey{}, grace)
}

// cleanup is a context for undoing what failed, with a little time of its own where the time ran out. That is counted from
// the deadline, so that several things which are undone one after the other have it together.
func cleanup(ctx context.Context) (context.Context, context.CancelFunc) {
	if ctx.Err() == nil {
		return context.WithCancel(ctx)
	}
	end := time.Now()
	if deadline, ok := ctx.Deadline(); ok && deadline.Before(end) {
		end = deadline
	}
	grace, given := ctx.Value(graceKey{}).(time.Duration)
	if !given {
		grace = abortTimeout
	}
	return context.WithDeadline(context.WithoutCancel(ctx), end.Add(grace))
}

// openFile opens a file to be sent.
func openFile(path string) (*os.File, int64, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, 0, err
	}
	info, err := file.Stat()
	if err != nil {
		return nil, 0, errors.Join(err, file.Close())
	}
	return file, info.Size(), nil
}
