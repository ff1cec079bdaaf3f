package spec

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// everyKey is a file that has every key, by short forms where there are some, in one function or another.
const everyKey = `
required_version: ">= 0.1, < 2"
project: ${PROJECT}
region: eu-west-1
profile: lab
tags: {team: imaging, "cost center": 0x10}
defaults:
  image: alpine:3.20
  env: {LANG: C.UTF-8, API_TOKEN: "${API_TOKEN}", PASSWORD: hunter2}
  tags: {}
  queue: false
storage:
  minio.lab: {endpoint: "https://minio.example.org", region: us-east-1, access_key: AKIA, secret_key: "ssm:/lab/secret"}
  webdav.nas: {endpoint: "https://nas.example.org/dav", user: u, password: "secretsmanager:nas"}
  onedata.eosc: {endpoint: "https://oneprovider.example.org", token: "ssm:/eosc/token", space: lab}
functions:
  zoom:
    image: ./image.tar
    run: |
      #!/bin/sh
      echo $HOME ${X} $$ "# no comment"

      	tab
    input: s3://zoom/in
    http: true
    schedule: cron(0 8 ? * MON-FRI *)
    queue: true
    concurrency: {}
    logs: {}
  grayify:
    description: "To grayscale: $$${N} #1"
    script: s.sh
    interpreter: /bin/bash
    files: [model/, s.sh]
    memory: ${N}GB
    timeout: 5m
    timeout_margin: 20s
    ephemeral_storage: 1024MB
    architecture: arm64
    env: {QUALITY: 80, VERSION: 1.10, COUNTRY: no, EMPTY: "", DOLLARS: "$${A}$$$$", LINES: "a\n b \n\n", TRUE1: "true"}
    secrets: {TOKEN: "ssm:/imaging/token", DB: "secretsmanager:imaging/db#password", BROUGHT: "${API_TOKEN}"}
    input:
    - s3://photos/in/
    - {from: "s3://${PROJECT}-raw/", suffix: [.png, .jpg], events: [removed, created]}
    - minio.lab/bucket/folder
    output: [s3://photos/out, {to: webdav.nas/x, match: ["*.svg", "plots/**"]}]
    keep_folders: false
    records: true
    dedupe: true
    http: {auth: none, api: images, cors: {origins: ["https://b.example.org"], credentials: true, expose: x-a}}
    schedule: {expression: rate(1 hour), timezone: Europe/Berlin}
    queue: {arn: "arn:aws:sqs:eu-west-1:123456789012:q", batch_size: "${N}", max_concurrency: 50}
    concurrency: 50
    retries: {attempts: 0, max_age: 6h}
    on_failure: arn:aws:s3:::failed
    vpc: {subnets: [subnet-1, subnet-2], security_groups: sg-1}
    mounts: {access_point: "arn:aws:elasticfilesystem:eu-west-1:123456789012:access-point/fsap-0123456789abcdef0", path: /mnt/data}
    mode: lambda
    batch:
      {vcpus: 0.5, memory: 16GB, gpus: 1, platform: ec2, subnets: subnet-2, security_groups: [sg-2], instance_types: [m5.large, c5], min_vcpus: 1, desired_vcpus: 2,
       max_vcpus: "${N}", service_role: "arn:aws:iam::123456789012:role/b", instance_role: "arn:aws:iam::123456789012:instance-profile/i", launch_template: disks,
       nodes: 3, main_node: 2, env: {THREADS: 4}}
    preheat: true
    package: image
    permissions: {actions: "s3:GetObject", resources: ["arn:aws:s3:::o/$${aws:username}/*", "*"]}
    logs: {retention_days: 7, level: debug, format: json, metrics: true}
    tags: {stage: test}
  small: {batch: {}}
  plain: {command: [--scale, 2, $HOME, "${X}", "$$"], role: "arn:aws:iam::123456789012:role/r", http: {cors: true}, timeout: 7, dedupe: false, queue: false}
`

