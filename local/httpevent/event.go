// Package httpevent turns HTTP requests into the events that Lambda functions get, and what functions answer into HTTP
// responses, in payload format 2.0. Function URLs and HTTP APIs of API Gateway share it.
//
// Sources: "Working with AWS Lambda proxy integrations for HTTP APIs" in the API Gateway developer guide, and "Invoking Lambda
// function URLs" in the Lambda developer guide.
package httpevent

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"mime"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/scar-go/scar/local/wire"
)

const (
	version = "2.0"
	// timeLayout is that of requestContext.time.
	timeLayout = "02/Jan/2006:15:04:05 -0700"
)

// Context is what an event says beside the request itself.
type Context struct {
	AccountID  string // twelve digits; of function URLs without authentication: anonymous
	APIID      string // id of the API or of the function URL
	DomainName string // host, without a port
	RequestID  string
	RouteKey   string    // $default, or a route such as "GET /a/{b}"
	Stage      string    // $default, or a stage's name
	Path       string    // as the gateway shows it; HTTP APIs decode it, function URLs do not
	Time       time.Time // when the request arrived
	Parameters map[string]string
	Variables  map[string]string // of the stage
	Caller     *wire.Identity    // who signed the request; nil: nobody had to
}

type event struct {
	Version        string            `json:"version"`
	RouteKey       string            `json:"routeKey"`
	RawPath        string            `json:"rawPath"`
	RawQueryString string            `json:"rawQueryString"`
	Cookies        []string          `json:"cookies,omitempty"`
	Headers        map[string]string `json:"headers"`
	Query          map[string]string `json:"queryStringParameters,omitempty"`
	RequestContext requestContext    `json:"requestContext"`
	PathParameters map[string]string `json:"pathParameters,omitempty"`
	StageVariables map[string]string `json:"stageVariables,omitempty"`
	Body           *string           `json:"body,omitempty"`
	IsBase64       bool              `json:"isBase64Encoded"`
}

type requestContext struct {
	AccountID    string      `json:"accountId"`
	APIID        string      `json:"apiId"`
	Authorizer   *authorizer `json:"authorizer,omitempty"`
	DomainName   string      `json:"domainName"`
	DomainPrefix string      `json:"domainPrefix"`
	HTTP         httpContext `json:"http"`
	RequestID    string      `json:"requestId"`
	RouteKey     string      `json:"routeKey"`
	Stage        string      `json:"stage"`
	Time         string      `json:"time"`
	TimeEpoch    int64       `json:"timeEpoch"` // milliseconds since 1970
}

type httpContext struct {
	Method    string `json:"method"`
	Path      string `json:"path"`
	Protocol  string `json:"protocol"`
	SourceIP  string `json:"sourceIp"`
	UserAgent string `json:"userAgent"`
}

type authorizer struct {
	IAM iamContext `json:"iam"`
}

type iamContext struct {
	AccessKey       string `json:"accessKey"`
	AccountID       string `json:"accountId"`
	CallerID        string `json:"callerId"`
	CognitoIdentity any    `json:"cognitoIdentity"` // always null
	PrincipalOrgID  any    `json:"principalOrgId"`  // always null
	UserARN         string `json:"userArn"`
	UserID          string `json:"userId"`
}

