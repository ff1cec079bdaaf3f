package spec

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
)

// listing is what one item of files ships, or what is wrong with it.
type listing struct {
	entries  []Entry
	problems []string
}

// openFiles lists the files of a function. Its error is the context's.
func (d *disk) openFiles(ctx context.Context, f *draft) error {
	names := map[string]*node{}
	for _, n := range f.node.get("files").list() {
		if n.str() == "" {
			continue
		}
		path, info := d.stat(n)
		if info == nil {
			continue
		}
		name := filepath.Base(path)
		if base := filepath.Base(filepath.FromSlash(n.text)); base == "." || base == ".." || base == "~" || base == string(filepath.Separator) {
			d.report.at(n, "%s has no name of its own to ship it under; name the files and folders in it", n.text)
			continue
		}
		if first := names[name]; first != nil {
			d.report.at(n, "%s would be shipped as %s, and so would the one in %s; rename one", n.text, name, first.place(n))
			continue
		}
		names[name] = n
		files, err := d.list(ctx, path, n.text, info)
		if err != nil {
			return err
		}
		for _, problem := range files.problems {
			d.report.at(n, "%s", problem)
		}
		f.Files = append(f.Files, files.entries...)
	}
	slices.SortFunc(f.Files, func(a, b Entry) int { return strings.Compare(a.Name, b.Name) })
	return nil
}

// list lists a file, or all that is in a folder. Its error is the context's.
func (d *disk) list(ctx context.Context, path, written string, info fs.FileInfo) (listing, error) {
	if !info.IsDir() {
		if strings.HasSuffix(written, "/") {
			return listing{problems: []string{written + " is a file, no folder; write it without the slash"}}, nil
		}
		var files listing
		files.add(path, filepath.Base(path), written, info)
		return files, nil
	}
	if known, found := d.listings[path]; found {
		return known, nil
	}
	w := walker{root: path, name: filepath.Base(path)}
	if err := w.walk(ctx, path, w.name); err != nil {
		return listing{}, fmt.Errorf("list %s: %w", path, err)
	}
	d.listings[path] = w.found
	return w.found, nil
}

// walker lists a folder.
type walker struct {
	root  string // the folder, absolute
	name  string // of the folder
	real  string // root with symbolic links resolved; found when first needed
	found listing
}

// walk lists a folder in the order of the names. What cannot be shipped becomes a problem; the error is
// the context's.
func (w *walker) walk(ctx context.Context, path, name string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	children, err := os.ReadDir(path)
	if err != nil {
		w.found.problem("%s", explainPath(name, path, err))
		return nil
	}
	if len(children) == 0 {
		w.found.problem("%s/ is an empty folder, which cannot be shipped; remove it, or put a file into it", name)
		return nil
	}
	for _, child := range children {
		childPath, childName := filepath.Join(path, child.Name()), name+"/"+child.Name()
		if child.IsDir() {
			if err := w.walk(ctx, childPath, childName); err != nil {
				return err
			}
			continue
		}
		if child.Type() == fs.ModeSymlink {
			w.link(childPath, childName)
			continue
		}
		info, err := child.Info()
		if err != nil {
			w.found.problem("%s", explainPath(childName, childPath, err))
			continue
		}
		w.found.add(childPath, childName, childName, info)
	}
	return nil
}

// add adds a file, or the problem with it.
func (l *listing) add(path, name, written string, info fs.FileInfo) {
	if !info.Mode().IsRegular() {
		l.problem("%s is %s, which cannot be shipped", written, special(info.Mode()))
		return
	}
	exec, err := isExecutable(path, info)
	if err != nil {
		l.problem("%s", explainPath(written, path, err))
		return
	}
	l.entries = append(l.entries, Entry{Name: name, Path: path, Size: info.Size(), Exec: exec})
}

func (l *listing) problem(format string, args ...any) {
	l.problems = append(l.problems, fmt.Sprintf(format, args...))
}

func special(mode fs.FileMode) string {
	switch {
	case mode&fs.ModeNamedPipe != 0:
		return "a named pipe"
	case mode&fs.ModeSocket != 0:
		return "a socket"
	case mode&fs.ModeDevice != 0:
		return "a device"
	default:
		return "no regular file"
	}
}

// isExecutable says whether a file is shipped with the executable bit: it has it here, or begins with
// #!. Windows has no such bit. The file is opened in any case, since it has to be readable later.
func isExecutable(path string, info fs.FileInfo) (bool, error) {
	file, err := os.Open(path)
	if err != nil {
		return false, err
	}
	defer file.Close()
	if runtime.GOOS != "windows" && info.Mode().Perm()&0o111 != 0 {
		return true, nil
	}
	start := make([]byte, 2)
	if _, err := io.ReadFull(file, start); err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return false, err
	}
	return string(start) == "#!", nil
}

// link adds a symbolic link that leads to something in the folder, or the problem with it. The target
// is kept as it is written, so what it says must be true of the shipped folder too.
func (w *walker) link(path, name string) {
	target, err := os.Readlink(path)
	if err != nil {
		w.found.problem("%s", explainPath(name, path, err))
		return
	}
	target = filepath.ToSlash(target)
	if filepath.IsAbs(target) || strings.HasPrefix(target, "/") {
		w.found.problem("%s is a symbolic link to an absolute path, %s, which leads elsewhere in the image; make it relative", name, target)
		return
	}
	inside, err := w.leadsInside(path, name, target)
	var pathError *fs.PathError
	switch {
	case errors.Is(err, fs.ErrNotExist):
		w.found.problem("%s is a symbolic link to %s, which does not exist", name, target)
	case err != nil && !errors.As(err, &pathError):
		w.found.problem("%s is a symbolic link that leads in a circle", name)
	case err != nil:
		w.found.problem("%s", explainPath(name, path, err))
	case !inside:
		w.found.problem("%s is a symbolic link to %s, outside %s/, which is all that is shipped", name, target, w.name)
	default:
		w.found.entries = append(w.found.entries, Entry{Name: name, Target: target})
	}
}

// leadsInside says whether a link stays in the folder, both by its text and by where it really leads:
// a link that leaves the folder and comes back under its name on this machine would not in the image.
func (w *walker) leadsInside(path, name, target string) (bool, error) {
	if !within(w.name, cleanJoin(name, target)) {
		return false, nil
	}
	if w.real == "" {
		root, err := filepath.EvalSymlinks(w.root)
		if err != nil {
			return false, err
		}
		w.real = root
	}
	end, err := filepath.EvalSymlinks(path)
	if err != nil {
		return false, err
	}
	return within(filepath.ToSlash(w.real), filepath.ToSlash(end)), nil
}

// cleanJoin is the slash-separated path that a link in it with this target leads to.
func cleanJoin(link, target string) string {
	folder := link[:strings.LastIndexByte(link, '/')+1]
	return filepath.ToSlash(filepath.Clean(filepath.FromSlash(folder + target)))
}

// within says whether a clean slash-separated path is a folder or below it.
func within(folder, path string) bool {
	return path == folder || strings.HasPrefix(path, strings.TrimSuffix(folder, "/")+"/")
}
