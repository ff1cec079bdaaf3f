package sandbox

import (
	"archive/tar"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"sync/atomic"
)

const (
	maxDepth    = 255 // folders above an entry: bounds recursion when layers are joined
	maxLinks    = 40  // symbolic links followed on the way to one entry, as Linux does
	whiteout    = ".wh."
	whiteoutOpq = ".wh..wh..opq"
)

// budget is what is left for one image; its layers are unpacked at the same time.
type budget struct{ bytes, entries atomic.Int64 }

func newBudget(l Limits) *budget {
	b := &budget{}
	b.bytes.Store(l.Bytes)
	b.entries.Store(l.Entries)
	return b
}

func (b *budget) takeBytes(n int64) error {
	if b.bytes.Add(-n) < 0 {
		return errors.New("the image unpacks to more bytes than allowed")
	}
	return nil
}

func (b *budget) takeEntries(n int64) error {
	if b.entries.Add(-n) < 0 {
		return errors.New("the image holds more files than allowed")
	}
	return nil
}

// extractor writes one layer below an os.Root, so that no operation can leave that folder whatever
// the archive says. It never keeps an owner, a set-user-ID bit, an extended attribute or a device.
type extractor struct {
	root     *os.Root
	budget   *budget
	declared map[string]uint8  // folders that the archive has an entry for → permission bits of others
	placed   map[string]string // folder as named → folder as resolved; emptied when a folder is replaced
	meta     meta
	buf      []byte
}

func newExtractor(root *os.Root, b *budget) *extractor {
	return &extractor{
		root: root, budget: b, buf: make([]byte, 256<<10),
		declared: map[string]uint8{}, placed: map[string]string{},
	}
}

// extract reads a whole archive.
func (x *extractor) extract(r io.Reader) error {
	archive := tar.NewReader(r)
	for {
		header, err := archive.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil && !errors.Is(err, tar.ErrInsecurePath) {
			return fmt.Errorf("read archive: %w", err)
		}
		if err := x.entry(header, archive); err != nil {
			return fmt.Errorf("entry %q: %w", header.Name, err)
		}
	}
	return x.finish()
}

func (x *extractor) entry(header *tar.Header, content io.Reader) error {
	if err := x.budget.takeEntries(1); err != nil {
		return err
	}
	x.meta.Entries++
	name, err := cleanName(header.Name)
	if err != nil || name == "." {
		return err
	}
	if dir, base := path.Split(name); strings.HasPrefix(base, whiteout) {
		return x.whiteout(path.Clean(dir), base)
	}
	switch header.Typeflag {
	case tar.TypeDir:
		return x.dir(name, header)
	case tar.TypeReg, tar.TypeGNUSparse, tar.TypeCont:
		return x.file(name, header, content)
	case tar.TypeSymlink:
		return x.symlink(name, header.Linkname)
	case tar.TypeLink:
		return x.hardlink(name, header.Linkname)
	default: // devices, pipes: a Lambda function sees none of an image's either
		return nil
	}
}

// cleanName makes the name of an entry relative to the root, as tar does with absolute names, and
// refuses one that climbs.
func cleanName(name string) (string, error) {
	if strings.ContainsRune(name, 0) {
		return "", errors.New("the name holds a zero byte")
	}
	clean := path.Clean(strings.TrimLeft(name, "/"))
	if clean == ".." || strings.HasPrefix(clean, "../") {
		return "", errors.New("the name leaves the image")
	}
	if strings.Count(clean, "/") > maxDepth {
		return "", fmt.Errorf("the name has more than %d folders", maxDepth)
	}
	return clean, nil
}

// whiteout notes what the layer takes away from those below it. It has no effect inside the layer.
func (x *extractor) whiteout(dir, base string) error {
	if base == whiteoutOpq {
		x.meta.Opaque = append(x.meta.Opaque, dir)
		return nil
	}
	hidden := strings.TrimPrefix(base, whiteout)
	if strings.HasPrefix(hidden, whiteout) { // bookkeeping of aufs
		return nil
	}
	if hidden == "" || hidden == "." || hidden == ".." {
		return errors.New("the whiteout names nothing")
	}
	x.meta.Whiteouts = append(x.meta.Whiteouts, path.Join(dir, hidden))
	return nil
}

func (x *extractor) dir(name string, header *tar.Header) error {
	at, err := x.place(name)
	if err != nil {
		return err
	}
	info, err := x.root.Lstat(at)
	switch {
	case err == nil && info.IsDir():
	case err == nil || errors.Is(err, fs.ErrNotExist):
		if err := x.clear(at); err != nil {
			return err
		}
		if err := x.root.Mkdir(at, 0o755); err != nil {
			return err
		}
	default:
		return err
	}
	x.declared[at] = uint8(header.Mode & 7)
	return nil
}

