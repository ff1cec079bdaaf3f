package image

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"sync"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// Source says where an image is: one of a reference and a path.
type Source struct {
	Reference string // to a registry, as docker pull takes it
	Path      string // of a docker save archive, an OCI archive (each may be compressed) or an OCI layout
}

// String is the reference or the path.
func (s Source) String() string {
	if s.Reference != "" {
		return s.Reference
	}
	return s.Path
}

// Base is an image for one platform, fit for Lambda, on which layers can be put.
type Base struct {
	Source Source

	// Digest is that of the image's manifest for this platform, as "sha256:…". A docker save archive has
	// no such manifest; its digest is of the one that a registry would get.
	Digest string

	Architecture string // x86_64 or arm64

	// What runs, from the image's configuration.
	Entrypoint []string
	Cmd        []string
	Env        []string // NAME=value
	WorkingDir string
	User       string

	// Layers are from the bottom up, as they go into an assembled image: all are gzip.
	Layers []BaseLayer

	family family
	config *v1.ConfigFile
	blobs  []blob
	turns  *turns

	listings *listings // of all bases of one resolver
}

// BaseLayer is a layer of a base.
type BaseLayer struct {
	Digest string // of the compressed bytes, "sha256:…"
	DiffID string // of the uncompressed bytes, "sha256:…"
	Size   int64  // bytes, compressed
}

// ResolverOptions configure a [Resolver].
type ResolverOptions struct {
	// CacheDir is a folder for converted layers: $XDG_CACHE_HOME/scar. Without one, images with layers
	// that have to be converted are an error.
	CacheDir string

	// Keychain has the credentials for registries. The default is docker's: its config.json and the
	// credential helpers that it names.
	Keychain authn.Keychain

	// Transport carries requests to registries. The default is like [http.DefaultTransport].
	Transport http.RoundTripper

	// PreferHost prefers this machine's architecture over x86_64 where an image has both and neither is
	// asked for.
	PreferHost bool

	// Converting, if set, is told how much has been read of the layers that are being converted, in
	// bytes as they are stored. Calls may come from several goroutines, for several sources.
	Converting func(s Source, done, total int64)
}

// Resolver finds images. It asks once for each: what it has found stays true for it, so make a new one
// for each plan. Its methods may be called from several goroutines.
type Resolver struct {
	opts   ResolverOptions
	cache  cache
	puller func() (*remote.Puller, error)
	turns  turns // for pushing what was found

	listings listings

	mu    sync.Mutex
	bases map[question]*answer
}

type question struct {
	source Source
	arch   string
}

// answer is what Resolve found; base and err are set when done is closed.
type answer struct {
	done chan struct{}
	base *Base
	err  error
}

// NewResolver makes a resolver. It reads nothing yet.
func NewResolver(opts ResolverOptions) *Resolver {
	if opts.Keychain == nil {
		opts.Keychain = authn.DefaultKeychain
	}
	return &Resolver{
		opts:     opts,
		cache:    cache{opts.CacheDir},
		listings: listings{cache: cache{opts.CacheDir}},
		puller: sync.OnceValues(func() (*remote.Puller, error) {
			return newPuller(newTransport(opts.Transport, false), opts.Keychain)
		}),
		bases: map[question]*answer{},
	}
}

// Resolve finds an image for an architecture: x86_64, arm64, or "" for what the image has, x86_64 if it
// has both. Of a registry it reads manifests and the configuration only, unless a layer is not gzip; such
// layers are converted into the cache, once.
//
// Errors name the image and say what to do where something can be done. They are about an image that
// cannot be found or reached, that may not be read, that has no fitting platform, or that Lambda would refuse.
func (r *Resolver) Resolve(ctx context.Context, s Source, arch string) (*Base, error) {
	q := question{s, arch}
	for {
		r.mu.Lock()
		a, known := r.bases[q]
		if !known {
			a = &answer{done: make(chan struct{})}
			r.bases[q] = a
		}
		r.mu.Unlock()
		if !known {
			a.base, a.err = r.resolve(ctx, s, arch)
			if a.err != nil {
				r.forget(q)
			}
			close(a.done)
			return a.base, a.err
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("image %q: %w", s, ctx.Err())
		case <-a.done:
		}
		// An end of the other caller's context is none of ours.
		if !errors.Is(a.err, context.Canceled) && !errors.Is(a.err, context.DeadlineExceeded) {
			return a.base, a.err
		}
		if err := ctx.Err(); err != nil {
			return nil, fmt.Errorf("image %q: %w", s, err)
		}
	}
}

func (r *Resolver) forget(q question) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.bases, q)
}

