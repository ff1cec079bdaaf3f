package image

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// files are the files of a layout or an archive, by name. No name leads out of them. hold keeps them
// ready for several calls of open.
type files interface {
	open(ctx context.Context, name string) (content io.ReadCloser, size int64, err error)
	hold(ctx context.Context) (release func(), err error)
}

// folder are the files below a directory.
type folder string

func (f folder) open(_ context.Context, name string) (io.ReadCloser, int64, error) {
	root, err := os.OpenRoot(string(f)) // it lets no symbolic link lead out
	if err != nil {
		return nil, 0, err
	}
	defer root.Close()
	file, err := root.Open(name)
	if err != nil {
		return nil, 0, err
	}
	info, err := file.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("%s is no regular file", name)
	}
	if err != nil {
		_ = file.Close() // only read
		return nil, 0, err
	}
	return file, info.Size(), nil
}

func (folder) hold(context.Context) (func(), error) { return func() {}, nil }

// readFile reads a small file.
func readFile(ctx context.Context, from files, name string) ([]byte, error) {
	rc, _, err := from.open(ctx, name)
	if err != nil {
		return nil, err
	}
	defer rc.Close()
	return readSmall(rc, name)
}

// layout is a source in the OCI image layout.
type layout struct{ files }

func (l layout) blob(ctx context.Context, d v1.Descriptor) (io.ReadCloser, error) {
	rc, _, err := l.open(ctx, "blobs/"+d.Digest.Algorithm+"/"+d.Digest.Hex)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%s is missing", d.Digest)
	}
	if err != nil {
		return nil, err
	}
	return verified(rc, d.Size, d.Digest), nil
}

func (l layout) manifest(ctx context.Context, d v1.Descriptor) ([]byte, error) {
	rc, err := l.blob(ctx, d)
	if err != nil {
		return nil, fmt.Errorf("read its manifest: %w", err)
	}
	defer rc.Close()
	return readSmall(rc, "its manifest")
}

// gzipped looks at the bytes: what tools write into the manifests of archives is not always so.
func (l layout) gzipped(ctx context.Context, d v1.Descriptor) (bool, error) {
	rc, err := l.blob(ctx, d)
	if err != nil {
		return false, err
	}
	defer rc.Close()
	magic := make([]byte, magicSize)
	n, err := io.ReadFull(rc, magic)
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, io.EOF) {
		return false, err
	}
	return isGzip(d.MediaType) && compressionOf(magic[:n]) == gzipped, nil
}

// findInLayout finds the image of an OCI layout.
func findInLayout(ctx context.Context, from files, wanted []string) (*found, error) {
	index, err := readFile(ctx, from, "index.json")
	if err != nil {
		return nil, fmt.Errorf("read it as an OCI layout: %w", err)
	}
	if err := checkLayoutVersion(ctx, from); err != nil {
		return nil, err
	}
	only, err := single(index)
	if err != nil {
		return nil, err
	}
	l := layout{from}
	start, d := index, v1.Descriptor{MediaType: types.OCIImageIndex}
	if only != nil {
		if start, err = l.manifest(ctx, *only); err != nil {
			return nil, err
		}
		d = *only
	}
	manifest, d, err := pick(ctx, l, start, d, wanted)
	if err != nil {
		return nil, err
	}
	image, err := read(ctx, l, manifest, d)
	if err != nil {
		return nil, err
	}
	image.open = func(ctx context.Context, layer foundLayer) (io.ReadCloser, error) {
		return l.blob(ctx, layer.Descriptor)
	}
	image.hold = l.hold
	return image, nil
}

func checkLayoutVersion(ctx context.Context, from files) error {
	b, err := readFile(ctx, from, "oci-layout")
	if err != nil {
		return fmt.Errorf("read it as an OCI layout: %w", err)
	}
	var marker struct {
		Version string `json:"imageLayoutVersion"`
	}
	if err := json.Unmarshal(b, &marker); err != nil {
		return fmt.Errorf("read its oci-layout: %w", err)
	}
	if !strings.HasPrefix(marker.Version, "1.") {
		return fmt.Errorf("it is an OCI layout of version %q, and only version 1 can be read", marker.Version)
	}
	return nil
}

// single is the one image of a layout's index.json. It is nil where the index lists one image for each of
// several platforms; several images are an error.
func single(index []byte) (*v1.Descriptor, error) {
	parsed, err := v1.ParseIndexManifest(bytes.NewReader(index))
	if err != nil {
		return nil, fmt.Errorf("read its index.json: %w", err)
	}
	images := candidates(parsed.Manifests)
	switch len(images) {
	case 0:
		return nil, errors.New("its index.json lists no image")
	case 1:
		return &images[0], nil
	}
	var names []string
	platforms := map[string]bool{}
	for _, d := range images {
		names = append(names, imageName(d))
		if d.Platform != nil {
			platforms[d.Platform.String()] = true
		}
	}
	if len(platforms) == len(images) {
		return nil, nil
	}
	return nil, fmt.Errorf("it holds %d images (%s): write one image into one archive or layout", len(images), strings.Join(names, ", "))
}

func imageName(d v1.Descriptor) string {
	for _, key := range []string{"io.containerd.image.name", "org.opencontainers.image.ref.name"} {
		if name := d.Annotations[key]; name != "" {
			return name
		}
	}
	return d.Digest.String()
}
