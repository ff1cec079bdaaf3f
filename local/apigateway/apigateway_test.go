package apigateway

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/apigatewayv2"
	"github.com/aws/aws-sdk-go-v2/service/apigatewayv2/types"
	"github.com/aws/smithy-go"

	"github.com/scar-go/scar/local/clock"
	"github.com/scar-go/scar/local/store"
	"github.com/scar-go/scar/local/wire"
)

const functionARN = "arn:aws:lambda:us-east-1:000000000000:function:f"

// neighbours are the other services.
type neighbours struct {
	invoke func(ctx context.Context, arn string, payload []byte) (Result, error)
	permit func(arn, principal, sourceARN, account string) error
	allow  func(action, resource string) bool
}

func (n *neighbours) Invoke(ctx context.Context, arn string, payload []byte) (Result, error) {
	return n.invoke(ctx, arn, payload)
}

func (n *neighbours) CheckInvoke(_ context.Context, arn, principal, sourceARN, account string) error {
	if n.permit == nil {
		return nil
	}
	return n.permit(arn, principal, sourceARN, account)
}

func (n *neighbours) Lookup(_ context.Context, accessKey, _ string) (string, wire.Identity, error) {
	if accessKey != "AKID" {
		return "", wire.Identity{}, errors.New("unknown access key")
	}
	return "secret", wire.Identity{Account: "000000000000", AccessKey: accessKey, ARN: "arn:aws:sts::000000000000:assumed-role/r/s", Role: "r", UserID: "AROA:s"}, nil
}

func (n *neighbours) Allowed(_ context.Context, _ wire.Identity, action, resource string, _ map[string][]string) (bool, error) {
	return n.allow == nil || n.allow(action, resource), nil
}

// fixture is a service behind two servers: of the calls that describe APIs, and of the APIs.
type fixture struct {
	*neighbours
	service     *Service
	description string // URL
	client      *apigatewayv2.Client
	apis        *httptest.Server
}

