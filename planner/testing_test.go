package planner

import (
	"fmt"
	"testing"

	"github.com/scar-go/scar/spec"
)

// testNaming is an account for tests.
var testNaming = Naming{Partition: "aws", Account: "123456789012", Region: "eu-west-1"}

// testFile is a project with one function, the way spec would read it, changed by edits.
func testFile(edits ...func(*spec.File)) *spec.File {
	f := &spec.File{
		Path: "func.yaml", Project: "imaging", Tags: map[string]string{"team": "imaging"},
		Functions: []spec.Function{testFunction("grayify", "photos", "in/", "photos", "out/")},
	}
	for _, edit := range edits {
		edit(f)
	}
	return f
}

func testFunction(name, inBucket, inPrefix, outBucket, outPrefix string) spec.Function {
	return spec.Function{
		Name: name, Image: spec.Source{Reference: "example/imagemagick:7"},
		Script: &spec.Script{Name: "s.sh", Content: []byte("#!/bin/sh\n")},
		Memory: 512, Timeout: 300, TimeoutMargin: 10, EphemeralStorage: 512,
		Env:     map[string]string{"QUALITY": "80"},
		Inputs:  []spec.Input{{Provider: spec.OwnS3, Bucket: inBucket, Prefix: inPrefix, Suffix: []string{""}, Events: []string{"s3:ObjectCreated:*"}}},
		Outputs: []spec.Output{{Provider: spec.OwnS3, Bucket: outBucket, Prefix: outPrefix}},
		Records: outBucket,
		Retries: spec.Retries{Attempts: DefaultAttempts, MaxAge: DefaultMaxAge},
		Logs:    spec.Logs{RetentionDays: 30, Level: "info", Format: "text"},
		Tags:    map[string]string{"team": "imaging"},
	}
}

// wholeFile is a project that has every kind of resource, and every setting that bears on one.
func wholeFile(edits ...func(*spec.File)) *spec.File {
	direct := testFunction("grayify", "photos", "in/", "photos", "out/")
	direct.Description = "To grayscale"
	direct.Secrets = map[string]spec.Secret{"TOKEN": {Service: "ssm", Name: "/imaging/token"}, "DB": {Service: "secretsmanager", Name: "imaging/db", Key: "password"}}
	direct.Secrets["API_KEY"] = spec.Secret{Service: "ssm", Name: "/scar/imaging/grayify/API_KEY"}
	direct.HTTP = &spec.HTTP{Auth: "none", CORS: &spec.CORS{
		Origins: []string{"https://example.org"}, Methods: []string{"GET", "POST"}, Headers: []string{"content-type"}, Expose: []string{"x-id"}, Credentials: true, MaxAge: 600,
	}}
	direct.Schedule = &spec.Schedule{Expression: "rate(1 hour)", Timezone: "Europe/Berlin"}
	direct.Concurrency, direct.ConcurrencyManaged = 50, true
	direct.Retries, direct.OnFailure = spec.Retries{Attempts: 0, MaxAge: 3600}, "s3://failed-photos"
	direct.VPC = &spec.VPC{Subnets: []string{"subnet-b", "subnet-a"}, SecurityGroups: []string{"sg-1"}}
	direct.Mounts = []spec.Mount{{AccessPoint: testPoint, Path: "/mnt/data"}}
	direct.Permissions = []spec.Permission{{Actions: []string{"dynamodb:PutItem"}, Resources: []string{"arn:aws:dynamodb:*:*:table/jobs"}}}
	direct.Logs = spec.Logs{RetentionDays: 7, Level: "debug", Format: "json", Metrics: true}

	buffered := queued(testFunction("ocr", "scans", "in/", "scans", "out/"))
	buffered.Queue.MaxConcurrency = 20
	buffered.HTTP = &spec.HTTP{API: "ocr", Auth: "none", CORS: &spec.CORS{Origins: []string{"*"}, Methods: []string{"*"}, Headers: []string{"*"}}}

	taking := testFunction("take", "scans", "more/", "scans", "taken/")
	taking.Queue = &spec.Queue{ARN: "arn:aws:sqs:eu-west-1:123456789012:theirs", BatchSize: 5}
	taking.HTTP = &spec.HTTP{Auth: "iam"}
	taking.OnFailure = "arn:aws:sns:eu-west-1:123456789012:failed"
	taking.Role = "arn:aws:iam::123456789012:role/theirs"

	return testFile(append([]func(*spec.File){func(f *spec.File) {
		f.TagsManaged = true
		f.Functions = []spec.Function{direct, buffered, taking}
		f.Parameters = []spec.Parameter{{Name: "/scar/imaging/grayify/API_KEY", Value: spec.Seal("hunter2")}}
		for i := range f.Functions {
			f.Functions[i].TagsManaged = true
		}
	}}, edits...)...)
}

func testEnv(f *spec.File) Env {
	env := Env{Naming: testNaming, Version: "1.0.0", Images: map[string]Image{}, Architectures: map[string]string{}, Parameters: map[string]string{}}
	for _, fn := range f.Functions {
		env.Images[fn.Name] = Image{
			Digest: "sha256:" + shortHash(fn.Name),
			Parts:  Parts{Base: "sha256:b", Runtime: "sha256:r", Files: "sha256:f", Script: "sha256:s", Job: "sha256:j"},
		}
		env.Architectures[fn.Name] = "x86_64"
	}
	for _, p := range f.Parameters {
		env.Parameters[p.Name] = "digest of " + shortHash(p.Name+p.Value.Reveal()) // the real one takes its time
	}
	return env
}

func mustDesire(t testing.TB, f *spec.File) State {
	t.Helper()
	s, err := Desired(f, testEnv(f))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func mustPlan(t testing.TB, desired, live State, edits ...func(*Options)) *Plan {
	t.Helper()
	p, err := New(desired, live, testOptions(edits...))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func testOptions(edits ...func(*Options)) Options {
	opts := Options{Project: "imaging", Naming: testNaming}
	for _, edit := range edits {
		edit(&opts)
	}
	return opts
}

// check is what Check says of a file in an account of which nothing but the answers is known.
func check(t testing.TB, f *spec.File, live State, answers Answers) ([]Warning, error) {
	t.Helper()
	return Check(f, mustDesire(t, f), live, answers, false)
}

// apply is what a perfect cloud does with a plan.
func apply(live State, p *Plan) State {
	after := State{}
	for a, r := range live {
		after[a] = r
	}
	for _, c := range p.Changes {
		switch c.Action {
		case Delete:
			delete(after, c.Address)
		case Create, Update, Replace, Adopt:
			after.Add(Resource{Address: c.Address, Value: c.After, Owner: c.Owner})
		}
	}
	return after
}

// summary lists the changes that do something, a line each.
func summary(p *Plan) []string {
	lines := []string{}
	for _, c := range p.Changes {
		if c.Action != NoOp {
			lines = append(lines, fmt.Sprintf("%s %s", c.Action, c.Address))
		}
	}
	return lines
}
