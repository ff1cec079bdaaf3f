package spec

import (
	"errors"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/scar-go/scar/runtime/job"
)

// FuzzLoad gives the pure part of Load any bytes: it must neither panic nor name a place outside the
// file, and what it accepts must be complete.
func FuzzLoad(f *testing.F) {
	for _, seed := range []string{
		"", "project: a\nfunctions: {}\n", hundred()[:2000], in("memory: 64\nnope: [1]\nenv: {A: ~}"),
		in("input: [{from: s3://abc/x, suffix: [.png], events: [created]}, s3://def]\noutput: minio.lab/x"),
		"a: &a [*a]\n", "<<: [&b {project: a}, *b]\n", "a: \"\\q\"", "\ta: 1", "a: b: c\n", "a: [1, 2\n", "\xff\xfe", "a\x00b",
		"project: a\n---\nproject: b\n", "? [a, b]\n: c\n", "functions:\n  aws:\n  - lambda: {}\n", "project: !!binary YQ==\n",
		in("description: '${X}$$'\nrun: |\n  #!/bin/sh\r\n  ls"), "project: 0x10\nfunctions: {f: {memory: 1e9999999}}\n",
		"defaults: {tags: {a: b}, script: x}\n" + in("tags: {A: c}\nrun: x"), "\ufeffproject: a\n",
		lab("input: [minio.lab/abc, webdav.nas]\noutput: [s3://abc, onedata.eosc/x]\nsecrets: {T1: 'ssm:/a', T2: x}\ndedupe: true\nrecords: false"),
		"project: a\nfunctions: {}\nstorage: {s3.a: {secret_key: <hunter2>, endpoint: 'http://u:<hunter2>@x'}, webdav.b: {password: [<hunter2>]}}\n",
	} {
		f.Add([]byte(seed), []byte("functions: {f: {memory: 128}}\n"))
	}
	f.Fuzz(func(t *testing.T, text, over []byte) {
		r := &report{}
		sources := sourcesOf(string(text), string(over))
		file, drafts, err := testGrammar().check(sources, Options{}, r)
		var problems Problems
		if err != nil && !errors.As(err, &problems) {
			t.Fatalf("an error that is no problem of the file: %v", err)
		}
		if err := r.err(); err == nil {
			checkComplete(t, file, drafts)
		} else if !errors.As(err, &problems) || len(problems) == 0 {
			t.Fatalf("no problems in %v", err)
		}
		for _, p := range problems {
			src := sources[0]
			if p.File == "over.yaml" {
				src = sources[1]
			}
			src.line(1)
			lines := max(len(src.lines), 1)
			if storage := strings.HasPrefix(p.Path, "storage."); (storage || inSecrets(p.Path)) && strings.Contains(p.Message, "<hunter2>") && !strings.Contains(p.Path, "<hunter2>") {
				t.Errorf("a secret is shown: %s", p)
			}
			if p.Line < 1 || p.Line > lines || p.Column < 1 || p.Length < 1 || p.Message == "" || !utf8.ValidString(p.Message) {
				t.Errorf("odd problem %+v", p)
			}
		}
	})
}

func checkComplete(t *testing.T, file *File, drafts []*draft) {
	t.Helper()
	if file.Project == "" {
		t.Error("a file without a project is accepted")
	}
	for name, s := range file.Storage {
		keys := [2]*Credential{s.AccessKey, s.SecretKey}
		switch s.Type {
		case "webdav":
			keys = [2]*Credential{s.User, s.Password}
		case "onedata":
			keys = [2]*Credential{s.Token, s.Token}
		}
		if (keys[0] == nil || keys[1] == nil || keys[1].Secret == nil) && !s.UsesRole() || s.Endpoint == "" && s.Type != "s3" || !strings.HasPrefix(name, s.Type+".") {
			t.Errorf("an incomplete provider is accepted: %s %+v", name, s)
		}
	}
	for _, d := range drafts {
		image := d.Image.Reference != "" || isImagePath(d.node.get("image").str())
		if d.Name == "" || !image || d.Memory < 128 || d.Memory > 10240 || d.Timeout < 1 || d.Timeout > 900 ||
			d.TimeoutMargin < 0 || d.TimeoutMargin >= d.Timeout || d.Line < 1 || d.Env == nil || d.Tags == nil {
			t.Errorf("an incomplete function is accepted: %+v", d.Function)
		}
		for _, in := range d.Inputs {
			s, other := file.Storage[in.Provider]
			if other != (in.Provider != OwnS3) || !other && checkBucket(in.Bucket) != "" || other && s.HasBuckets() != (in.Bucket != "") || len(in.Suffix) == 0 || len(in.Events) == 0 {
				t.Errorf("an incomplete input is accepted: %+v", in)
			}
		}
	}
}

// FuzzReference compares nothing with a registry: it makes sure that no reference that is accepted can
// be taken for an option, a path or two words by what it is handed to.
func FuzzReference(f *testing.F) {
	for _, seed := range []string{"alpine", "a.b:5/c:d@sha256:e", "-x", "a b", "../a", "a@", ":", "/", "@"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if checkReference(text) != "" {
			return
		}
		if strings.ContainsAny(text, " \t\r\n\\\x00$\"'") || strings.HasPrefix(text, "-") || strings.Contains(text, "..") || strings.HasPrefix(text, "/") {
			t.Errorf("%q is accepted", text)
		}
	})
}

// FuzzGlob compares what is taken for a glob here with what the runtime takes for one.
func FuzzGlob(f *testing.F) {
	for _, seed := range []string{"*.png", "**/a?", "[a-z]", "[!]", "[]a]", "[]-]]", "[a-", `\`, `\[`, `[\]`, `[\]]`, "[^ü-]", "a]", "[[]"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, glob string) {
		if strings.Contains(glob, "/") {
			return
		}
		if _, err := job.Match(glob, "a"); isGlob(glob) != (err == nil) {
			t.Errorf("%q: here %v, the runtime says %v", glob, isGlob(glob), err)
		}
	})
}
