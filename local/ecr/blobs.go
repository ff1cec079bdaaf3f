package ecr

import (
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"path/filepath"
	"sync"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// blobs are the bytes of layers and configs, a file each, named by their digest, whatever
// repositories they belong to; and the uploads that are to become such.
type blobs struct {
	dir string

	// using is held for reading while a file becomes part of a repository, and for writing while one
	// that belongs to none is removed.
	using sync.RWMutex

	mu      sync.Mutex
	uploads map[string]*upload
}

// upload is a blob that is being uploaded.
type upload struct {
	mu    sync.Mutex
	id    string
	repo  string
	begun time.Time
	file  *os.File
	sum   hash.Hash
	size  int64
}

// uploadLifetime is how long a client has to finish an upload: what it began and left would hold a file
// open for ever.
const uploadLifetime = 24 * time.Hour

var (
	errNoUpload = errors.New("there is no such upload")
	errDigest   = errors.New("the content does not have the digest")
)

// openBlobs opens the directory. What uploads an earlier process left is removed: its clients have
// lost their connections.
func openBlobs(dir string) (*blobs, error) {
	b := &blobs{dir: dir, uploads: map[string]*upload{}}
	if err := os.RemoveAll(b.uploadDir()); err != nil {
		return nil, err
	}
	for _, d := range []string{b.uploadDir(), filepath.Join(dir, "sha256")} {
		if err := os.MkdirAll(d, 0o700); err != nil {
			return nil, err
		}
	}
	return b, nil
}

func (b *blobs) uploadDir() string { return filepath.Join(b.dir, "uploads") }

// path is the file of a blob. The digest must have been parsed, so that it is hexadecimal.
func (b *blobs) path(h v1.Hash) string {
	return filepath.Join(b.dir, h.Algorithm, h.Hex[:2], h.Hex)
}

// parseDigest reads a digest, which must be of SHA-256.
func parseDigest(text string) (v1.Hash, error) {
	h, err := v1.NewHash(text)
	if err != nil {
		return v1.Hash{}, err
	}
	if h.Algorithm != "sha256" {
		return v1.Hash{}, fmt.Errorf("digest %q: only sha256 is served", text)
	}
	return h, nil
}

func (b *blobs) open(h v1.Hash) (*os.File, error) { return os.Open(b.path(h)) }

// start begins an upload to a repository.
func (b *blobs) start(repo string) (*upload, error) {
	id := rand.Text()
	f, err := os.OpenFile(filepath.Join(b.uploadDir(), id), os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, fmt.Errorf("start upload: %w", err)
	}
	u := &upload{id: id, repo: repo, begun: time.Now(), file: f, sum: sha256.New()}
	for _, old := range b.add(u) {
		b.cancel(old)
	}
	return u, nil
}

// add notes an upload and returns those whose time is over.
func (b *blobs) add(u *upload) (over []*upload) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, other := range b.uploads {
		if time.Since(other.begun) > uploadLifetime {
			over = append(over, other)
		}
	}
	b.uploads[u.id] = u
	return over
}

// find is the upload of an id, which belongs to one repository.
func (b *blobs) find(repo, id string) (*upload, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	u := b.uploads[id]
	if u == nil || u.repo != repo {
		return nil, errNoUpload
	}
	return u, nil
}

// append adds what r yields, at an offset that must be where the upload stands; a negative one is
// wherever that is.
func (u *upload) append(r io.Reader, offset int64) (size int64, err error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if offset >= 0 && offset != u.size {
		return u.size, errOffset
	}
	n, err := io.Copy(io.MultiWriter(u.file, u.sum), r)
	u.size += n
	if err != nil {
		return u.size, fmt.Errorf("write upload: %w", err)
	}
	return u.size, nil
}

var errOffset = errors.New("the range does not begin where the upload ends")

// finish makes the upload the blob of a digest and calls link while the file cannot be removed.
func (b *blobs) finish(u *upload, want v1.Hash, link func(size int64) error) error {
	defer b.cancel(u)
	u.mu.Lock()
	defer u.mu.Unlock()
	if got := fmt.Sprintf("%x", u.sum.Sum(nil)); got != want.Hex {
		return fmt.Errorf("%w: it is sha256:%s, not %s", errDigest, got, want)
	}
	if err := u.file.Close(); err != nil {
		return fmt.Errorf("write blob %s: %w", want, err)
	}
	b.using.RLock()
	defer b.using.RUnlock()
	if err := os.MkdirAll(filepath.Dir(b.path(want)), 0o700); err != nil {
		return fmt.Errorf("write blob %s: %w", want, err)
	}
	if err := os.Rename(u.file.Name(), b.path(want)); err != nil {
		return fmt.Errorf("write blob %s: %w", want, err)
	}
	return link(u.size)
}

// cancel forgets an upload and removes what it left.
func (b *blobs) cancel(u *upload) {
	b.mu.Lock()
	delete(b.uploads, u.id)
	b.mu.Unlock()
	// The file is closed and gone if the upload has become a blob.
	_ = u.file.Close()
	_ = os.Remove(u.file.Name())
}

// remove removes the files of those digests that are not used any more.
func (b *blobs) remove(digests []string, used func(digest string) (bool, error)) error {
	b.using.Lock()
	defer b.using.Unlock()
	for _, digest := range digests {
		h, err := parseDigest(digest)
		if err != nil {
			return err
		}
		if inUse, err := used(digest); err != nil {
			return err
		} else if inUse {
			continue
		}
		if err := os.Remove(b.path(h)); err != nil && !errors.Is(err, os.ErrNotExist) {
			return fmt.Errorf("remove blob: %w", err)
		}
	}
	return nil
}
