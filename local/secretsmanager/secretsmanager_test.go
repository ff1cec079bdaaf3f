package secretsmanager

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
	s, err := New(Config{DB: db, Clock: clock.Real{}, Account: "000000000000", Region: "eu-west-1"})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func text(s string) value { return value{SecretString: &s} }

func create(t *testing.T, s *Service, name string) identity {
	t.Helper()
	made, err := s.createSecret(context.Background(), createSecretInput{Name: name, value: text("0")})
	if err != nil {
		t.Fatal(err)
	}
	return made
}

func TestFindingByNameAndARN(t *testing.T) {
	s := newService(t)
	plain, odd := create(t, s, "a/b"), create(t, s, "a/b-suffix")
	for _, c := range []struct{ id, want string }{
		{"a/b", plain.ARN},
		{plain.ARN, plain.ARN},
		{s.prefix() + "a/b", plain.ARN},
		{"a/b-suffix", odd.ARN},
		{odd.ARN, odd.ARN},
		{s.prefix() + "a/b-suffix", ""}, // taken for a/b with a suffix that is not its own
		{s.prefix() + "a/b-000000", ""},
		{s.prefix() + "a", ""},
		{"arn:aws:secretsmanager:eu-west-1:111111111111:secret:a/b", ""},
		{"absent", ""},
	} {
		x, found, err := s.find(c.id)
		if err != nil || found != (c.want != "") || found && s.arn(x) != c.want {
			t.Errorf("%s: %s, %v, %v; want %s", c.id, s.arn(x), found, err, c.want)
		}
	}
	if got, err := s.ResourceARN("absent"); err != nil || got != s.prefix()+"absent-??????" {
		t.Errorf("an absent secret is %s, %v", got, err)
	}
}

func TestVersionsWithoutALabelGo(t *testing.T) {
	s, ctx := newService(t), context.Background()
	first := create(t, s, "s")
	if _, err := s.change("s", func(x *secret) error {
		x.move("kept", first.VersionID)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	for i := range maxVersions + 5 {
		if _, err := s.putSecretValue(ctx, putSecretValueInput{SecretID: "s", value: text(fmt.Sprint(i + 1))}); err != nil {
			t.Fatal(err)
		}
	}
	x, _, err := s.find("s")
	if err != nil || len(x.Versions) != maxVersions {
		t.Errorf("%d versions, %v", len(x.Versions), err)
	}
	for stage, want := range map[string]string{"kept": "0", current: "105", previous: "104"} {
		got, err := s.getSecretValue(ctx, getSecretValueInput{SecretID: "s", VersionStage: stage})
		if err != nil || *got.SecretString != want {
			t.Errorf("%s: %+v, %v; want %s", stage, got, err, want)
		}
	}
}
