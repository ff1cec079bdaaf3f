package transfer

import (
	"context"
	"sync"
	"sync/atomic"

	"golang.org/x/sync/errgroup"
)

// work moves files, many at a time. One that fails does not stop the others.
type work struct {
	Options
	group errgroup.Group

	mu    sync.Mutex
	tally Tally
}

func newWork(o Options) *work {
	w := &work{Options: o}
	if w.AtOnce <= 0 {
		w.AtOnce = DefaultAtOnce
	}
	w.group.SetLimit(w.AtOnce)
	return w
}

// move moves one file as soon as there is room for it. step says in the item what it left as it was.
func (w *work) move(ctx context.Context, item Item, step func(ctx context.Context, item *Item) error) {
	if w.Observer != nil {
		w.Observer.Found(item.Size)
	}
	w.group.Go(func() error {
		if ctx.Err() != nil {
			return nil
		}
		var moved atomic.Int64
		within := withMoved(ctx, func(n int64) {
			moved.Add(n)
			if w.Observer != nil {
				w.Observer.Moved(n)
			}
		})
		item.Err = step(within, &item)
		if item.Err != nil && ctx.Err() != nil {
			return nil // it was given up, as all others are
		}
		if w.Observer != nil {
			w.Observer.Moved(item.Size - moved.Load()) // what was skipped, or sent more than once
		}
		w.ended(item)
		return nil
	})
}

// ended counts what became of a file, and tells of it.
func (w *work) ended(item Item) {
	item.Planned = w.DryRun
	w.mu.Lock()
	switch {
	case item.Err != nil:
		w.tally.Failed++
	case item.Skipped != "":
		w.tally.Skipped++
	default:
		w.tally.Done++
		w.tally.Bytes += item.Size
	}
	w.mu.Unlock()
	if w.Observer != nil {
		w.Observer.Ended(item)
	}
}

// wait waits for all that is under way. It returns an error if the user ended it.
func (w *work) wait(ctx context.Context, err error) (Tally, error) {
	_ = w.group.Wait() // what fails is told as it happens
	w.mu.Lock()
	defer w.mu.Unlock()
	if ctx.Err() != nil {
		err = ctx.Err()
	}
	return w.tally, err
}
