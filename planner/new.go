package planner

import (
	"fmt"
	"maps"
	"slices"

	"github.com/hashicorp/go-multierror"
)

// Options say what a plan is for.
type Options struct {
	Project string
	Naming
	Adopt         []Address // resources of others to be taken over
	Target        []Address // plan only these and what they stand on; empty: everything
	Destroy       bool      // the desired state is empty on purpose
	DeleteBuckets bool      // delete the project's own buckets that the file no longer names
	KeepLogs      bool      // leave log groups that the file no longer names
}

// New compares what should be with what is. live may hold resources of others: they are never
// changed, and serve to find conflicts. All refusals are reported at once.
func New(desired, live State, opts Options) (*Plan, error) {
	b := &builder{desired: desired, live: live, opts: opts, changes: map[Address]Change{}}
	for a := range desired {
		b.converge(desired[a])
	}
	for a := range live {
		if _, wanted := desired[a]; !wanted && live[a].Owner.Project == opts.Project {
			b.prune(live[a])
		}
	}
	b.followFunctions()
	b.checkOverlaps()
	b.checkAdopted()
	b.target()
	if err := b.problems.ErrorOrNil(); err != nil {
		return nil, sorted(b.problems)
	}
	return b.plan(), nil
}

type builder struct {
	desired, live State
	opts          Options
	changes       map[Address]Change
	problems      *multierror.Error
}

func (b *builder) refuse(format string, args ...any) {
	b.problems = multierror.Append(b.problems, fmt.Errorf(format, args...))
}

func (b *builder) adopted(a Address) bool { return slices.Contains(b.opts.Adopt, a) }

// converge decides what to do about one resource that the file wants.
func (b *builder) converge(want Resource) {
	c := Change{Address: want.Address, Action: Create, Reason: ReasonAbsent, After: want.Value, Needs: want.Needs, Owner: want.Owner}
	is, exists := b.live[want.Address]
	if !exists {
		c.Fields = Diff(nil, c.After)
		b.changes[want.Address] = c
		return
	}
	c.Before = is.Value
	if bucket, isBucket := is.Value.(Bucket); isBucket && bucket.Region != want.Value.(Bucket).Region {
		b.refuse("bucket %s is in region %s, the functions are in %s: S3 starts functions of its own region only", bucket.Name, bucket.Region, want.Value.(Bucket).Region)
		return
	}
	ours := is.Owner.Project == b.opts.Project
	if !ours && !b.adopted(want.Address) {
		b.foreign(c, is.Owner)
		return
	}
	c.After = normalise(want, is.Value)
	c.Fields = Diff(c.Before, c.After)
	c.Action, c.Reason = actionFor(c.Fields)
	if !ours {
		c.Reason = ReasonAdopted
		if c.Action != Replace {
			c.Action = Adopt
		}
	}
	b.changes[want.Address] = c
}

func actionFor(fields []Field) (Action, Reason) {
	switch {
	case len(fields) == 0:
		return NoOp, ""
	case slices.ContainsFunc(fields, func(f Field) bool { return f.Replace }):
		return Replace, ReasonCannotUpdate
	default:
		return Update, ReasonDiffers
	}
}

// foreign deals with a wanted resource that exists and is not the project's: buckets are there to be
// shared, everything else is refused until the user says otherwise.
func (b *builder) foreign(c Change, owner Owner) {
	if c.Kind == KindBucket {
		c.Action, c.Reason, c.After, c.Owner = NoOp, ReasonForeign, c.Before, owner
		b.changes[c.Address] = c
		return
	}
	whose := "exists and was not made by scar"
	if owner.Project != "" {
		whose = "belongs to the project " + owner.Project
	}
	b.refuse("%s %s: choose another name, or take it over with --adopt %s", c.Address, whose, c.Address)
}