func (x *extractor) file(name string, header *tar.Header, content io.Reader) error {
	at, err := x.place(name)
	if err != nil {
		return err
	}
	f, err := x.root.OpenFile(at, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if errors.Is(err, fs.ErrExist) { // seldom, so it is not looked for before
		if err := x.clear(at); err != nil {
			return err
		}
		f, err = x.root.OpenFile(at, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	}
	if err != nil {
		return err
	}
	n, err := io.CopyBuffer(writerOnly{f}, &metered{content, x.budget}, x.buf)
	x.meta.Bytes += n
	if err == nil {
		err = f.Chmod(spread(header.Mode))
	}
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	return err
}

func (x *extractor) symlink(name, target string) error {
	at, err := x.fresh(name)
	if err != nil {
		return err
	}
	return x.root.Symlink(target, at)
}

// hardlink links to a file of the same layer at once. One to a file of a layer below is noted for
// the joining of the layers.
func (x *extractor) hardlink(name, target string) error {
	clean, err := cleanName(target)
	if err != nil {
		return fmt.Errorf("link to %q: %w", target, err)
	}
	from, err := resolve(x.root, clean, nil)
	var info fs.FileInfo
	if err == nil {
		info, err = x.root.Lstat(from)
	}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		x.meta.Links = append(x.meta.Links, link{Name: name, Target: clean})
		return nil
	case err != nil:
		return err
	case info.IsDir():
		return fmt.Errorf("link to %q: it is a folder", target)
	}
	at, err := x.place(name)
	if err != nil || at == from {
		return err
	}
	if err := x.clear(at); err != nil {
		return err
	}
	return x.root.Link(from, at)
}

// fresh is a place at which nothing is.
func (x *extractor) fresh(name string) (string, error) {
	at, err := x.place(name)
	if err != nil {
		return "", err
	}
	return at, x.clear(at)
}

// place is where an entry belongs once the symbolic links among its parents are followed, inside the
// layer. Parents that are absent are made.
func (x *extractor) place(name string) (string, error) {
	dir, base := path.Split(name)
	if at, known := x.placed[dir]; known {
		return path.Join(at, base), nil
	}
	at, err := resolve(x.root, name, x.parent)
	if err == nil {
		x.placed[dir] = path.Dir(at)
	}
	return at, err
}

// parent makes a folder that the archive has not declared, in place of a file if need be.
func (x *extractor) parent(at string) error {
	if err := x.clear(at); err != nil {
		return err
	}
	if err := x.budget.takeEntries(1); err != nil {
		return err
	}
	return x.root.Mkdir(at, 0o755)
}

// clear removes what is at a place.
func (x *extractor) clear(at string) error {
	info, err := x.root.Lstat(at)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if info.IsDir() || info.Mode()&fs.ModeSymlink != 0 {
		clear(x.placed)
	}
	if !info.IsDir() {
		return x.root.Remove(at)
	}
	delete(x.declared, at)
	return x.root.RemoveAll(at)
}

// finish sets the modes of the folders and notes them.
func (x *extractor) finish() error {
	top := x.root.Name()
	return filepath.WalkDir(top, func(file string, d fs.DirEntry, err error) error {
		if err != nil || !d.IsDir() || file == top {
			return err
		}
		name := file[len(top)+1:]
		others, declared := x.declared[name]
		if !declared {
			others = 5
		}
		x.meta.Dirs = append(x.meta.Dirs, dir{Path: name, Others: others, Implied: !declared})
		info, err := d.Info()
		if err != nil || info.Mode().Perm() == open(others) {
			return err
		}
		return x.root.Chmod(name, open(others))
	})
}

// resolve follows the symbolic links among the parents of a name without leaving the root: an
// absolute link starts at the root again, and ".." stops there. The last part is not followed. A
// parent that is no folder is given to make, which makes it one, or is an error where make is nil.
func resolve(root *os.Root, name string, make func(at string) error) (string, error) {
	dir, base := path.Split(name)
	at, todo, links := ".", strings.Split(dir, "/"), 0
	for len(todo) > 0 {
		part := todo[0]
		todo = todo[1:]
		if part == "" || part == "." {
			continue
		}
		if part == ".." {
			at = path.Dir(at)
			continue
		}
		next := path.Join(at, part)
		info, err := root.Lstat(next)
		if err == nil && info.Mode()&fs.ModeSymlink != 0 {
			if links++; links > maxLinks {
				return "", errors.New("too many symbolic links on the way")
			}
			target, err := root.Readlink(next)
			if err != nil {
				return "", err
			}
			if path.IsAbs(target) {
				at = "."
			}
			todo = append(strings.Split(target, "/"), todo...)
			continue
		}
		if err == nil && !info.IsDir() || errors.Is(err, fs.ErrNotExist) {
			if make == nil {
				return "", fs.ErrNotExist
			}
			err = make(next)
		}
		if err != nil {
			return "", err
		}
		at = next
	}
	return path.Join(at, base), nil
}

// spread gives owner and group the rights that others have: in a sandbox one user owns every file,
// whereas in Lambda root does, and the function is one of the others.
func spread(mode int64) fs.FileMode {
	others := fs.FileMode(mode & 7)
	return others<<6 | others<<3 | others
}

// open is spread, with all rights for the owner, so that the cache can be read and removed.
func open(others uint8) fs.FileMode { return spread(int64(others)) | 0o700 }

type metered struct {
	r      io.Reader
	budget *budget
}

func (m *metered) Read(p []byte) (int, error) {
	n, err := m.r.Read(p)
	if over := m.budget.takeBytes(int64(n)); over != nil {
		return 0, over
	}
	return n, err
}

// writerOnly hides a file's ReadFrom, which would not use the buffer.
type writerOnly struct{ io.Writer }
