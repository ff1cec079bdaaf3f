package transfer

import (
	"context"
	"errors"
	"sync"

	"github.com/scar-go/scar/runtime/storage"
)

// removeAtOnce is how many files one call removes at most, where a store can remove several.
const removeAtOnce = 1000

// Remove removes files, and what is in folders below if that is wanted; the folders too, where they are something of
// their own, unless a filter chooses among their files. With Options.DryRun it counts only.
func Remove(ctx context.Context, places []Place, open Opener, o Options) (Tally, error) {
	found, err := find(ctx, places, open, o.Recursive)
	if err != nil {
		return Tally{}, err
	}
	r := &remover{work: newWork(o)}
	for _, f := range found {
		if err = r.remove(ctx, f); err != nil {
			break
		}
	}
	return r.wait(ctx, err)
}

type remover struct{ *work }

func (r *remover) remove(ctx context.Context, f finding) error {
	if f.entry != nil {
		if r.Filter.Takes(f.at.base()) {
			r.together(ctx, f, []storage.Entry{*f.entry})
		}
		return ctx.Err()
	}
	var batch []storage.Entry
	var folders []string
	anything := false
	err := f.store.List(ctx, f.at.Bucket, f.at.Key, true, func(e storage.Entry) error {
		anything = true
		if e.Folder {
			folders = append(folders, e.Key)
			return nil
		}
		if !r.Filter.Takes(e.Key[len(f.at.Key):]) {
			return nil
		}
		if batch = append(batch, e); len(batch) == removeAtOnce {
			r.together(ctx, f, batch)
			batch = nil
		}
		return ctx.Err()
	})
	if len(batch) > 0 && err == nil {
		r.together(ctx, f, batch)
	}
	if err != nil || !r.Filter.IsZero() {
		return err
	}
	if f.at.Bucket == "" && f.at.Key != "" {
		folders = append(folders, f.at.Key)
	}
	if f.at.Bucket != "" && f.at.Key != "" && !anything {
		return nothingBelow(f.at)
	}
	return r.folders(ctx, f, folders)
}

// together removes files by as few calls as the store needs.
func (r *remover) together(ctx context.Context, f finding, entries []storage.Entry) {
	r.group.Go(func() error {
		var mu sync.Mutex
		failed := map[string]error{}
		var ended error
		if !r.DryRun {
			keys := make([]string, len(entries))
			for i, e := range entries {
				keys[i] = e.Key
			}
			ended = f.store.Remove(ctx, f.at.Bucket, keys, func(key string, err error) {
				mu.Lock()
				defer mu.Unlock()
				failed[key] = err
			})
		}
		if ended != nil {
			return nil // what was removed before the user ended it is not known
		}
		for _, e := range entries {
			at := f.at.with(e.Key)
			r.ended(Item{From: at.String(), At: at, Size: e.Size, ETag: e.ETag, Err: failed[e.Key]})
		}
		return nil
	})
}

// folders removes folders that nothing is in any more, the innermost first.
func (r *remover) folders(ctx context.Context, f finding, folders []string) error {
	if r.DryRun || len(folders) == 0 {
		return nil
	}
	_ = r.group.Wait() // for the files in them; what failed was told
	var faults []error
	err := f.store.Remove(ctx, f.at.Bucket, folders, func(_ string, err error) { faults = append(faults, err) })
	if err == nil && r.failures() == 0 {
		return errors.Join(faults...)
	}
	return err
}

func (r *remover) failures() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.tally.Failed
}