// prune decides what to do about one resource of the project that the file does not name.
func (b *builder) prune(is Resource) {
	c := Change{
		Address: is.Address, Action: Delete, Reason: ReasonNotInFile, Before: is.Value,
		Needs: is.Value.needs(b.opts.Project), Owner: is.Owner,
	}
	if b.opts.Destroy {
		c.Reason = ReasonDestroy
	}
	if is.Kind == KindBucket && !b.opts.DeleteBuckets || is.Kind == KindLogGroup && b.opts.KeepLogs {
		c.Action, c.Reason, c.After = Retain, ReasonKept, c.Before
	} else {
		c.Fields = Diff(c.Before, nil)
	}
	b.changes[is.Address] = c
}

// followFunctions corrects the permissions of replaced functions: a function takes its policy with it,
// so what was there has to be made again.
func (b *builder) followFunctions() {
	for a, c := range b.changes {
		if a.Kind != KindPermission || c.After == nil {
			continue
		}
		function, _ := a.Split()
		if b.changes[Address{KindFunction, function}].Action != Replace {
			continue
		}
		c.Action, c.Reason, c.Before = Create, ReasonWithFunction, nil
		c.Fields = Diff(nil, c.After)
		b.changes[a] = c
	}
}

// checkOverlaps compares the rules that are wanted with the rules of others on the same bucket.
func (b *builder) checkOverlaps() {
	others := State{}
	for a, is := range b.live {
		if _, planned := b.changes[a]; !planned {
			others[a] = is
		}
	}
	foreign := triggersByBucket(others)
	for _, wanted := range triggersByBucket(b.desired) {
		for _, t := range wanted {
			for _, other := range foreign[t.Bucket] {
				if t.overlap(other) {
					b.refuse("function %s: %s overlaps the rule %q (%s), which starts %s: S3 allows one rule for an event; change the prefix or suffix, or remove that rule",
						t.function(), t.describe(), other.ID, other.describe(), other.Target)
				}
			}
		}
	}
}

func (b *builder) checkAdopted() {
	for _, a := range b.opts.Adopt {
		is, exists := b.live[a]
		_, wanted := b.desired[a]
		switch {
		case !wanted:
			b.refuse("--adopt %s: the file describes no such resource", a)
		case !exists:
			b.refuse("--adopt %s: there is no such resource to take over", a)
		case is.Owner.Project == b.opts.Project:
			// Adopting twice is what a pipeline does; it finds nothing to do.
		}
	}
}

// target reduces the plan to the addresses asked for, all that belongs to a function asked for, and
// what these stand on; deletions bring what stands on them.
func (b *builder) target() {
	if len(b.opts.Target) == 0 {
		return
	}
	keep := map[Address]bool{}
	var visit func(a Address)
	visit = func(a Address) {
		c, planned := b.changes[a]
		if !planned || keep[a] {
			return
		}
		keep[a] = true
		for _, need := range c.Needs {
			if c.Action != Delete {
				visit(need)
			}
		}
		if c.Action != Delete && c.Action != Replace {
			return
		}
		for other, dependent := range b.changes {
			if slices.Contains(dependent.Needs, a) {
				visit(other)
			}
		}
	}
	for _, t := range b.opts.Target {
		if _, planned := b.changes[t]; !planned {
			b.refuse("--target %s: the plan has no such resource", t)
			continue
		}
		visit(t)
		if t.Kind != KindFunction {
			continue
		}
		for a, c := range b.changes {
			if c.Owner.Function == t.Name {
				visit(a)
			}
		}
	}
	maps.DeleteFunc(b.changes, func(a Address, _ Change) bool { return !keep[a] })
}

func (b *builder) plan() *Plan {
	p := &Plan{Project: b.opts.Project, Account: b.opts.Account, Region: b.opts.Region}
	for _, a := range slices.SortedFunc(maps.Keys(b.changes), Address.Compare) {
		c := b.changes[a]
		c.Needs = slices.DeleteFunc(slices.Clone(c.Needs), func(need Address) bool {
			_, planned := b.changes[need]
			return !planned
		})
		p.Changes = append(p.Changes, c)
		for _, message := range b.desired[a].Warnings {
			p.Warnings = append(p.Warnings, Warning{a, message})
		}
	}
	return p
}

func sorted(problems *multierror.Error) error {
	slices.SortFunc(problems.Errors, func(a, b error) int {
		if a.Error() < b.Error() {
			return -1
		}
		return 1
	})
	return problems
}
