package ssm

import (
	"context"
	"fmt"
	"path/filepath"
	"testing"

	"github.com/scar-go/scar/local/clock"
	"github.com/scar-go/scar/local/store"
)

func newService(t *testing.T) *Service {
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
	s, err := New(Config{DB: db, Clock: clock.Real{}, Account: "000000000000", Region: "cn-north-1"})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestNamesAndARNs(t *testing.T) {
	s := newService(t)
	const prefix = "arn:aws-cn:ssm:cn-north-1:000000000000:parameter/"
	for _, c := range []struct{ id, arn, name, selector string }{
		{"/a/b", prefix + "a/b", "/a/b", ""},
		{"/a/b:3", prefix + "a/b", "/a/b", "3"},
		{" /a/b ", prefix + "a/b", "/a/b", ""},
		{"a", prefix + "a", "a", ""},
		{"/a", prefix + "a", "/a", ""},
		{prefix + "a/b", prefix + "a/b", "/a/b", ""},
		{prefix + "a/b:3", prefix + "a/b", "/a/b", "3"},
		{prefix + "a", prefix + "a", "a", ""},
		{"/a/", prefix + "a/", "/a/", ""},
	} {
		name, selector := s.split(c.id)
		if arn := s.ARN(c.id); arn != c.arn || name != c.name || selector != c.selector {
			t.Errorf("%q: %s, %q, %q", c.id, arn, name, selector)
		}
	}
}

func TestAParameterOfOnePartIsFoundByItsARNWithAndWithoutASlash(t *testing.T) {
	s, ctx := newService(t), context.Background()
	for _, name := range []string{"/slash", "none"} {
		if _, err := s.putParameter(ctx, putParameterInput{Name: name, Value: name, Type: typeString}); err != nil {
			t.Fatal(err)
		}
		got, err := s.getParameter(ctx, getParameterInput{Name: s.ARN(name)})
		if err != nil || got.Parameter.Value != name {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
}

func TestOldVersionsGo(t *testing.T) {
	s, ctx := newService(t), context.Background()
	for i := range maxVersions + 5 {
		out, err := s.putParameter(ctx, putParameterInput{Name: "/p", Value: fmt.Sprint(i + 1), Type: typeString, Overwrite: true})
		if err != nil || out.Version != int64(i+1) {
			t.Fatalf("version %d: %+v, %v", i+1, out, err)
		}
	}
	for number, want := range map[int]bool{1: false, 5: false, 6: true, 105: true, 106: false} {
		got, err := s.getParameter(ctx, getParameterInput{Name: fmt.Sprintf("/p:%d", number)})
		if (err == nil) != want || want && got.Parameter.Value != fmt.Sprint(number) {
			t.Errorf("version %d: %+v, %v", number, got, err)
		}
	}
}
