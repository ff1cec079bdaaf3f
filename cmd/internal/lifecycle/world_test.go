// Package lifecycle tests what is true of every change that scar makes: after an apply there is nothing
// to do, after a crash one more apply gets there, and what belongs to others is as it was.
package lifecycle

import (
	"archive/tar"
	"bytes"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"

	"github.com/scar-go/scar/applier"
	"github.com/scar-go/scar/applier/aws"
	"github.com/scar-go/scar/image"
	"github.com/scar-go/scar/internal/localtest"
	"github.com/scar-go/scar/local"
	"github.com/scar-go/scar/local/clock"
	"github.com/scar-go/scar/local/sandbox"
	"github.com/scar-go/scar/planner"
	"github.com/scar-go/scar/spec"
)

func TestMain(m *testing.M) {
	sandbox.Main() // the backend's sandbox runs this binary again
	os.Exit(m.Run())
}

// world is an account, and what is needed to change it.
type world struct {
	t      testing.TB
	script *local.Script
	config sdk.Config // of somebody who may do everything
	caller sdk.Config // of who calls scar
	naming planner.Naming
	base   *image.Base
	arm    *image.Base // nil until something is made of it
	gaps   gaps

	digests *planner.Digests // that have been made
}

func (w *world) armBase() *image.Base {
	w.t.Helper()
	if w.arm == nil {
		w.arm = baseImage(w.t, "arm64")
	}
	return w.arm
}

func newWorld(t testing.TB) *world {
	t.Helper()
	return openWorld(t, t.TempDir(), baseImage(t, "amd64"), newQuickClock())
}

// quickClock goes sixty times as fast as others. AWS lets nobody make a queue again within a minute.
type quickClock struct{ start time.Time }

const quickness = 60

func newQuickClock() quickClock { return quickClock{start: time.Now()} }

// Now implements clock.Clock.
func (c quickClock) Now() time.Time { return c.start.Add(quickness * time.Since(c.start)) }

// After implements clock.Clock.
func (c quickClock) After(d time.Duration) <-chan time.Time { return time.After(d / quickness) }

// openWorld opens the account whose state is in a folder, empty at first.
func openWorld(t testing.TB, dir string, base *image.Base, now clock.Clock) *world {
	t.Helper()
	w := &world{t: t, script: local.NewScript(), base: base, gaps: localGaps, digests: &planner.Digests{}}
	endpoint := localtest.Serve(t, local.Options{Dir: dir, Script: w.script, Clock: now})
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	w.config = sdk.Config{
		HTTPClient:   &http.Client{Transport: transport},
		Region:       local.DefaultRegion,
		Credentials:  credentials.NewStaticCredentialsProvider(local.AdminAccessKey, local.AdminSecretKey, ""),
		BaseEndpoint: sdk.String(endpoint),
	}
	w.caller = w.config
	w.naming = planner.Naming{Partition: "aws", Account: local.DefaultAccount, Region: local.DefaultRegion}
	return w
}

// baseImage is a small image of a function's user. Files, by their names, make it another one.
func baseImage(t testing.TB, architecture string, files ...string) *image.Base {
	t.Helper()
	resolver := image.NewResolver(image.ResolverOptions{CacheDir: t.TempDir()})
	base, err := resolver.Resolve(t.Context(), image.Source{Path: baseLayout(t, architecture, files...)}, "")
	if err != nil {
		t.Fatal(err)
	}
	return base
}

// baseLayout writes such an image as an OCI layout and returns its folder.
func baseLayout(t testing.TB, architecture string, files ...string) string {
	t.Helper()
	img, err := mutate.ConfigFile(empty.Image, &v1.ConfigFile{
		OS: "linux", Architecture: architecture, RootFS: v1.RootFS{Type: "layers"},
	})
	if err != nil {
		t.Fatal(err)
	}
	layer, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) { return shellLayer(files) })
	if err != nil {
		t.Fatal(err)
	}
	img, err = mutate.AppendLayers(img, layer)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	index, err := layout.Write(dir, empty.Index)
	if err != nil {
		t.Fatal(err)
	}
	if err := index.AppendImage(img); err != nil {
		t.Fatal(err)
	}
	return dir
}

