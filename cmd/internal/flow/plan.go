package flow

import (
	"context"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"sync"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"golang.org/x/sync/errgroup"

	"github.com/scar-go/scar/applier/aws"
	"github.com/scar-go/scar/image"
	"github.com/scar-go/scar/planner"
	"github.com/scar-go/scar/spec"
)

// PlanOptions say what a plan is to contain.
type PlanOptions struct {
	Adopt         []planner.Address
	Target        []planner.Address
	DeleteBuckets bool
	KeepLogs      bool
	AllowLoops    bool // functions may start each other without end
}

// Planned is a plan together with what carrying it out takes.
type Planned struct {
	*planner.Plan
	account *Account
	cloud   *aws.Cloud

	destroys bool
}

// Destroys says whether this is the plan of a removal, and not that of a file.
func (p *Planned) Destroys() bool { return p.destroys }

// Plan compares the file with the account. The images of all functions are resolved and assembled
// while the account is read, and while it is asked for what the file refers to: none needs the others. All that is
// wrong with the file in this account is reported at once.
func (a *Account) Plan(ctx context.Context, f *spec.File, o PlanOptions) (*Planned, error) {
	var images *built
	var live planner.State
	var naming planner.Naming
	var answers planner.Answers
	var askErr error
	var digests map[string]string
	group, inner := errgroup.WithContext(ctx)
	identity := sync.OnceValues(func() (planner.Naming, error) { return a.identify(inner) })
	group.Go(func() (err error) {
		images, err = a.build(inner, f, everyFunction)
		return err
	})
	group.Go(func() (err error) {
		digests, err = a.digestsOf(inner, f)
		return err
	})
	group.Go(func() (err error) {
		naming, live, err = a.read(inner, identity, f.Project, addresses(f, a.naming()))
		return err // where nothing works, it explains best why
	})
	group.Go(func() error {
		naming, err := identity() // what is of this account is known to be there or not, what is of others may be hidden
		if err == nil {
			answers, askErr = a.ask(inner, f, naming, nil, nil)
		}
		return nil
	})
	if err := group.Wait(); err != nil {
		return nil, err
	}
	if askErr == nil {
		answers, askErr = a.ask(ctx, f, naming, live, answers)
	}
	if askErr != nil {
		return nil, askErr
	}
	env := planner.Env{
		Naming: naming, Version: a.settings.Version, Images: images.values, Architectures: images.architectures, Parameters: digests,
	}
	plan, err := o.plan(f, env, live, answers)
	if err != nil {
		return nil, err
	}
	plan.Preheat = preheats(f, plan)
	return &Planned{Plan: plan, account: a, cloud: a.cloud(f.Project, naming, carried{images.byDigest(), broughtBy(f)})}, nil
}

// plan makes the plan of a file from all that is known. What is wrong is told all at once.
func (o PlanOptions) plan(f *spec.File, env planner.Env, live planner.State, answers planner.Answers) (*planner.Plan, error) {
	desired, reachErr := planner.Desired(f, env)
	options := o.forPlanner(f.Project, env.Naming, false)
	plan, planErr := planner.New(desired, live, options)
	warnings, checkErr := o.check(f, desired, planner.WithoutLegacy(desired, live, options), answers, plan)
	if err := join([]error{reachErr, checkErr, planErr}); err != nil {
		return nil, err
	}
	plan.Warnings = append(plan.Warnings, warnings...)
	slices.SortStableFunc(plan.Warnings, func(a, b planner.Warning) int { return a.Address.Compare(b.Address) })
	return plan, nil
}

// PlanDestroy plans the removal of all that belongs to a project. It needs no file but the project's
// name, so that a vanished image or script never blocks it.
func (a *Account) PlanDestroy(ctx context.Context, project string, o PlanOptions) (*Planned, error) {
	identity := func() (planner.Naming, error) { return a.identify(ctx) }
	naming, live, err := a.read(ctx, identity, project, nil)
	if err != nil {
		return nil, err
	}
	plan, err := planner.New(planner.State{}, live, o.forPlanner(project, naming, true))
	if err != nil {
		return nil, err
	}
	return &Planned{Plan: plan, account: a, cloud: a.cloud(project, naming, carried{}), destroys: true}, nil
}

