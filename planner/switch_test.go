package planner

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/scar-go/scar/spec"
)

// settle applies what a file wants to a state.
func settle(t testing.TB, f *spec.File, live State) State {
	t.Helper()
	return apply(live, mustPlan(t, mustDesire(t, f), live))
}

// TestSwitches goes from one way of starting a function to another. Each line of want is an action, an address, and
// behind it what the change has to wait for among the changes.
func TestSwitches(t *testing.T) {
	const (
		role, function = "role/scar-grayify-eu-west-1", "function/grayify"
		queue, dead    = "queue/scar-imaging_grayify", "queue/scar_dead-imaging_grayify"
		source         = "event_source/grayify/scar-imaging_grayify"
		url, api       = "function_url/grayify", "http_api/images"
		open, invoke   = "permission/grayify/scar-imaging-url", "permission/grayify/scar-imaging-url-invoke"
		group          = "schedule_group/scar-imaging"
		schedule       = "schedule/scar-imaging/grayify"
		scheduleRole   = "role/scar-grayify.schedule-eu-west-1"
		tagged         = "update " + function // its tags say what starts it
	)
	trigger := "trigger/photos/" + RuleID("imaging", "grayify", "photos", "in/", "", []string{"s3:ObjectCreated:*"})
	permission := "permission/grayify/" + StatementID("imaging", "photos")
	none := func(*spec.Function) {}
	own := func(fn *spec.Function) { fn.Queue = &spec.Queue{BatchSize: 10, Attempts: 5} }
	theirs := func(fn *spec.Function) { fn.Queue = &spec.Queue{ARN: testQueue, BatchSize: 10} }
	others := func(fn *spec.Function) {
		fn.Queue = &spec.Queue{ARN: strings.Replace(testQueue, "123456789012", "999999999999", 1), BatchSize: 10}
	}
	withHTTP := func(h spec.HTTP) func(*spec.Function) { return func(fn *spec.Function) { fn.HTTP = &h } }
	scheduled := func(fn *spec.Function) {
		fn.Schedule = &spec.Schedule{Expression: "rate(1 hour)", Timezone: "UTC"}
	}
	renamed := func(change func(*spec.Function)) func(*spec.Function) {
		return func(fn *spec.Function) { change(fn); fn.Name = "other" }
	}
	failing := func(fn *spec.Function) { fn.OnFailure = "s3://failed" }
	for _, c := range []struct {
		name     string
		from, to func(*spec.Function)
		want     []string
	}{
		{"a queue comes between", none, own, []string{
			"create " + queue + " after " + dead, "create " + dead, "update " + role,
			"delete " + permission, "update " + trigger + " after " + queue, tagged + " after " + role, "create " + source + " after " + function + " " + queue,
		}},
		{"a queue goes", own, none, []string{
			"delete " + queue + " after " + source, "delete " + dead + " after " + queue, "update " + role,
			tagged + " after " + role, "create " + permission + " after " + function, "update " + trigger + " after " + permission, "delete " + source,
		}},
		{"another's queue", none, theirs, []string{
			"update " + role, "delete " + permission + " after " + trigger, "delete " + trigger, tagged + " after " + role, "create event_source/grayify/theirs after " + function,
		}},
		{"from scar's queue to another's", own, theirs, []string{
			"delete " + queue + " after " + source + " " + trigger, "delete " + dead + " after " + queue, "update " + role, "delete " + trigger,
			"delete " + source, "create event_source/grayify/theirs after " + role,
		}},
		{"a queue of that name elsewhere", theirs, others, []string{"update " + role, "replace event_source/grayify/theirs after " + role}},
		{"back from another's queue", theirs, none, []string{
			"update " + role, tagged + " after " + role, "create " + permission + " after " + function, "create " + trigger + " after " + permission, "delete event_source/grayify/theirs",
		}},
		{"a URL", none, withHTTP(spec.HTTP{Auth: "iam"}), []string{tagged, "create " + url + " after " + function}},
		{"a URL opens", withHTTP(spec.HTTP{Auth: "iam"}), withHTTP(spec.HTTP{Auth: "none"}), []string{
			"create " + open, "create " + invoke, "update " + url + " after " + open + " " + invoke,
		}},
		{"a URL closes", withHTTP(spec.HTTP{Auth: "none"}), withHTTP(spec.HTTP{Auth: "iam"}), []string{
			"delete " + open, "delete " + invoke, "update " + url,
		}},
		{"a URL goes", withHTTP(spec.HTTP{Auth: "none"}), none, []string{
			tagged, "delete " + open + " after " + url, "delete " + invoke + " after " + url, "delete " + url,
		}},
		{"from URL to API", withHTTP(spec.HTTP{Auth: "none"}), withHTTP(spec.HTTP{API: "images", Auth: "none"}), []string{
			"delete " + open + " after " + url, "delete " + invoke + " after " + url, "delete " + url, tagged, "create " + api + " after " + function,
		}},
		{"from API to URL", withHTTP(spec.HTTP{API: "images", Auth: "none"}), withHTTP(spec.HTTP{Auth: "none"}), []string{
			tagged, "create " + open + " after " + function, "create " + invoke + " after " + function,
			"create " + url + " after " + function + " " + open + " " + invoke, "delete " + api,
		}},
		{"another API", withHTTP(spec.HTTP{API: "images"}), withHTTP(spec.HTTP{API: "pictures"}), []string{"create http_api/pictures", "delete " + api}},
		{"an API's function is renamed", withHTTP(spec.HTTP{API: "images"}), renamed(withHTTP(spec.HTTP{API: "images"})), append(renaming(""), "update "+api+" after function/other")},
		{"a schedule", none, scheduled, []string{
			"create " + group, "create " + scheduleRole, tagged, "create " + schedule + " after " + function + " " + scheduleRole + " " + group,
		}},
		{"a schedule goes", scheduled, none, []string{
			tagged, "delete " + group + " after " + schedule, "delete " + scheduleRole + " after " + schedule, "delete " + schedule,
		}},
		{"a scheduled function is renamed", scheduled, renamed(scheduled), append(renaming(schedule),
			"create role/scar-other.schedule-eu-west-1", "delete "+scheduleRole+" after "+schedule,
			"create schedule/scar-imaging/other after function/other role/scar-other.schedule-eu-west-1", "delete "+schedule,
		)},
		{"a function with a queue is renamed", own, renamed(own), []string{
			"create queue/scar-imaging_other after queue/scar_dead-imaging_other", "create queue/scar_dead-imaging_other",
			"delete " + queue + " after " + source + " " + trigger, "delete " + dead + " after " + queue,
			"create image/other", "delete image/grayify after " + function, "create log_group//aws/lambda/other", "delete log_group//aws/lambda/grayify after " + function,
			"create role/scar-other-eu-west-1", "delete " + role + " after " + function,
			"create function/other after image/other log_group//aws/lambda/other role/scar-other-eu-west-1", "delete " + function + " after " + source,
			"create trigger/photos/" + RuleID("imaging", "other", "photos", "in/", "", []string{"s3:ObjectCreated:*"}) + " after queue/scar-imaging_other", "delete " + trigger,
			"create event_source/other/scar-imaging_other after function/other queue/scar-imaging_other", "delete " + source,
		}},
		{"failures are told of", none, failing, []string{"create bucket/failed", "update " + role, "create invoke_config/grayify after bucket/failed " + role}},
		{"failures are told of no more", failing, none, []string{"retain bucket/failed", "update " + role, "delete invoke_config/grayify"}},
		{"into a VPC", none, func(fn *spec.Function) {
			fn.VPC = &spec.VPC{Subnets: []string{"subnet-a"}, SecurityGroups: []string{"sg-1"}}
		}, []string{"update " + role, "update " + function + " after " + role}},
	} {
		t.Run(c.name, func(t *testing.T) {
			live := settle(t, testFile(func(f *spec.File) { c.from(&f.Functions[0]) }), State{})
			wanted := mustDesire(t, testFile(func(f *spec.File) { c.to(&f.Functions[0]) }))
			p := mustPlan(t, wanted, live)
			got := ordered(p)
			slices.Sort(got)
			slices.Sort(c.want)
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("changes (-want +got):\n%s", diff)
			}
			after := apply(live, p)
			again := mustPlan(t, wanted, after)
			if again.HasChanges() {
				t.Errorf("plan after apply: %v", summary(again))
			}
			for _, r := range apply(after, mustPlan(t, State{}, after, func(o *Options) { o.Destroy, o.DeleteBuckets = true, true })) {
				t.Errorf("destroying leaves %s", r.Address)
			}
		})
	}
}

