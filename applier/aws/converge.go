package aws

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/scar-go/scar/applier"
	"github.com/scar-go/scar/planner"
)

// kind is what the resources of one kind can do. Names are those of addresses.
type kind[V planner.Value] interface {
	// read returns the resource as it is, or errAbsent.
	read(ctx context.Context, name string) (V, planner.Owner, error)

	// create makes the resource, or returns errExists if one of its name is there.
	create(ctx context.Context, want V, say sayer) error

	// update changes what differs between live and want.
	update(ctx context.Context, live, want V, say sayer) error

	// remove deletes the resource and returns nil also if it is gone already.
	remove(ctx context.Context, live V, say sayer) error
}

// readier is a kind whose resources take a while to be usable after a change.
type readier interface {
	ready(ctx context.Context, name string, say sayer) error
}

// replacer is a kind whose resources are not just deleted where another of their name is to be made. What replace returns is
// done once that one is there.
type replacer[V planner.Value] interface {
	replace(ctx context.Context, c planner.Change, live V, say sayer) (made func(context.Context) error, err error)
}

// sayer reports what one change is waiting for or how far it is.
type sayer func(message string, done, total int64)

func sayerFor(a planner.Address, report func(applier.Progress)) sayer {
	if report == nil {
		return func(string, int64, int64) {}
	}
	return func(message string, done, total int64) {
		report(applier.Progress{Address: a, Message: message, Done: done, Total: total})
	}
}

// converge makes one change. It can be repeated after any failure: what it finds done, it leaves.
func converge[V planner.Value](ctx context.Context, p patience, project string, k kind[V], c planner.Change, say sayer) error {
	if c.Action == planner.Delete {
		return erase(ctx, p, project, k, c, say)
	}
	want, isValue := c.After.(V)
	if !isValue {
		return fmt.Errorf("the plan wants a %T of it", c.After)
	}
	if err := ensure(ctx, p, project, k, c, want, say); err != nil {
		return err
	}
	if err := settle(ctx, p, k, c, want); err != nil {
		return err
	}
	if r, slow := k.(readier); slow {
		return r.ready(ctx, c.Name, say)
	}
	return nil
}

// ensure creates the resource if it is absent, and changes it to what is wanted if not.
func ensure[V planner.Value](ctx context.Context, p patience, project string, k kind[V], c planner.Change, want V, say sayer) error {
	if c.Action == planner.Create {
		return createOrFinish(ctx, p, project, k, c, want, say)
	}
	live, owner, err := k.read(ctx, c.Name)
	if errors.Is(err, errAbsent) {
		return createOrFinish(ctx, p, project, k, c, want, say)
	}
	if err != nil {
		return err
	}
	if c.Action != planner.Replace || !needsReplacement(planner.Diff(live, want)) {
		return amend(ctx, project, k, c, live, owner, want, say)
	}
	if !mayChange(c, owner, project) {
		return errForeign
	}
	return exchange(ctx, p, project, k, c, live, want, say)
}

// exchange deletes a resource and makes another of its name.
func exchange[V planner.Value](ctx context.Context, p patience, project string, k kind[V], c planner.Change, live, want V, say sayer) error {
	made := func(context.Context) error { return nil }
	var err error
	if r, careful := k.(replacer[V]); careful {
		made, err = r.replace(ctx, c, live, say)
	} else {
		err = k.remove(ctx, live, say)
	}
	if err != nil {
		return err
	}
	if err := gone(ctx, p, k, c.Name); err != nil {
		return err
	}
	if err := createOrFinish(ctx, p, project, k, c, want, say); err != nil {
		return err
	}
	return made(ctx)
}

// createOrFinish makes a resource. One that is there is the work of an earlier try or of a call whose answer was lost, and
// may be unfinished; or somebody was faster, which its owner tells.
func createOrFinish[V planner.Value](ctx context.Context, p patience, project string, k kind[V], c planner.Change, want V, say sayer) error {
	err := k.create(ctx, want, say)
	if !errors.Is(err, errExists) {
		return err
	}
	live, owner, err := readUntilSeen(ctx, p, k, c.Name)
	if errors.Is(err, errAbsent) {
		return k.create(ctx, want, say)
	}
	if err != nil {
		return err
	}
	return amend(ctx, project, k, c, live, owner, want, say)
}

