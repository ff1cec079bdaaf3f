package flow

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/service/apigatewayv2"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	lambdatypes "github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/aws/aws-sdk-go-v2/service/resourcegroupstaggingapi"
	tagging "github.com/aws/aws-sdk-go-v2/service/resourcegroupstaggingapi/types"
	"golang.org/x/sync/errgroup"

	"github.com/scar-go/scar/planner"
)

// Listed is a function of the account as a list shows it.
type Listed struct {
	Name     string
	ARN      string
	Project  string // empty for one that the original scar made
	Original bool   // the original scar made it: it is no project's
	Memory   int    // MB
	Timeout  int    // seconds
	Image    string // as the file has it, or as the original noted it; empty: not known
	Starts   []string
	URL      string    // empty: it has none
	Last     *Activity // of the last day; nil: not asked for
}

// ListOptions say which functions are listed, and what of them.
type ListOptions struct {
	Project  string // empty: all projects, and what the original made
	Activity bool   // how often they ran is asked for, which AWS charges for by the metric

	// Note is told what cannot be shown for want of a right. It may be nil.
	Note func(string)
}

// The tag by which the original scar marks its functions, and the variables in which it notes what they are of.
const (
	originalTag   = "createdby"
	originalValue = "scar"
	originalImage = "IMAGE_ID"
	originalAPI   = "API_GATEWAY_ID"
)

// functionType is how the tagging API names functions.
const functionType = "lambda:function"

// List lists the functions of scar's in the account and region, sorted by project and name. What one call can tell of many
// functions is asked in such calls; only the URL of a function has to be asked for by itself, and only where its tags say
// that it has one.
func (a *Account) List(ctx context.Context, o ListOptions) ([]Listed, error) {
	list, err := a.listFunctions(ctx, o.Project)
	if err != nil {
		return nil, err
	}
	return list, a.complete(ctx, list, o)
}

// listFunctions lists the functions as far as lists tell of them. With an empty project, those of the original are among them.
func (a *Account) listFunctions(ctx context.Context, project string) ([]Listed, error) {
	var ours, original map[string]map[string]string // tags by ARN
	var there []lambdatypes.FunctionConfiguration
	group, inner := errgroup.WithContext(ctx)
	group.Go(func() (err error) { ours, err = a.taggedFunctions(inner, planner.TagProject, project); return err })
	group.Go(func() (err error) {
		if project == "" {
			original, err = a.taggedFunctions(inner, originalTag, originalValue)
		}
		return err
	})
	group.Go(func() (err error) { there, err = a.allFunctions(inner); return err })
	if err := group.Wait(); err != nil {
		return nil, err
	}
	if err := a.addUntold(ctx, there, ours, project); err != nil {
		return nil, err
	}
	var list []Listed
	for _, f := range there {
		arn := sdk.ToString(f.FunctionArn)
		if tags, found := ours[arn]; found {
			list = append(list, newListed(f, tags))
		} else if _, found := original[arn]; found {
			list = append(list, newOriginal(f))
		}
	}
	slices.SortFunc(list, func(x, y Listed) int {
		return strings.Compare(x.Project+"\x00"+x.Name, y.Project+"\x00"+y.Name)
	})
	return list, nil
}

// complete asks for what the lists do not tell: addresses, and how the functions ran.
func (a *Account) complete(ctx context.Context, list []Listed, o ListOptions) error {
	group, inner := errgroup.WithContext(ctx)
	group.Go(func() error { return a.addURLs(inner, list) })
	group.Go(func() error { return a.addAPIs(inner, list) })
	if o.Activity {
		group.Go(func() error { return withoutRight(a.addActivity(inner, list), o.Note, func() { forgetActivity(list) }) })
	}
	return group.Wait()
}

func newListed(f lambdatypes.FunctionConfiguration, tags map[string]string) Listed {
	return Listed{
		Name: sdk.ToString(f.FunctionName), ARN: sdk.ToString(f.FunctionArn), Project: tags[planner.TagProject],
		Memory: int(sdk.ToInt32(f.MemorySize)), Timeout: int(sdk.ToInt32(f.Timeout)),
		Image: tags[planner.TagImage], Starts: strings.Fields(tags[planner.TagStarts]),
	}
}

func newOriginal(f lambdatypes.FunctionConfiguration) Listed {
	l := newListed(f, nil)
	l.Original = true
	if f.Environment != nil {
		l.Image = f.Environment.Variables[originalImage]
		if id := f.Environment.Variables[originalAPI]; id != "" {
			region := strings.Split(l.ARN+":::", ":")[3]
			naming := planner.Naming{Partition: planner.PartitionOf(region)}
			l.URL = "https://" + id + ".execute-api." + region + "." + naming.DNSSuffix() + "/scar/launch"
		}
	}
	return l
}

// allFunctions are all functions of the account and region, of whomever.
func (a *Account) allFunctions(ctx context.Context) ([]lambdatypes.FunctionConfiguration, error) {
	var all []lambdatypes.FunctionConfiguration
	pages := lambda.NewListFunctionsPaginator(lambda.NewFromConfig(a.config), &lambda.ListFunctionsInput{})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, fmt.Errorf("list functions: %w", explainCall(err))
		}
		all = append(all, page.Functions...)
	}
	return all, nil
}

// taggedPage is how many resources the tagging API lists at once at most.
const taggedPage = 100

