package sandbox

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// maxStack is the number of elements that are stacked with overlayfs: its options must fit into one
// page of memory. Layers below that are joined.
const maxStack = 12

// The places that every root has, whatever the image holds: the sandbox mounts something there.
var mountPoints = []struct {
	name string
	dir  bool
}{
	{"proc", true}, {"dev", true}, {"tmp", true}, {"mnt", true},
	{"etc", true}, {"etc/resolv.conf", false}, {"etc/hosts", false},
}

// Root is the root file system of an image, read-only. It can be used by many sandboxes at once.
type Root struct {
	cache    *Cache
	elements []*element // the lowest first
	surface  *element
}

// stack arranges an image's layers: those that stand alone are stacked as they are, so that an image
// that differs in its topmost layers shares the others. Those from the lowest up to the last one that
// takes something away are joined, so that overlayfs has nothing to hide, which would need rights or
// attributes that not every file system gives.
func (c *Cache) stack(ctx context.Context, ids []v1.Hash, layers []*element) (*Root, error) {
	join := max(0, len(layers)-maxStack)
	for i := 1; i < len(layers); i++ {
		if !layers[i].meta.standsAlone() {
			join = i
		}
	}
	if len(layers) > 0 && len(layers[0].meta.Links) > 0 {
		l := layers[0].meta.Links[0]
		return nil, fmt.Errorf("unpack image: hard link %q to %q, which does not exist", l.Name, l.Target)
	}
	r := &Root{cache: c, elements: layers}
	if join > 0 {
		joined, err := c.element(ctx, joinedDir, chain(ids[:join+1]), func(work string) (meta, error) {
			return c.join(filepath.Join(work, treeDir), layers[:join+1])
		})
		if err != nil {
			return nil, fmt.Errorf("unpack image: %w", err)
		}
		r.elements = append([]*element{joined}, layers[join+1:]...)
	}
	var err error
	r.surface, err = c.element(ctx, surfacesDir, r.key(), func(work string) (meta, error) {
		return meta{}, r.makeSurface(filepath.Join(work, treeDir))
	})
	if err != nil {
		return nil, fmt.Errorf("unpack image: %w", err)
	}
	return r, nil
}

// chain names a sequence of layers.
func chain(ids []v1.Hash) string {
	h := sha256.New()
	for _, id := range ids {
		fmt.Fprintln(h, id)
	}
	return hex.EncodeToString(h.Sum(nil))
}

// layout is part of the key of what is made from mountPoints; another one is made anew.
const layout = 2

func (r *Root) key() string {
	h := sha256.New()
	fmt.Fprintln(h, layout)
	for _, e := range r.elements {
		fmt.Fprintln(h, e.path)
	}
	return hex.EncodeToString(h.Sum(nil))
}

// makeSurface makes what lies on top of the layers: the places to mount on, and every folder that the
// image keeps from others, with the mode that denies it. The layers in the cache let their owner in,
// or they could be neither joined nor removed; the topmost folder of a stack decides.
func (r *Root) makeSurface(tree string) error {
	modes := r.modes()
	var restricted []string
	for name, others := range modes {
		if others&5 != 5 && r.isDir(name) {
			restricted = append(restricted, name)
		}
	}
	made := map[string]bool{}
	for _, p := range mountPoints {
		if p.dir {
			restricted = append(restricted, p.name)
		}
	}
	for _, name := range restricted {
		if err := os.MkdirAll(filepath.Join(tree, name), 0o755); err != nil {
			return err
		}
		for ; name != "."; name = path.Dir(name) {
			made[name] = true
		}
	}
	for _, p := range mountPoints {
		if !p.dir {
			if err := os.WriteFile(filepath.Join(tree, p.name), nil, 0o444); err != nil {
				return err
			}
		}
	}
	return setModes(tree, made, modes)
}

// setModes sets the modes of folders, the innermost first, because the outer ones may close. Their owner may write,
// which a read-only mount makes nothing of, so that the cache can be removed as any folder.
func setModes(tree string, folders map[string]bool, modes map[string]uint8) error {
	names := make([]string, 0, len(folders))
	for name := range folders {
		names = append(names, name)
	}
	slices.SortFunc(names, func(a, b string) int { return strings.Count(b, "/") - strings.Count(a, "/") })
	for _, name := range names {
		others, known := modes[name]
		if !known || name == "proc" || name == "dev" || name == "tmp" {
			others = 5
		}
		if err := os.Chmod(filepath.Join(tree, name), spread(int64(others))|0o200); err != nil {
			return err
		}
	}
	return nil
}

// modes are the modes of the folders of the whole image.
func (r *Root) modes() map[string]uint8 {
	modes := map[string]uint8{}
	for _, e := range r.elements {
		for _, d := range e.meta.Dirs {
			modes[d.Path] = d.Others
		}
	}
	return modes
}

// isDir says whether a name is a folder when all elements are stacked: an element may have put a file
// or a link in the place of a folder, or of a folder above it.
func (r *Root) isDir(name string) bool {
	for end := 0; end < len(name); {
		next := strings.IndexByte(name[end+1:], '/')
		if next < 0 {
			end = len(name)
		} else {
			end += 1 + next
		}
		for _, e := range slices.Backward(r.elements) {
			info, err := os.Lstat(filepath.Join(r.cache.dir, e.path, name[:end]))
			if err == nil && !info.IsDir() {
				return false
			}
			if err == nil {
				break
			}
		}
	}
	return true
}

// touch notes that the image is used, which keeps it in the cache. Where that fails it may have to be unpacked
// again.
func (r *Root) touch() {
	now := time.Now()
	for _, e := range append([]*element{r.surface}, r.elements...) {
		_ = os.Chtimes(filepath.Join(r.cache.dir, filepath.Dir(e.path), metaFile), now, now)
	}
}

// lower are the folders to stack, the topmost first, relative to the cache.
func (r *Root) lower() []string {
	paths := []string{r.surface.path}
	for _, e := range slices.Backward(r.elements) {
		paths = append(paths, e.path)
	}
	return paths
}

// flat is the whole image in one tree, for systems without overlayfs.
func (r *Root) flat(ctx context.Context) (string, error) {
	e, err := r.cache.element(ctx, flatDir, r.key(), func(work string) (meta, error) {
		tree := filepath.Join(work, treeDir)
		m, err := r.cache.join(tree, r.elements)
		if err != nil {
			return meta{}, err
		}
		return meta{}, r.close(tree, m)
	})
	if err != nil {
		return "", fmt.Errorf("join the layers of the image: %w", err)
	}
	return e.path, nil
}

// close puts the places to mount on into a joined tree and gives the folders their exact modes.
func (r *Root) close(tree string, m meta) error {
	root, err := os.OpenRoot(tree)
	if err != nil {
		return err
	}
	defer root.Close()
	modes, folders := map[string]uint8{}, map[string]bool{}
	for _, d := range m.Dirs {
		modes[d.Path], folders[d.Path] = d.Others, true
	}
	for _, p := range mountPoints {
		info, err := root.Lstat(p.name)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		if err == nil && p.dir && info.IsDir() {
			continue
		}
		if err == nil { // a link or a file of the image, which is not what is mounted on
			if err := root.RemoveAll(p.name); err != nil {
				return err
			}
		}
		if p.dir {
			err = root.Mkdir(p.name, 0o755)
		} else {
			err = root.WriteFile(p.name, nil, 0o444)
		}
		if err != nil {
			return err
		}
	}
	for name := range folders {
		if info, err := root.Lstat(name); err != nil || !info.IsDir() {
			delete(folders, name)
		}
	}
	return setModes(tree, folders, modes)
}
