package planner

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/scar-go/scar/spec"
)

// The names that the original gave to what it made.
var (
	oldRule      = Address{KindTrigger, "photos/YjM0ZTQ5"}
	oldStatement = Address{KindPermission, "grayify/3f1f6a0e"}
	oldAPI       = Address{KindPermission, "grayify/9c0d7f3e"}
	theFunction  = Address{KindFunction, "grayify"}
	theMarker    = Address{KindParameter, "/scar/imaging/grayify/.replacing"}
	newStatement = Address{KindPermission, "grayify/scar-imaging-s3-" + shortHash("photos")}
	newRule      = Address{KindTrigger, "photos/" + RuleID("imaging", "grayify", "photos", "in/", "", []string{"s3:ObjectCreated:*"})}
)

// original is what the original leaves of the function of testFile, in somebody's bucket.
func original(packageType string) State {
	live := State{}
	for a, v := range map[Address]Value{
		theFunction: Function{
			Name: "grayify", PackageType: packageType, Role: "arn:aws:iam::123456789012:role/scar-role", LogGroup: "/aws/lambda/grayify", Memory: 512, Timeout: 60,
			EphemeralStorage: 512, Architecture: "x86_64", LogFormat: "Text", Concurrency: Unreserved, Tags: Tags{"createdby": "scar", "owner": "me"},
		},
		{KindLogGroup, "/aws/lambda/grayify"}: LogGroup{Name: "/aws/lambda/grayify"},
		{KindBucket, "photos"}:                Bucket{Name: "photos", Region: "eu-west-1"},
		oldRule:                               Trigger{Bucket: "photos", ID: "YjM0ZTQ5", Target: testNaming.FunctionARN("grayify"), Events: []string{"s3:ObjectCreated:*"}, Prefix: "in/"},
		{KindTrigger, "photos/theirs"}:        Trigger{Bucket: "photos", ID: "theirs", Target: testNaming.FunctionARN("grayify-of-theirs"), Events: []string{"s3:ObjectCreated:*"}, Prefix: "x/"},
		oldStatement:                          Permission{Function: "grayify", StatementID: "3f1f6a0e", Action: "lambda:InvokeFunction", Principal: "s3.amazonaws.com", SourceARN: "arn:aws:s3:::photos"},
		oldAPI: Permission{Function: "grayify", StatementID: "9c0d7f3e", Action: "lambda:InvokeFunction", Principal: "apigateway.amazonaws.com",
			SourceARN: "arn:aws:execute-api:eu-west-1:123456789012:a1b2c3/*/ANY/*"},
	} {
		live.Add(Resource{Address: a, Value: v})
	}
	return live
}

// marker says that an apply that replaced the function was cut short.
func marker(live State) {
	live.Add(Resource{Address: theMarker, Value: Parameter{Name: theMarker.Name, Type: "String", Tags: Tags{TagProject: "imaging", TagTakesOver: "original"}},
		Owner: Owner{Project: "imaging", Function: "grayify"}})
}