// shellLayer is an archive with as much of a shell as a plan looks for, and empty files.
func shellLayer(files []string) (io.ReadCloser, error) {
	const shell = "#!/bin/busybox"
	var b bytes.Buffer
	archive := tar.NewWriter(&b)
	for _, header := range []tar.Header{{Name: "bin/busybox", Mode: 0o755}, {Name: "bin/sh", Mode: 0o755, Size: int64(len(shell))}} {
		if err := archive.WriteHeader(&header); err != nil {
			return nil, err
		}
		if _, err := archive.Write([]byte(shell)[:header.Size]); err != nil {
			return nil, err
		}
	}
	for _, name := range files {
		if err := archive.WriteHeader(&tar.Header{Name: name, Mode: 0o644}); err != nil {
			return nil, err
		}
	}
	return io.NopCloser(&b), archive.Close()
}

// assemble makes an image as flow does: the base and four layers. parts are their contents.
func (w *world) assemble(base *image.Base, parts [4]string) (*image.Image, planner.Image) {
	w.t.Helper()
	layers := make([]*image.Layer, len(parts))
	for i, content := range parts {
		layer, err := image.NewLayer(w.t.Context(), []image.Entry{{
			Name: fmt.Sprintf("scar/part%d", i), Mode: 0o644, Size: int64(len(content)),
			Open: func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(content)), nil },
		}})
		if err != nil {
			w.t.Fatal(err)
		}
		layers[i] = layer
	}
	img, err := image.Assemble(base, layers, []string{"/scar/runtime"})
	if err != nil {
		w.t.Fatal(err)
	}
	baseDigest, added, err := image.Parts(img.Manifest(), len(parts))
	if err != nil {
		w.t.Fatal(err)
	}
	return img, planner.Image{Digest: img.Digest(), Parts: planner.Parts{
		Base: baseDigest, Runtime: added[0], Files: added[1], Script: added[2], Job: added[3],
	}}
}

// project is a file with its images.
type project struct {
	name    string
	desired planner.State
	images  map[string]*image.Image // by digest
	secrets map[string]string       // by the names of parameters
}

// project computes the desired state of a file.
func (w *world) project(f *spec.File) *project {
	w.t.Helper()
	p := &project{name: f.Project, images: map[string]*image.Image{}, secrets: map[string]string{}}
	env := planner.Env{
		Naming: w.naming, Version: "test", Images: map[string]planner.Image{}, Architectures: map[string]string{}, Parameters: map[string]string{},
	}
	for _, brought := range f.Parameters {
		p.secrets[brought.Name] = brought.Value.Reveal()
		env.Parameters[brought.Name] = w.digestOf(brought.Name, brought.Value.Reveal())
	}
	for _, fn := range f.Functions {
		script := ""
		if fn.Script != nil {
			script = string(fn.Script.Content)
		}
		base, architecture := w.base, "x86_64"
		if fn.Architecture == "arm64" {
			base, architecture = w.armBase(), "arm64"
		}
		img, value := w.assemble(base, [4]string{"runtime", fmt.Sprint(fn.Files), script, fn.Name})
		env.Images[fn.Name], env.Architectures[fn.Name] = value, architecture
		p.images[value.Digest] = img
	}
	desired, err := planner.Desired(f, env)
	if err != nil {
		w.t.Fatal(err)
	}
	p.desired = desired
	return p
}

// digestOf is the digest of a secret.
func (w *world) digestOf(parameter, secret string) string {
	w.t.Helper()
	digest, err := w.digests.Of(parameter, secret)
	w.must(err)
	return digest
}

func (w *world) cloud(p *project) *aws.Cloud {
	return aws.New(w.caller, aws.Options{
		Project: p.name, Naming: w.naming, Images: p.images, Parameters: p.secrets, Digests: w.digests, Pace: 2 * time.Millisecond, Settle: 5 * time.Second,
	})
}

