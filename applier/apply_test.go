package applier_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/go-multierror"

	"github.com/scar-go/scar/applier"
	"github.com/scar-go/scar/planner"
)

// order is the addresses of the changes that ended, as they ended.
func (c *fakeCloud) ended() []string {
	var out []string
	for _, entry := range c.log {
		if name, ended := strings.CutPrefix(entry, "-"); ended {
			out = append(out, name)
		}
	}
	return out
}

func before(t *testing.T, log []string, names ...string) {
	t.Helper()
	for i := 1; i < len(names); i++ {
		a, b := index(log, names[i-1]), index(log, names[i])
		if a < 0 || b < 0 || a > b {
			t.Errorf("%s should come before %s: %s", names[i-1], names[i], strings.Join(log, " "))
		}
	}
}

func index(log []string, prefix string) int {
	return slices.IndexFunc(log, func(s string) bool { return strings.HasPrefix(s, prefix) })
}

func TestApplyCreatesWhatIsNeededFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cloud := newFakeCloud()
		outputs, err := applier.Apply(t.Context(), cloud, plan(as(planner.Create, append(shared("photos"), stack("grayify", "photos")...)...)), applier.Options{})
		if err != nil {
			t.Fatal(err)
		}
		before(t, cloud.log, "-repository/", "+image/", "-image/", "+function/", "-function/", "+permission/", "-permission/", "+trigger/")
		before(t, cloud.log, "-role/", "+function/")
		before(t, cloud.log, "-log_group/", "+function/")
		before(t, cloud.log, "-bucket/", "+trigger/")
		want := planner.Outputs{{Kind: planner.KindFunction, Name: "grayify"}: {"arn": "arn:grayify"}}
		if diff := cmp.Diff(want, outputs); diff != "" {
			t.Error(diff)
		}
	})
}

func TestApplyDeletesInReverseAndDrains(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		changes := as(planner.Delete, append(shared("photos"), stack("grayify", "photos")...)...)
		cloud := newFakeCloud(changes...)
		var progress []string
		start := time.Now()
		_, err := applier.Apply(t.Context(), cloud, plan(changes), applier.Options{
			Drain: time.Hour,
			Events: func(e applier.Event) {
				if e.Type == applier.Progressed && strings.HasPrefix(e.Progress.Message, "draining") {
					progress = append(progress, e.Change.String()+": "+e.Progress.Message)
				}
			},
		})
		if err != nil {
			t.Fatal(err)
		}
		before(t, cloud.log, "-trigger/", "+permission/", "-permission/", "+function/", "-function/", "+log_group/")
		before(t, cloud.log, "-function/", "+role/")
		before(t, cloud.log, "-function/", "+image/", "-image/", "+repository/")
		before(t, cloud.log, "-trigger/", "+bucket/")
		// trigger, permission, the function's time-out of 300 s, function, image, repository
		if took := time.Since(start); took != 5*time.Minute+5*time.Second {
			t.Errorf("took %s", took)
		}
		if want := []string{"function/grayify: draining: invocations under way have 5m0s to end"}; !slices.Equal(progress, want) {
			t.Errorf("progress %q", progress)
		}
		if len(cloud.state) != 0 {
			t.Errorf("left: %v", cloud.state)
		}
	})
}

func TestApplyDoesNotDrainAFunctionThatNothingInvoked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		if _, err := applier.Apply(t.Context(), newFakeCloud(), plan(as(planner.Delete, stack("grayify")...)), applier.Options{Drain: time.Hour}); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(start); took != 2*time.Second {
			t.Errorf("took %s", took)
		}
	})
}

func TestApplyLeavesNoOpsAndRetainedAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cloud := newFakeCloud()
		p := plan(as(planner.NoOp, stack("a", "photos")...), as(planner.Retain, shared("photos")...))
		if _, err := applier.Apply(t.Context(), cloud, p, applier.Options{}); err != nil || len(cloud.log) != 0 {
			t.Errorf("%v, %v", err, cloud.log)
		}
	})
}

