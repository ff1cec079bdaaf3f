package iam

import (
	"strings"
	"testing"

	"github.com/scar-go/scar/local/wire"
)

// policyOf wraps statements into a document.
func policyOf(statements ...string) string {
	return `{"Version":"2012-10-17","Statement":[` + strings.Join(statements, ",") + `]}`
}

const (
	allowInput = `{"Effect":"Allow","Action":"s3:GetObject","Resource":"arn:aws:s3:::b/in/*"}`
	denySecret = `{"Effect":"Deny","Action":"s3:*","Resource":"arn:aws:s3:::b/in/secret/*"}`
	listInput  = `{"Effect":"Allow","Action":"s3:ListBucket","Resource":"arn:aws:s3:::b","Condition":{"StringLike":{"s3:prefix":["in/*","in/"]}}}`
)

func TestEvaluate(t *testing.T) {
	for name, c := range map[string]struct {
		policy, action, resource string
		conditions               map[string][]string
		want                     bool
	}{
		"nothing allows":          {policyOf(allowInput), "s3:PutObject", "arn:aws:s3:::b/in/k", nil, false},
		"allowed":                 {policyOf(allowInput), "s3:GetObject", "arn:aws:s3:::b/in/k", nil, true},
		"actions ignore case":     {policyOf(allowInput), "S3:getobject", "arn:aws:s3:::b/in/k", nil, true},
		"resources do not":        {policyOf(allowInput), "s3:GetObject", "arn:aws:s3:::b/IN/k", nil, false},
		"star takes slashes":      {policyOf(allowInput), "s3:GetObject", "arn:aws:s3:::b/in/a/b", nil, true},
		"prefix itself is other":  {policyOf(allowInput), "s3:GetObject", "arn:aws:s3:::b/in", nil, false},
		"deny wins":               {policyOf(allowInput, denySecret), "s3:GetObject", "arn:aws:s3:::b/in/secret/k", nil, false},
		"deny comes first":        {policyOf(denySecret, allowInput), "s3:GetObject", "arn:aws:s3:::b/in/secret/k", nil, false},
		"condition holds":         {policyOf(listInput), "s3:ListBucket", "arn:aws:s3:::b", map[string][]string{"S3:Prefix": {"in/x"}}, true},
		"condition does not":      {policyOf(listInput), "s3:ListBucket", "arn:aws:s3:::b", map[string][]string{"s3:prefix": {"out/"}}, false},
		"condition key absent":    {policyOf(listInput), "s3:ListBucket", "arn:aws:s3:::b", nil, false},
		"not action":              {policyOf(`{"Effect":"Allow","NotAction":"iam:*","Resource":"*"}`), "s3:GetObject", "x", nil, true},
		"not action excludes":     {policyOf(`{"Effect":"Allow","NotAction":"iam:*","Resource":"*"}`), "iam:GetRole", "x", nil, false},
		"not resource":            {policyOf(`{"Effect":"Allow","Action":"*","NotResource":"arn:aws:s3:::b/*"}`), "s3:GetObject", "arn:aws:s3:::c/k", nil, true},
		"not resource excludes":   {policyOf(`{"Effect":"Allow","Action":"*","NotResource":"arn:aws:s3:::b/*"}`), "s3:GetObject", "arn:aws:s3:::b/k", nil, false},
		"question mark":           {policyOf(`{"Effect":"Allow","Action":"s3:Get?bject","Resource":"arn:aws:s3:::b/?"}`), "s3:GetObject", "arn:aws:s3:::b/ü", nil, true},
		"one statement, no list":  {`{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":["a:b","s3:*"],"Resource":["*"]}}`, "s3:GetObject", "x", nil, true},
		"all conditions must":     {policyOf(`{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"StringEquals":{"a:x":"1"},"Bool":{"a:y":"true"}}}`), "s3:GetObject", "x", map[string][]string{"a:x": {"1"}, "a:y": {"false"}}, false},
		"deny with a condition":   {policyOf(`{"Effect":"Allow","Action":"*","Resource":"*"}`, `{"Effect":"Deny","Action":"*","Resource":"*","Condition":{"StringNotEquals":{"a:x":"1"}}}`), "s3:GetObject", "x", nil, false},
		"deny that does not hold": {policyOf(`{"Effect":"Allow","Action":"*","Resource":"*"}`, `{"Effect":"Deny","Action":"*","Resource":"*","Condition":{"StringNotEquals":{"a:x":"1"}}}`), "s3:GetObject", "x", map[string][]string{"a:x": {"1"}}, true},
	} {
		d, err := parseDocument(c.policy)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		got, err := evaluate([]document{d}, newRequest(c.action, c.resource, c.conditions))
		if err != nil || got != c.want {
			t.Errorf("%s: %v %v, want %v", name, got, err, c.want)
		}
	}
}

