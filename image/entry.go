package image

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"
	"unicode/utf8"
)

// top is the one folder that layers may fill. A folder of its own cannot collide with a file, or lead
// through a symbolic link, of any base image.
const top = "scar"

// Entry is a file, a folder or a symbolic link of a layer.
type Entry struct {
	// Name is the path in the image: relative, with slashes, below scar/.
	Name string

	// Mode tells executable files from others: any executable bit gives 0755, none 0644. Folders are
	// 0755. Everything else of it is ignored.
	Mode fs.FileMode

	Dir  bool   // a folder
	Link string // a symbolic link to this; relative, and it stays below scar/

	// Size and Open are of files: the length in bytes, and the content. Open is called once when the
	// layer is made and, for large layers, again for each time that it is sent; it has to yield the
	// same bytes each time.
	Size int64
	Open func() (io.ReadCloser, error)
}

func (e Entry) file() bool { return !e.Dir && e.Link == "" }

// arrange checks entries, adds the folders that they lie in, and sorts them.
func arrange(entries []Entry) ([]Entry, error) {
	all := map[string]Entry{}
	for _, e := range entries {
		if e.Dir {
			e.Name = strings.TrimSuffix(e.Name, "/")
		}
		if err := check(e); err != nil {
			return nil, fmt.Errorf("layer entry %q: %w", e.Name, err)
		}
		if _, double := all[e.Name]; double {
			return nil, fmt.Errorf("layer entry %q: it is there twice", e.Name)
		}
		all[e.Name] = e
	}
	for _, name := range slices.Sorted(maps.Keys(all)) {
		for dir := path.Dir(name); dir != "."; dir = path.Dir(dir) {
			if parent, known := all[dir]; known && !parent.Dir {
				return nil, fmt.Errorf("layer entry %q: %q is no folder", name, dir)
			}
			all[dir] = Entry{Name: dir, Dir: true}
		}
	}
	sorted := make([]Entry, 0, len(all))
	for _, name := range slices.Sorted(maps.Keys(all)) {
		sorted = append(sorted, all[name])
	}
	return sorted, nil
}

func check(e Entry) error {
	if err := checkName(e.Name); err != nil {
		return err
	}
	if e.Name == top && !e.Dir {
		return errors.New("it can only be a folder")
	}
	switch {
	case e.Dir && e.Link != "":
		return errors.New("it is both a folder and a link")
	case e.Link != "":
		return checkLink(e.Name, e.Link)
	case e.file() && e.Open == nil:
		return errors.New("a file without content")
	case e.Size < 0:
		return fmt.Errorf("a size of %d bytes", e.Size)
	}
	return nil
}

func checkName(name string) error {
	if name != top && !strings.HasPrefix(name, top+"/") {
		return fmt.Errorf("the name is not below %s/", top)
	}
	if name != path.Clean(name) {
		return errors.New("the name is not in its shortest form")
	}
	if strings.ContainsAny(name, "\\\x00") || !utf8.ValidString(name) {
		return errors.New("the name holds a backslash, a zero byte or invalid UTF-8")
	}
	for part := range strings.SplitSeq(name, "/") {
		// The OCI image format gives names that begin so a meaning: they delete.
		if strings.HasPrefix(part, ".wh.") {
			return errors.New("names that begin with .wh. cannot be in an image")
		}
		if len(part) > 255 {
			return errors.New("a part of the name is longer than 255 bytes")
		}
	}
	return nil
}

func checkLink(name, target string) error {
	if strings.ContainsAny(target, "\\\x00") || !utf8.ValidString(target) {
		return errors.New("the link's target holds a backslash, a zero byte or invalid UTF-8")
	}
	end := path.Join(path.Dir(name), target)
	if path.IsAbs(target) || end != top && !strings.HasPrefix(end, top+"/") {
		return fmt.Errorf("the link leads out of %s/, to %q", top, target)
	}
	return nil
}
