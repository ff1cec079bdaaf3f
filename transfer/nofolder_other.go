//go:build !unix

package transfer

// isNoFolder reports whether a part of a path that is a folder's is a file. Here that is not told from a path that does not exist.
func isNoFolder(error) bool { return false }
