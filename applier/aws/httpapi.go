package aws

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/apigatewayv2"
	"github.com/aws/aws-sdk-go-v2/service/apigatewayv2/types"
	"golang.org/x/sync/errgroup"

	"github.com/scar-go/scar/planner"
)

// httpAPIClient is what HTTP APIs need of API Gateway.
type httpAPIClient interface {
	GetApis(context.Context, *apigatewayv2.GetApisInput, ...func(*apigatewayv2.Options)) (*apigatewayv2.GetApisOutput, error)
	CreateApi(context.Context, *apigatewayv2.CreateApiInput, ...func(*apigatewayv2.Options)) (*apigatewayv2.CreateApiOutput, error)
	UpdateApi(context.Context, *apigatewayv2.UpdateApiInput, ...func(*apigatewayv2.Options)) (*apigatewayv2.UpdateApiOutput, error)
	DeleteApi(context.Context, *apigatewayv2.DeleteApiInput, ...func(*apigatewayv2.Options)) (*apigatewayv2.DeleteApiOutput, error)
	DeleteCorsConfiguration(context.Context, *apigatewayv2.DeleteCorsConfigurationInput, ...func(*apigatewayv2.Options)) (*apigatewayv2.DeleteCorsConfigurationOutput, error)
	TagResource(context.Context, *apigatewayv2.TagResourceInput, ...func(*apigatewayv2.Options)) (*apigatewayv2.TagResourceOutput, error)
	UntagResource(context.Context, *apigatewayv2.UntagResourceInput, ...func(*apigatewayv2.Options)) (*apigatewayv2.UntagResourceOutput, error)
	GetIntegrations(context.Context, *apigatewayv2.GetIntegrationsInput, ...func(*apigatewayv2.Options)) (*apigatewayv2.GetIntegrationsOutput, error)
	CreateIntegration(context.Context, *apigatewayv2.CreateIntegrationInput, ...func(*apigatewayv2.Options)) (*apigatewayv2.CreateIntegrationOutput, error)
	UpdateIntegration(context.Context, *apigatewayv2.UpdateIntegrationInput, ...func(*apigatewayv2.Options)) (*apigatewayv2.UpdateIntegrationOutput, error)
	GetRoutes(context.Context, *apigatewayv2.GetRoutesInput, ...func(*apigatewayv2.Options)) (*apigatewayv2.GetRoutesOutput, error)
	CreateRoute(context.Context, *apigatewayv2.CreateRouteInput, ...func(*apigatewayv2.Options)) (*apigatewayv2.CreateRouteOutput, error)
	UpdateRoute(context.Context, *apigatewayv2.UpdateRouteInput, ...func(*apigatewayv2.Options)) (*apigatewayv2.UpdateRouteOutput, error)
	GetStage(context.Context, *apigatewayv2.GetStageInput, ...func(*apigatewayv2.Options)) (*apigatewayv2.GetStageOutput, error)
	CreateStage(context.Context, *apigatewayv2.CreateStageInput, ...func(*apigatewayv2.Options)) (*apigatewayv2.CreateStageOutput, error)
	UpdateStage(context.Context, *apigatewayv2.UpdateStageInput, ...func(*apigatewayv2.Options)) (*apigatewayv2.UpdateStageOutput, error)
}

// httpAPIs are the HTTP APIs of one account, region and project. An API is found by its name and the project's tag:
// names are not unique, and one of that name without the tag is somebody else's. Of an API of the project's, the
// integration, the route $default, the stage $default and the statement in the function's policy are managed; what
// else it has is left alone.
type httpAPIs struct {
	client      httpAPIClient
	permissions *permissions
	naming      planner.Naming
	project     string
	patience
}

var _ outputter = (*httpAPIs)(nil)

func (h *httpAPIs) read(ctx context.Context, name string) (planner.HTTPAPI, planner.Owner, error) {
	api, err := h.find(ctx, name)
	if err != nil {
		return planner.HTTPAPI{}, planner.Owner{}, err
	}
	return h.describe(ctx, api)
}