func TestApplyBatchesTheRulesOfABucketAndTheStatementsOfAFunction(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cloud := newFakeCloud()
		old := stack("grayify", "old1", "old2")[4:]
		p := plan(as(planner.Create, stack("grayify", "photos", "scans")...), as(planner.Create, stack("blur", "photos")...), as(planner.Delete, old...))
		starts := map[string]time.Time{}
		_, err := applier.Apply(t.Context(), cloud, p, applier.Options{Events: func(e applier.Event) {
			if e.Type == applier.Started {
				starts[e.Change.String()] = time.Now()
			}
		}})
		if err != nil {
			t.Fatal(err)
		}
		if cloud.most > 10 {
			t.Errorf("%d at once", cloud.most)
		}
		// One begin, then all members, for what is one batch.
		log := strings.Join(cloud.log, " ")
		for _, want := range []string{
			"+trigger/photos/" + planner.RuleID(project, "blur", "photos", "in/", "", nil) + " +trigger/photos/" + planner.RuleID(project, "grayify", "photos", "in/", "", nil),
		} {
			if !strings.Contains(log, want) {
				t.Errorf("no %q in %s", want, log)
			}
		}
		before(t, cloud.log, "-trigger/old1", "+permission/grayify/"+planner.StatementID(project, "old1"))
		before(t, cloud.log, "-trigger/old2", "+permission/grayify/"+planner.StatementID(project, "old1"))
	})
}

func TestApplyBoundsParallelism(t *testing.T) {
	for _, parallelism := range []int{1, 3, 7} {
		synctest.Test(t, func(t *testing.T) {
			var changes []planner.Change
			for i := range 10 {
				changes = append(changes, stack(fmt.Sprintf("f%d", i), "photos")...)
			}
			cloud := newFakeCloud()
			if _, err := applier.Apply(t.Context(), cloud, plan(as(planner.Create, changes...)), applier.Options{Parallelism: parallelism}); err != nil {
				t.Fatal(err)
			}
			if cloud.most != parallelism {
				t.Errorf("%d at once, want %d", cloud.most, parallelism)
			}
		})
	}
}

func TestApplyOrderIsDeterministic(t *testing.T) {
	logOf := func() (log []string) {
		synctest.Test(t, func(t *testing.T) {
			cloud := newFakeCloud()
			changes := append(shared("photos"), append(stack("a", "photos"), stack("b", "photos")...)...)
			rand.Shuffle(len(changes), func(i, j int) { changes[i], changes[j] = changes[j], changes[i] })
			if _, err := applier.Apply(t.Context(), cloud, plan(as(planner.Create, changes...)), applier.Options{Parallelism: 1}); err != nil {
				t.Fatal(err)
			}
			log = cloud.log
		})
		return log
	}
	first := logOf()
	for range 5 {
		if diff := cmp.Diff(first, logOf()); diff != "" {
			t.Fatal(diff)
		}
	}
}

func TestApplyFailureStopsOnlyWhatDependsOnIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cloud := newFakeCloud()
		role := planner.RoleName("a", region)
		cloud.fail[planner.Address{Kind: planner.KindRole, Name: role}] = errors.New("no such luck")
		p := plan(as(planner.Create, append(shared("x", "y"), append(stack("a", "x"), stack("b", "y")...)...)...))
		events := map[string]applier.EventType{}
		outputs, err := applier.Apply(t.Context(), cloud, p, applier.Options{Events: func(e applier.Event) {
			if e.Type != applier.Progressed {
				events[e.Change.String()] = e.Type
			}
		}})
		var all *multierror.Error
		if !errors.As(err, &all) {
			t.Fatalf("error %v", err)
		}
		var got []string
		for _, e := range all.Errors {
			got = append(got, e.Error())
		}
		want := []string{
			"role/" + role + ": no such luck",
			"function/a: skipped because role/" + role + " failed",
			"permission/a/" + planner.StatementID(project, "x") + ": skipped because role/" + role + " failed",
			"trigger/x/" + planner.RuleID(project, "a", "x", "in/", "", nil) + ": skipped because role/" + role + " failed",
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
		for i, e := range all.Errors {
			var skipped *applier.SkippedError
			if errors.As(e, &skipped) != (i > 0) || i > 0 && skipped.Cause.Name != role {
				t.Errorf("error %d: %#v", i, e)
			}
		}
		if len(events) != len(p.Changes) || events["function/a"] != applier.Skipped || events["role/"+role] != applier.Failed || events["function/b"] != applier.Done {
			t.Errorf("events %v", events)
		}
		if len(outputs) != 1 || index(cloud.ended(), "trigger/y") < 0 || index(cloud.ended(), "image/a") < 0 {
			t.Errorf("outputs %v, done %v", outputs, cloud.ended())
		}
	})
}

