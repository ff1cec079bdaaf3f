package transfer

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

// stagingPrefix begins the name of the folder in which files are while they are fetched. One that is left lying is of
// a scar that was killed.
const stagingPrefix = ".scar-get-"

// landing is a folder that files are fetched into. Keys come from others: whatever they are called, and whatever
// links are in the folder, nothing is written outside it. A file has its name only once it is complete.
type landing struct {
	root   *os.Root
	number atomic.Int64

	once    sync.Once
	staging string
	fault   error
}

// newLanding opens a folder, which is made if it is absent.
func newLanding(dir string) (*landing, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	return &landing{root: root}, nil
}

// close removes what is left of files that were not complete.
func (l *landing) close() error {
	var err error
	if l.staging != "" {
		err = l.root.RemoveAll(l.staging)
	}
	return errors.Join(err, l.root.Close())
}

// stage is the path of a file that is to be written.
func (l *landing) stage() (string, error) {
	l.once.Do(func() {
		l.sweep(time.Now())
		name := stagingPrefix + rand.Text()
		if l.fault = l.root.Mkdir(name, 0o700); l.fault == nil {
			l.staging = name
		}
	})
	return filepath.Join(l.staging, strconv.FormatInt(l.number.Add(1), 10)), l.fault
}

// localize is the name of a file in the form of this machine.
func localize(name string) (string, error) {
	local, err := filepath.Localize(name)
	if err != nil {
		return "", fmt.Errorf("%q is no name of a file on this machine", name)
	}
	return local, nil
}

// stat looks at a file. One that does not exist is nil.
func (l *landing) stat(name string) (fs.FileInfo, error) {
	local, err := localize(name)
	if err != nil {
		return nil, err
	}
	info, err := l.root.Stat(local)
	switch {
	case errors.Is(err, fs.ErrNotExist), isNoFolder(err):
		return nil, nil
	case err != nil:
		return nil, err
	case info.IsDir():
		return nil, fmt.Errorf("there is a folder of the name %s", local)
	}
	return info, nil
}

// receive writes a file: fetch writes it under another name, and it gets its own.
func (l *landing) receive(name string, fetch func(path string) error) error {
	local, err := localize(name)
	if err != nil {
		return err
	}
	if _, err := l.stat(name); err != nil {
		return err
	}
	if dir := filepath.Dir(local); dir != "." {
		if err := l.root.MkdirAll(dir, 0o755); err != nil {
			if isNoFolder(err) || errors.Is(err, fs.ErrExist) {
				return fmt.Errorf("there is a file where its folder %s would be", dir)
			}
			return fmt.Errorf("make its folder: %w", err)
		}
	}
	staged, err := l.stage()
	if err != nil {
		return err
	}
	if err := fetch(filepath.Join(l.root.Name(), staged)); err != nil {
		return err
	}
	if err := l.root.Rename(staged, local); err != nil {
		err = fmt.Errorf("give the fetched file its name: %w", err)
		if _, folder := l.stat(name); folder != nil { // it was made meanwhile, for another file
			err = folder
		}
		return errors.Join(err, l.root.Remove(staged))
	}
	return nil
}