// taggedFunctions are the tags of the functions that carry a tag, by ARN; an empty value is any. The tagging API lags: some may be gone.
func (a *Account) taggedFunctions(ctx context.Context, key, value string) (map[string]map[string]string, error) {
	filter := tagging.TagFilter{Key: &key}
	if value != "" {
		filter.Values = []string{value}
	}
	found := map[string]map[string]string{}
	pages := resourcegroupstaggingapi.NewGetResourcesPaginator(resourcegroupstaggingapi.NewFromConfig(a.config), &resourcegroupstaggingapi.GetResourcesInput{
		ResourceTypeFilters: []string{functionType}, TagFilters: []tagging.TagFilter{filter}, ResourcesPerPage: sdk.Int32(taggedPage),
	})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, fmt.Errorf("list the functions with the tag %s: %w", key, explainCall(err))
		}
		for _, r := range page.ResourceTagMappingList {
			tags := map[string]string{}
			for _, t := range r.Tags {
				tags[sdk.ToString(t.Key)] = sdk.ToString(t.Value)
			}
			found[sdk.ToString(r.ResourceARN)] = tags
		}
	}
	return found, nil
}

// addUntold adds the tags of functions that the tagging API does not list yet, as it may not for a while after an apply: those
// whose role is of a project of scar's.
func (a *Account) addUntold(ctx context.Context, there []lambdatypes.FunctionConfiguration, ours map[string]map[string]string, project string) error {
	roles := ":role" + planner.RolePaths
	if project != "" {
		roles = ":role" + planner.RolePath(project)
	}
	untold := func(f lambdatypes.FunctionConfiguration) bool {
		_, told := ours[sdk.ToString(f.FunctionArn)]
		return !told && strings.Contains(sdk.ToString(f.Role), roles)
	}
	var mu sync.Mutex
	group, inner := errgroup.WithContext(ctx)
	group.SetLimit(a.settings.Parallelism)
	client := a.patientLambda()
	for _, f := range slices.DeleteFunc(slices.Clone(there), func(f lambdatypes.FunctionConfiguration) bool { return !untold(f) }) {
		arn := sdk.ToString(f.FunctionArn)
		group.Go(func() error {
			out, err := client.ListTags(inner, &lambda.ListTagsInput{Resource: &arn})
			if isAbsent(err) {
				return nil
			}
			if err != nil {
				return fmt.Errorf("read the tags of %s: %w", arn, explainCall(err))
			}
			mu.Lock()
			defer mu.Unlock()
			if found := out.Tags[planner.TagProject]; found != "" && (project == "" || found == project) {
				ours[arn] = out.Tags
			}
			return nil
		})
	}
	return group.Wait()
}

// urlTries is how often a call about one of many functions is made: Lambda takes 15 such calls in a second ("Lambda
// quotas"), so that some of many are refused at first.
const urlTries = 12

// patientLambda is a client for calls about each of many functions.
func (a *Account) patientLambda() *lambda.Client {
	return lambda.NewFromConfig(a.config, func(o *lambda.Options) {
		o.Retryer = retry.NewAdaptiveMode(func(o *retry.AdaptiveModeOptions) {
			o.StandardOptions = append(o.StandardOptions, func(o *retry.StandardOptions) { o.MaxAttempts = urlTries })
		})
	})
}

// addURLs asks for the URLs of the functions that have one of their own.
func (a *Account) addURLs(ctx context.Context, list []Listed) error {
	group, inner := errgroup.WithContext(ctx)
	group.SetLimit(a.settings.Parallelism)
	client := a.patientLambda()
	for i := range list {
		l := &list[i]
		if !slices.Contains(l.Starts, "url") {
			continue
		}
		group.Go(func() error {
			out, err := client.GetFunctionUrlConfig(inner, &lambda.GetFunctionUrlConfigInput{FunctionName: &l.Name})
			if isAbsent(err) {
				return nil
			}
			if err != nil {
				return fmt.Errorf("read the URL of function %q: %w", l.Name, explainCall(err))
			}
			l.URL = sdk.ToString(out.FunctionUrl)
			return nil
		})
	}
	return group.Wait()
}

// apiPage is how many APIs are listed at once at most (the parameter is a text).
const apiPage = "500"

// addAPIs asks for the addresses of the APIs before functions, of all at once.
func (a *Account) addAPIs(ctx context.Context, list []Listed) error {
	behind := map[string]*Listed{}
	for i := range list {
		if slices.Contains(list[i].Starts, "api") {
			behind[list[i].Project+"/"+list[i].Name] = &list[i]
		}
	}
	if len(behind) == 0 {
		return nil
	}
	client := apigatewayv2.NewFromConfig(a.config)
	for in := (&apigatewayv2.GetApisInput{MaxResults: sdk.String(apiPage)}); ; {
		out, err := client.GetApis(ctx, in)
		if err != nil {
			return fmt.Errorf("list HTTP APIs: %w", explainCall(err))
		}
		for _, api := range out.Items {
			if l := behind[api.Tags[planner.TagProject]+"/"+api.Tags[planner.TagFunction]]; l != nil {
				l.URL = sdk.ToString(api.ApiEndpoint)
			}
		}
		if sdk.ToString(out.NextToken) == "" {
			return nil
		}
		in.NextToken = out.NextToken
	}
}

// isAbsent says whether Lambda knows no such thing.
func isAbsent(err error) bool {
	var absent *lambdatypes.ResourceNotFoundException
	return errors.As(err, &absent)
}

// Region is the region of the account.
func (a *Account) Region() string { return a.config.Region }
