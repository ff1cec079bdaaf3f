package planner

import (
	"fmt"
	"maps"
	"slices"
	"strings"

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
	b := &builder{desired: desired, live: live, opts: opts, changes: map[Address]Change{}, warnings: map[Address][]string{}}
	b.legacy = legacyOf(desired, live, opts.Naming, opts.takenOver(live))
	for a := range desired {
		b.converge(desired[a])
	}
	for a := range live {
		_, wanted := desired[a]
		switch {
		case !wanted && b.ours(live[a]):
			b.prune(live[a])
		case !wanted && b.legacy[a] != "":
			b.leaveLegacy(live[a])
		}
	}
	b.followFunctions()
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
	legacy        legacy
	changes       map[Address]Change
	warnings      map[Address][]string // beside those of desired resources
	problems      *multierror.Error
}

func (b *builder) refuse(format string, args ...any) {
	b.problems = multierror.Append(b.problems, fmt.Errorf(format, args...))
}

// adopted says whether a resource of others is to be taken over, as the user says or with its function.
func (b *builder) adopted(a Address) bool {
	return slices.Contains(b.opts.Adopt, a) || b.legacy[a] != ""
}

// ours says whether a live resource is the project's, or becomes it with its function: a URL and what is done about
// failures have no owner of their own.
func (b *builder) ours(is Resource) bool {
	withFunction := is.Kind == KindFunctionURL || is.Kind == KindInvokeConfig
	return b.owner(is).Project == b.opts.Project || withFunction && b.adopted(Address{KindFunction, is.Name})
}

