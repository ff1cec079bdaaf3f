package planner

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestRemovalOfAFunctionGoesOn plans the removal of a function of which one that was cut short left the rest.
func TestRemovalOfAFunctionGoesOn(t *testing.T) {
	f := testFile()
	f.Functions = append(f.Functions, testFunction("second", "scans", "in/", "scans", "out/"))
	live := apply(State{}, mustPlan(t, mustDesire(t, f), State{}))
	delete(live, Address{KindFunction, "grayify"})
	p, err := New(State{}, live, testOptions(func(o *Options) { o.Target, o.Destroy = []Address{{KindFunction, "grayify"}}, true }))
	if err != nil {
		t.Fatal(err)
	}
	got := summary(p)
	slices.Sort(got)
	for _, want := range []string{"delete log_group//aws/lambda/grayify", "delete role/scar-grayify-eu-west-1"} {
		if !slices.Contains(got, want) {
			t.Errorf("no %s in %v", want, got)
		}
	}
	for _, change := range p.Changes {
		if change.Owner.Function != "grayify" && change.Action == Delete {
			t.Errorf("%s, of %q, goes too", change.Address, change.Owner.Function)
		}
	}
}

// TestWhatTheOriginalKeptIsHidden holds that the file which a function of the original carries is not shown, with the credentials in it.
func TestWhatTheOriginalKeptIsHidden(t *testing.T) {
	before, after := Function{Name: "f", Environment: map[string]string{"FDL": "c2VjcmV0", "FDLS": "x"}}, Function{Name: "f"}
	got := map[string]bool{}
	for _, field := range Diff(before, after) {
		got[field.Path] = field.Sensitive
	}
	if diff := cmp.Diff(map[string]bool{"environment[FDL]": true, "environment[FDLS]": false}, got); diff != "" {
		t.Error(diff)
	}
}