func TestOriginalsAreTakenOver(t *testing.T) {
	adopt := func(o *Options) { o.Adopt = []Address{theFunction} }
	cut := func(o *Options) {}
	taken := []string{"adopt log_group//aws/lambda/grayify", "delete " + oldStatement.String(), "create " + newStatement.String(), "delete " + oldRule.String(), "create " + newRule.String()}
	for _, c := range []struct {
		name    string
		live    func() State
		options func(*Options)
		want    []string // beside taken
		without []string
		says    []string
	}{
		{"an archive", func() State { return original("Zip") }, adopt, []string{"replace function/grayify"}, nil, []string{
			"as a Zip package, which cannot become an image in place", "the rules of its buckets, what lets buckets start it and its log group", "the 60 seconds before",
			"aws iam delete-role --role-name scar-role", "aws apigateway delete-rest-api --rest-api-id a1b2c3", "its layer x stays"}},
		{"an image", func() State { return original("Image") }, adopt, []string{"adopt function/grayify"}, nil, []string{"it becomes the project's, and with it the rules"}},
		{"cut short before the function was deleted", func() State { s := original("Zip"); marker(s); return s }, adopt,
			[]string{"replace function/grayify", "delete " + theMarker.String()}, nil, []string{"was cut short"}},
		{"cut short when there was no function", func() State {
			s := original("Zip")
			marker(s)
			delete(s, theFunction)
			delete(s, oldStatement)
			delete(s, oldAPI)
			return s
		}, adopt, []string{"create function/grayify", "delete " + theMarker.String()}, []string{"delete " + oldStatement.String()}, []string{"was cut short"}},
		{"cut short, and the next apply does not say so", func() State {
			s := original("Zip")
			marker(s)
			delete(s, theFunction)
			return s
		}, cut, []string{"create function/grayify", "delete " + theMarker.String()}, nil, []string{"was cut short"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			desired, live := mustDesire(t, testFile()), c.live()
			if r, exists := live[theFunction]; exists {
				r.Warnings = []string{"its layer x stays"}
				live[theFunction] = r
			}
			p := mustPlan(t, desired, live, c.options)
			got := slices.DeleteFunc(summary(p), func(line string) bool {
				return slices.ContainsFunc([]string{"image/", "repository/", "role/"}, func(kind string) bool { return strings.Contains(line, " "+kind) })
			})
			want := slices.DeleteFunc(slices.Concat(taken, c.want), func(line string) bool { return slices.Contains(c.without, line) })
			slices.Sort(got)
			slices.Sort(want)
			if !slices.Equal(got, want) {
				t.Errorf("plan:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
			}
			var said strings.Builder
			for _, w := range p.Warnings {
				said.WriteString(w.Message + "\n")
			}
			for _, part := range c.says {
				if !strings.Contains(said.String(), part) {
					t.Errorf("no warning says %q:\n%s", part, said.String())
				}
			}
			content, err := json.Marshal(p)
			if err != nil {
				t.Fatal(err)
			}
			var again Plan
			if err := json.Unmarshal(content, &again); err != nil || !slices.Equal(summary(&again), summary(p)) {
				t.Errorf("read again: %v, %v", err, summary(&again))
			}
			if left := summary(mustPlan(t, desired, apply(live, p))); len(left) > 0 {
				t.Errorf("left to do: %v", left)
			}
			warnings, err := Check(testFile(), desired, WithoutLegacy(desired, live, testOptions(c.options)), nil, false)
			if err != nil {
				t.Errorf("check: %v, %v", err, warnings)
			}
		})
	}
}

// TestOriginalsAreRefusedUnlessAdopted says once how they are taken over, whatever else of theirs is in the way.
func TestOriginalsAreRefusedUnlessAdopted(t *testing.T) {
	for packageType, how := range map[string]string{
		"Zip": "which replaces it, since a Zip package cannot become an image in place, and takes over", "Image": "which makes it the project's and takes over",
	} {
		_, err := New(mustDesire(t, testFile()), original(packageType), testOptions())
		if err == nil || !strings.Contains(err.Error(), "function/grayify was made by the original scar: choose another name, or take it over with --adopt function/grayify, "+how) {
			t.Errorf("%s: %v", packageType, err)
		}
		if strings.Count(err.Error(), "--adopt") != 1 {
			t.Errorf("%s: %v", packageType, err)
		}
	}
}

// TestRulesOfOthersAreNoLegacy leaves what is not the function's own: of a function that the original did not make, and of
// functions in other places.
func TestRulesOfOthersAreNoLegacy(t *testing.T) {
	adopt := func(o *Options) { o.Adopt = []Address{theFunction} }
	byHand := original("Image")
	edit(byHand, theFunction, func(f *Function) { f.Tags = Tags{"owner": "me"} })
	delete(byHand, Address{KindLogGroup, "/aws/lambda/grayify"})
	elsewhere := original("Zip")
	edit(elsewhere, oldRule, func(r *Trigger) { r.Target = "arn:aws:lambda:eu-west-1:210987654321:function:grayify" })
	edit(elsewhere, oldStatement, func(p *Permission) { p.Principal = "events.amazonaws.com" })
	for name, live := range map[string]State{"made by hand": byHand, "of another account": elsewhere} {
		for _, line := range summary(mustPlan(t, mustDesire(t, testFile()), live, adopt)) {
			if strings.HasPrefix(line, "delete ") {
				t.Errorf("%s: %s", name, line)
			}
		}
		if _, stays := WithoutLegacy(mustDesire(t, testFile()), live, testOptions(adopt))[oldRule]; !stays {
			t.Errorf("%s: the rule is not compared with the file's", name)
		}
	}
}

// TestAnInterruptedTakeoverIsDestroyed removes what the original made, too, since nothing else would.
func TestAnInterruptedTakeoverIsDestroyed(t *testing.T) {
	live := original("Zip")
	marker(live)
	delete(live, theFunction)
	p := mustPlan(t, State{}, live, func(o *Options) { o.Destroy = true })
	want := []string{"delete " + oldStatement.String(), "delete " + oldRule.String(), "delete " + theMarker.String()}
	got := summary(p)
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("%v", got)
	}
	for _, c := range p.Changes {
		if c.Address == theMarker && c.Reason == ReasonReplaced {
			t.Error("the end of the replacement would be waited for, and there is no function")
		}
	}
}

