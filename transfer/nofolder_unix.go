//go:build unix

package transfer

import (
	"errors"
	"syscall"
)

// isNoFolder reports whether a part of a path that is a folder's is a file.
func isNoFolder(err error) bool { return errors.Is(err, syscall.ENOTDIR) }
