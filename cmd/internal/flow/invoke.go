package flow

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptrace"
	"strings"
	"sync/atomic"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/aws-sdk-go-v2/aws/ratelimit"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/aws/smithy-go"

	"github.com/scar-go/scar/runtime/job"
)

// The bytes that Lambda takes with an invocation (developer guide, "Lambda quotas"): from a caller that waits for the end,
// and from one that does not.
const (
	MaxPayload      = 6 << 20
	MaxEventPayload = 1 << 20
)

const (
	// afterTimeout is how long an answer may come after the function's own timeout: the image has to start first.
	afterTimeout = time.Minute

	// readyWait bounds the wait for a function that is being made ready: Lambda optimises its image first.
	readyWait = 5 * time.Minute

	// throttleAttempts is how often an invocation is sent for which there is no place, and throttleBackoff the longest pause
	// between two of them.
	throttleAttempts = 6
	throttleBackoff  = 10 * time.Second
)

// Answer is what became of an invocation.
type Answer struct {
	RequestID           string
	LogGroup, LogStream string // empty where the answer does not tell
	Status              int    // of HTTP, as the script has set it; 0: it was not waited for, or failed
	Headers             map[string]string
	Output              []byte     // what the script wrote, or the body that it left
	Failure             *job.Error // nil: it succeeded, or was not waited for
	LogTail             string     // of a failure: the last 4 KB of the log
}

// UnansweredError says that an invocation was sent and its end is not known. It is never sent again: it may have run.
type UnansweredError struct {
	Function    string
	Interrupted bool // by the user
	Err         error
}

func (e *UnansweredError) Error() string {
	if e.Interrupted {
		return fmt.Sprintf("interrupted: function %s goes on, nothing ends what has begun; scar logs %s --follow shows what it does", e.Function, e.Function)
	}
	return fmt.Sprintf("the connection was lost before function %s answered (%v): it may have run, so it is not started again; scar logs %s shows what it did",
		e.Function, e.Err, e.Function)
}

// Unwrap returns what ended the wait.
func (e *UnansweredError) Unwrap() error { return e.Err }

// Invoke starts a function and waits for its end. That the function fails is no error, it is in the answer. Waiting is told,
// once, why the function cannot be started yet; it may be nil.
func (a *Account) Invoke(ctx context.Context, fn *Deployed, payload []byte, waiting func(why string)) (*Answer, error) {
	client := a.invokeClient(time.Duration(fn.Timeout)*time.Second+afterTimeout, throttleAttempts)
	out, err := a.whenReady(ctx, fn, waiting, func() (*lambda.InvokeOutput, error) {
		return invoke(ctx, client, fn.Name, &lambda.InvokeInput{FunctionName: &fn.Name, Payload: payload, LogType: types.LogTypeTail})
	})
	if err != nil {
		return nil, explainInvoke(fn, payload, MaxPayload, err)
	}
	return newAnswer(fn, out)
}

// InvokeAsync hands an event to a function, which takes it when it has a place for it, and returns the id of the request.
func (a *Account) InvokeAsync(ctx context.Context, fn *Deployed, payload []byte, waiting func(why string)) (requestID string, err error) {
	client := a.invokeClient(answerWait, throttleAttempts)
	out, err := a.whenReady(ctx, fn, waiting, func() (*lambda.InvokeOutput, error) {
		return invoke(ctx, client, fn.Name, &lambda.InvokeInput{FunctionName: &fn.Name, Payload: payload, InvocationType: types.InvocationTypeEvent})
	})
	if err != nil {
		return "", explainInvoke(fn, payload, MaxEventPayload, err)
	}
	requestID, _ = awsmiddleware.GetRequestIDMetadata(out.ResultMetadata)
	return requestID, nil
}

// invokeClient returns a client that waits for the beginning of an answer, and sends again only what cannot have run.
func (a *Account) invokeClient(wait time.Duration, attempts int) *lambda.Client {
	return lambda.NewFromConfig(a.config, func(o *lambda.Options) {
		o.HTTPClient = patientClient(a.config.HTTPClient, wait)
		o.Retryer = retry.NewStandard(func(o *retry.StandardOptions) {
			o.MaxAttempts, o.MaxBackoff, o.RateLimiter = attempts, throttleBackoff, ratelimit.None
			o.Retryables = []retry.IsErrorRetryable{retry.IsErrorRetryableFunc(func(err error) sdk.Ternary {
				return sdk.BoolTernary(isThrottled(err))
			})}
		})
	})
}

// patientClient is a client like another, but for how long it waits for the beginning of an answer.
func patientClient(like sdk.HTTPClient, wait time.Duration) sdk.HTTPClient {
	return buildable(like).WithTransportOptions(func(t *http.Transport) { t.ResponseHeaderTimeout = wait })
}

// buildable is a client that others can be made from, with its proxies and the authorities that it trusts (AWS_CA_BUNDLE).
func buildable(client sdk.HTTPClient) *awshttp.BuildableClient {
	if b, ok := client.(*awshttp.BuildableClient); ok {
		return b
	}
	return awshttp.NewBuildableClient()
}

// isThrottled says that there was no place for an invocation, so that nothing has run.
func isThrottled(err error) bool {
	var throttled *types.TooManyRequestsException
	var starting *types.EC2ThrottledException
	return errors.As(err, &throttled) || errors.As(err, &starting)
}

