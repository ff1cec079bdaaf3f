package lambda

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/google/go-cmp/cmp"
)

type urlBench struct {
	*bench
	may    *fakeAuthorizer
	url    string
	client *http.Client // knows the addresses of names below localhost
}

// newURLBench serves the URLs of functions, and makes one for f.
func newURLBench(tb testing.TB, auth types.FunctionUrlAuthType, change func(*lambda.CreateFunctionUrlConfigInput)) *urlBench {
	tb.Helper()
	b := &urlBench{may: &fakeAuthorizer{}}
	var front http.Handler
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { front.ServeHTTP(w, r) }))
	tb.Cleanup(server.Close)
	b.bench = newBench(tb, func(c *Config) {
		c.Authorizer, c.Endpoint = b.may, func() string { return server.URL }
	})
	front = b.service.FunctionURLs()
	b.create("f", nil)
	in := &lambda.CreateFunctionUrlConfigInput{FunctionName: aws.String("f"), AuthType: auth}
	if change != nil {
		change(in)
	}
	out, err := b.bench.client.CreateFunctionUrlConfig(tb.Context(), in)
	if err != nil {
		tb.Fatal(err)
	}
	b.url = *out.FunctionUrl
	b.client = &http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, server.Listener.Addr().String())
	}}}
	return b
}

// open adds the statements that let everybody call.
func (b *urlBench) open(statements ...string) {
	b.tb.Helper()
	for _, s := range statements {
		in := &lambda.AddPermissionInput{FunctionName: aws.String("f"), StatementId: aws.String(s), Principal: aws.String("*")}
		if s == "url" {
			in.Action, in.FunctionUrlAuthType = aws.String("lambda:InvokeFunctionUrl"), types.FunctionUrlAuthTypeNone
		} else {
			in.Action, in.InvokedViaFunctionUrl = aws.String("lambda:InvokeFunction"), aws.Bool(true)
		}
		if _, err := b.bench.client.AddPermission(b.tb.Context(), in); err != nil {
			b.tb.Fatal(err)
		}
	}
}

type reply struct {
	status int
	header http.Header
	body   string
}

func (b *urlBench) do(r *http.Request) reply {
	b.tb.Helper()
	response, err := b.client.Do(r)
	if err != nil {
		b.tb.Fatal(err)
	}
	body, err := io.ReadAll(response.Body)
	if err != nil {
		b.tb.Fatal(err)
	}
	if err := response.Body.Close(); err != nil {
		b.tb.Fatal(err)
	}
	return reply{response.StatusCode, response.Header, string(body)}
}

func (b *urlBench) request(method, path, body string) *http.Request {
	b.tb.Helper()
	r, err := http.NewRequestWithContext(b.tb.Context(), method, strings.TrimSuffix(b.url, "/")+path, strings.NewReader(body))
	if err != nil {
		b.tb.Fatal(err)
	}
	return r
}

func (b *urlBench) signed(method, path, body, service, secret string) *http.Request {
	b.tb.Helper()
	r := b.request(method, path, body)
	sum := sha256.Sum256([]byte(body))
	who := aws.Credentials{AccessKeyID: "AKIDROLE", SecretAccessKey: secret, SessionToken: "token"}
	if err := v4.NewSigner().SignHTTP(b.tb.Context(), who, r, hex.EncodeToString(sum[:]), service, "us-east-1", time.Now()); err != nil {
		b.tb.Fatal(err)
	}
	return r
}

func (b *urlBench) want(got reply, status int, body string) {
	b.tb.Helper()
	if got.status != status || !strings.Contains(got.body, body) {
		b.tb.Errorf("%d %s, want %d %s", got.status, got.body, status, body)
	}
}

