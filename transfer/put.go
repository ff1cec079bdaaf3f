package transfer

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/scar-go/scar/runtime/storage"
)

// Put stores files at a place, and what is in folders below it if that is wanted. Names are those of cp: a file goes into a
// place that ends in a slash, and else becomes it; a folder goes as a whole, or what is in it if its own name ends in a slash. What
// becomes of each file is told to the observer; the error is that it did not begin, or ended early.
func Put(ctx context.Context, paths []string, to Place, open Opener, o Options) (Tally, error) {
	if len(paths) == 1 && paths[0] == standardInput && o.Input != nil {
		return putInput(ctx, to, open, o)
	}
	sources, err := sourcesOf(paths, to, o)
	if err != nil {
		return Tally{}, err
	}
	store, err := open(ctx, to)
	if err != nil {
		return Tally{}, err
	}
	p := &putter{work: newWork(o), store: store, to: to}
	for i, s := range sources {
		if err = p.put(ctx, s, sources[:i]); err != nil {
			break
		}
	}
	return p.wait(ctx, err)
}

// source is a file or a folder of this machine, and where it goes.
type source struct {
	path   string
	folder bool
	key    string // of the file; or of the folder, which is empty or ends in a slash
	size   int64  // of the file, in bytes
}

// sourcesOf decides where each path goes, before anything is moved.
func sourcesOf(paths []string, to Place, o Options) ([]source, error) {
	if len(paths) == 0 {
		return nil, errors.New("there is nothing to put")
	}
	if len(paths) > 1 && !to.IsFolder() {
		return nil, fmt.Errorf("%s is one name for %d files: end it with a slash to put them into it", to, len(paths))
	}
	var sources []source
	taken := map[string]string{}
	for _, path := range paths {
		if IsPlace(path) {
			return nil, fmt.Errorf("%q is a place, not a file of this machine: scar get fetches it; a file of that name is ./%s", path, path)
		}
		if path == standardInput {
			return nil, errors.New("- is standard input, which is put alone; a file of that name is ./-")
		}
		info, err := os.Stat(path)
		if err != nil {
			return nil, err
		}
		s := source{path: path, folder: info.IsDir(), key: to.Key, size: info.Size()}
		base := filepath.Base(path)
		switch {
		case s.folder && !o.Recursive:
			return nil, fmt.Errorf("%s is a folder: -r puts what is in it, too", path)
		case s.folder && (!to.IsFolder() || onlyContent(path)):
			s.key = to.Folder().Key
		case s.folder:
			s.key += base + "/"
		case !info.Mode().IsRegular():
			return nil, fmt.Errorf("%s is no file", path)
		case to.IsFolder():
			s.key += base
		}
		if before, twice := taken[s.key]; twice && !s.folder {
			return nil, fmt.Errorf("%s and %s would both be %s", before, path, to.with(s.key))
		}
		taken[s.key] = path
		sources = append(sources, s)
	}
	return sources, nil
}

// onlyContent says whether a folder is named in the way that means what is in it.
func onlyContent(path string) bool {
	base := filepath.Base(path)
	return path == "" || os.IsPathSeparator(path[len(path)-1]) || base == "." || base == ".." || base == string(filepath.Separator)
}

type putter struct {
	*work
	store storage.Catalogue
	to    Place
}

// put puts a file, or the files of a folder. earlier are the sources before it.
func (p *putter) put(ctx context.Context, s source, earlier []source) error {
	if !s.folder {
		if p.Filter.Takes(filepath.Base(s.path)) {
			p.file(ctx, s.path, s.path, s.key, s.size)
		}
		return ctx.Err()
	}
	root, err := filepath.EvalSymlinks(s.path) // a folder behind a link is followed if the user named it
	if err != nil {
		return err
	}
	return filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		relative, outside := filepath.Rel(root, path)
		if outside != nil {
			return outside
		}
		name := filepath.ToSlash(relative)
		shown := filepath.Join(s.path, relative)
		switch {
		case err != nil:
			p.ended(Item{From: shown, To: p.to.with(s.key + name).String(), Err: err})
			if d != nil && d.IsDir() {
				return fs.SkipDir
			}
			return nil
		case d.IsDir(), !p.Filter.Takes(name):
			return nil
		}
		p.found(ctx, shown, s, name, earlier)
		return nil
	})
}

// found puts one file of a folder.
func (p *putter) found(ctx context.Context, path string, s source, name string, earlier []source) {
	item := Item{From: path, To: p.to.with(s.key + name).String()}
	info, err := os.Stat(path)
	switch {
	case err != nil:
		item.Err = err
	case info.IsDir():
		item.Skipped = "a link to a folder, which is not followed"
	case !info.Mode().IsRegular():
		item.Skipped = "no file"
	default:
		item.Err = p.taken(s, name, earlier)
	}
	if item.Err != nil || item.Skipped != "" {
		p.ended(item)
		return
	}
	p.file(ctx, path, path, s.key+name, info.Size())
}

// taken refuses a file whose key one of an earlier folder has got.
func (p *putter) taken(s source, name string, earlier []source) error {
	i := slices.IndexFunc(earlier, func(e source) bool {
		relative, inside := strings.CutPrefix(s.key+name, e.key)
		if !e.folder {
			return inside && relative == "" && p.Filter.Takes(filepath.Base(e.path))
		}
		if !p.Filter.Takes(relative) {
			return false
		}
		info, err := os.Stat(filepath.Join(e.path, filepath.FromSlash(relative)))
		return inside && err == nil && info.Mode().IsRegular()
	})
	if i < 0 {
		return nil
	}
	return fmt.Errorf("%s has a file of the same name", earlier[i].path)
}

// file puts one file, which users know by another name than its path.
func (p *putter) file(ctx context.Context, from, path, key string, size int64) {
	at := p.to.with(key)
	p.move(ctx, Item{From: from, To: at.String(), At: at, Size: size}, func(ctx context.Context, item *Item) error {
		if !utf8.ValidString(key) {
			return errors.New("its name is not UTF-8, as the names of objects are")
		}
		if err := checkKey(key); err != nil {
			return err
		}
		skipped, err := p.leave(ctx, path, at)
		if err != nil || skipped != "" || p.DryRun {
			item.Skipped = skipped
			return err
		}
		if p.Before != nil {
			if err := p.Before(ctx, *item); err != nil {
				return err
			}
		}
		sent, err := p.store.Upload(ctx, at.Bucket, key, path)
		if err == nil {
			item.Size = sent
		}
		return err
	})
}

// leave says why a file is not put.
func (p *putter) leave(ctx context.Context, path string, at Place) (why string, err error) {
	if p.Existing == Replace {
		return "", nil
	}
	there, err := p.store.Stat(ctx, at.Bucket, at.Key)
	if errors.Is(err, storage.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	if p.Existing == Keep {
		return "it is there", nil
	}
	info, err := os.Stat(path)
	if err != nil {
		return "", err
	}
	// Stores know seconds only.
	if there.Size == info.Size() && !there.Modified.Before(info.ModTime().Truncate(1e9)) {
		return "it is there, with this size and not older", nil
	}
	return "", nil
}
