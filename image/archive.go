package image

import (
	"archive/tar"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"sync"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

const (
	maxArchive = 2 * maxUncompressed // bytes of an archive, uncompressed
	maxMembers = 1 << 16             // files in an archive; a layer is one file
	maxLinks   = 8                   // links to follow from one name
)

// archive are the files of a tar archive: a docker save archive or an OCI archive, compressed as a whole
// or not. They are read where they lie; a compressed archive is unpacked, as a whole and into the cache,
// while somebody holds it.
type archive struct {
	path  string
	cache cache
	state archiveState

	mu      sync.Mutex
	holders int
	file    *os.File // the plain tar; nil while nobody holds it
	temp    bool     // file is to be removed
	members map[string]member
}

// archiveState tells whether a file is still the same without reading it.
type archiveState struct {
	Size  int64
	MTime time.Time
}

// member is where the content of a file of an archive lies, or which other one it is a link to.
type member struct {
	offset, size int64
	link         string
}

func newArchive(name string, c cache) (*archive, error) {
	state, err := stateOf(name)
	if err != nil {
		return nil, err
	}
	return &archive{path: name, cache: c, state: state}, nil
}

func stateOf(name string) (archiveState, error) {
	info, err := os.Stat(name)
	if err != nil {
		return archiveState{}, err
	}
	if !info.Mode().IsRegular() {
		return archiveState{}, errors.New("it is neither a file nor a folder")
	}
	return archiveState{info.Size(), info.ModTime().UTC()}, nil
}

// compressed reports whether the archive is compressed as a whole.
func (a *archive) compressed() (bool, error) {
	f, err := os.Open(a.path)
	if err != nil {
		return false, err
	}
	defer f.Close()
	magic := make([]byte, magicSize)
	if _, err := io.ReadFull(f, magic); err != nil {
		return false, errors.New("it is too short for an archive")
	}
	return compressionOf(magic) != plain, nil
}

func (a *archive) hold(ctx context.Context) (func(), error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.file == nil {
		if err := a.acquire(ctx); err != nil {
			return nil, err
		}
	}
	a.holders++
	return sync.OnceFunc(a.release), nil
}

func (a *archive) acquire(ctx context.Context) error {
	now, err := stateOf(a.path)
	if err != nil {
		return err
	}
	if now != a.state {
		return errors.New("it changed after it was first read: plan again")
	}
	squeezed, err := a.compressed()
	if err != nil {
		return err
	}
	var file *os.File
	if squeezed {
		file, err = a.unpack(ctx)
	} else {
		file, err = os.Open(a.path)
	}
	if err != nil {
		return err
	}
	members, err := list(ctx, file)
	a.file, a.temp, a.members = file, squeezed, members
	if err != nil {
		a.drop()
		return err
	}
	return nil
}

func (a *archive) release() {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.holders--; a.holders == 0 {
		a.drop()
	}
}

func (a *archive) drop() {
	_ = a.file.Close() // only read, or thrown away
	if a.temp {
		_ = os.Remove(a.file.Name()) // the cache removes it later if this fails
	}
	a.file = nil
}

// unpack decompresses the archive into a temporary file.
func (a *archive) unpack(ctx context.Context) (*os.File, error) {
	packed, err := os.Open(a.path)
	if err != nil {
		return nil, err
	}
	defer packed.Close()
	content, err := decompress(contextReader{ctx, packed})
	if err != nil {
		return nil, err
	}
	defer content.Close()
	f, err := a.cache.temp()
	if err != nil {
		return nil, err
	}
	n, err := io.Copy(cacheWriter{f, a.cache}, io.LimitReader(content, maxArchive+1))
	if err == nil && n > maxArchive {
		err = fmt.Errorf("it holds more than %d GB", maxArchive>>30)
	}
	if err != nil {
		_ = f.Close()           // thrown away
		_ = os.Remove(f.Name()) // the cache removes it later if this fails
		return nil, fmt.Errorf("decompress it: %w", err)
	}
	return f, nil
}

// list finds the files of a tar archive. It skips over their contents.
func list(ctx context.Context, f *os.File) (map[string]member, error) {
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return nil, err
	}
	members := map[string]member{}
	archive := tar.NewReader(f)
	for count := 0; ; count++ {
		header, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return members, ctx.Err()
		}
		if err != nil {
			return nil, fmt.Errorf("read it as a tar archive: %w", err)
		}
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if count == maxMembers {
			return nil, fmt.Errorf("it holds more than %d files", maxMembers)
		}
		// The reader reads no further than the header, so this is where the content begins.
		offset, err := f.Seek(0, io.SeekCurrent)
		if err != nil {
			return nil, err
		}
		name := path.Clean(header.Name)
		switch header.Typeflag {
		case tar.TypeReg:
			members[name] = member{offset: offset, size: header.Size}
		case tar.TypeLink:
			members[name] = member{link: path.Clean(header.Linkname)}
		case tar.TypeSymlink:
			members[name] = member{link: path.Join(path.Dir(name), header.Linkname)}
		}
	}
}

