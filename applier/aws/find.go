package aws

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/ecr/types"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/resourcegroupstaggingapi"
	tagging "github.com/aws/aws-sdk-go-v2/service/resourcegroupstaggingapi/types"
	schedulertypes "github.com/aws/aws-sdk-go-v2/service/scheduler/types"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/scar-go/scar/planner"
)

// roleLister lists roles by path: the tagging API does not know them.
type roleLister = iam.ListRolesAPIClient

// queueLister lists queues by how their names begin.
type queueLister = sqs.ListQueuesAPIClient

// finder finds what belongs to a project. The tagging API answers late and may still list what is
// gone, so all it says is where to look; reading decides. Where a service itself lists what may be the project's in a call
// or two, it is asked as well.
type finder struct {
	tags         resourcegroupstaggingapi.GetResourcesAPIClient
	roles        roleLister
	images       imageLister
	queues       queueLister
	eventSources *eventSources
	schedules    scheduleLister
	apis         *httpAPIs
	parameters   *parameters
	naming       planner.Naming // its account may be unknown yet
}

// taggedTypes are the types of resources that scar tags, as the tagging API names them.
var taggedTypes = []string{
	"lambda:function", "lambda:event-source-mapping", "logs:log-group", "ecr:repository", "s3", "sqs", "scheduler:schedule-group",
}

// find lists what may be the project's: what carries its tag, roles under its path, images in its repository, queues by
// their names, schedules in its group (those of others too), its APIs, parameters under its path, and for every function that these name, what every function has. Thus what
// a crash left without its function, or the tagging API does not list yet, is found too. A function's policy, URL, event
// sources and settings are not listed: reading the function brings them.
func (f *finder) find(ctx context.Context, project string) ([]planner.Ref, error) {
	var found [7][]planner.Ref
	var others []planner.Ref // in the project's group of schedules
	err := together(ctx,
		func(ctx context.Context) (err error) { found[0], err = f.tagged(ctx, project); return err },
		func(ctx context.Context) (err error) { found[1], err = f.projectRoles(ctx, project); return err },
		func(ctx context.Context) (err error) { found[2], err = f.projectImages(ctx, project); return err },
		func(ctx context.Context) (err error) { found[3], err = f.projectQueues(ctx, project); return err },
		func(ctx context.Context) (err error) {
			found[4], others, err = f.projectSchedules(ctx, project)
			return err
		},
		func(ctx context.Context) (err error) { found[5], err = f.projectAPIs(ctx); return err },
		func(ctx context.Context) (err error) { found[6], err = f.parameters.list(ctx, project); return err },
	)
	if err != nil {
		return nil, fmt.Errorf("find the resources of project %s: %w", project, explain(err))
	}
	refs := append(slices.Concat(found[:]...), planner.Ref{Kind: planner.KindRepository, Name: planner.RepositoryName(project)})
	for _, ref := range slices.Clone(refs) {
		refs = append(refs, f.ofFunction(project, ref)...)
	}
	refs = append(refs, others...)
	slices.SortFunc(refs, planner.Address.Compare)
	return slices.Compact(refs), nil
}

// tagged lists what carries the project's tag. Of event sources the tag is on what has but an id, so all of the account
// are listed meanwhile, to tell what they join.
func (f *finder) tagged(ctx context.Context, project string) ([]planner.Ref, error) {
	var arns []string
	var mappings map[planner.Ref]mapping
	err := together(ctx,
		func(ctx context.Context) (err error) { arns, err = f.taggedARNs(ctx, project); return err },
		func(ctx context.Context) (err error) { mappings, err = f.eventSources.all(ctx); return err },
	)
	if err != nil {
		return nil, err
	}
	var refs []planner.Ref
	ours := map[string]bool{} // ids of event sources
	for _, arn := range arns {
		if ref, known := refOf(arn); known {
			refs = append(refs, ref)
		}
		if _, id, isMapping := strings.Cut(arn, mappingResource); isMapping {
			ours[id] = true
		}
	}
	for ref, m := range mappings {
		if ours[deref(m.UUID)] {
			refs = append(refs, ref)
		}
	}
	return refs, nil
}

