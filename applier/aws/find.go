package aws

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/apigatewayv2"
	"github.com/aws/aws-sdk-go-v2/service/ecr/types"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/resourcegroupstaggingapi"
	tagging "github.com/aws/aws-sdk-go-v2/service/resourcegroupstaggingapi/types"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/scar-go/scar/planner"
)

// roleLister lists roles by path: the tagging API does not know them.
type roleLister = iam.ListRolesAPIClient

// finder finds what belongs to a project. The tagging API answers late and may still list what is
// gone, so all it says is where to look; reading decides.
type finder struct {
	tags      resourcegroupstaggingapi.GetResourcesAPIClient
	roles     roleLister
	images    imageLister
	queues    queueLister
	schedules scheduleLister
	apis      apiLister
	naming    planner.Naming
}

// queueLister lists queues by how their names begin.
type queueLister = sqs.ListQueuesAPIClient

// apiLister lists APIs with their tags.
type apiLister interface {
	GetApis(context.Context, *apigatewayv2.GetApisInput, ...func(*apigatewayv2.Options)) (*apigatewayv2.GetApisOutput, error)
}

// taggedTypes are the types of resources that scar tags, as the tagging API names them.
var taggedTypes = []string{"lambda:function", "logs:log-group", "ecr:repository", "s3"}

// find lists what may be the project's: what carries its tag, roles under its path, images in its
// repository, and for every function that these name, all resources that a function has. Thus what a
// crash left without its function, or the tagging API does not list yet, is found too.
func (f *finder) find(ctx context.Context, project string) ([]planner.Ref, error) {
	var tagged, roles, images []planner.Ref
	err := together(ctx,
		func(ctx context.Context) (err error) { tagged, err = f.tagged(ctx, project); return err },
		func(ctx context.Context) (err error) { roles, err = f.projectRoles(ctx, project); return err },
		func(ctx context.Context) (err error) { images, err = f.projectImages(ctx, project); return err },
	)
	if err != nil {
		return nil, fmt.Errorf("find the resources of project %s: %w", project, explain(err))
	}
	refs := slices.Concat(tagged, roles, images)
	refs = append(refs, planner.Ref{Kind: planner.KindRepository, Name: planner.RepositoryName(project)})
	for _, ref := range slices.Clone(refs) {
		refs = append(refs, f.ofFunction(ref)...)
	}
	slices.SortFunc(refs, planner.Address.Compare)
	return slices.Compact(refs), nil
}

func (f *finder) tagged(ctx context.Context, project string) ([]planner.Ref, error) {
	key := planner.TagProject
	pages := resourcegroupstaggingapi.NewGetResourcesPaginator(f.tags, &resourcegroupstaggingapi.GetResourcesInput{
		ResourceTypeFilters: taggedTypes,
		TagFilters:          []tagging.TagFilter{{Key: &key, Values: []string{project}}},
	})
	var refs []planner.Ref
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, fmt.Errorf("list tagged resources: %w", err)
		}
		for _, r := range page.ResourceTagMappingList {
			if ref, known := refOf(deref(r.ResourceARN)); known {
				refs = append(refs, ref)
			}
		}
	}
	return refs, nil
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

// ofFunction lists what a function has, given one part of it. The name of a role may be cut, and leads
// to a function that does not exist then; its log group, image or function lead to the role.
func (f *finder) ofFunction(ref planner.Ref) []planner.Ref {
	var function string
	switch ref.Kind {
	case planner.KindFunction, planner.KindImage:
		function = ref.Name
	case planner.KindLogGroup:
		// Without the prefix the group is no function's, whatever its tags.
		if rest, found := strings.CutPrefix(ref.Name, planner.LogGroupName("")); found {
			function = rest
		}
	case planner.KindRole:
		rest, ours := strings.CutPrefix(ref.Name, "scar-")
		if !ours {
			return nil
		}
		function, _ = strings.CutSuffix(rest, "-"+f.naming.Region)
	default:
		return nil
	}
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