func (r *Resolver) resolve(ctx context.Context, s Source, arch string) (*Base, error) {
	host := ""
	if r.opts.PreferHost {
		host = runtime.GOARCH
	}
	wanted, err := wantedArchs(arch, host)
	if err != nil {
		return nil, fmt.Errorf("image %q: %w", s, err)
	}
	switch {
	case (s.Reference == "") == (s.Path == ""):
		return nil, errors.New("an image is given by one of a reference and a file")
	case s.Reference != "":
		return r.resolveReference(ctx, s, wanted)
	}
	return r.resolvePath(ctx, s, wanted)
}

func (r *Resolver) resolveReference(ctx context.Context, s Source, wanted []string) (*Base, error) {
	ref, err := parseReference(s.Reference)
	if err != nil {
		return nil, fmt.Errorf("image %q: %w", s, err)
	}
	puller, err := r.puller()
	if err != nil {
		return nil, fmt.Errorf("image %q: %w", s, err)
	}
	image, err := findInRegistry(ctx, puller, ref, wanted)
	if err != nil {
		return nil, explain(s, ref.Context().RegistryStr(), err)
	}
	base, err := r.settle(ctx, s, image, wanted)
	if err != nil {
		return nil, explain(s, ref.Context().RegistryStr(), err)
	}
	for i := range base.blobs {
		if image.Layers[i].Gzip {
			repo := ref.Context()
			base.blobs[i].repo = &repo
		}
	}
	return base, nil
}

func (r *Resolver) resolvePath(ctx context.Context, s Source, wanted []string) (*Base, error) {
	image, err := r.findInFiles(ctx, s.Path, wanted)
	if errors.Is(err, fs.ErrNotExist) {
		if _, missing := os.Stat(s.Path); missing != nil {
			return nil, fmt.Errorf("image %q: there is no such file or folder", s)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("image %q: %w", s, err)
	}
	base, err := r.settle(ctx, s, image, wanted)
	if err != nil {
		return nil, fmt.Errorf("image %q: %w", s, err)
	}
	return base, nil
}

func (r *Resolver) findInFiles(ctx context.Context, path string, wanted []string) (*found, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		return findInLayout(ctx, folder(path), wanted)
	}
	a, err := newArchive(path, r.cache)
	if err != nil {
		return nil, err
	}
	return findInArchive(ctx, a, wanted)
}

// settle makes a base of what was found, with every layer as gzip.
func (r *Resolver) settle(ctx context.Context, s Source, image *found, wanted []string) (*Base, error) {
	config, err := v1.ParseConfigFile(bytes.NewReader(image.Config))
	if err != nil {
		return nil, fmt.Errorf("read its configuration: %w", err)
	}
	if err := checkConfig(config, len(image.Layers), wanted); err != nil {
		return nil, err
	}
	conv := converter{cache: r.cache, report: func(done, total int64) {
		if r.opts.Converting != nil {
			r.opts.Converting(s, done, total)
		}
	}}
	converted, err := conv.all(ctx, image, config.RootFS.DiffIDs)
	if err != nil {
		return nil, err
	}
	base := &Base{
		Source:       s,
		Architecture: lambdaArch(config.Architecture),
		Entrypoint:   slices.Clone(config.Config.Entrypoint),
		Cmd:          slices.Clone(config.Config.Cmd),
		Env:          slices.Clone(config.Config.Env),
		WorkingDir:   config.Config.WorkingDir,
		User:         config.Config.User,
		family:       ociFamily,
		config:       config,
		turns:        &r.turns,
		listings:     &r.listings,
	}
	if image.Family == types.DockerManifestSchema2 {
		base.family = dockerFamily
	}
	for i, layer := range image.Layers {
		b := blob{desc: layer.Descriptor, diffID: config.RootFS.DiffIDs[i]}
		b.open = func(ctx context.Context) (io.ReadCloser, error) { return image.open(ctx, layer) }
		if p, isConverted := converted[i]; isConverted {
			b.desc = v1.Descriptor{MediaType: base.family.layer, Size: p.Size, Digest: p.Digest}
			b.uncompressed = p.Uncompressed
			b.open = conv.opener(image, i, p)
		}
		base.blobs = append(base.blobs, b)
		base.Layers = append(base.Layers, BaseLayer{b.desc.Digest.String(), b.diffID.String(), b.desc.Size})
	}
	if err := checkSize(base.blobs); err != nil {
		return nil, err
	}
	if image.Digest != nil {
		base.Digest = image.Digest.String()
		return base, nil
	}
	manifest, err := json.Marshal(newManifest(base.family, image.Config, base.blobs))
	if err != nil {
		return nil, err
	}
	base.Digest = digestOf(manifest).String()
	return base, nil
}

// registryOf is the host that a user knows a registry by.
func registryOf(host string) string {
	if host == name.DefaultRegistry {
		return "Docker Hub"
	}
	return host
}
