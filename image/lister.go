package image

import (
	"archive/tar"
	"maps"
	"path"
	"slices"
	"strings"
)

// The names by which the OCI image format takes things away, see its specification of layers.
const (
	whiteoutPrefix = ".wh."
	whiteoutOpaque = ".wh..wh..opq"
)

// maxHops bounds how many symbolic links lead to one file, as Linux does, and how many hard links.
const maxHops = 40

// lister makes the listing of a layer from the entries of its archive.
type lister struct {
	items     map[string]item
	whiteouts map[string]bool
	opaque    map[string]bool
	placed    map[string]string // folder as named → folder with its links followed; emptied when a link changes
	names     int               // bytes
	unsure    bool
}

func newLister() *lister {
	return &lister{
		items: map[string]item{}, whiteouts: map[string]bool{}, opaque: map[string]bool{}, placed: map[string]string{},
	}
}

// add takes an entry, and reports false when there are too many.
func (l *lister) add(h *tar.Header) bool {
	name, ok := inRoot(h.Name)
	if !ok {
		l.unsure = true
		return true
	}
	if name == "." {
		return true
	}
	l.names += len(name) + len(h.Linkname)
	if len(l.items)+len(l.whiteouts)+len(l.opaque) >= maxItems || l.names > maxNames {
		return false
	}
	if base := path.Base(name); strings.HasPrefix(base, whiteoutPrefix) {
		l.takeAway(path.Dir(name), base)
		return true
	}
	i := item{Path: l.place(name), Kind: special, Exec: h.Mode&0o111 != 0, Others: uint8(h.Mode & 7)}
	switch h.Typeflag {
	case tar.TypeReg, tar.TypeGNUSparse, tar.TypeCont:
		i.Kind = file
	case tar.TypeDir:
		i.Kind = directory
	case tar.TypeSymlink:
		i.Kind, i.Target = symlink, h.Linkname
	case tar.TypeLink:
		i.Kind = hardlink
		if i.Target, ok = inRoot(h.Linkname); !ok {
			l.unsure = true
			return true
		}
		i.Target = l.place(i.Target)
	}
	l.put(i)
	return true
}

// inRoot makes the name of an entry relative to the root, as programs that unpack do. A name that climbs
// out is none.
func inRoot(name string) (string, bool) {
	clean := path.Clean(strings.TrimLeft(name, "/"))
	return clean, clean != ".." && !strings.HasPrefix(clean, "../")
}

func (l *lister) takeAway(dir, base string) {
	if base == whiteoutOpaque {
		l.opaque[dir] = true
		return
	}
	if hidden := strings.TrimPrefix(base, whiteoutPrefix); !strings.HasPrefix(hidden, whiteoutPrefix) { // else bookkeeping of aufs
		l.whiteouts[path.Join(dir, hidden)] = true
	}
}

// put notes an item in place of what was there. What was in a folder that goes stays listed, and makes the
// layer unsure, since that hardly happens.
func (l *lister) put(i item) {
	before, known := l.items[i.Path]
	if known && before.Kind.isFolder() && !i.Kind.isFolder() {
		l.unsure = true
	}
	if i.Kind == symlink || before.Kind == symlink {
		clear(l.placed)
	}
	l.items[i.Path] = i
	for dir := path.Dir(i.Path); dir != "."; dir = path.Dir(dir) {
		above, known := l.items[dir]
		if known && above.Kind.isFolder() {
			return
		}
		if known { // a file, in whose place there is a folder now
			l.unsure = true
		}
		l.items[dir] = item{Path: dir, Kind: implied, Exec: true, Others: 5}
	}
}

// place is where an entry is once the symbolic links among its parents are followed inside the layer.
func (l *lister) place(name string) string {
	dir, base := path.Split(name)
	if dir == "" {
		return name
	}
	at, known := l.placed[dir]
	if !known {
		at = l.follow(dir)
		l.placed[dir] = at
	}
	return path.Join(at, base)
}

func (l *lister) follow(dir string) string {
	at, todo := ".", strings.Split(dir, "/")
	for hops := 0; len(todo) > 0; {
		part := todo[0]
		todo = todo[1:]
		if part == "" || part == "." {
			continue
		}
		if part == ".." {
			at = path.Dir(at)
			continue
		}
		next := path.Join(at, part)
		i := l.items[next]
		if i.Kind != symlink {
			at = next
			continue
		}
		if hops++; hops > maxHops {
			l.unsure = true
			return path.Clean(dir)
		}
		if path.IsAbs(i.Target) {
			at = "."
		}
		todo = append(strings.Split(i.Target, "/"), todo...)
	}
	return at
}

func (l *lister) listing() *listing {
	list := &listing{
		Items:     make([]item, 0, len(l.items)),
		Whiteouts: slices.Sorted(maps.Keys(l.whiteouts)),
		Opaque:    slices.Sorted(maps.Keys(l.opaque)),
		Unsure:    l.unsure,
	}
	for _, i := range l.items {
		list.Items = append(list.Items, i)
	}
	slices.SortFunc(list.Items, func(a, b item) int { return strings.Compare(a.Path, b.Path) })
	return list
}
