package spec

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// disk opens what functions name: scripts, files, images. What several functions share is read once.
type disk struct {
	report   *report
	scripts  map[string]openedScript
	listings map[string]listing
}

func newDisk(r *report) *disk {
	return &disk{report: r, scripts: map[string]openedScript{}, listings: map[string]listing{}}
}

// open fills in the parts of a function that are on disk. Its error is the context's.
func (d *disk) open(ctx context.Context, f *draft) error {
	d.openImage(f)
	d.openScript(f)
	return d.openFiles(ctx, f)
}

// resolve is the absolute path that a path in a file means: relative to the file, ~ being the user's
// home.
func resolve(n *node) (string, error) {
	path := filepath.FromSlash(n.text)
	rest, home := strings.CutPrefix(path, "~")
	switch {
	case home && (rest == "" || os.IsPathSeparator(rest[0])):
		folder, err := os.UserHomeDir()
		if err != nil {
			return "", fmt.Errorf("~ stands for the home folder, which is unknown: %w", err)
		}
		return filepath.Join(folder, rest), nil
	case filepath.IsAbs(path):
		return filepath.Clean(path), nil
	default:
		return filepath.Join(n.src.dir, path), nil
	}
}

// stat follows symbolic links. It reports what it cannot find and returns nil.
func (d *disk) stat(n *node) (string, fs.FileInfo) {
	path, err := resolve(n)
	if err != nil {
		d.report.at(n, "%v", err)
		return "", nil
	}
	info, err := os.Stat(path)
	if err != nil {
		d.report.at(n, "%s", explainPath(n.text, path, err))
		return "", nil
	}
	return path, info
}

// explainPath says why a path cannot be used, naming the one that was tried.
func explainPath(written, path string, err error) string {
	tried := ""
	if filepath.FromSlash(written) != path {
		tried = " (" + path + ")"
	}
	var pathError *fs.PathError
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return written + " does not exist" + tried
	case errors.Is(err, fs.ErrPermission):
		return written + " cannot be read: permission denied" + tried
	case errors.As(err, &pathError):
		return fmt.Sprintf("%s cannot be read: %v%s", written, pathError.Err, tried)
	default:
		return fmt.Sprintf("%s cannot be read: %v%s", written, err, tried)
	}
}

// openImage looks that an image that is a file or a layout's folder is there. References have been read.
func (d *disk) openImage(f *draft) {
	n := f.node.get("image")
	if n.str() == "" || !isImagePath(n.text) {
		return
	}
	path, info := d.stat(n)
	switch {
	case info == nil:
		return
	case info.IsDir():
		if _, err := os.Stat(filepath.Join(path, "oci-layout")); err != nil {
			d.report.at(n, "%s is a folder, but no OCI image layout: it has no file oci-layout", n.text)
			return
		}
	case !info.Mode().IsRegular():
		d.report.at(n, "%s is neither a file nor a folder", n.text)
		return
	case info.Size() == 0:
		d.report.at(n, "%s is empty", n.text)
		return
	}
	f.Image = Source{Path: path}
}