// renaming are the changes for a function that gets another name, without what else starts it; that has to go before the
// function.
func renaming(before string) []string {
	const role = "scar-%s-eu-west-1"
	rule := func(name string) string {
		return RuleID("imaging", name, "photos", "in/", "", []string{"s3:ObjectCreated:*"})
	}
	statement := StatementID("imaging", "photos")
	return []string{
		"create image/other", "delete image/grayify after function/grayify",
		"create log_group//aws/lambda/other", "delete log_group//aws/lambda/grayify after function/grayify",
		"create " + fmt.Sprintf("role/"+role, "other"), "delete " + fmt.Sprintf("role/"+role, "grayify") + " after function/grayify",
		"create function/other after image/other log_group//aws/lambda/other " + fmt.Sprintf("role/"+role, "other"), strings.TrimSpace("delete function/grayify after permission/grayify/" + statement + " " + before),
		"create permission/other/" + statement + " after function/other", "delete permission/grayify/" + statement + " after trigger/photos/" + rule("grayify"),
		"create trigger/photos/" + rule("other") + " after permission/other/" + statement, "delete trigger/photos/" + rule("grayify"),
	}
}

// ordered lists the changes that do something, each with those that it needs, or that need it where it is deleted. What
// a deletion waits for is what is deleted with it, by the needs of the plan.
func ordered(p *Plan) []string {
	after := map[Address][]string{}
	actions := map[Address]Action{}
	for _, c := range p.Changes {
		actions[c.Address] = c.Action
	}
	for _, c := range p.Changes {
		for _, need := range c.Needs {
			switch {
			case actions[need] == NoOp || actions[need] == Retain || c.Action == NoOp:
			case c.Action == Delete && actions[need] == Delete:
				after[need] = append(after[need], c.Address.String())
			case c.Action != Delete && actions[need] != Delete:
				after[c.Address] = append(after[c.Address], need.String())
			}
		}
	}
	var lines []string
	for _, c := range p.Changes {
		if c.Action == NoOp {
			continue
		}
		line := fmt.Sprintf("%s %s", c.Action, c.Address)
		if waits := after[c.Address]; len(waits) > 0 {
			slices.Sort(waits)
			line += " after " + strings.Join(slices.Compact(waits), " ")
		}
		lines = append(lines, line)
	}
	return lines
}

