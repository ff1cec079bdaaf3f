package ecr

import (
	"context"
	"fmt"
	"io"
	"net"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/partial"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"go.etcd.io/bbolt"
)

// Image is the image of a URI such as 000000000000.dkr.ecr.us-east-1.amazonaws.com/name@sha256:… or
// name:tag, at the host of this account or at a loopback address. The error wraps ErrNotFound where
// there is none. The image reads its layers from the registry's files, and so only as long as it is
// not deleted.
func (s *Service) Image(_ context.Context, uri string) (v1.Image, error) {
	repo, reference, err := s.parseURI(uri)
	if err != nil {
		return nil, err
	}
	var digest string
	var i image
	found := false
	err = s.cfg.DB.Bolt().View(func(tx *bbolt.Tx) error {
		b := tx.Bucket(rootBucket).Bucket([]byte(repo))
		if b == nil {
			return nil
		}
		digest, i, found, err = find(b, reference)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read image %s: %w", uri, err)
	}
	if !found {
		return nil, fmt.Errorf("read image %s: %w", uri, ErrNotFound)
	}
	if !types.MediaType(i.MediaType).IsImage() {
		return nil, fmt.Errorf("read image %s: it is an index of images (%s), not one image", uri, i.MediaType)
	}
	m, err := v1.ParseManifest(strings.NewReader(string(i.Manifest)))
	if err != nil {
		return nil, fmt.Errorf("read image %s: manifest %s: %w", uri, digest, err)
	}
	return partial.CompressedToImage(&stored{s.blobs, i, m})
}

// Exists says whether Image would find an image.
func (s *Service) Exists(_ context.Context, uri string) (bool, error) {
	repo, reference, err := s.parseURI(uri)
	if err != nil {
		return false, err
	}
	found := false
	err = s.cfg.DB.Bolt().View(func(tx *bbolt.Tx) error {
		b := tx.Bucket(rootBucket).Bucket([]byte(repo))
		if b == nil {
			return nil
		}
		_, _, found, err = find(b, reference)
		return err
	})
	return found, err
}

// parseURI splits a URI into repository and tag or digest. The port of a loopback address does not
// matter: the backend may have had another one when the URI was stored.
func (s *Service) parseURI(uri string) (repo, reference string, err error) {
	host, rest, _ := strings.Cut(uri, "/")
	if host != s.host() && !isLoopback(host) {
		return "", "", fmt.Errorf("read image %s: the local backend has images at %s only: %w", uri, s.host(), ErrNotFound)
	}
	repo, reference, found := strings.Cut(rest, "@")
	if found {
		repo, _, _ = strings.Cut(repo, ":") // a digest decides, whatever the tag
		return repo, reference, nil
	}
	repo, reference, found = strings.Cut(rest, ":")
	if !found {
		reference = "latest"
	}
	return repo, reference, nil
}

func isLoopback(host string) bool {
	name, _, err := net.SplitHostPort(host)
	if err != nil {
		name = host
	}
	ip := net.ParseIP(strings.Trim(name, "[]"))
	return name == "localhost" || ip != nil && ip.IsLoopback()
}

// stored is an image in the registry's files.
type stored struct {
	blobs    *blobs
	image    image
	manifest *v1.Manifest
}

// MediaType implements partial.CompressedImageCore.
func (i *stored) MediaType() (types.MediaType, error) { return types.MediaType(i.image.MediaType), nil }

// RawManifest implements partial.CompressedImageCore.
func (i *stored) RawManifest() ([]byte, error) { return i.image.Manifest, nil }

// RawConfigFile implements partial.CompressedImageCore.
func (i *stored) RawConfigFile() ([]byte, error) {
	f, err := i.blobs.open(i.manifest.Config.Digest)
	if err != nil {
		return nil, fmt.Errorf("read image config: %w", err)
	}
	b, err := io.ReadAll(f)
	if err != nil {
		_ = f.Close() // the read error says more
		return nil, fmt.Errorf("read image config: %w", err)
	}
	return b, f.Close()
}

// LayerByDigest implements partial.CompressedImageCore.
func (i *stored) LayerByDigest(h v1.Hash) (partial.CompressedLayer, error) {
	if h == i.manifest.Config.Digest {
		return storedLayer{i.blobs, i.manifest.Config}, nil
	}
	for _, d := range i.manifest.Layers {
		if d.Digest == h {
			return storedLayer{i.blobs, d}, nil
		}
	}
	return nil, fmt.Errorf("the image has no layer %s", h)
}

// storedLayer is a layer in the registry's files.
type storedLayer struct {
	blobs      *blobs
	descriptor v1.Descriptor
}

// Digest implements partial.CompressedLayer.
func (l storedLayer) Digest() (v1.Hash, error) { return l.descriptor.Digest, nil }

// Compressed implements partial.CompressedLayer.
func (l storedLayer) Compressed() (io.ReadCloser, error) { return l.blobs.open(l.descriptor.Digest) }

// Size implements partial.CompressedLayer.
func (l storedLayer) Size() (int64, error) { return l.descriptor.Size, nil }

// MediaType implements partial.CompressedLayer.
func (l storedLayer) MediaType() (types.MediaType, error) { return l.descriptor.MediaType, nil }
