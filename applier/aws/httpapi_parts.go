package aws

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/apigatewayv2"
	"github.com/aws/aws-sdk-go-v2/service/apigatewayv2/types"

	"github.com/scar-go/scar/planner"
)

// defaultRoute is the key of the route that takes every request, and the name of the stage that has no path of its
// own (API Gateway developer guide, "Working with routes for HTTP APIs", "Stages for HTTP APIs").
const defaultRoute = "$default"

// parts are what an API consists of beside itself. What is not there is nil.
type parts struct {
	integration *types.Integration // where the route leads; without a route, any for a function
	route       *types.Route
	stage       *apigatewayv2.GetStageOutput
	free        []types.Integration // those that no route leads to
}

func (h *httpAPIs) parts(ctx context.Context, id string) (parts, error) {
	var (
		p            parts
		integrations []types.Integration
		routes       []types.Route
	)
	err := together(ctx,
		func(ctx context.Context) (err error) { integrations, err = h.integrations(ctx, id); return err },
		func(ctx context.Context) (err error) { routes, err = h.routes(ctx, id); return err },
		func(ctx context.Context) (err error) { p.stage, err = h.stage(ctx, id); return err },
	)
	if err != nil {
		return parts{}, err
	}
	used := map[string]bool{}
	for _, r := range routes {
		target := strings.TrimPrefix(deref(r.Target), integrationTarget)
		used[target] = true
		if deref(r.RouteKey) == defaultRoute {
			p.route = &r
		}
	}
	for _, i := range integrations {
		if p.route != nil && deref(p.route.Target) == integrationTarget+deref(i.IntegrationId) {
			p.integration = &i
		}
		if !used[deref(i.IntegrationId)] {
			p.free = append(p.free, i)
		}
	}
	return p, nil
}

// integrationTarget begins the targets of routes that lead to an integration.
const integrationTarget = "integrations/"

func (h *httpAPIs) integrations(ctx context.Context, id string) (all []types.Integration, err error) {
	err = eachPage(func(token *string) (*string, error) {
		out, err := h.client.GetIntegrations(ctx, &apigatewayv2.GetIntegrationsInput{ApiId: &id, NextToken: token, MaxResults: ptr(apiPage)})
		if err != nil {
			return nil, partError("list integrations of HTTP API", err)
		}
		all = append(all, out.Items...)
		return out.NextToken, nil
	})
	return all, err
}

func (h *httpAPIs) routes(ctx context.Context, id string) (all []types.Route, err error) {
	err = eachPage(func(token *string) (*string, error) {
		out, err := h.client.GetRoutes(ctx, &apigatewayv2.GetRoutesInput{ApiId: &id, NextToken: token, MaxResults: ptr(apiPage)})
		if err != nil {
			return nil, partError("list routes of HTTP API", err)
		}
		all = append(all, out.Items...)
		return out.NextToken, nil
	})
	return all, err
}

// partError is errAbsent where the API itself is gone since it was listed.
func partError(what string, err error) error {
	if isNotFound(err) {
		return errAbsent
	}
	return fmt.Errorf("%s: %w", what, err)
}

func (h *httpAPIs) stage(ctx context.Context, id string) (*apigatewayv2.GetStageOutput, error) {
	out, err := h.client.GetStage(ctx, &apigatewayv2.GetStageInput{ApiId: &id, StageName: ptr(defaultRoute)})
	if isNotFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read stage of HTTP API: %w", err)
	}
	return out, nil
}

// describe is an API as it is, what is missing read as other than anything wanted. The policy is read of the function
// that the tag names, at the same time as the parts, because that is the one which they nearly always lead to.
func (h *httpAPIs) describe(ctx context.Context, api types.Api) (planner.HTTPAPI, planner.Owner, error) {
	var (
		id       = deref(api.ApiId)
		tags     = tagMap(api.Tags)
		has      parts
		policy   []planner.Resource
		policyOf = tags[planner.TagFunction]
	)
	err := together(ctx,
		func(ctx context.Context) (err error) { has, err = h.parts(ctx, id); return err },
		func(ctx context.Context) (err error) { policy, err = h.policy(ctx, policyOf); return err },
	)
	if err != nil {
		return planner.HTTPAPI{}, planner.Owner{}, err
	}
	v := planner.HTTPAPI{Name: deref(api.Name), Tags: tags}
	if c := api.CorsConfiguration; c != nil {
		v.CORS = corsValue(c.AllowOrigins, c.AllowMethods, c.AllowHeaders, c.ExposeHeaders, c.AllowCredentials, c.MaxAge)
	}
	if i := has.integration; i != nil {
		v.Function, v.Payload, v.Timeout = integrationFunction(*i), deref(i.PayloadFormatVersion), int(deref(i.TimeoutInMillis))
	}
	if has.route != nil {
		v.Auth = string(has.route.AuthorizationType)
	}
	v.Deploy = has.stage != nil && deref(has.stage.AutoDeploy)
	function, _ := planner.FunctionOfARN(v.Function)
	if function != policyOf {
		if policy, err = h.policy(ctx, function); err != nil {
			return planner.HTTPAPI{}, planner.Owner{}, err
		}
	}
	v.Invoke = allows(policy, h.statement(id, function))
	return v, planner.OwnerOf(v.Tags), nil
}

