package lambda

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"time"

	"github.com/scar-go/scar/local/wire"
)

// Lambda's limits of payloads, in bytes.
const (
	maxPayload      = 6 << 20
	maxEventPayload = 1 << 20
	maxResponse     = maxPayload + 100 // what Lambda names in its message
)

// notRunType is the error type of invocations that the backend could not run.
const notRunType = "Local.NotRun"

// unhandled is what the function error header says of every error.
const unhandled = "Unhandled"

func (s *Service) invoke(w http.ResponseWriter, r *http.Request, name string) {
	if err := s.serveInvoke(w, r, name); err != nil {
		writeError(w, r, err)
	}
}

func (s *Service) serveInvoke(w http.ResponseWriter, r *http.Request, name string) error {
	if err := s.checkQualifier(r, name); err != nil {
		return err
	}
	kind := r.Header.Get("X-Amz-Invocation-Type")
	limit := maxPayload
	if kind == "Event" {
		limit = maxEventPayload
	}
	payload, err := readPayload(r.Body, limit)
	if err != nil {
		return err
	}
	f, err := s.invocable(name)
	if err != nil {
		return err
	}
	switch kind {
	case "DryRun":
		w.WriteHeader(http.StatusNoContent)
		return nil
	case "Event":
		if _, err := s.queue.put(event{Function: name, RequestID: requestID(r.Context()), Payload: payload}); err != nil {
			return err
		}
		w.WriteHeader(http.StatusAccepted)
		return nil
	case "", "RequestResponse":
		return s.invokeNow(w, r, f, payload)
	default:
		return wire.Errorf(http.StatusBadRequest, "ValidationException",
			"1 validation error detected: Value '%s' at 'invocationType' failed to satisfy constraint: Member must satisfy enum value set: [RequestResponse, Event, DryRun]", kind)
	}
}

func (s *Service) invokeNow(w http.ResponseWriter, r *http.Request, f function, payload []byte) error {
	t := task{requestID: requestID(r.Context()), payload: payload, attempt: 1}
	if header := r.Header.Get("X-Amz-Client-Context"); header != "" {
		decoded, err := base64.StdEncoding.DecodeString(header)
		if err != nil || !json.Valid(decoded) {
			return wire.Errorf(http.StatusBadRequest, "InvalidRequestContentException", "Client context must be a valid Base64-encoded JSON object.")
		}
		t.clientContext = string(decoded)
	}
	res, err := s.runNow(r.Context(), f, t)
	if err != nil {
		return err
	}
	s.cfg.OnDone(res.invocation(f.Settings.Name, t, true))
	if res.err != nil {
		return notRun(f.Settings.Name, res.err)
	}
	h := w.Header()
	h.Set("X-Amz-Executed-Version", latest)
	h.Set("Content-Type", "application/json")
	if res.failure != nil {
		h.Set("X-Amz-Function-Error", unhandled)
	}
	if r.Header.Get("X-Amz-Log-Type") == "Tail" {
		h.Set("X-Amz-Log-Result", base64.StdEncoding.EncodeToString(res.tail))
	}
	_, _ = w.Write(res.response) // a client that has gone away is told nothing
	return nil
}

// notRun is the answer to an invocation that the backend, not the function, is the reason of the end of.
func notRun(function string, err error) error {
	return wire.Errorf(http.StatusBadGateway, "ServiceException", "the local backend cannot run %s: %v", function, err)
}

// Result is what a function answered.
type Result struct {
	Payload       []byte // JSON
	FunctionError string // empty: it succeeded; otherwise the payload is the error
}