// isNotReady says that a function cannot be started before it is active, so that nothing has run (developer guide, "Lambda
// function states").
func isNotReady(err error) (why string, notReady bool) {
	var conflict *types.ResourceConflictException
	var inactive *types.ResourceNotReadyException
	switch {
	case errors.As(err, &inactive):
		return inactive.ErrorMessage(), true
	case errors.As(err, &conflict) && strings.Contains(conflict.ErrorMessage(), "Pending"):
		return conflict.ErrorMessage(), true
	}
	return "", false
}

// notStarted is the end of a wait in which nothing has begun.
func notStarted(function string, err error) error {
	return fmt.Errorf("interrupted: function %s was not started: %w", function, innermost(err))
}

// whenReady sends an invocation, and again as long as the function is being made ready.
func (a *Account) whenReady(ctx context.Context, fn *Deployed, waiting func(why string), send func() (*lambda.InvokeOutput, error)) (*lambda.InvokeOutput, error) {
	pause := a.pace()
	if pause <= 0 {
		pause = 2 * time.Second
	}
	deadline := time.Now().Add(readyWait)
	for said := false; ; said = true {
		out, err := send()
		why, notReady := isNotReady(err)
		if !notReady || time.Now().After(deadline) {
			return out, err
		}
		if !said && waiting != nil {
			waiting(fmt.Sprintf("waiting for function %s: %s", fn.Name, why))
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(pause):
		}
	}
}

// invoke makes one call. A call that was sent and is not answered is an UnansweredError.
func invoke(ctx context.Context, client *lambda.Client, function string, in *lambda.InvokeInput) (*lambda.InvokeOutput, error) {
	var sent atomic.Bool
	traced := httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		WroteHeaders: func() { sent.Store(true) },
	})
	out, err := client.Invoke(traced, in)
	var refused smithy.APIError
	var between *sdk.RequestCanceledError // in the pause after an attempt that was refused
	if err == nil || errors.As(err, &refused) || errors.As(err, &between) || !sent.Load() {
		return out, err
	}
	return nil, &UnansweredError{Function: function, Interrupted: ctx.Err() != nil, Err: innermost(err)}
}

// innermost is the error at the bottom of a chain of wrapped ones.
func innermost(err error) error {
	for {
		inner := errors.Unwrap(err)
		if inner == nil {
			return err
		}
		err = inner
	}
}

// explainInvoke says what to do about an invocation that did not take place.
func explainInvoke(fn *Deployed, payload []byte, limit int, err error) error {
	var unanswered *UnansweredError
	var tooLarge *types.RequestTooLargeException
	var answered *awshttp.ResponseError
	switch {
	case errors.As(err, &unanswered):
		return err
	case errors.Is(err, context.Canceled):
		return notStarted(fn.Name, err)
	case errors.As(err, &tooLarge):
		return fmt.Errorf("invoke function %q: the payload of %d bytes is over the limit of %d: %w", fn.Name, len(payload), limit, err)
	case isThrottled(err):
		return fmt.Errorf("invoke function %q: there is no place for another invocation, nothing was started: try again later, or raise its concurrency: %w", fn.Name, err)
	case errors.As(err, &answered) && answered.HTTPStatusCode() >= http.StatusInternalServerError:
		return fmt.Errorf("invoke function %q: Lambda has a fault; the function may have run all the same, so it is not started again; scar logs %s shows what it did: %w", fn.Name, fn.Name, err)
	}
	if fn.State == string(types.StateFailed) {
		return fmt.Errorf("invoke function %q: it failed to become ready (%s): apply it again: %w", fn.Name, fn.StateReason, err)
	}
	return fmt.Errorf("invoke function %q: %w", fn.Name, explainCall(err))
}

// newAnswer reads what the function, or Lambda in its place, answered.
func newAnswer(fn *Deployed, out *lambda.InvokeOutput) (*Answer, error) {
	answer := &Answer{LogGroup: fn.LogGroup}
	answer.RequestID, _ = awsmiddleware.GetRequestIDMetadata(out.ResultMetadata)
	if out.FunctionError != nil {
		answer.Failure = readFailure(out.Payload)
		tail, err := base64.StdEncoding.DecodeString(sdk.ToString(out.LogResult))
		if err != nil {
			return nil, fmt.Errorf("read the log in the answer of function %q: %w", fn.Name, err)
		}
		answer.LogTail = string(tail)
		return answer, nil
	}
	var shape struct {
		StatusCode *int `json:"statusCode"`
		job.Response
	}
	if err := json.Unmarshal(out.Payload, &shape); err != nil || shape.StatusCode == nil {
		answer.Output = out.Payload // such as the answer to the messages of a queue
		return answer, nil
	}
	answer.Status, answer.Headers, answer.Output = *shape.StatusCode, shape.Headers, []byte(shape.Body)
	if shape.IsBase64Encoded {
		body, err := base64.StdEncoding.DecodeString(shape.Body)
		if err != nil {
			return nil, fmt.Errorf("read the answer of function %q: decode its body: %w", fn.Name, err)
		}
		answer.Output = body
	}
	if id := shape.Headers[job.HeaderRequestID]; id != "" {
		answer.RequestID = id
	}
	if group := shape.Headers[job.HeaderLogGroup]; group != "" {
		answer.LogGroup = group
	}
	answer.LogStream = shape.Headers[job.HeaderLogStream]
	return answer, nil
}

// readFailure reads an error of a function. Lambda's own have no type at times.
func readFailure(payload []byte) *job.Error {
	failure := &job.Error{}
	if err := json.Unmarshal(payload, failure); err != nil || *failure == (job.Error{}) {
		return &job.Error{Type: "Unhandled", Message: string(payload)}
	}
	if failure.Type == "" {
		failure.Type = "Unhandled"
	}
	return failure
}
