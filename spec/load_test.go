package spec

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/scar-go/scar/runtime/job"
)

func load(t *testing.T, folder string, names ...string) (*File, error) {
	t.Helper()
	paths := make([]string, len(names))
	for i, name := range names {
		paths[i] = filepath.Join(folder, name)
	}
	return Load(t.Context(), paths, Options{})
}

func TestLoadFillsInEverything(t *testing.T) {
	const script = "#!/bin/sh\necho hello\n"
	folder := writeFiles(t, map[string]string{
		"grayify.sh": script, "labels.txt": "cat\n", "model/weights.bin": "12345", "model/run.py": "#!/usr/bin/python3\n",
		"func.yaml": `
project: imaging
region: eu-west-1
profile: lab
tags: {team: imaging, cost: 0x10}
defaults:
  timeout: 5m
  script: grayify.sh
  env: {LANG: C.UTF-8, MODE: fast}
functions:
  zoom:
    image: ghcr.io/team/zoom:1
    command: [--scale, 2, $HOME, "${X}"]
    timeout: 16
  grayify:
    description: To grayscale, for $$5
    image: dpokidov/imagemagick:7.1
    files: [model/, ./labels.txt]
    memory: 2GB
    timeout_margin: 20s
    ephemeral_storage: 1024MB
    architecture: arm64
    env: {QUALITY: 80, VERSION: 1.10, COUNTRY: no, DAY: 2024-01-01, MODE: "slow"}
    input:
    - s3://photos/in
    - {from: s3://photos/raw/, suffix: [.png, .jpg], events: [removed, created]}
    output:
    - s3://photos/out/
    - {to: s3://plots, match: ["*.svg", "plots/**"]}
    keep_folders: false
    permissions:
      actions: s3:GetObject
      resources: ["arn:aws:s3:::other/$${aws:username}/*", "*"]
    logs: {level: debug}
    tags: {stage: test, team: other}
`})
	got, err := load(t, folder, "func.yaml")
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(folder, "func.yaml")
	tags := map[string]string{"team": "imaging", "cost": "0x10"}
	want := &File{
		Path: path, Project: "imaging", Region: "eu-west-1", Profile: "lab",
		Tags: map[string]string{"team": "imaging", "cost": "0x10"}, TagsManaged: true,
		Functions: []Function{{
			Name: "grayify", File: path, Line: 15, Column: 3, Description: "To grayscale, for $5",
			Image: Source{Reference: "dpokidov/imagemagick:7.1"}, Script: &Script{Name: "grayify.sh", Content: []byte(script)},
			Files: []Entry{
				{Name: "labels.txt", Path: filepath.Join(folder, "labels.txt"), Size: 4},
				{Name: "model/run.py", Path: filepath.Join(folder, "model", "run.py"), Size: 19, Exec: true},
				{Name: "model/weights.bin", Path: filepath.Join(folder, "model", "weights.bin"), Size: 5},
			},
			Memory: 2048, Timeout: 300, TimeoutMargin: 20, EphemeralStorage: 1024, Architecture: "arm64", Records: "photos",
			Env: map[string]string{"LANG": "C.UTF-8", "QUALITY": "80", "VERSION": "1.10", "COUNTRY": "no", "DAY": "2024-01-01", "MODE": "slow"},
			Inputs: []Input{
				{Provider: OwnS3, Bucket: "photos", Prefix: "in/", Suffix: []string{""}, Events: []string{"s3:ObjectCreated:*"}},
				{Provider: OwnS3, Bucket: "photos", Prefix: "raw/", Suffix: []string{".png", ".jpg"}, Events: []string{"s3:ObjectCreated:*", "s3:ObjectRemoved:*"}},
			},
			Outputs: []Output{{Provider: OwnS3, Bucket: "photos", Prefix: "out/"}, {Provider: OwnS3, Bucket: "plots", Match: []string{"*.svg", "plots/**"}}},
			Permissions: []Permission{{
				Actions: []string{"s3:GetObject"}, Resources: []string{"arn:aws:s3:::other/${aws:username}/*", "*"},
			}},
			Retries: Retries{Attempts: 2, MaxAge: 21600},
			Logs:    Logs{RetentionDays: 30, Level: "debug", Format: "text"}, Mode: "lambda",
			Tags: map[string]string{"team": "other", "cost": "0x10", "stage": "test"}, TagsManaged: true,
		}, {
			Name: "zoom", File: path, Line: 11, Column: 3,
			Image: Source{Reference: "ghcr.io/team/zoom:1"}, Command: []string{"--scale", "2", "$HOME", "${X}"},
			Memory: 512, Timeout: 16, TimeoutMargin: 8, EphemeralStorage: 512, KeepFolders: true,
			Env:     map[string]string{"LANG": "C.UTF-8", "MODE": "fast"},
			Retries: Retries{Attempts: 2, MaxAge: 21600},
			Logs:    Logs{RetentionDays: 30, Level: "info", Format: "text"}, Mode: "lambda", Tags: tags, TagsManaged: true,
		}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestLoadSmallestFile(t *testing.T) {
	folder := writeFiles(t, map[string]string{"func.yaml": "project: a\nfunctions: {f: {image: alpine, run: \"echo $HOME ${HOME} $$\\n\"}}\n"})
	got, err := load(t, folder, "func.yaml")
	if err != nil {
		t.Fatal(err)
	}
	want := []Function{{
		Name: "f", File: got.Path, Line: 2, Column: 13, Image: Source{Reference: "alpine"},
		Script: &Script{Name: "run", Content: []byte("echo $HOME ${HOME} $$\n")},
		Memory: 512, Timeout: 300, TimeoutMargin: 10, EphemeralStorage: 512, KeepFolders: true,
		Env: map[string]string{}, Retries: Retries{Attempts: 2, MaxAge: 21600}, Logs: Logs{RetentionDays: 30, Level: "info", Format: "text"}, Mode: "lambda", Tags: map[string]string{},
	}}
	if diff := cmp.Diff(want, got.Functions); diff != "" {
		t.Error(diff)
	}
}

func TestOverlays(t *testing.T) {
	folder := writeFiles(t, map[string]string{
		"func.yaml": "project: a\nregion: eu-west-1\nfunctions:\n  f:\n    image: alpine\n    script: f.sh\n    env: {AA: 1, BB: 2}\n    input: [s3://abc/x, s3://abc/y]\n",
		"prod/over.yaml": "region: us-east-1\ndefaults: {memory: 1024}\nfunctions:\n  f:\n    env: {BB: 3, CC: 4}\n    input: s3://prod/x\n    files: [data.bin]\n" +
			"  g: {image: alpine, run: ls}\n",
		"run.yaml":      "functions: {f: {run: ls}}\n",
		"f.sh":          "ls\n",
		"prod/data.bin": "1",
	})
	f, err := load(t, folder, "func.yaml", "prod/over.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if f.Region != "us-east-1" || len(f.Functions) != 2 || f.Functions[0].Memory != 1024 {
		t.Fatalf("got %+v", f)
	}
	got := f.Functions[0]
	if diff := cmp.Diff(map[string]string{"AA": "1", "BB": "3", "CC": "4"}, got.Env); diff != "" {
		t.Error(diff)
	}
	if len(got.Inputs) != 1 || got.Inputs[0].Bucket != "prod" {
		t.Errorf("inputs %+v", got.Inputs)
	}
	if len(got.Files) != 1 || got.Files[0].Path != filepath.Join(folder, "prod", "data.bin") {
		t.Errorf("files %+v: paths are not relative to the file that names them", got.Files)
	}
	if g := f.Functions[1]; g.File != filepath.Join(folder, "prod/over.yaml") || g.Line != 8 {
		t.Errorf("g is in %s:%d", g.File, g.Line)
	}
	if f, err = load(t, folder, "func.yaml", "run.yaml"); err != nil || f.Functions[0].Script.Name != "run" {
		t.Errorf("run of a later file does not replace script: %v", err)
	}
}

func TestProblemsOfOverlaysNameTheirFile(t *testing.T) {
	base := "project: a\nfunctions:\n  f:\n    image: alpine\n    memory: 64\n    timeout: 1000\n    timeout_margin: 0\n"
	over := "functions:\n  f: {memory: 100, timeout: 60}\n"
	third := "functions: {f: {timeout_margin: 70, nope: 1}}\n"
	want := []string{
		"over.yaml:2:7: memory: 100 is below the minimum of 128 MB",
		"third.yaml:1:17: timeout_margin: 70 leaves the script of f no time: the timeout in over.yaml:2 is 60 s",
		"third.yaml:1:37: nope: unknown key; known here: architecture, batch, command, concurrency, dedupe, description, env, ephemeral_storage, files, http, image, " +
			"input, interpreter, keep_folders, logs, memory, mode, mounts, on_failure, output, package, permissions, preheat, queue, records, retries, role, run, schedule, script, " +
			"secrets, tags, timeout, timeout_margin, vpc",
	}
	if diff := cmp.Diff(want, problemsIn(t, base, over, third)); diff != "" {
		t.Error(diff)
	}
	want = []string{"func.yaml:1:11: no valid YAML: a second colon in one line; put a value that holds a colon and a space in quotes", "over.yaml:1:1: the file is empty; it begins with a line such as project: imaging"}
	if diff := cmp.Diff(want, problemsIn(t, "project: a: b", "")); diff != "" {
		t.Error(diff)
	}
}

func TestAnchorsAndMergeKeys(t *testing.T) {
	text := `
project: a
functions:
  f: &f
    image: alpine
    run: &run |
      ls
    env: &env {AA: 1}
    memory: &size 64
  g:
    <<: *f
    memory: 256
    env: {<<: [*env, {BB: 2}], CC: 3}
  h: {<<: *f, memory: *size, run: *run}
`
	want := []string{"func.yaml:9:5: memory: 64 is below the minimum of 128 MB", "func.yaml:14:15: memory: 64 is below the minimum of 128 MB"}
	if diff := cmp.Diff(want, problemsIn(t, text)); diff != "" {
		t.Error(diff)
	}
	folder := writeFiles(t, map[string]string{"func.yaml": strings.Replace(text, "64", "128", 1)})
	f, err := load(t, folder, "func.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[string]string{"AA": "1", "BB": "2", "CC": "3"}, f.Functions[1].Env); diff != "" {
		t.Error(diff)
	}
	if f.Functions[1].Memory != 256 || string(f.Functions[2].Script.Content) != "ls\n" {
		t.Errorf("got %+v", f.Functions)
	}
}

func TestTagsAreManagedOnlyWhereTheFileHasABlock(t *testing.T) {
	for text, want := range map[string]bool{
		in("memory: 512"):                 false,
		in("tags: {}"):                    true,
		"tags: {}\n" + in("memory: 512"):  true,
		"tags: {a: b}\n" + in("tags: {}"): true,
	} {
		_, drafts, err := testGrammar().check(sourcesOf(text), Options{}, &report{})
		if err != nil {
			t.Fatal(err)
		}
		if got := drafts[0].TagsManaged; got != want {
			t.Errorf("%s: managed %v", text, got)
		}
	}
}

func TestLoadFromStandardInput(t *testing.T) {
	folder := writeFiles(t, map[string]string{"f.sh": "ls\n"})
	t.Chdir(folder)
	text := "project: a\nfunctions: {f: {image: alpine, script: f.sh}}\n"
	f, err := Load(t.Context(), []string{"-"}, Options{Stdin: strings.NewReader(text)})
	if err != nil || f.Path != "-" || string(f.Functions[0].Script.Content) != "ls\n" {
		t.Errorf("got %+v, %v", f, err)
	}
	_, err = Load(t.Context(), []string{"-"}, Options{Stdin: strings.NewReader("project: a\n")})
	if err == nil || err.Error() != "<stdin>:1:1: functions: is missing; add functions: {grayify: {image: dpokidov/imagemagick:7.1, script: grayify.sh}}" {
		t.Errorf("got %v", err)
	}
	if _, err := Load(t.Context(), []string{"-"}, Options{}); err == nil {
		t.Error("no error without standard input")
	}
}

func TestLoadErrorsThatAreNoProblems(t *testing.T) {
	folder := writeFiles(t, map[string]string{"func.yaml": in("files: data"), "data/a": "1"})
	var problems Problems
	if _, err := load(t, folder, "nope.yaml"); !errors.Is(err, fs.ErrNotExist) || errors.As(err, &problems) {
		t.Errorf("absent file: %v", err)
	}
	if _, err := Load(t.Context(), nil, Options{}); err == nil {
		t.Error("no error without paths")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Load(ctx, []string{filepath.Join(folder, "func.yaml")}, Options{}); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

func TestLoadProjectPassesOverBrokenFunctions(t *testing.T) {
	folder := writeFiles(t, map[string]string{
		"func.yaml": "project: a\nregion: eu-west-1\nprofile: lab\nnope: 1\nfunctions:\n  f: {script: gone.sh, memory: 1, memory: 2}\n",
		"bad.yaml":  "project: A\nproject: b\nfunctions: []\n",
		"torn.yaml": "project: a\n\tb\n",
	})
	path := filepath.Join(folder, "func.yaml")
	got, err := LoadProject(t.Context(), []string{path}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(&File{Path: path, Project: "a", Region: "eu-west-1", Profile: "lab", Tags: map[string]string{}}, got); diff != "" {
		t.Error(diff)
	}
	path = filepath.Join(folder, "bad.yaml")
	_, err = LoadProject(t.Context(), []string{path}, Options{})
	want := path + ":1:1: project: wants lower-case letters, digits and single dashes between them, a letter first, not \"A\"\n" +
		path + ":2:1: project: is here a second time; it is in line 1 too"
	if err == nil || err.Error() != want {
		t.Errorf("got %v\nwant %v", err, want)
	}
	if _, err = LoadProject(t.Context(), []string{filepath.Join(folder, "torn.yaml")}, Options{}); err == nil {
		t.Error("no error for a file that is no YAML")
	}
}

func TestExamplesLoad(t *testing.T) {
	files, err := filepath.Glob("../examples/*/func.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if got := problemsIn(t, string(text)); len(got) > 0 {
			t.Errorf("%s: %q", file, got)
		}
	}
}

func TestRecordsLieWhereTheRuntimeKeepsThem(t *testing.T) {
	if records != job.RecordsPrefix {
		t.Errorf("records are looked for in %s, the runtime writes to %s", records, job.RecordsPrefix)
	}
}

// Who is writing a file wants its names completed before it is right.
func TestOutlinePassesOverWhatIsWrong(t *testing.T) {
	folder := writeFiles(t, map[string]string{"torn.yaml": "a: [", "empty.yaml": "", "list.yaml": "- 1", "func.yaml": `
region: eu-west-1
functions:
  grayify: {image: ./absent.tar, script: absent.sh, memory: lots, imge: x, input: [s3://photos/in/, 3]}
  first: 7
  second: {}
`})
	path := filepath.Join(folder, "func.yaml")
	got, err := Outline(t.Context(), []string{path}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, fn := range got.Functions {
		names = append(names, fn.Name)
	}
	if diff := cmp.Diff([]string{"grayify", "second"}, names); diff != "" || got.Region != "eu-west-1" {
		t.Errorf("region %q, names %s", got.Region, diff)
	}
	if inputs := got.Functions[0].Inputs; len(inputs) != 1 || inputs[0].Bucket != "photos" {
		t.Errorf("inputs %v", inputs)
	}
	for _, name := range []string{"torn.yaml", "empty.yaml", "list.yaml"} {
		if got, err := Outline(t.Context(), []string{filepath.Join(folder, name)}, Options{}); err == nil && len(got.Functions) > 0 {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func readText(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
