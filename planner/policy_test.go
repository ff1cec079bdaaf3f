package planner

import (
	"slices"
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

// TestRolesHaveNoWildcards holds the derived rights to their word: no wildcard action, and no wildcard resource but
// below a prefix, the function's own log group, and those that are listed here with their reason.
func TestRolesHaveNoWildcards(t *testing.T) {
	excused := map[string]string{
		"JoinNetwork":  "Lambda makes interfaces whose ids nobody knows before, and the code is denied the same",
		"KeepFromCode": "a denial",
		"MountFiles":   "the access point is a condition; the ARN of its file system stands nowhere in the file",
		"Permission1":  "the file's own",
	}
	below := []string{
		"arn:aws:s3:::photos/in/*", "arn:aws:s3:::photos/out/*", "arn:aws:s3:::photos/.scar/grayify/*",
		"arn:aws:s3:::failed-photos/aws/lambda/async/grayify/*",
		"arn:aws:s3:::scans/in/*", "arn:aws:s3:::scans/out/*", "arn:aws:s3:::scans/.scar/ocr/*",
		"arn:aws:logs:eu-west-1:123456789012:log-group:/aws/lambda/grayify:*",
		"arn:aws:logs:eu-west-1:123456789012:log-group:/aws/lambda/ocr:*",
		"arn:aws:secretsmanager:eu-west-1:123456789012:secret:imaging/db-??????",
	}
	roles := 0
	for a, r := range mustDesire(t, wholeFile()) {
		role, isRole := r.Value.(Role)
		if !isRole {
			continue
		}
		roles++
		for _, s := range role.Policy.Statements {
			for _, action := range s.Action {
				if strings.Contains(action, "*") {
					t.Errorf("%s: %s allows %s", a, s.Sid, action)
				}
			}
			for _, resource := range s.Resource {
				if strings.ContainsAny(resource, "*?") && excused[s.Sid] == "" && !slices.Contains(below, resource) {
					t.Errorf("%s: %s reaches %s", a, s.Sid, resource)
				}
			}
		}
	}
	if roles != 3 {
		t.Errorf("%d roles, want 3", roles)
	}
}

// TestRightsToTellOfFailures has each sort of destination.
func TestRightsToTellOfFailures(t *testing.T) {
	for _, c := range []struct {
		onFailure string
		want      map[string]StringList // by statement and actions
	}{
		{"", nil},
		{"s3://failed", map[string]StringList{
			"ReportFailures s3:PutObject": {"arn:aws:s3:::failed/aws/lambda/async/grayify/*"}, "ListFailures s3:ListBucket": {"arn:aws:s3:::failed"},
		}},
		{"arn:aws:s3:::failed", map[string]StringList{
			"ReportFailures s3:PutObject": {"arn:aws:s3:::failed/aws/lambda/async/grayify/*"}, "ListFailures s3:ListBucket": {"arn:aws:s3:::failed"},
		}},
		{testQueue, map[string]StringList{"ReportFailures sqs:SendMessage": {testQueue}}},
		{testTopic, map[string]StringList{"ReportFailures sns:Publish": {testTopic}}},
		{"arn:aws:events:eu-west-1:123456789012:event-bus/b", map[string]StringList{"ReportFailures events:PutEvents": {"arn:aws:events:eu-west-1:123456789012:event-bus/b"}}},
		{testResize, map[string]StringList{"ReportFailures lambda:InvokeFunction": {testResize}}},
		{testResize + ":live", map[string]StringList{"ReportFailures lambda:InvokeFunction": {testResize + ":live"}}},
	} {
		state := mustDesire(t, testFile(func(f *spec.File) { f.Functions[0].OnFailure = c.onFailure }))
		var got map[string]StringList
		for _, s := range state[Address{KindRole, "scar-grayify-eu-west-1"}].Value.(Role).Policy.Statements {
			if strings.HasSuffix(s.Sid, "Failures") {
				if got == nil {
					got = map[string]StringList{}
				}
				got[s.Sid+" "+strings.Join(s.Action, " ")] = s.Resource
			}
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%q (-want +got):\n%s", c.onFailure, diff)
		}
		config, exists := state[Address{KindInvokeConfig, "grayify"}]
		if exists != (c.onFailure != "") || exists && config.Value.(InvokeConfig).OnFailure != strings.Replace(c.onFailure, "s3://", "arn:aws:s3:::", 1) {
			t.Errorf("%q: invoke config %+v", c.onFailure, config.Value)
		}
	}
}

// TestRoleTakesFoldersLiterally has folders whose names mean something in policies.
// TestCodeGetsTheNetworkRightsOfTheFile although the rest of what Lambda needs for the VPC is denied to it.
func TestCodeGetsTheNetworkRightsOfTheFile(t *testing.T) {
	for _, c := range []struct {
		actions []string
		denied  int
	}{
		{nil, 6},
		{[]string{"ec2:describeSubnets", "ec2:DescribeInstances"}, 5},
		{[]string{"ec2:Describe*"}, 4},
		{[]string{"ec2:*"}, 0},
	} {
		f := testFile(func(f *spec.File) {
			f.Functions[0].VPC = &spec.VPC{Subnets: []string{"subnet-a"}, SecurityGroups: []string{"sg-1"}}
			f.Functions[0].Permissions = []spec.Permission{{Actions: c.actions, Resources: []string{"*"}}}
		})
		role := mustDesire(t, f)[Address{KindRole, RoleName("grayify", "eu-west-1")}].Value.(Role)
		var denied StringList
		for _, s := range role.Policy.Statements {
			if s.Effect == "Deny" {
				denied = append(denied, s.Action...)
			}
		}
		if len(denied) != c.denied {
			t.Errorf("permissions %v: denied are %v", c.actions, denied)
		}
	}
}

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
