package image

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// blob is something that an image refers to and a registry stores.
type blob struct {
	desc         v1.Descriptor
	diffID       v1.Hash // of layers
	uncompressed int64   // bytes, 0 where not known
	open         func(ctx context.Context) (io.ReadCloser, error)
	repo         *name.Repository // where it is already, if in a registry
}

// Image is an image for one platform, ready to be pushed.
type Image struct {
	manifest []byte
	family   family
	blobs    []blob // the configuration and the layers
	turns    *turns // of all images whose bases are of one resolver
}

// Assemble puts layers on a base, from the bottom up. The image starts entrypoint, with no arguments of its
// own, as root and in the folder /; the rest of the base's configuration, its environment above all, stays.
//
// Equal bases, layers and entrypoints give equal digests. Nothing of the base's layers is read. An image
// that would be larger than Lambda's 10 GB is an error, as far as the sizes are known.
func Assemble(base *Base, layers []*Layer, entrypoint []string) (*Image, error) {
	blobs := slices.Clone(base.blobs)
	for _, l := range layers {
		blobs = append(blobs, blob{
			desc:         v1.Descriptor{MediaType: base.family.layer, Size: l.packed.Size, Digest: l.packed.Digest},
			diffID:       l.packed.DiffID,
			uncompressed: l.packed.Uncompressed,
			open:         l.open,
		})
	}
	if err := checkSize(blobs); err != nil {
		return nil, fmt.Errorf("image %q, with %d layers added: %w", base.Source, len(layers), err)
	}
	config, err := json.Marshal(newConfig(base.config, blobs, len(layers), entrypoint))
	if err != nil {
		return nil, fmt.Errorf("image %q: write its configuration: %w", base.Source, err)
	}
	m := newManifest(base.family, config, blobs)
	manifest, err := json.Marshal(m)
	if err != nil {
		return nil, fmt.Errorf("image %q: write its manifest: %w", base.Source, err)
	}
	all := append([]blob{{desc: m.Config, open: inMemory(config)}}, blobs...)
	return &Image{manifest: manifest, family: base.family, blobs: all, turns: base.turns}, nil
}

// newConfig is a configuration with only what an image needs to run and to be told apart: nothing of the
// time, the machine or the program that made it.
func newConfig(base *v1.ConfigFile, blobs []blob, added int, entrypoint []string) *v1.ConfigFile {
	epoch := v1.Time{Time: time.Unix(0, 0).UTC()}
	config := &v1.ConfigFile{
		Architecture: base.Architecture,
		Variant:      base.Variant,
		OS:           base.OS,
		Created:      epoch,
		Config:       *base.Config.DeepCopy(),
		RootFS:       v1.RootFS{Type: "layers"},
		History:      history(base.History, len(blobs)-added, added, epoch),
	}
	config.Config.Entrypoint = slices.Clone(entrypoint)
	config.Config.Cmd = nil
	config.Config.User = ""
	config.Config.WorkingDir = "/"
	config.Config.Hostname, config.Config.Domainname, config.Config.Image = "", "", ""
	config.Config.OnBuild, config.Config.Healthcheck = nil, nil
	for _, b := range blobs {
		config.RootFS.DiffIDs = append(config.RootFS.DiffIDs, b.diffID)
	}
	return config
}

// history continues the base's history. It is optional, but has to fit the layers; a base's that does not
// fit is left out, and ours with it.
func history(base []v1.History, layers, added int, created v1.Time) []v1.History {
	steps := 0
	for _, h := range base {
		if !h.EmptyLayer {
			steps++
		}
	}
	if steps != layers {
		return nil
	}
	all := slices.Clone(base)
	for range added {
		all = append(all, v1.History{Created: created, CreatedBy: "scar"})
	}
	return all
}

func newManifest(f family, config []byte, layers []blob) *v1.Manifest {
	m := &v1.Manifest{
		SchemaVersion: 2,
		MediaType:     f.manifest,
		Config:        v1.Descriptor{MediaType: f.config, Size: int64(len(config)), Digest: digestOf(config)},
		Layers:        []v1.Descriptor{},
	}
	for _, l := range layers {
		m.Layers = append(m.Layers, l.desc)
	}
	return m
}

// checkSize refuses what is over Lambda's limit for certain: where the uncompressed size of a layer is not
// known, its compressed size counts.
func checkSize(layers []blob) error {
	var total int64
	for _, l := range layers {
		total += max(l.desc.Size, l.uncompressed)
	}
	if total > maxUncompressed {
		return fmt.Errorf("its layers have %.1f GB; Lambda's images have at most 10 GB, uncompressed", float64(total)/(1<<30))
	}
	return nil
}

// Digest is the digest of the image's manifest, as "sha256:…".
func (i *Image) Digest() string { return digestOf(i.manifest).String() }

// MediaType is the media type of the image's manifest.
func (i *Image) MediaType() string { return string(i.family.manifest) }

// Manifest is the image's manifest, byte for byte. The caller must not change it.
func (i *Image) Manifest() []byte { return i.manifest }

// Size is what the image takes in a registry, in bytes: its configuration and its compressed layers.
func (i *Image) Size() int64 {
	var total int64
	for _, b := range i.blobs {
		total += b.desc.Size
	}
	return total
}

// Parts takes the manifest of an image to which layers were added and tells the base's layers, hashed into
// one digest, from the last added ones, whose digests it gives from the bottom up. Manifests of images
// with fewer layers, and of anything but an image, are an error.
func Parts(manifest []byte, added int) (base string, layers []string, err error) {
	k, err := kindOf(manifest, "")
	if err != nil {
		return "", nil, fmt.Errorf("take an image apart: %w", err)
	}
	if k != kindImage {
		return "", nil, errors.New("take an image apart: it is an index of several images")
	}
	var m struct {
		Layers []struct {
			Digest v1.Hash `json:"digest"`
		} `json:"layers"`
	}
	if err := json.Unmarshal(manifest, &m); err != nil {
		return "", nil, fmt.Errorf("take an image apart: %w", err)
	}
	below := len(m.Layers) - added
	if added < 0 || below < 0 {
		return "", nil, fmt.Errorf("take an image apart: it has %d layers, and %d were added", len(m.Layers), added)
	}
	digests := make([]string, 0, len(m.Layers))
	for _, l := range m.Layers {
		digests = append(digests, l.Digest.String())
	}
	return digestOf([]byte(strings.Join(digests[:below], "\n"))).String(), digests[below:], nil
}
