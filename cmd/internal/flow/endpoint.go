package flow

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"github.com/scar-go/scar/local/httpevent"
	"github.com/scar-go/scar/planner"
)

// HTTPEndpoint is where a function takes requests by HTTP.
type HTTPEndpoint struct {
	URL    string
	API    string // name of the HTTP API; empty: it is a function URL
	Signed bool   // only signed requests are taken
}

// NoEndpointError says that a function takes no requests by HTTP.
type NoEndpointError struct{ Function string }

func (e *NoEndpointError) Error() string {
	return fmt.Sprintf("function %s has no address: give it http in the file (http: true), and apply that; without one, scar run %s starts it, as does scar invoke %s --async",
		e.Function, e.Function, e.Function)
}

// HTTPEndpoint finds the address of a function and whether requests must be signed, as they are in the account. A function
// that has none is a [NoEndpointError].
func (a *Account) HTTPEndpoint(ctx context.Context, fn *Deployed) (*HTTPEndpoint, error) {
	cloud := a.cloud(fn.Project, a.namingOf(fn), carried{})
	own := planner.Ref{Kind: planner.KindFunctionURL, Name: fn.Name}
	live, err := cloud.Read(ctx, []planner.Ref{own})
	if err != nil {
		return nil, fmt.Errorf("look for the URL of function %s: %w", fn.Name, explainCall(err))
	}
	found := own
	endpoint := &HTTPEndpoint{}
	if v, isURL := live[own].Value.(planner.FunctionURL); isURL {
		endpoint.Signed = v.Auth != planner.AuthNone
	} else {
		ref, api, err := a.apiBefore(ctx, fn)
		if err != nil {
			return nil, err
		}
		found, endpoint.API, endpoint.Signed = ref, api.Name, api.Auth != planner.AuthNone
	}
	outputs, err := cloud.Outputs(ctx, []planner.Ref{found})
	if err != nil {
		return nil, fmt.Errorf("read the address of function %s: %w", fn.Name, explainCall(err))
	}
	if endpoint.URL = outputs[found]["url"]; endpoint.URL == "" {
		return nil, &NoEndpointError{fn.Name} // it went meanwhile
	}
	return endpoint, nil
}

// apiBefore finds the API of the project that gives its requests to a function.
func (a *Account) apiBefore(ctx context.Context, fn *Deployed) (planner.Ref, planner.HTTPAPI, error) {
	fail := func(err error) (planner.Ref, planner.HTTPAPI, error) { return planner.Ref{}, planner.HTTPAPI{}, err }
	cloud := a.cloud(fn.Project, a.namingOf(fn), carried{})
	refs, err := cloud.FindAPIs(ctx)
	if err != nil {
		return fail(fmt.Errorf("look for an API of function %s: %w", fn.Name, explainCall(err)))
	}
	live, err := cloud.Read(ctx, refs)
	if err != nil {
		return fail(fmt.Errorf("look for an API of function %s: %w", fn.Name, explainCall(err)))
	}
	for _, ref := range refs {
		api, isAPI := live[ref].Value.(planner.HTTPAPI)
		if behind, known := functionBehind(api); isAPI && known && behind == fn.Name {
			return ref, api, nil
		}
	}
	return fail(&NoEndpointError{fn.Name})
}

// namingOf is naming with the account that a function is in.
func (a *Account) namingOf(fn *Deployed) planner.Naming {
	n := a.naming()
	if parts := strings.Split(fn.ARN, ":"); len(parts) > 4 {
		n.Partition, n.Account = parts[1], parts[4]
	}
	return n
}

// The bytes of a request's body that function URLs and HTTP APIs take (Lambda developer guide, "Function URL quotas", and API
// Gateway developer guide, "Quotas for HTTP APIs").
const (
	MaxURLBody = 6 << 20
	MaxAPIBody = 10 << 20

	// maxAnswer is how much of an answer is read, in bytes: more than any front hands on.
	maxAnswer = 64 << 20
)

// HTTPRequest is a request to a function.
type HTTPRequest struct {
	Method string
	Path   string      // that comes after the address; empty: none
	Query  string      // encoded
	Header http.Header // may be nil
	Body   []byte      // nil: none
}

// HTTPAnswer is what came back.
type HTTPAnswer struct {
	Proto  string // HTTP/1.1
	Status int
	Header http.Header
	Body   []byte
}

// CheckBody refuses a body that the endpoint does not take, before it is sent.
func (e *HTTPEndpoint) CheckBody(body []byte) error {
	limit, what := MaxURLBody, "a function URL"
	if e.API != "" {
		limit, what = MaxAPIBody, "an HTTP API"
	}
	if len(body) <= limit {
		return nil
	}
	return fmt.Errorf("the body has %d bytes, %s takes %d MB at most: put it into the function's input instead (scar put)", len(body), what, limit>>20)
}

