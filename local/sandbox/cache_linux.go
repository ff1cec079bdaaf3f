package sandbox

import (
	"context"
	"crypto/sha256"
	"encoding/gob"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"golang.org/x/sync/errgroup"
	"golang.org/x/sys/unix"
)

// The folders of a cache. What is in the first three is complete, because it was renamed there.
const (
	layersDir   = "layers"   // one layer each, by the digest of its uncompressed archive
	joinedDir   = "joined"   // several layers in one tree, by the digest of their chain
	surfacesDir = "surfaces" // what lies on top of an image's layers, see surface_linux.go
	flatDir     = "flat"     // whole images for systems without overlayfs
	workDir     = "work"     // unfinished; each is locked by the process that makes it
	locksDir    = "locks"
	tmpDir      = "tmp"   // /tmp of sandboxes whose /tmp is too large for memory
	mountDir    = "mount" // where each sandbox mounts its root, in a mount namespace of its own
)

const (
	treeDir  = "tree" // the files of an element
	metaFile = "meta"

	parallelLayers = 4
	lockPoll       = 20 * time.Millisecond
)

// Cache is a folder of unpacked images. Several processes may use it at the same time.
type Cache struct {
	dir       string
	limits    Limits
	noOverlay atomic.Bool // overlayfs was tried and refused
}

// OpenCache opens the cache in a folder, made if absent, and removes from it what has not been used
// for a month.
func OpenCache(dir string, limits Limits) (*Cache, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("open image cache: %w", err)
	}
	c := &Cache{dir: dir, limits: limits.orDefaults()}
	for _, sub := range []string{layersDir, joinedDir, surfacesDir, flatDir, workDir, locksDir, tmpDir, mountDir} {
		if err := os.MkdirAll(filepath.Join(dir, sub), 0o700); err != nil {
			return nil, fmt.Errorf("open image cache: %w", err)
		}
	}
	c.prune(time.Now().Add(-keepUnused))
	return c, nil
}

// meta is what has to be known of an element beside its files.
type meta struct {
	Dirs      []dir    // every folder
	Whiteouts []string // removed from the layers below
	Opaque    []string // folders whose content in the layers below is hidden
	Links     []link   // hard links to files of the layers below
	Bytes     int64
	Entries   int64
}

type dir struct {
	Path    string
	Others  uint8 // permission bits of others in the image
	Implied bool  // the archive had no entry for it
}

type link struct{ Name, Target string }

// standsAlone says whether the layer means the same on its own as on top of others.
func (m *meta) standsAlone() bool {
	for _, d := range m.Dirs {
		if d.Implied {
			return false
		}
	}
	return len(m.Whiteouts)+len(m.Opaque)+len(m.Links) == 0
}

// element is a finished tree in the cache.
type element struct {
	path string // of its tree, relative to the cache
	meta meta
}

