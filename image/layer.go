package image

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// maxKept is the size up to which a compressed layer stays in memory. A larger one is made again from
// its files each time that it is sent: that costs no disk, leaves nothing behind, and compressing is
// faster than sending.
const maxKept = 4 << 20

// Layer is a layer to put on a base: a tar archive compressed with gzip.
type Layer struct {
	packed
	open func(ctx context.Context) (io.ReadCloser, error)
}

// Digest is the digest of the compressed layer, as "sha256:…".
func (l *Layer) Digest() string { return l.packed.Digest.String() }

// DiffID is the digest of the uncompressed layer, as "sha256:…".
func (l *Layer) DiffID() string { return l.packed.DiffID.String() }

// Size is the length of the compressed layer in bytes.
func (l *Layer) Size() int64 { return l.packed.Size }

// Uncompressed is the length of the uncompressed layer in bytes, 0 where it is not known.
func (l *Layer) Uncompressed() int64 { return l.packed.Uncompressed }

// Open yields the compressed layer. Reading it fails at the end if the files that it is made of are no
// longer what they were when the layer was made.
func (l *Layer) Open(ctx context.Context) (io.ReadCloser, error) { return l.open(ctx) }

// NewLayer packs entries into a layer. Equal names, contents, links and executable bits give equal
// bytes, on every machine and whatever the order, owners and times: entries are sorted, folders above them
// are added, all belong to root and are from 1970.
//
// It reads every file once and holds at most a few megabytes in memory, whatever the files weigh.
func NewLayer(ctx context.Context, entries []Entry) (*Layer, error) {
	sorted, err := arrange(entries)
	if err != nil {
		return nil, err
	}
	kept := &keeper{limit: maxKept}
	made, err := compress(kept, func(w io.Writer) error { return writeTar(ctx, w, sorted) })
	if err != nil {
		return nil, fmt.Errorf("pack layer: %w", err)
	}
	layer := &Layer{packed: made}
	if content, whole := kept.content(); whole {
		layer.open = inMemory(content)
		return layer, nil
	}
	layer.open = func(ctx context.Context) (io.ReadCloser, error) {
		return verified(repack(ctx, sorted), made.Size, made.Digest), nil
	}
	return layer, nil
}

// LayerFromBlob is a layer made earlier: its compressed bytes, with the digests of its compressed and
// uncompressed form ("sha256:…") and its uncompressed size in bytes. It checks the digest of the blob; that
// of the uncompressed form is taken on trust.
func LayerFromBlob(blob []byte, digest, diffID string, uncompressed int64) (*Layer, error) {
	want, err := v1.NewHash(digest)
	if err != nil {
		return nil, fmt.Errorf("ready-made layer: digest: %w", err)
	}
	diff, err := v1.NewHash(diffID)
	if err != nil {
		return nil, fmt.Errorf("ready-made layer: diff id: %w", err)
	}
	if got := digestOf(blob); got != want {
		return nil, fmt.Errorf("ready-made layer: %w %s: it is %s", errDigest, want, got)
	}
	made := packed{Digest: want, DiffID: diff, Size: int64(len(blob)), Uncompressed: uncompressed}
	return &Layer{packed: made, open: inMemory(blob)}, nil
}

func inMemory(content []byte) func(context.Context) (io.ReadCloser, error) {
	return func(context.Context) (io.ReadCloser, error) {
		return io.NopCloser(bytes.NewReader(content)), nil
	}
}

// repack compresses the entries again, while they are read from it. Closing it ends the work.
func repack(ctx context.Context, sorted []Entry) io.ReadCloser {
	r, w := io.Pipe()
	go func() {
		_, err := compress(w, func(w io.Writer) error { return writeTar(ctx, w, sorted) })
		w.CloseWithError(err)
	}()
	return r
}

func writeTar(ctx context.Context, w io.Writer, sorted []Entry) error {
	archive := tar.NewWriter(w)
	for _, e := range sorted {
		if err := writeEntry(ctx, archive, e); err != nil {
			return fmt.Errorf("%s: %w", e.Name, err)
		}
	}
	return archive.Close()
}

func writeEntry(ctx context.Context, archive *tar.Writer, e Entry) error {
	header := &tar.Header{Typeflag: tar.TypeReg, Name: e.Name, Size: e.Size, Mode: 0o644, ModTime: time.Unix(0, 0)}
	switch {
	case e.Dir:
		header.Typeflag, header.Name, header.Mode, header.Size = tar.TypeDir, e.Name+"/", 0o755, 0
	case e.Link != "":
		header.Typeflag, header.Linkname, header.Mode, header.Size = tar.TypeSymlink, e.Link, 0o777, 0
	case e.Mode&0o111 != 0:
		header.Mode = 0o755
	}
	if err := archive.WriteHeader(header); err != nil {
		return err
	}
	if !e.file() {
		return ctx.Err()
	}
	return writeContent(ctx, archive, e)
}

func writeContent(ctx context.Context, w io.Writer, e Entry) error {
	content, err := e.Open()
	if err != nil {
		return err
	}
	defer content.Close()
	r := contextReader{ctx, content}
	n, err := io.CopyN(w, r, e.Size)
	if errors.Is(err, io.EOF) {
		return fmt.Errorf("it changed while it was read: %d bytes in place of %d", n, e.Size)
	}
	if err != nil {
		return err
	}
	if n, err := io.ReadFull(r, make([]byte, 1)); n > 0 {
		return fmt.Errorf("it changed while it was read: it has more than %d bytes", e.Size)
	} else if !errors.Is(err, io.EOF) {
		return err
	}
	return nil
}

// keeper is a writer that keeps what it gets, as long as that is little.
type keeper struct {
	limit int
	buf   bytes.Buffer
	over  bool
}

func (k *keeper) Write(p []byte) (int, error) {
	if k.over = k.over || k.buf.Len()+len(p) > k.limit; k.over {
		k.buf = bytes.Buffer{}
		return len(p), nil
	}
	return k.buf.Write(p)
}

// content is all that was written, unless it was too much.
func (k *keeper) content() ([]byte, bool) { return k.buf.Bytes(), !k.over }
