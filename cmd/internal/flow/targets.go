package flow

import (
	"maps"
	"slices"
	"strings"

	"github.com/hashicorp/go-multierror"

	"github.com/scar-go/scar/planner"
	"github.com/scar-go/scar/spec"
)

// check says what is wrong with a file in this account. What is wrong with functions that the plan leaves alone, since it
// has other targets, does not stop it: only loops are sought through all functions. plan is nil where there is none.
func (o PlanOptions) check(f *spec.File, desired, live planner.State, answers planner.Answers, plan *planner.Plan) ([]planner.Warning, error) {
	if len(o.Target) == 0 || plan == nil {
		return planner.Check(f, desired, live, answers, o.AllowLoops)
	}
	after := afterwards(f.Project, desired, live, plan)
	warnings, problems := planner.Check(f, after, live, aboutFlows(answers), o.AllowLoops)
	more, others := planner.Check(concerned(f, plan), after, live, answers, o.AllowLoops)
	for _, w := range more {
		if !slices.Contains(warnings, w) {
			warnings = append(warnings, w)
		}
	}
	return warnings, distinct(problems, others)
}

// afterwards is what the project will have once the plan is carried out.
func afterwards(project string, desired, live planner.State, plan *planner.Plan) planner.State {
	after := planner.State{}
	for address, r := range live {
		if r.Owner.Project == project {
			after[address] = r
		}
	}
	for _, c := range plan.Changes {
		if want, wanted := desired[c.Address]; wanted {
			after[c.Address] = want
		} else if c.Action == planner.Delete {
			delete(after, c.Address)
		}
	}
	return after
}

// concerned is the file with those functions alone that the plan is about.
func concerned(f *spec.File, plan *planner.Plan) *spec.File {
	narrow := *f
	narrow.Functions = slices.DeleteFunc(slices.Clone(f.Functions), func(fn spec.Function) bool {
		return !slices.ContainsFunc(plan.Changes, func(c planner.Change) bool { return c.Owner.Function == fn.Name })
	})
	return &narrow
}

// aboutFlows are the answers that say what starts what. Without the others nothing is known of what else the functions
// refer to, and nothing found wrong with it.
func aboutFlows(answers planner.Answers) planner.Answers {
	flows := maps.Clone(answers)
	maps.DeleteFunc(flows, func(q planner.Question, a planner.Answer) bool {
		return q.About != planner.AboutRules && (q.About != planner.AboutFunction || a.Absent)
	})
	return flows
}

// distinct joins the problems of several checks, sorted, those that say the same once.
func distinct(several ...error) error {
	all := multierror.Append(nil, several...)
	slices.SortStableFunc(all.Errors, func(a, b error) int { return strings.Compare(a.Error(), b.Error()) })
	all.Errors = slices.CompactFunc(all.Errors, func(a, b error) bool { return a.Error() == b.Error() })
	return all.ErrorOrNil()
}