// TestReplacedFunction expects what is part of a function to be made again, and what only names it to stay.
func TestReplacedFunction(t *testing.T) {
	f := wholeFile()
	live := settle(t, f, State{})
	for _, fn := range f.Functions {
		edit(live, Address{KindFunction, fn.Name}, func(f *Function) { f.PackageType = "Zip" })
	}
	p := mustPlan(t, mustDesire(t, f), live)
	want := []string{
		"replace function/grayify", "replace function/ocr", "replace function/take",
		"create invoke_config/grayify", "create invoke_config/take", "create function_url/grayify", "create function_url/take",
		"create permission/grayify/scar-imaging-url", "create permission/grayify/scar-imaging-url-invoke", "create permission/grayify/" + StatementID("imaging", "photos"),
		"update http_api/ocr",
	}
	got := summary(p)
	slices.Sort(got)
	slices.Sort(want)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("changes (-want +got):\n%s", diff)
	}
	for _, c := range p.Changes {
		if c.Kind == KindHTTPAPI {
			if len(c.Fields) != 1 || c.Fields[0].Path != "invoke" || c.Reason != ReasonWithFunction {
				t.Errorf("%s: %s, fields %+v", c.Address, c.Reason, c.Fields)
			}
		}
	}
	var told []Address
	for _, w := range p.Warnings {
		if strings.Contains(w.Message, "gets another address") {
			told = append(told, w.Address)
		}
	}
	if want := []Address{{KindFunctionURL, "grayify"}, {KindFunctionURL, "take"}}; !slices.Equal(told, want) {
		t.Errorf("warned of %v, want %v", told, want)
	}
}

