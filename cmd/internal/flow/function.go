package flow

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	lambdatypes "github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/aws/aws-sdk-go-v2/service/resourcegroupstaggingapi"
	tagging "github.com/aws/aws-sdk-go-v2/service/resourcegroupstaggingapi/types"

	"github.com/scar-go/scar/planner"
	"github.com/scar-go/scar/spec"
)

// Deployed is a function of scar's as it is in the account.
type Deployed struct {
	Name, ARN   string
	Project     string // that its tag says it belongs to
	Description string
	Image       string // reference that its code was set to, with the digest

	Memory           int // MB
	Timeout          int // seconds
	EphemeralStorage int // MB, /tmp
	Architecture     string
	Role             string // ARN
	LogGroup         string // that it writes to
	Reserved         int    // executions reserved for it; spec.Unreserved: none

	State, StateReason           string // Pending, Active, Inactive or Failed, and why
	LastUpdate, LastUpdateReason string // Successful, InProgress or Failed, and why
	Modified                     string // when, in ISO 8601

	Tags map[string]string // all of them, scar's own too
}

// UnknownFunctionError says that the account has no function of a name, in the region that was looked at.
type UnknownFunctionError struct {
	Name, Region string
	Near         []string // functions of scar's whose names are like it, nearest first
}

func (e *UnknownFunctionError) Error() string {
	hint := "scar ls shows those that there are; is it applied, and is the region right?"
	if len(e.Near) > 0 {
		hint = "did you mean " + strings.Join(e.Near, ", ") + "?"
	}
	return fmt.Sprintf("there is no function %q in region %s: %s", e.Name, e.Region, hint)
}

// ForeignFunctionError says that a function is there but that scar did not make it.
type ForeignFunctionError struct{ Name, Region string }

func (e *ForeignFunctionError) Error() string {
	return fmt.Sprintf("function %s in region %s is not scar's, it has no tag %s: it is left alone; scar apply --adopt function/%s takes it over",
		e.Name, e.Region, planner.TagProject, e.Name)
}

// functionName is what Lambda takes for a function's own name (API reference, CreateFunction).
var functionName = regexp.MustCompile(`^[a-zA-Z0-9_-]{1,64}$`)

// CheckFunctionName refuses what cannot be the name of a function.
func CheckFunctionName(name string) error {
	if !functionName.MatchString(name) {
		return fmt.Errorf("%q is not the name of a function: names are up to 64 of a-z, A-Z, 0-9, - and _", name)
	}
	return nil
}

// Function reads a function of scar's by its name. One that is not there is an [UnknownFunctionError], one that is
// another's a [ForeignFunctionError].
func (a *Account) Function(ctx context.Context, name string) (*Deployed, error) {
	if err := CheckFunctionName(name); err != nil {
		return nil, err
	}
	out, err := lambda.NewFromConfig(a.config).GetFunction(ctx, &lambda.GetFunctionInput{FunctionName: &name})
	var absent *lambdatypes.ResourceNotFoundException
	switch {
	case errors.As(err, &absent):
		return nil, &UnknownFunctionError{Name: name, Region: a.config.Region, Near: a.namesLike(ctx, name)}
	case err != nil:
		return nil, fmt.Errorf("read function %q: %w", name, explainCall(err))
	case out.Configuration == nil:
		return nil, fmt.Errorf("read function %q: the answer has no configuration", name)
	case out.TagsError != nil:
		return nil, fmt.Errorf("read the tags of function %q: %s: %s", name, sdk.ToString(out.TagsError.ErrorCode), sdk.ToString(out.TagsError.Message))
	}
	d := newDeployed(out)
	if d.Project == "" {
		return nil, &ForeignFunctionError{Name: name, Region: a.config.Region}
	}
	return d, nil
}