func writeEveryKey(t *testing.T) (path string, opts Options) {
	t.Helper()
	folder := writeFiles(t, map[string]string{"func.yaml": everyKey, "s.sh": "ls\n", "image.tar": "x", "model/a": "1", "model/b/c": "2"})
	return filepath.Join(folder, "func.yaml"), Options{
		Lookup: variables("PROJECT", "imaging", "N", "2", "API_TOKEN", "hunter2"), Version: "1.0.0",
	}
}

// samePlaces leaves out of a comparison where things stand.
var samePlaces = []cmp.Option{
	cmp.Comparer(func(a, b Sealed) bool { return a.Reveal() == b.Reveal() }),
	cmpopts.IgnoreFields(File{}, "Path", "Notes"), cmpopts.IgnoreFields(Function{}, "File", "Line", "Column"),
}

func TestShownFileIsTheSameFile(t *testing.T) {
	path, opts := writeEveryKey(t)
	roundTrip(t, []string{path}, opts)
	examples, err := filepath.Glob("../examples/*/func.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if len(examples) == 0 {
		t.Error("there are no examples")
	}
	for _, example := range examples { // their images may not be there yet
		roundTripBy(t, Outline, []string{example}, Options{})
	}
	texts := []string{"a\n", "a", "a\n\n", "\na", " a\nb", "a \nb\n", "\ta\n", "a\n\tb", "#\n#", "- a\n- b\n", "a: b\nc", "a\r\nb", "\"'\n'\"", "x\u0085y\n", "ü\n", "|\n", "a\n  ", "---\n...\n"}
	for _, text := range texts {
		quoted := strings.NewReplacer("\\", "\\\\", "\"", "\\\"", "\n", "\\n", "\r", "\\r", "\t", "\\t", "\u0085", "\\N").Replace(text)
		folder := writeFiles(t, map[string]string{"func.yaml": in("run: \"x " + quoted + "\"\nenv: {AA: \"" + quoted + "\"}\ndescription: after")})
		roundTrip(t, []string{filepath.Join(folder, "func.yaml")}, Options{})
	}
}

// roundTrip loads files, and what is shown of them from another folder.
func roundTrip(t *testing.T, paths []string, opts Options) {
	t.Helper()
	roundTripBy(t, Load, paths, opts)
}

func roundTripBy(t *testing.T, load func(context.Context, []string, Options) (*File, error), paths []string, opts Options) {
	t.Helper()
	want, err := load(t.Context(), paths, opts)
	if err != nil {
		t.Fatal(err)
	}
	shown, err := Show(t.Context(), paths, opts)
	if err != nil {
		t.Fatal(err)
	}
	text, err := shown.YAML()
	if err != nil {
		t.Fatal(err)
	}
	other := filepath.Join(writeFiles(t, map[string]string{"other.yaml": string(text)}), "other.yaml")
	got, err := load(t.Context(), []string{other}, opts)
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	for i := range want.Functions { // what is hidden has to be written again
		for name, value := range got.Functions[i].Env {
			if value == notShown {
				got.Functions[i].Env[name] = want.Functions[i].Env[name]
			}
		}
	}
	if diff := cmp.Diff(want, got, samePlaces...); diff != "" {
		t.Errorf("%s\n%s", diff, text)
	}
}

