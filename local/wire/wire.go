// Package wire is what the services of the embedded backend share: who is calling, and how AWS says
// that something went wrong. The protocols built on it are in files of their own.
package wire

import (
	"context"
	"fmt"
	"net/http"
	"strings"
)

// Error is an error as an AWS service answers it. Services return it; the protocol that the caller
// speaks decides how it is written.
type Error struct {
	Status  int    // HTTP status
	Code    string // such as ResourceNotFoundException
	Message string
}

func (e *Error) Error() string { return e.Code + ": " + e.Message }

// Errorf makes an Error.
func Errorf(status int, code, format string, args ...any) *Error {
	return &Error{Status: status, Code: code, Message: fmt.Sprintf(format, args...)}
}

// Unknown is the answer to an operation that the backend does not serve: it says so, by name, rather
// than pretend.
func Unknown(service, operation string) *Error {
	return Errorf(http.StatusNotImplemented, "NotImplemented",
		"the local backend does not serve %s %s", service, operation)
}

// Identity is who makes a call.
type Identity struct {
	Account   string // twelve digits
	AccessKey string // empty: the request was not signed
	ARN       string
	Role      string // name of the role whose session this is; empty: the account's administrator
	UserID    string // unique id of the caller, as aws:userid in policies
	Function  string // ARN of the function whose code calls; empty: something else does
}

// Admin says whether everything is allowed: only sessions of roles are limited.
func (id Identity) Admin() bool { return id.AccessKey != "" && id.Role == "" }

// Call is what is known of a request before its service reads it.
type Call struct {
	Service   string // as in the signature's scope: s3, lambda, iam, …
	Operation string // AWS's name of it; empty where the frame cannot tell
	Region    string
	RequestID string
	Identity  Identity
	PageSize  int // upper bound of a page that a test asks for; 0: the service's own
}

type callKey struct{}

// WithCall returns a context that carries the call.
func WithCall(ctx context.Context, c Call) context.Context {
	return context.WithValue(ctx, callKey{}, c)
}

// CallOf returns the call that the context carries, or the zero Call.
func CallOf(ctx context.Context) Call {
	c, _ := ctx.Value(callKey{}).(Call)
	return c
}

// PageSize is how many entries a page has: as many as were asked for, or the service's own number
// where nothing was, and never more than that or than a test allows.
func PageSize(ctx context.Context, asked, most int) int {
	size := most
	if asked > 0 && asked < size {
		size = asked
	}
	if limit := CallOf(ctx).PageSize; limit > 0 && limit < size {
		size = limit
	}
	return size
}

// Resource is what the tagging service lists of a resource.
type Resource struct {
	ARN  string
	Tags map[string]string
}

// Partition is the partition of a region: aws, aws-cn or aws-us-gov.
func Partition(region string) string {
	switch {
	case strings.HasPrefix(region, "cn-"):
		return "aws-cn"
	case strings.HasPrefix(region, "us-gov-"):
		return "aws-us-gov"
	default:
		return "aws"
	}
}
