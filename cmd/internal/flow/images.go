package flow

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/hashicorp/go-multierror"
	"golang.org/x/sync/errgroup"

	"github.com/scar-go/scar/image"
	"github.com/scar-go/scar/planner"
	"github.com/scar-go/scar/runtime/job"
	"github.com/scar-go/scar/spec"
)

// built are the final images of a file's functions, by function.
type built struct {
	images        map[string]*image.Image
	values        map[string]planner.Image // Digest and Parts, for planner.Env
	architectures map[string]string
}

// byDigest is the form in which the applier looks images up.
func (b *built) byDigest() map[string]*image.Image {
	out := map[string]*image.Image{}
	if b != nil {
		for _, img := range b.images {
			out[img.Digest()] = img
		}
	}
	return out
}

// build resolves the base of every function that is wanted and puts scar's layers on it. All problems
// are reported at once. Nothing is pushed, and of a base in a registry only manifest and configuration
// are read.
func (a *Account) build(ctx context.Context, f *spec.File, wanted func(function string) bool) (*built, error) {
	out := &built{images: map[string]*image.Image{}, values: map[string]planner.Image{}, architectures: map[string]string{}}
	jobs := planner.Jobs(f)
	var mu sync.Mutex
	problems := make([]error, len(f.Functions))
	var group errgroup.Group
	group.SetLimit(a.settings.Parallelism)
	for i := range f.Functions {
		fn := &f.Functions[i]
		if !wanted(fn.Name) {
			continue
		}
		group.Go(func() error {
			img, base, err := a.buildOne(ctx, fn, jobs[i])
			if err != nil {
				problems[i] = placed(fn, err)
				return nil
			}
			value, err := valueOf(img)
			mu.Lock()
			defer mu.Unlock()
			problems[i] = err
			out.images[fn.Name], out.values[fn.Name], out.architectures[fn.Name] = img, value, base.Architecture
			return nil
		})
	}
	_ = group.Wait() // no function of the group returns an error: all of them are in problems
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	return out, join(problems)
}

// placed says which function an error is about and, where the file is to be changed, where in it that is.
func placed(fn *spec.Function, err error) error {
	err = fmt.Errorf("function %s: %w", fn.Name, err)
	var l lack
	if place := fn.Place(); place != "" && errors.As(err, &l) {
		err = fmt.Errorf("%s: %w", place, err)
	}
	return err
}

func (a *Account) buildOne(ctx context.Context, fn *spec.Function, j job.Job) (*image.Image, *image.Base, error) {
	base, err := a.resolver.Resolve(ctx, image.Source{Reference: fn.Image.Reference, Path: fn.Image.Path}, fn.Architecture)
	if err != nil {
		return nil, nil, err
	}
	if err := checkProgram(ctx, base, fn, &j); err != nil {
		return nil, nil, err
	}
	j.Entrypoint, j.Cmd, j.WorkingDir = base.Entrypoint, base.Cmd, base.WorkingDir
	layers, err := layersOf(ctx, &a.runtimes, fn, &j, base.Architecture)
	if err != nil {
		return nil, nil, err
	}
	img, err := image.Assemble(base, layers, []string{job.RuntimePath})
	if err != nil {
		return nil, nil, fmt.Errorf("assemble image: %w", err)
	}
	return img, base, nil
}

// valueOf is what the planner has to know of an image.
func valueOf(img *image.Image) (planner.Image, error) {
	base, layers, err := image.Parts(img.Manifest(), added)
	if err != nil {
		return planner.Image{}, fmt.Errorf("read parts of image: %w", err)
	}
	return planner.Image{Digest: img.Digest(), Parts: planner.Parts{
		Base: base, Runtime: layers[0], Files: layers[1], Script: layers[2], Job: layers[3],
	}}, nil
}

// join collects errors in the order given; nil where all are.
func join(errs []error) error {
	var all *multierror.Error
	for _, err := range errs {
		if err != nil {
			all = multierror.Append(all, err)
		}
	}
	return all.ErrorOrNil()
}
