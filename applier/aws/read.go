package aws

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/hashicorp/go-multierror"
	"golang.org/x/sync/errgroup"

	"github.com/scar-go/scar/planner"
)

// Find implements applier.Cloud.
func (c *Cloud) Find(ctx context.Context, project string) ([]planner.Ref, error) {
	return c.finder.find(ctx, project)
}

// FindAPIs lists the project's HTTP APIs, and needs the right to read APIs only.
func (c *Cloud) FindAPIs(ctx context.Context) ([]planner.Ref, error) {
	refs, err := c.finder.projectAPIs(ctx)
	if err != nil {
		return nil, explain(err)
	}
	return refs, nil
}

// Read implements applier.Cloud. Everything is read at once, within the bound of Options; only the buckets that just
// the policies of functions and queues name take another round. All errors are reported.
func (c *Cloud) Read(ctx context.Context, refs []planner.Ref) (planner.State, error) {
	r := &reading{cloud: c, state: planner.State{}}
	refs = documents(refs)
	if err := r.all(ctx, refs); err != nil {
		return nil, err
	}
	if err := r.all(ctx, r.formerBuckets(refs)); err != nil {
		return nil, fmt.Errorf("read the buckets that the policies of the project's functions and queues name (for one that is no longer this account's, remove the statement from the policy): %w", err)
	}
	return r.state, nil
}

// documents puts functions and buckets in the place of their parts, each once. Event sources stay: one may have
// outlived its function.
func documents(refs []planner.Ref) []planner.Ref {
	out := make([]planner.Ref, 0, len(refs))
	for _, ref := range refs {
		document, _ := ref.Split()
		switch ref.Kind {
		case planner.KindPermission, planner.KindInvokeConfig, planner.KindFunctionURL:
			ref = planner.Ref{Kind: planner.KindFunction, Name: document}
		case planner.KindTrigger:
			ref = planner.Ref{Kind: planner.KindBucket, Name: document}
		}
		out = append(out, ref)
	}
	slices.SortFunc(out, planner.Address.Compare)
	return slices.Compact(out)
}

// reading is one Read under way.
type reading struct {
	cloud *Cloud
	mu    sync.Mutex
	state planner.State
}

// all reads every ref. Images, event sources, APIs and parameters are read together, in as few calls as that takes.
func (r *reading) all(ctx context.Context, refs []planner.Ref) error {
	byKind := map[planner.Kind][]string{}
	var tasks []task
	for _, ref := range refs {
		byKind[ref.Kind] = append(byKind[ref.Kind], ref.Name)
		if !readTogether[ref.Kind] {
			tasks = append(tasks, task{ref.String(), func() error { return r.one(ctx, ref) }})
		}
	}
	parallel := r.cloud.opts.Parallelism
	if tags := byKind[planner.KindImage]; len(tags) > 0 {
		tasks = append(tasks, task{"", func() error { return r.images(ctx, tags) }})
	}
	if len(byKind[planner.KindFunction])+len(byKind[planner.KindEventSource]) > 0 {
		wanted := func(ref planner.Ref) bool {
			function, _ := ref.Split()
			return slices.Contains(byKind[planner.KindFunction], function) || slices.Contains(byKind[planner.KindEventSource], ref.Name)
		}
		tasks = append(tasks, task{"", func() error { return r.listed(r.cloud.eventSources.readAll(ctx, wanted, parallel)) }})
	}
	if names := byKind[planner.KindHTTPAPI]; len(names) > 0 {
		tasks = append(tasks, task{"", func() error { return r.listed(r.cloud.httpAPIs.readAll(ctx, names, parallel)) }})
	}
	if names := byKind[planner.KindParameter]; len(names) > 0 {
		tasks = append(tasks, task{"", func() error { return r.listed(r.cloud.parameters.readAll(ctx, names, parallel)) }})
	}
	return runAll(ctx, tasks, parallel)
}

// readTogether are the kinds of which many resources are read in one call.
var readTogether = map[planner.Kind]bool{
	planner.KindImage: true, planner.KindEventSource: true, planner.KindHTTPAPI: true, planner.KindParameter: true,
}

// task is something to read; name begins its error.
type task struct {
	name string
	run  func() error
}

// runAll runs all tasks, some at a time, and returns all of their errors. That something is absent is none.
func runAll(ctx context.Context, tasks []task, parallel int) error {
	errs := make([]error, len(tasks))
	group := errgroup.Group{}
	group.SetLimit(parallel)
	for i, t := range tasks {
		group.Go(func() error {
			err := t.run()
			switch {
			case err == nil || errors.Is(err, errAbsent):
			case t.name == "":
				errs[i] = explain(err)
			default:
				errs[i] = fmt.Errorf("%s: %w", t.name, explain(err))
			}
			return nil
		})
	}
	_ = group.Wait() // the errors are in errs, all of them
	if err := ctx.Err(); err != nil {
		return err
	}
	var all *multierror.Error
	for _, err := range errs {
		if err != nil {
			all = multierror.Append(all, err)
		}
	}
	return all.ErrorOrNil()
}

func (r *reading) one(ctx context.Context, ref planner.Ref) error {
	c := r.cloud
	switch ref.Kind {
	case planner.KindBucket:
		return r.bucket(ctx, ref)
	case planner.KindRepository:
		return read(ctx, r, c.repositories, ref)
	case planner.KindQueue:
		return read(ctx, r, c.queues, ref)
	case planner.KindLogGroup:
		return read(ctx, r, c.logGroups, ref)
	case planner.KindRole:
		return read(ctx, r, c.roles, ref)
	case planner.KindFunction:
		return r.function(ctx, ref)
	case planner.KindScheduleGroup:
		return read(ctx, r, c.scheduleGroups, ref)
	case planner.KindSchedule:
		return read(ctx, r, c.schedules, ref)
	default:
		return fmt.Errorf("resources of kind %q cannot be read", ref.Kind)
	}
}

