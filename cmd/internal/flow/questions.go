package flow

import (
	"context"
	"fmt"
	"maps"

	"github.com/scar-go/scar/planner"
	"github.com/scar-go/scar/spec"
)

// ask finds out what a plan depends on and what is not scar's to make, beside what is known already. What is learned may
// lead to further questions, about the functions of others that are started, and so on: it returns once there are none.
func (a *Account) ask(ctx context.Context, f *spec.File, naming planner.Naming, live planner.State, known planner.Answers) (planner.Answers, error) {
	cloud := a.cloud(f.Project, naming, carried{})
	all := planner.Answers{}
	maps.Copy(all, known)
	for {
		questions := planner.Questions(f, naming, live, all)
		if len(questions) == 0 {
			return all, nil
		}
		answers, err := cloud.Ask(ctx, questions)
		if err != nil {
			return nil, fmt.Errorf("look at what the file refers to: %w", explainCall(err))
		}
		for _, q := range questions {
			answer, answered := answers[q]
			if !answered { // it would be asked for ever
				return nil, fmt.Errorf("look at what the file refers to: nothing is known of the %s %s", q.About, q.Name)
			}
			all[q] = answer
		}
	}
}