// TestWhatIsSetByHand has things on a function that the file does not want.
func TestWhatIsSetByHand(t *testing.T) {
	f := testFile()
	settled := settle(t, f, State{})
	hand := func(o Owner) State {
		live := maps.Clone(settled)
		live.Add(Resource{Address: Address{KindFunctionURL, "grayify"}, Value: FunctionURL{Function: "grayify", Auth: AuthNone}, Owner: o})
		live.Add(Resource{Address: Address{KindInvokeConfig, "grayify"}, Value: InvokeConfig{Function: "grayify", Attempts: 1, MaxAge: 60}, Owner: o})
		return live
	}
	both := []string{"delete invoke_config/grayify", "delete function_url/grayify"}
	if got := summary(mustPlan(t, mustDesire(t, f), hand(Owner{"imaging", "grayify"}))); !slices.Equal(got, both) {
		t.Errorf("on the project's function: %v", got)
	}
	live := hand(Owner{})
	own(live, Address{KindFunction, "grayify"}, Owner{})
	p := mustPlan(t, mustDesire(t, f), live, func(o *Options) { o.Adopt = []Address{{KindFunction, "grayify"}} })
	if got := summary(p); !slices.Equal(got, append([]string{"adopt function/grayify"}, both...)) {
		t.Errorf("on a function that is taken over: %v", got)
	}
	withURL := testFile(func(f *spec.File) { f.Functions[0].HTTP = &spec.HTTP{Auth: "iam"} })
	p = mustPlan(t, mustDesire(t, withURL), live, func(o *Options) { o.Adopt = []Address{{KindFunction, "grayify"}} })
	if got := summary(p); !slices.Equal(got, []string{"adopt function/grayify", "delete invoke_config/grayify", "update function_url/grayify"}) {
		t.Errorf("a URL on a function that is taken over: %v", got)
	}
}

func TestConcurrency(t *testing.T) {
	live := settle(t, testFile(), State{})
	function := Address{KindFunction, "grayify"}
	edit(live, function, func(f *Function) { f.Concurrency = 30 })
	for _, c := range []struct {
		name    string
		managed bool
		wanted  int
		field   *Field
	}{
		{"not in the file", false, Unreserved, nil},
		{"none", true, Unreserved, &Field{Path: "concurrency", Before: 30}},
		{"never", true, 0, &Field{Path: "concurrency", Before: 30, After: 0}},
		{"another", true, 40, &Field{Path: "concurrency", Before: 30, After: 40}},
	} {
		f := testFile(func(f *spec.File) {
			f.Functions[0].Concurrency, f.Functions[0].ConcurrencyManaged = c.wanted, c.managed
		})
		var want []Field
		if c.field != nil {
			want = []Field{*c.field}
		}
		for _, change := range mustPlan(t, mustDesire(t, f), live).Changes {
			if change.Address == function && !cmp.Equal(change.Fields, want) {
				t.Errorf("%s: fields %+v, want %+v", c.name, change.Fields, want)
			}
		}
	}
	for _, change := range mustPlan(t, mustDesire(t, testFile()), State{}).Changes {
		if slices.ContainsFunc(change.Fields, func(f Field) bool { return f.Path == "concurrency" }) {
			t.Error("a new function lists that no concurrency is reserved for it")
		}
	}
	never := testFile(func(f *spec.File) { f.Functions[0].ConcurrencyManaged = true })
	for onFailure, want := range map[string]string{
		"": "messages wait, and events are lost, as there is no on_failure",
		"arn:aws:sqs:eu-west-1:123456789012:dead": "messages wait, and events go to on_failure at once",
	} {
		never.Functions[0].OnFailure = onFailure
		warnings := mustPlan(t, mustDesire(t, never), live).Warnings
		if len(warnings) != 1 || !strings.HasSuffix(warnings[0].Message, want) {
			t.Errorf("concurrency 0, on_failure %q: %v", onFailure, warnings)
		}
	}
}