// TestTheEndOfAReplacementIsNoTargetByItself brings the whole function with it, whose rules say what to look for.
func TestTheEndOfAReplacementIsNoTargetByItself(t *testing.T) {
	desired := mustDesire(t, testFile())
	live := apply(State{}, mustPlan(t, desired, State{}))
	marker(live)
	p := mustPlan(t, desired, live, func(o *Options) { o.Target = []Address{theMarker} })
	if !slices.ContainsFunc(p.Changes, func(c Change) bool { return c.Address == newRule }) {
		t.Errorf("the plan has %v", summary(p))
	}
}

func TestReplacementOf(t *testing.T) {
	for name, want := range map[string]string{
		ReplacementName("imaging", "grayify"): "grayify", "/scar/imaging/a/b/.replacing": "", "/scar/other/grayify/.replacing": "", "/scar/imaging/grayify/TOKEN": "",
	} {
		if got, found := ReplacementOf("imaging", name); found != (want != "") || found && got != want {
			t.Errorf("%s: %q, %v", name, got, found)
		}
	}
}

// TestRecordsBucket finds it in the role that Desired makes.
func TestRecordsBucket(t *testing.T) {
	f := testFile(func(f *spec.File) { f.Functions[0].Records = "records" })
	role := mustDesire(t, f)[Address{KindRole, "scar-grayify-eu-west-1"}].Value.(Role)
	if bucket, found := RecordsBucket(role); bucket != "records" || !found {
		t.Errorf("%q, %v in %s", bucket, found, role.Policy.JSON())
	}
	if _, found := RecordsBucket(Role{}); found {
		t.Error("a role without rights has records")
	}
}

func TestRecordSaysDone(t *testing.T) {
	for _, c := range []struct {
		record, etag string
		want         bool
	}{
		{`{"status":"done","etag":"abc"}`, "abc", true},
		{`{"status":"failed","etag":"abc"}`, "abc", false},
		{`{"status":"done","etag":"abc"}`, "def", false},
		{`{"status":"done"}`, "", false},
		{`no JSON`, "abc", false},
	} {
		if got := RecordSaysDone([]byte(c.record), c.etag); got != c.want {
			t.Errorf("%s of %s: %v", c.record, c.etag, got)
		}
	}
}

// TestWhatIsTakenOverIsNoOriginalAnyMore is about the tag by which the original's rm -a finds what it deletes. Tags of others stay.
func TestWhatIsTakenOverIsNoOriginalAnyMore(t *testing.T) {
	for _, packageType := range []string{"Zip", "Image"} {
		desired, live := mustDesire(t, testFile()), original(packageType)
		p := mustPlan(t, desired, live, func(o *Options) { o.Adopt = []Address{theFunction} })
		i := slices.IndexFunc(p.Changes, func(c Change) bool { return c.Address == theFunction })
		if i < 0 {
			t.Fatalf("%s: no change of the function", packageType)
		}
		tags := tagsOf(p.Changes[i].After)
		if _, kept := tags[tagOriginal]; kept || tags["owner"] != "me" {
			t.Errorf("%s: the tags are %v", packageType, tags)
		}
	}
	own := testFile()
	own.Functions[0].Tags = map[string]string{tagOriginal: originalMaker}
	desired := mustDesire(t, own)
	if tags := tagsOf(normalise(desired[theFunction], original("Image")[theFunction].Value)); tags[tagOriginal] != originalMaker {
		t.Errorf("the file's own tag is gone: %v", tags)
	}
}