func TestAURLThatEverybodyMayCall(t *testing.T) {
	b := newURLBench(t, types.FunctionUrlAuthTypeNone, nil)
	b.want(b.do(b.request("GET", "/", "")), 403, `{"Message":"Forbidden`)
	b.open("url")
	b.want(b.do(b.request("GET", "/", "")), 403, `{"Message":"Forbidden`)
	b.open("invoke")
	r := b.request("POST", "/a%20b/c?x=1&x=2", `{"k":"v"}`)
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Cookie", "a=1; b=2")
	got := b.do(r)
	b.want(got, 200, "")
	var event events.LambdaFunctionURLRequest
	if err := json.Unmarshal([]byte(got.body), &event); err != nil {
		t.Fatal(err)
	}
	at, err := url.Parse(b.url)
	if err != nil {
		t.Fatal(err)
	}
	id, _, _ := strings.Cut(at.Host, ".")
	c := event.RequestContext
	if len(id) != 32 || at.Hostname() != id+".lambda-url.us-east-1.localhost" || c.APIID != id || c.DomainName != at.Hostname() || c.DomainPrefix != id ||
		c.AccountID != "anonymous" || c.Authorizer != nil || c.RequestID != got.header.Get("X-Amzn-Requestid") || c.HTTP.Method != "POST" || c.HTTP.Path != "/a%20b/c" {
		t.Errorf("%+v", c)
	}
	if event.Version != "2.0" || event.RawPath != "/a%20b/c" || event.RawQueryString != "x=1&x=2" || event.QueryStringParameters["x"] != "1,2" ||
		!cmp.Equal(event.Cookies, []string{"a=1", "b=2"}) || event.Body != `{"k":"v"}` || event.IsBase64Encoded {
		t.Errorf("%+v", event)
	}
	if trace := event.Headers["x-amzn-trace-id"]; !strings.HasPrefix(trace, "Root=1-") || !strings.HasPrefix(got.header.Get("X-Amzn-Trace-Id"), trace+";") {
		t.Errorf("%q, %v", trace, got.header)
	}
	b.want(b.do(b.request("GET", "/fail", "")), 502, `{"message":"Internal Server Error"}`)
	b.want(b.do(b.request("GET", "/wrong", "")), 502, `{"message":"Internal Server Error"}`)
	binary := b.do(b.request("GET", "/binary", ""))
	b.want(binary, 201, "\x00\x01\x02")
	if binary.header.Get("Content-Type") != "image/png" {
		t.Error(binary.header)
	}
	b.want(b.do(b.request("POST", "/", string(make([]byte, maxPayload+1)))), 413, "Request must be smaller than")
	b.want(b.do(b.request("POST", "/", string(make([]byte, maxPayload*3/4)))), 413, "Request must be smaller than") // as base64 in an event
	b.want(b.do(b.signed("GET", "/", "", "lambda", "wrong")), 200, "")                                              // nobody looks at the signature
	r = b.request("GET", "/", "")
	r.Host = strings.Replace(at.Host, id, strings.Repeat("a", 32), 1)
	b.want(b.do(r), 403, "Forbidden")
	b.reserve(0)
	b.want(b.do(b.request("GET", "/", "")), 429, "Rate Exceeded.")
}

