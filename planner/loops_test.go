package planner

import (
	"strings"
	"testing"

	"github.com/scar-go/scar/spec"
)

func TestLoops(t *testing.T) {
	fn := testFunction
	failing := func(fn spec.Function, to string) spec.Function {
		fn.OnFailure = to
		return fn
	}
	for _, c := range []struct {
		name      string
		functions []spec.Function
		problem   string // part of an error; empty: none
		warning   string
	}{
		{name: "separate prefixes", functions: []spec.Function{fn("a", "x", "in/", "x", "out/")}},
		{name: "a chain", functions: []spec.Function{fn("a", "x", "in/", "x", "mid/"), fn("b", "x", "mid/", "x", "out/")}},
		{name: "output into input", functions: []spec.Function{fn("a", "x", "in/", "x", "in/out/")}, problem: "function a: a → a: "},
		{name: "a loop of two", functions: []spec.Function{fn("a", "x", "in/", "y", "in/"), fn("b", "y", "in/", "x", "in/")}, problem: "a → b → a"},
		{name: "a loop of three", functions: []spec.Function{
			fn("a", "x", "in/", "y", "in/"), fn("b", "y", "in/", "z", "in/"), fn("c", "z", "in/", "x", "in/"),
		}, problem: "a → b → c → a"},
		{name: "output above the input", functions: []spec.Function{fn("a", "x", "out/in/", "x", "out/")}, warning: "a → a"},
		{name: "a suffix that the output may have", functions: []spec.Function{
			suffixed(fn("a", "x", "", "x", "out/"), ".jpg"),
		}, warning: "a → a"},
		{name: "a suffix that the output cannot have", functions: []spec.Function{
			matching(suffixed(fn("a", "x", "", "x", "out/"), ".jpg"), "*.png"),
		}},
		{name: "an input that covers the function's own records", functions: []spec.Function{
			suffixed(fn("a", "x", "", "x", "out/"), ".json"),
		}, problem: "a → a"},
		{name: "an input that covers the records of the next", functions: []spec.Function{
			matching(fn("a", "x", "in/", "y", "out/"), "*.png"), suffixed(fn("b", "y", ".scar/", "x", "in/"), ".json"),
		}, problem: "a → b → a"},
		{name: "records beside a suffix", functions: []spec.Function{
			fn("a", "x", "in/", "y", "out/"), suffixed(fn("b", "y", ".scar/", "z", "out/"), ".jpg"),
		}},
		{name: "failures into the input", functions: []spec.Function{failing(fn("a", "x", "", "y", "out/"), "s3://x")}, problem: "a → a"},
		{name: "failures below the input's suffix", functions: []spec.Function{
			failing(suffixed(fn("a", "x", "", "y", "out/"), ".jpg"), "s3://x"),
		}},
		{name: "failures start another", functions: []spec.Function{
			failing(fn("a", "x", "in/", "y", "out/"), "s3://failed"), fn("b", "failed", "aws/lambda/async/a/", "y", "other/"),
		}},
		{name: "failures start another, which starts the first", functions: []spec.Function{
			failing(fn("a", "x", "in/", "y", "out/"), "s3://failed"), fn("b", "failed", "aws/lambda/async/", "x", "in/again/"),
		}, problem: "a → b → a"},
		{name: "itself hears of its failures", functions: []spec.Function{
			failing(fn("a", "x", "in/", "y", "out/"), testNaming.FunctionARN("a")),
		}, problem: "a → a"},
		{name: "two hear of each other's failures", functions: []spec.Function{
			failing(fn("a", "x", "in/", "y", "out/"), testNaming.FunctionARN("b")), failing(fn("b", "z", "in/", "y", "more/"), testNaming.FunctionARN("a")+":live"),
		}, problem: "a → b → a"},
		{name: "by a queue", functions: []spec.Function{queued(fn("a", "x", "in/", "x", "in/out/"))}, problem: "a → a"},
		{name: "removals start nothing new", functions: []spec.Function{on(fn("a", "x", "in/", "x", "in/out/"), "s3:ObjectRemoved:*")}},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := testFile(func(f *spec.File) { f.Functions = c.functions })
			warnings, err := check(t, f, nil, nil)
			if c.problem == "" && err != nil || c.problem != "" && (err == nil || !strings.Contains(err.Error(), c.problem)) {
				t.Errorf("problem %v, want %q", err, c.problem)
			}
			if (c.warning == "") != (len(warnings) == 0) || !strings.Contains(messages(warnings), c.warning) {
				t.Errorf("warnings %q, want %q", warnings, c.warning)
			}
			allowed, err := Check(f, mustDesire(t, f), nil, nil, true)
			if err != nil || !strings.Contains(messages(allowed), c.problem[strings.LastIndex(c.problem, ": ")+1:]) {
				t.Errorf("where loops are allowed: warnings %q, problem %v", allowed, err)
			}
		})
	}
}

func messages(warnings []Warning) string {
	var all strings.Builder
	for _, w := range warnings {
		all.WriteString(w.Message + "\n")
	}
	return all.String()
}

func TestProblemsSayWhereTheyAre(t *testing.T) {
	f := testFile(func(f *spec.File) {
		fn := testFunction("b", "x", "in/", "x", "in/out/")
		fn.File, fn.Line, fn.Column = "more.yaml", 12, 5
		f.Functions = []spec.Function{fn}
	})
	if _, err := check(t, f, nil, nil); err == nil || !strings.Contains(err.Error(), "more.yaml:12:5: function b: ") {
		t.Errorf("got %v", err)
	}
}

func on(fn spec.Function, events ...string) spec.Function {
	fn.Inputs[0].Events = events
	return fn
}

func queued(fn spec.Function) spec.Function {
	fn.Queue = &spec.Queue{BatchSize: 10, Attempts: 5}
	return fn
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
