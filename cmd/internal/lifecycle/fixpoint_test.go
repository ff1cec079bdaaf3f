package lifecycle

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/resourcegroupstaggingapi"

	"github.com/scar-go/scar/planner"
	"github.com/scar-go/scar/spec"
)

// TestEveryExample takes every example through its life: after the apply there is nothing to do, after destroy
// there is nothing but buckets. What the images hold does not matter here, so they are stood in for.
func TestEveryExample(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(root, "examples", "*", "func.yaml"))
	if err != nil || len(files) == 0 {
		t.Fatalf("examples %v, %v", files, err)
	}
	for _, file := range files {
		t.Run(filepath.Base(filepath.Dir(file)), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			p := w.project(loadExample(t, file))
			w.converge(p)
			w.destroy(p)
		})
	}
}

// loadExample reads a copy of an example. Its image is made by a command that the example names, and takes a
// while; a name of one will do.
func loadExample(t *testing.T, file string) *spec.File {
	t.Helper()
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(filepath.Dir(file))); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, filepath.Base(file))
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	content = regexp.MustCompile(`image: \./\S+`).ReplaceAll(content, []byte("image: example/stand-in:1"))
	if err := os.WriteFile(path, content, 0o644); err != nil {
		t.Fatal(err)
	}
	f, err := spec.Load(t.Context(), []string{path}, spec.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// variant is one of the variants; outside is what it refers to.
func (w *world) variant(file string, outside map[string]string) *project {
	w.t.Helper()
	pairs := []string{"role: ROLE", "role: " + outside["ROLE"]}
	for name, value := range outside {
		pairs = append(pairs, "${"+name+"}", value)
	}
	return w.project(w.load("project: imaging\n" + strings.NewReplacer(pairs...).Replace(file)))
}

// TestEveryVariant goes from each to the next, and from each to nothing.
func TestEveryVariant(t *testing.T) {
	t.Run("one after the other", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		outside := w.makeOutside()
		var p *project
		for _, v := range variants {
			p = w.variant(v.file, outside)
			if err := w.apply(p); err != nil {
				t.Fatalf("%s: %v", v.name, err)
			}
			if plan := w.mustPlan(p); plan.HasChanges() {
				t.Fatalf("%s: there is something to do after an apply:\n%s", v.name, describe(plan))
			}
		}
		w.destroy(p)
	})
	for _, v := range variants {
		t.Run(v.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			outside := w.makeOutside()
			p := w.variant(v.file, outside)
			w.converge(p)
			w.destroy(p)
		})
	}
}

// TestTaggingMayLag has the tagging API answer as if nothing was ever tagged: what the file names, what left it
// and what is destroyed is found by other ways.
func TestTaggingMayLag(t *testing.T) {
	w := newWorld(t)
	outside := w.makeOutside()
	tagged := func() int {
		out, err := resourcegroupstaggingapi.NewFromConfig(w.config).GetResources(t.Context(), &resourcegroupstaggingapi.GetResourcesInput{})
		if err != nil {
			t.Fatal(err)
		}
		return len(out.ResourceTagMappingList)
	}
	w.script.Stale("tagging:*", 1_000_000)
	w.mustPlan(w.variant(variants[0].file, outside)) // reads what every later listing answers
	tagged()
	var p *project
	for _, v := range variants {
		p = w.variant(v.file, outside)
		w.converge(p)
	}
	w.converge(w.variant(variants[1].file, outside))
	if n := tagged(); n > 0 {
		t.Fatalf("the tagging API does not lag: it lists %d resources", n)
	}
	w.destroy(p)
	w.script.Stale("tagging:*", 0)
	for _, c := range w.mustPlan(&project{name: p.name}, func(o *planner.Options) { o.Destroy = true }).Changes {
		if c.Kind != planner.KindBucket {
			t.Errorf("%s was left", c.Address)
		}
	}
}
