package flow

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/scar-go/scar/applier"
	"github.com/scar-go/scar/planner"
	"github.com/scar-go/scar/spec"
)

// Save writes a plan so that it can be applied later. The file is readable by its owner only: a plan
// holds the values of environment variables. It is complete or not there at all.
func (p *Planned) Save(path string, source planner.Source) error {
	plan := *p.Plan
	plan.Source = &source
	content, err := json.MarshalIndent(&plan, "", "  ")
	if err != nil {
		return fmt.Errorf("save plan: %w", err)
	}
	if err := writePrivate(path, append(content, '\n')); err != nil {
		return fmt.Errorf("save plan: %w", err)
	}
	return nil
}

// writePrivate replaces a file in one step; a symbolic link stays one. What is no file, such as
// /dev/stdout or a named pipe, is written to and left in its place.
func writePrivate(path string, content []byte) error {
	if real, err := filepath.EvalSymlinks(path); err == nil {
		path = real
	}
	if info, err := os.Stat(path); err == nil && !info.Mode().IsRegular() {
		return writeInto(path, content)
	}
	temp, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+"-*") // mode 0600
	if err != nil {
		return err
	}
	_, err = temp.Write(content)
	err = errors.Join(err, temp.Close())
	if err == nil {
		err = os.Rename(temp.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(temp.Name()))
	}
	return nil
}

func writeInto(path string, content []byte) error {
	file, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = file.Write(content)
	return errors.Join(err, file.Close())
}

// Load reads a saved plan.
func Load(path string) (*planner.Plan, error) {
	content, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read plan: %w", err)
	}
	var p planner.Plan
	if err := json.Unmarshal(content, &p); err != nil {
		return nil, fmt.Errorf("%s is no plan of scar's: %w", path, err)
	}
	if p.Source == nil {
		return nil, fmt.Errorf("%s was not saved by scar plan --out: it does not say what it was made from", path)
	}
	return &p, nil
}

// Resume makes a saved plan ready to be applied: it assembles the images that the plan pushes again,
// from the files as they are, and refuses if one is not what was planned, if a secret that the plan stores is
// another one, or if the account has moved since. load reads the files that the plan was made from; it is asked only
// if images are to be pushed or secrets stored.
func (a *Account) Resume(ctx context.Context, p *planner.Plan, load func() (*spec.File, error)) (*Planned, error) {
	naming, err := a.identify(ctx)
	if err != nil {
		return nil, err
	}
	if naming.Account != p.Account || naming.Region != p.Region {
		return nil, fmt.Errorf("the plan is for account %s, region %s; these credentials are for account %s, region %s", p.Account, p.Region, naming.Account, naming.Region)
	}
	carried, err := a.carry(ctx, p, load)
	if err != nil {
		return nil, err
	}
	cloud := a.cloud(p.Project, naming, carried)
	if err := applier.Check(ctx, cloud, p); err != nil {
		return nil, explainCall(err)
	}
	return &Planned{Plan: p, account: a, cloud: cloud}, nil
}

// carry makes again what a plan names by digests only, from the files, as far as the plan needs it.
func (a *Account) carry(ctx context.Context, p *planner.Plan, load func() (*spec.File, error)) (carried, error) {
	planned, stores := map[string]planner.Image{}, false
	for _, c := range p.Changes {
		switch after := c.After.(type) {
		case planner.Image:
			if writes(c.Action) {
				planned[c.Name] = after
			}
		case planner.Parameter:
			stores = stores || writes(c.Action)
		}
	}
	if len(planned) == 0 && !stores {
		return carried{}, nil
	}
	f, err := load()
	if err != nil {
		return carried{}, err
	}
	if err := a.checkSecretsOf(ctx, f, p); err != nil {
		return carried{}, err
	}
	images, err := a.rebuild(ctx, planned, f)
	return carried{images.byDigest(), broughtBy(f)}, err
}

// rebuild assembles the images that a plan pushes.
func (a *Account) rebuild(ctx context.Context, planned map[string]planner.Image, f *spec.File) (*built, error) {
	for name := range planned {
		if !slices.ContainsFunc(f.Functions, func(fn spec.Function) bool { return fn.Name == name }) {
			return nil, fmt.Errorf("the file does not describe function %s any more: plan again", name)
		}
	}
	images, err := a.build(ctx, f, func(function string) bool { _, wanted := planned[function]; return wanted })
	if err != nil {
		return nil, err
	}
	var moved []error
	for _, fn := range f.Functions {
		want, wanted := planned[fn.Name]
		if got := images.values[fn.Name]; wanted && got.Digest != want.Digest {
			moved = append(moved, fmt.Errorf("function %s: the image is not the planned one any more (its %s): plan again", fn.Name, differing(want.Parts, got.Parts)))
		}
	}
	return images, join(moved)
}

// writes says whether an action stores the value that a plan has for a resource.
func writes(a planner.Action) bool {
	switch a {
	case planner.Create, planner.Update, planner.Replace, planner.Adopt:
		return true
	default:
		return false
	}
}

// differing names the first part that differs.
func differing(a, b planner.Parts) string {
	switch {
	case a.Base != b.Base:
		return "base image differs"
	case a.Runtime != b.Runtime:
		return "runtime differs: this is another scar than the one that planned"
	case a.Files != b.Files:
		return "files differ"
	case a.Script != b.Script:
		return "script differs"
	case a.Job != b.Job:
		return "job differs"
	default:
		return "configuration differs"
	}
}