func TestForeignSchedules(t *testing.T) {
	scheduled := testFile(func(f *spec.File) {
		f.Functions[0].Schedule = &spec.Schedule{Expression: "rate(1 hour)", Timezone: "UTC"}
	})
	live := settle(t, scheduled, State{})
	theirs := Address{KindSchedule, "scar-imaging/theirs"}
	live.Add(Resource{Address: theirs, Value: Schedule{Group: "scar-imaging", Name: "theirs"}})
	p := mustPlan(t, State{}, live, func(o *Options) { o.Destroy = true })
	if len(p.Warnings) != 1 || !strings.Contains(p.Warnings[0].Message, "theirs") {
		t.Errorf("warnings %v", p.Warnings)
	}
	left := apply(live, p)
	for _, a := range []Address{theirs, {KindScheduleGroup, "scar-imaging"}} {
		if _, found := left[a]; !found {
			t.Errorf("%s is gone", a)
		}
	}
	if again := mustPlan(t, State{}, left, func(o *Options) { o.Destroy = true }); again.HasChanges() {
		t.Errorf("again: %v", summary(again))
	}
	delete(live, theirs)
	own(live, Address{KindSchedule, "scar-imaging/grayify"}, Owner{})
	if _, err := New(mustDesire(t, scheduled), live, testOptions()); err == nil || !strings.Contains(err.Error(), "--adopt schedule/scar-imaging/grayify") {
		t.Errorf("a schedule of that name which starts something else: %v", err)
	}
}

// TestScheduleInAForeignGroup is left alone, whatever it starts: nothing but the group's tags says whose it is.
func TestScheduleInAForeignGroup(t *testing.T) {
	scheduled := testFile(func(f *spec.File) {
		f.Functions[0].Schedule = &spec.Schedule{Expression: "rate(1 hour)", Timezone: "UTC"}
	})
	live := settle(t, scheduled, State{})
	group, schedule := Address{KindScheduleGroup, "scar-imaging"}, Address{KindSchedule, "scar-imaging/grayify"}
	own(live, group, Owner{})
	for _, a := range []Address{group, schedule} {
		if _, stays := apply(live, mustPlan(t, mustDesire(t, testFile()), live))[a]; !stays {
			t.Errorf("%s was deleted", a)
		}
	}
	_, err := New(mustDesire(t, scheduled), live, testOptions())
	compareLines(t, "problems", problemsOf(err), []string{
		"schedule_group/scar-imaging exists and was not made by scar", "schedule/scar-imaging/grayify exists and was not made by scar",
	})
	adopt := func(o *Options) { o.Adopt = []Address{group} }
	if got := summary(mustPlan(t, mustDesire(t, scheduled), live, adopt)); !slices.Equal(got, []string{"adopt schedule_group/scar-imaging"}) {
		t.Errorf("taken over: %v", got)
	}
}

// TestInterfacesThatStayAreToldOf where a function leaves its VPC, and where it goes.
func TestInterfacesThatStayAreToldOf(t *testing.T) {
	inside := testFile(func(f *spec.File) {
		f.Functions[0].VPC = &spec.VPC{Subnets: []string{"subnet-a"}, SecurityGroups: []string{"sg-1", "sg-2"}}
	})
	live := settle(t, inside, State{})
	if warnings := mustPlan(t, mustDesire(t, inside), live).Warnings; len(warnings) != 0 {
		t.Errorf("nothing changes: %v", warnings)
	}
	for _, p := range []*Plan{
		mustPlan(t, mustDesire(t, testFile()), live),
		mustPlan(t, State{}, live, func(o *Options) { o.Destroy = true }),
	} {
		if len(p.Warnings) != 1 || p.Warnings[0].Address != (Address{KindFunction, "grayify"}) || !strings.Contains(p.Warnings[0].Message, "Values=sg-1,sg-2") {
			t.Errorf("warnings %v", p.Warnings)
		}
	}
}

