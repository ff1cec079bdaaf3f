package aws

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/apigatewayv2"
	"github.com/aws/aws-sdk-go-v2/service/apigatewayv2/types"
	"github.com/aws/smithy-go"
)

// errLost is what a caller sees whose connection broke while it waited for the answer.
var errLost = &smithy.OperationError{ServiceID: "ApiGatewayV2", Err: errors.New("connection reset by peer")}

// fakeAPIs keeps HTTP APIs in memory. A call whose error is errLost takes effect and does not answer.
type fakeAPIs struct {
	script
	page int // items on a page of APIs; 0: all
	last int // number in the last id
	apis map[string]*fakeAPI
}

type fakeAPI struct {
	types.Api
	integrations []types.Integration
	routes       []types.Route
	stages       map[string]*apigatewayv2.GetStageOutput
}

func newFakeAPIs() *fakeAPIs {
	return &fakeAPIs{script: script{fails: map[string][]error{}}, apis: map[string]*fakeAPI{}}
}

// do runs a change of one API, unless the script has another answer for it.
func (f *fakeAPIs) do(operation string, id *string, change func(*fakeAPI) error) error {
	err := f.next(operation)
	if err != nil && !errors.Is(err, errLost) {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	var api *fakeAPI
	if id != nil {
		if api = f.apis[*id]; api == nil {
			return answer("NotFoundException", "Invalid API identifier specified")
		}
	}
	if failed := change(api); failed != nil {
		return failed
	}
	return err
}

func (f *fakeAPIs) id(prefix string) *string {
	f.last++
	return ptr(fmt.Sprintf("%s%d", prefix, f.last))
}

func (f *fakeAPIs) GetApis(_ context.Context, in *apigatewayv2.GetApisInput, _ ...func(*apigatewayv2.Options)) (*apigatewayv2.GetApisOutput, error) {
	out := &apigatewayv2.GetApisOutput{}
	err := f.do("GetApis", nil, func(*fakeAPI) error {
		ids := slices.Sorted(maps.Keys(f.apis))
		start, _ := strconv.Atoi(deref(in.NextToken))
		end := len(ids)
		if f.page > 0 && start+f.page < end {
			end = start + f.page
			out.NextToken = ptr(strconv.Itoa(end))
		}
		for _, id := range ids[start:end] {
			api := f.apis[id].Api
			api.Tags = maps.Clone(api.Tags)
			out.Items = append(out.Items, api)
		}
		return nil
	})
	return out, err
}

func (f *fakeAPIs) CreateApi(_ context.Context, in *apigatewayv2.CreateApiInput, _ ...func(*apigatewayv2.Options)) (*apigatewayv2.CreateApiOutput, error) {
	out := &apigatewayv2.CreateApiOutput{}
	return out, f.do("CreateApi", nil, func(*fakeAPI) error {
		out.ApiId = f.id("api")
		f.apis[*out.ApiId] = &fakeAPI{
			Api: types.Api{
				ApiId: out.ApiId, Name: in.Name, ProtocolType: in.ProtocolType, CorsConfiguration: in.CorsConfiguration, Tags: maps.Clone(in.Tags),
				ApiEndpoint: ptr("https://" + *out.ApiId + ".execute-api.eu-west-1.amazonaws.com"),
			},
			stages: map[string]*apigatewayv2.GetStageOutput{},
		}
		return nil
	})
}

func (f *fakeAPIs) UpdateApi(_ context.Context, in *apigatewayv2.UpdateApiInput, _ ...func(*apigatewayv2.Options)) (*apigatewayv2.UpdateApiOutput, error) {
	return &apigatewayv2.UpdateApiOutput{}, f.do("UpdateApi", in.ApiId, func(api *fakeAPI) error {
		if in.CorsConfiguration != nil {
			api.CorsConfiguration = in.CorsConfiguration
		}
		return nil
	})
}

func (f *fakeAPIs) DeleteApi(_ context.Context, in *apigatewayv2.DeleteApiInput, _ ...func(*apigatewayv2.Options)) (*apigatewayv2.DeleteApiOutput, error) {
	return &apigatewayv2.DeleteApiOutput{}, f.do("DeleteApi", in.ApiId, func(*fakeAPI) error {
		delete(f.apis, *in.ApiId)
		return nil
	})
}

func (f *fakeAPIs) DeleteCorsConfiguration(_ context.Context, in *apigatewayv2.DeleteCorsConfigurationInput, _ ...func(*apigatewayv2.Options)) (*apigatewayv2.DeleteCorsConfigurationOutput, error) {
	return &apigatewayv2.DeleteCorsConfigurationOutput{}, f.do("DeleteCorsConfiguration", in.ApiId, func(api *fakeAPI) error {
		api.CorsConfiguration = nil
		return nil
	})
}

func (f *fakeAPIs) TagResource(_ context.Context, in *apigatewayv2.TagResourceInput, _ ...func(*apigatewayv2.Options)) (*apigatewayv2.TagResourceOutput, error) {
	id, _ := strings.CutPrefix(*in.ResourceArn, "arn:aws:apigateway:eu-west-1::/apis/")
	return &apigatewayv2.TagResourceOutput{}, f.do("TagResource", &id, func(api *fakeAPI) error {
		maps.Copy(api.Tags, in.Tags)
		return nil
	})
}

func (f *fakeAPIs) UntagResource(_ context.Context, in *apigatewayv2.UntagResourceInput, _ ...func(*apigatewayv2.Options)) (*apigatewayv2.UntagResourceOutput, error) {
	id, _ := strings.CutPrefix(*in.ResourceArn, "arn:aws:apigateway:eu-west-1::/apis/")
	return &apigatewayv2.UntagResourceOutput{}, f.do("UntagResource", &id, func(api *fakeAPI) error {
		for _, key := range in.TagKeys {
			delete(api.Tags, key)
		}
		return nil
	})
}

func (f *fakeAPIs) GetIntegrations(_ context.Context, in *apigatewayv2.GetIntegrationsInput, _ ...func(*apigatewayv2.Options)) (*apigatewayv2.GetIntegrationsOutput, error) {
	out := &apigatewayv2.GetIntegrationsOutput{}
	return out, f.do("GetIntegrations", in.ApiId, func(api *fakeAPI) error {
		out.Items = slices.Clone(api.integrations)
		return nil
	})
}

func (f *fakeAPIs) CreateIntegration(_ context.Context, in *apigatewayv2.CreateIntegrationInput, _ ...func(*apigatewayv2.Options)) (*apigatewayv2.CreateIntegrationOutput, error) {
	out := &apigatewayv2.CreateIntegrationOutput{}
	return out, f.do("CreateIntegration", in.ApiId, func(api *fakeAPI) error {
		out.IntegrationId = f.id("i")
		api.integrations = append(api.integrations, types.Integration{
			IntegrationId: out.IntegrationId, IntegrationType: in.IntegrationType, IntegrationUri: in.IntegrationUri,
			PayloadFormatVersion: in.PayloadFormatVersion, TimeoutInMillis: in.TimeoutInMillis,
		})
		return nil
	})
}

func (f *fakeAPIs) UpdateIntegration(_ context.Context, in *apigatewayv2.UpdateIntegrationInput, _ ...func(*apigatewayv2.Options)) (*apigatewayv2.UpdateIntegrationOutput, error) {
	return &apigatewayv2.UpdateIntegrationOutput{}, f.do("UpdateIntegration", in.ApiId, func(api *fakeAPI) error {
		for i := range api.integrations {
			if live := &api.integrations[i]; *live.IntegrationId == *in.IntegrationId {
				live.IntegrationUri, live.PayloadFormatVersion, live.TimeoutInMillis = in.IntegrationUri, in.PayloadFormatVersion, in.TimeoutInMillis
				return nil
			}
		}
		return answer("NotFoundException", "Invalid Integration identifier specified")
	})
}

func (f *fakeAPIs) GetRoutes(_ context.Context, in *apigatewayv2.GetRoutesInput, _ ...func(*apigatewayv2.Options)) (*apigatewayv2.GetRoutesOutput, error) {
	out := &apigatewayv2.GetRoutesOutput{}
	return out, f.do("GetRoutes", in.ApiId, func(api *fakeAPI) error {
		out.Items = slices.Clone(api.routes)
		return nil
	})
}

func (f *fakeAPIs) CreateRoute(_ context.Context, in *apigatewayv2.CreateRouteInput, _ ...func(*apigatewayv2.Options)) (*apigatewayv2.CreateRouteOutput, error) {
	return &apigatewayv2.CreateRouteOutput{}, f.do("CreateRoute", in.ApiId, func(api *fakeAPI) error {
		for _, r := range api.routes {
			if *r.RouteKey == *in.RouteKey {
				return answer("ConflictException", "Route with key "+*in.RouteKey+" already exists for this API")
			}
		}
		api.routes = append(api.routes, types.Route{RouteId: f.id("r"), RouteKey: in.RouteKey, Target: in.Target, AuthorizationType: in.AuthorizationType})
		return nil
	})
}

func (f *fakeAPIs) UpdateRoute(_ context.Context, in *apigatewayv2.UpdateRouteInput, _ ...func(*apigatewayv2.Options)) (*apigatewayv2.UpdateRouteOutput, error) {
	return &apigatewayv2.UpdateRouteOutput{}, f.do("UpdateRoute", in.ApiId, func(api *fakeAPI) error {
		for i := range api.routes {
			if live := &api.routes[i]; *live.RouteId == *in.RouteId {
				live.Target, live.AuthorizationType = in.Target, in.AuthorizationType
				return nil
			}
		}
		return answer("NotFoundException", "Invalid Route identifier specified")
	})
}

func (f *fakeAPIs) GetStage(_ context.Context, in *apigatewayv2.GetStageInput, _ ...func(*apigatewayv2.Options)) (out *apigatewayv2.GetStageOutput, err error) {
	return out, f.do("GetStage", in.ApiId, func(api *fakeAPI) error {
		if out = api.stages[*in.StageName]; out == nil {
			return answer("NotFoundException", "Invalid stage identifier specified")
		}
		return nil
	})
}

func (f *fakeAPIs) CreateStage(_ context.Context, in *apigatewayv2.CreateStageInput, _ ...func(*apigatewayv2.Options)) (*apigatewayv2.CreateStageOutput, error) {
	return &apigatewayv2.CreateStageOutput{}, f.do("CreateStage", in.ApiId, func(api *fakeAPI) error {
		if api.stages[*in.StageName] != nil {
			return answer("ConflictException", "Stage already exists")
		}
		api.stages[*in.StageName] = &apigatewayv2.GetStageOutput{StageName: in.StageName, AutoDeploy: in.AutoDeploy}
		return nil
	})
}

func (f *fakeAPIs) UpdateStage(_ context.Context, in *apigatewayv2.UpdateStageInput, _ ...func(*apigatewayv2.Options)) (*apigatewayv2.UpdateStageOutput, error) {
	return &apigatewayv2.UpdateStageOutput{}, f.do("UpdateStage", in.ApiId, func(api *fakeAPI) error {
		api.stages[*in.StageName] = &apigatewayv2.GetStageOutput{StageName: in.StageName, AutoDeploy: in.AutoDeploy}
		return nil
	})
}
