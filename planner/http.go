package planner

import (
	"fmt"

	"github.com/scar-go/scar/spec"
)

// The ways in which callers over HTTP show who they are, as Lambda and API Gateway name them.
const (
	AuthIAM  = "AWS_IAM" // signed with Signature Version 4
	AuthNone = "NONE"    // not at all
)

// CORS says which pages of other origins may call from a browser. The zero CORS is none.
type CORS struct {
	AllowOrigins     []string `json:"allow_origins"`  // sorted
	AllowMethods     []string `json:"allow_methods"`  // sorted
	AllowHeaders     []string `json:"allow_headers"`  // sorted, lower case
	ExposeHeaders    []string `json:"expose_headers"` // sorted, lower case
	AllowCredentials bool     `json:"allow_credentials"`
	MaxAge           int      `json:"max_age"` // seconds that a browser may remember it
}

// FunctionURL is the HTTPS address of a function. AWS alone knows it: it is an output.
type FunctionURL struct {
	Function   string `json:"function" plan:"replace"`
	Auth       string `json:"auth"`        // AuthIAM or AuthNone
	InvokeMode string `json:"invoke_mode"` // BUFFERED
	CORS       CORS   `json:"cors"`
}

// Kind implements Value.
func (FunctionURL) Kind() Kind { return KindFunctionURL }

func (u FunctionURL) needs(project string) []Address {
	needs := []Address{{KindFunction, u.Function}}
	if u.Auth == AuthNone {
		needs = append(needs,
			Address{KindPermission, u.Function + "/" + urlStatementID(project)},
			Address{KindPermission, u.Function + "/" + urlInvokeStatementID(project)})
	}
	return needs
}

// HTTPAPI is an HTTP API of API Gateway that gives every request to one function: the API with its integration, its
// route $default, its stage $default, and the statement in the function's policy that lets it invoke. AWS alone
// knows its id, which the statement names, so they are one value, found by name and tag.
type HTTPAPI struct {
	Name     string `json:"name" plan:"replace"`
	Function string `json:"function"`   // ARN
	Auth     string `json:"auth"`       // AuthIAM or AuthNone
	Timeout  int    `json:"timeout_ms"` // milliseconds, 30,000 at most
	Payload  string `json:"payload"`    // format of the event: 2.0
	CORS     CORS   `json:"cors"`
	Invoke   bool   `json:"invoke"` // the function's policy lets exactly this API invoke it
	Deploy   bool   `json:"deploy"` // the stage $default is there and deploys by itself
	Tags     Tags   `json:"tags"`
}

// Kind implements Value.
func (HTTPAPI) Kind() Kind { return KindHTTPAPI }

func (h HTTPAPI) needs(string) []Address {
	if function, found := FunctionOfARN(h.Function); found {
		return []Address{{KindFunction, function}}
	}
	return nil
}

// The settings of addresses over HTTP.
const (
	buffered      = "BUFFERED" // the answer is given when it is complete
	payloadFormat = "2.0"      // the form of the event, which is that of function URLs too
	maxAPITimeout = 30         // s, API Gateway's limit for an answer
)

// http gives a function an address: a function URL, or an API.
func (d *desire) http(fn *spec.Function) {
	h := fn.HTTP
	if h == nil {
		return
	}
	address := Address{KindFunctionURL, fn.Name}
	if h.API == "" {
		d.add(fn, FunctionURL{Function: fn.Name, Auth: authOf(h), InvokeMode: buffered, CORS: corsOf(h.CORS)}, fn.Name)
	} else {
		address = Address{KindHTTPAPI, h.API}
		d.add(fn, HTTPAPI{
			Name:     h.API,
			Function: d.env.FunctionARN(fn.Name),
			Auth:     authOf(h),
			Timeout:  min(fn.Timeout, maxAPITimeout) * 1000,
			Payload:  payloadFormat,
			CORS:     corsOf(h.CORS),
			Invoke:   true,
			Deploy:   true,
			Tags:     d.tags(fn),
		}, h.API)
		if fn.Timeout > maxAPITimeout {
			d.warn(address, fmt.Sprintf("API Gateway waits %d s for an answer, and the function %s may run for %d s: callers then get a 503, and the function goes on; a function URL (http without api) waits as long as the function runs",
				maxAPITimeout, fn.Name, fn.Timeout))
		}
	}
	if h.API != "" && authOf(h) == AuthIAM && h.CORS != nil {
		d.warn(address, "no page of another origin can call it: a browser asks first, without a signature, whether it may (cors), and the API answers signed requests only (auth: iam); a function URL (http without api) answers that, as does an API with auth: none")
	}
	if authOf(h) == AuthNone {
		d.warn(address, "everybody who knows the address can call it (auth: none)")
	}
}

func authOf(h *spec.HTTP) string {
	if h.Auth == "none" {
		return AuthNone
	}
	return AuthIAM
}

func corsOf(c *spec.CORS) CORS {
	if c == nil {
		return CORS{}
	}
	return CORS{
		AllowOrigins:     sortedList(c.Origins),
		AllowMethods:     sortedList(c.Methods),
		AllowHeaders:     sortedList(c.Headers),
		ExposeHeaders:    sortedList(c.Expose),
		AllowCredentials: c.Credentials,
		MaxAge:           c.MaxAge,
	}
}