func newDeployed(out *lambda.GetFunctionOutput) *Deployed {
	c := out.Configuration
	d := &Deployed{
		Name: sdk.ToString(c.FunctionName), ARN: sdk.ToString(c.FunctionArn), Project: out.Tags[planner.TagProject],
		Description: sdk.ToString(c.Description), Role: sdk.ToString(c.Role),
		Memory: int(sdk.ToInt32(c.MemorySize)), Timeout: int(sdk.ToInt32(c.Timeout)),
		State: string(c.State), StateReason: sdk.ToString(c.StateReason),
		LastUpdate: string(c.LastUpdateStatus), LastUpdateReason: sdk.ToString(c.LastUpdateStatusReason),
		Modified: sdk.ToString(c.LastModified), Tags: out.Tags,
		LogGroup: planner.LogGroupName(sdk.ToString(c.FunctionName)), Reserved: spec.Unreserved,
	}
	if out.Code != nil {
		d.Image = sdk.ToString(out.Code.ImageUri)
	}
	if c.EphemeralStorage != nil {
		d.EphemeralStorage = int(sdk.ToInt32(c.EphemeralStorage.Size))
	}
	if len(c.Architectures) > 0 {
		d.Architecture = string(c.Architectures[0])
	}
	if c.LoggingConfig != nil && sdk.ToString(c.LoggingConfig.LogGroup) != "" {
		d.LogGroup = *c.LoggingConfig.LogGroup
	}
	if out.Concurrency != nil && out.Concurrency.ReservedConcurrentExecutions != nil {
		d.Reserved = int(*out.Concurrency.ReservedConcurrentExecutions)
	}
	return d
}

const (
	nearPages = 5 // of 100 functions each, that are looked at for names
	nearNames = 3 // that are offered
)

// namesLike are the functions of scar's in the account and region whose names are like one. It is a help: where the
// question is not answered, there are none.
func (a *Account) namesLike(ctx context.Context, name string) []string {
	known := a.FunctionNames(ctx)
	return nearest(name, slices.DeleteFunc(known, func(other string) bool { return other == name }))
}

// FunctionNames are the names of functions of scar's in the account and region, of the first hundreds. It is a help: what is not
// answered before the context ends is left out.
func (a *Account) FunctionNames(ctx context.Context) []string {
	pages := resourcegroupstaggingapi.NewGetResourcesPaginator(resourcegroupstaggingapi.NewFromConfig(a.config), &resourcegroupstaggingapi.GetResourcesInput{
		ResourceTypeFilters: []string{functionType},
		TagFilters:          []tagging.TagFilter{{Key: sdk.String(planner.TagProject)}},
	})
	var known []string
	for n := 0; n < nearPages && pages.HasMorePages(); n++ {
		page, err := pages.NextPage(ctx)
		if err != nil {
			break
		}
		for _, r := range page.ResourceTagMappingList {
			if function, found := planner.FunctionOfARN(sdk.ToString(r.ResourceARN)); found {
				known = append(known, function)
			}
		}
	}
	return known
}

// nearest are the few of some names that may have been meant by another, nearest first: those that few changes lead to,
// and those of which one is a part of the other.
func nearest(name string, known []string) []string {
	type candidate struct {
		name string
		far  int
	}
	var near []candidate
	lower := strings.ToLower(name)
	for _, k := range known {
		other := strings.ToLower(k)
		limit := 1 + min(len(lower), len(other))/4
		far := spec.Distance(lower, other, limit)
		if min(len(lower), len(other)) > 2 && (strings.Contains(other, lower) || strings.Contains(lower, other)) {
			far = min(far, 2)
		}
		if far <= limit {
			near = append(near, candidate{k, far})
		}
	}
	slices.SortFunc(near, func(a, b candidate) int {
		if a.far != b.far {
			return a.far - b.far
		}
		return strings.Compare(a.name, b.name)
	})
	var names []string
	for _, c := range near[:min(len(near), nearNames)] {
		names = append(names, c.name)
	}
	return names
}
