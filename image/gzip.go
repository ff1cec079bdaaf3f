package image

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"hash"
	"io"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/klauspost/compress/gzip"
)

const (
	// gzipLevel is where the compressor is still fast and passes over incompressible data, model
	// weights above all, at the speed of hashing. One level for everything, for ever: another one
	// is another digest for every image.
	gzipLevel = 5

	// gzipFormat names what the compressor makes. Change it whenever the same content gives other
	// bytes than before (TestLayerBytesAreStable tells), so that no converted layer of an older
	// version is taken from the cache.
	gzipFormat = "klauspost-gzip-5-v1"

	// gzipChunk is the size of the compressor's inputs, so that its output cannot depend on how the
	// content happened to be read.
	gzipChunk = 128 << 10
)

// packed describes compressed content.
type packed struct {
	Digest       v1.Hash `json:"digest"`       // of the compressed bytes
	DiffID       v1.Hash `json:"diffID"`       // of the uncompressed bytes
	Size         int64   `json:"size"`         // bytes, compressed
	Uncompressed int64   `json:"uncompressed"` // bytes
}

// compress sends what write writes to w, as gzip, and says what went there.
func compress(w io.Writer, write func(io.Writer) error) (packed, error) {
	inner, outer := newMeter(), newMeter()
	zip, err := gzip.NewWriterLevel(io.MultiWriter(w, outer), gzipLevel)
	if err != nil {
		return packed{}, err
	}
	chunks := bufio.NewWriterSize(io.MultiWriter(inner, zip), gzipChunk)
	if err := write(chunks); err != nil {
		return packed{}, err
	}
	if err := chunks.Flush(); err != nil {
		return packed{}, err
	}
	if err := zip.Close(); err != nil {
		return packed{}, err
	}
	return packed{Digest: outer.digest(), DiffID: inner.digest(), Size: outer.n, Uncompressed: inner.n}, nil
}

// meter is a writer that counts and hashes.
type meter struct {
	sum hash.Hash
	n   int64
}

func newMeter() *meter { return &meter{sum: sha256.New()} }

func (m *meter) Write(p []byte) (int, error) {
	m.n += int64(len(p))
	return m.sum.Write(p)
}

func (m *meter) digest() v1.Hash {
	return v1.Hash{Algorithm: "sha256", Hex: hex.EncodeToString(m.sum.Sum(nil))}
}

// digestOf is the SHA-256 digest of b.
func digestOf(b []byte) v1.Hash {
	sum := sha256.Sum256(b)
	return v1.Hash{Algorithm: "sha256", Hex: hex.EncodeToString(sum[:])}
}

// contextReader fails as soon as its context has ended, for work that reads only files.
type contextReader struct {
	ctx context.Context
	r   io.Reader
}

func (c contextReader) Read(p []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	return c.r.Read(p)
}
