package planner

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/scar-go/scar/spec"
)

func TestPoliciesThatMeanTheSame(t *testing.T) {
	for name, pair := range map[string][2]string{
		"string or list": {
			`{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"s3:GetObject","Resource":["b","a"]}}`,
			`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["s3:GetObject"],"Resource":["a","b"]}]}`,
		},
		"order of statements": {
			`{"Statement":[{"Sid":"B","Effect":"Deny","Action":"x:y","Resource":"*"},{"Sid":"A","Effect":"Allow","Action":"x:y","Resource":"*"}]}`,
			`{"Statement":[{"Sid":"A","Effect":"Allow","Action":"x:y","Resource":"*"},{"Sid":"B","Effect":"Deny","Action":"x:y","Resource":"*"}]}`,
		},
		"principals and conditions": {
			`{"Statement":[{"Effect":"Allow","Principal":"*","Action":"x:y","Condition":{"Bool":{"aws:SecureTransport":true}}}]}`,
			`{"Statement":[{"Effect":"Allow","Principal":{"AWS":["*"]},"Action":["x:y"],"Condition":{"Bool":{"aws:SecureTransport":["true"]}}}]}`,
		},
	} {
		a, err := ParsePolicy([]byte(pair[0]))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		b, err := ParsePolicy([]byte(pair[1]))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if diff := cmp.Diff(a.JSON(), b.JSON()); diff != "" {
			t.Errorf("%s:\n%s", name, diff)
		}
	}
}

// TestRoleHasNoWildcards holds the derived rights to their word: no wildcard action, and no resource
// that is not below a bucket's prefix or the function's own log group.
func TestRoleHasNoWildcards(t *testing.T) {
	role := mustDesire(t, testFile())[Address{KindRole, "scar-grayify-eu-west-1"}].Value.(Role)
	for _, s := range role.Policy.Statements {
		for _, action := range s.Action {
			if strings.Contains(action, "*") {
				t.Errorf("%s allows %s", s.Sid, action)
			}
		}
		for _, resource := range s.Resource {
			allowed := map[string]bool{
				"arn:aws:s3:::photos/in/*":            true,
				"arn:aws:s3:::photos/out/*":           true,
				"arn:aws:s3:::photos/.scar/grayify/*": true,
				"arn:aws:s3:::photos":                 s.Condition != nil,
				"arn:aws:logs:eu-west-1:123456789012:log-group:/aws/lambda/grayify:*": true,
			}
			if !allowed[resource] {
				t.Errorf("%s reaches %s", s.Sid, resource)
			}
		}
	}
}

// TestRoleTakesFoldersLiterally has folders whose names mean something in policies.
func TestRoleTakesFoldersLiterally(t *testing.T) {
	file := testFile(func(f *spec.File) {
		f.Functions[0].Inputs[0].Prefix, f.Functions[0].Outputs[0].Prefix = "a?/", "${aws:username}*/"
	})
	document := mustDesire(t, file)[Address{KindRole, "scar-grayify-eu-west-1"}].Value.(Role).Policy.JSON()
	for _, want := range []string{`"arn:aws:s3:::photos/a${?}/*"`, `"s3:prefix":[".scar/grayify/*","a${?}/*"]`, `"arn:aws:s3:::photos/${$}{aws:username}${*}/*"`} {
		if !strings.Contains(document, want) {
			t.Errorf("%s lacks %s", document, want)
		}
	}
}

// TestPolicyIsASCII has characters of one, two and four bytes in UTF-16.
func TestPolicyIsASCII(t *testing.T) {
	p := Policy{Statements: []Statement{{Effect: "Allow", Resource: StringList{"arn:aws:s3:::photos/ü/日本/😀/*"}}}}
	if got, want := p.JSON(), `{"Statement":[{"Effect":"Allow","Resource":["arn:aws:s3:::photos/\u00fc/\u65e5\u672c/\ud83d\ude00/*"]}]}`; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	again, err := ParsePolicy([]byte(p.JSON()))
	if err != nil || cmp.Diff(p, again) != "" {
		t.Errorf("read back as %v, %v", again, err)
	}
}

func FuzzParsePolicy(f *testing.F) {
	f.Add([]byte(`{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"s3:GetObject","Resource":["b","a"]}}`))
	f.Add([]byte(`{"Statement":[{"Principal":"*","Condition":{"Bool":{"k":true}}}]}`))
	f.Add([]byte(`{"Statement":[[]]}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := ParsePolicy(b)
		if err != nil {
			return
		}
		again, err := ParsePolicy([]byte(p.JSON()))
		if err != nil {
			t.Fatalf("%s: written as %s, which cannot be read: %v", b, p.JSON(), err)
		}
		if p.JSON() != again.JSON() {
			t.Errorf("%s reads as %s, then as %s", b, p.JSON(), again.JSON())
		}
	})
}
