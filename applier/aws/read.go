package aws

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/hashicorp/go-multierror"
	"golang.org/x/sync/errgroup"

	"github.com/scar-go/scar/planner"
)

// Find implements applier.Cloud.
func (c *Cloud) Find(ctx context.Context, project string) ([]planner.Ref, error) {
	return c.finder.find(ctx, project)
}

// Read implements applier.Cloud. Everything is read at once, within the bound of Options; only the
// buckets that just the policies of functions name take a second round. All errors are reported.
func (c *Cloud) Read(ctx context.Context, refs []planner.Ref) (planner.State, error) {
	r := &reading{cloud: c, state: planner.State{}}
	refs = documents(refs)
	if err := r.all(ctx, refs); err != nil {
		return nil, err
	}
	if err := r.all(ctx, r.formerBuckets(refs)); err != nil {
		return nil, fmt.Errorf("read the buckets that the policies of the project's functions name (for one that is no longer this account's, remove the statement from the policy): %w", err)
	}
	return r.state, nil
}

// documents puts functions and buckets in the place of their permissions and triggers, each once.
func documents(refs []planner.Ref) []planner.Ref {
	out := make([]planner.Ref, 0, len(refs))
	for _, ref := range refs {
		document, _ := ref.Split()
		switch ref.Kind {
		case planner.KindPermission:
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

// all reads every ref; images are read together.
func (r *reading) all(ctx context.Context, refs []planner.Ref) error {
	var tags []string
	errs := make([]error, len(refs)+1)
	group := errgroup.Group{}
	group.SetLimit(r.cloud.opts.Parallelism)
	for i, ref := range refs {
		if ref.Kind == planner.KindImage {
			tags = append(tags, ref.Name)
			continue
		}
		group.Go(func() error {
			if err := r.one(ctx, ref); err != nil && !errors.Is(err, errAbsent) {
				errs[i] = fmt.Errorf("%s: %w", ref, explain(err))
			}
			return nil
		})
	}
	if len(tags) > 0 {
		group.Go(func() error {
			errs[len(refs)] = explain(r.images(ctx, tags))
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
	case planner.KindLogGroup:
		return read(ctx, r, c.logGroups, ref)
	case planner.KindRole:
		return read(ctx, r, c.roles, ref)
	case planner.KindFunction:
		return r.function(ctx, ref)
	case planner.KindQueue:
		return read(ctx, r, c.queues, ref)
	case planner.KindEventSource:
		return read(ctx, r, c.eventSources, ref)
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

func (r *reading) images(ctx context.Context, tags []string) error {
	found, err := r.cloud.images.readAll(ctx, tags)
	if err != nil {
		return err
	}
	for _, resource := range found {
		r.add(resource)
	}
	return nil
}

// function reads a function and its policy.
func (r *reading) function(ctx context.Context, ref planner.Ref) error {
	var statements []planner.Resource
	err := together(ctx,
		func(ctx context.Context) error { return read(ctx, r, r.cloud.functions, ref) },
		func(ctx context.Context) (err error) {
			statements, err = r.cloud.permissions.readAll(ctx, ref.Name)
			return err
		},
	)
	if err != nil {
		return err
	}
	r.add(statements...)
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

// formerBuckets are the buckets that the project's statements in the policies of functions name and
// that were not read yet: buckets that left the file, whose rules have to go.
func (r *reading) formerBuckets(refs []planner.Ref) []planner.Ref {
	var former []planner.Ref
	for _, resource := range r.state {
		p, isPermission := resource.Value.(planner.Permission)
		if !isPermission || resource.Owner.Project != r.cloud.opts.Project {
			continue
		}
		ref, found := refOf(p.SourceARN)
		if found && ref.Kind == planner.KindBucket && !slices.Contains(refs, ref) {
			former = append(former, ref)
		}
	}
	slices.SortFunc(former, planner.Address.Compare)
	return slices.Compact(former)
}
