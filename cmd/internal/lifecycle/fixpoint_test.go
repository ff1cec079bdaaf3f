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

// variants are files of one project. Each is applied after the one before, so that every way from one to the
// next is gone too.
var variants = []struct{ name, file string }{
	{"one function", `
functions:
  a: {image: x/y, run: "true", input: [s3://photos/a/], output: [s3://photos/out/]}
`},
	{"several functions", `
functions:
  a: {image: x/y, run: "true", input: [s3://photos/a/, s3://scans/a/], output: [s3://photos/out/, s3://results/]}
  b: {image: x/y, run: "true", input: [s3://photos/b/], output: [s3://results/b/]}
  c: {image: x/y}
`},
	{"inputs change hands", `
functions:
  a: {image: x/y, run: "true", input: [s3://photos/b/], output: [s3://photos/out/]}
  b: {image: x/y, run: "true", input: [s3://photos/a/, s3://scans/a/], output: [s3://results/b/]}
`},
	{"suffixes and events", `
functions:
  a:
    image: x/y
    run: "true"
    input:
    - {from: s3://photos/b/, suffix: [.png, .jpg, " +.ü"]}
    - {from: s3://photos/b/, suffix: [.gif], events: [removed, "s3:ObjectCreated:Put"]}
    output: [{to: s3://photos/out/, match: ["*.txt"]}]
`},
	{"a role of the user's", `
functions:
  a: {image: x/y, run: "true", role: ROLE, input: [s3://photos/a/], output: [s3://photos/out/]}
`},
	{"permissions and environment", `
functions:
  a:
    image: x/y
    run: "true"
    description: Does <a> & "b"
    env: {QUALITY: 80, EMPTY: "", "UNICODE": "ü 日"}
    permissions:
    - {actions: [s3:ListAllMyBuckets], resources: ["*"]}
    - {actions: [dynamodb:PutItem, dynamodb:GetItem], resources: ["arn:aws:dynamodb:*:*:table/jobs", "arn:aws:dynamodb:*:*:table/a"]}
    input: [s3://photos/a/]
    output: [s3://photos/out/]
`},
	{"another architecture, sizes and logs", `
functions:
  a:
    image: x/y
    run: "true"
    architecture: arm64
    memory: 10GB
    timeout: 15m
    ephemeral_storage: 10240
    logs: {retention_days: 3653, level: debug}
    input: [s3://photos/a/]
    output: [s3://photos/out/]
`},
	{"other storage, secrets, records and logs", `
storage:
  minio.lab: {endpoint: "https://minio.example.org", access_key: "ssm:/lab/key", secret_key: "secretsmanager:lab#secret"}
  webdav.nas: {endpoint: "https://nas.example.org/dav", user: u, password: "secretsmanager:nas"}
  s3.far: {region: eu-central-1}
functions:
  a:
    image: x/y
    run: "true"
    secrets: {TOKEN: "ssm:/imaging/token", DB: "secretsmanager:imaging/db#password"}
    records: false
    logs: {format: json, metrics: true}
    input: [minio.lab/scans/in/, s3://photos/a/, s3.far/archive/]
    output: [webdav.nas/results/, s3://photos/out/, s3.far/results/]
  b: {image: x/y, run: "true", dedupe: true, input: [s3://photos/b/], output: [minio.lab/results, s3://photos/out/]}
  c: {image: x/y, run: "true", input: webdav.nas/in, output: minio.lab/results/c}
`},
	{"tags of the project", `
tags: {team: imaging, "cost center": "7 + 8"}
functions:
  a: {image: x/y, run: "true", input: [s3://photos/a/], output: [s3://photos/out/]}
`},
	{"tags of a function", `
tags: {team: imaging}
functions:
  a: {image: x/y, run: "true", tags: {own: "1"}, input: [s3://photos/a/], output: [s3://photos/out/]}
`},
	{"tags emptied", `
tags: {}
functions:
  a: {image: x/y, run: "true", input: [s3://photos/a/], output: [s3://photos/out/]}
`},
	{"long names", `
functions:
  NNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNN: {image: x/y, run: "true", input: [s3://photos/a/], output: [s3://photos/out/]}
  NNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNM: {image: x/y, run: "true", input: [s3://photos/b/], output: [s3://photos/out/]}
`},
	{"no functions at all", `
functions: {}
`},
}

func (w *world) variant(file string) *project {
	w.t.Helper()
	return w.project(w.load("project: imaging\n" + strings.ReplaceAll(file, "ROLE", "arn:aws:iam::"+w.naming.Account+":role/other")))
}

// TestEveryVariant goes from each to the next, and from each to nothing.
func TestEveryVariant(t *testing.T) {
	t.Run("one after the other", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.otherRole()
		var p *project
		for _, v := range variants {
			p = w.variant(v.file)
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
			w.otherRole()
			p := w.variant(v.file)
			w.converge(p)
			w.destroy(p)
		})
	}
}

// TestTaggingMayLag has the tagging API answer as if nothing was ever tagged: what the file names, what left it
// and what is destroyed is found by other ways.
func TestTaggingMayLag(t *testing.T) {
	w := newWorld(t)
	w.otherRole()
	tagged := func() int {
		out, err := resourcegroupstaggingapi.NewFromConfig(w.config).GetResources(t.Context(), &resourcegroupstaggingapi.GetResourcesInput{})
		if err != nil {
			t.Fatal(err)
		}
		return len(out.ResourceTagMappingList)
	}
	w.script.Stale("tagging:*", 1_000_000)
	w.mustPlan(w.variant(variants[0].file)) // reads what every later listing answers
	tagged()
	var p *project
	for _, v := range variants {
		p = w.variant(v.file)
		w.converge(p)
	}
	w.converge(w.variant(variants[1].file))
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