// owner is who a live resource belongs to. A schedule has no tags: one in a group that is somebody else's is theirs,
// whatever the group's name.
func (b *builder) owner(is Resource) Owner {
	if is.Kind != KindSchedule {
		return is.Owner
	}
	name, _ := is.Split()
	group, found := b.live[Address{KindScheduleGroup, name}]
	if found && group.Owner.Project != b.opts.Project && !b.adopted(group.Address) {
		return group.Owner
	}
	return is.Owner
}

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
		b.refuse("%s: bucket %s is in region %s, the functions are in %s: S3 starts functions of its own region only; name another bucket, or set region: %s",
			want.Place, bucket.Name, bucket.Region, want.Value.(Bucket).Region, bucket.Region)
		return
	}
	ours := b.ours(is)
	if !ours && !b.adopted(want.Address) {
		b.foreign(c, b.owner(is))
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
	b.warnOfInterfaces(c)
	b.explainAdopted(c)
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
	if IsOriginal(c.Before) {
		b.refuse("%s", originalRefused(c))
		return
	}
	if c.Kind == KindLogGroup && owner.Project == "" && IsOriginal(b.live[Address{KindFunction, strings.TrimPrefix(c.Name, LogGroupName(""))}].Value) {
		return // refused with its function, and taken over with it
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
	if function, found := ReplacementOf(b.opts.Project, is.Name); found && is.Kind == KindParameter {
		c = b.endReplacement(c, function)
	}
	if why := b.kept(is); why != "" {
		c.Action, c.Reason, c.After = Retain, why, c.Before
	} else {
		c.Fields = Diff(c.Before, nil)
	}
	b.changes[is.Address] = c
	b.warnOfLoss(c)
}

// kept says why a resource stays that the file does not name; empty if it goes.
func (b *builder) kept(is Resource) Reason {
	switch {
	case is.Kind == KindBucket && !b.opts.DeleteBuckets, is.Kind == KindLogGroup && b.opts.KeepLogs:
		return ReasonKept
	case is.Kind == KindScheduleGroup && len(b.foreignSchedules(is.Name)) > 0:
		return ReasonInUse
	default:
		return ""
	}
}

// foreignSchedules are the names of the schedules in a group that are not the project's, sorted. Deleting the group
// would delete them.
func (b *builder) foreignSchedules(group string) []string {
	var names []string
	for a, is := range b.live {
		if in, name := a.Split(); a.Kind == KindSchedule && in == group && is.Owner.Project != b.opts.Project {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// warnOfLoss says what goes, or cannot go, with a resource that the file does not name.
func (b *builder) warnOfLoss(c Change) {
	switch is := c.Before.(type) {
	case ScheduleGroup:
		if c.Action == Retain {
			b.warn(c.Address, "stays, because scar did not make all schedules in it: %s", strings.Join(b.foreignSchedules(is.Name), ", "))
		}
	case Function:
		b.warnOfInterfaces(c)
	case Queue:
		if is.DeadLetter == "" {
			b.warn(c.Address, "what the function %s could not process is lost with it: take out first what you need", c.Owner.Function)
		} else {
			b.warn(c.Address, "messages that still wait in it for the function %s are lost with it", c.Owner.Function)
		}
	}
}

// warnOfInterfaces says what a function leaves behind that leaves its VPC or goes. Lambda deletes its network interfaces
// some time later, with the rights of the role, which scar does not leave behind for that.
func (b *builder) warnOfInterfaces(c Change) {
	before, isFunction := c.Before.(Function)
	after, _ := c.After.(Function)
	byRole := strings.Contains(before.Role, ":role"+RolePath(b.opts.Project))
	if !isFunction || !byRole || len(before.SecurityGroups) == 0 || len(after.SecurityGroups) > 0 {
		return
	}
	b.warn(c.Address, "Lambda deletes the network interfaces of %s up to an hour later, and cannot delete all once the role has lost its rights: until then the subnets and security groups cannot be deleted; see what is left with aws ec2 describe-network-interfaces --filters Name=group-id,Values=%s",
		before.Name, strings.Join(before.SecurityGroups, ","))
}

func (b *builder) warn(a Address, format string, args ...any) {
	b.warnings[a] = append(b.warnings[a], fmt.Sprintf(format, args...))
}

// followFunctions corrects what a replaced function takes with it: its policy, its URL and what it does about failures,
// so what was there has to be made again. Rules, schedules and event sources only name the function, and stay; an API
// stays without its statement in the function's policy.
func (b *builder) followFunctions() {
	for a, c := range b.changes {
		if b.changes[Address{KindFunction, carrierOf(c)}].Action != Replace {
			continue
		}
		switch before := c.Before.(type) {
		case nil:
			continue
		case HTTPAPI:
			before.Invoke = false
			c.Before = before
			if c.Action == NoOp {
				c.Action = Update
			}
		case FunctionURL:
			b.warn(a, "gets another address, because the function %s is replaced: tell it to those who call the present one", before.Function)
			c.Action, c.Before = Create, nil
		default:
			c.Action, c.Before = Create, nil
		}
		c.Reason, c.Fields = ReasonWithFunction, Diff(c.Before, c.After)
		b.changes[a] = c
	}
}

// carrierOf is the function that carries a wanted resource, or a part of it; empty where none does.
func carrierOf(c Change) string {
	switch v := c.After.(type) {
	case Permission:
		return v.Function
	case InvokeConfig:
		return v.Function
	case FunctionURL:
		return v.Function
	case HTTPAPI:
		name, _ := FunctionOfARN(v.Function)
		return name
	default:
		return ""
	}
}

func (b *builder) checkAdopted() {
	for _, a := range b.opts.Adopt {
		is, exists := b.live[a]
		_, wanted := b.desired[a]
		switch {
		case !wanted:
			b.refuse("--adopt %s: the file describes no such resource", a)
		case !exists && b.opts.takenOver(b.live)(a):
			// It was being replaced when an apply was cut short, and is made again.
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
	targets := b.opts.targets()
	if len(targets) == 0 {
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
	for _, t := range targets {
		if _, planned := b.changes[t]; !planned && !b.hasOf(t) {
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

// hasOf says whether the plan has something that belongs to a function, which may be gone itself: a removal that was cut short
// leaves that behind.
func (b *builder) hasOf(function Address) bool {
	for _, c := range b.changes {
		if function.Kind == KindFunction && c.Owner.Function == function.Name {
			return true
		}
	}
	return false
}

func (b *builder) plan() *Plan {
	p := &Plan{Project: b.opts.Project, Account: b.opts.Account, Region: b.opts.Region}
	for _, a := range slices.SortedFunc(maps.Keys(b.changes), Address.Compare) {
		c := b.changes[a]
		c.Needs = b.waitsFor(c, nil)
		p.Changes = append(p.Changes, c)
		for _, message := range slices.Concat(b.desired[a].Warnings, b.warnings[a]) {
			p.Warnings = append(p.Warnings, Warning{a, message})
		}
	}
	return p
}

// waitsFor adds what a change of the plan needs. Through what does not change it reaches what does: a new event
// source needs the function, and by that the rights that its role gets in the same plan.
func (b *builder) waitsFor(c Change, all []Address) []Address {
	for _, need := range c.Needs {
		other, planned := b.changes[need]
		if !planned || slices.Contains(all, need) {
			continue
		}
		all = append(all, need)
		if other.Action == NoOp {
			all = b.waitsFor(other, all)
		}
	}
	return all
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