// open opens a file of the archive. Names are looked up in the archive alone, links included.
func (a *archive) open(ctx context.Context, name string) (io.ReadCloser, int64, error) {
	release, err := a.hold(ctx)
	if err != nil {
		return nil, 0, err
	}
	m, known := a.members[path.Clean(name)]
	for range maxLinks {
		if !known || m.link == "" {
			break
		}
		m, known = a.members[m.link]
	}
	if !known || m.link != "" {
		release()
		return nil, 0, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
	}
	return &section{io.NewSectionReader(a.file, m.offset, m.size), release}, m.size, nil
}

// section is an open file of an archive.
type section struct {
	io.Reader
	release func()
}

func (s *section) Close() error {
	s.release()
	return nil
}

// findInArchive finds the image of an archive. What it found in a compressed one is noted in the cache,
// so that the archive need not be unpacked again.
func findInArchive(ctx context.Context, a *archive, wanted []string) (*found, error) {
	squeezed, err := a.compressed()
	if err != nil {
		return nil, err
	}
	if !squeezed {
		return findUnpacked(ctx, a, wanted)
	}
	key := fmt.Sprintf("archive v1 %q %d %s %q", a.path, a.state.Size, a.state.MTime.Format(time.RFC3339Nano), wanted)
	image := &found{}
	if a.cache.note(key, image) {
		image.open, image.hold = a.openLayer, a.hold
		return image, nil
	}
	if image, err = findUnpacked(ctx, a, wanted); err != nil {
		return nil, err
	}
	return image, a.cache.setNote(key, image)
}

func findUnpacked(ctx context.Context, a *archive, wanted []string) (*found, error) {
	release, err := a.hold(ctx)
	if err != nil {
		return nil, err
	}
	defer release()
	// Docker writes both forms into one archive since version 25; the OCI form has the manifest.
	_, docker := a.members["manifest.json"]
	_, oci := a.members["index.json"]
	if _, marked := a.members["oci-layout"]; oci && (marked || !docker) {
		return findInLayout(ctx, a, wanted)
	}
	if !docker {
		return nil, errors.New("it is neither a docker save archive (manifest.json) nor an OCI archive (index.json)")
	}
	return findInDockerSave(ctx, a)
}

// findInDockerSave finds the image of a docker save archive, which has no manifest in the sense of
// registries: its layers are known by their uncompressed content.
func findInDockerSave(ctx context.Context, a *archive) (*found, error) {
	b, err := readFile(ctx, a, "manifest.json")
	if err != nil {
		return nil, err
	}
	var images []struct {
		Config   string
		RepoTags []string
		Layers   []string
	}
	if err := json.Unmarshal(b, &images); err != nil {
		return nil, fmt.Errorf("read its manifest.json: %w", err)
	}
	if len(images) != 1 {
		var tags []string
		for _, i := range images {
			tags = append(tags, i.RepoTags...)
		}
		return nil, fmt.Errorf("it holds %d images (%q): save one image into one archive", len(images), tags)
	}
	config, err := readFile(ctx, a, images[0].Config)
	if err != nil {
		return nil, fmt.Errorf("read its configuration: %w", err)
	}
	parsed, err := v1.ParseConfigFile(bytes.NewReader(config))
	if err != nil {
		return nil, fmt.Errorf("read its configuration: %w", err)
	}
	if got, want := len(images[0].Layers), len(parsed.RootFS.DiffIDs); got != want {
		return nil, fmt.Errorf("it is damaged: it holds %d layers, and its configuration lists %d", got, want)
	}
	image := &found{Family: types.DockerManifestSchema2, Config: config}
	for i, name := range images[0].Layers {
		rc, size, err := a.open(ctx, name)
		if err != nil {
			return nil, fmt.Errorf("find its layer %d: %w", i+1, err)
		}
		_ = rc.Close() // only looked up
		image.Layers = append(image.Layers, foundLayer{
			Descriptor: v1.Descriptor{Size: size, Digest: parsed.RootFS.DiffIDs[i]}, Name: name,
		})
	}
	image.open, image.hold = a.openLayer, a.hold
	return image, nil
}

// openLayer opens a layer by its digest, or by its name where it has none.
func (a *archive) openLayer(ctx context.Context, l foundLayer) (io.ReadCloser, error) {
	if l.Name == "" {
		return layout{a}.blob(ctx, l.Descriptor)
	}
	rc, _, err := a.open(ctx, l.Name)
	return rc, err
}