// Unpack unpacks an image, or finds it unpacked. Layers that images have in common are kept once. The
// digest of every layer is verified.
func (c *Cache) Unpack(ctx context.Context, img v1.Image) (*Root, error) {
	layers, err := img.Layers()
	if err != nil {
		return nil, fmt.Errorf("unpack image: %w", err)
	}
	// The layers' own DiffID would read them whole to compute it. What the configuration claims is as
	// good: it is verified when a layer is unpacked, and names it in the cache afterwards.
	config, err := img.ConfigFile()
	if err != nil {
		return nil, fmt.Errorf("unpack image: %w", err)
	}
	ids := config.RootFS.DiffIDs
	if len(ids) != len(layers) {
		return nil, fmt.Errorf("unpack image: its configuration names %d layers, its manifest %d", len(ids), len(layers))
	}
	left := newBudget(c.limits)
	elements := make([]*element, len(layers))
	group, groupCtx := errgroup.WithContext(ctx)
	group.SetLimit(parallelLayers)
	for i, layer := range layers {
		group.Go(func() error {
			var err error
			elements[i], err = c.layer(groupCtx, ids[i], layer, left)
			if err != nil {
				return fmt.Errorf("unpack layer %s: %w", ids[i], err)
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	return c.stack(ctx, ids, elements)
}

func (c *Cache) layer(ctx context.Context, id v1.Hash, layer v1.Layer, left *budget) (*element, error) {
	made := false
	e, err := c.element(ctx, layersDir, id.Hex, func(work string) (meta, error) {
		made = true
		return extractLayer(ctx, filepath.Join(work, treeDir), id, layer, left)
	})
	if err != nil || made {
		return e, err
	}
	if err := left.takeEntries(e.meta.Entries); err != nil {
		return nil, err
	}
	return e, left.takeBytes(e.meta.Bytes)
}

func extractLayer(ctx context.Context, tree string, id v1.Hash, layer v1.Layer, left *budget) (meta, error) {
	root, err := os.OpenRoot(tree)
	if err != nil {
		return meta{}, err
	}
	defer root.Close()
	archive, err := layer.Uncompressed()
	if err != nil {
		return meta{}, err
	}
	defer archive.Close()
	checked := &digester{ctx: ctx, r: archive, sum: sha256.New(), left: left.bytes.Load()*2 + 64<<20}
	x := newExtractor(root, left)
	if err := x.extract(checked); err != nil {
		return meta{}, err
	}
	if _, err := io.Copy(io.Discard, checked); err != nil {
		return meta{}, err
	}
	// The digest names the layer in the cache: without this, an image could put its own files where
	// another image's are looked for.
	if got := hex.EncodeToString(checked.sum.Sum(nil)); got != id.Hex {
		return meta{}, fmt.Errorf("its content has the digest sha256:%s: the image is damaged, pull it again", got)
	}
	return x.meta, nil
}

// digester reads an archive, bounded: an archive may be endless without holding a single file.
type digester struct {
	ctx  context.Context
	r    io.Reader
	sum  hash.Hash
	left int64
}

func (d *digester) Read(p []byte) (int, error) {
	if err := d.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := d.r.Read(p)
	d.sum.Write(p[:n])
	if d.left -= int64(n); d.left < 0 {
		return n, errors.New("the archive is larger than allowed")
	}
	return n, err
}

// element returns the element of a kind and key, made by fill if absent: fill gets a folder whose
// sub-folder treeDir it fills. Of several processes that want the same element, one makes it.
func (c *Cache) element(ctx context.Context, kind, key string, fill func(work string) (meta, error)) (*element, error) {
	if e, err := c.load(kind, key); err == nil {
		return e, nil
	}
	unlock, err := c.lock(ctx, kind+"-"+key)
	if err != nil {
		return nil, err
	}
	defer unlock()
	if e, err := c.load(kind, key); err == nil {
		return e, nil
	}
	work := filepath.Join(c.dir, workDir, kind+"-"+key)
	if err := removeAll(work); err != nil { // of a process that was killed
		return nil, err
	}
	defer func() { _ = removeAll(work) }() // after the rename there is nothing left to remove
	tree := filepath.Join(work, treeDir)
	if err := os.MkdirAll(tree, 0o755); err != nil {
		return nil, err
	}
	if err := os.Chmod(tree, 0o755); err != nil { // whatever the umask is
		return nil, err
	}
	m, err := fill(work)
	if err != nil {
		return nil, err
	}
	if err := finish(work, m); err != nil {
		return nil, err
	}
	if err := os.Rename(work, filepath.Join(c.dir, kind, key)); err != nil {
		return nil, err
	}
	return &element{filepath.Join(kind, key, treeDir), m}, nil
}

// finish writes the meta file, and brings everything to the disk: after a power cut, a layer that is
// under its final name must not hold empty files.
func finish(work string, m meta) error {
	f, err := os.OpenFile(filepath.Join(work, metaFile), os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := gob.NewEncoder(f).Encode(m); err != nil {
		return err
	}
	if err := unix.Syncfs(int(f.Fd())); err != nil {
		return fmt.Errorf("sync: %w", err)
	}
	return f.Close()
}

func (c *Cache) load(kind, key string) (*element, error) {
	dir := filepath.Join(c.dir, kind, key)
	f, err := os.Open(filepath.Join(dir, metaFile))
	if err != nil {
		return nil, err
	}
	defer f.Close()
	e := &element{path: filepath.Join(kind, key, treeDir)}
	if err := gob.NewDecoder(f).Decode(&e.meta); err != nil {
		return nil, fmt.Errorf("read %s: %w", f.Name(), err)
	}
	now := time.Now()
	return e, os.Chtimes(filepath.Join(dir, metaFile), now, now)
}

// lock waits until no other process, nor another goroutine of this one, holds the lock.
func (c *Cache) lock(ctx context.Context, name string) (unlock func(), err error) {
	for {
		unlock, err := c.tryLock(name)
		if err != nil || unlock != nil {
			return unlock, err
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(lockPoll):
		}
	}
}

// tryLock returns nil where the lock is held already.
func (c *Cache) tryLock(name string) (unlock func(), err error) {
	f, err := os.OpenFile(filepath.Join(c.dir, locksDir, name), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	err = unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	if err == nil {
		return func() { _ = f.Close() }, nil // closing unlocks
	}
	_ = f.Close()
	if errors.Is(err, unix.EWOULDBLOCK) || errors.Is(err, unix.EINTR) {
		return nil, nil
	}
	return nil, fmt.Errorf("lock %s: %w", f.Name(), err)
}

// prune removes elements that were last used before a time, and what processes have left that were
// killed. Errors leave things for next time.
func (c *Cache) prune(before time.Time) {
	c.sweep()
	for _, kind := range []string{flatDir, surfacesDir, joinedDir, layersDir} {
		entries, err := os.ReadDir(filepath.Join(c.dir, kind))
		if err != nil {
			continue
		}
		for _, entry := range entries {
			dir := filepath.Join(c.dir, kind, entry.Name())
			used, err := os.Stat(filepath.Join(dir, metaFile))
			if err == nil && used.ModTime().Before(before) {
				doomed := filepath.Join(c.dir, workDir, "prune-"+kind+"-"+entry.Name())
				if os.Rename(dir, doomed) == nil {
					_ = removeAll(doomed)
				}
			}
		}
	}
}

// sweep removes what killed processes were about to make or to remove, and the /tmp of their sandboxes.
func (c *Cache) sweep() {
	c.sweepWork()
	left, err := os.ReadDir(filepath.Join(c.dir, tmpDir))
	if err != nil {
		return
	}
	for _, entry := range left {
		if strings.HasPrefix(entry.Name(), unheld) {
			continue
		}
		dir := filepath.Join(c.dir, tmpDir, entry.Name())
		if held, err := holdFolder(dir); err == nil {
			_ = errors.Join(removeAll(dir), held.Close())
		}
	}
}

// sweepWork removes what nobody works at: whoever does holds the lock.
func (c *Cache) sweepWork() {
	begun, err := os.ReadDir(filepath.Join(c.dir, workDir))
	if err != nil {
		return
	}
	for _, entry := range begun {
		if unlock, err := c.tryLock(entry.Name()); err == nil && unlock != nil {
			_ = removeAll(filepath.Join(c.dir, workDir, entry.Name()))
			unlock()
		}
	}
}

// removeAll is os.RemoveAll for trees with folders that their owner may not enter.
func removeAll(dir string) error {
	if err := os.RemoveAll(dir); err == nil {
		return nil
	}
	walkErr := filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
		if d != nil && d.IsDir() && err == nil {
			return os.Chmod(name, 0o700)
		}
		return err
	})
	if walkErr != nil && !errors.Is(walkErr, fs.ErrNotExist) {
		return walkErr
	}
	return os.RemoveAll(dir)
}
