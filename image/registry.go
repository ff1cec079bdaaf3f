package image

import (
	"context"
	"fmt"
	"io"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
)

// maxPulls bounds the downloads of one resolver that are under way at once.
const maxPulls = 16

// repository is a source in a registry.
type repository struct {
	puller *remote.Puller
	repo   name.Repository
}

// parseReference reads a reference as docker does: Docker Hub and the tag latest where it names no other.
// Registries on this machine may be without TLS.
func parseReference(reference string) (name.Reference, error) {
	ref, err := name.ParseReference(reference)
	if err != nil {
		return nil, fmt.Errorf("it is no reference to an image: %w", err)
	}
	if loopback(ref.Context().RegistryStr()) {
		return name.ParseReference(reference, name.Insecure)
	}
	return ref, nil
}

func (r repository) manifest(ctx context.Context, d v1.Descriptor) ([]byte, error) {
	got, err := r.puller.Get(ctx, r.repo.Digest(d.Digest.String()))
	if err != nil {
		return nil, err
	}
	if len(got.Manifest) > maxMetadata {
		return nil, fmt.Errorf("its manifest is larger than %d MB", maxMetadata>>20)
	}
	return got.Manifest, nil
}

// blob opens a blob; the library checks its digest.
func (r repository) blob(ctx context.Context, d v1.Descriptor) (io.ReadCloser, error) {
	layer, err := r.puller.Layer(ctx, r.repo.Digest(d.Digest.String()))
	if err != nil {
		return nil, err
	}
	return layer.Compressed()
}

// gzipped goes by the media type, so that no layer is read.
func (r repository) gzipped(_ context.Context, d v1.Descriptor) (bool, error) {
	return isGzip(d.MediaType), nil
}

// findInRegistry finds the image that a reference names.
func findInRegistry(ctx context.Context, puller *remote.Puller, ref name.Reference, wanted []string) (*found, error) {
	from := repository{puller, ref.Context()}
	top, err := puller.Get(ctx, ref)
	if err != nil {
		return nil, err
	}
	if len(top.Manifest) > maxMetadata {
		return nil, fmt.Errorf("its manifest is larger than %d MB", maxMetadata>>20)
	}
	manifest, d, err := pick(ctx, from, top.Manifest, top.Descriptor, wanted)
	if err != nil {
		return nil, err
	}
	image, err := read(ctx, from, manifest, d)
	if err != nil {
		return nil, err
	}
	image.open = func(ctx context.Context, l foundLayer) (io.ReadCloser, error) { return from.blob(ctx, l.Descriptor) }
	image.hold = func(context.Context) (func(), error) { return func() {}, nil }
	return image, nil
}

// registryOptions leave retrying to our transport.
func registryOptions(t *transport) []remote.Option {
	return []remote.Option{
		remote.WithTransport(t),
		remote.WithRetryPredicate(func(error) bool { return false }),
		remote.WithRetryStatusCodes(),
		remote.WithJobs(maxPulls),
	}
}

func newPuller(t *transport, keychain authn.Keychain) (*remote.Puller, error) {
	return remote.NewPuller(append(registryOptions(t), remote.WithAuthFromKeychain(keychain))...)
}