// Request sends a request and waits for its answer, whatever its status is. Redirections are not followed.
func (a *Account) Request(ctx context.Context, fn *Deployed, e *HTTPEndpoint, r HTTPRequest) (answer *HTTPAnswer, err error) {
	var sent atomic.Bool
	traced := httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{WroteHeaders: func() { sent.Store(true) }})
	request, err := r.to(traced, e.URL)
	if err != nil {
		return nil, err
	}
	if request.UserAgent() == "" {
		request.Header.Set("User-Agent", "scar/"+a.settings.Version)
	}
	if e.Signed {
		if err := a.sign(ctx, request, r.Body, e); err != nil {
			return nil, err
		}
	}
	unanswered := func(err error) error {
		return &UnansweredError{Function: fn.Name, Interrupted: ctx.Err() != nil, Err: innermost(err)}
	}
	response, err := a.requestClient(request.URL, time.Duration(fn.Timeout)*time.Second+afterTimeout).Do(request)
	switch {
	case err != nil && sent.Load():
		return nil, unanswered(err)
	case err != nil && ctx.Err() != nil:
		return nil, notStarted(fn.Name, err)
	case err != nil:
		return nil, fmt.Errorf("call %s: %w", e.URL, explainCall(err))
	}
	defer func() { err = errors.Join(err, response.Body.Close()) }()
	body, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer+1))
	switch {
	case err != nil:
		return nil, unanswered(err)
	case len(body) > maxAnswer:
		return nil, fmt.Errorf("read the answer of %s: it has more than %d MB", e.URL, maxAnswer>>20)
	}
	return &HTTPAnswer{Proto: response.Proto, Status: response.StatusCode, Header: response.Header, Body: body}, nil
}

// to is the request as it is sent to an address.
func (r HTTPRequest) to(ctx context.Context, address string) (*http.Request, error) {
	u, err := url.Parse(address)
	if err != nil {
		return nil, fmt.Errorf("the address of the function: %w", err)
	}
	if r.Path != "" {
		u = u.JoinPath(r.Path)
	}
	if u.Path == "" {
		u.Path = "/"
	}
	u.RawQuery = r.Query
	request, err := http.NewRequestWithContext(ctx, r.Method, u.String(), bytes.NewReader(r.Body))
	if err != nil {
		return nil, fmt.Errorf("make the request: %w", err)
	}
	for name, values := range r.Header {
		if slices.Contains(framing, name) {
			return nil, fmt.Errorf("the header %s follows from the address and the body, and cannot be set", name)
		}
		request.Header[name] = values
	}
	return request, nil
}

// framing are the headers by which a request finds its way and its end.
var framing = []string{"Host", "Content-Length", "Transfer-Encoding", "Trailer", "Connection"}

// signature are the headers that a signature is made of.
var signature = []string{"Authorization", "X-Amz-Date", "X-Amz-Security-Token"}

// sign adds Signature Version 4 (Lambda developer guide, "Control access to Lambda function URLs"; API Gateway developer
// guide, "Control access to HTTP APIs with IAM authorization"). The query stays as it is: the order of its values may mean
// something to the function, and nothing to the signature.
func (a *Account) sign(ctx context.Context, request *http.Request, body []byte, e *HTTPEndpoint) error {
	service := "lambda"
	if e.API != "" {
		service = "execute-api"
	}
	for _, name := range signature {
		if _, given := request.Header[name]; given {
			return fmt.Errorf("the function takes signed requests (auth: iam), so that the header %s is the signature's, and cannot be set", name)
		}
	}
	if a.config.Credentials == nil {
		return errNoCredentials
	}
	credentials, err := a.config.Credentials.Retrieve(ctx)
	if err != nil {
		return fmt.Errorf("sign the request: %w", explainCall(err))
	}
	digest, query := sha256.Sum256(body), request.URL.RawQuery
	if err := v4.NewSigner().SignHTTP(ctx, credentials, request, hex.EncodeToString(digest[:]), service, a.config.Region, time.Now()); err != nil {
		return fmt.Errorf("sign the request: %w", err)
	}
	request.URL.RawQuery = query // which the signer sorts
	return nil
}

// requestClient waits long enough for a function. It trusts and passes through what all calls of the account do. Names below
// localhost are this machine (RFC 6761, section 6.3), which not every resolver knows.
func (a *Account) requestClient(u *url.URL, wait time.Duration) *http.Client {
	client := buildable(a.config.HTTPClient)
	transport := client.GetTransport()
	transport.ResponseHeaderTimeout = wait
	transport.DisableKeepAlives = true  // there is one request
	transport.DisableCompression = true // the answer is wanted as it is
	if strings.HasSuffix(u.Hostname(), ".localhost") {
		transport.Proxy = nil
		transport.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
			_, port, err := net.SplitHostPort(address)
			if err != nil {
				return nil, err
			}
			return client.GetDialer().DialContext(ctx, network, net.JoinHostPort("127.0.0.1", port))
		}
	}
	return &http.Client{
		Transport:     transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// invocationType is the header by which the runtime knows that nobody waits for an answer.
const invocationType = "X-Amz-Invocation-Type"

// EventPayload is the event of a request, as a function URL would make it, for an invocation that is not waited for: HTTP itself
// knows none.
func (r HTTPRequest) EventPayload(ctx context.Context, fn *Deployed, at time.Time) ([]byte, error) {
	const host = "localhost"
	request, err := r.to(ctx, "https://"+host+"/")
	if err != nil {
		return nil, err
	}
	request.RemoteAddr = "127.0.0.1:0"
	request.Header = request.Header.Clone()
	request.Header.Set(invocationType, "Event")
	account := ""
	if parts := strings.Split(fn.ARN, ":"); len(parts) > 4 {
		account = parts[4]
	}
	return httpevent.Event(request, r.Body, httpevent.Context{
		AccountID: account, APIID: "scar", DomainName: host, RequestID: rand.Text(), RouteKey: "$default", Stage: "$default",
		Path: request.URL.EscapedPath(), Time: at,
	})
}
