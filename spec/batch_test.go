package spec

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestModesThatAreNotBuilt(t *testing.T) {
	for _, mode := range []string{"batch", "lambda-batch"} {
		path := filepath.Join(writeFiles(t, map[string]string{"func.yaml": in("mode: " + mode + "\nbatch: {gpus: 1, platform: ec2}")}), "func.yaml")
		_, err := Load(t.Context(), []string{path}, Options{})
		if want := "5:5: mode: " + mode + " is not supported by this version; functions run on Lambda"; err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
		f, err := Load(t.Context(), []string{path}, Options{KeepUnbuilt: true})
		if err != nil {
			t.Fatal(err)
		}
		want := &Batch{VCPUs: 1, Memory: 2048, GPUs: 1, Platform: "ec2", MaxVCPUs: 16, Env: map[string]string{}}
		if diff := cmp.Diff(want, f.Functions[0].Batch); diff != "" || f.Functions[0].Mode != mode || len(f.Notes) != 1 || !strings.Contains(f.Notes[0].Text, "cannot be planned") {
			t.Errorf("mode %s, notes %v, batch (-want +got):\n%s", f.Functions[0].Mode, f.Notes, diff)
		}
	}
}

// What a block of batch says means nothing on Lambda. It is kept, and told once however many functions have it.
func TestBatchOnLambda(t *testing.T) {
	text := "project: p\ndefaults:\n  image: a\n  batch: {vcpus: 0.25, memory: 4GB, subnets: [subnet-2, subnet-1], env: {A: 010}}\nfunctions: {f: {}, g: {batch: {vcpus: 2}}, h: {}}\n"
	path := filepath.Join(writeFiles(t, map[string]string{"func.yaml": text}), "func.yaml")
	f, err := Load(t.Context(), []string{path}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	notes := []Note{{path + ":4:3", "batch means nothing while mode is lambda"}, {path + ":5:24", "batch means nothing while mode is lambda"}}
	if diff := cmp.Diff(notes, f.Notes); diff != "" {
		t.Errorf("notes (-want +got):\n%s", diff)
	}
	want := &Batch{
		VCPUs: 0.25, Memory: 4096, Platform: "fargate", MaxVCPUs: 16, Subnets: []string{"subnet-1", "subnet-2"}, Env: map[string]string{"A": "010"},
	}
	if diff := cmp.Diff(want, f.Functions[0].Batch); diff != "" {
		t.Errorf("batch (-want +got):\n%s", diff)
	}
	if got := f.Functions[1].Batch; got.VCPUs != 2 || got.Memory != 2048 {
		t.Errorf("a function's own block replaces that of defaults: %+v", got)
	}
}

func TestProblemsOfBatchAndScripts(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"batch: true", "func.yaml:5:5: batch: wants a mapping such as {memory: 16GB, security_groups: [sg-0123456789abcdef0], subnets: [subnet-0123456789abcdef0], vcpus: 4}, not true"},
		{"batch: {vcpu: 4}", "func.yaml:5:13: vcpu: unknown key; did you mean vcpus?"},
		{"batch: {nodes: 2, main_node: 2}", "func.yaml:5:23: main_node: 2 is not below nodes, which is 2: they are counted from 0"},
		{"batch: {main_node: 1}", "func.yaml:5:13: main_node: 1 is not below nodes, which is 0: they are counted from 0"},
		{"batch: {subnets: [subnet-1, subnet-1]}", "func.yaml:5:33: subnets: subnet-1 is in the list twice"},
		{"batch: {vcpus: 0.1}", "func.yaml:5:13: vcpus: 0.1 is below the minimum of 0.25"},
		{"batch: {platform: gpu}", "func.yaml:5:13: platform: wants fargate or ec2, not \"gpu\""},
		{"mode: bach", "func.yaml:5:5: mode: wants lambda, lambda-batch or batch, not \"bach\"; did you mean batch?"},
		{"interpreter: /bin/sh", "func.yaml:5:5: interpreter: runs scripts, and f has none; add script or run"},
		{"run: ls\ninterpreter: sh", "func.yaml:6:5: interpreter: wants the path of a program in the image such as /bin/sh, not \"sh\""},
		{"preheat: yes", "func.yaml:5:5: preheat: wants true or false, not \"yes\""},
	} {
		if diff := cmp.Diff([]string{c.want}, problemsIn(t, in(c.text))); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.text, diff)
		}
	}
	if got := problemsIn(t, "project: p\ndefaults: {interpreter: /bin/sh}\nfunctions: {f: {image: a, command: [b]}, g: {image: a, run: ls}}\n"); len(got) > 0 {
		t.Errorf("an interpreter for all functions, of which one has no script: %q", got)
	}
}
