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
		Logs:    spec.Logs{RetentionDays: 30, Level: "info", Format: "text"},
		Tags:    map[string]string{"team": "imaging"},
	}
}

func testEnv(f *spec.File) Env {
	env := Env{Naming: testNaming, Version: "1.0.0", Images: map[string]Image{}, Architectures: map[string]string{}}
	for _, fn := range f.Functions {
		env.Images[fn.Name] = Image{
			Digest: "sha256:" + shortHash(fn.Name),
			Parts:  Parts{Base: "sha256:b", Runtime: "sha256:r", Files: "sha256:f", Script: "sha256:s", Job: "sha256:j"},
		}
		env.Architectures[fn.Name] = "x86_64"
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
