package apigateway

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/apigatewayv2"
	"github.com/aws/aws-sdk-go-v2/service/apigatewayv2/types"

	"github.com/scar-go/scar/internal/moto"
)

// TestConformance states what API Gateway answers, and asks moto whether that is so. Moto serves no API, and checks next to nothing.
func TestConformance(t *testing.T) {
	f := newFixture(t)
	t.Run("backend", func(t *testing.T) { conform(t, f.client) })
	t.Run("moto", func(t *testing.T) { conform(t, newClient(moto.Serve(t))) })
}

func conform(t *testing.T, c *apigatewayv2.Client) {
	ctx := t.Context()
	made, err := c.CreateApi(ctx, &apigatewayv2.CreateApiInput{Name: aws.String("a"), ProtocolType: types.ProtocolTypeHttp, Tags: map[string]string{"k": "v"},
		CorsConfiguration: &types.Cors{AllowOrigins: []string{"https://a.example"}, MaxAge: aws.Int32(60)}})
	if err != nil {
		t.Fatal(err)
	}
	got, err := c.GetApi(ctx, &apigatewayv2.GetApiInput{ApiId: made.ApiId})
	if err != nil {
		t.Fatal(err)
	}
	text := fmt.Sprint(*got.Name, got.ProtocolType, *got.RouteSelectionExpression, got.Tags, got.CorsConfiguration.AllowOrigins, *got.CorsConfiguration.MaxAge,
		got.CreatedDate != nil, strings.Contains(*got.ApiEndpoint, *made.ApiId+".execute-api.us-east-1."))
	if want := fmt.Sprint("a", types.ProtocolTypeHttp, routeSelection, map[string]string{"k": "v"}, []string{"https://a.example"}, 60, true, true); text != want {
		t.Errorf("%s, want %s", text, want)
	}
	arn := aws.String("arn:aws:apigateway:us-east-1::/apis/" + *made.ApiId)
	_, err1 := c.TagResource(ctx, &apigatewayv2.TagResourceInput{ResourceArn: arn, Tags: map[string]string{"x": "y"}})
	_, err2 := c.UntagResource(ctx, &apigatewayv2.UntagResourceInput{ResourceArn: arn, TagKeys: []string{"k"}})
	tags, err3 := c.GetTags(ctx, &apigatewayv2.GetTagsInput{ResourceArn: arn})
	if err := errors.Join(err1, err2, err3); err != nil || fmt.Sprint(tags.Tags) != "map[x:y]" {
		t.Errorf("%+v, %v", tags, err)
	}
	conformParts(t, c, made.ApiId)
	if _, err := c.DeleteApi(ctx, &apigatewayv2.DeleteApiInput{ApiId: made.ApiId}); err != nil {
		t.Error(err)
	}
	_, absent := c.GetApi(ctx, &apigatewayv2.GetApiInput{ApiId: made.ApiId})
	_, twice := c.DeleteApi(ctx, &apigatewayv2.DeleteApiInput{ApiId: made.ApiId})
	_, noAPI := c.CreateRoute(ctx, &apigatewayv2.CreateRouteInput{ApiId: made.ApiId, RouteKey: aws.String("$default")})
	for what, err := range map[string]error{"absent": absent, "create a route": noAPI} {
		if code(err) != "NotFoundException" {
			t.Errorf("%s: %v", what, err)
		}
	}
	if code(twice) != "NotFoundException" && code(twice) != "<nil>" { // moto forgives it
		t.Errorf("twice: %v", twice)
	}
}

