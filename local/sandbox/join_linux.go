package sandbox

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// joiner puts several elements into one tree, by hard links: the content is on the disk once.
type joiner struct {
	root   *os.Root // of the tree that is made
	modes  map[string]uint8
	budget *budget
	meta   meta
}

// join fills the tree with the elements, the lowest first.
func (c *Cache) join(tree string, elements []*element) (meta, error) {
	root, err := os.OpenRoot(tree)
	if err != nil {
		return meta{}, err
	}
	defer root.Close()
	j := &joiner{root: root, modes: map[string]uint8{}, budget: newBudget(c.limits)}
	for _, e := range elements {
		if err := j.add(filepath.Join(c.dir, e.path), &e.meta); err != nil {
			return meta{}, fmt.Errorf("join layers: %w", err)
		}
	}
	return j.meta, j.folders()
}

func (j *joiner) add(tree string, m *meta) error {
	for _, name := range m.Whiteouts {
		if err := j.hide(name); err != nil {
			return err
		}
	}
	for _, name := range m.Opaque {
		if err := j.empty(name); err != nil {
			return err
		}
	}
	for _, d := range m.Dirs {
		if _, known := j.modes[d.Path]; !d.Implied || !known {
			j.modes[d.Path] = d.Others
		}
	}
	if err := j.merge(tree); err != nil {
		return err
	}
	for _, l := range m.Links {
		if err := j.link(l); err != nil {
			return fmt.Errorf("hard link %q to %q: %w", l.Name, l.Target, err)
		}
	}
	j.meta.Bytes += m.Bytes
	j.meta.Entries += m.Entries
	return nil
}

// hide removes what a whiteout names. One that names nothing is no error.
func (j *joiner) hide(name string) error {
	at, err := resolve(j.root, name, nil)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	j.forget(at)
	return j.root.RemoveAll(at)
}

// forget drops the modes of a folder that goes, and of those in it.
func (j *joiner) forget(at string) {
	for name := range j.modes {
		if name == at || strings.HasPrefix(name, at+"/") {
			delete(j.modes, name)
		}
	}
}

// empty removes what is in a folder.
func (j *joiner) empty(name string) error {
	at, err := resolve(j.root, name, nil)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	info, err := j.root.Lstat(at)
	if errors.Is(err, fs.ErrNotExist) || err == nil && !info.IsDir() {
		return nil
	}
	if err != nil {
		return err
	}
	folder, err := j.root.Open(at)
	if err != nil {
		return err
	}
	defer folder.Close()
	names, err := folder.Readdirnames(-1)
	for _, child := range names {
		if err := j.hide(path.Join(at, child)); err != nil {
			return err
		}
	}
	return err
}

// merge links everything of a tree into the joined one. What is there already and is not a folder in
// both is replaced, never followed: each folder on the way down has been seen to be one.
func (j *joiner) merge(tree string) error {
	return filepath.WalkDir(tree, func(file string, d fs.DirEntry, err error) error {
		if err != nil || file == tree {
			return err
		}
		name := file[len(tree)+1:]
		there, statErr := j.root.Lstat(name)
		if statErr != nil && !errors.Is(statErr, fs.ErrNotExist) {
			return statErr
		}
		if statErr == nil {
			if d.IsDir() && there.IsDir() {
				return nil
			}
			if err := j.root.RemoveAll(name); err != nil {
				return err
			}
		}
		if d.IsDir() {
			return j.root.Mkdir(name, 0o755)
		}
		return j.place(file, name, d)
	})
}

// place makes a hard link, or a copy where the file system refuses one more link.
func (j *joiner) place(file, name string, d fs.DirEntry) error {
	err := os.Link(file, filepath.Join(j.root.Name(), name))
	if !errors.Is(err, unix.EMLINK) && !errors.Is(err, unix.EPERM) && !errors.Is(err, unix.EXDEV) {
		return err
	}
	if d.Type()&fs.ModeSymlink != 0 {
		target, err := os.Readlink(file)
		if err != nil {
			return err
		}
		return j.root.Symlink(target, name)
	}
	info, err := d.Info()
	if err != nil {
		return err
	}
	if err := j.budget.takeBytes(info.Size()); err != nil {
		return err
	}
	return copyFile(j.root, file, name, info.Mode().Perm())
}

func copyFile(root *os.Root, from, to string, mode fs.FileMode) (err error) {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := root.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, out.Close()) }()
	if _, err := io.Copy(out, in); err != nil {
		return err
	}
	return out.Chmod(mode)
}

// link makes a hard link that a layer has to a file of a layer below it.
func (j *joiner) link(l link) error {
	from, err := resolve(j.root, l.Target, nil)
	if err != nil {
		return err
	}
	info, err := j.root.Lstat(from)
	if err != nil {
		return err
	}
	if info.IsDir() {
		return errors.New("it is a folder")
	}
	at, err := resolve(j.root, l.Name, func(at string) error {
		if err := j.root.RemoveAll(at); err != nil {
			return err
		}
		return j.root.Mkdir(at, 0o755)
	})
	if err != nil || at == from {
		return err
	}
	if err := j.root.RemoveAll(at); err != nil {
		return err
	}
	return j.root.Link(from, at)
}

// folders sets and notes the modes of the folders that are there in the end.
func (j *joiner) folders() error {
	top := j.root.Name()
	return filepath.WalkDir(top, func(file string, d fs.DirEntry, err error) error {
		if err != nil || !d.IsDir() || file == top {
			return err
		}
		name := file[len(top)+1:]
		others, known := j.modes[name]
		if !known {
			others = 5
		}
		j.meta.Dirs = append(j.meta.Dirs, dir{Path: name, Others: others})
		return os.Chmod(file, open(others))
	})
}
