package flow

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/scar-go/scar/planner"
	"github.com/scar-go/scar/spec"
)

// preheats are the functions of a file that want to be started once a plan has given them their code, sorted.
func preheats(f *spec.File, p *planner.Plan) []string {
	var names []string
	for _, c := range p.Changes {
		wants := func(fn spec.Function) bool { return fn.Name == c.Name && fn.Preheat }
		if c.Kind == planner.KindFunction && changesCode(c) && slices.ContainsFunc(f.Functions, wants) {
			names = append(names, c.Name)
		}
	}
	return names
}

// changesCode says whether a change of a function gives it other code than it has.
func changesCode(c planner.Change) bool {
	switch c.Action {
	case planner.Create, planner.Replace:
		return true
	case planner.Update, planner.Adopt:
		return slices.ContainsFunc(c.Fields, func(f planner.Field) bool { return f.Path == "image" })
	default:
		return false
	}
}

// Preheated is told of a function that is started so that Lambda has its image at hand. ended is called when it has answered;
// that it could not be started, or failed, changes nothing of what was applied.
type Preheated func(function string) (ended func(error))

// testEvent is what S3 sends when a rule is made. The runtime answers it and runs no script.
type testEvent struct {
	Service string
	Event   string
	Bucket  string
}

// preheat starts functions, each once.
func (a *Account) preheat(ctx context.Context, p *planner.Plan, parallelism int, tell Preheated) {
	if tell == nil {
		tell = func(string) func(error) { return func(error) {} }
	}
	var group errgroup.Group
	group.SetLimit(max(parallelism, 1))
	var mu sync.Mutex
	for _, c := range p.Changes {
		function, isFunction := c.After.(planner.Function)
		if !isFunction || !slices.Contains(p.Preheat, c.Name) || ctx.Err() != nil {
			continue
		}
		group.Go(func() error {
			mu.Lock()
			ended := tell(function.Name)
			mu.Unlock()
			err := a.preheatOne(ctx, function)
			mu.Lock()
			defer mu.Unlock()
			ended(err)
			return nil
		})
	}
	_ = group.Wait() // none of its functions returns an error
}

func (a *Account) preheatOne(ctx context.Context, function planner.Function) error {
	event, err := json.Marshal(testEvent{Service: "Amazon S3", Event: "s3:TestEvent", Bucket: "preheat"})
	if err != nil {
		return fmt.Errorf("write the event that preheats: %w", err)
	}
	deployed := &Deployed{Name: function.Name, Timeout: function.Timeout, LogGroup: function.LogGroup}
	answer, err := a.Invoke(ctx, deployed, event, nil)
	if err != nil {
		return err
	}
	if answer.Failure != nil {
		return answer.Failure
	}
	return nil
}
