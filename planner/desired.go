package planner

import (
	"fmt"
	"maps"

	"github.com/hashicorp/go-multierror"

	"github.com/scar-go/scar/spec"
)

// Env is what Desired has to know beside the file.
type Env struct {
	Naming
	Version       string            // of scar, for the version tag
	Images        map[string]Image  // by function: the Digest and Parts of its final image
	Architectures map[string]string // by function: x86_64 or arm64, as its image is
	Parameters    map[string]string // by the name of each of the file's parameters: ParameterDigest of its secret
}

// Desired computes every resource of the project as it should be. Its errors are problems that the account or the
// region bring to a file that is right by itself: all of them are reported. What else is in the account bears on
// Check.
func Desired(f *spec.File, env Env) (State, error) {
	d := &desire{file: f, env: env, state: State{}}
	d.repository()
	d.parameters()
	for i := range f.Functions {
		fn := &f.Functions[i]
		d.checkReach(fn)
		d.buckets(fn)
		d.image(fn)
		d.queue(fn)
		d.logGroup(fn)
		d.role(fn)
		d.function(fn)
		d.invokeConfig(fn)
		d.permissions(fn)
		d.triggers(fn)
		d.eventSource(fn)
		d.schedule(fn)
		d.http(fn)
	}
	return d.state, d.problems.ErrorOrNil()
}

// desire collects a desired state.
type desire struct {
	file     *spec.File
	env      Env
	state    State
	problems *multierror.Error
}

// add puts a resource of one function into the state.
func (d *desire) add(fn *spec.Function, v Value, name string) {
	d.state.Add(Resource{
		Address:     Address{v.Kind(), name},
		Value:       v,
		Needs:       v.needs(d.file.Project),
		Owner:       Owner{Project: d.file.Project, Function: fn.Name},
		TagsManaged: fn.TagsManaged,

		ConcurrencyManaged: fn.ConcurrencyManaged,
	})
}

// addShared puts a resource that several functions use into the state.
func (d *desire) addShared(v Value, name string) {
	d.state.Add(Resource{
		Address:     Address{v.Kind(), name},
		Value:       v,
		Needs:       v.needs(d.file.Project),
		Owner:       Owner{Project: d.file.Project},
		TagsManaged: d.file.TagsManaged,
	})
}

// tags are the user's tags and those by which scar finds its own again; fn is nil for what belongs to
// no single function.
func (d *desire) tags(fn *spec.Function) Tags {
	tags := Tags{}
	users := d.file.Tags
	if fn != nil {
		users = fn.Tags
		tags[TagFunction] = fn.Name
	}
	maps.Copy(tags, users)
	tags[TagProject], tags[TagVersion] = d.file.Project, d.env.Version
	return tags
}

// problem reports what is wrong with a function, and where in the file that is.
func (d *desire) problem(fn *spec.Function, format string, args ...any) {
	d.problems = multierror.Append(d.problems, placed(fn, fmt.Errorf(format, args...)))
}

// placed puts where a function stands in the file before an error about it.
func placed(fn *spec.Function, err error) error {
	if place := fn.Place(); place != "" {
		return fmt.Errorf("%s: %w", place, err)
	}
	return err
}

// warn attaches a warning to a resource of the state; New carries it into the plan.
func (d *desire) warn(a Address, message string) {
	r := d.state[a]
	r.Warnings = append(r.Warnings, message)
	d.state[a] = r
}
