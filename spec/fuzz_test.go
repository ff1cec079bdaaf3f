package spec

import (
	"errors"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

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
		everyKey, in("http: {cors: {origins: '*', credentials: true}}\nschedule: cron(0 8 * * ? *)\nqueue: {arn: x, attempts: 1}\nconcurrency: {}\nretries: {max_age: 1m}"),
		in("on_failure: arn:aws:lambda:eu-west-1:123456789012:function:f\nvpc: {subnets: [subnet-1], security_groups: sg-1}\nmounts: {access_point: x, path: /mnt/..}"),
		"required_version: '~${N}'\n" + in("env: {A1: '${TOKEN:-${N}}', B1: '$${x}'}\nmemory: ${N:?m}\ntimeout: ${TOKEN}\nschedule: rate(${N} hours)"),
		bringing, in("secrets: {T1: '${TOKEN}', T2: '${E}', T3: 'x${TOKEN}', T4: '${N:-${TOKEN}}'}\nbatch: {vcpus: 0.5, nodes: 2, main_node: 3}\nmode: batch"),
		"project: a\nfunctions: {}\nstorage: {s3.a: {secret_key: <hunter2>, endpoint: 'http://u:<hunter2>@x'}, webdav.b: {password: [<hunter2>]}}\n",
	} {
		f.Add([]byte(seed), []byte("functions: {f: {memory: 128}}\n"))
	}
	f.Fuzz(func(t *testing.T, text, over []byte) {
		r := &report{}
		sources := sourcesOf(string(text), string(over))
		file, drafts, err := testGrammar().check(sources, fuzzOptions, r)
		var problems Problems
		if err != nil && !errors.As(err, &problems) {
			t.Fatalf("an error that is no problem of the file: %v", err)
		}
		if said := r.err(); said == nil && err == nil {
			checkComplete(t, file, drafts)
		} else if !errors.As(errors.Join(err, said), &problems) || len(problems) == 0 {
			t.Fatalf("no problems in %v, %v", err, said)
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
			if strings.Contains(p.Message, "<hunter3>") && !strings.Contains(string(text)+string(over), "<hunter3>") {
				t.Errorf("the value of a variable is shown: %s", p)
			}
			if p.Line < 1 || p.Line > lines || p.Column < 1 || p.Length < 1 || p.Message == "" || !utf8.ValidString(p.Message) {
				t.Errorf("odd problem %+v", p)
			}
		}
	})
}

var fuzzOptions = Options{Lookup: variables("N", "2", "TOKEN", "<hunter3>", "E", ""), Version: "1.2.3"}

// FuzzShow compares what files say with what is shown of them.
func FuzzShow(f *testing.F) {
	for _, seed := range []string{
		everyKey, in("http: true\nschedule: rate(1 hour)\ndescription: ' x\t'"), lab("input: [minio.lab/abc, webdav.nas]\noutput: [s3://abc, onedata.eosc/x]"),
		"defaults: {tags: {a: b}, script: x}\n" + in("tags: {A: c}\nrun: \"a\\n\\n\""), in("env: {A1: '$$$$', B1: \"\\n a\", C1: '${N}${E:-$$}', D1: ~}"),
		strings.NewReplacer("COMMON}", "TOKEN}", "KEY_ID", "N", "LAB_KEY", "TOKEN", "NAS_", "N", "PLACE", "TOKEN").Replace(bringing),
		in("secrets: {T1: '${TOKEN}', _: '${N}'}\nbatch: {vcpus: 0.5, nodes: 2, env: {A: 1}}\npreheat: true\nrun: ls\ninterpreter: /bin/sh"),
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		want, drafts, err := testGrammar().check(sourcesOf(string(text)), fuzzOptions, &report{})
		if err != nil {
			return
		}
		shown, err := testGrammar().show(sourcesOf(string(text)), fuzzOptions)
		if err != nil {
			return
		}
		written, err := shown.YAML()
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(written), "<hunter3>") && !strings.Contains(string(text), "hunter3") {
			t.Errorf("the secret is shown:\n%s", written)
		}
		if len(written) > maxSource || strings.Contains(string(written), notShown) {
			return
		}
		r := &report{}
		got, again, err := testGrammar().check(sourcesOf(string(written)), fuzzOptions, r)
		if err != nil || r.err() != nil {
			t.Fatalf("%v %v\n%s", err, r.err(), written)
		}
		for i := range drafts {
			want.Functions, got.Functions = append(want.Functions, drafts[i].Function), append(got.Functions, again[i].Function)
		}
		if diff := cmp.Diff(want, got, samePlaces...); diff != "" {
			t.Errorf("%s\n%s", diff, written)
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
		checkTriggers(t, d.Function)
		for _, in := range d.Inputs {
			s, other := file.Storage[in.Provider]
			if other != (in.Provider != OwnS3) || !other && checkBucket(in.Bucket) != "" || other && s.HasBuckets() != (in.Bucket != "") || len(in.Suffix) == 0 || len(in.Events) == 0 {
				t.Errorf("an incomplete input is accepted: %+v", in)
			}
		}
	}
}

func checkTriggers(t *testing.T, f Function) {
	t.Helper()
	if h := f.HTTP; h != nil && (h.Auth != "iam" && h.Auth != "none" || h.CORS != nil && (len(h.CORS.Origins) == 0 || len(h.CORS.Methods) == 0 || len(h.CORS.Headers) == 0)) {
		t.Errorf("an incomplete address is accepted: %+v", h)
	}
	if s := f.Schedule; s != nil && (checkSchedule(s.Expression) != "" || checkZone(s.Timezone) != "") {
		t.Errorf("an incomplete schedule is accepted: %+v", s)
	}
	if q := f.Queue; q != nil && (q.BatchSize < 1 || q.BatchSize > 10 || q.MaxConcurrency == 1 || q.MaxConcurrency > 1000 ||
		(q.ARN == "") != (q.Attempts > 0) || q.ARN != "" && queueARN.check(q.ARN) != "") {
		t.Errorf("an incomplete queue is accepted: %+v", q)
	}
	if f.Concurrency < Unreserved || !f.ConcurrencyManaged && f.Concurrency != 0 || f.Retries.Attempts < 0 || f.Retries.Attempts > 2 ||
		f.Retries.MaxAge < 60 || f.Retries.MaxAge > 21600 {
		t.Errorf("odd limits are accepted: %d %+v", f.Concurrency, f.Retries)
	}
	if v := f.VPC; v != nil && (len(v.Subnets) == 0 || len(v.Subnets) > 16 || len(v.SecurityGroups) == 0 || len(v.SecurityGroups) > 5) || len(f.Mounts) > 1 || len(f.Mounts) > 0 && v == nil {
		t.Errorf("an incomplete network is accepted: %+v %+v", v, f.Mounts)
	}
	if to := f.OnFailure; to != "" && !strings.HasPrefix(to, "s3://") && !strings.HasPrefix(to, "arn:aws") {
		t.Errorf("an odd destination is accepted: %s", to)
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