func conformParts(t *testing.T, c *apigatewayv2.Client, api *string) {
	ctx := t.Context()
	i, err := c.CreateIntegration(ctx, &apigatewayv2.CreateIntegrationInput{ApiId: api, IntegrationType: types.IntegrationTypeAwsProxy,
		IntegrationUri: aws.String(functionARN), PayloadFormatVersion: aws.String("2.0"), TimeoutInMillis: aws.Int32(5000), IntegrationMethod: aws.String("POST")})
	if err != nil {
		t.Fatal(err)
	}
	target := aws.String("integrations/" + *i.IntegrationId)
	route, err := c.CreateRoute(ctx, &apigatewayv2.CreateRouteInput{ApiId: api, RouteKey: aws.String("$default"), AuthorizationType: types.AuthorizationTypeNone, Target: target})
	if err != nil {
		t.Fatal(err)
	}
	_, err = c.CreateStage(ctx, &apigatewayv2.CreateStageInput{ApiId: api, StageName: aws.String("$default"), AutoDeploy: aws.Bool(true)})
	if err != nil {
		t.Fatal(err)
	}
	_, err1 := c.UpdateIntegration(ctx, &apigatewayv2.UpdateIntegrationInput{ApiId: api, IntegrationId: i.IntegrationId, TimeoutInMillis: aws.Int32(6000)})
	_, err2 := c.UpdateRoute(ctx, &apigatewayv2.UpdateRouteInput{ApiId: api, RouteId: route.RouteId, AuthorizationType: types.AuthorizationTypeAwsIam})
	integration, err3 := c.GetIntegration(ctx, &apigatewayv2.GetIntegrationInput{ApiId: api, IntegrationId: i.IntegrationId})
	routes, err4 := c.GetRoutes(ctx, &apigatewayv2.GetRoutesInput{ApiId: api})
	stage, err5 := c.GetStage(ctx, &apigatewayv2.GetStageInput{ApiId: api, StageName: aws.String("$default")})
	if err := errors.Join(err1, err2, err3, err4, err5); err != nil || len(routes.Items) != 1 {
		t.Fatalf("%+v, %v", routes, err)
	}
	text := fmt.Sprint(*integration.TimeoutInMillis, *integration.IntegrationUri == functionARN, *integration.PayloadFormatVersion,
		routes.Items[0].AuthorizationType, *routes.Items[0].Target == *target, *routes.Items[0].RouteKey, *stage.AutoDeploy)
	if want := fmt.Sprint(6000, true, "2.0", types.AuthorizationTypeAwsIam, true, "$default", true); text != want {
		t.Errorf("%s, want %s", text, want)
	}
	for what, q := range map[string]struct {
		call func() error
		want string
	}{
		"no integration": {func() error {
			_, err := c.GetIntegration(ctx, &apigatewayv2.GetIntegrationInput{ApiId: api, IntegrationId: aws.String("absent")})
			return err
		}, "NotFoundException"},
		"no route": {func() error {
			_, err := c.GetRoute(ctx, &apigatewayv2.GetRouteInput{ApiId: api, RouteId: aws.String("absent")})
			return err
		}, "NotFoundException"},
		"no stage": {func() error {
			_, err := c.GetStage(ctx, &apigatewayv2.GetStageInput{ApiId: api, StageName: aws.String("absent")})
			return err
		}, "NotFoundException"},
	} {
		if err := q.call(); code(err) != q.want {
			t.Errorf("%s: %v", what, err)
		}
	}
}