func (f *finder) taggedARNs(ctx context.Context, project string) ([]string, error) {
	key := planner.TagProject
	pages := resourcegroupstaggingapi.NewGetResourcesPaginator(f.tags, &resourcegroupstaggingapi.GetResourcesInput{
		ResourceTypeFilters: taggedTypes,
		TagFilters:          []tagging.TagFilter{{Key: &key, Values: []string{project}}},
	})
	var arns []string
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, fmt.Errorf("list tagged resources: %w", err)
		}
		for _, r := range page.ResourceTagMappingList {
			arns = append(arns, deref(r.ResourceARN))
		}
	}
	return arns, nil
}

// refOf is the address of what an ARN names, if it is of a kind that scar makes.
func refOf(arn string) (planner.Ref, bool) {
	parts := strings.SplitN(arn, ":", 6)
	if len(parts) < 6 || parts[0] != "arn" {
		return planner.Ref{}, false
	}
	service, resource := parts[2], parts[5]
	for _, k := range []struct {
		service, prefix string
		kind            planner.Kind
	}{
		{"lambda", "function:", planner.KindFunction},
		{"logs", "log-group:", planner.KindLogGroup},
		{"ecr", "repository/", planner.KindRepository},
		{"s3", "", planner.KindBucket},
		{"sqs", "", planner.KindQueue},
		{"scheduler", "schedule-group/", planner.KindScheduleGroup},
	} {
		name, fits := strings.CutPrefix(resource, k.prefix)
		if k.service != service || !fits {
			continue
		}
		if k.kind == planner.KindBucket && strings.Contains(name, "/") {
			return planner.Ref{}, false // an access point, or an object
		}
		if k.kind != planner.KindBucket {
			name, _, _ = strings.Cut(name, ":") // a version, or the :* of log groups
		}
		return planner.Ref{Kind: k.kind, Name: name}, name != ""
	}
	return planner.Ref{}, false
}

// projectRoles lists the roles of the project and of this region: roles are global, their names tell.
func (f *finder) projectRoles(ctx context.Context, project string) ([]planner.Ref, error) {
	path := planner.RolePath(project)
	pages := iam.NewListRolesPaginator(f.roles, &iam.ListRolesInput{PathPrefix: &path})
	var refs []planner.Ref
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, fmt.Errorf("list roles: %w", err)
		}
		for _, r := range page.Roles {
			if strings.HasSuffix(deref(r.RoleName), "-"+f.naming.Region) {
				refs = append(refs, planner.Ref{Kind: planner.KindRole, Name: deref(r.RoleName)})
			}
		}
	}
	return refs, nil
}

// projectQueues lists the queues that are named as the project's are.
func (f *finder) projectQueues(ctx context.Context, project string) ([]planner.Ref, error) {
	var prefixed [2][]planner.Ref
	err := together(ctx,
		func(ctx context.Context) (err error) {
			prefixed[0], err = f.queuesFrom(ctx, planner.QueueName(project, ""))
			return err
		},
		func(ctx context.Context) (err error) {
			prefixed[1], err = f.queuesFrom(ctx, planner.DeadLetterName(project, ""))
			return err
		},
	)
	return slices.Concat(prefixed[:]...), err
}

func (f *finder) queuesFrom(ctx context.Context, prefix string) ([]planner.Ref, error) {
	const page = 1000 // without a number SQS answers no token for more
	pages := sqs.NewListQueuesPaginator(f.queues, &sqs.ListQueuesInput{QueueNamePrefix: &prefix, MaxResults: ptr(int32(page))})
	var refs []planner.Ref
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, fmt.Errorf("list queues: %w", err)
		}
		for _, url := range page.QueueUrls {
			refs = append(refs, planner.Ref{Kind: planner.KindQueue, Name: path.Base(url)})
		}
	}
	return refs, nil
}

