package image

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/partial"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	registryerr "github.com/google/go-containerregistry/pkg/v1/remote/transport"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"golang.org/x/sync/errgroup"
)

const (
	maxLooks   = 8 // questions to a registry at once, whether it has a blob
	maxUploads = 4 // uploads at once, of one image
)

// Target is the repository that an image is pushed to.
type Target struct {
	Host       string // of the registry, with the port if it is not the protocol's own
	Repository string

	// Auth has the credentials. The default is none.
	Auth authn.Authenticator

	// Transport carries requests. The default is like [http.DefaultTransport].
	Transport http.RoundTripper

	// PlainHTTP allows the registry to be without TLS. Registries on this machine need no permission.
	PlainHTTP bool
}

func (t Target) repository() (name.Repository, error) {
	var opts []name.Option
	if t.PlainHTTP || loopback(t.Host) {
		opts = append(opts, name.Insecure)
	}
	registry, err := name.NewRegistry(t.Host, opts...)
	if err != nil {
		return name.Repository{}, fmt.Errorf("registry %q: %w", t.Host, err)
	}
	if t.Host == "" || t.Repository == "" {
		return name.Repository{}, errors.New("a push needs a registry and a repository")
	}
	return registry.Repo(t.Repository), nil
}

func (t Target) options() []remote.Option {
	auth := t.Auth
	if auth == nil {
		auth = authn.Anonymous
	}
	return append(registryOptions(newTransport(t.Transport, t.PlainHTTP)), remote.WithAuth(auth))
}

// PushBlobs sends an image's configuration and those of its layers that a repository lacks. Layers stream from
// where they are, without touching the disk; one that the same registry has in another repository is only
// mounted. The manifest is not sent: see [PushManifest].
//
// report, if not nil, is told the bytes sent and the bytes to send: of what is missing only. It is called by
// one goroutine at a time. Where nothing is missing it is not called. done can go back when an upload breaks
// and starts anew, and total shrinks by what could be mounted or was sent by another push meanwhile.
//
// Images may be pushed at the same time; blobs that they share are sent once, if their bases are of one [Resolver].
// After an error call it again: it goes on with the blobs that are still missing.
func PushBlobs(ctx context.Context, img *Image, to Target, report func(done, total int64)) error {
	repo, err := to.repository()
	if err != nil {
		return err
	}
	missing, err := lacking(ctx, repo, to, img.blobs)
	if err != nil {
		return fmt.Errorf("ask %s what it has: %w", repo.Name(), err)
	}
	pusher, err := remote.NewPusher(to.options()...)
	if err != nil {
		return err
	}
	progress := newProgress(missing, report)
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(maxUploads)
	for _, b := range missing {
		group.Go(func() error {
			u := &upload{blob: b, ctx: ctx, progress: progress}
			if err := u.inTurn(img.turns, pusher, repo); err != nil {
				return fmt.Errorf("push %s (%d bytes) to %s: %w", b.desc.Digest, b.desc.Size, repo.Name(), err)
			}
			return nil
		})
	}
	return group.Wait()
}