// amend updates a resource where it differs from what is wanted.
func amend[V planner.Value](ctx context.Context, project string, k kind[V], c planner.Change, live V, owner planner.Owner, want V, say sayer) error {
	if !mayChange(c, owner, project) {
		return errForeign
	}
	want = keepTags(want, c, live)
	fields := planner.Diff(live, want)
	switch {
	case len(fields) == 0:
		return nil
	case needsReplacement(fields):
		return fmt.Errorf("it has changed since the plan and would have to be replaced (%s): plan again", paths(fields))
	}
	return k.update(ctx, live, want, say)
}

// mayChange says whether a live resource is the project's, or is to be taken over.
func mayChange(c planner.Change, owner planner.Owner, project string) bool {
	return owner.Project == project || c.Action == planner.Adopt || c.Reason == planner.ReasonAdopted
}

// readUntilSeen reads what creating said is there, which reading may not see yet.
func readUntilSeen[V planner.Value](ctx context.Context, p patience, k kind[V], name string) (live V, owner planner.Owner, err error) {
	err = p.until(ctx, p.settle, func() (bool, error, error) {
		var err error
		live, owner, err = k.read(ctx, name)
		if errors.Is(err, errAbsent) {
			return false, err, nil
		}
		return true, nil, err
	})
	return live, owner, err
}

// settle waits until the resource reads as it should be: what a service answers right after a change
// may be old. A field that stays different is an error, it was not understood or not taken.
func settle[V planner.Value](ctx context.Context, p patience, k kind[V], c planner.Change, want V) error {
	return p.until(ctx, p.settle, func() (bool, error, error) {
		live, _, err := k.read(ctx, c.Name)
		if errors.Is(err, errAbsent) {
			return false, errors.New("it cannot be read after the change"), nil
		}
		if err != nil {
			return false, nil, err
		}
		fields := planner.Diff(live, keepTags(want, c, live))
		if len(fields) == 0 {
			return true, nil, nil
		}
		return false, fmt.Errorf("the change was accepted, but does not show: %s", differences(fields)), nil
	})
}

// keepTags leaves the tags alone that others set since the plan was made.
func keepTags[V planner.Value](want V, c planner.Change, live V) V {
	return planner.KeepTags(want, c.Before, live).(V)
}

// errForeign is returned where a resource turns out not to be the project's when it is to be changed.
var errForeign = errors.New("it does not carry the project's tag, so somebody else made or took it since the plan: plan again")

func erase[V planner.Value](ctx context.Context, p patience, project string, k kind[V], c planner.Change, say sayer) error {
	planned, isValue := c.Before.(V)
	if !isValue {
		return fmt.Errorf("the plan deletes a %T of it", c.Before)
	}
	_, owner, err := k.read(ctx, c.Name)
	if err != nil && !errors.Is(err, errAbsent) {
		return err
	}
	if err == nil && owner.Project != project && c.Reason != planner.ReasonTakenOver {
		return errForeign
	}
	// What cannot be read may be too new to be seen: it is removed nevertheless.
	if err := k.remove(ctx, planned, say); err != nil {
		return err
	}
	return gone(ctx, p, k, c.Name)
}

// gone waits until the resource cannot be read any more.
func gone[V planner.Value](ctx context.Context, p patience, k kind[V], name string) error {
	return p.until(ctx, p.settle, func() (bool, error, error) {
		_, _, err := k.read(ctx, name)
		if errors.Is(err, errAbsent) {
			return true, nil, nil
		}
		return false, errors.New("it was deleted, but can still be read"), err
	})
}

func needsReplacement(fields []planner.Field) bool {
	for _, f := range fields {
		if f.Replace {
			return true
		}
	}
	return false
}

func paths(fields []planner.Field) string {
	list := make([]string, len(fields))
	for i, f := range fields {
		list[i] = f.Path
	}
	return strings.Join(list, ", ")
}

// differences says what the fields are and what they should be; sensitive ones only by name.
func differences(fields []planner.Field) string {
	list := make([]string, len(fields))
	for i, f := range fields {
		if f.Sensitive {
			list[i] = f.Path + " differs"
			continue
		}
		list[i] = fmt.Sprintf("%s is %v, not %v", f.Path, orNothing(f.Before), orNothing(f.After))
	}
	return strings.Join(list, "; ")
}

func orNothing(v any) any {
	if v == nil {
		return "empty"
	}
	return v
}