func (o PlanOptions) forPlanner(project string, n planner.Naming, destroy bool) planner.Options {
	return planner.Options{
		Project: project, Naming: n, Adopt: o.Adopt, Target: o.Target,
		Destroy: destroy, DeleteBuckets: o.DeleteBuckets, KeepLogs: o.KeepLogs,
	}
}

func everyFunction(string) bool { return true }

// carried is what a plan names by digests only, and what has to be at hand to carry it out.
type carried struct {
	images  map[string]*image.Image // by digest
	secrets map[string]string       // by the names of parameters
}

// cloud is the account as the applier sees it.
func (a *Account) cloud(project string, n planner.Naming, c carried) *aws.Cloud {
	return aws.New(a.config, aws.Options{
		Project: project, Naming: n, Images: c.images, Parameters: c.secrets, Digests: &a.digests, Parallelism: a.settings.Parallelism, Pace: a.pace(),
	})
}

// localPace is the unit of pauses between tries at backends on this machine, which answer at once.
const localPace = 50 * time.Millisecond

// pace is the unit of all pauses; 0 is that of AWS.
func (a *Account) pace() time.Duration {
	u, err := url.Parse(sdk.ToString(a.config.BaseEndpoint))
	if err != nil || !isLoopback(u.Hostname()) {
		return 0
	}
	return localPace
}

// read returns what is there of a project, and of what its file names. Whose account it is, which identity tells, is asked
// while the project's resources are listed. What the file names is read without waiting for that list:
// where nothing has left the file, the list holds nothing else.
func (a *Account) read(ctx context.Context, identity func() (planner.Naming, error), project string, named []planner.Ref) (planner.Naming, planner.State, error) {
	var naming planner.Naming
	var live planner.State
	var found []planner.Ref
	var findErr error
	group, inner := errgroup.WithContext(ctx)
	group.Go(func() (err error) {
		if naming, err = identity(); err != nil {
			return err // it explains best why nothing works
		}
		live, err = a.cloud(project, naming, carried{}).Read(inner, named)
		return explainCall(err)
	})
	group.Go(func() error {
		found, findErr = a.cloud(project, a.naming(), carried{}).Find(inner, project)
		return nil
	})
	if err := group.Wait(); err != nil {
		return naming, nil, err
	}
	if findErr != nil {
		return naming, nil, fmt.Errorf("list what belongs to project %s: %w", project, explainCall(findErr))
	}
	rest := slices.DeleteFunc(found, func(r planner.Ref) bool { return slices.Contains(named, r) })
	if len(rest) == 0 {
		return naming, live, nil
	}
	more, err := a.cloud(project, naming, carried{}).Read(ctx, rest)
	if err != nil {
		return naming, nil, explainCall(err)
	}
	if live == nil {
		live = planner.State{}
	}
	maps.Copy(live, more)
	return naming, live, nil
}

// Addresses are those of all that a file describes, as far as they are known without an account: without
// a region, that is all but the roles.
func Addresses(f *spec.File, region string) []planner.Address {
	all := addresses(f, planner.Naming{Partition: planner.PartitionOf(region), Region: region})
	if region != "" {
		return all
	}
	return slices.DeleteFunc(all, func(a planner.Address) bool { return a.Kind == planner.KindRole })
}

// addresses are those of all that the file describes. They are known before account and images are:
// names depend on neither. What Desired finds wrong without them is left to the real call.
func addresses(f *spec.File, n planner.Naming) []planner.Ref {
	images := map[string]planner.Image{} // their digests are no part of their names
	for i := range f.Functions {
		images[f.Functions[i].Name] = planner.Image{}
	}
	state, _ := planner.Desired(f, planner.Env{Naming: n, Images: images})
	return slices.SortedFunc(maps.Keys(state), planner.Address.Compare)
}