// plan compares a project with the account.
func (w *world) plan(p *project, edits ...func(*planner.Options)) (*planner.Plan, error) {
	ctx := w.t.Context()
	cloud := w.cloud(p)
	found, err := cloud.Find(ctx, p.name)
	if err != nil {
		return nil, err
	}
	for a := range p.desired {
		found = append(found, a)
	}
	slices.SortFunc(found, planner.Address.Compare)
	live, err := cloud.Read(ctx, slices.Compact(found))
	if err != nil {
		return nil, err
	}
	opts := planner.Options{Project: p.name, Naming: w.naming}
	for _, edit := range edits {
		edit(&opts)
	}
	return planner.New(p.desired, live, opts)
}

func (w *world) mustPlan(p *project, edits ...func(*planner.Options)) *planner.Plan {
	w.t.Helper()
	plan, err := w.plan(p, edits...)
	if err != nil {
		w.t.Fatal(err)
	}
	return plan
}

// apply plans and applies, once.
func (w *world) apply(p *project, edits ...func(*planner.Options)) error {
	w.t.Helper()
	plan, err := w.plan(p, edits...)
	if err != nil {
		return err
	}
	_, err = applier.Apply(w.t.Context(), w.cloud(p), plan, applier.Options{})
	return err
}

// converge applies and holds scar to its law: there is nothing to do afterwards.
func (w *world) converge(p *project, edits ...func(*planner.Options)) {
	w.t.Helper()
	if err := w.apply(p, edits...); err != nil {
		w.t.Fatal(err)
	}
	w.fixpoint(p)
}

func (w *world) fixpoint(p *project) {
	w.t.Helper()
	if plan := w.mustPlan(p); plan.HasChanges() {
		w.t.Fatalf("there is something to do after an apply:\n%s", describe(plan))
	}
}

// destroyAll removes a project with its buckets, and expects nothing to be left of it.
func (w *world) destroyAll(p *project) {
	w.t.Helper()
	destroying := func(o *planner.Options) { o.Destroy, o.DeleteBuckets = true, true }
	nothing := &project{name: p.name, desired: planner.State{}}
	w.must(w.apply(nothing, destroying))
	for _, c := range w.mustPlan(nothing, destroying).Changes {
		w.t.Errorf("%s is left after destroy", c.Address)
	}
}

// destroy removes a project and expects nothing of it but buckets.
func (w *world) destroy(p *project) {
	w.t.Helper()
	nothing := &project{name: p.name, desired: planner.State{}}
	if err := w.apply(nothing, func(o *planner.Options) { o.Destroy = true }); err != nil {
		w.t.Fatal(err)
	}
	for _, c := range w.mustPlan(nothing, func(o *planner.Options) { o.Destroy = true }).Changes {
		if c.Kind != planner.KindBucket {
			w.t.Errorf("%s is left after destroy", c.Address)
		}
	}
}

func describe(plan *planner.Plan) string {
	var b strings.Builder
	for _, c := range plan.Changes {
		if c.Action == planner.NoOp {
			continue
		}
		fmt.Fprintf(&b, "%s %s (%s)\n", c.Action, c.Address, c.Reason)
		for _, f := range c.Fields {
			fmt.Fprintf(&b, "    %s: %v -> %v\n", f.Path, f.Before, f.After)
		}
	}
	return b.String()
}

// load reads a file, written beside a script.
func (w *world) load(content string) *spec.File {
	w.t.Helper()
	dir := w.t.TempDir()
	path := filepath.Join(dir, "func.yaml")
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		w.t.Fatal(err)
	}
	f, err := spec.Load(w.t.Context(), []string{path}, spec.Options{})
	if err != nil {
		w.t.Fatal(err)
	}
	return f
}

func (w *world) s3() *s3.Client {
	return s3.NewFromConfig(w.config, func(o *s3.Options) { o.UsePathStyle = true })
}