func TestWarningsOfHTTPAndQueues(t *testing.T) {
	for _, c := range []struct {
		name string
		edit func(*spec.Function)
		want string
	}{
		{"CORS of an API that wants signatures", func(fn *spec.Function) {
			fn.HTTP = &spec.HTTP{API: "images", Auth: "iam", CORS: &spec.CORS{Origins: []string{"*"}}}
		}, "http_api/images: no page of another origin can call it"},
		{"CORS of a URL that wants signatures", func(fn *spec.Function) { fn.HTTP = &spec.HTTP{Auth: "iam", CORS: &spec.CORS{Origins: []string{"*"}}} }, ""},
		{"an API that wants signatures", func(fn *spec.Function) { fn.HTTP = &spec.HTTP{API: "images", Auth: "iam"}; fn.Timeout = 30 }, ""},
		{"more from the queue than may run", func(fn *spec.Function) {
			*fn = queued(*fn)
			fn.Queue.MaxConcurrency, fn.Concurrency, fn.ConcurrencyManaged = 11, 10, true
		}, "function/grayify: queue.max_concurrency is 11, and concurrency only 10"},
		{"as much from the queue as may run", func(fn *spec.Function) {
			*fn = queued(*fn)
			fn.Queue.MaxConcurrency, fn.Concurrency, fn.ConcurrencyManaged = 10, 10, true
		}, ""},
		{"from the queue, and none reserved", func(fn *spec.Function) {
			*fn = queued(*fn)
			fn.Queue.MaxConcurrency, fn.Concurrency, fn.ConcurrencyManaged = 10, Unreserved, true
		}, ""},
	} {
		f := testFile(func(f *spec.File) { f.Functions[0].Timeout = 30; c.edit(&f.Functions[0]) })
		var got, want []string
		for _, w := range mustPlan(t, mustDesire(t, f), State{}).Warnings {
			got = append(got, w.Address.String()+": "+w.Message)
		}
		if c.want != "" {
			want = []string{c.want}
		}
		compareLines(t, c.name, got, want)
	}
}

func TestLostMessagesAreToldOf(t *testing.T) {
	live := settle(t, testFile(func(f *spec.File) { f.Functions[0] = queued(f.Functions[0]) }), State{})
	for _, p := range []*Plan{
		mustPlan(t, mustDesire(t, testFile()), live),
		mustPlan(t, State{}, live, func(o *Options) { o.Destroy = true }),
	} {
		want := []Warning{
			{Address{KindQueue, "scar-imaging_grayify"}, "messages that still wait in it for the function grayify are lost with it"},
			{Address{KindQueue, "scar_dead-imaging_grayify"}, "what the function grayify could not process is lost with it: take out first what you need"},
		}
		if diff := cmp.Diff(want, p.Warnings); diff != "" {
			t.Errorf("warnings (-want +got):\n%s", diff)
		}
	}
}

func TestWarningsOfWholeFile(t *testing.T) {
	f := wholeFile(func(f *spec.File) { f.Functions[2].Schedule = nil })
	var got []string
	for _, w := range mustPlan(t, mustDesire(t, f), State{}).Warnings {
		got = append(got, w.Address.String()+": "+w.Message)
	}
	compareLines(t, "warnings", got, []string{
		"function/take: on_failure hears of asynchronous events only",
		"function_url/grayify: everybody who knows the address can call it",
		"http_api/ocr: API Gateway waits 30 s for an answer, and the function ocr may run for 300 s",
		"http_api/ocr: everybody who knows the address can call it",
	})
}
