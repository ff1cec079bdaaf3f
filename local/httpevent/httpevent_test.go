package httpevent

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/google/go-cmp/cmp"

	"github.com/scar-go/scar/local/wire"
)

func testContext(path string) Context {
	return Context{
		AccountID: "000000000000", APIID: "abc", DomainName: "abc.execute-api.us-east-1.localhost", RequestID: "id",
		RouteKey: "$default", Stage: "$default", Path: path, Time: time.UnixMilli(1583348638390),
	}
}

// TestEvent reads events with the types that Lambda functions in Go read them with.
func TestEvent(t *testing.T) {
	r := httptest.NewRequest("POST", "http://abc.execute-api.us-east-1.localhost:4566/a%20b/c?x=1&x=2%2C3&y=a+b&z&%zz=1", strings.NewReader("{}"))
	r.Header["Accept"] = []string{"a/b", "c/d"}
	r.Header["Cookie"] = []string{"a=1; b=2", "c=3"}
	r.Header.Set("Content-Type", "application/json; charset=utf-8")
	r.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=secret")
	r.Header.Set("X-Amz-Security-Token", "secret")
	r.Header.Set("User-Agent", "agent")
	r.Header.Set("Connection", "keep-alive, X-Hop") // these and what they name stay at the gateway
	r.Header.Set("X-Hop", "secret")
	r.Header.Set("Te", "trailers")
	c := testContext("/a b/c")
	c.Caller = &wire.Identity{Account: "000000000000", AccessKey: "ASIA", ARN: "arn:aws:sts::000000000000:assumed-role/r/s", Role: "r", UserID: "AROA:s"}
	text, err := Event(r, []byte("{}"), c)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(text), "secret") {
		t.Errorf("the event shows what is for the gateway alone: %s", text)
	}
	var got events.APIGatewayV2HTTPRequest
	if err := json.Unmarshal(text, &got); err != nil {
		t.Fatal(err)
	}
	want := events.APIGatewayV2HTTPRequest{
		Version: "2.0", RouteKey: "$default", RawPath: "/a b/c", RawQueryString: "x=1&x=2%2C3&y=a+b&z&%zz=1",
		Cookies: []string{"a=1", "b=2", "c=3"},
		Headers: map[string]string{
			"accept": "a/b,c/d", "content-type": "application/json; charset=utf-8", "host": "abc.execute-api.us-east-1.localhost:4566",
			"user-agent": "agent", "x-forwarded-for": "192.0.2.1", "x-forwarded-port": "4566", "x-forwarded-proto": "http",
		},
		QueryStringParameters: map[string]string{"x": "1,2,3", "y": "a b", "z": "", "%zz": "1"},
		RequestContext: events.APIGatewayV2HTTPRequestContext{
			RouteKey: "$default", AccountID: "000000000000", Stage: "$default", RequestID: "id", APIID: "abc",
			DomainName: "abc.execute-api.us-east-1.localhost", DomainPrefix: "abc",
			Time: "04/Mar/2020:19:03:58 +0000", TimeEpoch: 1583348638390,
			HTTP: events.APIGatewayV2HTTPRequestContextHTTPDescription{
				Method: "POST", Path: "/a b/c", Protocol: "HTTP/1.1", SourceIP: "192.0.2.1", UserAgent: "agent"},
			Authorizer: &events.APIGatewayV2HTTPRequestContextAuthorizerDescription{IAM: &events.APIGatewayV2HTTPRequestContextAuthorizerIAMDescription{
				AccessKey: "ASIA", AccountID: "000000000000", CallerID: "AROA:s", UserID: "AROA:s", UserARN: c.Caller.ARN}},
		},
		Body: "{}",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestBodiesThatAreBase64(t *testing.T) {
	for _, c := range []struct {
		kind, encoding, body string
		want                 bool
	}{
		{"text/plain", "", "ä", false},
		{"text/plain", "", "\xff", true},
		{"text/plain", "gzip", "a", true},
		{"Text/HTML; charset=utf-8", "", "a", false},
		{"application/json", "", "{}", false},
		{"application/xml", "", "<a/>", false},
		{"application/javascript", "", "1", false},
		{"application/x-www-form-urlencoded", "", "a=b", true},
		{"application/octet-stream", "", "a", true},
		{"image/png", "", "a", true},
		{"", "", "a", true},
		{";;", "", "a", true},
	} {
		r := httptest.NewRequest("POST", "/", strings.NewReader(c.body))
		r.Header.Set("Content-Type", c.kind)
		if c.encoding != "" {
			r.Header.Set("Content-Encoding", c.encoding)
		}
		text, err := Event(r, []byte(c.body), testContext("/"))
		if err != nil {
			t.Fatal(err)
		}
		var got events.APIGatewayV2HTTPRequest
		if err := json.Unmarshal(text, &got); err != nil {
			t.Fatal(err)
		}
		if got.IsBase64Encoded != c.want || !c.want && got.Body != c.body {
			t.Errorf("%q %q: %v %q", c.kind, c.body, got.IsBase64Encoded, got.Body)
		}
	}
}

func TestRead(t *testing.T) {
	plain := func(status int, kind, body string) Answer {
		return Answer{status, http.Header{"Content-Type": {kind}}, []byte(body)}
	}
	for payload, want := range map[string]Answer{
		`"Hello"`:                        plain(200, jsonType, `"Hello"`),
		`null`:                           plain(200, jsonType, `null`),
		`{"message":"x"}`:                plain(200, jsonType, `{"message":"x"}`),
		`[1]`:                            plain(200, jsonType, `[1]`),
		`{"statusCode":201,"body":"x"}`:  plain(201, "text/x", "x"),
		`{"statusCode":"404"}`:           plain(404, "text/x", ""),
		`{"statusCode":200,"body":null}`: plain(200, "text/x", ""),
		`{"statusCode":200,"body":"aGk=","isBase64Encoded":true}`: plain(200, "text/x", "hi"),
		`{"statusCode":200,"headers":{"content-type":"a/b","X-N":1,"x-t":true,"Content-Length":"9","Transfer-Encoding":"x"},"cookies":["a=1; Path=/","b=2"]}`: {
			200, http.Header{"Content-Type": {"a/b"}, "X-N": {"1"}, "X-T": {"true"}, "Set-Cookie": {"a=1; Path=/", "b=2"}}, nil},
	} {
		got, err := Read([]byte(payload), "text/x")
		if err != nil {
			t.Errorf("%s: %v", payload, err)
		}
		if got.Body == nil {
			got.Body = want.Body
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: %s", payload, diff)
		}
	}
	for _, payload := range []string{
		``, `{`, `hello`, `{"statusCode":null}`, `{"statusCode":"x"}`, `{"statusCode":2.5}`, `{"statusCode":101}`, `{"statusCode":600}`,
		`{"statusCode":200,"body":{"a":1}}`, `{"statusCode":200,"body":1}`, `{"statusCode":200,"headers":[]}`,
		`{"statusCode":200,"headers":{"a":["b"]}}`, `{"statusCode":200,"headers":{"a b":"c"}}`, `{"statusCode":200,"headers":{"":"c"}}`,
		`{"statusCode":200,"headers":{"a":"b\r\nc: d"}}`, `{"statusCode":200,"cookies":"a=1"}`, `{"statusCode":200,"cookies":["a\n"]}`,
		`{"statusCode":200,"body":"?","isBase64Encoded":true}`, `{"statusCode":200,"isBase64Encoded":"yes"}`,
	} {
		if got, err := Read([]byte(payload), "text/x"); !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: %+v, %v", payload, got, err)
		}
	}
}