// Event is the event of a request. The body must be the request's, whole and bounded by the caller.
func Event(r *http.Request, body []byte, c Context) ([]byte, error) {
	prefix, _, _ := strings.Cut(c.DomainName, ".")
	e := event{
		Version: version, RouteKey: c.RouteKey, RawPath: c.Path, RawQueryString: r.URL.RawQuery,
		Cookies: cookies(r.Header), Headers: headers(r), Query: query(r.URL.RawQuery),
		PathParameters: c.Parameters, StageVariables: c.Variables,
		RequestContext: requestContext{
			AccountID: c.AccountID, APIID: c.APIID, DomainName: c.DomainName, DomainPrefix: prefix,
			HTTP:      httpContext{Method: r.Method, Path: c.Path, Protocol: r.Proto, SourceIP: sourceIP(r), UserAgent: r.UserAgent()},
			RequestID: c.RequestID, RouteKey: c.RouteKey, Stage: c.Stage,
			Time: c.Time.UTC().Format(timeLayout), TimeEpoch: c.Time.UnixMilli(),
		},
	}
	if c.Caller != nil {
		e.RequestContext.Authorizer = &authorizer{iamContext{
			AccessKey: c.Caller.AccessKey, AccountID: c.Caller.Account, CallerID: c.Caller.UserID, UserARN: c.Caller.ARN, UserID: c.Caller.UserID,
		}}
	}
	if len(body) > 0 {
		text := string(body)
		if !isText(r.Header) || !utf8.Valid(body) {
			text, e.IsBase64 = base64.StdEncoding.EncodeToString(body), true
		}
		e.Body = &text
	}
	b, err := json.Marshal(e)
	if err != nil {
		return nil, fmt.Errorf("make event of a request: %w", err)
	}
	return b, nil
}

// isText says whether a body goes into the event as it is. AWS's documents do not list the types; those that measured it found
// text/*, JSON, XML and JavaScript, while forms and bodies without a type are base64
// (https://github.com/ministackorg/ministack/pull/766).
func isText(h http.Header) bool {
	if h.Get("Content-Encoding") != "" {
		return false
	}
	kind, _, err := mime.ParseMediaType(h.Get("Content-Type"))
	if err != nil {
		return false
	}
	switch kind {
	case "application/json", "application/xml", "application/javascript":
		return true
	default:
		return strings.HasPrefix(kind, "text/")
	}
}

// hops are the headers that are about the connection to the gateway (RFC 9110, section 7.6.1).
var hops = []string{"connection", "expect", "keep-alive", "proxy-authorization", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade"}

// headers are the request's, in lower case, several of one name joined by commas, and those that a gateway adds. Cookies have a
// field of their own, a signature is for the gateway alone, and what is about the connection ends with it.
func headers(r *http.Request) map[string]string {
	out := map[string]string{}
	for name, values := range r.Header {
		out[strings.ToLower(name)] = strings.Join(values, ",")
	}
	for name := range strings.SplitSeq(out["connection"], ",") {
		delete(out, strings.ToLower(strings.TrimSpace(name)))
	}
	for _, name := range hops {
		delete(out, name)
	}
	delete(out, "cookie")
	if strings.HasPrefix(out["authorization"], "AWS4-HMAC-SHA256") {
		delete(out, "authorization")
		delete(out, "x-amz-security-token")
	}
	out["host"] = r.Host
	client := sourceIP(r)
	if before := out["x-forwarded-for"]; before != "" {
		client = before + ", " + client
	}
	out["x-forwarded-for"] = client
	out["x-forwarded-proto"], out["x-forwarded-port"] = "http", "80"
	if r.TLS != nil {
		out["x-forwarded-proto"], out["x-forwarded-port"] = "https", "443"
	}
	if _, port, err := net.SplitHostPort(r.Host); err == nil {
		out["x-forwarded-port"] = port
	}
	return out
}

func cookies(h http.Header) []string {
	var out []string
	for _, line := range h.Values("Cookie") {
		for cookie := range strings.SplitSeq(line, ";") {
			if cookie = strings.TrimSpace(cookie); cookie != "" {
				out = append(out, cookie)
			}
		}
	}
	return out
}

// query are the decoded values by name, several of one name joined by commas. What cannot be decoded stays as it is.
func query(raw string) map[string]string {
	out := map[string]string{}
	for part := range strings.SplitSeq(raw, "&") {
		if part == "" {
			continue
		}
		name, value, _ := strings.Cut(part, "=")
		name, value = decode(name), decode(value)
		if before, found := out[name]; found {
			value = before + "," + value
		}
		out[name] = value
	}
	return out
}

func decode(text string) string {
	plain, err := url.QueryUnescape(text)
	if err != nil {
		return text
	}
	return plain
}

func sourceIP(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	return host
}