func TestConditionOperators(t *testing.T) {
	const key = "aws:key"
	for _, c := range []struct {
		operator string
		patterns []string
		given    []string // nil: absent
		want     bool
	}{
		{"StringEquals", []string{"a", "b"}, []string{"b"}, true},
		{"StringEquals", []string{"a"}, []string{"A"}, false},
		{"StringEquals", []string{"a"}, nil, false},
		{"StringEqualsIfExists", []string{"a"}, nil, true},
		{"StringEqualsIfExists", []string{"a"}, []string{"b"}, false},
		{"StringEqualsIgnoreCase", []string{"a"}, []string{"A"}, true},
		{"StringNotEquals", []string{"a", "b"}, []string{"c"}, true},
		{"StringNotEquals", []string{"a", "b"}, []string{"b"}, false},
		{"StringNotEquals", []string{"a"}, nil, true},
		{"StringLike", []string{"in/*"}, []string{"in/x/y"}, true},
		{"StringNotLike", []string{"in/*"}, []string{"in/x"}, false},
		{"NumericEquals", []string{"10"}, []string{"10.0"}, true},
		{"NumericLessThan", []string{"10"}, []string{"9"}, true},
		{"NumericLessThan", []string{"10"}, []string{"x"}, false},
		{"NumericLessThanEquals", []string{"10"}, []string{"10"}, true},
		{"NumericGreaterThan", []string{"10"}, []string{"10"}, false},
		{"NumericGreaterThanEquals", []string{"10"}, []string{"10"}, true},
		{"NumericNotEquals", []string{"10"}, []string{"11"}, true},
		{"DateGreaterThan", []string{"2026-01-01T00:00:00Z"}, []string{"2026-06-01T00:00:00Z"}, true},
		{"DateLessThan", []string{"2026-01-01T00:00:00Z"}, []string{"1700000000"}, true},
		{"Bool", []string{"true"}, []string{"true"}, true},
		{"Bool", []string{"true"}, []string{"false"}, false},
		{"Bool", []string{"false"}, nil, false},
		{"IpAddress", []string{"10.0.0.0/8"}, []string{"10.1.2.3"}, true},
		{"NotIpAddress", []string{"10.0.0.0/8"}, []string{"10.1.2.3"}, false},
		{"ArnLike", []string{"arn:aws:s3:::b*"}, []string{"arn:aws:s3:::bucket"}, true},
		{"ArnLike", []string{"arn:aws:*"}, []string{"arn:aws:s3:::bucket"}, false},
		{"ArnEquals", []string{"arn:aws:s3:::b?"}, []string{"arn:aws:s3:::bb"}, true},
		{"ArnNotLike", []string{"arn:aws:s3:::b*"}, []string{"arn:aws:s3:::c"}, true},
		{"Null", []string{"true"}, nil, true},
		{"Null", []string{"true"}, []string{"x"}, false},
		{"Null", []string{"false"}, []string{"x"}, true},
		{"ForAllValues:StringEquals", []string{"a", "b"}, []string{"a", "b"}, true},
		{"ForAllValues:StringEquals", []string{"a"}, []string{"a", "b"}, false},
		{"ForAllValues:StringEquals", []string{"a"}, nil, true},
		{"ForAnyValue:StringEquals", []string{"a"}, []string{"a", "b"}, true},
		{"ForAnyValue:StringEquals", []string{"a"}, nil, false},
		{"ForAnyValue:StringNotEquals", []string{"a"}, []string{"a", "b"}, true},
		{"ForAllValues:StringNotEquals", []string{"a"}, []string{"a", "b"}, false},
	} {
		have := map[string][]string{}
		if c.given != nil {
			have[key] = c.given
		}
		got, err := conditionsHold(map[string]map[string]values{c.operator: {"AWS:Key": c.patterns}}, have)
		if err != nil || got != c.want {
			t.Errorf("%s %v of %v: %v %v, want %v", c.operator, c.patterns, c.given, got, err, c.want)
		}
	}
	for _, unknown := range []string{"StringIs", "ForSome:StringEquals", "NullIfExists", "", "IfExists"} {
		if holds, err := conditionsHold(map[string]map[string]values{unknown: {key: {"a"}}}, nil); err == nil || holds {
			t.Errorf("unknown operator %q: %v %v", unknown, holds, err)
		}
	}
}

func TestWildcard(t *testing.T) {
	for _, c := range []struct {
		pattern, text string
		want          bool
	}{
		{"", "", true}, {"", "a", false}, {"*", "", true}, {"**", "abc", true}, {"?", "", false}, {"?", "ü", true},
		{"a*c", "abcabc", true}, {"a*c", "abcab", false}, {"*b*b*", "abab", true}, {"a?c*", "abc", true},
		{"ü*", "üx", true}, {"*ü", "xü", true}, {strings.Repeat("*a", 30) + "b", strings.Repeat("a", 2000), false},
		{"a${?}*", "a?x", true}, {"a${?}*", "abx", false}, {"*${*}", "x*", true}, {"*${*}", "xy", false}, {"${$}{*}", "${x}", true},
		{"${", "${", true}, {"${x}", "${x}", true}, {"${?", "${y", true},
	} {
		if got := wildcard(c.pattern, c.text); got != c.want {
			t.Errorf("wildcard(%q, %q) = %v", c.pattern, c.text, got)
		}
	}
}