// read reads one resource into the state.
func read[V planner.Value](ctx context.Context, r *reading, k kind[V], ref planner.Ref) error {
	v, owner, err := k.read(ctx, ref.Name)
	if err != nil {
		return err
	}
	r.add(planner.Resource{Address: ref, Value: v, Owner: owner})
	return nil
}

func (r *reading) add(resources ...planner.Resource) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, resource := range resources {
		r.state.Add(resource)
	}
}

// listed adds what was read together.
func (r *reading) listed(found []planner.Resource, err error) error {
	r.add(found...)
	return err
}

func (r *reading) images(ctx context.Context, tags []string) error {
	found, err := r.cloud.images.readAll(ctx, tags)
	return r.listed(slices.Collect(maps.Values(found)), err)
}

// function reads a function and what belongs to it: its policy, its URL, and its settings of asynchronous invocations.
// The latter two have no tags and are whose the function is.
func (r *reading) function(ctx context.Context, ref planner.Ref) error {
	c := r.cloud
	var (
		function   planner.Resource
		statements []planner.Resource
		parts      [2]planner.Value
	)
	optional := func(v planner.Value, err error) (planner.Value, error) {
		if errors.Is(err, errAbsent) {
			return nil, nil
		}
		return v, err
	}
	err := together(ctx,
		func(ctx context.Context) (err error) { function, err = c.functions.describe(ctx, ref.Name); return err },
		func(ctx context.Context) (err error) {
			statements, err = c.permissions.readAll(ctx, ref.Name)
			return err
		},
		func(ctx context.Context) (err error) {
			config, err := c.invokeConfigs.get(ctx, ref.Name)
			parts[0], err = optional(config, err)
			return err
		},
		func(ctx context.Context) (err error) {
			url, err := c.functionURLs.get(ctx, ref.Name)
			parts[1], err = optional(url, err)
			return err
		},
	)
	if err != nil {
		return err
	}
	r.add(function)
	r.add(statements...)
	for _, part := range parts {
		if part != nil {
			r.add(planner.Resource{Address: planner.Address{Kind: part.Kind(), Name: ref.Name}, Value: part, Owner: function.Owner})
		}
	}
	return nil
}

// bucket reads a bucket and its rules. The rules of one in another region do not matter, and asking
// for them from here is an error.
func (r *reading) bucket(ctx context.Context, ref planner.Ref) error {
	var (
		v               planner.Bucket
		owner           planner.Owner
		rules           []planner.Resource
		bucketErr, rErr error
		c               = r.cloud
		ignoringErrors  = func(f func(ctx context.Context)) func(context.Context) error {
			return func(ctx context.Context) error { f(ctx); return nil }
		}
	)
	_ = together(ctx,
		ignoringErrors(func(ctx context.Context) { v, owner, bucketErr = c.buckets.read(ctx, ref.Name) }),
		ignoringErrors(func(ctx context.Context) { rules, rErr = c.triggers.readAll(ctx, ref.Name) }),
	)
	if bucketErr != nil {
		return bucketErr
	}
	if v.Region == c.opts.Naming.Region {
		if rErr != nil {
			return rErr
		}
		r.add(rules...)
	}
	r.add(planner.Resource{Address: ref, Value: v, Owner: owner})
	return nil
}

// formerBuckets are the buckets that the project's statements in the policies of functions and queues name and that were
// not read yet: buckets that left the file, whose rules have to go.
func (r *reading) formerBuckets(refs []planner.Ref) []planner.Ref {
	var former []planner.Ref
	for _, resource := range r.state {
		if resource.Owner.Project != r.cloud.opts.Project && !r.isLegacy(resource.Value) {
			continue
		}
		for _, arn := range sources(resource.Value) {
			ref, found := refOf(arn)
			if found && ref.Kind == planner.KindBucket && !slices.Contains(refs, ref) {
				former = append(former, ref)
			}
		}
	}
	slices.SortFunc(former, planner.Address.Compare)
	return slices.Compact(former)
}

// isLegacy says whether something is in the policy of a function that the original made, or of one that takes the place of such
// a one: the bucket that it names may have a rule that goes when the function is taken over.
func (r *reading) isLegacy(v planner.Value) bool {
	statement, isPermission := v.(planner.Permission)
	if !isPermission || statement.Principal != planner.ServicePrincipal("s3") {
		return false
	}
	name := planner.ReplacementName(r.cloud.opts.Project, statement.Function)
	_, replaced := r.state[planner.Address{Kind: planner.KindParameter, Name: name}]
	return replaced || planner.IsOriginal(r.state[planner.Address{Kind: planner.KindFunction, Name: statement.Function}].Value)
}

// sources are the ARNs of what a policy admits.
func sources(v planner.Value) []string {
	switch v := v.(type) {
	case planner.Permission:
		return []string{v.SourceARN}
	case planner.Queue:
		var arns []string
		for _, s := range v.Policy.Statements {
			for _, keys := range s.Condition {
				for key, values := range keys {
					if strings.EqualFold(key, "aws:SourceArn") {
						arns = append(arns, values...)
					}
				}
			}
		}
		return arns
	default:
		return nil
	}
}
