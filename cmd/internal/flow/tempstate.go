package flow

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// The folders of runs in the folder for temporary files, and the file in each that its run holds locked.
const (
	tempStatePrefix = "scar-run-"
	tempStateLock   = "lock"
)

// lockGrace is how long a folder may be without a lock: its run is about to make it.
const lockGrace = time.Hour

// claims is how often a folder is made, where other runs take each for one of a killed run.
const claims = 100

// TempState makes a folder for the state of one run, which cleanup removes. What runs left that were killed is removed
// first: each holds a lock in its folder for as long as it lives.
func TempState() (dir string, cleanup func() error, err error) {
	if err := sweep(os.TempDir(), time.Now()); err != nil {
		return "", nil, fmt.Errorf("remove what killed runs left in %s: %w", os.TempDir(), err)
	}
	for range claims {
		dir, lock, err := claim()
		if err != nil {
			return "", nil, fmt.Errorf("make a folder for the state: %w", err)
		}
		if lock != nil {
			return dir, func() error { return errors.Join(os.RemoveAll(dir), lock.Close()) }, nil
		}
	}
	return "", nil, fmt.Errorf("make a folder for the state: other runs removed each of %d", claims)
}

// claim makes a folder and locks it. The lock is nil where another run has swept the folder away before it was locked.
func claim() (dir string, lock *os.File, err error) {
	dir, err = os.MkdirTemp("", tempStatePrefix)
	if err != nil {
		return "", nil, err
	}
	path := filepath.Join(dir, tempStateLock)
	lock, locked, err := tryLock(path, os.O_CREATE)
	if err != nil {
		return "", nil, errors.Join(err, os.RemoveAll(dir))
	}
	if !locked {
		return "", nil, nil
	}
	// Whoever sweeps holds the lock meanwhile, so that what is there now stays.
	held, err := lock.Stat()
	if err != nil {
		return "", nil, errors.Join(err, lock.Close(), os.RemoveAll(dir))
	}
	if there, err := os.Stat(path); err != nil || !os.SameFile(there, held) {
		return "", nil, lock.Close()
	}
	return dir, lock, nil
}

// sweep removes the folders of runs that are no more. Those of other users are left alone.
func sweep(temp string, now time.Time) error {
	dirs, err := filepath.Glob(filepath.Join(temp, tempStatePrefix+"*"))
	if err != nil {
		return err
	}
	for _, dir := range dirs {
		if info, err := os.Lstat(dir); err != nil || !info.IsDir() || !ownedByUs(info) {
			continue
		}
		if err := sweepOne(dir, now); err != nil {
			return err
		}
	}
	return nil
}

func sweepOne(dir string, now time.Time) (err error) {
	lock, locked, err := tryLock(filepath.Join(dir, tempStateLock), 0)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		info, err := os.Lstat(dir)
		if err != nil || now.Sub(info.ModTime()) < lockGrace {
			return nil // it is new, or another run has just removed it
		}
		return os.RemoveAll(dir)
	case err != nil || !locked:
		return err
	}
	return errors.Join(os.RemoveAll(dir), lock.Close())
}
