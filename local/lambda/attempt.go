package lambda

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"time"

	"github.com/scar-go/scar/local/wire"
)

// How long an event waits for a place in a function with reserved concurrency, from "Asynchronous invocation" in the developer
// guide: from a second to five minutes, twice as long each time. Here it goes on as soon as a place is free.
const (
	firstThrottle = time.Second
	lastThrottle  = 5 * time.Minute
)

// asyncPrefix begins the keys of documents in buckets.
const asyncPrefix = "aws/lambda/async/"

// What a document says of the reason why an event is given up, or not.
const (
	conditionSuccess   = "Success"
	conditionExhausted = "RetriesExhausted"
	conditionTooOld    = "EventAgeExceeded"
	conditionNever     = "ZeroReservedConcurrency"
)

// conclusion is what became of an event for good, and what its destination is to be told. It is stored until it has been told.
type conclusion struct {
	Invocation Invocation
	Role       string // ARN
	Key        string // in a bucket
	Document   []byte
}

// process runs one attempt, in a slot that has been acquired.
func (q *queue) process(key string) {
	e, f, err := q.read(key)
	now := q.s.cfg.Clock.Now()
	switch {
	case err != nil:
		<-q.s.engine.slots
		q.drop(key, e, err)
	case e.Concluded != nil:
		<-q.s.engine.slots
		q.tell(key, e)
	case f.State == statePending && !f.due(now):
		<-q.s.engine.slots
		q.push(key, f.Unsettled)
	case f.Reserved != nil && *f.Reserved == 0: // there will be no place: Lambda does not wait for one
		<-q.s.engine.slots
		q.conclude(key, e, f, e.givenUp(conditionNever, "the function's reserved concurrency is 0"), conditionNever)
	case !now.Before(e.expires(f)):
		<-q.s.engine.slots
		q.conclude(key, e, f, e.givenUp(conditionTooOld, "the event was older than its function allows before there was a place for it"), conditionTooOld)
	case !q.s.places.take(e.Function, f.Reserved):
		<-q.s.engine.slots
		q.throttle(key, e, f)
	default:
		if !q.s.places.full(e.Function, f.Reserved) {
			q.freed(e.Function) // more may be free than the one that woke this event
		}
		q.attempt(key, e, f)
	}
}

func (q *queue) read(key string) (event, function, error) {
	e, _, err := q.table.Get(key)
	if err != nil || e.Concluded != nil {
		return e, function{}, err
	}
	f, err := q.s.get(e.Function)
	return e, f, err
}

// expires is when an event is given up.
func (e event) expires(f function) time.Time { return e.Queued.Add(f.Async.maxAge()) }

