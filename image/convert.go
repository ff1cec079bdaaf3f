package image

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"sync"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"golang.org/x/sync/errgroup"
)

// found is an image as its source has it. Its exported fields can be kept in a note.
type found struct {
	Digest *v1.Hash        // of its manifest; nil where the source has none
	Family types.MediaType // of its manifest
	Config []byte          // its configuration
	Layers []foundLayer    // from the bottom up

	// open opens a layer as it is stored. hold keeps the source ready for several calls of open,
	// until release is called.
	open func(ctx context.Context, l foundLayer) (io.ReadCloser, error)
	hold func(ctx context.Context) (release func(), err error)
}

// foundLayer is a layer as its source has it: what is stored. In docker save archives its digest is that of
// the uncompressed content, the only one that they tell.
type foundLayer struct {
	v1.Descriptor
	Name string // of the file in a docker save archive; empty elsewhere
	Gzip bool   // Lambda takes it as it is
}

// key is what a converted layer is noted under: what it was made from, and how.
func (l foundLayer) key() string { return gzipFormat + " " + l.Digest.String() }

// converter turns layers into the gzip layers that Lambda takes, once: they are kept in the cache.
type converter struct {
	cache  cache
	report func(done, total int64) // bytes of what is stored; one call at a time
}

// all converts what layers of an image need it and answers with them, by position.
func (c converter) all(ctx context.Context, image *found, diffIDs []v1.Hash) (map[int]packed, error) {
	ready := map[int]packed{}
	var missing []int
	var total int64
	for i, layer := range image.Layers {
		if layer.Gzip {
			continue
		}
		var p packed
		if c.cache.note(layer.key(), &p) && p.DiffID == diffIDs[i] && c.cache.has(p) {
			ready[i] = p
			continue
		}
		missing = append(missing, i)
		total += layer.Size
	}
	if len(missing) == 0 {
		return ready, nil
	}
	release, err := image.hold(ctx)
	if err != nil {
		return nil, err
	}
	defer release()

	var mu sync.Mutex
	var done int64
	count := func(n int) {
		mu.Lock()
		defer mu.Unlock()
		done += int64(n)
		c.report(done, total)
	}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(runtime.GOMAXPROCS(0))
	for _, i := range missing {
		group.Go(func() error {
			p, err := c.one(ctx, image, i, diffIDs[i], count)
			if err != nil {
				return fmt.Errorf("convert its layer %d: %w", i+1, err)
			}
			mu.Lock()
			defer mu.Unlock()
			ready[i] = p
			return nil
		})
	}
	return ready, group.Wait()
}

// one converts a layer and checks that its content is what the image's configuration says.
func (c converter) one(ctx context.Context, image *found, i int, diffID v1.Hash, count func(int)) (packed, error) {
	layer := image.Layers[i]
	stored, err := image.open(ctx, layer)
	if err != nil {
		return packed{}, err
	}
	defer stored.Close()
	made, err := c.cache.add(func(w io.Writer) (packed, error) {
		return recompress(w, countingReader{contextReader{ctx, stored}, count}, diffID)
	})
	if err != nil {
		return packed{}, err
	}
	return made, c.cache.setNote(layer.key(), made)
}

// opener opens a converted layer for sending. One that has been damaged in the cache, or removed from
// it, is made again first.
func (c converter) opener(image *found, i int, p packed) func(context.Context) (io.ReadCloser, error) {
	return func(ctx context.Context) (io.ReadCloser, error) {
		f, err := c.cache.open(ctx, p)
		if err == nil {
			return f, nil
		}
		if !errors.Is(err, errDamaged) {
			return nil, err
		}
		again, err := c.one(ctx, image, i, p.DiffID, func(int) {})
		if err != nil {
			return nil, err
		}
		if again != p {
			return nil, fmt.Errorf("converted again, the layer is %s and was %s", again.Digest, p.Digest)
		}
		return c.cache.open(ctx, p)
	}
}

// recompress reads a layer in whatever compression and writes it as gzip.
func recompress(w io.Writer, stored io.Reader, diffID v1.Hash) (packed, error) {
	content, err := decompress(stored)
	if err != nil {
		return packed{}, err
	}
	defer content.Close()
	made, err := compress(w, func(w io.Writer) error {
		n, err := io.Copy(w, io.LimitReader(content, maxUncompressed+1))
		if err == nil && n > maxUncompressed {
			return errors.New("it holds more than the 10 GB that Lambda's images may have")
		}
		return err
	})
	if err != nil {
		return packed{}, err
	}
	// What follows the compressed content belongs to the stored bytes' digest, which is checked at their end.
	if _, err := io.Copy(io.Discard, stored); err != nil {
		return packed{}, err
	}
	if made.DiffID != diffID {
		return packed{}, fmt.Errorf("it is damaged: its content is %s, and the image's configuration says %s", made.DiffID, diffID)
	}
	return made, nil
}

// compression is how bytes are compressed, as their beginning tells.
type compression int

const (
	plain compression = iota
	gzipped
	zstandard
	otherCompression // known, and not supported
)

// magicSize is how many bytes compressionOf needs.
const magicSize = 6

// maxWindow bounds what a zstd stream makes its reader hold in memory, in bytes. It is what the zstd
// program itself accepts unless told otherwise.
const maxWindow = 128 << 20

func compressionOf(magic []byte) compression {
	switch {
	case bytes.HasPrefix(magic, []byte{0x1f, 0x8b}):
		return gzipped
	case bytes.HasPrefix(magic, []byte{0x28, 0xb5, 0x2f, 0xfd}),
		// A skippable frame, with which some tools begin.
		len(magic) >= 4 && magic[0]&0xf0 == 0x50 && bytes.Equal(magic[1:4], []byte{0x2a, 0x4d, 0x18}):
		return zstandard
	case bytes.HasPrefix(magic, []byte("\xfd7zXZ\x00")), bytes.HasPrefix(magic, []byte("BZh")):
		return otherCompression
	}
	return plain
}

func decompress(r io.Reader) (io.ReadCloser, error) {
	buffered := bufio.NewReaderSize(r, 64<<10)
	magic, err := buffered.Peek(magicSize)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	switch compressionOf(magic) {
	case gzipped:
		return gzip.NewReader(buffered)
	case zstandard:
		decoder, err := zstd.NewReader(buffered, zstd.WithDecoderMaxWindow(maxWindow), zstd.WithDecoderConcurrency(1))
		if err != nil {
			return nil, err
		}
		return decoder.IOReadCloser(), nil
	case otherCompression:
		return nil, errors.New("it is compressed with xz or bzip2, and only gzip and zstd can be read")
	}
	return io.NopCloser(buffered), nil
}

// countingReader tells how much is read from it.
type countingReader struct {
	r     io.Reader
	count func(n int)
}

func (c countingReader) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.count(n)
	return n, err
}
