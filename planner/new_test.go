package planner

import (
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/scar-go/scar/spec"
)

var update = flag.Bool("update", false, "write the golden files anew")

func TestFirstPlanIsGolden(t *testing.T) {
	p := mustPlan(t, mustDesire(t, testFile()), State{})
	got, err := json.MarshalIndent(p, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	compareGolden(t, "first_plan.json", string(got)+"\n")
}

func TestSecondPlanIsEmpty(t *testing.T) {
	desired := mustDesire(t, testFile())
	live := apply(State{}, mustPlan(t, desired, State{}))
	if got := summary(mustPlan(t, desired, live)); len(got) != 0 {
		t.Errorf("plan after apply: %v", got)
	}
}

// TestEveryFieldConverges changes each field of each live value in turn and expects the plan to name
// that field, and to be empty once it is carried out.
func TestEveryFieldConverges(t *testing.T) {
	desired := mustDesire(t, wholeFile())
	applied := apply(State{}, mustPlan(t, desired, State{}))
	kinds := map[Kind]bool{}
	fields := 0
	for a, r := range applied {
		kinds[a.Kind] = true
		for _, m := range mutations(r.Value) {
			if inAddress(a, m.path) || reserves(desired[a], m.path) {
				continue
			}
			fields++
			t.Run(fmt.Sprintf("%s %s", a, m.path), func(t *testing.T) {
				live := maps.Clone(applied)
				r.Value = m.value
				live[a] = r
				p := mustPlan(t, desired, live)
				if !slices.ContainsFunc(p.Changes, func(c Change) bool { return c.Address == a && named(c.Fields, m.path) }) {
					t.Fatalf("the change of %s goes unseen", m.path)
				}
				if got := summary(mustPlan(t, desired, apply(live, p))); len(got) != 0 {
					t.Errorf("plan after apply: %v", got)
				}
			})
		}
	}
	if len(kinds) != len(Kinds()) {
		t.Errorf("the file has resources of %d kinds, there are %d", len(kinds), len(Kinds()))
	}
	if fields < 200 {
		t.Errorf("only %d fields were changed", fields)
	}
	t.Logf("%d fields of %d resources", fields, len(applied))
}

// named says whether a field, or an entry of it, is among those that differ.
func named(fields []Field, path string) bool {
	return slices.ContainsFunc(fields, func(f Field) bool { return f.Path == path || strings.HasPrefix(f.Path, path+"[") })
}

// inAddress leaves out fields that are part of the address, which no change by hand can reach, and
// a bucket's region, which is refused.
func inAddress(a Address, path string) bool {
	switch a.Kind {
	case KindBucket:
		return path == "name" || path == "region"
	case KindImage:
		return path == "repository" || path == "tag"
	case KindPermission:
		return path == "function" || path == "statement_id"
	case KindTrigger:
		return path == "bucket" || path == "id"
	case KindEventSource, KindInvokeConfig, KindFunctionURL:
		return path == "function"
	case KindSchedule:
		return path == "group" || path == "name"
	default:
		return path == "name"
	}
}

// reserves leaves out the concurrency of a function whose file does not mention it.
func reserves(r Resource, path string) bool {
	return r.Kind == KindFunction && path == "concurrency" && !r.ConcurrencyManaged
}

type mutation struct {
	path  string
	value Value
}

// mutations returns copies of a value, each with one leaf changed.
func mutations(v Value) []mutation {
	var out []mutation
	var walk func(path string, t reflect.Type, index []int)
	walk = func(path string, t reflect.Type, index []int) {
		for i := range t.NumField() {
			sf := t.Field(i)
			at := append(append([]int{}, index...), i)
			name := path + jsonName(sf)
			if sf.Type.Kind() == reflect.Struct && sf.Type != reflect.TypeFor[Policy]() {
				walk(name+".", sf.Type, at)
				continue
			}
			copied := reflect.New(reflect.TypeOf(v)).Elem()
			copied.Set(reflect.ValueOf(v))
			mutate(copied.FieldByIndex(at))
			out = append(out, mutation{name, copied.Interface().(Value)})
		}
	}
	walk("", reflect.TypeOf(v), nil)
	return out
}

func mutate(v reflect.Value) {
	switch v.Kind() {
	case reflect.String:
		v.SetString(v.String() + "x")
	case reflect.Int:
		v.SetInt(v.Int() + 1)
	case reflect.Bool:
		v.SetBool(!v.Bool())
	case reflect.Slice:
		v.Set(reflect.AppendSlice(reflect.MakeSlice(v.Type(), 0, 1), reflect.ValueOf([]string{"changed"}).Convert(v.Type())))
	case reflect.Map:
		changed := reflect.MakeMap(v.Type())
		for _, k := range v.MapKeys() {
			changed.SetMapIndex(k, reflect.ValueOf("changed"))
		}
		if v.Len() == 0 {
			changed.SetMapIndex(reflect.ValueOf("added"), reflect.ValueOf("changed"))
		}
		if project := reflect.ValueOf(TagProject); v.MapIndex(project).IsValid() {
			changed.SetMapIndex(project, v.MapIndex(project)) // or it would be another's
		}
		v.Set(changed)
	case reflect.Struct:
		v.Set(reflect.ValueOf(Policy{Version: "2008-10-17"}))
	default:
		panic("a value has a field of a kind that no test changes: " + v.Kind().String())
	}
}

func TestPlans(t *testing.T) {
	for _, c := range []struct {
		name    string
		file    func(*spec.File)
		live    func(State) // changes what a first apply made
		options func(*Options)
		want    []string
		refused string // part of the error
	}{
		{name: "a function leaves the file", file: func(f *spec.File) {
			f.Functions[0].Name = "other"
		}, want: []string{
			"create image/other", "delete image/grayify",
			"create log_group//aws/lambda/other", "delete log_group//aws/lambda/grayify",
			"create role/scar-other-eu-west-1", "delete role/scar-grayify-eu-west-1",
			"create function/other", "delete function/grayify",
			"create permission/other/scar-imaging-s3-" + shortHash("photos"), "delete permission/grayify/scar-imaging-s3-" + shortHash("photos"),
			"create trigger/photos/" + RuleID("imaging", "other", "photos", "in/", "", []string{"s3:ObjectCreated:*"}),
			"delete trigger/photos/" + RuleID("imaging", "grayify", "photos", "in/", "", []string{"s3:ObjectCreated:*"}),
		}},
		{name: "memory", file: func(f *spec.File) { f.Functions[0].Memory = 1024 }, want: []string{"update function/grayify"}},
		{name: "a bucket leaves the file and stays", file: func(f *spec.File) {
			f.Functions[0].Outputs[0] = spec.Output{Provider: spec.OwnS3, Bucket: "results"}
			f.Functions[0].Records = "results"
			f.Functions[0].Inputs[0].Bucket = "results"
			f.Functions[0].Inputs[0].Prefix = "in/"
			f.Functions[0].Outputs[0].Prefix = "out/"
		}, want: []string{
			"retain bucket/photos", "create bucket/results", "update role/scar-grayify-eu-west-1",
			"create permission/grayify/scar-imaging-s3-" + shortHash("results"), "delete permission/grayify/scar-imaging-s3-" + shortHash("photos"),
			"delete trigger/photos/" + RuleID("imaging", "grayify", "photos", "in/", "", []string{"s3:ObjectCreated:*"}),
			"create trigger/results/" + RuleID("imaging", "grayify", "results", "in/", "", []string{"s3:ObjectCreated:*"}),
		}},
		{name: "a zip function is replaced with its permissions", live: func(s State) {
			edit(s, Address{KindFunction, "grayify"}, func(f *Function) { f.PackageType = "Zip" })
		}, want: []string{"replace function/grayify", "create permission/grayify/scar-imaging-s3-" + shortHash("photos")}},
		{name: "a foreign bucket is used as it is", live: func(s State) {
			a := Address{KindBucket, "photos"}
			s[a] = Resource{Address: a, Value: Bucket{Name: "photos", Region: "eu-west-1", Tags: Tags{"team": "x"}}}
		}, want: []string{}},
		{name: "a bucket of another region", live: func(s State) {
			edit(s, Address{KindBucket, "photos"}, func(b *Bucket) { b.Region = "us-east-1" })
		}, refused: "function grayify: bucket photos is in region us-east-1"},
		{name: "a foreign function", live: func(s State) {
			own(s, Address{KindFunction, "grayify"}, Owner{})
		}, refused: "function/grayify exists and was not made by scar"},
		{name: "a function of another project", live: func(s State) {
			own(s, Address{KindFunction, "grayify"}, Owner{Project: "theirs"})
		}, refused: "function/grayify belongs to the project theirs"},
		{name: "a foreign function adopted", live: func(s State) {
			own(s, Address{KindFunction, "grayify"}, Owner{})
			edit(s, Address{KindFunction, "grayify"}, func(f *Function) { f.Tags = Tags{"theirs": "1"}; f.Memory = 128 })
		}, options: func(o *Options) { o.Adopt = []Address{{KindFunction, "grayify"}} }, want: []string{"adopt function/grayify"}},
		{name: "nothing to adopt", options: func(o *Options) { o.Adopt = []Address{{KindFunction, "nobody"}} }, refused: "the file describes no such resource"},
		{name: "foreign tags stay", live: func(s State) {
			edit(s, Address{KindFunction, "grayify"}, func(f *Function) { f.Tags = with(f.Tags, "cost", "7") })
		}, want: []string{}},
		{name: "foreign tags go when the file has tags", file: func(f *spec.File) { f.Functions[0].TagsManaged = true }, live: func(s State) {
			edit(s, Address{KindFunction, "grayify"}, func(f *Function) { f.Tags = with(f.Tags, "cost", "7") })
		}, want: []string{"update function/grayify"}},
		{name: "another scar's version is no reason", live: func(s State) {
			edit(s, Address{KindFunction, "grayify"}, func(f *Function) { f.Tags = with(f.Tags, TagVersion, "0.9.0") })
		}, want: []string{}},
		{name: "a target brings its needs", file: func(f *spec.File) {
			f.Functions[0].Memory = 1024
			f.Functions = append(f.Functions, testFunction("second", "scans", "in/", "scans", "out/"))
		}, options: func(o *Options) { o.Target = []Address{{KindFunction, "second"}} }, want: []string{
			"create bucket/scans", "create image/second", "create log_group//aws/lambda/second", "create role/scar-second-eu-west-1", "create function/second",
			"create permission/second/scar-imaging-s3-" + shortHash("scans"),
			"create trigger/scans/" + RuleID("imaging", "second", "scans", "in/", "", []string{"s3:ObjectCreated:*"}),
		}},
		{name: "an unknown target", options: func(o *Options) { o.Target = []Address{{KindFunction, "nobody"}} }, refused: "the plan has no such resource"},
	} {
		t.Run(c.name, func(t *testing.T) {
			live := apply(State{}, mustPlan(t, mustDesire(t, testFile()), State{}))
			if c.live != nil {
				c.live(live)
			}
			f := testFile()
			if c.file != nil {
				c.file(f)
			}
			var edits []func(*Options)
			if c.options != nil {
				edits = append(edits, c.options)
			}
			p, err := New(mustDesire(t, f), live, testOptions(edits...))
			if c.refused != "" {
				if err == nil || !strings.Contains(err.Error(), c.refused) {
					t.Fatalf("error %v, want one with %q", err, c.refused)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			want := c.want
			got := summary(p)
			slices.Sort(want)
			slices.Sort(got)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("changes (-want +got):\n%s", diff)
			}
		})
	}
}

func TestDestroy(t *testing.T) {
	live := apply(State{}, mustPlan(t, mustDesire(t, testFile()), State{}))
	foreign := Address{KindFunction, "theirs"}
	live[foreign] = Resource{Address: foreign, Value: Function{Name: "theirs"}, Owner: Owner{Project: "theirs"}}

	p := mustPlan(t, State{}, live, func(o *Options) { o.Destroy = true })
	left := apply(live, p)
	want := []Address{{KindBucket, "photos"}, foreign}
	if len(left) != len(want) {
		t.Errorf("left: %v, want %v", left.Sorted(), want)
	}
	for _, a := range want {
		if _, found := left[a]; !found {
			t.Errorf("%s is gone", a)
		}
	}
	for _, c := range p.Changes {
		if c.Action == Delete && c.Reason != ReasonDestroy {
			t.Errorf("%s: reason %s", c.Address, c.Reason)
		}
	}
	everything := mustPlan(t, State{}, live, func(o *Options) { o.Destroy, o.DeleteBuckets = true, true })
	if left := apply(live, everything); len(left) != 1 {
		t.Errorf("left with DeleteBuckets: %v", left.Sorted())
	}
	logs := mustPlan(t, State{}, live, func(o *Options) { o.Destroy, o.KeepLogs = true, true })
	if _, kept := apply(live, logs)[Address{KindLogGroup, "/aws/lambda/grayify"}]; !kept {
		t.Error("KeepLogs deletes the log group")
	}
}

func edit[V Value](s State, a Address, change func(*V)) {
	r, found := s[a]
	if !found {
		panic("no " + a.String())
	}
	v := r.Value.(V)
	change(&v)
	r.Value = v
	s[a] = r
}

func own(s State, a Address, o Owner) {
	r := s[a]
	r.Owner = o
	s[a] = r
}

func with(t Tags, key, value string) Tags {
	t = maps.Clone(t)
	t[key] = value
	return t
}

func TestPlanSurvivesJSON(t *testing.T) {
	live := apply(State{}, mustPlan(t, mustDesire(t, testFile()), State{}))
	edit(live, Address{KindFunction, "grayify"}, func(f *Function) { f.PackageType = "Zip" })
	f := testFile(func(f *spec.File) {
		f.Functions[0].Env["API_TOKEN"] = "x"
		f.Functions = append(f.Functions, testFunction("second", "scans", "in/", "photos", "out/"))
	})
	p := mustPlan(t, mustDesire(t, f), live)
	p.Source = &Source{Files: []string{"func.yaml"}, Version: "1.0.0"}
	if len(p.Warnings) != 1 {
		t.Errorf("warnings %v, want one about API_TOKEN", p.Warnings)
	}
	b, err := json.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	var back Plan
	if err := json.Unmarshal(b, &back); err != nil {
		t.Fatal(err)
	}
	again, err := json.Marshal(&back)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(b), string(again)); diff != "" {
		t.Error(diff)
	}
	for i, c := range p.Changes {
		if c.Action == NoOp {
			continue
		}
		if diff := cmp.Diff(c.Fields, back.Changes[i].Fields); diff != "" {
			t.Errorf("%s: fields:\n%s", c.Address, diff)
		}
	}
}

func FuzzPlanJSON(f *testing.F) {
	for _, c := range mustPlan(f, mustDesire(f, wholeFile()), State{}).Changes {
		one, err := json.Marshal(&Plan{Changes: []Change{c}}) // a large seed would leave no time for others
		if err != nil {
			f.Fatal(err)
		}
		f.Add(one)
	}
	f.Add([]byte(`{"format_version":"1.0","resource_changes":[{"address":"function/x","change":{"action":"delete","before":{"name":"x"}}}]}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		var p Plan
		if json.Unmarshal(b, &p) != nil {
			return
		}
		if _, err := json.Marshal(&p); err != nil {
			t.Errorf("a plan that was read cannot be written: %v", err)
		}
	})
}

func BenchmarkPlan1000Functions(b *testing.B) {
	f := &spec.File{Project: "imaging"}
	for i := range 1000 {
		bucket := fmt.Sprintf("bucket-%d", i/10)
		f.Functions = append(f.Functions, testFunction(fmt.Sprintf("f%d", i), bucket, fmt.Sprintf("in/%d/", i), bucket, fmt.Sprintf("out/%d/", i)))
	}
	live := apply(State{}, mustPlan(b, mustDesire(b, f), State{}))
	for b.Loop() {
		if p := mustPlan(b, mustDesire(b, f), live); p.HasChanges() {
			b.Fatal(summary(p))
		}
	}
}