// attempt invokes the function, in a slot and a place of its own.
func (q *queue) attempt(key string, e event, f function) {
	t := task{requestID: e.RequestID, payload: e.Payload, async: true, attempt: e.Failed + 1}
	r := q.s.engine.run(q.ctx, f.serving(q.s.cfg.Clock.Now()), t)
	q.s.places.free(e.Function)
	failed := r.err != nil || r.failure != nil
	if q.ctx.Err() != nil && failed {
		return // the service stops: the attempt does not count
	}
	i := r.invocation(e.Function, t, true)
	i.Source = e.Source
	due := q.s.cfg.Clock.Now().Add(q.s.cfg.retryDelay(e.Failed))
	switch {
	case !failed:
		q.conclude(key, e, f, i, conditionSuccess)
	case e.Failed >= f.Async.retries(len(q.s.cfg.RetryDelays)):
		q.conclude(key, e, f, i, conditionExhausted)
	case !due.Before(e.expires(f)):
		q.conclude(key, e, f, i, conditionTooOld)
	default:
		i.Final = false
		q.s.cfg.OnDone(i)
		e.Due, e.Failed = due, e.Failed+1 // a failed attempt is stored before the next one is planned
		q.store(key, e)
		q.push(key, due)
	}
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

func (q *queue) store(key string, e event) {
	if err := q.table.Put(key, e); err != nil {
		q.s.cfg.Log.Error("the state of an event cannot be stored", "function", e.Function, "request", e.RequestID, "error", err)
	}
}

// throttle lets an event wait for a place.
func (q *queue) throttle(key string, e event, f function) {
	q.mu.Lock()
	n := q.throttled[key]
	q.throttled[key] = n + 1
	q.mu.Unlock()
	q.s.cfg.OnThrottle(e.Function)
	wait := lastThrottle
	if shift := min(n, 16); firstThrottle<<shift < lastThrottle {
		wait = firstThrottle << shift
	}
	q.add(dueEvent{key: key, at: earlier(q.s.cfg.Clock.Now().Add(wait), e.expires(f)), waitsFor: e.Function})
	// A place that was freed meanwhile woke nobody.
	if !q.s.places.full(e.Function, f.Reserved) {
		q.freed(e.Function)
	}
}

// givenUp is the end of an event that its function was not given, or not again.
func (e event) givenUp(condition, why string) Invocation {
	return Invocation{
		Function: e.Function, RequestID: e.RequestID, Payload: e.Payload, Source: e.Source, Async: true, Attempt: e.Failed, Final: true,
		ErrorType: "Local." + condition, ErrorMessage: why,
	}
}

// conclude ends an event for good, and lets its destination know.
func (q *queue) conclude(key string, e event, f function, i Invocation, condition string) {
	to := f.Async.destination(i.Failed())
	if to == "" {
		q.s.cfg.OnDone(i)
		q.forget(key)
		return
	}
	now := q.s.cfg.Clock.Now().UTC()
	i.Destination = to
	e.Concluded = &conclusion{
		Invocation: i, Role: f.Settings.Role, Document: q.s.record(i, condition, now),
		Key: asyncPrefix + e.Function + now.Format("/2006/01/02/2006-01-02T15.04.05-") + newID(),
	}
	q.store(key, e)
	q.tell(key, e)
}

// tell gives a document to its destination, once: Lambda counts what cannot be delivered, and drops it.
func (q *queue) tell(key string, e event) {
	c := e.Concluded
	err := errors.New("the local backend has no destinations here")
	if q.s.cfg.Destinations != nil {
		err = q.s.cfg.Destinations.Deliver(q.ctx, c.Invocation.Destination, c.Role, c.Key, c.Document)
	}
	if err != nil && q.ctx.Err() != nil {
		return // it is told after the next start
	}
	if err != nil {
		c.Invocation.DestinationError = messageOf(err)
		q.s.cfg.Log.Warn("a destination cannot be told of an event", "function", e.Function, "request", e.RequestID,
			"destination", c.Invocation.Destination, "error", err)
	}
	q.s.cfg.OnDone(c.Invocation)
	q.forget(key)
}

// drop gives up an event that cannot be run, as Lambda does with those of a deleted function.
func (q *queue) drop(key string, e event, err error) {
	kind := notRunType
	var known *wire.Error
	if errors.As(err, &known) && known.Status == http.StatusNotFound {
		kind = known.Code
	}
	q.s.cfg.OnDone(Invocation{
		Function: e.Function, RequestID: e.RequestID, Payload: e.Payload, Source: e.Source, Async: true, Attempt: e.Failed + 1, Final: true,
		ErrorType: kind, ErrorMessage: err.Error(),
	})
	q.forget(key)
}

// record is the document that Lambda gives to destinations, from "Capturing records of Lambda asynchronous invocations" in the
// developer guide.
type record struct {
	Version         string          `json:"version"`
	Timestamp       string          `json:"timestamp"`
	RequestContext  recordRequest   `json:"requestContext"`
	RequestPayload  json.RawMessage `json:"requestPayload"`
	ResponseContext *recordResponse `json:"responseContext,omitempty"` // of an event that was given to the function
	ResponsePayload json.RawMessage `json:"responsePayload,omitempty"`
}

type recordRequest struct {
	RequestID              string `json:"requestId"`
	FunctionARN            string `json:"functionArn"`
	Condition              string `json:"condition"`
	ApproximateInvokeCount int    `json:"approximateInvokeCount"`
}

type recordResponse struct {
	StatusCode      int    `json:"statusCode"`
	ExecutedVersion string `json:"executedVersion"`
	FunctionError   string `json:"functionError,omitempty"`
}

func (s *Service) record(i Invocation, condition string, now time.Time) []byte {
	r := record{
		Version: "1.0", Timestamp: now.Format("2006-01-02T15:04:05.000Z"),
		RequestContext: recordRequest{i.RequestID, s.arn(i.Function) + ":" + latest, condition, i.Attempt},
		RequestPayload: asJSON(i.Payload),
	}
	notRun := i.ErrorType == notRunType
	if i.Response != nil || notRun {
		r.ResponseContext = &recordResponse{StatusCode: http.StatusOK, ExecutedVersion: latest}
		r.ResponsePayload = asJSON(i.Response)
		if i.Failed() {
			r.ResponseContext.FunctionError = unhandled
		}
		if notRun {
			r.ResponsePayload = (&failure{i.ErrorType, i.ErrorMessage}).asJSON()
		}
	}
	b, err := json.Marshal(r)
	if err != nil {
		s.cfg.Log.Error("a document for a destination cannot be written", "request", i.RequestID, "error", err)
	}
	return b
}

// asJSON is a payload as JSON: itself, or a text that holds it.
func asJSON(payload []byte) json.RawMessage {
	if json.Valid(payload) {
		return payload
	}
	b, _ := json.Marshal(string(payload)) // texts can always be written
	return b
}

// runNow runs an invocation whose caller waits. The error is errThrottled where there is no place for it, and Lambda's where its payload is
// too large, as that of a request may be once its body is in base64.
func (s *Service) runNow(ctx context.Context, f function, t task) (result, error) {
	name := f.Settings.Name
	if len(t.payload) > maxPayload {
		return result{}, tooLarge(maxPayload)
	}
	if !s.places.take(name, f.Reserved) {
		s.cfg.OnThrottle(name)
		return result{}, errThrottled
	}
	defer s.places.free(name)
	slot, err := s.engine.acquireForCaller(ctx)
	if err != nil {
		return result{}, err
	}
	defer func() { <-slot }()
	// A caller that goes away does not end the invocation.
	return s.engine.work(context.WithoutCancel(ctx), f.serving(s.cfg.Clock.Now()), t), nil
}
