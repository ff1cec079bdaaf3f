package planner

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/scar-go/scar/spec"
)

func TestWholePlanIsGolden(t *testing.T) {
	p := mustPlan(t, mustDesire(t, wholeFile()), State{})
	got, err := json.MarshalIndent(p, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	compareGolden(t, "whole_plan.json", string(got)+"\n")
	var back Plan
	if err := json.Unmarshal(got, &back); err != nil {
		t.Fatal(err)
	}
	for i, c := range p.Changes {
		if diff := cmp.Diff(fmt.Sprintf("%+v", c), fmt.Sprintf("%+v", back.Changes[i])); diff != "" {
			t.Errorf("%s does not survive JSON:\n%s", c.Address, diff)
		}
	}
}

// TestWholeFileIsWhatIsRead holds the file that the tests make by hand to what is read of one in YAML.
func TestWholeFileIsWhatIsRead(t *testing.T) {
	read, err := spec.Load(t.Context(), []string{filepath.Join("testdata", "func.yaml")}, spec.Options{
		Lookup: func(name string) (string, bool) { return "hunter2", name == "API_KEY" },
	})
	if err != nil {
		t.Fatal(err)
	}
	where := cmpopts.IgnoreFields(Resource{}, "Place") // the one by hand is nowhere
	if diff := cmp.Diff(mustDesire(t, wholeFile()), mustDesire(t, read), where); diff != "" {
		t.Errorf("desired state (-by hand +read):\n%s", diff)
	}
}

func compareGolden(t *testing.T, name, got string) {
	t.Helper()
	golden := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("differs from %s (run with -update if that is meant):\n%s", golden, diff)
	}
}

// TestPartitions lists every ARN and host in a whole project, as they are in each partition.
func TestPartitions(t *testing.T) {
	var table strings.Builder
	for _, region := range []string{"eu-west-1", "cn-north-1", "us-gov-west-1"} {
		naming := Naming{Partition: PartitionOf(region), Account: "123456789012", Region: region}
		f := wholeFile(func(f *spec.File) {
			for i := range f.Functions {
				elsewhere(&f.Functions[i], naming)
			}
		})
		env := testEnv(f)
		env.Naming = naming
		desired, err := Desired(f, env)
		if err != nil {
			t.Fatal(err)
		}
		document, err := json.Marshal(mustPlan(t, desired, State{}, func(o *Options) { o.Naming = naming }))
		if err != nil {
			t.Fatal(err)
		}
		arns := regexp.MustCompile(`"(arn:[^"]*|[^"]*amazonaws[^"]*)"`).FindAllStringSubmatch(string(document), -1)
		found := map[string]bool{}
		for _, arn := range arns {
			found[arn[1]] = true
			if strings.HasPrefix(arn[1], "arn:") && !strings.HasPrefix(arn[1], "arn:"+naming.Partition+":") {
				t.Errorf("%s: %s is of another partition", region, arn[1])
			}
		}
		fmt.Fprintf(&table, "# %s, %s\n%s\n\n", region, naming.Partition, strings.Join(slices.Sorted(maps.Keys(found)), "\n"))
	}
	compareGolden(t, "partitions.txt", strings.TrimSpace(table.String())+"\n")
}

// elsewhere moves the ARNs that stand in a file to another region.
func elsewhere(fn *spec.Function, n Naming) {
	move := func(arn string) string {
		arn = strings.Replace(arn, "arn:aws:", "arn:"+n.Partition+":", 1)
		return strings.Replace(arn, ":eu-west-1:", ":"+n.Region+":", 1)
	}
	fn.OnFailure, fn.Role = move(fn.OnFailure), move(fn.Role)
	for i := range fn.Mounts {
		fn.Mounts[i].AccessPoint = move(fn.Mounts[i].AccessPoint)
	}
	for i := range fn.Permissions {
		for j, resource := range fn.Permissions[i].Resources {
			fn.Permissions[i].Resources[j] = move(resource)
		}
	}
	if fn.Queue != nil && fn.Queue.ARN != "" {
		fn.Queue = &spec.Queue{ARN: move(fn.Queue.ARN), BatchSize: fn.Queue.BatchSize}
	}
}

