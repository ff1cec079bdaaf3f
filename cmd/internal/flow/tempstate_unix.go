//go:build unix

package flow

import (
	"errors"
	"os"
	"syscall"
)

// tryLock opens a file and locks it until it is closed, however its process ends; locked is false where another
// process holds it. flags are those of os.OpenFile beside the ones for reading and writing.
func tryLock(path string, flags int) (file *os.File, locked bool, err error) {
	file, err = os.OpenFile(path, os.O_RDWR|syscall.O_NOFOLLOW|flags, 0o600)
	if err != nil {
		return nil, false, err
	}
	err = syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if err == nil {
		return file, true, nil
	}
	if errors.Is(err, syscall.EWOULDBLOCK) {
		err = nil
	}
	return nil, false, errors.Join(err, file.Close())
}

func ownedByUs(info os.FileInfo) bool {
	stat, known := info.Sys().(*syscall.Stat_t)
	return known && int(stat.Uid) == os.Geteuid()
}