// Invoke invokes a function and waits for its answer. The error is Lambda's (a wire.Error) where the function does not exist, has no place
// for one more invocation, or takes no payload of that size.
func (s *Service) Invoke(ctx context.Context, functionARN string, payload []byte) (Result, error) {
	name, err := s.nameOf(functionARN)
	if err != nil {
		return Result{}, err
	}
	f, err := s.invocable(name)
	if err != nil {
		return Result{}, err
	}
	t := task{requestID: newID(), payload: payload, attempt: 1}
	res, err := s.runNow(ctx, f, t)
	if errors.Is(err, errThrottled) {
		return Result{}, wire.Errorf(http.StatusTooManyRequests, "TooManyRequestsException", "Rate Exceeded.")
	}
	if err != nil {
		return Result{}, err
	}
	s.cfg.OnDone(res.invocation(name, t, true))
	switch {
	case res.err != nil:
		return Result{}, notRun(name, res.err)
	case res.failure != nil:
		return Result{res.response, unhandled}, nil
	default:
		return Result{Payload: res.response}, nil
	}
}

// invocable is a function that can be invoked now.
func (s *Service) invocable(name string) (function, error) {
	f, err := s.get(name)
	if err != nil {
		return f, err
	}
	if f.State == statePending && !(f.ReadsLeft == 0 && f.due(s.cfg.Clock.Now())) {
		return f, conflict("The operation cannot be performed at this time. The function is currently in the following state: Pending")
	}
	return f, nil
}

// readPayload reads and checks an event. None stands for an empty object.
func readPayload(body io.Reader, limit int) ([]byte, error) {
	payload, err := io.ReadAll(io.LimitReader(body, int64(limit)+1))
	if err != nil {
		return nil, err
	}
	if len(payload) > limit {
		return nil, tooLarge(limit)
	}
	if len(payload) == 0 {
		return []byte("{}"), nil
	}
	if !json.Valid(payload) {
		var value any
		return nil, wire.Errorf(http.StatusBadRequest, "InvalidRequestContentException",
			"Could not parse request body into json: %v", json.Unmarshal(payload, &value))
	}
	return payload, nil
}

func tooLarge(limit int) *wire.Error {
	return wire.Errorf(http.StatusRequestEntityTooLarge, "RequestTooLargeException",
		"Request must be smaller than %d bytes for the InvokeFunction operation", limit)
}

// requestID is the id of the call that the context carries: Lambda's invocations have that of the
// call that made them.
func requestID(ctx context.Context) string {
	if id := wire.CallOf(ctx).RequestID; id != "" {
		return id
	}
	return newID()
}

// InvokeEvent queues an asynchronous invocation. It returns when the event is durable. Source is the
// ARN of what the event comes from.
func (s *Service) InvokeEvent(_ context.Context, functionARN string, payload []byte, source string) (string, error) {
	name, err := s.nameOf(functionARN)
	if err != nil {
		return "", err
	}
	if _, err := s.get(name); err != nil {
		return "", err
	}
	if len(payload) > maxEventPayload {
		return "", tooLarge(maxEventPayload)
	}
	return s.queue.put(event{Function: name, RequestID: newID(), Payload: payload, Source: source})
}

// result is how an invocation ended.
type result struct {
	response []byte   // what the function answered, or the failure as JSON
	failure  *failure // nil: the function succeeded
	err      error    // the backend, not the function, is the reason that nothing ran
	duration time.Duration
	tail     []byte
}

// failure is an error of a function.
type failure struct {
	Type    string `json:"errorType,omitempty"`
	Message string `json:"errorMessage"`
}

func (f *failure) Error() string { return f.Type + ": " + f.Message }

func (r result) invocation(function string, t task, final bool) Invocation {
	i := Invocation{
		Function: function, RequestID: t.requestID, Payload: t.payload, Async: t.async, Attempt: t.attempt, Final: final,
		Response: r.response, Duration: r.duration, LogTail: string(r.tail),
	}
	if r.failure != nil {
		i.ErrorType, i.ErrorMessage = r.failure.Type, r.failure.Message
	}
	if r.err != nil {
		i.ErrorType, i.ErrorMessage = notRunType, r.err.Error()
	}
	return i
}
