package ecr

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"go.etcd.io/bbolt"

	"github.com/scar-go/scar/local/store"
)

// maxManifest is the most bytes of a manifest, as of the OCI distribution specification.
const maxManifest = 4 << 20

// layerGrace is how long a blob stays in a repository of which no image needs it: the time that a
// push has between its first blob and its manifest.
const layerGrace = time.Hour

// manifest is a manifest of an image or an index, parsed as far as the registry must know it.
type manifest struct {
	raw       []byte
	digest    string
	mediaType types.MediaType
	blobs     []string // digests of config and layers
	children  []string // digests of the manifests of an index
}

// parseManifest reads a manifest. The media type may be left out where the manifest says it.
func parseManifest(raw []byte, mediaType string) (manifest, error) {
	if len(raw) > maxManifest {
		return manifest{}, fmt.Errorf("the manifest has %d bytes, more than %d", len(raw), maxManifest)
	}
	var in struct {
		SchemaVersion int
		MediaType     types.MediaType
		Config        *v1.Descriptor
		Layers        []v1.Descriptor
		Manifests     []v1.Descriptor
	}
	if err := json.Unmarshal(raw, &in); err != nil {
		return manifest{}, fmt.Errorf("the manifest is no JSON: %w", err)
	}
	m := manifest{raw: raw, digest: digestOf(raw), mediaType: in.MediaType}
	if m.mediaType == "" {
		m.mediaType = types.MediaType(mediaType)
	}
	if mediaType != "" && m.mediaType != types.MediaType(mediaType) {
		return manifest{}, fmt.Errorf("the manifest says that it is %s, the request %s", m.mediaType, mediaType)
	}
	if m.mediaType == "" {
		m.mediaType = types.OCIManifestSchema1
		if in.Manifests != nil {
			m.mediaType = types.OCIImageIndex
		}
	}
	switch {
	case in.SchemaVersion != 2:
		return manifest{}, fmt.Errorf("schema version %d is not served, 2 is", in.SchemaVersion)
	case m.mediaType.IsIndex():
		for _, d := range in.Manifests {
			m.children = append(m.children, d.Digest.String())
		}
	case m.mediaType.IsImage():
		if in.Config == nil {
			return manifest{}, fmt.Errorf("the manifest has no config")
		}
		m.blobs = blobsOf(*in.Config, in.Layers)
	default:
		return manifest{}, fmt.Errorf("media type %q is not served", m.mediaType)
	}
	return m, nil
}

// blobsOf are the digests that must be in the repository: layers that are fetched from elsewhere need
// not.
func blobsOf(config v1.Descriptor, layers []v1.Descriptor) []string {
	out := []string{config.Digest.String()}
	for _, l := range layers {
		if len(l.URLs) == 0 || l.MediaType.IsDistributable() {
			out = append(out, l.Digest.String())
		}
	}
	return out
}

func digestOf(raw []byte) string { return fmt.Sprintf("sha256:%x", sha256.Sum256(raw)) }

// missingError says what a manifest refers to and the repository lacks.
type missingError struct {
	digests   []string
	manifests bool // they are manifests, not blobs
}

func (e *missingError) Error() string {
	return "not in the repository: " + strings.Join(e.digests, ", ")
}

// put stores a manifest in a repository, and moves the tag, if there is one, to it. It says whether
// there is anything new.
func (s *Service) put(repo string, m manifest, tag string) (added bool, err error) {
	err = s.update(repo, func(b *bbolt.Bucket, r *repository) error {
		size, err := m.check(b)
		if err != nil {
			return err
		}
		images, tags := b.Bucket(imagesBucket), b.Bucket(tagsBucket)
		if images.Get([]byte(m.digest)) == nil {
			added = true
			i := image{MediaType: string(m.mediaType), Manifest: m.raw, Pushed: s.cfg.Clock.Now().UTC(), Size: size}
			if err := store.PutJSON(images, m.digest, i); err != nil {
				return err
			}
		}
		if tag == "" {
			return nil
		}
		before := tags.Get([]byte(tag))
		if bytes.Equal(before, []byte(m.digest)) {
			return nil
		}
		if before != nil && r.Immutable {
			return failure("ImageTagAlreadyExistsException", "The image tag '%s' already exists in the '%s' repository and cannot be overwritten because the repository is immutable.", tag, repo)
		}
		added = true
		return tags.Put([]byte(tag), []byte(m.digest))
	})
	return added && err == nil, err
}

