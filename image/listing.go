package image

import (
	"archive/tar"
	"bytes"
	"context"
	"encoding/gob"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/klauspost/compress/gzip"
)

// What is read of a layer to list it. A layer that has more is listed as far as that, and is unsure.
const (
	maxListed = 2 << 30 // bytes, uncompressed
	maxItems  = 500_000
	maxNames  = 64 << 20 // bytes of all paths and targets
)

// listing is what a layer holds.
type listing struct {
	Items     []item   // sorted by path
	Whiteouts []string // sorted; what the layer takes away from those below
	Opaque    []string // sorted; folders whose content in the layers below is taken away

	// Unsure says that something may be in the layer that is not listed.
	Unsure bool
}

// item is something in a layer.
type item struct {
	Path   string // relative to the root, clean
	Kind   itemKind
	Exec   bool   // some executable bit is set
	Others uint8  // permission bits of everybody
	Target string // of links; of a hard link relative to the root
}

type itemKind uint8

const (
	nothing itemKind = iota
	file
	directory
	implied // a folder that has no entry, because something is in it
	symlink
	hardlink
	special // a device, a pipe
)

func (k itemKind) isFolder() bool { return k == directory || k == implied }

func (l *listing) find(name string) (item, bool) {
	i, found := slices.BinarySearchFunc(l.Items, name, func(i item, name string) int { return strings.Compare(i.Path, name) })
	if !found {
		return item{}, false
	}
	return l.Items[i], true
}

// hides reports whether the layer takes away what those below it have at a path.
func (l *listing) hides(name string) bool {
	if contains(l.Whiteouts, name) || contains(l.Opaque, ".") {
		return true
	}
	for dir := path.Dir(name); dir != "."; dir = path.Dir(dir) {
		if contains(l.Whiteouts, dir) || contains(l.Opaque, dir) {
			return true
		}
		if i, found := l.find(dir); found && !i.Kind.isFolder() {
			return true
		}
	}
	return false
}

func contains(sorted []string, name string) bool {
	_, found := slices.BinarySearch(sorted, name)
	return found
}

// listings are the listings of layers, each made once and kept in the cache:
//
//	listings/<hex of the layer's SHA-256>    a line with the SHA-256 of the rest, then a gob, compressed
type listings struct {
	cache cache

	mu    sync.Mutex
	known map[v1.Hash]*listed
}

// listed is one listing, nil until it is made.
type listed struct {
	mu   sync.Mutex
	list *listing
}

// of lists a layer. It is nil for one that is in a registry and has not been listed before.
func (l *listings) of(ctx context.Context, b *blob) (*listing, error) {
	one := l.entry(b.desc.Digest)
	one.mu.Lock()
	defer one.mu.Unlock()
	if one.list != nil {
		return one.list, nil
	}
	if list := l.load(b.desc.Digest); list != nil {
		one.list = list
		return list, nil
	}
	if b.repo != nil {
		return nil, nil
	}
	list, err := listLayer(ctx, b)
	if err != nil {
		return nil, err
	}
	one.list = list
	_ = l.store(b.desc.Digest, list) // it is made again where it could not be kept
	return list, nil
}

func (l *listings) entry(layer v1.Hash) *listed {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.known == nil {
		l.known = map[v1.Hash]*listed{}
	}
	if l.known[layer] == nil {
		l.known[layer] = &listed{}
	}
	return l.known[layer]
}

func (l *listings) load(layer v1.Hash) *listing {
	if l.cache.dir == "" {
		return nil
	}
	b, err := os.ReadFile(filepath.Join(l.cache.dir, listingsFolder, layer.Hex))
	if err != nil {
		return nil
	}
	sum, packed, whole := bytes.Cut(b, []byte("\n"))
	if !whole || string(sum) != digestOf(packed).String() {
		return nil
	}
	unpacked, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		return nil
	}
	list := &listing{}
	if err := gob.NewDecoder(unpacked).Decode(list); err != nil {
		return nil
	}
	return list
}

// listingsFolder holds the listings in the cache. Its name changes with their format.
const listingsFolder = "listings-1"

func (l *listings) store(layer v1.Hash, list *listing) error {
	if l.cache.dir == "" {
		return nil
	}
	var packed bytes.Buffer
	w := gzip.NewWriter(&packed)
	if err := errors.Join(gob.NewEncoder(w).Encode(list), w.Close()); err != nil {
		return err
	}
	return l.cache.write(listingsFolder, func(f *os.File) (string, error) {
		_, err := fmt.Fprintf(cacheWriter{f, l.cache}, "%s\n%s", digestOf(packed.Bytes()), packed.Bytes())
		return layer.Hex, err
	})
}

// listLayer reads a layer. What is wrong with its archive makes the listing unsure; an error is that it cannot
// be read, or is not what its digest says.
func listLayer(ctx context.Context, b *blob) (*listing, error) {
	stored, err := b.open(ctx)
	if err != nil {
		return nil, err
	}
	defer stored.Close()
	source := &failingReader{r: contextReader{ctx, stored}}
	list, whole := listArchive(source)
	if whole { // the digest is checked at the end
		_, _ = io.Copy(io.Discard, source) // its error is kept
	}
	if source.err != nil {
		return nil, source.err
	}
	return list, nil
}

// failingReader keeps the error that reading ended with, to tell it from those of what is made of the bytes.
type failingReader struct {
	r   io.Reader
	err error
}

func (f *failingReader) Read(p []byte) (int, error) {
	n, err := f.r.Read(p)
	if err != nil && err != io.EOF {
		f.err = err
	}
	return n, err
}

// listArchive lists a compressed archive and reports whether it came to the archive's end.
func listArchive(stored io.Reader) (list *listing, whole bool) {
	l := newLister()
	content, err := decompress(stored)
	if err != nil {
		l.unsure = true
		return l.listing(), true
	}
	defer content.Close()
	limited := &io.LimitedReader{R: content, N: maxListed}
	archive := tar.NewReader(limited)
	for {
		header, err := archive.Next()
		if errors.Is(err, io.EOF) && limited.N > 0 {
			return l.listing(), true
		}
		if err != nil && !errors.Is(err, tar.ErrInsecurePath) {
			l.unsure = true
			return l.listing(), limited.N > 0
		}
		if !l.add(header) {
			l.unsure = true
			return l.listing(), false
		}
	}
}