func TestApplyIsInterrupted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 1500*time.Millisecond)
		defer cancel()
		cloud := newFakeCloud()
		p := plan(as(planner.Create, append(shared("x"), stack("a", "x")...)...))
		start := time.Now()
		_, err := applier.Apply(ctx, cloud, p, applier.Options{})
		if took := time.Since(start); took != 1500*time.Millisecond {
			t.Errorf("ended after %s", took)
		}
		var interrupted *applier.Interrupted
		if !errors.As(err, &interrupted) || !errors.Is(err, context.DeadlineExceeded) {
			t.Fatalf("error %v", err)
		}
		// A second each: bucket, repository, log group and role were done, the image was under way.
		if len(interrupted.Done) != 4 || len(interrupted.Left) != 4 {
			t.Errorf("done %v, left %v", interrupted.Done, interrupted.Left)
		}
		if s := interrupted.Error(); !strings.Contains(s, "done: bucket/x") || !strings.Contains(s, "not done: image/a, function/a") {
			t.Errorf("message %q", s)
		}
	})
}

func TestApplyInterruptedWhileDraining(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		changes := as(planner.Delete, stack("a", "x")...)
		var events []applier.EventType
		_, err := applier.Apply(ctx, newFakeCloud(changes...), plan(changes), applier.Options{Drain: time.Hour, Events: func(e applier.Event) {
			if e.Change.Kind == planner.KindFunction {
				events = append(events, e.Type)
			}
		}})
		if want := []applier.EventType{applier.Started, applier.Progressed, applier.Failed}; !slices.Equal(events, want) {
			t.Errorf("events %v", events)
		}
		var interrupted *applier.Interrupted
		if !errors.As(err, &interrupted) || len(interrupted.Done) != 2 {
			t.Fatalf("error %v", err)
		}
	})
}

func TestApplyRefusesACycle(t *testing.T) {
	a, b := planner.Address{Kind: planner.KindRole, Name: "a"}, planner.Address{Kind: planner.KindRole, Name: "b"}
	p := plan([]planner.Change{
		{Address: a, Action: planner.Create, After: planner.Role{}, Needs: []planner.Address{b}},
		{Address: b, Action: planner.Create, After: planner.Role{}, Needs: []planner.Address{a}},
	})
	cloud := newFakeCloud()
	_, err := applier.Apply(t.Context(), cloud, p, applier.Options{})
	if err == nil || !strings.Contains(err.Error(), "role/a → role/b → role/a") || len(cloud.log) != 0 {
		t.Errorf("error %v", err)
	}
}

func TestApplyRefusesContradictions(t *testing.T) {
	a, b := planner.Address{Kind: planner.KindFunction, Name: "a"}, planner.Address{Kind: planner.KindRole, Name: "b"}
	for name, c := range map[string]struct {
		changes []planner.Change
		want    string
	}{
		"needs what is deleted": {[]planner.Change{
			{Address: a, Action: planner.Create, Needs: []planner.Address{b}}, {Address: b, Action: planner.Delete},
		}, "deletes role/b, which function/a needs"},
		"twice": {[]planner.Change{{Address: a, Action: planner.Create}, {Address: a, Action: planner.Delete}}, "two changes of function/a"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := applier.Apply(t.Context(), newFakeCloud(), plan(c.changes), applier.Options{})
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want %q", err, c.want)
			}
		})
	}
}

