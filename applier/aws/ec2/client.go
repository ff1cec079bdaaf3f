// Package ec2 asks Amazon EC2 about subnets and security groups.
//
// The AWS SDK has a client for EC2 too, of more than eight hundred operations: compiling it takes a minute and a half of
// a core, and up to 3 GB with the race detector, for the two that scar calls. All that makes a client one of the
// SDK's is the SDK's own here as well: signing, retries, the correction of a wrong clock, the types of errors. Of this
// package are only the forms of requests and answers (EC2 API reference, "Query API for Amazon EC2") and the way to the
// endpoint.
package ec2

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/smithy-go"
	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

const (
	serviceID   = "EC2" // the SDK's name of the service, in errors and in the files that configure endpoints
	signingName = "ec2"
	apiVersion  = "2016-11-15"
)

// Client calls EC2 in one region. It may be used by several goroutines at once.
type Client struct {
	cfg     aws.Config
	http    smithyhttp.ClientDo
	retryer aws.Retryer
	signer  *v4.Signer
	skew    atomic.Int64 // how far the service's clock is ahead of this machine's, in nanoseconds
}

// New returns a client. Of the configuration it takes the region, the credentials, the HTTP client, the retryer with the
// number of its attempts, and what concerns the endpoint, each as the SDK's clients do. It makes no call: what is
// wrong with the configuration shows with the first one.
func New(cfg aws.Config) *Client {
	c := &Client{cfg: cfg.Copy(), http: cfg.HTTPClient, signer: v4.NewSigner()}
	if c.http == nil {
		c.http = awshttp.NewBuildableClient()
	}
	if cfg.Retryer != nil {
		c.retryer = cfg.Retryer()
	} else {
		c.retryer = retry.NewStandard()
	}
	if cfg.RetryMaxAttempts != 0 {
		c.retryer = retry.AddWithMaxAttempts(c.retryer, cfg.RetryMaxAttempts)
	}
	return c
}

// Call carries out an action, such as DescribeSubnets, with the given parameters. The answer is a pointer to a struct with
// the fields of the action's response element, for encoding/xml, or nil where nothing of it is needed. Errors are a
// *smithy.OperationError. What EC2 refuses is a smithy.APIError within it, and an *http.ResponseError of the SDK's.
func (c *Client) Call(ctx context.Context, action string, params url.Values, answer any) error {
	form := url.Values{}
	maps.Copy(form, params)
	form.Set("Action", action)
	form.Set("Version", apiVersion)
	content, err := c.send(ctx, action, []byte(form.Encode()))
	if err == nil {
		err = decode(action, content, answer)
	}
	if err != nil {
		return &smithy.OperationError{ServiceID: serviceID, OperationName: action, Err: err}
	}
	return nil
}

// send returns the content of the answer to a request of that body. The steps are the SDK's, in its order.
func (c *Client) send(ctx context.Context, action string, body []byte) ([]byte, error) {
	sum := sha256.Sum256(body)
	stack := middleware.NewStack(action, smithyhttp.NewStackRequest)
	err := errors.Join(
		stack.Serialize.Add(c.serializing(body), middleware.After),
		stack.Build.Add(awsmiddleware.NewRequestUserAgent(), middleware.After),
		stack.Build.Add(&awsmiddleware.ClientRequestID{}, middleware.After),
		stack.Finalize.Add(retry.NewAttemptMiddleware(c.retryer, smithyhttp.RequestCloner, func(a *retry.Attempt) { a.ClientSkew = &c.skew }), middleware.After),
		stack.Finalize.Add(c.signing(hex.EncodeToString(sum[:])), middleware.After),
		stack.Deserialize.Add(&awshttp.ResponseErrorWrapper{}, middleware.After),
		stack.Deserialize.Add(&awsmiddleware.RequestIDRetriever{}, middleware.After),
		stack.Deserialize.Add(middleware.DeserializeMiddlewareFunc("OperationDeserializer", deserialize), middleware.After),
		stack.Deserialize.Add(&awsmiddleware.RecordResponseTiming{}, middleware.After),
	)
	if err != nil {
		return nil, fmt.Errorf("put the steps of a call together: %w", err)
	}
	ctx = middleware.WithOperationName(middleware.WithServiceID(middleware.ClearStackValues(ctx), serviceID), action)
	out, _, err := middleware.DecorateHandler(smithyhttp.NewClientHandlerWithOptions(c.http), stack).Handle(ctx, nil)
	if err != nil {
		return nil, err
	}
	content, ok := out.([]byte)
	if !ok {
		return nil, fmt.Errorf("the answer is a %T", out)
	}
	return content, nil
}

// serializing makes a request of its body.
func (c *Client) serializing(body []byte) middleware.SerializeMiddleware {
	return middleware.SerializeMiddlewareFunc("OperationSerializer",
		func(ctx context.Context, in middleware.SerializeInput, next middleware.SerializeHandler) (out middleware.SerializeOutput, metadata middleware.Metadata, err error) {
			request, ok := in.Request.(*smithyhttp.Request)
			if !ok {
				return out, metadata, fmt.Errorf("the request is a %T", in.Request)
			}
			endpoint, err := c.endpoint(ctx)
			if err != nil {
				return out, metadata, fmt.Errorf("find the endpoint: %w", err)
			}
			if request, err = request.SetStream(bytes.NewReader(body)); err != nil {
				return out, metadata, fmt.Errorf("set the body: %w", err)
			}
			request.Method = http.MethodPost
			request.URL = endpoint
			request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			in.Request = request
			return next.HandleSerialize(ctx, in)
		})
}

// signing signs an attempt, at the time that the service's clock is thought to show.
func (c *Client) signing(payloadHash string) middleware.FinalizeMiddleware {
	return middleware.FinalizeMiddlewareFunc("Signing",
		func(ctx context.Context, in middleware.FinalizeInput, next middleware.FinalizeHandler) (out middleware.FinalizeOutput, metadata middleware.Metadata, err error) {
			request, ok := in.Request.(*smithyhttp.Request)
			if !ok {
				return out, metadata, fmt.Errorf("the request is a %T", in.Request)
			}
			if c.cfg.Credentials == nil {
				return out, metadata, errors.New("get credentials: the configuration has none")
			}
			credentials, err := c.cfg.Credentials.Retrieve(ctx)
			if err != nil {
				return out, metadata, fmt.Errorf("get credentials: %w", err)
			}
			now := time.Now().Add(time.Duration(c.skew.Load()))
			if err := c.signer.SignHTTP(ctx, credentials, request.Request, payloadHash, signingName, c.cfg.Region, now); err != nil {
				return out, metadata, fmt.Errorf("sign: %w", err)
			}
			out, metadata, err = next.HandleFinalize(ctx, in)
			if skew, seen := awsmiddleware.GetAttemptSkew(metadata); seen {
				c.skew.Store(skew.Nanoseconds())
			}
			return out, metadata, err
		})
}