// TestEveryPlanIsAFixpoint plans from a state of which parts are missing, changed or left over to a file of which parts
// are missing, and expects nothing to be left to do. The seed is fixed: what fails, fails again.
func TestEveryPlanIsAFixpoint(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	some := func(s State, share float64) State {
		part := State{}
		for _, r := range s.Sorted() {
			if random.Float64() < share {
				part.Add(r)
			}
		}
		return part
	}
	whole := mustDesire(t, wholeFile())
	former := mustDesire(t, wholeFile(func(f *spec.File) {
		for i := range f.Functions {
			f.Functions[i].Name = "former-" + f.Functions[i].Name
			if f.Functions[i].HTTP.API != "" {
				f.Functions[i].HTTP = &spec.HTTP{API: "former", Auth: "iam"}
			}
		}
	}))
	for range 300 {
		live := some(former, 0.2)
		maps.Copy(live, some(whole, 0.7))
		for a, r := range live {
			if random.IntN(8) == 0 {
				changed := mutations(r.Value)
				if m := changed[random.IntN(len(changed))]; !inAddress(a, m.path) {
					r.Value = m.value
				}
			}
			r.Warnings, r.Needs = nil, nil
			live[a] = r
		}
		desired := some(whole, 0.8)
		p := mustPlan(t, desired, live)
		if again := mustPlan(t, desired, apply(live, p)); again.HasChanges() {
			t.Fatalf("after %v\nis left %v", summary(p), summary(again))
		}
		for _, c := range p.Changes {
			if slices.Contains(c.Needs, c.Address) {
				t.Errorf("%s needs itself", c.Address)
			}
		}
	}
}

// BenchmarkPlan100FunctionsWithEveryTrigger makes desired state, questions, checks and plan of a project in which every
// function has a rule, a queue or both, a schedule, an address and a destination of its failures.
func BenchmarkPlan100FunctionsWithEveryTrigger(b *testing.B) {
	f := &spec.File{Project: "imaging"}
	answers := Answers{}
	for i := range 100 {
		whole := wholeFile()
		fn := whole.Functions[i%3]
		fn.Name = fmt.Sprintf("f%d", i)
		fn.Inputs[0].Prefix, fn.Outputs[0].Prefix = fmt.Sprintf("in/%d/", i), fmt.Sprintf("out/%d/", i)
		fn.Schedule = &spec.Schedule{Expression: "rate(1 hour)", Timezone: "UTC"}
		fn.OnFailure = "s3://failed"
		if fn.HTTP.API != "" {
			fn.HTTP.API = fn.Name
		}
		if _, brought := fn.Secrets["API_KEY"]; brought {
			name := "/scar/imaging/" + fn.Name + "/API_KEY"
			fn.Secrets["API_KEY"] = spec.Secret{Service: "ssm", Name: name}
			f.Parameters = append(f.Parameters, spec.Parameter{Name: name, Value: spec.Seal("hunter2")})
		}
		f.Functions = append(f.Functions, fn)
	}
	maps.Copy(answers, goodAnswers())
	answers[Question{AboutEncryption, "failed"}] = Answer{}
	answers[Question{AboutConcurrency, ""}] = Answer{Limit: 10000}
	live := settle(b, f, State{})
	b.ReportAllocs()
	for b.Loop() {
		if left := Questions(f, testNaming, live, answers); len(left) > 0 {
			b.Fatal(left)
		}
		desired := mustDesire(b, f)
		if _, err := Check(f, desired, live, answers, false); err != nil {
			b.Fatal(err)
		}
		if p := mustPlan(b, desired, live); p.HasChanges() {
			b.Fatal(summary(p))
		}
	}
}