func TestTrust(t *testing.T) {
	const arn = "arn:aws:iam::000000000000:role/r"
	service := map[string][]string{"Service": {"lambda.amazonaws.com"}}
	role := map[string][]string{"AWS": {arn, "000000000000"}}
	statement := func(principal, rest string) string {
		return policyOf(`{"Effect":"Allow","Principal":` + principal + `,"Action":"sts:AssumeRole"` + rest + `}`)
	}
	for name, c := range map[string]struct {
		policy string
		names  map[string][]string
		want   bool
	}{
		"service":         {statement(`{"Service":["ec2.amazonaws.com","lambda.amazonaws.com"]}`, ""), service, true},
		"another service": {statement(`{"Service":"ec2.amazonaws.com"}`, ""), service, false},
		"everybody":       {statement(`"*"`, ""), service, true},
		"any account":     {statement(`{"AWS":"*"}`, ""), role, true},
		"not a service":   {statement(`{"AWS":"*"}`, ""), service, false},
		"account":         {statement(`{"AWS":"000000000000"}`, ""), role, true},
		"role":            {statement(`{"AWS":"`+arn+`"}`, ""), role, true},
		"condition":       {statement(`"*"`, `,"Condition":{"StringEquals":{"aws:SourceAccount":"000000000000"}}`), service, true},
		"other account":   {statement(`"*"`, `,"Condition":{"StringEquals":{"aws:SourceAccount":"111111111111"}}`), service, false},
		"denied":          {policyOf(`{"Effect":"Allow","Principal":"*","Action":"sts:*"}`, `{"Effect":"Deny","Principal":{"Service":"lambda.amazonaws.com"},"Action":"sts:AssumeRole"}`), service, false},
	} {
		d, err := parseDocument(c.policy)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		got, err := d.trusts(c.names, "sts:AssumeRole", map[string][]string{"aws:SourceAccount": {"000000000000"}})
		if err != nil || got != c.want {
			t.Errorf("%s: %v %v, want %v", name, got, err, c.want)
		}
	}
}

func FuzzPolicy(f *testing.F) {
	f.Add(policyOf(allowInput, denySecret, listInput), "s3:GetObject", "arn:aws:s3:::b/in/k", "s3:prefix", "in/")
	f.Add(policyOf(`{"Effect":"Allow","NotAction":["a:b"],"NotResource":"*","Condition":{"ForAllValues:StringNotLikeIfExists":{"k":[1,true,"*?"]}}}`), "a:c", "", "k", "v")
	f.Add(policyOf(`{"Effect":"Allow","Principal":{"AWS":"*"},"Action":"sts:AssumeRole"}`), "sts:AssumeRole", "x", "", "")
	f.Add(`{"Statement":null}`, "", "", "", "")
	f.Fuzz(func(t *testing.T, policy, action, resource, key, value string) {
		_ = checkIdentityPolicy(policy)
		_ = checkTrust(policy)
		d, err := parseDocument(policy)
		if err != nil {
			return
		}
		request := newRequest(action, resource, map[string][]string{key: {value}})
		allowed, err := evaluate([]document{d}, request)
		if err != nil {
			t.Fatalf("a document that was accepted cannot be evaluated: %v", err)
		}
		// Whatever a document says, a deny of everything beside it decides.
		all, err := parseDocument(policyOf(`{"Effect":"Deny","Action":"*","Resource":"*"}`))
		if err != nil {
			t.Fatal(err)
		}
		if denied, err := evaluate([]document{d, all}, request); err != nil || denied {
			t.Errorf("allowed beside a deny of everything: %v", err)
		}
		if again, _ := evaluate([]document{d}, request); again != allowed {
			t.Error("the same question got two answers")
		}
	})
}

func BenchmarkEvaluate(b *testing.B) {
	text := policyOf(allowInput, denySecret, listInput)
	for b.Loop() {
		d, err := parseDocument(text)
		if err != nil {
			b.Fatal(err)
		}
		if ok, err := evaluate([]document{d}, newRequest("s3:GetObject", "arn:aws:s3:::b/in/k", nil)); err != nil || !ok {
			b.Fatal(ok, err)
		}
	}
}

// TestTheCodeOfAFunctionIsKnown denies something to the code of a function that the service behind its role may do.
func TestTheCodeOfAFunctionIsKnown(t *testing.T) {
	d, err := parseDocument(policyOf(`{"Effect":"Allow","Action":"ec2:*","Resource":"*"}`,
		`{"Effect":"Deny","Action":"ec2:*","Resource":"*","Condition":{"ArnEquals":{"lambda:SourceFunctionArn":"arn:aws:lambda:us-east-1:000000000000:function:f"}}}`))
	if err != nil {
		t.Fatal(err)
	}
	for function, want := range map[string]bool{"": true, "arn:aws:lambda:us-east-1:000000000000:function:f": false, "arn:aws:lambda:us-east-1:000000000000:function:g": true} {
		got, err := evaluate([]document{d}, newRequest("ec2:DescribeSubnets", "*", nil).by(wire.Identity{Function: function}))
		if err != nil || got != want {
			t.Errorf("code of %q: %v, %v", function, got, err)
		}
	}
}