// readAll reads the APIs of the given names with one listing, at most parallel of them at a time. Those that do not
// exist are left out.
func (h *httpAPIs) readAll(ctx context.Context, names []string, parallel int) ([]planner.Resource, error) {
	all, err := h.list(ctx)
	if err != nil {
		return nil, err
	}
	found := make([]*planner.Resource, len(names))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(parallel)
	for i, name := range names {
		group.Go(func() error {
			r, err := h.resource(ctx, all, name)
			if errors.Is(err, errAbsent) {
				return nil
			}
			if err != nil {
				return fmt.Errorf("%s: %w", planner.Address{Kind: planner.KindHTTPAPI, Name: name}, err)
			}
			found[i] = &r
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	var resources []planner.Resource
	for _, r := range found {
		if r != nil {
			resources = append(resources, *r)
		}
	}
	return resources, nil
}

func (h *httpAPIs) resource(ctx context.Context, all []types.Api, name string) (planner.Resource, error) {
	api, err := pick(all, name)
	if err != nil {
		return planner.Resource{}, err
	}
	v, owner, err := h.describe(ctx, api)
	return planner.Resource{Address: planner.Address{Kind: planner.KindHTTPAPI, Name: name}, Value: v, Owner: owner}, err
}

// names lists the names of the project's APIs, sorted, each once.
func (h *httpAPIs) names(ctx context.Context) ([]string, error) {
	all, err := h.list(ctx)
	if err != nil {
		return nil, err
	}
	names := make([]string, len(all))
	for i, api := range all {
		names[i] = deref(api.Name)
	}
	slices.Sort(names)
	return slices.Compact(names), nil
}

// list lists the project's HTTP APIs.
func (h *httpAPIs) list(ctx context.Context) ([]types.Api, error) {
	var ours []types.Api
	err := eachPage(func(token *string) (*string, error) {
		out, err := h.client.GetApis(ctx, &apigatewayv2.GetApisInput{NextToken: token, MaxResults: ptr(apiPage)})
		if err != nil {
			return nil, fmt.Errorf("list HTTP APIs: %w", err)
		}
		for _, api := range out.Items {
			if api.ProtocolType == types.ProtocolTypeHttp && api.Tags[planner.TagProject] == h.project {
				ours = append(ours, api)
			}
		}
		return out.NextToken, nil
	})
	return ours, err
}

// apiPage is how many items one listing of API Gateway may have at most (as its quotas say; the parameter is a string).
const apiPage = "500"

// eachPage calls page with the token that the page before it ended in, until there is none.
func eachPage(page func(token *string) (next *string, err error)) error {
	var token *string
	for {
		next, err := page(token)
		if err != nil {
			return err
		}
		if deref(next) == "" {
			return nil
		}
		token = next
	}
}

func (h *httpAPIs) find(ctx context.Context, name string) (types.Api, error) {
	all, err := h.list(ctx)
	if err != nil {
		return types.Api{}, err
	}
	return pick(all, name)
}

// pick is the one API of that name.
func pick(all []types.Api, name string) (types.Api, error) {
	var found []types.Api
	for _, api := range all {
		if deref(api.Name) == name {
			found = append(found, api)
		}
	}
	switch len(found) {
	case 0:
		return types.Api{}, errAbsent
	case 1:
		return found[0], nil
	}
	ids := make([]string, len(found))
	for i, api := range found {
		ids[i] = deref(api.ApiId)
	}
	slices.Sort(ids)
	return types.Api{}, fmt.Errorf("there are %d HTTP APIs of the name %s that carry the project's tag (%s), and scar cannot tell which is in use: delete the others, or take the tag %s from them",
		len(found), name, strings.Join(ids, ", "), planner.TagProject)
}

// outputs implements outputter.
func (h *httpAPIs) outputs(ctx context.Context, name string) (map[string]string, error) {
	api, err := h.find(ctx, name)
	if err != nil {
		return nil, err
	}
	return map[string]string{"url": deref(api.ApiEndpoint)}, nil
}

// create makes the API with its tags in one call, so that what a crash leaves is found again, and then its parts.
func (h *httpAPIs) create(ctx context.Context, want planner.HTTPAPI, say sayer) error {
	id, err := h.createAPI(ctx, want)
	if err != nil {
		return err
	}
	return h.complete(ctx, id, want, say)
}

// createAPI makes the bare API. The call has no token by which API Gateway would know a repeated one, so it is not
// repeated before a look at whether the one before took effect.
func (h *httpAPIs) createAPI(ctx context.Context, want planner.HTTPAPI) (id string, err error) {
	in := &apigatewayv2.CreateApiInput{Name: &want.Name, ProtocolType: types.ProtocolTypeHttp, Tags: want.Tags}
	if !isNoCORS(want.CORS) {
		in.CorsConfiguration = apiCORS(want.CORS)
	}
	err = h.retry(ctx, h.settle, either(isThrottled, isUnanswered), func() error {
		if _, err := h.find(ctx, want.Name); !errors.Is(err, errAbsent) {
			if err == nil {
				err = errExists
			}
			return err
		}
		out, err := h.client.CreateApi(ctx, in, once)
		if err != nil {
			return fmt.Errorf("create HTTP API: %w", err)
		}
		id = deref(out.ApiId)
		return nil
	})
	return id, err
}

// once keeps the SDK from repeating a call.
func once(o *apigatewayv2.Options) { o.Retryer = aws.NopRetryer{} }

// update changes what differs, and makes what is missing.
func (h *httpAPIs) update(ctx context.Context, live, want planner.HTTPAPI, say sayer) error {
	api, err := h.find(ctx, want.Name)
	if err != nil {
		return fmt.Errorf("read HTTP API: %w", err)
	}
	id := deref(api.ApiId)
	if err := h.lock(ctx, id, live, want); err != nil {
		return err
	}
	if err := h.share(ctx, id, live.CORS, want.CORS); err != nil {
		return err
	}
	if err := h.complete(ctx, id, want, say); err != nil {
		return err
	}
	// The tag is changed last: it tells whose policy to tidy up after a crash.
	for _, former := range formerFunctions(live, want) {
		if err := h.forbid(ctx, id, former); err != nil {
			return err
		}
	}
	return h.tag(ctx, id, live.Tags, want.Tags)
}

// formerFunctions are those that the API invoked before.
func formerFunctions(live, want planner.HTTPAPI) []string {
	now, _ := planner.FunctionOfARN(want.Function)
	before, _ := planner.FunctionOfARN(live.Function)
	var former []string
	for _, name := range []string{before, live.Tags[planner.TagFunction]} {
		if name != now && isFunctionName(name) && !slices.Contains(former, name) {
			former = append(former, name)
		}
	}
	return former
}

// share changes CORS. It goes by a call of its own that it is taken away.
func (h *httpAPIs) share(ctx context.Context, id string, live, want planner.CORS) error {
	if len(planner.Diff(planner.HTTPAPI{CORS: live}, planner.HTTPAPI{CORS: want})) == 0 {
		return nil
	}
	err := h.retry(ctx, busyWait, isConflict, func() (err error) {
		if isNoCORS(want) {
			_, err = h.client.DeleteCorsConfiguration(ctx, &apigatewayv2.DeleteCorsConfigurationInput{ApiId: &id})
		} else {
			_, err = h.client.UpdateApi(ctx, &apigatewayv2.UpdateApiInput{ApiId: &id, CorsConfiguration: apiCORS(want)})
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("change CORS of HTTP API: %w", err)
	}
	return nil
}

func (h *httpAPIs) tag(ctx context.Context, id string, live, want planner.Tags) error {
	set, remove := retag(live, want)
	arn := h.arn(id)
	if len(set) > 0 {
		if _, err := h.client.TagResource(ctx, &apigatewayv2.TagResourceInput{ResourceArn: &arn, Tags: set}); err != nil {
			return fmt.Errorf("tag HTTP API: %w", err)
		}
	}
	if len(remove) > 0 {
		if _, err := h.client.UntagResource(ctx, &apigatewayv2.UntagResourceInput{ResourceArn: &arn, TagKeys: remove}); err != nil {
			return fmt.Errorf("remove tags from HTTP API: %w", err)
		}
	}
	return nil
}

// arn is the ARN by which an API is tagged. It has no account.
func (h *httpAPIs) arn(id string) string {
	return fmt.Sprintf("arn:%s:apigateway:%s::/apis/%s", h.naming.Partition, h.naming.Region, id)
}

// remove takes the statement from the function's policy first: without the API, only its id would be left of it.
func (h *httpAPIs) remove(ctx context.Context, live planner.HTTPAPI, _ sayer) error {
	api, err := h.find(ctx, live.Name)
	if errors.Is(err, errAbsent) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, function := range formerFunctions(live, planner.HTTPAPI{}) {
		if err := h.forbid(ctx, deref(api.ApiId), function); err != nil {
			return err
		}
	}
	err = h.retry(ctx, busyWait, isConflict, func() error {
		_, err := h.client.DeleteApi(ctx, &apigatewayv2.DeleteApiInput{ApiId: api.ApiId})
		return err
	})
	if err != nil && !isNotFound(err) {
		return fmt.Errorf("delete HTTP API: %w", err)
	}
	return nil
}
