package transfer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/scar-go/scar/runtime/storage"
)

// Get fetches files into a folder, or one of them under a name. Names are as in Put, the other way round: a folder that exists, or
// whose name ends in a slash, is gone into.
func Get(ctx context.Context, places []Place, path string, open Opener, o Options) (_ Tally, err error) {
	found, err := find(ctx, places, open, o.Recursive)
	if err != nil {
		return Tally{}, err
	}
	into, err := isFolder(path)
	if err != nil {
		return Tally{}, err
	}
	if !into && len(places) > 1 {
		return Tally{}, fmt.Errorf("%s is one name for %d files: end it with a slash to fetch them into it", path, len(places))
	}
	dir := path
	if !into && found[0].entry != nil {
		dir = filepath.Dir(path)
	}
	to, err := newLanding(dir)
	if err != nil {
		return Tally{}, err
	}
	defer func() { err = errors.Join(err, to.close()) }()
	g := &getter{work: newWork(o), to: to}
	for i := range found {
		found[i].name = nameOf(found[i], path, into)
		if err = g.get(ctx, found[i], found[:i]); err != nil {
			break
		}
	}
	return g.wait(ctx, err)
}

// isFolder says whether a path is a folder by its name, or because it is there.
func isFolder(path string) (bool, error) {
	if onlyContent(path) {
		return true, nil
	}
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return false, nil
	case err != nil:
		return false, err
	}
	return info.IsDir(), nil
}

// nameOf is what a file is called in the folder that it goes to; or what names begin with, of what is in a folder.
func nameOf(f finding, path string, into bool) string {
	switch {
	case f.entry != nil && into:
		return f.at.base()
	case f.entry != nil:
		return filepath.Base(path)
	case into && !f.content:
		return f.at.base() + "/"
	}
	return ""
}

// finding is what is at a place.
type finding struct {
	at      Place
	store   storage.Catalogue
	entry   *storage.Entry // of a file; nil: it is a folder
	content bool           // of the folder, what is in it is meant
	name    string         // what it is called in the folder that it is fetched into, or what names in it begin with
}

// find looks for what is at places.
func find(ctx context.Context, places []Place, open Opener, recursive bool) ([]finding, error) {
	var all []finding
	for _, at := range places {
		store, err := open(ctx, at)
		if err != nil {
			return nil, err
		}
		f := finding{at: at, store: store, content: at.IsFolder()}
		if at.IsFolder() {
			if !recursive {
				return nil, fmt.Errorf("%s is a folder: -r takes what is in it, too", at)
			}
			all = append(all, f)
			continue
		}
		entry, err := store.Stat(ctx, at.Bucket, at.Key)
		switch {
		case err == nil:
			f.entry = &entry
		case !errors.Is(err, storage.ErrNotExist):
			return nil, err
		case !recursive:
			return nil, fmt.Errorf("%s does not exist; if it is a folder, -r takes what is in it", at)
		default:
			f.at = at.Folder()
		}
		all = append(all, f)
	}
	return all, nil
}

var errNothing = errors.New("there is nothing")

// each calls emit for every file below a folder that the filter takes, with its path below the folder. A marker of a folder is no file.
// Nothing at all is an error, as a file that does not exist is.
func (f *finding) each(ctx context.Context, filter Filter, emit func(e storage.Entry, name string) error) error {
	anything := false
	err := f.store.List(ctx, f.at.Bucket, f.at.Key, true, func(e storage.Entry) error {
		anything = true
		name := strings.TrimPrefix(e.Key, f.at.Key)
		if e.Folder || e.Size == 0 && strings.HasSuffix(e.Key, "/") || !filter.Takes(name) {
			return nil
		}
		return emit(e, name)
	})
	if err == nil && !anything && f.at.Key != "" {
		return nothingBelow(f.at)
	}
	return err
}

type getter struct {
	*work
	to *landing
}

// get fetches what was found at a place. earlier are those before it.
func (g *getter) get(ctx context.Context, f finding, earlier []finding) error {
	if f.entry != nil {
		if g.Filter.Takes(f.at.base()) {
			g.file(ctx, f, *f.entry, f.name, earlier)
		}
		return ctx.Err()
	}
	return f.each(ctx, g.Filter, func(e storage.Entry, below string) error {
		g.file(ctx, f, e, f.name+below, earlier)
		return ctx.Err()
	})
}

// file fetches one file.
func (g *getter) file(ctx context.Context, f finding, e storage.Entry, name string, earlier []finding) {
	at := f.at.with(e.Key)
	item := Item{From: at.String(), To: filepath.Join(g.to.root.Name(), filepath.FromSlash(name)), At: at, Size: e.Size, ETag: e.ETag}
	g.move(ctx, item, func(ctx context.Context, item *Item) error {
		if err := g.fetched(ctx, at, name, earlier); err != nil {
			return err
		}
		skipped, err := g.leave(e, name)
		if err != nil || skipped != "" || g.DryRun {
			item.Skipped = skipped
			return err
		}
		return g.to.receive(name, func(path string) error { return fetch(ctx, f.store, at, e, path) })
	})
}

// fetched refuses a file whose name one of an earlier place has got.
func (g *getter) fetched(ctx context.Context, at Place, name string, earlier []finding) error {
	for _, before := range earlier {
		below, inside := strings.CutPrefix(name, before.name)
		other, chosen := before.at, g.Filter.Takes(before.at.base())
		if before.entry == nil {
			other, chosen = before.at.with(before.at.Key+below), g.Filter.Takes(below)
		}
		if !inside || !chosen || before.entry != nil && below != "" || other == at {
			continue
		}
		if before.entry == nil {
			_, err := before.store.Stat(ctx, other.Bucket, other.Key)
			if errors.Is(err, storage.ErrNotExist) {
				continue
			}
			if err != nil {
				return err
			}
		}
		return fmt.Errorf("%s has the same name", other)
	}
	return nil
}

// fetch writes an object to a new file.
func fetch(ctx context.Context, store storage.Catalogue, at Place, e storage.Entry, path string) error {
	if r, can := store.(ranger); can && e.Size >= storage.RangesFrom && e.ETag != "" {
		return r.DownloadRanges(ctx, at.Bucket, at.Key, path, e.Object)
	}
	_, err := store.Download(ctx, at.Bucket, at.Key, path, func(int64) error { return nil })
	return err
}

// leave says why a file is not fetched.
func (g *getter) leave(e storage.Entry, name string) (why string, err error) {
	if g.Existing == Replace && !g.DryRun {
		return "", nil
	}
	there, err := g.to.stat(name)
	switch {
	case err != nil || there == nil || g.Existing == Replace:
		return "", err
	case g.Existing == Keep:
		return "it is there", nil
	case there.Size() == e.Size && !there.ModTime().Before(e.Modified):
		return "it is there, with this size and not older", nil
	}
	return "", nil
}

// Cat writes the content of files, one after the other.
func Cat(ctx context.Context, places []Place, open Opener, to io.Writer) error {
	for _, at := range places {
		if at.IsFolder() {
			return fmt.Errorf("%s is a folder", at)
		}
		store, err := open(ctx, at)
		if err != nil {
			return err
		}
		if err := store.Stream(ctx, at.Bucket, at.Key, to); err != nil {
			return err
		}
	}
	return nil
}