func TestShowSaysWhereValuesComeFrom(t *testing.T) {
	folder := writeFiles(t, map[string]string{"func.yaml": `project: imaging
defaults:
  memory: ${MEM:-1024}
  env: {LANG: C.UTF-8, DB_PASSWORD: hunter2}
functions:
  f:
    image: alpine
    run: |
      ls
    env: {B1: "${B}", KEY: "${API_TOKEN}"}
    queue: true
    input: s3://abc
`, "over.yaml": "functions: {f: {timeout: \"${T}\", http: {cors: true}}}\n"})
	t.Chdir(folder)
	shown, err := Show(t.Context(), []string{"func.yaml", "over.yaml"}, Options{Lookup: variables("B", "$${x}", "T", "30", "API_TOKEN", "hunter2")})
	if err != nil {
		t.Fatal(err)
	}
	text, err := shown.YAML()
	if err != nil {
		t.Fatal(err)
	}
	want := `project: imaging # func.yaml:1:1
functions:
  f:
    image: alpine # func.yaml:7:5
    run: | # func.yaml:8:5
      ls
    memory: 1024 # defaults, func.yaml:3:3, $MEM unset
    timeout: 30 # over.yaml:1:17, $T
    timeout_margin: 10 # default
    keep_folders: true # default
    records: true # default
    dedupe: false # default
    preheat: false # default
    ephemeral_storage: 512 # default
    env:
      LANG: C.UTF-8 # defaults, func.yaml:4:9
      DB_PASSWORD: (not shown) # defaults, func.yaml:4:24
      B1: $$$${x} # func.yaml:10:11, $B
      KEY: ${API_TOKEN} # func.yaml:10:23, $API_TOKEN
    input: s3://abc # func.yaml:12:5
    http:
      auth: iam # default
      cors:
        origins:
          - '*' # default, over.yaml:1:41
        methods:
          - '*' # default, over.yaml:1:41
        headers:
          - '*' # default, over.yaml:1:41
        credentials: false # default, over.yaml:1:41
        max_age: 0 # default, over.yaml:1:41
    queue:
      batch_size: 10 # default, func.yaml:11:5
      attempts: 5 # default, func.yaml:11:5
    retries:
      attempts: 2 # default
      max_age: 21600 # default
    mode: lambda # default
    package: image # default
    logs:
      retention_days: 30 # default
      level: info # default
      format: text # default
      metrics: false # default
`
	if diff := cmp.Diff(want, string(text)); diff != "" {
		t.Error(diff)
	}
	find := func(path string) Setting {
		i := slices.IndexFunc(shown.Settings, func(s Setting) bool { return s.Path == path })
		if i < 0 {
			t.Fatalf("%s is not shown", path)
		}
		return shown.Settings[i]
	}
	for _, want := range []Setting{
		{Path: "project", Value: "imaging", Origin: "func.yaml:1:1"},
		{Path: "functions.f.memory", Value: 1024, Origin: "defaults, func.yaml:3:3, $MEM unset"},
		{Path: "functions.f.env.B1", Value: "$${x}", Origin: "func.yaml:10:11, $B"},
		{Path: "functions.f.env.KEY", Value: "${API_TOKEN}", Origin: "func.yaml:10:23, $API_TOKEN", Hidden: true},
		{Path: "functions.f.env.DB_PASSWORD", Value: notShown, Origin: "defaults, func.yaml:4:24", Hidden: true},
		{Path: "functions.f.records", Value: true, Origin: "default"},
		{Path: "functions.f.http.cors.origins[0]", Value: "*", Origin: "default, over.yaml:1:41"},
	} {
		if diff := cmp.Diff(want, find(want.Path)); diff != "" {
			t.Error(diff)
		}
	}
}

// Every key that can be set is shown where it is set.
func TestShowHasEveryKey(t *testing.T) {
	path, opts := writeEveryKey(t)
	shown, err := Show(t.Context(), []string{path}, opts)
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, s := range shown.Settings {
		for _, step := range strings.FieldsFunc(s.Path, func(r rune) bool { return strings.ContainsRune(".[]", r) }) {
			seen[step] = true
		}
		if s.Origin == "" || s.Value == nil {
			t.Errorf("%+v", s)
		}
		if strings.Contains(s.Path, "PASSWORD") != (s.Value == notShown) || s.Value == "hunter2" {
			t.Errorf("%+v", s)
		}
	}
	walkSchema(t, func(path string, _ map[string]any, _ bool) {
		name := path[strings.LastIndexByte(path, '.')+1:]
		if name != "defaults" && !seen[name] {
			t.Errorf("%s is not shown", path)
		}
	})
}

func TestShowRefusesWhatLoadRefuses(t *testing.T) {
	path := filepath.Join(writeFiles(t, map[string]string{"func.yaml": in("memory: 1")}), "func.yaml")
	_, err := Show(t.Context(), []string{path}, Options{})
	if err == nil || !strings.HasSuffix(err.Error(), "func.yaml:5:5: memory: 1 is below the minimum of 128 MB") {
		t.Errorf("%v", err)
	}
	if err := os.WriteFile(path, []byte("a: [\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Show(t.Context(), []string{path}, Options{}); err == nil {
		t.Error("no error for a file that is no YAML")
	}
}