func TestInputThatIsRefused(t *testing.T) {
	f := newFixture(t)
	ctx, c := t.Context(), f.client
	id := aws.String(f.open(t))
	integrations, err := c.GetIntegrations(ctx, &apigatewayv2.GetIntegrationsInput{ApiId: id})
	if err != nil {
		t.Fatal(err)
	}
	createAPI := func(change func(*apigatewayv2.CreateApiInput)) error {
		in := &apigatewayv2.CreateApiInput{Name: aws.String("a"), ProtocolType: types.ProtocolTypeHttp}
		change(in)
		_, err := c.CreateApi(ctx, in)
		return err
	}
	createIntegration := func(change func(*apigatewayv2.CreateIntegrationInput)) error {
		in := &apigatewayv2.CreateIntegrationInput{ApiId: id, IntegrationType: types.IntegrationTypeAwsProxy, IntegrationUri: aws.String(functionARN), PayloadFormatVersion: aws.String("2.0")}
		change(in)
		_, err := c.CreateIntegration(ctx, in)
		return err
	}
	createRoute := func(key string, change func(*apigatewayv2.CreateRouteInput)) error {
		in := &apigatewayv2.CreateRouteInput{ApiId: id, RouteKey: &key}
		change(in)
		_, err := c.CreateRoute(ctx, in)
		return err
	}
	same := func(*apigatewayv2.CreateRouteInput) {}
	for what, q := range map[string]struct {
		err  error
		want string
	}{
		"credentials for everybody": {createAPI(func(in *apigatewayv2.CreateApiInput) {
			in.CorsConfiguration = &types.Cors{AllowOrigins: []string{"*"}, AllowCredentials: aws.Bool(true)}
		}), "BadRequestException"},
		"origin": {createAPI(func(in *apigatewayv2.CreateApiInput) {
			in.CorsConfiguration = &types.Cors{AllowOrigins: []string{"example.com"}}
		}), "BadRequestException"},
		"age": {createAPI(func(in *apigatewayv2.CreateApiInput) {
			in.CorsConfiguration = &types.Cors{MaxAge: aws.Int32(maxCORSAge + 1)}
		}), "BadRequestException"},
		"web socket": {createAPI(func(in *apigatewayv2.CreateApiInput) { in.ProtocolType = types.ProtocolTypeWebsocket }), "NotImplemented"},
		"quick create": {createAPI(func(in *apigatewayv2.CreateApiInput) {
			in.Target = aws.String(functionARN)
		}), "NotImplemented"},
		"name":               {createAPI(func(in *apigatewayv2.CreateApiInput) { in.Name = aws.String("") }), "BadRequestException"},
		"tag":                {createAPI(func(in *apigatewayv2.CreateApiInput) { in.Tags = map[string]string{"aws:a": "b"} }), "BadRequestException"},
		"time-out":           {createIntegration(func(in *apigatewayv2.CreateIntegrationInput) { in.TimeoutInMillis = aws.Int32(30001) }), "BadRequestException"},
		"no time":            {createIntegration(func(in *apigatewayv2.CreateIntegrationInput) { in.TimeoutInMillis = aws.Int32(49) }), "BadRequestException"},
		"no payload format":  {createIntegration(func(in *apigatewayv2.CreateIntegrationInput) { in.PayloadFormatVersion = nil }), "BadRequestException"},
		"payload format 1.0": {createIntegration(func(in *apigatewayv2.CreateIntegrationInput) { in.PayloadFormatVersion = aws.String("1.0") }), "NotImplemented"},
		"no function":        {createIntegration(func(in *apigatewayv2.CreateIntegrationInput) { in.IntegrationUri = aws.String("f") }), "BadRequestException"},
		"a role":             {createIntegration(func(in *apigatewayv2.CreateIntegrationInput) { in.CredentialsArn = aws.String("arn") }), "NotImplemented"},
		"route twice":        {createRoute("$default", same), "ConflictException"},
		"method":             {createRoute("FETCH /a", same), "BadRequestException"},
		"path":               {createRoute("GET a", same), "BadRequestException"},
		"greedy first":       {createRoute("GET /{a+}/b", same), "BadRequestException"},
		"half a variable":    {createRoute("GET /a{b}", same), "BadRequestException"},
		"target": {createRoute("GET /a", func(in *apigatewayv2.CreateRouteInput) {
			in.Target = aws.String("integrations/absent")
		}), "BadRequestException"},
		"authorizer": {createRoute("GET /a", func(in *apigatewayv2.CreateRouteInput) { in.AuthorizationType = types.AuthorizationTypeJwt }), "NotImplemented"},
	} {
		if code(q.err) != q.want {
			t.Errorf("%s: %v", what, q.err)
		}
	}
	_, used := c.DeleteIntegration(ctx, &apigatewayv2.DeleteIntegrationInput{ApiId: id, IntegrationId: integrations.Items[0].IntegrationId})
	_, twice := c.CreateStage(ctx, &apigatewayv2.CreateStageInput{ApiId: id, StageName: aws.String("$default")})
	_, name := c.CreateStage(ctx, &apigatewayv2.CreateStageInput{ApiId: id, StageName: aws.String("a/b")})
	if code(used) != "ConflictException" || code(twice) != "ConflictException" || code(name) != "BadRequestException" {
		t.Errorf("%v, %v, %v", used, twice, name)
	}
}

func TestPages(t *testing.T) {
	f := newFixture(t)
	for range 5 {
		f.open(t)
	}
	seen := map[string]bool{}
	in := &apigatewayv2.GetApisInput{MaxResults: aws.String("2")}
	for {
		out, err := f.client.GetApis(t.Context(), in)
		if err != nil {
			t.Fatal(err)
		}
		if len(out.Items) > 2 {
			t.Errorf("a page of %d", len(out.Items))
		}
		for _, a := range out.Items {
			seen[*a.ApiId] = true
		}
		if in.NextToken = out.NextToken; in.NextToken == nil {
			break
		}
	}
	if len(seen) != 5 {
		t.Errorf("%d APIs", len(seen))
	}
}

// TestCommandLineReadsBack lets the AWS CLI read what the SDK wrote.
func TestCommandLineReadsBack(t *testing.T) {
	program, err := exec.LookPath("aws")
	if err != nil {
		t.Skip("the AWS CLI is not installed")
	}
	f := newFixture(t)
	id := f.open(t)
	cmd := exec.Command(program, "--endpoint-url", f.description, "--region", "us-east-1", "--output", "json", "apigatewayv2", "get-routes", "--api-id", id)
	cmd.Env = append(os.Environ(), "AWS_ACCESS_KEY_ID=test", "AWS_SECRET_ACCESS_KEY=test")
	text, err := cmd.Output()
	var got struct{ Items []struct{ RouteKey string } }
	if err := errors.Join(err, json.Unmarshal(text, &got)); err != nil || len(got.Items) != 1 || got.Items[0].RouteKey != "$default" {
		t.Errorf("%s, %v", text, err)
	}
}