func TestWriteTo(t *testing.T) {
	for _, c := range []struct {
		method string
		status int
		want   string
	}{
		{"GET", 200, "body"},
		{"HEAD", 200, ""},
		{"GET", 204, ""},
		{"GET", 304, ""},
	} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			Answer{c.status, http.Header{"Content-Type": {"a/b"}}, []byte("body")}.WriteTo(w)
		}))
		r, err := http.NewRequest(c.method, server.URL, nil)
		if err != nil {
			t.Fatal(err)
		}
		response, err := server.Client().Do(r)
		if err != nil {
			t.Fatal(err)
		}
		body := new(strings.Builder)
		if err := response.Write(body); err != nil {
			t.Fatal(err)
		}
		_, text, _ := strings.Cut(body.String(), "\r\n\r\n")
		if response.StatusCode != c.status || text != c.want {
			t.Errorf("%s %d: %s %q", c.method, c.status, response.Status, text)
		}
		server.Close()
	}
}

func TestCORS(t *testing.T) {
	request := func(method, origin, asks string) *http.Request {
		r := httptest.NewRequest(method, "/", nil)
		r.Header.Set("Origin", origin)
		r.Header.Set("Access-Control-Request-Method", asks)
		return r
	}
	one := CORS{AllowOrigins: []string{"https://a.example"}, AllowMethods: []string{"GET", "POST"}, AllowHeaders: []string{"x-a"},
		ExposeHeaders: []string{"x-b"}, AllowCredentials: true, MaxAge: 60}
	for name, c := range map[string]struct {
		cors CORS
		r    *http.Request
		want http.Header
	}{
		"preflight": {one, request("OPTIONS", "https://a.example", "GET"), http.Header{
			"Access-Control-Allow-Origin": {"https://a.example"}, "Vary": {"Origin"}, "Access-Control-Allow-Credentials": {"true"},
			"Access-Control-Allow-Methods": {"GET,POST"}, "Access-Control-Allow-Headers": {"x-a"}, "Access-Control-Max-Age": {"60"}}},
		"call": {one, request("GET", "https://a.example", ""), http.Header{
			"Access-Control-Allow-Origin": {"https://a.example"}, "Vary": {"Origin"}, "Access-Control-Allow-Credentials": {"true"},
			"Access-Control-Expose-Headers": {"x-b"}}},
		"another origin": {one, request("GET", "https://b.example", ""), nil},
		"no origin":      {one, request("GET", "", ""), nil},
		"any origin":     {CORS{AllowOrigins: []string{"*"}}, request("GET", "https://b.example", ""), http.Header{"Access-Control-Allow-Origin": {"*"}}},
		"any host": {CORS{AllowOrigins: []string{"https://*"}}, request("GET", "https://b.example", ""), http.Header{
			"Access-Control-Allow-Origin": {"https://b.example"}, "Vary": {"Origin"}}},
		"another scheme": {CORS{AllowOrigins: []string{"https://*"}}, request("GET", "http://b.example", ""), nil},
		"none":           {CORS{}, request("GET", "https://b.example", ""), nil},
	} {
		if diff := cmp.Diff(c.want, c.cors.Headers(c.r)); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

func FuzzRead(f *testing.F) {
	f.Add([]byte(`{"statusCode":200,"headers":{"a":"b"},"cookies":["c"],"body":"aGk=","isBase64Encoded":true}`))
	f.Add([]byte(`"text"`))
	f.Add([]byte(`{"statusCode":"9"}`))
	f.Fuzz(func(t *testing.T, payload []byte) {
		a, err := Read(payload, "text/plain")
		if err != nil {
			if !errors.Is(err, ErrMalformed) {
				t.Errorf("unclassified error %v", err)
			}
			return
		}
		w := httptest.NewRecorder()
		a.WriteTo(w)
		if w.Code < 200 || w.Code > 599 {
			t.Errorf("status %d", w.Code)
		}
		for name, values := range w.Header() {
			for _, v := range append(values, name) {
				if strings.ContainsAny(v, "\r\n\x00") {
					t.Errorf("header %q: %q", name, v)
				}
			}
		}
	})
}

func FuzzEvent(f *testing.F) {
	f.Add("/a?b=c", "a=b; c", "text/plain", []byte("body"))
	f.Add("/?%zz&=&a", ";", "a/b; c=\"", []byte{0xff})
	f.Fuzz(func(t *testing.T, target, cookie, kind string, body []byte) {
		r := httptest.NewRequest("POST", "/", nil)
		r.URL.RawQuery = target
		r.Header["Cookie"], r.Header["Content-Type"] = []string{cookie}, []string{kind}
		text, err := Event(r, body, testContext(target))
		if err != nil {
			t.Fatal(err)
		}
		var e events.APIGatewayV2HTTPRequest
		if err := json.Unmarshal(text, &e); err != nil {
			t.Fatal(err)
		}
		if !e.IsBase64Encoded && e.Body != string(body) {
			t.Errorf("the body %q became %q", body, e.Body)
		}
	})
}