func newFixture(t testing.TB) *fixture {
	t.Helper()
	db, err := store.Open(filepath.Join(t.TempDir(), "state"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	f := &fixture{neighbours: &neighbours{invoke: func(context.Context, string, []byte) (Result, error) {
		return Result{Payload: []byte(`{"statusCode":200,"body":"hello"}`)}, nil
	}}}
	f.service, err = New(Config{DB: db, Clock: clock.Real{}, Account: "000000000000", Region: "us-east-1",
		Endpoint: func() string { return f.apis.URL }, Functions: f.neighbours, Authorizer: f.neighbours})
	if err != nil {
		t.Fatal(err)
	}
	description := httptest.NewServer(f.service)
	f.apis = httptest.NewServer(f.service.APIs())
	t.Cleanup(description.Close)
	t.Cleanup(f.apis.Close)
	f.description, f.client = description.URL, newClient(description.URL)
	return f
}

func newClient(endpoint string) *apigatewayv2.Client {
	return apigatewayv2.New(apigatewayv2.Options{Region: "us-east-1", BaseEndpoint: &endpoint, RetryMaxAttempts: 1,
		Credentials: credentials.NewStaticCredentialsProvider("test", "test", "")})
}

// api makes an API with one integration and routes with their authorization, and the stage $default. It returns the API's id.
func (f *fixture) api(t testing.TB, cors *types.Cors, routes map[string]types.AuthorizationType) string {
	t.Helper()
	ctx := context.Background()
	made, err := f.client.CreateApi(ctx, &apigatewayv2.CreateApiInput{Name: aws.String("a"), ProtocolType: types.ProtocolTypeHttp, CorsConfiguration: cors})
	if err != nil {
		t.Fatal(err)
	}
	i, err := f.client.CreateIntegration(ctx, &apigatewayv2.CreateIntegrationInput{ApiId: made.ApiId, IntegrationType: types.IntegrationTypeAwsProxy,
		IntegrationUri: aws.String(functionARN), PayloadFormatVersion: aws.String("2.0"), TimeoutInMillis: aws.Int32(5000)})
	if err != nil {
		t.Fatal(err)
	}
	for key, auth := range routes {
		_, err := f.client.CreateRoute(ctx, &apigatewayv2.CreateRouteInput{ApiId: made.ApiId, RouteKey: &key, AuthorizationType: auth,
			Target: aws.String("integrations/" + *i.IntegrationId)})
		if err != nil {
			t.Fatal(err)
		}
	}
	_, err = f.client.CreateStage(ctx, &apigatewayv2.CreateStageInput{ApiId: made.ApiId, StageName: aws.String("$default"), AutoDeploy: aws.Bool(true)})
	if err != nil {
		t.Fatal(err)
	}
	return *made.ApiId
}

// open is an API that gives every request of anybody to its function.
func (f *fixture) open(t testing.TB) string {
	t.Helper()
	return f.api(t, nil, map[string]types.AuthorizationType{"$default": types.AuthorizationTypeNone})
}

func (f *fixture) request(t testing.TB, id, method, path string, body io.Reader) *http.Request {
	t.Helper()
	r, err := http.NewRequest(method, f.apis.URL+path, body)
	if err != nil {
		t.Fatal(err)
	}
	r.Host = id + ".execute-api.us-east-1.localhost"
	return r
}

// do makes a call and returns the status, the headers and the body of the answer.
func (f *fixture) do(t testing.TB, r *http.Request) (int, http.Header, string) {
	t.Helper()
	response, err := f.apis.Client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(response.Body)
	if err := errors.Join(err, response.Body.Close()); err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, response.Header, string(body)
}

func (f *fixture) get(t testing.TB, id, path string) string {
	t.Helper()
	status, _, body := f.do(t, f.request(t, id, "GET", path, nil))
	return fmt.Sprint(status, " ", body)
}

func code(err error) string {
	var api smithy.APIError
	if errors.As(err, &api) {
		return api.ErrorCode()
	}
	return fmt.Sprint(err)
}

func TestRequestAndAnswer(t *testing.T) {
	f := newFixture(t)
	id := f.open(t)
	var arn, source string
	var event events.APIGatewayV2HTTPRequest
	f.permit = func(function, principal, sourceARN, account string) error {
		source = strings.Join([]string{function, principal, sourceARN, account}, " ")
		return nil
	}
	f.invoke = func(_ context.Context, function string, payload []byte) (Result, error) {
		arn = function
		return Result{Payload: []byte(`{"statusCode":201,"headers":{"X-A":"b"},"cookies":["c=d"],"body":"aGk=","isBase64Encoded":true}`)}, json.Unmarshal(payload, &event)
	}
	r := f.request(t, id, "POST", "/a%2Fb%20c?x=%20", strings.NewReader("{}"))
	r.Header.Set("Content-Type", "application/json")
	status, header, body := f.do(t, r)
	if status != 201 || header.Get("X-A") != "b" || header.Get("Set-Cookie") != "c=d" || body != "hi" || header.Get("Content-Type") != textType ||
		header.Get("Apigw-Requestid") == "" {
		t.Errorf("%d %v %q", status, header, body)
	}
	if want := functionARN + " apigateway.amazonaws.com arn:aws:execute-api:us-east-1:000000000000:" + id + "/$default/$default 000000000000"; source != want {
		t.Errorf("asked about %s, want %s", source, want)
	}
	if arn != functionARN || event.RawPath != "/a/b c" || event.RawQueryString != "x=%20" || event.Body != "{}" || event.RequestContext.APIID != id ||
		event.RequestContext.Stage != "$default" || event.RouteKey != "$default" || event.RequestContext.DomainPrefix != id {
		t.Errorf("%s got %+v", arn, event)
	}
}

func TestWhatAnAPISaysByItself(t *testing.T) {
	f := newFixture(t)
	id := f.open(t)
	answers := func(result Result, err error) {
		f.invoke = func(context.Context, string, []byte) (Result, error) { return result, err }
	}
	for name, c := range map[string]struct {
		result Result
		err    error
		want   string
	}{
		"a bare value":     {Result{Payload: []byte(`{"a":1}`)}, nil, `200 {"a":1}`},
		"function error":   {Result{Payload: []byte(`{"errorMessage":"x"}`), FunctionError: "Unhandled"}, nil, `500 {"message":"Internal Server Error"}`},
		"malformed answer": {Result{Payload: []byte(`{"statusCode":"x"}`)}, nil, `500 {"message":"Internal Server Error"}`},
		"throttled":        {Result{}, wire.Errorf(429, "TooManyRequestsException", "Rate Exceeded."), `503 {"message":"Service Unavailable"}`},
		"too large":        {Result{}, wire.Errorf(413, "RequestTooLargeException", "Request must be smaller than"), `413 {"message":"Request Entity Too Large"}`},
		"no function":      {Result{}, wire.Errorf(404, "ResourceNotFoundException", "Function not found"), `500 {"message":"Internal Server Error"}`},
	} {
		answers(c.result, c.err)
		if got := f.get(t, id, "/"); got != c.want {
			t.Errorf("%s: %s", name, got)
		}
	}
	answers(Result{Payload: []byte(`{"statusCode":200,"body":"ok"}`)}, nil)
	f.permit = func(_, _, _, _ string) error { return wire.Errorf(403, "AccessDeniedException", "no") }
	if got := f.get(t, id, "/"); got != `500 {"message":"Internal Server Error"}` {
		t.Errorf("without permission: %s", got)
	}
	f.permit = nil
	if got := f.get(t, "absent", "/"); got != `404 {"message":"Not Found"}` {
		t.Errorf("an API that is not there: %s", got)
	}
	for size, want := range map[int]int{maxRequest: 200, maxRequest + 1: 413} {
		if status, _, body := f.do(t, f.request(t, id, "POST", "/", strings.NewReader(strings.Repeat("x", size)))); status != want {
			t.Errorf("%d bytes: %d %s", size, status, body)
		}
	}
	_, err := f.client.UpdateApi(t.Context(), &apigatewayv2.UpdateApiInput{ApiId: &id, DisableExecuteApiEndpoint: aws.Bool(true)})
	if got := f.get(t, id, "/"); err != nil || got != `404 {"message":"Not Found"}` {
		t.Errorf("with its endpoint turned off: %s, %v", got, err)
	}
}

func TestTimeout(t *testing.T) {
	f := newFixture(t)
	id := f.open(t)
	list, err := f.client.GetIntegrations(t.Context(), &apigatewayv2.GetIntegrationsInput{ApiId: &id})
	if err != nil {
		t.Fatal(err)
	}
	_, err = f.client.UpdateIntegration(t.Context(), &apigatewayv2.UpdateIntegrationInput{ApiId: &id, IntegrationId: list.Items[0].IntegrationId, TimeoutInMillis: aws.Int32(50)})
	if err != nil {
		t.Fatal(err)
	}
	ended, release := make(chan error, 1), make(chan struct{})
	f.invoke = func(ctx context.Context, _ string, _ []byte) (Result, error) {
		<-release
		ended <- ctx.Err()
		return Result{}, nil
	}
	if got := f.get(t, id, "/"); got != `503 {"message":"Service Unavailable"}` {
		t.Error(got)
	}
	close(release)
	if err := <-ended; err != nil {
		t.Errorf("the function was cut off: %v", err)
	}
}

func TestRoutes(t *testing.T) {
	f := newFixture(t)
	routes := map[string]types.AuthorizationType{}
	for _, key := range []string{"GET /pets/dog/1", "GET /pets/dog/{id}", "GET /pets/{proxy+}", "ANY /pets/{kind}/{id}", "ANY /{proxy+}", "POST /", "$default"} {
		routes[key] = types.AuthorizationTypeNone
	}
	id := f.api(t, nil, routes)
	var event events.APIGatewayV2HTTPRequest
	var source string
	f.permit = func(_, _, sourceARN, _ string) error {
		_, source, _ = strings.Cut(sourceARN, id)
		return nil
	}
	f.invoke = func(_ context.Context, _ string, payload []byte) (Result, error) {
		event = events.APIGatewayV2HTTPRequest{}
		return Result{Payload: []byte(`{}`)}, json.Unmarshal(payload, &event)
	}
	for _, c := range []struct{ method, path, key, variables, source string }{
		{"GET", "/pets/dog/1", "GET /pets/dog/1", "map[]", "/$default/GET/pets/dog/1"},
		{"GET", "/pets/dog/2", "GET /pets/dog/{id}", "map[id:2]", "/$default/GET/pets/dog/{id}"},
		{"GET", "/pets/cat/2", "ANY /pets/{kind}/{id}", "map[id:2 kind:cat]", "/$default/GET/pets/{kind}/{id}"},
		{"POST", "/pets/cat/2", "ANY /pets/{kind}/{id}", "map[id:2 kind:cat]", "/$default/POST/pets/{kind}/{id}"},
		{"GET", "/pets/a/b/c", "GET /pets/{proxy+}", "map[proxy:a/b/c]", "/$default/GET/pets/{proxy+}"},
		{"POST", "/pets/a/b/c", "ANY /{proxy+}", "map[proxy:pets/a/b/c]", "/$default/POST/{proxy+}"},
		{"POST", "/", "POST /", "map[]", "/$default/POST/"},
		{"GET", "/", "$default", "map[]", "/$default/$default"},
	} {
		f.do(t, f.request(t, id, c.method, c.path, nil))
		if got := fmt.Sprint(event.PathParameters); event.RouteKey != c.key || got != c.variables || source != c.source {
			t.Errorf("%s %s: %s %s %s", c.method, c.path, event.RouteKey, got, source)
		}
	}
}

func TestStages(t *testing.T) {
	f := newFixture(t)
	ctx := t.Context()
	id := f.api(t, nil, map[string]types.AuthorizationType{"GET /a": types.AuthorizationTypeNone})
	_, err := f.client.CreateStage(ctx, &apigatewayv2.CreateStageInput{ApiId: &id, StageName: aws.String("prod"), AutoDeploy: aws.Bool(true),
		StageVariables: map[string]string{"k": "v"}})
	if err != nil {
		t.Fatal(err)
	}
	var event events.APIGatewayV2HTTPRequest
	f.invoke = func(_ context.Context, _ string, payload []byte) (Result, error) {
		return Result{Payload: []byte(`{}`)}, json.Unmarshal(payload, &event)
	}
	if got := f.get(t, id, "/prod/a"); got != "200 {}" || event.RawPath != "/prod/a" || event.RequestContext.Stage != "prod" || event.StageVariables["k"] != "v" {
		t.Errorf("%s %+v", got, event)
	}
	if got := f.get(t, id, "/prod/b"); !strings.HasPrefix(got, "404") {
		t.Error(got)
	}
	// What does not deploy by itself goes on serving what it served.
	off := &apigatewayv2.UpdateStageInput{ApiId: &id, StageName: aws.String("prod"), AutoDeploy: aws.Bool(false)}
	if _, err := f.client.UpdateStage(ctx, off); err != nil {
		t.Fatal(err)
	}
	routes, err := f.client.GetRoutes(ctx, &apigatewayv2.GetRoutesInput{ApiId: &id})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.client.DeleteRoute(ctx, &apigatewayv2.DeleteRouteInput{ApiId: &id, RouteId: routes.Items[0].RouteId}); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{"/prod/a": "200", "/a": "404"} {
		if got := f.get(t, id, path); !strings.HasPrefix(got, want) {
			t.Errorf("%s: %s", path, got)
		}
	}
	off.AutoDeploy = aws.Bool(true)
	if _, err := f.client.UpdateStage(ctx, off); err != nil {
		t.Fatal(err)
	}
	if got := f.get(t, id, "/prod/a"); !strings.HasPrefix(got, "404") {
		t.Error(got)
	}
}

func TestCORS(t *testing.T) {
	f := newFixture(t)
	id := f.api(t, &types.Cors{AllowOrigins: []string{"https://a.example"}, AllowMethods: []string{"PUT"}, AllowHeaders: []string{"x-a"}, MaxAge: aws.Int32(9)},
		map[string]types.AuthorizationType{"$default": types.AuthorizationTypeAwsIam})
	r := f.request(t, id, "OPTIONS", "/x", nil)
	r.Header.Set("Origin", "https://a.example")
	r.Header.Set("Access-Control-Request-Method", "PUT")
	status, header, _ := f.do(t, r)
	if status != 204 || header.Get("Access-Control-Allow-Origin") != "https://a.example" || header.Get("Access-Control-Allow-Methods") != "PUT" ||
		header.Get("Access-Control-Allow-Headers") != "x-a" || header.Get("Access-Control-Max-Age") != "9" {
		t.Errorf("preflight: %d %v", status, header)
	}
	// A refusal can be read by the page too.
	r = f.request(t, id, "GET", "/x", nil)
	r.Header.Set("Origin", "https://a.example")
	if status, header, _ = f.do(t, r); status != 403 || header.Get("Access-Control-Allow-Origin") != "https://a.example" {
		t.Errorf("unsigned: %d %v", status, header)
	}
	// The configuration of the API wins over the function's headers.
	id = f.api(t, &types.Cors{AllowOrigins: []string{"https://a.example"}}, map[string]types.AuthorizationType{"$default": types.AuthorizationTypeNone})
	f.invoke = func(context.Context, string, []byte) (Result, error) {
		return Result{Payload: []byte(`{"statusCode":200,"headers":{"access-control-allow-origin":"*"}}`)}, nil
	}
	if _, header, _ = f.do(t, f.request(t, id, "GET", "/x", nil)); header.Get("Access-Control-Allow-Origin") != "" {
		t.Errorf("%v", header)
	}
	if _, err := f.client.DeleteCorsConfiguration(t.Context(), &apigatewayv2.DeleteCorsConfigurationInput{ApiId: &id}); err != nil {
		t.Fatal(err)
	}
	if _, header, _ = f.do(t, f.request(t, id, "GET", "/x", nil)); header.Get("Access-Control-Allow-Origin") != "*" {
		t.Errorf("without configuration: %v", header)
	}
}

func TestStateIsDurable(t *testing.T) {
	f := newFixture(t)
	id := f.open(t)
	again, err := New(f.service.cfg)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(again.APIs())
	t.Cleanup(server.Close)
	f.apis = server
	if got := f.get(t, id, "/"); got != "200 hello" {
		t.Error(got)
	}
}

// FuzzFront sends what a hostile client may: nothing may end a server, and nobody gets past the signature.
func FuzzFront(f *testing.F) {
	fix := newFixture(f)
	id := fix.api(f, nil, map[string]types.AuthorizationType{"ANY /{a}/{b+}": types.AuthorizationTypeNone, "$default": types.AuthorizationTypeAwsIam})
	fix.invoke = func(_ context.Context, _ string, payload []byte) (Result, error) {
		var event events.APIGatewayV2HTTPRequest
		if err := json.Unmarshal(payload, &event); err != nil {
			f.Errorf("%s: %v", payload, err)
		}
		if event.RouteKey == "$default" {
			f.Errorf("the function was reached without a signature: %s", payload)
		}
		return Result{Payload: payload}, nil
	}
	f.Add("GET", id+".execute-api.us-east-1.localhost", "/a/b", "a=b", "AWS4-HMAC-SHA256 Credential=AKID/20260101/us-east-1/execute-api/aws4_request, SignedHeaders=host, Signature="+strings.Repeat("0", 64), []byte("x"))
	f.Add("OPTIONS", id+".execute-api", "", "X-Amz-Algorithm=AWS4-HMAC-SHA256", "", []byte{})
	f.Add("PUT", "[::1]:80", "//", "%", ",", []byte{0xff})
	f.Fuzz(func(t *testing.T, method, host, path, query, authorization string, body []byte) {
		r := httptest.NewRequest("POST", "/", strings.NewReader(string(body)))
		r.Method, r.Host, r.URL.Path, r.URL.RawQuery = method, host, path, query
		r.Header["Authorization"] = []string{authorization}
		w := httptest.NewRecorder()
		fix.service.APIs().ServeHTTP(w, r)
		if w.Code == 0 || w.Code >= 500 {
			t.Errorf("%s %s%s: %d %s", method, host, path, w.Code, w.Body)
		}
	})
}

// BenchmarkHTTPAPI is what an API adds to the time of its function.
func BenchmarkHTTPAPI(b *testing.B) {
	f := newFixture(b)
	id := f.open(b)
	start := time.Now()
	for b.Loop() {
		r := f.request(b, id, "POST", "/path?a=b", strings.NewReader(`{"a":1}`))
		r.Header.Set("Content-Type", "application/json")
		if status, _, _ := f.do(b, r); status != 200 {
			b.Fatal(status)
		}
	}
	b.ReportMetric(float64(time.Since(start).Microseconds())/float64(b.N)/1000, "ms/request")
}
