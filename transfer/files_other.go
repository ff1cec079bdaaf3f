//go:build !unix

package transfer

import "io/fs"

// isNoFolder reports whether a part of a path that is a folder's is a file. Here that is not told from a path that does not exist.
func isNoFolder(error) bool { return false }

// isOwn reports whether a file is this user's. Here that is not told.
func isOwn(fs.FileInfo) bool { return true }