func TestAURLForSignedRequests(t *testing.T) {
	b := newURLBench(t, types.FunctionUrlAuthTypeAwsIam, nil)
	b.want(b.do(b.request("GET", "/", "")), 403, "Forbidden")
	b.want(b.do(b.signed("GET", "/", "", "lambda", "wrong")), 403, "Forbidden")
	b.want(b.do(b.signed("GET", "/", "", "execute-api", "secret")), 403, "Forbidden")
	forged := b.signed("POST", "/", "signed", "lambda", "secret")
	forged.Body = io.NopCloser(strings.NewReader("forged"))
	b.want(b.do(forged), 403, "Forbidden")
	got := b.do(b.signed("POST", "/x%20y?a=%2F", "body", "lambda", "secret"))
	b.want(got, 200, "")
	var event events.LambdaFunctionURLRequest
	if err := json.Unmarshal([]byte(got.body), &event); err != nil {
		t.Fatal(err)
	}
	who := event.RequestContext.Authorizer
	if who == nil || who.IAM == nil || who.IAM.AccessKey != "AKIDROLE" || who.IAM.UserARN != "arn:aws:sts::000000000000:assumed-role/caller/session" ||
		event.RequestContext.AccountID != "000000000000" {
		t.Errorf("%+v", event.RequestContext)
	}
	if strings.Contains(got.body, "Signature=") || strings.Contains(got.body, `"token"`) {
		t.Error("the function is shown the signature")
	}
	for _, action := range []string{"lambda:InvokeFunctionUrl", "lambda:InvokeFunction"} {
		b.may.deny(action)
		b.want(b.do(b.signed("GET", "/", "", "lambda", "secret")), 403, "Forbidden")
	}
	// What the caller's role lacks, the function's policy may give.
	if _, err := b.bench.client.AddPermission(t.Context(), &lambda.AddPermissionInput{FunctionName: aws.String("f"), StatementId: aws.String("s"),
		Action: aws.String("lambda:InvokeFunction"), Principal: aws.String("arn:aws:iam::000000000000:role/some/path/caller")}); err != nil {
		t.Fatal(err)
	}
	b.want(b.do(b.signed("GET", "/", "", "lambda", "secret")), 200, "")
	asked := strings.Join(b.may.asked, "\n")
	for _, want := range []string{
		"caller lambda:InvokeFunctionUrl " + functionARN + " map[lambda:FunctionUrlAuthType:[AWS_IAM]]",
		"caller lambda:InvokeFunction " + functionARN + " map[lambda:InvokedViaFunctionUrl:[true]]",
	} {
		if !strings.Contains(asked, want) {
			t.Errorf("%q was not asked: %s", want, asked)
		}
	}
}

func TestBrowsersAreToldWhatTheURLAllows(t *testing.T) {
	b := newURLBench(t, types.FunctionUrlAuthTypeNone, func(in *lambda.CreateFunctionUrlConfigInput) {
		in.Cors = &types.Cors{AllowOrigins: []string{"https://a.example"}, AllowMethods: []string{"POST"}, MaxAge: aws.Int32(60)}
	})
	preflight := b.request("OPTIONS", "/", "")
	preflight.Header.Set("Origin", "https://a.example")
	preflight.Header.Set("Access-Control-Request-Method", "POST")
	got := b.do(preflight) // before anybody may call
	b.want(got, 200, "")
	if h := got.header; h.Get("Access-Control-Allow-Origin") != "https://a.example" || h.Get("Access-Control-Allow-Methods") != "POST" || h.Get("Access-Control-Max-Age") != "60" {
		t.Error(h)
	}
	b.open("url", "invoke")
	call := b.request("GET", "/binary", "")
	call.Header.Set("Origin", "https://a.example")
	if got := b.do(call).header.Values("Access-Control-Allow-Origin"); !cmp.Equal(got, []string{"https://a.example"}) {
		t.Errorf("%q: the function decides, not its URL", got)
	}
	call.Header.Set("Origin", "https://b.example")
	if got := b.do(call).header.Get("Access-Control-Allow-Origin"); got != "function" {
		t.Errorf("%q", got)
	}
}

