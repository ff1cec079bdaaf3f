package s3

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"go.etcd.io/bbolt"
)

// blobs are the files that hold the bytes of objects and parts. A name starts with the number of the
// run that made it; what an earlier run made and no entry of the index names can be removed.
type blobs struct {
	dir string
	run string // first sixteen characters of the names of this run

	mu     sync.Mutex
	pinned map[string]int    // by holder: how many readers
	later  map[string]doomed // to be removed when the last reader of the holder is done
}

// doomed are files that the index no longer names.
type doomed struct {
	holder string // blob of the object they belonged to: what readers pin
	files  []string
}

func newBlobs(dir string, run uint64) (*blobs, error) {
	dir = filepath.Join(dir, "blobs")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	return &blobs{dir: dir, run: fmt.Sprintf("%016x", run), pinned: map[string]int{}, later: map[string]doomed{}}, nil
}

func (b *blobs) newName() string {
	var random [16]byte
	_, _ = rand.Read(random[:]) // never fails, says its documentation
	return b.run + hex.EncodeToString(random[:])
}

// path puts the files into 256 folders, by the first random digits of the name.
func (b *blobs) path(name string) string {
	return filepath.Join(b.dir, name[len(b.run):len(b.run)+2], name)
}

// create makes a new file.
func (b *blobs) create() (*os.File, string, error) {
	name := b.newName()
	f, err := os.OpenFile(b.path(name), os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
	if errors.Is(err, fs.ErrNotExist) {
		if err := os.MkdirAll(filepath.Dir(b.path(name)), 0o700); err != nil {
			return nil, "", err
		}
		f, err = os.OpenFile(b.path(name), os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
	}
	return f, name, err
}

// clone makes a new file with the bytes of another: a link where the file system has links, since
// files never change.
func (b *blobs) clone(name string) (string, error) {
	fresh := b.newName()
	if err := os.MkdirAll(filepath.Dir(b.path(fresh)), 0o700); err != nil {
		return "", err
	}
	if os.Link(b.path(name), b.path(fresh)) == nil {
		return fresh, nil
	}
	in, err := os.Open(b.path(name))
	if err != nil {
		return "", err
	}
	defer in.Close()
	out, fresh, err := b.create()
	if err != nil {
		return "", err
	}
	_, err = io.Copy(out, in)
	if err = errors.Join(err, out.Close()); err != nil {
		b.remove(fresh)
		return "", err
	}
	return fresh, nil
}

// remove deletes files. One that cannot be deleted stays until the next run sweeps.
func (b *blobs) remove(names ...string) {
	for _, name := range names {
		_ = os.Remove(b.path(name))
	}
}

// pin keeps the files of an object from being removed until unpin.
func (b *blobs) pin(holder string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.pinned[holder]++
}

func (b *blobs) unpin(holder string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.pinned[holder]--; b.pinned[holder] > 0 {
		return
	}
	delete(b.pinned, holder)
	b.remove(b.later[holder].files...)
	delete(b.later, holder)
}

// discard removes files that the index no longer names, now or when their readers are done.
func (b *blobs) discard(all ...doomed) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, d := range all {
		if b.pinned[d.holder] > 0 {
			b.later[d.holder] = d
			continue
		}
		b.remove(d.files...)
	}
}

// sweep removes the files of earlier runs that the index does not name: uploads that a SIGKILL cut
// off, and objects that were deleted just before one. Files of this run are left alone, so nothing
// that is being stored meanwhile is touched.
func (s *Service) sweep(ctx context.Context) error {
	named, err := s.namedBlobs()
	if err != nil {
		return err
	}
	return filepath.WalkDir(s.blobs.dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		name := d.Name()
		if !d.Type().IsRegular() || len(name) != len(s.blobs.newName()) || strings.HasPrefix(name, s.blobs.run) || named[name] {
			return nil
		}
		return os.Remove(path)
	})
}

// namedBlobs returns the names of all files that the index names.
func (s *Service) namedBlobs() (map[string]bool, error) {
	named := map[string]bool{}
	one := func(_, v []byte) error {
		var holder segment
		if err := json.Unmarshal(v, &holder); err != nil {
			return err
		}
		named[holder.Blob] = true
		return nil
	}
	err := s.view(func(tx *bbolt.Tx) error {
		objects := tx.Bucket(tableObjects)
		if err := objects.ForEachBucket(func(k []byte) error { return objects.Bucket(k).ForEach(one) }); err != nil {
			return err
		}
		if err := tx.Bucket(tableParts).ForEach(one); err != nil {
			return err
		}
		return tx.Bucket(tableSegments).ForEach(func(_, v []byte) error {
			var parts []segment
			if err := json.Unmarshal(v, &parts); err != nil {
				return err
			}
			for _, p := range parts {
				named[p.Blob] = true
			}
			return nil
		})
	})
	return named, err
}
