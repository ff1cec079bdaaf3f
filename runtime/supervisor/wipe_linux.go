package supervisor

import (
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

// maxDepth is how deep the tree is descended before a folder is moved up to the top and removed from there. A
// script may nest folders deeper than there are file descriptors.
const maxDepth = 64

// wiper empties one folder.
type wiper struct {
	top     int    // descriptor of the folder
	device  uint64 // its file system, which is not left
	end     time.Time
	moved   int
	problem error // the first
}

// empty removes everything below a folder, whatever a script made there: folders that forbid reading, links, which are
// never followed, and trees of any depth. It stays on the folder's file system and stops at end. The
// error is the first of those met; the rest is removed all the same.
func empty(path string, end time.Time) error {
	const flags = unix.O_RDONLY | unix.O_DIRECTORY | unix.O_NOFOLLOW | unix.O_CLOEXEC
	top, err := unix.Open(path, flags, 0)
	if errors.Is(err, unix.EACCES) && os.Chmod(path, 0o700) == nil {
		top, err = unix.Open(path, flags, 0)
	}
	if err != nil {
		return fmt.Errorf("empty %s: %w", path, err)
	}
	defer unix.Close(top)
	var stat unix.Stat_t
	if err := unix.Fstat(top, &stat); err != nil {
		return fmt.Errorf("empty %s: %w", path, err)
	}
	w := &wiper{top: top, device: uint64(stat.Dev), end: end}
	for {
		moved := w.moved
		w.problem = nil
		w.empty(top, 0)
		if w.moved == moved {
			break
		}
	}
	if w.problem != nil {
		return fmt.Errorf("empty %s: %w", path, w.problem)
	}
	return nil
}

// namesAtOnce is how many names of a folder are held in memory. A script may leave millions of files in one.
const namesAtOnce = 4096

// empty removes the entries of a folder. A file system may pass over some while others are removed, so a folder that is read in
// parts is read again, as long as there are fewer each time.
func (w *wiper) empty(folder, depth int) {
	for before := math.MaxInt; ; {
		names := w.pass(folder, depth)
		if names <= namesAtOnce || names >= before {
			return
		}
		before = names
	}
}

// pass goes through a folder once and returns how many names it has read: none if the time is up.
func (w *wiper) pass(folder, depth int) (read int) {
	file, err := reopen(folder)
	if err != nil {
		w.note(err)
		return 0
	}
	defer file.Close()
	for {
		names, err := file.Readdirnames(namesAtOnce)
		if err != nil && err != io.EOF {
			w.note(err)
		}
		if len(names) == 0 {
			return read
		}
		read += len(names)
		for _, name := range names {
			if time.Now().After(w.end) {
				w.note(os.ErrDeadlineExceeded)
				return 0
			}
			if err := w.remove(folder, name, depth); err != nil {
				w.note(fmt.Errorf("remove %q: %w", name, err))
			}
		}
	}
}

func (w *wiper) note(err error) {
	if w.problem == nil {
		w.problem = err
	}
}

func (w *wiper) remove(folder int, name string, depth int) error {
	err := unix.Unlinkat(folder, name, 0)
	if err == nil || errors.Is(err, unix.ENOENT) {
		return nil
	}
	// Most folders are empty: that is tried before one is looked into.
	if errors.Is(err, unix.EISDIR) && unix.Unlinkat(folder, name, unix.AT_REMOVEDIR) == nil {
		return nil
	}
	var stat unix.Stat_t
	if statErr := unix.Fstatat(folder, name, &stat, unix.AT_SYMLINK_NOFOLLOW); statErr != nil {
		return statErr
	}
	if stat.Mode&unix.S_IFMT != unix.S_IFDIR {
		return err
	}
	if uint64(stat.Dev) != w.device {
		return errors.New("it is on another file system")
	}
	if stat.Mode&0o700 != 0o700 {
		if err := unix.Fchmodat(folder, name, 0o700, 0); err != nil {
			return err
		}
	}
	if depth == maxDepth {
		return w.moveUp(folder, name)
	}
	inner, err := unix.Openat(folder, name, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	moved, problem := w.moved, w.problem
	w.empty(inner, depth+1)
	unix.Close(inner)
	err = unix.Unlinkat(folder, name, unix.AT_REMOVEDIR)
	if err != nil && (w.moved != moved || w.problem != problem) {
		return nil // what kept it from being empty is known
	}
	return err
}

// moveUp renames a folder to an entry of the top folder, which the next turn removes.
func (w *wiper) moveUp(folder int, name string) error {
	w.moved++
	return unix.Renameat(folder, name, w.top, ".scar-deep-"+strconv.Itoa(os.Getpid())+"-"+strconv.Itoa(w.moved))
}

// reopen opens a folder once more, to be read from the beginning.
func reopen(folder int) (*os.File, error) {
	fd, err := unix.Openat(folder, ".", unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	return os.NewFile(uintptr(fd), "folder"), nil
}

// free returns the bytes that a user without privileges may still write to the file system that holds path.
func free(path string) (int64, error) {
	var stat unix.Statfs_t
	if err := unix.Statfs(path, &stat); err != nil {
		return 0, err
	}
	return int64(stat.Bavail) * int64(stat.Bsize), nil
}

// full reports whether an error says that a file system has no room.
func full(err error) bool {
	return errors.Is(err, unix.ENOSPC) || errors.Is(err, unix.EDQUOT)
}
