package flow

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/scar-go/scar/planner"
	"github.com/scar-go/scar/spec"
)

const token, key = "/scar/imaging/grayify/TOKEN", "/scar/imaging/storage/minio.lab/secret_key"

func fileWith(secrets map[string]string) *spec.File {
	f := &spec.File{Project: "imaging"}
	for name, secret := range secrets {
		f.Parameters = append(f.Parameters, spec.Parameter{Name: name, Value: spec.Seal(secret)})
	}
	return f
}

func TestDigestsOf(t *testing.T) {
	f := fileWith(map[string]string{token: "hunter2", key: "hunter2"})
	got, err := new(Account).digestsOf(t.Context(), f)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{token, key} {
		if want, err := planner.ParameterDigest(name, "hunter2"); err != nil || got[name] != want {
			t.Errorf("%s has the digest %q, want %q (%v)", name, got[name], want, err)
		}
	}
	if len(got) != 2 || got[token] == got[key] {
		t.Errorf("equal secrets show: %v", got)
	}
	interrupted, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := new(Account).digestsOf(interrupted, f); !errors.Is(err, context.Canceled) {
		t.Errorf("interrupted: %v", err)
	}
}

// A saved plan stores what was approved, or nothing.
func TestSecretsOfASavedPlan(t *testing.T) {
	digest := func(name, secret string) string {
		d, err := planner.ParameterDigest(name, secret)
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	change := func(name, secret string, action planner.Action) planner.Change {
		v := planner.Parameter{Name: name, Type: "SecureString", Digest: digest(name, secret)}
		return planner.Change{Address: planner.Address{Kind: v.Kind(), Name: name}, Action: action, After: v}
	}
	plan := &planner.Plan{Changes: []planner.Change{
		change(token, "hunter2", planner.Create), change(key, "hunter3", planner.Update), change("/scar/imaging/f/OLD", "hunter4", planner.NoOp),
	}}
	for _, c := range []struct {
		name    string
		secrets map[string]string
		want    []string
	}{
		{"as planned", map[string]string{token: "hunter2", key: "hunter3"}, nil},
		{"another one", map[string]string{token: "hunter5", key: "hunter3"}, []string{"the secret of " + token + " is not the planned one any more: plan again"}},
		{"gone", map[string]string{token: "hunter5"}, []string{token + " is not the planned", "the file does not bring the secret of " + key + " any more: plan again"}},
	} {
		err := new(Account).checkSecretsOf(t.Context(), fileWith(c.secrets), plan)
		if (err == nil) != (c.want == nil) {
			t.Errorf("%s: %v", c.name, err)
		}
		for _, want := range c.want {
			if !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "hunter") {
				t.Errorf("%s: %v, want %s", c.name, err, want)
			}
		}
	}
}

// What is not stored is not asked for: a plan that changes something else needs no file.
func TestSavedPlansWithoutSecretsReadNoFile(t *testing.T) {
	unchanged := planner.Parameter{Name: token}
	plan := &planner.Plan{Changes: []planner.Change{
		{Address: planner.Address{Kind: planner.KindParameter, Name: token}, Action: planner.NoOp, After: unchanged},
		{Address: planner.Address{Kind: planner.KindParameter, Name: key}, Action: planner.Delete, Before: unchanged},
	}}
	if _, err := new(Account).carry(t.Context(), plan, func() (*spec.File, error) { return nil, errors.New("it was read") }); err != nil {
		t.Error(err)
	}
	plan.Changes[0].Action = planner.Update
	if _, err := new(Account).carry(t.Context(), plan, func() (*spec.File, error) { return nil, errors.New("it was read") }); err == nil || err.Error() != "it was read" {
		t.Errorf("%v", err)
	}
}

func TestWhatIsPreheated(t *testing.T) {
	code, memory := []planner.Field{{Path: "image"}}, []planner.Field{{Path: "memory"}}
	f, plan := &spec.File{}, &planner.Plan{}
	for i, c := range []struct {
		action  planner.Action
		fields  []planner.Field
		preheat bool
	}{
		{planner.Create, nil, true}, {planner.Create, nil, false}, {planner.Replace, nil, true}, {planner.Update, code, true}, {planner.Update, memory, true},
		{planner.Update, code, false}, {planner.Adopt, code, true}, {planner.Adopt, memory, true}, {planner.NoOp, nil, true}, {planner.Delete, nil, true},
	} {
		name := fmt.Sprintf("f%d", i)
		f.Functions = append(f.Functions, spec.Function{Name: name, Preheat: c.preheat})
		for _, kind := range []planner.Kind{planner.KindFunction, planner.KindImage} {
			plan.Changes = append(plan.Changes, planner.Change{Address: planner.Address{Kind: kind, Name: name}, Action: c.action, Fields: c.fields})
		}
	}
	if diff := cmp.Diff([]string{"f0", "f2", "f3", "f6"}, preheats(f, plan)); diff != "" {
		t.Errorf("preheated (-want +got):\n%s", diff)
	}
}