func TestApplyKeepsARoleUntilItsFunctionHasLeftIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		all := stack("a")
		deleted := as(planner.Delete, all[2])
		moved := as(planner.Update, all[3])
		after := moved[0].After.(planner.Function)
		after.Role = "arn:aws:iam::123456789012:role/mine"
		moved[0].After, moved[0].Needs = after, moved[0].Needs[:2]
		cloud := newFakeCloud()
		if _, err := applier.Apply(t.Context(), cloud, plan(deleted, moved), applier.Options{}); err != nil {
			t.Fatal(err)
		}
		before(t, cloud.log, "-function/a", "+role/")
	})
}

// TestApplyRemovesFormerTriggersBeforeTheFunctionIsReplaced keeps the policy, by which former buckets are found,
// until they are left.
func TestApplyRemovesFormerTriggersBeforeTheFunctionIsReplaced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var changes []planner.Change
		for _, c := range append(shared("photos"), stack("grayify", "photos")...) {
			switch c.Kind {
			case planner.KindFunction:
				changes = append(changes, as(planner.Replace, c)...)
			case planner.KindPermission, planner.KindTrigger:
				changes = append(changes, as(planner.Delete, c)...)
			}
		}
		cloud := newFakeCloud()
		if _, err := applier.Apply(t.Context(), cloud, plan(changes), applier.Options{}); err != nil {
			t.Fatal(err)
		}
		before(t, cloud.log, "-trigger/", "+permission/", "-permission/", "+function/")
	})
}

// TestApplyOrdersReplacedFunctionsThatChangePlaces has two functions that are replaced and each take over the
// bucket of the other.
func TestApplyOrdersReplacedFunctionsThatChangePlaces(t *testing.T) {
	at := func(k planner.Kind, name string) planner.Address { return planner.Address{Kind: k, Name: name} }
	var changes []planner.Change
	for _, f := range [][3]string{{"f", "a", "b"}, {"g", "b", "a"}} {
		function, former, wanted := at(planner.KindFunction, f[0]), at(planner.KindPermission, f[0]+"/"+f[1]), at(planner.KindPermission, f[0]+"/"+f[2])
		changes = append(changes,
			planner.Change{Address: function, Action: planner.Replace, Before: planner.Function{}, After: planner.Function{}},
			planner.Change{Address: former, Action: planner.Delete, Before: planner.Permission{Function: f[0]}, Needs: []planner.Address{function}},
			planner.Change{Address: wanted, Action: planner.Create, After: planner.Permission{Function: f[0]}, Needs: []planner.Address{function}},
			planner.Change{Address: at(planner.KindTrigger, f[1]+"/of-"+f[0]), Action: planner.Delete, Before: planner.Trigger{}, Needs: []planner.Address{former}},
			planner.Change{Address: at(planner.KindTrigger, f[2]+"/of-"+f[0]), Action: planner.Create, After: planner.Trigger{}, Needs: []planner.Address{wanted}},
		)
	}
	synctest.Test(t, func(t *testing.T) {
		cloud := newFakeCloud()
		if _, err := applier.Apply(t.Context(), cloud, plan(changes), applier.Options{}); err != nil {
			t.Fatal(err)
		}
		if len(cloud.log) != 2*len(changes) {
			t.Errorf("%v", cloud.log)
		}
	})
}