// projectSchedules lists the project's group of schedules with what in it is the project's, and what others keep there: that
// would go with the group, so a plan that deletes the group has to know of it.
func (f *finder) projectSchedules(ctx context.Context, project string) (refs, others []planner.Ref, err error) {
	name := planner.ScheduleGroupName(project)
	var exists bool
	var all []schedulertypes.ScheduleSummary
	err = together(ctx,
		func(ctx context.Context) (err error) {
			exists, err = hasScheduleGroup(ctx, f.schedules, name)
			return err
		},
		func(ctx context.Context) (err error) { all, err = listSchedules(ctx, f.schedules, name); return err },
	)
	if err != nil || !exists {
		return nil, nil, err
	}
	refs = []planner.Ref{{Kind: planner.KindScheduleGroup, Name: name}}
	for _, s := range all {
		ref := planner.Ref{Kind: planner.KindSchedule, Name: name + "/" + deref(s.Name)}
		if s.Target != nil && ownerOfSchedule(project, name, deref(s.Name), deref(s.Target.Arn)).Project == project {
			refs = append(refs, ref)
		} else {
			others = append(others, ref)
		}
	}
	return refs, others, nil
}

func (f *finder) projectAPIs(ctx context.Context) ([]planner.Ref, error) {
	names, err := f.apis.names(ctx)
	var refs []planner.Ref
	for _, name := range names {
		refs = append(refs, planner.Ref{Kind: planner.KindHTTPAPI, Name: name})
	}
	return refs, err
}

func (f *finder) projectImages(ctx context.Context, project string) ([]planner.Ref, error) {
	ids, err := listImages(ctx, f.images, planner.RepositoryName(project), types.TagStatusTagged)
	if isNotFound(err) || errors.Is(err, errAbsent) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var refs []planner.Ref
	for _, id := range ids {
		refs = append(refs, planner.Ref{Kind: planner.KindImage, Name: deref(id.ImageTag)})
	}
	return refs, nil
}

// isFunctionName says whether Lambda could have a function of that name: it refuses to be asked for others, and
// the tags of images and the names of log groups may be anything.
func isFunctionName(name string) bool {
	const maxName = 64
	odd := func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-' || r == '_')
	}
	return name != "" && len(name) <= maxName && !strings.ContainsFunc(name, odd)
}

// ofFunction lists what every function has, given one part of it. Names may be cut, and lead to a function that does not
// exist then; its log group, image or function lead to the rest.
func (f *finder) ofFunction(project string, ref planner.Ref) []planner.Ref {
	function := f.functionOf(project, ref)
	if !isFunctionName(function) {
		return nil
	}
	return []planner.Ref{
		{Kind: planner.KindFunction, Name: function},
		{Kind: planner.KindImage, Name: function},
		{Kind: planner.KindLogGroup, Name: planner.LogGroupName(function)},
		{Kind: planner.KindRole, Name: planner.RoleName(function, f.naming.Region)},
	}
}

// functionOf is the name of the function that something is a part of, empty if it is of none.
func (f *finder) functionOf(project string, ref planner.Ref) string {
	between := func(before, after string) string {
		rest, begins := strings.CutPrefix(ref.Name, before)
		name, ends := strings.CutSuffix(rest, after)
		if !begins || !ends {
			return ""
		}
		return name
	}
	document, id := ref.Split()
	switch ref.Kind {
	case planner.KindFunction, planner.KindImage:
		return ref.Name
	case planner.KindEventSource:
		return document
	case planner.KindSchedule:
		return id
	case planner.KindLogGroup:
		// Without the prefix the group is no function's, whatever its tags.
		return between(planner.LogGroupName(""), "")
	case planner.KindRole:
		// The role of a schedule first: no function's name has a dot.
		return cmp.Or(between("scar-", ".schedule-"+f.naming.Region), between("scar-", "-"+f.naming.Region))
	case planner.KindQueue:
		return cmp.Or(between(planner.QueueName(project, ""), ""), between(planner.DeadLetterName(project, ""), ""))
	default:
		return ""
	}
}
