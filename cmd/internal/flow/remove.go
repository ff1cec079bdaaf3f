package flow

import (
	"context"
	"fmt"
	"maps"
	"slices"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
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

// Projects are the projects that have something tagged as theirs in the account and region, sorted.
func (a *Account) Projects(ctx context.Context) ([]string, error) {
	pages := resourcegroupstaggingapi.NewGetResourcesPaginator(resourcegroupstaggingapi.NewFromConfig(a.config), &resourcegroupstaggingapi.GetResourcesInput{
		TagFilters: []tagging.TagFilter{{Key: sdk.String(planner.TagProject)}}, ResourcesPerPage: sdk.Int32(taggedPage),
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
