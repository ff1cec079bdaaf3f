package planner

import (
	"strings"
	"testing"

	"github.com/scar-go/scar/spec"
)

func TestFlow(t *testing.T) {
	fn := testFunction
	for _, c := range []struct {
		name      string
		functions []spec.Function
		problem   string // part of an error; empty: none
		warning   string
	}{
		{name: "separate prefixes", functions: []spec.Function{fn("a", "x", "in/", "x", "out/")}},
		{name: "a chain", functions: []spec.Function{fn("a", "x", "in/", "x", "mid/"), fn("b", "x", "mid/", "x", "out/")}},
		{name: "output into input", functions: []spec.Function{fn("a", "x", "in/", "x", "in/out/")}, problem: "functions a → a"},
		{name: "a loop of two", functions: []spec.Function{fn("a", "x", "in/", "y", "in/"), fn("b", "y", "in/", "x", "in/")}, problem: "functions a → b → a"},
		{name: "a loop of three", functions: []spec.Function{
			fn("a", "x", "in/", "y", "in/"), fn("b", "y", "in/", "z", "in/"), fn("c", "z", "in/", "x", "in/"),
		}, problem: "functions a → b → c → a"},
		{name: "output above the input", functions: []spec.Function{fn("a", "x", "out/in/", "x", "out/")}, warning: "a → a"},
		{name: "a suffix that the output may have", functions: []spec.Function{
			suffixed(fn("a", "x", "", "x", "out/"), ".jpg"),
		}, warning: "a → a"},
		{name: "a suffix that the output cannot have", functions: []spec.Function{
			matching(suffixed(fn("a", "x", "", "x", "out/"), ".jpg"), "*.png"),
		}},
		{name: "one bucket's rules overlap", functions: []spec.Function{fn("a", "x", "in/", "y", "a/"), fn("b", "x", "in/sub/", "y", "b/")}, problem: "functions a and b"},
		{name: "an input that covers the records", functions: []spec.Function{
			fn("a", "x", "in/", "y", "out/"), fn("b", "y", ".scar/", "z", "out/"),
		}, problem: "covers the records"},
		{name: "records beside a suffix", functions: []spec.Function{
			fn("a", "x", "in/", "y", "out/"), suffixed(fn("b", "y", ".scar/", "z", "out/"), ".jpg"),
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := testFile(func(f *spec.File) { f.Functions = c.functions })
			state, err := Desired(f, testEnv(f))
			if c.problem == "" && err != nil || c.problem != "" && (err == nil || !strings.Contains(err.Error(), c.problem)) {
				t.Errorf("problem %v, want %q", err, c.problem)
			}
			var warnings []string
			for _, r := range state {
				warnings = append(warnings, r.Warnings...)
			}
			if all := strings.Join(warnings, "\n"); (c.warning == "") != (all == "") || !strings.Contains(all, c.warning) {
				t.Errorf("warnings %q, want %q", all, c.warning)
			}
		})
	}
}

func TestProblemsSayWhereTheyAre(t *testing.T) {
	first, second := testFunction("a", "x", "in/", "y", "a/"), testFunction("b", "x", "in/", "y", "b/")
	first.File, first.Line, first.Column = "func.yaml", 3, 3
	second.File, second.Line, second.Column = "more.yaml", 12, 5
	f := testFile(func(f *spec.File) { f.Functions = []spec.Function{first, second} })
	_, err := Desired(f, testEnv(f))
	if err == nil || !strings.Contains(err.Error(), "more.yaml:12:5: functions a and b: ") && !strings.Contains(err.Error(), "func.yaml:3:3: functions b and a: ") {
		t.Errorf("got %v", err)
	}
}

func suffixed(fn spec.Function, suffix string) spec.Function {
	fn.Inputs[0].Suffix = []string{suffix}
	return fn
}

func matching(fn spec.Function, glob string) spec.Function {
	fn.Outputs[0].Match = []string{glob}
	return fn
}

func TestEventsOverlap(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want bool
	}{
		{"s3:ObjectCreated:*", "s3:ObjectCreated:Put", true},
		{"s3:ObjectCreated:Put", "s3:ObjectCreated:*", true},
		{"s3:ObjectCreated:Put", "s3:ObjectCreated:Copy", false},
		{"s3:ObjectCreated:*", "s3:ObjectRemoved:*", false},
	} {
		if got := eventsOverlap(c.a, c.b); got != c.want {
			t.Errorf("eventsOverlap(%s, %s) = %v", c.a, c.b, got)
		}
	}
}
