package iam

import (
	"context"
	"net/url"
	"path/filepath"
	"testing"

	"github.com/scar-go/scar/local/clock"
	"github.com/scar-go/scar/local/store"
)

func TestAssumeLooksAtTheSource(t *testing.T) {
	db, err := store.Open(filepath.Join(t.TempDir(), "state"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	s, err := New(Config{DB: db, Clock: clock.Real{}, Account: "000000000000", Region: "us-east-1", AdminAccessKey: "a", AdminSecretKey: "s"})
	if err != nil {
		t.Fatal(err)
	}
	ctx := context.Background()
	const group = "arn:aws:scheduler:us-east-1:000000000000:schedule-group/g"
	_, err = s.createRole(ctx, url.Values{"RoleName": {"r"}, "Path": {"/p/"}, "AssumeRolePolicyDocument": {
		`{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"Service":"scheduler.amazonaws.com"},"Action":"sts:AssumeRole",
		"Condition":{"StringEquals":{"aws:SourceAccount":"000000000000"},"ArnEquals":{"aws:SourceArn":"` + group + `"}}}}`}})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		role, principal, source string
		want                    bool
	}{
		{"p/r", "scheduler.amazonaws.com", group, true},
		{"p/r", "scheduler.amazonaws.com", group + "2", false},
		{"p/r", "lambda.amazonaws.com", group, false},
		{"r", "scheduler.amazonaws.com", group, false},
		{"absent", "scheduler.amazonaws.com", group, false},
	} {
		id, err := s.Assume(ctx, "arn:aws:iam::000000000000:role/"+c.role, c.principal, c.source, "s")
		if (err == nil) != c.want || c.want && (id.Role != "r" || id.Admin()) {
			t.Errorf("%+v: %+v, %v", c, id, err)
		}
	}
}
