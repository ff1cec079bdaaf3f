package lambda

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"sync"
	"time"
)

const (
	runtimePath  = "/2018-06-01/runtime"
	headerWait   = 10 * time.Second
	maxErrorBody = 256 << 10 // bytes of an error report that are kept
)

// delivery is one event on its way through a runtime.
type delivery struct {
	task
	arn      string
	deadline time.Time
	outcome  chan outcome // holds one
}

// outcome is what a runtime answers.
type outcome struct {
	response []byte
	failure  *failure
}

// runtimeAPI is the Runtime API of one instance, on a loopback address of its own.
type runtimeAPI struct {
	listener net.Listener
	server   *http.Server
	asked    chan struct{} // holds one: the runtime waits for an event
	events   chan *delivery
	failed   chan failure // holds one: the initialisation failed

	mu      sync.Mutex
	current *delivery
}

func newRuntimeAPI(ctx context.Context) (*runtimeAPI, error) {
	var config net.ListenConfig
	l, err := config.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("open runtime API: %w", err)
	}
	a := &runtimeAPI{
		listener: l, asked: make(chan struct{}, 1), events: make(chan *delivery), failed: make(chan failure, 1),
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+runtimePath+"/invocation/next", a.next)
	mux.HandleFunc("POST "+runtimePath+"/invocation/{id}/response", a.response)
	mux.HandleFunc("POST "+runtimePath+"/invocation/{id}/error", a.invocationError)
	mux.HandleFunc("POST "+runtimePath+"/init/error", a.initError)
	a.server = &http.Server{Handler: mux, ReadHeaderTimeout: headerWait}
	go func() { _ = a.server.Serve(l) }() // until close
	return a, nil
}

func (a *runtimeAPI) address() string { return a.listener.Addr().String() }

func (a *runtimeAPI) close() { _ = a.server.Close() }

func (a *runtimeAPI) next(w http.ResponseWriter, r *http.Request) {
	select {
	case a.asked <- struct{}{}:
	default:
	}
	var d *delivery
	select {
	case d = <-a.events:
	case <-r.Context().Done():
		return
	}
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Lambda-Runtime-Aws-Request-Id", d.requestID)
	h.Set("Lambda-Runtime-Deadline-Ms", strconv.FormatInt(d.deadline.UnixMilli(), 10))
	h.Set("Lambda-Runtime-Invoked-Function-Arn", d.arn)
	h.Set("Lambda-Runtime-Trace-Id", d.trace)
	if d.clientContext != "" {
		h.Set("Lambda-Runtime-Client-Context", d.clientContext)
	}
	_, _ = w.Write(d.payload) // a runtime that has gone away is noticed by its end
}

// deliver gives an event to the runtime, which has asked for it.
func (a *runtimeAPI) deliver(ctx context.Context, d *delivery) error {
	a.mu.Lock()
	a.current = d
	a.mu.Unlock()
	select {
	case a.events <- d:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (a *runtimeAPI) response(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxResponse))
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		f := failure{"Function.ResponseSizeTooLarge", fmt.Sprintf("Response payload size exceeded maximum allowed payload size (%d bytes).", maxResponse)}
		if a.finish(w, r, outcome{failure: &f}) {
			status(w, http.StatusRequestEntityTooLarge, f.Type, f.Message)
		}
	case err != nil:
		status(w, http.StatusBadRequest, "InvalidRequest", err.Error())
	default:
		if a.finish(w, r, outcome{response: body}) {
			status(w, http.StatusAccepted, "", "")
		}
	}
}

func (a *runtimeAPI) invocationError(w http.ResponseWriter, r *http.Request) {
	body, f := readFailure(r)
	if a.finish(w, r, outcome{response: body, failure: &f}) {
		status(w, http.StatusAccepted, "", "")
	}
}

func (a *runtimeAPI) initError(w http.ResponseWriter, r *http.Request) {
	_, f := readFailure(r)
	select {
	case a.failed <- f:
	default:
	}
	status(w, http.StatusAccepted, "", "")
}

// readFailure reads an error report. One that is no report is taken as the message.
func readFailure(r *http.Request) (body []byte, f failure) {
	body, err := io.ReadAll(io.LimitReader(r.Body, maxErrorBody))
	if err != nil || json.Unmarshal(body, &f) != nil {
		f = failure{Message: string(body)}
	}
	if kind := r.Header.Get("Lambda-Runtime-Function-Error-Type"); f.Type == "" {
		f.Type = kind
	}
	if !json.Valid(body) {
		body, _ = json.Marshal(f) // strings alone can always be written
	}
	return body, f
}

// finish ends the invocation of the request. The answer to another one has been given here.
func (a *runtimeAPI) finish(w http.ResponseWriter, r *http.Request, o outcome) bool {
	a.mu.Lock()
	d := a.current
	matches := d != nil && d.requestID == r.PathValue("id")
	if matches {
		a.current = nil
	}
	a.mu.Unlock()
	if !matches {
		status(w, http.StatusBadRequest, "InvalidRequestID", "Invalid request ID")
		return false
	}
	d.outcome <- o
	return true
}

func status(w http.ResponseWriter, code int, errorType, message string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	if errorType == "" {
		_, _ = io.WriteString(w, `{"status":"OK"}`)
		return
	}
	_ = json.NewEncoder(w).Encode(failure{errorType, message}) // as in next
}
