package flow

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/resourcegroupstaggingapi"
	tagging "github.com/aws/aws-sdk-go-v2/service/resourcegroupstaggingapi/types"

	"github.com/scar-go/scar/planner"
)

// PlanRemove plans the removal of one function of a project with all that is only its, and of the whole project where it
// is the last function.
func (a *Account) PlanRemove(ctx context.Context, project, function string, o PlanOptions) (*Planned, error) {
	list, err := a.listFunctions(ctx, project)
	if err != nil {
		return nil, err
	}
	if slices.ContainsFunc(list, func(l Listed) bool { return l.Name != function }) {
		o.Target = []planner.Address{{Kind: planner.KindFunction, Name: function}}
	}
	return a.PlanDestroy(ctx, project, o)
}

// Remains are the projects that have something of a function which is gone itself, as a removal that was cut short leaves it; sorted.
func (a *Account) Remains(ctx context.Context, function string) ([]string, error) {
	found, err := a.taggedProjects(ctx, tagging.TagFilter{Key: sdk.String(planner.TagFunction), Values: []string{function}})
	if err != nil || len(found) > 0 {
		return found, err
	}
	// Roles are of no region, so that the tagging API of one does not list them.
	roles := []string{planner.RoleName(function, a.config.Region), planner.ScheduleRoleName(function, a.config.Region)}
	pages := iam.NewListRolesPaginator(iam.NewFromConfig(a.config), &iam.ListRolesInput{PathPrefix: sdk.String(planner.RolePaths)})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, fmt.Errorf("list the roles of functions: %w", explainCall(err))
		}
		for _, r := range page.Roles {
			project := strings.TrimSuffix(strings.TrimPrefix(sdk.ToString(r.Path), planner.RolePaths), "/")
			if slices.Contains(roles, sdk.ToString(r.RoleName)) && !slices.Contains(found, project) {
				found = append(found, project)
			}
		}
	}
	slices.Sort(found)
	return found, nil
}

// Projects are the projects that have something tagged as theirs in the account and region, sorted.
func (a *Account) Projects(ctx context.Context) ([]string, error) {
	return a.taggedProjects(ctx, tagging.TagFilter{Key: sdk.String(planner.TagProject)})
}

// taggedProjects are the projects of what has a tag, sorted.
func (a *Account) taggedProjects(ctx context.Context, filter tagging.TagFilter) ([]string, error) {
	pages := resourcegroupstaggingapi.NewGetResourcesPaginator(resourcegroupstaggingapi.NewFromConfig(a.config), &resourcegroupstaggingapi.GetResourcesInput{
		TagFilters: []tagging.TagFilter{filter}, ResourcesPerPage: sdk.Int32(taggedPage),
	})
	found := map[string]bool{}
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, fmt.Errorf("list the projects: %w", explainCall(err))
		}
		for _, r := range page.ResourceTagMappingList {
			for _, tag := range r.Tags {
				if name := sdk.ToString(tag.Value); sdk.ToString(tag.Key) == planner.TagProject && name != "" {
					found[name] = true
				}
			}
		}
	}
	return slices.Sorted(maps.Keys(found)), nil
}
