package image

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// leftover is the age at which a temporary file belongs to no living process any more.
const leftover = 24 * time.Hour

// cache keeps converted layers, by their digests, and notes, small JSON documents, by keys:
//
//	layers/<hex of the SHA-256>     a gzip layer
//	notes/<hex of the key's hash>   a line with the SHA-256 of the rest, then JSON
//	listings-1/<hex of a layer's>   what the layer holds
//	tmp/                            files being written
//
// Files appear in one step, by renaming, so processes can share a cache without locks: two that make the
// same file make equal files. Everything is checked when it is read; what is damaged is as good as absent.
type cache struct{ dir string }

// errDamaged is what reading a cached layer that is not what it should be gives.
var errDamaged = errors.New("damaged in the cache")

func (c cache) temp() (*os.File, error) {
	if c.dir == "" {
		return nil, errors.New("no cache folder was given")
	}
	dir := filepath.Join(c.dir, "tmp")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, c.explain(err)
	}
	c.sweep(dir)
	f, err := os.CreateTemp(dir, "part-*")
	if err != nil {
		return nil, c.explain(err)
	}
	return f, nil
}

// sweep removes what killed processes have left. It is no failure if that does not work.
func (c cache) sweep(dir string) {
	parts, err := os.ReadDir(dir)
	if err != nil {
		return
	}
	for _, part := range parts {
		if info, err := part.Info(); err == nil && time.Since(info.ModTime()) > leftover {
			_ = os.Remove(filepath.Join(dir, part.Name())) // another process may have been faster
		}
	}
}

// add stores a layer that make writes.
func (c cache) add(make func(io.Writer) (packed, error)) (packed, error) {
	var made packed
	err := c.write("layers", func(f *os.File) (name string, err error) {
		made, err = make(cacheWriter{f, c})
		return made.Digest.Hex, err
	})
	return made, err
}

// write makes a file in a folder of the cache, named as fill says, in one step.
func (c cache) write(folder string, fill func(f *os.File) (name string, err error)) error {
	f, err := c.temp()
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) // gone already when all went well
	name, err := fill(f)
	if err != nil {
		_ = f.Close() // it is thrown away
		return err
	}
	if err := f.Close(); err != nil {
		return c.explain(err)
	}
	dir := filepath.Join(c.dir, folder)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return c.explain(err)
	}
	if err := os.Rename(f.Name(), filepath.Join(dir, name)); err != nil {
		return c.explain(err)
	}
	return nil
}

// has reports whether a layer is there, by its length alone.
func (c cache) has(p packed) bool {
	info, err := os.Stat(c.layer(p))
	return err == nil && info.Mode().IsRegular() && info.Size() == p.Size
}

// open opens a layer after it has been read once and found whole. It is errDamaged if it is not.
func (c cache) open(ctx context.Context, p packed) (*os.File, error) {
	f, err := os.Open(c.layer(p))
	if err != nil {
		return nil, errDamaged
	}
	sum := newMeter()
	_, err = io.Copy(sum, contextReader{ctx, f})
	if err == nil && (sum.n != p.Size || sum.digest() != p.Digest) {
		err = errDamaged
	}
	if err == nil {
		_, err = f.Seek(0, io.SeekStart)
	}
	if err != nil {
		_ = f.Close() // only read
		return nil, err
	}
	return f, nil
}

func (c cache) layer(p packed) string { return filepath.Join(c.dir, "layers", p.Digest.Hex) }

// note reads the note of a key into v and reports whether there is a sound one.
func (c cache) note(key string, v any) bool {
	if c.dir == "" {
		return false
	}
	f, err := os.Open(filepath.Join(c.dir, "notes", noteName(key)))
	if err != nil {
		return false
	}
	defer f.Close()
	b, err := readSmall(f, "a note")
	if err != nil {
		return false
	}
	sum, body, whole := bytes.Cut(b, []byte("\n"))
	return whole && string(sum) == digestOf(body).String() && json.Unmarshal(body, v) == nil
}

// setNote stores v as the note of a key.
func (c cache) setNote(key string, v any) error {
	body, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return c.write("notes", func(f *os.File) (string, error) {
		_, err := fmt.Fprintf(cacheWriter{f, c}, "%s\n%s", digestOf(body), body)
		return noteName(key), err
	})
}

func noteName(key string) string {
	sum := sha256.Sum256([]byte(key))
	return hex.EncodeToString(sum[:])
}

// cacheWriter makes the errors of writing to the cache say so.
type cacheWriter struct {
	w io.Writer
	c cache
}

func (w cacheWriter) Write(p []byte) (int, error) {
	n, err := w.w.Write(p)
	return n, w.c.explain(err)
}

func (c cache) explain(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT):
		return fmt.Errorf("no space left for the cache in %s: free some, or set XDG_CACHE_HOME to a folder on a larger disk: %w", c.dir, err)
	}
	return fmt.Errorf("write to the cache: %w", err)
}
