package iam

import (
	"context"
	"path/filepath"
	"strings"
	"testing"

	"github.com/scar-go/scar/local/clock"
	"github.com/scar-go/scar/local/store"
	"github.com/scar-go/scar/local/wire"
)

const queueARN = "arn:aws:sqs:us-east-1:000000000000:q"

func resourcePolicy(statements ...string) string {
	return `{"Version":"2012-10-17","Statement":[` + strings.Join(statements, ",") + `]}`
}

func newTestService(t *testing.T) *Service {
	t.Helper()
	db, err := store.Open(filepath.Join(t.TempDir(), "state.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	s, err := New(Config{DB: db, Clock: clock.Real{}, Account: "000000000000", Region: "us-east-1"})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestServicesNeedTheResourcesPolicy(t *testing.T) {
	s := &Service{}
	const fromBucket = `{"Effect":"Allow","Principal":{"Service":"s3.amazonaws.com"},"Action":"sqs:SendMessage","Resource":"` + queueARN + `",
		"Condition":{"ArnEquals":{"aws:SourceArn":"arn:aws:s3:::photos"},"StringEquals":{"aws:SourceAccount":"000000000000"}}}`
	from := func(bucket, account string) map[string][]string {
		return map[string][]string{"aws:SourceArn": {"arn:aws:s3:::" + bucket}, "aws:SourceAccount": {account}}
	}
	const tlsOnly = `{"Effect":"Deny","Principal":"*","Action":"*","Resource":"*","Condition":{"Bool":{"aws:SecureTransport":"false"}}}`
	for name, c := range map[string]struct {
		policy, service string
		conditions      map[string][]string
		want            bool
	}{
		"the bucket":                  {resourcePolicy(fromBucket), "s3.amazonaws.com", from("photos", "000000000000"), true},
		"another bucket":              {resourcePolicy(fromBucket), "s3.amazonaws.com", from("other", "000000000000"), false},
		"another account's":           {resourcePolicy(fromBucket), "s3.amazonaws.com", from("photos", "111111111111"), false},
		"another service":             {resourcePolicy(fromBucket), "sns.amazonaws.com", from("photos", "000000000000"), false},
		"no policy":                   {"", "s3.amazonaws.com", from("photos", "000000000000"), false},
		"everybody":                   {resourcePolicy(`{"Effect":"Allow","Principal":{"AWS":"*"},"Action":"SQS:*","Resource":"*"}`), "s3.amazonaws.com", nil, true},
		"TLS only":                    {resourcePolicy(fromBucket, tlsOnly), "s3.amazonaws.com", from("photos", "000000000000"), true},
		"denied by another statement": {resourcePolicy(fromBucket, strings.Replace(tlsOnly, `"false"`, `"true"`, 1)), "s3.amazonaws.com", from("photos", "000000000000"), false},
	} {
		got, err := s.ServiceAllowedOn(c.policy, c.service, "sqs:SendMessage", queueARN, c.conditions)
		if err != nil || got != c.want {
			t.Errorf("%s: %v, %v", name, got, err)
		}
	}
}

func TestCallersNeedTheRoleOrTheResource(t *testing.T) {
	const (
		roleARN   = "arn:aws:iam::000000000000:role/r"
		allow     = `{"Effect":"Allow","Action":"sqs:SendMessage","Resource":"*"}`
		deny      = `{"Effect":"Deny","Action":"sqs:SendMessage","Resource":"*"}`
		allowRole = `{"Effect":"Allow","Principal":{"AWS":"` + roleARN + `"},"Action":"sqs:SendMessage","Resource":"*"}`
		allowRoot = `{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::000000000000:root"},"Action":"sqs:SendMessage","Resource":"*"}`
		denyAll   = `{"Effect":"Deny","Principal":"*","Action":"sqs:SendMessage","Resource":"*"}`
	)
	for name, c := range map[string]struct {
		own, resource string
		want          bool
	}{
		"by the role":                {resourcePolicy(allow), "", true},
		"by the resource":            {"", resourcePolicy(allowRole), true},
		"the account is not enough":  {"", resourcePolicy(allowRoot), false},
		"by neither":                 {"", "", false},
		"denied by the role":         {resourcePolicy(deny), resourcePolicy(allowRole), false},
		"denied by the resource":     {resourcePolicy(allow), resourcePolicy(denyAll), false},
		"a policy that is no policy": {resourcePolicy(allow), "{", false},
	} {
		s := newTestService(t)
		r := role{Name: "r", Path: "/", Inline: map[string]string{}}
		if c.own != "" {
			r.Inline["p"] = c.own
		}
		if err := s.roles.Put("r", r); err != nil {
			t.Fatal(err)
		}
		id := wire.Identity{AccessKey: "k", Role: "r", ARN: "arn:aws:sts::000000000000:assumed-role/r/s"}
		got, err := s.AllowedOn(context.Background(), id, c.resource, "sqs:SendMessage", queueARN, nil)
		if got != c.want || (err != nil) != (c.resource == "{") {
			t.Errorf("%s: %v, %v", name, got, err)
		}
	}
}

func TestPoliciesOfResourcesNameSomebody(t *testing.T) {
	s := &Service{}
	for text, ok := range map[string]bool{
		resourcePolicy(`{"Effect":"Allow","Principal":"*","Action":"sqs:*","Resource":"*"}`):             true,
		resourcePolicy(`{"Effect":"Allow","Action":"sqs:*","Resource":"*"}`):                             false,
		resourcePolicy(`{"Effect":"Allow","Principal":{"Service":"no"},"Action":"sqs:*","Resource":""}`): false,
		`{`: false,
	} {
		if err := s.CheckResourcePolicy(text); (err == nil) != ok {
			t.Errorf("%s: %v", text, err)
		}
	}
}