// policy reads the statements of a function's policy; of no function there are none.
func (h *httpAPIs) policy(ctx context.Context, function string) ([]planner.Resource, error) {
	if !isFunctionName(function) {
		return nil, nil
	}
	return h.permissions.readAll(ctx, function)
}

func allows(policy []planner.Resource, want planner.Permission) bool {
	for _, r := range policy {
		if r.Value == planner.Value(want) {
			return true
		}
	}
	return false
}

// statement is what lets exactly this API invoke a function. The account is part of the API's ARN.
func (h *httpAPIs) statement(id, function string) planner.Permission {
	return planner.Permission{
		Function:    function,
		StatementID: planner.APIStatementID(h.project),
		Action:      "lambda:InvokeFunction",
		Principal:   planner.ServicePrincipal("apigateway"),
		SourceARN:   fmt.Sprintf("arn:%s:execute-api:%s:%s:%s/*", h.naming.Partition, h.naming.Region, h.naming.Account, id),
	}
}

// integrationFunction is the ARN of the function that an integration invokes. API Gateway takes it by itself and as
// part of the path of Lambda's Invoke.
func integrationFunction(i types.Integration) string {
	if i.IntegrationType != types.IntegrationTypeAwsProxy {
		return ""
	}
	uri := deref(i.IntegrationUri)
	if _, path, isPath := strings.Cut(uri, ":lambda:path/"); isPath {
		if _, arn, found := strings.Cut(path, "/functions/"); found {
			return strings.TrimSuffix(arn, "/invocations")
		}
	}
	return uri
}

// complete makes the parts that an API lacks and changes those that differ. The permission comes first and the stage
// last, so that no caller meets half an API.
func (h *httpAPIs) complete(ctx context.Context, id string, want planner.HTTPAPI, say sayer) error {
	function, found := planner.FunctionOfARN(want.Function)
	if !found {
		return fmt.Errorf("%q is no ARN of a function", want.Function)
	}
	if want.Invoke {
		if err := h.permit(ctx, h.statement(id, function), say); err != nil {
			return err
		}
	} else if err := h.forbid(ctx, id, function); err != nil {
		return err
	}
	// A conflict is also what a repeated call meets whose first answer was lost: what is there is looked at again.
	return h.retry(ctx, busyWait, isConflict, func() error {
		has, err := h.parts(ctx, id)
		if err != nil {
			return err
		}
		integration, err := h.integrate(ctx, id, has, want)
		if err != nil {
			return err
		}
		if err := h.route(ctx, id, has.route, integration, want); err != nil {
			return err
		}
		return h.stageFor(ctx, id, has.stage, want.Deploy)
	})
}

// permit writes the statement into the function's policy, unless it is there.
func (h *httpAPIs) permit(ctx context.Context, want planner.Permission, say sayer) error {
	name := want.Function + "/" + want.StatementID
	live, _, err := h.permissions.read(ctx, name)
	switch {
	case errors.Is(err, errAbsent):
		err = h.permissions.create(ctx, want, say)
	case err == nil && live != want:
		return h.permissions.update(ctx, live, want, say)
	}
	if errors.Is(err, errExists) {
		return nil // a call whose answer was lost; what it says is seen when it is read back
	}
	return err
}

// forbid takes an API's statement from a function's policy. One that is about another API stays: that took its place
// where a function leaves one API for another.
func (h *httpAPIs) forbid(ctx context.Context, id, function string) error {
	return h.permissions.removeUnless(ctx, planner.Permission{Function: function, StatementID: planner.APIStatementID(h.project)}, func(live planner.Permission) bool {
		about, isAPI := apiOfARN(live.SourceARN)
		return isAPI && about != id
	})
}

// apiOfARN is the id of the API in the ARN of what can be called of it.
func apiOfARN(arn string) (id string, found bool) {
	parts := strings.SplitN(arn, ":", 6)
	if len(parts) < 6 || parts[2] != "execute-api" {
		return "", false
	}
	id, _, _ = strings.Cut(parts[5], "/")
	return id, true
}

