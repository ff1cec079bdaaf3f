package applier

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/scar-go/scar/planner"
	"github.com/scar-go/scar/spec"
)

// TestNothingNeedsWhatIsGone goes from one way of starting a function to another one, three thousand times, and makes the
// changes one by one in any order that is allowed: whatever is there at any moment, what it needs is there too. The seed is
// fixed: what fails, fails again.
func TestNothingNeedsWhatIsGone(t *testing.T) {
	s := switches{t: t, random: rand.New(rand.NewPCG(1, 1)), naming: planner.Naming{Partition: "aws", Account: "123456789012", Region: "eu-west-1"}}
	for range 3000 {
		fromNames, live := s.pick()
		toNames, desired := s.pick()
		for a, r := range live {
			r.Warnings, r.Needs = nil, nil // which nobody reads of what is there
			live[a] = r
		}
		if s.random.IntN(4) == 0 {
			fromNames = append(fromNames, "of another type")
			for a, r := range live {
				if f, isFunction := r.Value.(planner.Function); isFunction {
					f.PackageType = "Zip" // cannot change in place
					r.Value, live[a] = f, r
				}
			}
		}
		s.name = fmt.Sprintf("%v → %v", fromNames, toNames)
		plan, err := planner.New(desired, live, planner.Options{Project: "imaging", Naming: s.naming})
		if err != nil {
			t.Fatal(err)
		}
		nodes, err := order(plan)
		if err != nil {
			t.Errorf("%s: %v", s.name, err)
			continue
		}
		s.carryOut(nodes, live)
	}
}

// ways are settings of a function that switch something on, or to something else.
var ways = map[string]func(*spec.Function){
	"queue":  func(f *spec.Function) { f.Queue = &spec.Queue{BatchSize: 10, Attempts: 5} },
	"theirs": func(f *spec.Function) { f.Queue = &spec.Queue{BatchSize: 10, ARN: theirs} },
	"iam":    func(f *spec.Function) { f.HTTP = &spec.HTTP{Auth: "iam"} },
	"open":   func(f *spec.Function) { f.HTTP = &spec.HTTP{Auth: "none"} },
	"api":    func(f *spec.Function) { f.HTTP = &spec.HTTP{API: "images", Auth: "none"} },
	"sched":  func(f *spec.Function) { f.Schedule = &spec.Schedule{Expression: "rate(1 hour)", Timezone: "UTC"} },
	"fail":   func(f *spec.Function) { f.OnFailure = "s3://failed" },
	"role":   func(f *spec.Function) { f.Role = "arn:aws:iam::123456789012:role/theirs" },
	"bucket": func(f *spec.Function) { f.Inputs[0].Bucket = "scans" },
	"name":   func(f *spec.Function) { f.Name = "other" },
}

// theirs is a queue that no plan makes.
const theirs = "arn:aws:sqs:eu-west-1:123456789012:theirs"

// switches goes from state to state.
type switches struct {
	t      *testing.T
	random *rand.Rand
	naming planner.Naming
	name   string // of what is tried now
}

// pick is the state of a function with some of the ways.
func (s *switches) pick() (names []string, state planner.State) {
	fn := spec.Function{
		Name: "grayify", Memory: 512, Timeout: 300, EphemeralStorage: 512,
		Inputs:  []spec.Input{{Provider: spec.OwnS3, Bucket: "photos", Prefix: "in/", Suffix: []string{""}, Events: []string{"s3:ObjectCreated:*"}}},
		Outputs: []spec.Output{{Provider: spec.OwnS3, Bucket: "photos", Prefix: "out/"}}, Records: "photos",
		Retries: spec.Retries{Attempts: planner.DefaultAttempts, MaxAge: planner.DefaultMaxAge},
		Logs:    spec.Logs{RetentionDays: 30, Level: "info", Format: "text"},
	}
	for _, name := range slices.Sorted(maps.Keys(ways)) {
		if s.random.IntN(3) == 0 {
			names = append(names, name)
			ways[name](&fn)
		}
	}
	state, err := planner.Desired(&spec.File{Project: "imaging", Functions: []spec.Function{fn}}, planner.Env{
		Naming: s.naming, Version: "1",
		Images:        map[string]planner.Image{fn.Name: {Digest: "sha256:a"}},
		Architectures: map[string]string{fn.Name: "x86_64"},
	})
	if err != nil {
		s.t.Fatal(err)
	}
	return names, state
}

// carryOut makes the changes in an order by chance that heeds what each waits for.
func (s *switches) carryOut(nodes []node, live planner.State) {
	state, done := maps.Clone(live), make([]bool, len(nodes))
	for range nodes {
		var ready []int
		for i := range nodes {
			if !done[i] && !slices.ContainsFunc(nodes[i].waits, func(w int) bool { return !done[w] }) {
				ready = append(ready, i)
			}
		}
		i := ready[s.random.IntN(len(ready))]
		done[i] = true
		for _, c := range nodes[i].batch {
			if c.Action == planner.Delete {
				delete(state, c.Address)
			} else {
				state[c.Address] = planner.Resource{Address: c.Address, Value: c.After, Owner: c.Owner}
			}
		}
		s.check(state, nodes[i].batch[0])
	}
}

// check expects everything that what is there needs.
func (s *switches) check(state planner.State, last planner.Change) {
	for a, r := range state {
		for _, need := range planner.Needs(r.Value, "imaging") {
			if _, there := state[need]; !there && !strings.HasSuffix(theirs, ":"+need.Name) {
				s.t.Errorf("%s: %s needs %s, which is gone after %s %s", s.name, a, need, last.Action, last.Address)
			}
		}
	}
}