// TestApplyRandomPlans makes plans of functions and buckets of all actions and checks for each that no
// change began before what it stands on was done, and nothing was deleted before what stood on it.
func TestApplyRandomPlans(t *testing.T) {
	for seed := range uint64(300) {
		synctest.Test(t, func(t *testing.T) {
			p := randomPlan(rand.New(rand.NewPCG(seed, 1)))
			cloud := newFakeCloud()
			if _, err := applier.Apply(t.Context(), cloud, p, applier.Options{Parallelism: 1 + int(seed%9)}); err != nil {
				t.Fatalf("seed %d: %v", seed, err)
			}
			checkOrder(t, seed, p, cloud.log)
			checkEnds(t, seed, p, cloud)
		})
	}
}

// checkEnds expects that each replacement of a function ended once, after all else of the function, and was told its rules.
func checkEnds(t *testing.T, seed uint64, p *planner.Plan, cloud *fakeCloud) {
	t.Helper()
	replaced := 0
	for _, f := range p.Changes {
		if f.Kind != planner.KindFunction || f.Action != planner.Replace {
			continue
		}
		replaced++
		ends := cloud.ends[f.Name]
		if len(ends) != 1 {
			t.Fatalf("seed %d: the replacement of %s ended %d times", seed, f.Name, len(ends))
		}
		rules := 0
		for _, c := range p.Changes {
			if c.Owner.Function != f.Name {
				continue
			}
			if slices.Contains(cloud.log[ends[0].at:], "+"+c.Address.String()) {
				t.Errorf("seed %d: the replacement of %s ended before %s", seed, f.Name, c.Address)
			}
			if c.Kind == planner.KindTrigger && c.After != nil {
				rules++
			}
		}
		if len(ends[0].with) != rules {
			t.Errorf("seed %d: %d rules were told, of %d", seed, len(ends[0].with), rules)
		}
	}
	if len(cloud.ends) != replaced {
		t.Errorf("seed %d: %d replacements ended, of %d", seed, len(cloud.ends), replaced)
	}
}

func randomPlan(r *rand.Rand) *planner.Plan {
	buckets := []string{"b0", "b1", "b2"}
	changes := as(planner.Create, shared(buckets...)...)
	all := []planner.Action{planner.Create, planner.Update, planner.Delete, planner.Replace, planner.NoOp, planner.Adopt}
	for i := range 1 + r.IntN(6) {
		action := all[r.IntN(len(all))]
		of := stack(fmt.Sprintf("f%d", i), buckets[:r.IntN(4)]...)
		own := as(action, of[:4]...)
		for j := 4; j < len(of); j += 2 {
			ruleAction := action
			if action != planner.Delete && r.IntN(2) == 0 {
				ruleAction = planner.Delete
			}
			own = append(own, as(ruleAction, of[j:j+2]...)...)
		}
		changes = append(changes, own...)
	}
	r.Shuffle(len(changes), func(i, j int) { changes[i], changes[j] = changes[j], changes[i] })
	return plan(changes)
}

func checkOrder(t *testing.T, seed uint64, p *planner.Plan, log []string) {
	t.Helper()
	actions := map[planner.Address]planner.Action{}
	for _, c := range p.Changes {
		if c.Action != planner.NoOp {
			actions[c.Address] = c.Action
		}
	}
	position := map[string]int{}
	for i, entry := range log {
		if _, twice := position[entry]; twice {
			t.Errorf("seed %d: %s twice", seed, entry)
		}
		position[entry] = i
	}
	if len(log) != 2*len(actions) {
		t.Errorf("seed %d: %d entries for %d changes", seed, len(log), len(actions))
	}
	for _, c := range p.Changes {
		for _, need := range c.Needs {
			mine, other := actions[c.Address], actions[need]
			if mine == "" || other == "" {
				continue
			}
			self, base := c.Address.String(), need.String()
			if mine != planner.Delete && other != planner.Delete && position["-"+base] > position["+"+self] {
				t.Errorf("seed %d: %s began before %s was done", seed, self, base)
			}
			if mine == planner.Delete && other == planner.Delete && position["-"+self] > position["+"+base] {
				t.Errorf("seed %d: %s was deleted before %s", seed, base, self)
			}
		}
	}
}
