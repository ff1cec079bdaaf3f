//go:build !unix

package flow

import "os"

// tryLock opens a file. Functions do not run on this system, so that no run lives long enough to need a lock.
func tryLock(path string, flags int) (file *os.File, locked bool, err error) {
	file, err = os.OpenFile(path, os.O_RDWR|flags, 0o600)
	return file, err == nil, err
}

// ownedByUs says no: what killed runs left is left alone where it cannot be told from that of live ones.
func ownedByUs(os.FileInfo) bool { return false }