// check finds what a manifest refers to in its repository and adds up its size.
func (m manifest) check(b *bbolt.Bucket) (size int64, err error) {
	var missing []string
	for _, digest := range m.blobs {
		l, found, err := store.GetJSON[layer](b.Bucket(layersBucket), digest)
		if err != nil {
			return 0, err
		}
		if !found {
			missing = append(missing, digest)
		}
		size += l.Size
	}
	if missing != nil {
		return 0, &missingError{digests: slices.Compact(missing)}
	}
	for _, digest := range m.children {
		i, found, err := store.GetJSON[image](b.Bucket(imagesBucket), digest)
		if err != nil {
			return 0, err
		}
		if !found {
			missing = append(missing, digest)
		}
		size += i.Size
	}
	if missing != nil {
		return 0, &missingError{digests: missing, manifests: true}
	}
	return size, nil
}

// link makes a blob that is stored part of a repository.
func (s *Service) link(repo, digest string, size int64) error {
	return s.update(repo, func(b *bbolt.Bucket, _ *repository) error {
		return store.PutJSON(b.Bucket(layersBucket), digest, layer{size, s.cfg.Clock.Now().UTC()})
	})
}

// layer is a blob of a repository.
func (s *Service) layer(repo, digest string) (l layer, found bool, err error) {
	err = s.view(repo, func(b *bbolt.Bucket) error {
		l, found, err = store.GetJSON[layer](b.Bucket(layersBucket), digest)
		return err
	})
	return l, found, err
}

// find is an image of a repository by tag or digest.
func find(b *bbolt.Bucket, reference string) (digest string, i image, found bool, err error) {
	digest = reference
	if !strings.Contains(reference, ":") {
		digest = string(b.Bucket(tagsBucket).Get([]byte(reference)))
	}
	if digest == "" {
		return "", image{}, false, nil
	}
	i, found, err = store.GetJSON[image](b.Bucket(imagesBucket), digest)
	return digest, i, found, err
}

// dropLayers removes blobs from a repository that none of its images needs any more, but for those that a
// push may have just brought, and returns them.
func (s *Service) dropLayers(b *bbolt.Bucket) (dropped []string, err error) {
	needed := map[string]bool{}
	images := b.Bucket(imagesBucket)
	for _, digest := range keys(images) {
		i, _, err := store.GetJSON[image](images, digest)
		if err != nil {
			return nil, err
		}
		m, err := parseManifest(i.Manifest, i.MediaType)
		if err != nil {
			return nil, fmt.Errorf("image %s: %w", digest, err)
		}
		for _, blob := range m.blobs {
			needed[blob] = true
		}
	}
	layers := b.Bucket(layersBucket)
	for _, digest := range keys(layers) {
		l, _, err := store.GetJSON[layer](layers, digest)
		if err != nil {
			return nil, err
		}
		if needed[digest] || s.cfg.Clock.Now().Sub(l.Added) < layerGrace {
			continue
		}
		dropped = append(dropped, digest)
		if err := layers.Delete([]byte(digest)); err != nil {
			return nil, err
		}
	}
	return dropped, nil
}

// sweep removes the files of blobs that belong to no repository any more.
func (s *Service) sweep(digests []string) error {
	return s.blobs.remove(digests, func(digest string) (used bool, err error) {
		err = s.cfg.DB.Bolt().View(func(tx *bbolt.Tx) error {
			root := tx.Bucket(rootBucket)
			for _, name := range keys(root) {
				used = used || root.Bucket([]byte(name)).Bucket(layersBucket).Get([]byte(digest)) != nil
			}
			return nil
		})
		return used, err
	})
}