// lacking are the blobs, each once, that a repository does not have.
func lacking(ctx context.Context, repo name.Repository, to Target, blobs []blob) ([]blob, error) {
	puller, err := remote.NewPuller(to.options()...)
	if err != nil {
		return nil, err
	}
	var once []blob
	seen := map[v1.Hash]bool{}
	for _, b := range blobs {
		if !seen[b.desc.Digest] {
			seen[b.desc.Digest] = true
			once = append(once, b)
		}
	}
	has := make([]bool, len(once))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(maxLooks)
	for i, b := range once {
		group.Go(func() error {
			layer, err := puller.Layer(ctx, repo.Digest(b.desc.Digest.String()))
			if err != nil {
				return err
			}
			has[i], err = partial.Exists(layer)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	var missing []blob
	for i, b := range once {
		if !has[i] {
			missing = append(missing, b)
		}
	}
	return missing, nil
}

// upload sends one blob. It is the library's view of it, too.
type upload struct {
	blob     blob
	ctx      context.Context // of the push; the library's interface has no place for one
	progress *progress
}

// inTurn sends the blob, or finds it sent when its turn comes.
func (u *upload) inTurn(t *turns, pusher *remote.Pusher, repo name.Repository) error {
	end, err := t.take(u.ctx, repo.Name()+"@"+u.blob.desc.Digest.String())
	if err != nil {
		return err
	}
	defer end()
	return u.run(pusher, repo)
}

// run sends the blob, anew as often as the retry policy allows where the transfer breaks.
func (u *upload) run(pusher *remote.Pusher, repo name.Repository) error {
	layer, err := partial.CompressedToLayer(u)
	if err != nil {
		return err
	}
	if from := u.blob.repo; from != nil && from.Registry.Name() == repo.Registry.Name() {
		layer = &remote.MountableLayer{Layer: layer, Reference: from.Digest(u.blob.desc.Digest.String())}
	}
	for attempt := 0; ; attempt++ {
		err := pusher.Upload(u.ctx, repo, layer)
		if err == nil {
			u.progress.finish(u.blob.desc)
			return nil
		}
		asked, again := restartable(err)
		if !again || attempt == tries-1 || u.ctx.Err() != nil {
			return err
		}
		if err := pause(u.ctx, attempt, asked.asked); err != nil {
			return err
		}
	}
}

// restartable reports whether an upload that failed may work when it starts anew: the transfer broke, or the
// registry has lost the upload that was begun.
func restartable(err error) (brokenUpload, bool) {
	var broken *brokenUpload
	if errors.As(err, &broken) {
		return *broken, true
	}
	var answer *registryerr.Error
	if errors.As(err, &answer) {
		for _, d := range answer.Errors {
			if d.Code == registryerr.BlobUploadUnknownErrorCode || d.Code == registryerr.BlobUploadInvalidErrorCode {
				return brokenUpload{}, true
			}
		}
	}
	return brokenUpload{}, false
}

// Digest implements [partial.CompressedLayer].
func (u *upload) Digest() (v1.Hash, error) { return u.blob.desc.Digest, nil }

// Size implements [partial.CompressedLayer].
func (u *upload) Size() (int64, error) { return u.blob.desc.Size, nil }

// MediaType implements [partial.CompressedLayer].
func (u *upload) MediaType() (types.MediaType, error) { return u.blob.desc.MediaType, nil }

// Compressed implements [partial.CompressedLayer]. Each call starts the transfer from its beginning.
func (u *upload) Compressed() (io.ReadCloser, error) {
	rc, err := u.blob.open(u.ctx)
	if err != nil {
		return nil, fmt.Errorf("open it: %w", err)
	}
	u.progress.restart(u.blob.desc)
	return &uploadReader{rc, u}, nil
}

type uploadReader struct {
	io.ReadCloser
	of *upload
}

func (r *uploadReader) Read(p []byte) (int, error) {
	n, err := r.ReadCloser.Read(p)
	r.of.progress.sent(r.of.blob.desc, n)
	return n, err
}

// progress adds up what the uploads of one push have sent.
type progress struct {
	mu     sync.Mutex
	done   map[v1.Hash]int64
	sum    int64
	total  int64
	report func(done, total int64)
}

func newProgress(missing []blob, report func(done, total int64)) *progress {
	p := &progress{done: map[v1.Hash]int64{}, report: report}
	for _, b := range missing {
		p.total += b.desc.Size
	}
	if p.total > 0 {
		p.tell()
	}
	return p
}

func (p *progress) tell() {
	if p.report != nil {
		p.report(p.sum, p.total)
	}
}

func (p *progress) sent(d v1.Descriptor, n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.done[d.Digest] += int64(n)
	p.sum += int64(n)
	p.tell()
}

func (p *progress) restart(d v1.Descriptor) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.done[d.Digest] == 0 {
		return
	}
	p.sum -= p.done[d.Digest]
	p.done[d.Digest] = 0
	p.tell()
}

// finish takes out of the total what did not have to be sent after all.
func (p *progress) finish(d v1.Descriptor) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if unsent := d.Size - p.done[d.Digest]; unsent != 0 {
		p.total -= unsent
		p.tell()
	}
}

// PushManifest sends an image's manifest to a registry under a tag, after its blobs are there.
func PushManifest(ctx context.Context, img *Image, to Target, tag string) error {
	repo, err := to.repository()
	if err != nil {
		return err
	}
	pusher, err := remote.NewPusher(to.options()...)
	if err != nil {
		return err
	}
	if err := pusher.Put(ctx, repo.Tag(tag), document{img}); err != nil {
		return fmt.Errorf("push manifest %s to %s: %w", img.Digest(), repo.Tag(tag).Name(), err)
	}
	return nil
}

// document is an image's manifest as the library wants it.
type document struct{ image *Image }

// RawManifest implements [remote.Taggable].
func (d document) RawManifest() ([]byte, error) { return d.image.manifest, nil }

// MediaType tells the library what the manifest is.
func (d document) MediaType() (types.MediaType, error) { return d.image.family.manifest, nil }