func TestURLConfigs(t *testing.T) {
	b := newURLBench(t, types.FunctionUrlAuthTypeAwsIam, nil)
	ctx, name := t.Context(), aws.String("f")
	_, err := b.bench.client.CreateFunctionUrlConfig(ctx, &lambda.CreateFunctionUrlConfigInput{FunctionName: name, AuthType: types.FunctionUrlAuthTypeNone})
	wantError(t, err, "ResourceConflictException", "FunctionUrlConfig exists for this Lambda function")
	_, err = b.bench.client.CreateFunctionUrlConfig(ctx, &lambda.CreateFunctionUrlConfigInput{FunctionName: aws.String("none"), AuthType: types.FunctionUrlAuthTypeNone})
	wantError(t, err, "ResourceNotFoundException", "Function not found")
	updated, err := b.bench.client.UpdateFunctionUrlConfig(ctx, &lambda.UpdateFunctionUrlConfigInput{FunctionName: name, AuthType: types.FunctionUrlAuthTypeNone,
		Cors: &types.Cors{AllowOrigins: []string{"*"}, AllowCredentials: aws.Bool(true)}})
	if err != nil || *updated.FunctionUrl != b.url || updated.AuthType != types.FunctionUrlAuthTypeNone || updated.InvokeMode != types.InvokeModeBuffered {
		t.Fatalf("%+v, %v", updated, err)
	}
	_, err = b.bench.client.UpdateFunctionUrlConfig(ctx, &lambda.UpdateFunctionUrlConfigInput{FunctionName: name, Cors: &types.Cors{AllowMethods: []string{"OPTIONS"}}})
	wantError(t, err, "ValidationException", "cors.allowMethods")
	_, err = b.bench.client.UpdateFunctionUrlConfig(ctx, &lambda.UpdateFunctionUrlConfigInput{FunctionName: name, Cors: &types.Cors{MaxAge: aws.Int32(86401)}})
	wantError(t, err, "ValidationException", "cors.maxAge")
	_, err = b.bench.client.UpdateFunctionUrlConfig(ctx, &lambda.UpdateFunctionUrlConfigInput{FunctionName: name, InvokeMode: types.InvokeModeResponseStream})
	wantError(t, err, "InvalidParameterValueException", "BUFFERED")
	b.reopen()
	got, err := b.bench.client.GetFunctionUrlConfig(ctx, &lambda.GetFunctionUrlConfigInput{FunctionName: name})
	if err != nil || *got.FunctionUrl != b.url || got.Cors == nil || !aws.ToBool(got.Cors.AllowCredentials) {
		t.Fatalf("%+v, %v", got, err)
	}
	if _, err := b.bench.client.UpdateFunctionUrlConfig(ctx, &lambda.UpdateFunctionUrlConfigInput{FunctionName: name, Cors: &types.Cors{}}); err != nil {
		t.Fatal(err)
	}
	list, err := b.bench.client.ListFunctionUrlConfigs(ctx, &lambda.ListFunctionUrlConfigsInput{FunctionName: name})
	if err != nil || len(list.FunctionUrlConfigs) != 1 || list.FunctionUrlConfigs[0].Cors != nil {
		t.Fatalf("%+v, %v", list, err)
	}
	for range 2 {
		_, err = b.bench.client.DeleteFunctionUrlConfig(ctx, &lambda.DeleteFunctionUrlConfigInput{FunctionName: name})
	}
	wantError(t, err, "ResourceNotFoundException", "The resource you requested does not exist.")
	b.want(b.do(b.request("GET", "/", "")), 403, "Forbidden")
}

func TestStatementsOfURLs(t *testing.T) {
	b := newURLBench(t, types.FunctionUrlAuthTypeNone, nil)
	b.open("url", "invoke")
	out, err := b.bench.client.GetPolicy(t.Context(), &lambda.GetPolicyInput{FunctionName: aws.String("f")})
	if err != nil {
		t.Fatal(err)
	}
	want := `{"Version":"2012-10-17","Id":"default","Statement":[` +
		`{"Sid":"url","Effect":"Allow","Principal":"*","Action":"lambda:InvokeFunctionUrl","Resource":"` + functionARN + `","Condition":{"StringEquals":{"lambda:FunctionUrlAuthType":"NONE"}}},` +
		`{"Sid":"invoke","Effect":"Allow","Principal":"*","Action":"lambda:InvokeFunction","Resource":"` + functionARN + `","Condition":{"Bool":{"lambda:InvokedViaFunctionUrl":"true"}}}]}`
	if *out.Policy != want {
		t.Error(*out.Policy)
	}
	if err := b.service.CheckInvoke(t.Context(), functionARN, "s3.amazonaws.com", "arn:aws:s3:::b", "000000000000"); err == nil {
		t.Error("a service may use what is for the URL alone")
	}
	_, err = b.bench.client.AddPermission(t.Context(), &lambda.AddPermissionInput{FunctionName: aws.String("f"), StatementId: aws.String("x"), Principal: aws.String("*"),
		Action: aws.String("lambda:InvokeFunction"), FunctionUrlAuthType: types.FunctionUrlAuthTypeNone})
	wantError(t, err, "InvalidParameterValueException", "FunctionUrlAuthType is only supported for lambda:InvokeFunctionUrl action")
	_, err = b.bench.client.AddPermission(t.Context(), &lambda.AddPermissionInput{FunctionName: aws.String("f"), StatementId: aws.String("x"), Principal: aws.String("*"),
		Action: aws.String("lambda:InvokeFunctionUrl"), InvokedViaFunctionUrl: aws.Bool(true)})
	wantError(t, err, "InvalidParameterValueException", "InvokedViaFunctionUrl is only supported")
}

