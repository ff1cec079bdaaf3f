package image

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// maxNesting is how deep indexes may lie in indexes. An OCI layout's own index over an index of
// platforms makes two.
const maxNesting = 4

// source is where the manifests and blobs of one image lie: a repository, a layout, an archive.
type source interface {
	// manifest reads and verifies a manifest; at most maxMetadata bytes.
	manifest(ctx context.Context, d v1.Descriptor) ([]byte, error)
	// blob opens a blob as it is stored. Reading it fails at the end if it is not what d says.
	blob(ctx context.Context, d v1.Descriptor) (io.ReadCloser, error)
	// gzipped reports whether a layer can be used as it is.
	gzipped(ctx context.Context, d v1.Descriptor) (bool, error)
}

// pick goes from a manifest down to the manifest of one image for the first of the wanted
// architectures that there is. It answers with the manifest and its descriptor.
func pick(ctx context.Context, from source, manifest []byte, d v1.Descriptor, wanted []string) ([]byte, v1.Descriptor, error) {
	for range maxNesting {
		k, err := kindOf(manifest, d.MediaType)
		if err != nil {
			return nil, d, err
		}
		if k == kindImage {
			return manifest, d, nil
		}
		index, err := v1.ParseIndexManifest(bytes.NewReader(manifest))
		if err != nil {
			return nil, d, fmt.Errorf("read its index: %w", err)
		}
		if d, err = choose(index.Manifests, wanted); err != nil {
			return nil, d, err
		}
		if manifest, err = from.manifest(ctx, d); err != nil {
			return nil, d, err
		}
	}
	return nil, d, fmt.Errorf("its indexes are nested more than %d deep", maxNesting)
}

// choose selects the entry of an index that fits a wanted architecture best.
func choose(entries []v1.Descriptor, wanted []string) (v1.Descriptor, error) {
	images := candidates(entries)
	if len(images) == 0 {
		return v1.Descriptor{}, errors.New("its index lists no image")
	}
	for _, arch := range wanted {
		fitting := slices.DeleteFunc(slices.Clone(images), func(d v1.Descriptor) bool {
			return d.Platform == nil || d.Platform.OS != "linux" || d.Platform.Architecture != arch
		})
		if len(fitting) > 0 {
			// Of several variants the plainest: what is built for a newer processor need not run.
			return slices.MinFunc(fitting, func(a, b v1.Descriptor) int {
				return strings.Compare(variant(a), variant(b))
			}), nil
		}
	}
	if len(images) == 1 && images[0].Platform == nil {
		return images[0], nil // its configuration tells
	}
	return v1.Descriptor{}, fmt.Errorf("it has no image for %s; it has %s", wantedNames(wanted), platforms(images))
}

// variant orders an architecture's variants. arm64 means v8 where it says nothing.
func variant(d v1.Descriptor) string {
	if d.Platform.Architecture == "arm64" && d.Platform.Variant == "v8" {
		return ""
	}
	return d.Platform.Variant
}

// candidates are the images and indexes among an index's entries, each once, without attestations and
// other things that have been attached to images.
func candidates(entries []v1.Descriptor) []v1.Descriptor {
	var images []v1.Descriptor
	for _, d := range entries {
		unknown := d.Platform != nil && d.Platform.OS == "unknown" && d.Platform.Architecture == "unknown"
		attached := d.Annotations["vnd.docker.reference.type"] != "" ||
			d.ArtifactType != "" && !types.MediaType(d.ArtifactType).IsConfig()
		other := d.MediaType != "" && !d.MediaType.IsImage() && !d.MediaType.IsIndex() && !d.MediaType.IsSchema1()
		again := slices.ContainsFunc(images, func(i v1.Descriptor) bool { return i.Digest == d.Digest })
		if !unknown && !attached && !other && !again {
			images = append(images, d)
		}
	}
	return images
}

func wantedNames(wanted []string) string {
	names := make([]string, len(wanted))
	for i, arch := range wanted {
		names[i] = "linux/" + arch
	}
	return strings.Join(names, " or ")
}

func platforms(images []v1.Descriptor) string {
	names := make([]string, 0, len(images))
	for _, d := range images {
		name := "an unnamed platform"
		if d.Platform != nil {
			name = d.Platform.String()
		}
		names = append(names, name)
	}
	slices.Sort(names)
	return strings.Join(slices.Compact(names), ", ")
}

// read reads what a source says about the image of one manifest.
func read(ctx context.Context, from source, manifest []byte, d v1.Descriptor) (*found, error) {
	m, fam, err := parseImage(manifest)
	if err != nil {
		return nil, err
	}
	if d.MediaType == types.DockerManifestSchema2 {
		fam = dockerFamily
	}
	rc, err := from.blob(ctx, m.Config)
	if err != nil {
		return nil, fmt.Errorf("read its configuration: %w", err)
	}
	defer rc.Close()
	config, err := readSmall(rc, "its configuration")
	if err != nil {
		return nil, err
	}
	digest := digestOf(manifest)
	image := &found{Digest: &digest, Family: fam.manifest, Config: config}
	for i, layer := range m.Layers {
		usable, err := from.gzipped(ctx, layer)
		if err != nil {
			return nil, fmt.Errorf("look at its layer %d: %w", i+1, err)
		}
		image.Layers = append(image.Layers, foundLayer{
			Descriptor: v1.Descriptor{MediaType: layer.MediaType, Size: layer.Size, Digest: layer.Digest},
			Gzip:       usable,
		})
	}
	return image, nil
}
