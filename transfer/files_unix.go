//go:build unix

package transfer

import (
	"errors"
	"io/fs"
	"os"
	"syscall"
)

// isNoFolder reports whether a part of a path that is a folder's is a file.
func isNoFolder(err error) bool { return errors.Is(err, syscall.ENOTDIR) }

// isOwn reports whether a file is this user's.
func isOwn(info fs.FileInfo) bool {
	stat, known := info.Sys().(*syscall.Stat_t)
	return known && int(stat.Uid) == os.Geteuid()
}