// TestCurlReachesAURL needs no help to find the host, and signs by itself.
func TestCurlReachesAURL(t *testing.T) {
	curl, err := exec.LookPath("curl")
	if err != nil {
		t.Skip("curl is not installed")
	}
	b := newURLBench(t, types.FunctionUrlAuthTypeAwsIam, nil)
	call := func(args ...string) string {
		t.Helper()
		cmd := exec.CommandContext(t.Context(), curl, append([]string{"--silent", "--show-error", "--write-out", " %{http_code}", "--noproxy", "*"}, args...)...)
		var errors bytes.Buffer
		cmd.Stderr = &errors
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("curl %v: %v\n%s", args, err, errors.String())
		}
		return string(out)
	}
	if out := call(b.url); !strings.Contains(out, "Forbidden") || !strings.HasSuffix(out, " 403") {
		t.Error(out)
	}
	sign := []string{"--aws-sigv4", "aws:amz:us-east-1:lambda", "--user", "AKIDROLE:secret"}
	if out := call(append(sign, "--data", "hello", "--header", "Content-Type: text/plain", b.url+"a/b?c=d")...); !strings.HasSuffix(out, " 200") || !strings.Contains(out, `"body":"hello"`) {
		t.Error(out)
	}
	sign[3] = "AKIDROLE:wrong"
	if out := call(append(sign, b.url)...); !strings.HasSuffix(out, " 403") {
		t.Error(out)
	}
}

// FuzzURLHost gives hosts of all kinds to the front.
func FuzzURLHost(f *testing.F) {
	b := newURLBench(f, types.FunctionUrlAuthTypeNone, nil)
	for _, seed := range []string{"", ".", ":", "[::1]:80", "a.lambda-url.us-east-1.localhost", "A.LAMBDA-URL.us-east-1.localhost:1", "\x00.lambda-url.us-east-1.localhost"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, host string) {
		if fn, err := b.service.functionOfURL(host); err == nil && !strings.HasPrefix(strings.ToLower(host), fn.URL.ID+".lambda-url.us-east-1.localhost") {
			t.Errorf("%q is the URL of %s", host, fn.Settings.Name)
		}
	})
}

// BenchmarkFunctionURL measures a warm request over HTTP; overhead-ms/op is what it takes beyond the function's own time.
func BenchmarkFunctionURL(bm *testing.B) {
	b := newURLBench(bm, types.FunctionUrlAuthTypeNone, nil)
	b.open("url", "invoke")
	b.want(b.do(b.request("GET", "/", "")), 200, "")
	before := len(b.invocations())
	for bm.Loop() {
		b.want(b.do(b.request("POST", "/", "")), 200, "")
	}
	var inside time.Duration
	for _, i := range b.invocations()[before:] {
		inside += i.Duration
	}
	bm.ReportMetric(float64((bm.Elapsed()-inside).Microseconds())/1000/float64(bm.N), "overhead-ms/op")
}