// integrate returns the id of the integration with the function, which it makes or changes as needed. One that a
// crash left without a route is taken up.
func (h *httpAPIs) integrate(ctx context.Context, id string, has parts, want planner.HTTPAPI) (string, error) {
	live := has.integration
	for _, free := range has.free {
		if live == nil && integrationFunction(free) == want.Function {
			live = &free
		}
	}
	if live != nil && live.IntegrationType != types.IntegrationTypeAwsProxy {
		live = nil // made by hand for something else: it stays, and the route leaves it
	}
	timeout, method := ptr(int32(want.Timeout)), ptr("POST") // of the call of Lambda's Invoke
	if live == nil {
		out, err := h.client.CreateIntegration(ctx, &apigatewayv2.CreateIntegrationInput{
			ApiId: &id, IntegrationType: types.IntegrationTypeAwsProxy, IntegrationUri: &want.Function, IntegrationMethod: method,
			PayloadFormatVersion: &want.Payload, TimeoutInMillis: timeout,
		})
		if err != nil {
			return "", fmt.Errorf("create integration of HTTP API: %w", err)
		}
		return deref(out.IntegrationId), nil
	}
	if integrationFunction(*live) == want.Function && deref(live.PayloadFormatVersion) == want.Payload && deref(live.TimeoutInMillis) == *timeout {
		return deref(live.IntegrationId), nil
	}
	_, err := h.client.UpdateIntegration(ctx, &apigatewayv2.UpdateIntegrationInput{
		ApiId: &id, IntegrationId: live.IntegrationId, IntegrationType: types.IntegrationTypeAwsProxy, IntegrationUri: &want.Function,
		IntegrationMethod: method, PayloadFormatVersion: &want.Payload, TimeoutInMillis: timeout,
	})
	if err != nil {
		return "", fmt.Errorf("change integration of HTTP API: %w", err)
	}
	return deref(live.IntegrationId), nil
}

func (h *httpAPIs) route(ctx context.Context, id string, live *types.Route, integration string, want planner.HTTPAPI) error {
	target, auth := ptr(integrationTarget+integration), types.AuthorizationType(want.Auth)
	if live == nil {
		_, err := h.client.CreateRoute(ctx, &apigatewayv2.CreateRouteInput{
			ApiId: &id, RouteKey: ptr(defaultRoute), Target: target, AuthorizationType: auth,
		})
		if err != nil {
			return fmt.Errorf("create route of HTTP API: %w", err)
		}
		return nil
	}
	if deref(live.Target) == *target && live.AuthorizationType == auth {
		return nil
	}
	_, err := h.client.UpdateRoute(ctx, &apigatewayv2.UpdateRouteInput{
		ApiId: &id, RouteId: live.RouteId, Target: target, AuthorizationType: auth,
	})
	if err != nil {
		return fmt.Errorf("change route of HTTP API: %w", err)
	}
	return nil
}

// lock lets the route ask for signatures, where it is to, before anything else changes: the function that the API leads to
// next may not be meant for everybody, not even for the time between two calls.
func (h *httpAPIs) lock(ctx context.Context, id string, live, want planner.HTTPAPI) error {
	if want.Auth != planner.AuthIAM || live.Auth == want.Auth {
		return nil
	}
	return h.retry(ctx, busyWait, isConflict, func() error {
		has, err := h.parts(ctx, id)
		if err != nil || has.route == nil {
			return err
		}
		_, err = h.client.UpdateRoute(ctx, &apigatewayv2.UpdateRouteInput{
			ApiId: &id, RouteId: has.route.RouteId, Target: has.route.Target, AuthorizationType: types.AuthorizationTypeAwsIam,
		})
		if err != nil {
			return fmt.Errorf("change route of HTTP API: %w", err)
		}
		return nil
	})
}

// stageFor makes or changes the stage that deploys by itself whatever is changed.
func (h *httpAPIs) stageFor(ctx context.Context, id string, live *apigatewayv2.GetStageOutput, auto bool) error {
	if live == nil {
		_, err := h.client.CreateStage(ctx, &apigatewayv2.CreateStageInput{ApiId: &id, StageName: ptr(defaultRoute), AutoDeploy: &auto})
		if err != nil {
			return fmt.Errorf("create stage of HTTP API: %w", err)
		}
		return nil
	}
	if deref(live.AutoDeploy) == auto {
		return nil
	}
	_, err := h.client.UpdateStage(ctx, &apigatewayv2.UpdateStageInput{ApiId: &id, StageName: ptr(defaultRoute), AutoDeploy: &auto})
	if err != nil {
		return fmt.Errorf("change stage of HTTP API: %w", err)
	}
	return nil
}
