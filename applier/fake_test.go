package applier_test

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/scar-go/scar/applier"
	"github.com/scar-go/scar/planner"
)

// fakeCloud keeps an account in memory. Every Do takes a second of the bubble's time.
type fakeCloud struct {
	mu      sync.Mutex
	state   planner.State
	log     []string // "+function/a" when its change begins, "-function/a" when it ends
	fail    map[planner.Address]error
	ends    map[string][]end // of replacements, by function
	running int
	most    int // that ran at once
	took    time.Duration
}

// end is the end of a replacement.
type end struct {
	at   int           // entries of the log before it
	with planner.Batch // what it was told of
}

func newFakeCloud(live ...planner.Change) *fakeCloud {
	c := &fakeCloud{state: planner.State{}, fail: map[planner.Address]error{}, ends: map[string][]end{}, took: time.Second}
	for _, l := range live {
		c.state.Add(planner.Resource{Address: l.Address, Value: l.Before, Owner: l.Owner})
	}
	return c
}

func (c *fakeCloud) Find(context.Context, string) ([]planner.Ref, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Collect(maps.Keys(c.state)), nil
}

func (c *fakeCloud) Read(_ context.Context, refs []planner.Ref) (planner.State, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	out := planner.State{}
	for _, ref := range refs {
		if r, found := c.state[ref]; found {
			out.Add(r)
		}
	}
	return out, nil
}

func (c *fakeCloud) Do(ctx context.Context, b planner.Batch, report func(applier.Progress)) (planner.Outputs, error) {
	c.enter(b)
	report(applier.Progress{Address: b[0].Address, Message: "working"})
	select {
	case <-time.After(c.took):
	case <-ctx.Done():
	}
	return c.leave(ctx, b)
}

func (c *fakeCloud) enter(b planner.Batch) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.running++
	c.most = max(c.most, c.running)
	if function, ends := planner.ReplacementOf(project, b[0].Name); ends {
		c.ends[function] = append(c.ends[function], end{at: len(c.log), with: b[1:]})
		return
	}
	for _, change := range b {
		c.log = append(c.log, "+"+change.Address.String())
	}
}

func (c *fakeCloud) leave(ctx context.Context, b planner.Batch) (planner.Outputs, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.running--
	if ctx.Err() != nil {
		return nil, fmt.Errorf("work on %s: %w", b[0].Address, ctx.Err())
	}
	outputs := planner.Outputs{}
	if _, ends := planner.ReplacementOf(project, b[0].Name); ends {
		return nil, c.fail[b[0].Address]
	}
	for _, change := range b {
		if err := c.fail[change.Address]; err != nil {
			return nil, err
		}
		c.log = append(c.log, "-"+change.Address.String())
		if change.Action == planner.Delete {
			delete(c.state, change.Address)
			continue
		}
		c.state.Add(planner.Resource{Address: change.Address, Value: change.After, Owner: change.Owner})
		if change.Kind == planner.KindFunction {
			outputs[change.Address] = map[string]string{"arn": "arn:" + change.Name}
		}
	}
	return outputs, nil
}

const (
	project = "imaging"
	account = "123456789012"
	region  = "eu-west-1"
)

var naming = planner.Naming{Partition: "aws", Account: account, Region: region}

// stack is the resources of one function, each as it should be, with what it needs.
func stack(function string, buckets ...string) []planner.Change {
	role, group := planner.RoleName(function, region), planner.LogGroupName(function)
	repository := planner.RepositoryName(project)
	f := planner.Function{Name: function, Role: naming.RoleARN(project, role), LogGroup: group, Timeout: 300}
	at := func(kind planner.Kind, name string) planner.Address { return planner.Address{Kind: kind, Name: name} }
	changes := []planner.Change{
		{Address: at(planner.KindImage, function), After: planner.Image{Repository: repository, Tag: function},
			Needs: []planner.Address{at(planner.KindRepository, repository)}},
		{Address: at(planner.KindLogGroup, group), After: planner.LogGroup{Name: group}},
		{Address: at(planner.KindRole, role), After: planner.Role{Name: role}},
		{Address: at(planner.KindFunction, function), After: f, Needs: []planner.Address{
			at(planner.KindImage, function), at(planner.KindLogGroup, group), at(planner.KindRole, role)}},
	}
	for _, b := range buckets {
		p := planner.Permission{Function: function, StatementID: planner.StatementID(project, b)}
		pa := at(planner.KindPermission, function+"/"+p.StatementID)
		t := planner.Trigger{Bucket: b, ID: planner.RuleID(project, function, b, "in/", "", nil), Target: naming.FunctionARN(function)}
		changes = append(changes,
			planner.Change{Address: pa, After: p, Needs: []planner.Address{at(planner.KindFunction, function)}},
			planner.Change{Address: at(planner.KindTrigger, b+"/"+t.ID), After: t, Needs: []planner.Address{at(planner.KindBucket, b), pa}})
	}
	for i := range changes {
		changes[i].Owner.Function = function
	}
	return changes
}

func shared(buckets ...string) []planner.Change {
	name := planner.RepositoryName(project)
	changes := []planner.Change{{Address: planner.Address{Kind: planner.KindRepository, Name: name}, After: planner.Repository{Name: name}}}
	for _, b := range buckets {
		changes = append(changes, planner.Change{
			Address: planner.Address{Kind: planner.KindBucket, Name: b}, After: planner.Bucket{Name: b, Region: region}})
	}
	return changes
}

// as turns desired resources into changes with an action.
func as(action planner.Action, changes ...planner.Change) []planner.Change {
	out := slices.Clone(changes)
	for i := range out {
		c := &out[i]
		c.Action, c.Owner.Project = action, project
		switch action {
		case planner.Create:
		case planner.Delete:
			c.Before, c.After = c.After, nil
		default:
			c.Before = c.After
		}
	}
	return out
}

func plan(groups ...[]planner.Change) *planner.Plan {
	return &planner.Plan{Project: project, Account: account, Region: region, Changes: slices.Concat(groups...)}
}
