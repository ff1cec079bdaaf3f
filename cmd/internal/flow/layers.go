package flow

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"path"
	"strings"
	"sync"

	"github.com/scar-go/scar/image"
	embedded "github.com/scar-go/scar/runtime"
	"github.com/scar-go/scar/runtime/job"
	"github.com/scar-go/scar/spec"
)

// added is the number of layers that scar puts on a base image. Their positions are fixed, so that a
// manifest alone says which of them changed: runtime, files, script, job.
const added = 4

// layersOf makes the layers of one function. All four are always there: one that is empty holds its
// folder, or the folder above.
func layersOf(ctx context.Context, r *runtimes, fn *spec.Function, j *job.Job, arch string) ([]*image.Layer, error) {
	runtime, err := r.layer(arch)
	if err != nil {
		return nil, err
	}
	files, err := image.NewLayer(ctx, filesEntries(fn.Files))
	if err != nil {
		return nil, fmt.Errorf("files: %w", err)
	}
	script, err := image.NewLayer(ctx, scriptEntries(fn.Script))
	if err != nil {
		return nil, fmt.Errorf("script: %w", err)
	}
	description, err := j.Marshal()
	if err != nil {
		return nil, err
	}
	last, err := image.NewLayer(ctx, []image.Entry{inMemory(job.DescriptionPath, 0o644, description)})
	if err != nil {
		return nil, fmt.Errorf("job: %w", err)
	}
	return []*image.Layer{runtime, files, script, last}, nil
}

// runtimes are the layers with scar's runtime, made once for each architecture: checking the digest of
// one takes longer than all else that a function needs.
type runtimes struct {
	mu    sync.Mutex
	known map[string]*image.Layer
}

func (r *runtimes) layer(arch string) (*image.Layer, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if layer := r.known[arch]; layer != nil {
		return layer, nil
	}
	blob, digest, diffID, err := embedded.Layer(goArch(arch))
	if err != nil {
		return nil, err
	}
	layer, err := image.LayerFromBlob(blob, digest, diffID, 0)
	if err != nil {
		return nil, err
	}
	if r.known == nil {
		r.known = map[string]*image.Layer{}
	}
	r.known[arch] = layer
	return layer, nil
}

// goArch is Go's name of one of Lambda's architectures.
func goArch(arch string) string {
	if arch == "x86_64" {
		return "amd64"
	}
	return arch
}

func filesEntries(files []spec.Entry) []image.Entry {
	entries := []image.Entry{{Name: inImage(job.FilesPath), Dir: true}}
	for _, f := range files {
		e := image.Entry{Name: path.Join(inImage(job.FilesPath), f.Name), Mode: 0o644}
		if f.Exec {
			e.Mode = 0o755
		}
		if f.Target != "" {
			e.Link = f.Target
		} else {
			e.Size = f.Size
			e.Open = func() (io.ReadCloser, error) { return os.Open(f.Path) }
		}
		entries = append(entries, e)
	}
	return entries
}

func scriptEntries(s *spec.Script) []image.Entry {
	if s == nil {
		return []image.Entry{{Name: inImage(job.Root), Dir: true}}
	}
	return []image.Entry{inMemory(job.ScriptPath, 0o755, s.Content)}
}

func inMemory(name string, mode os.FileMode, content []byte) image.Entry {
	return image.Entry{
		Name: inImage(name), Mode: mode, Size: int64(len(content)),
		Open: func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(content)), nil },
	}
}

// inImage is a path of the running image as archives name it: relative to the root.
func inImage(absolute string) string { return strings.TrimPrefix(absolute, "/") }
