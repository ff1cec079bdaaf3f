package apigateway

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/scar-go/scar/local/httpevent"
	"github.com/scar-go/scar/local/wire"
)

const (
	// hostService is the second label of an API's host, and the name of the service in signatures.
	hostService = "execute-api"
	// maxRequest is the longest body that an API takes, in bytes.
	maxRequest = 10 << 20
	// textType is the content type of an answer that names none.
	textType = "text/plain;charset=UTF-8"
)

// refusal is an answer that an API itself gives.
type refusal struct {
	status  int
	message string
}

func (r *refusal) Error() string { return r.message }

// What APIs answer by themselves.
var (
	errNotFound    = &refusal{http.StatusNotFound, "Not Found"}
	errForbidden   = &refusal{http.StatusForbidden, "Forbidden"}
	errTooLarge    = &refusal{http.StatusRequestEntityTooLarge, "Request Entity Too Large"}
	errInternal    = &refusal{http.StatusInternalServerError, "Internal Server Error"}
	errUnavailable = &refusal{http.StatusServiceUnavailable, "Service Unavailable"}
)

// APIs is the handler of requests to APIs. The host says to which: APIID.execute-api.REGION.localhost, with any port.
func (s *Service) APIs() http.Handler { return http.HandlerFunc(s.serveAPI) }

// APIOf is the id of the API in a host, with or without a port, and whether it has the form of one's.
func APIOf(host string) (id string, ok bool) {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	labels := strings.Split(strings.ToLower(host), ".")
	if len(labels) < 3 || labels[0] == "" || labels[1] != hostService {
		return "", false
	}
	return labels[0], true
}

func (s *Service) serveAPI(w http.ResponseWriter, r *http.Request) {
	a, err := s.apiOfHost(r.Host)
	if err == nil && httpevent.IsPreflight(r) && a.Settings.CORS != nil {
		s.preflight(w, r, a)
		return
	}
	var answer httpevent.Answer
	if err == nil {
		answer, err = s.call(r, a)
	}
	id := requestID(r)
	w.Header().Set("Apigw-Requestid", id)
	if a.Settings.CORS != nil {
		// What the function says of other origins gives way to the API's configuration.
		for name := range answer.Header {
			if strings.HasPrefix(name, "Access-Control-") {
				answer.Header.Del(name)
			}
		}
		setAll(w.Header(), a.Settings.CORS.headers().Headers(r))
	}
	if err == nil {
		answer.WriteTo(w)
		return
	}
	var known *refusal
	if !errors.As(err, &known) {
		s.cfg.Log.Warn("an API cannot answer", "api", a.ID, "request", id, "error", err)
		known = errInternal
	}
	httpevent.WriteMessage(w, known.status, "message", known.message)
}

func setAll(h, from http.Header) {
	for name, values := range from {
		h[name] = values
	}
}

func requestID(r *http.Request) string {
	if id := wire.CallOf(r.Context()).RequestID; id != "" {
		return id
	}
	return newID(16)
}

// preflight answers a browser's question by itself, whatever the routes are.
func (s *Service) preflight(w http.ResponseWriter, r *http.Request, a api) {
	w.Header().Set("Apigw-Requestid", requestID(r))
	setAll(w.Header(), a.Settings.CORS.headers().Headers(r))
	w.WriteHeader(http.StatusNoContent)
}

func (s *Service) apiOfHost(host string) (api, error) {
	id, ok := APIOf(host)
	if !ok {
		return api{}, errNotFound
	}
	a, found, err := s.apis.Get(id)
	if err == nil && (!found || a.Settings.DisableExecuteAPIEndpoint) {
		err = errNotFound
	}
	return a, err
}

// match is where a request goes.
type match struct {
	stage       stage
	path        string // below the stage, with a slash at its beginning
	route       route
	integration integration
	variables   map[string]string
}

// match finds the stage, the route and the integration of a request.
func (a *api) match(r *http.Request) (m match, err error) {
	first, rest, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	named := false
	if m.stage, named = a.Stages[first]; named && first != defaultKey {
		m.path = "/" + rest
	} else if m.stage, named = a.Stages[defaultKey]; named {
		m.path = "/" + strings.TrimPrefix(r.URL.Path, "/")
	} else {
		return m, errNotFound
	}
	served := a.serves(m.stage)
	best := ""
	for _, t := range served.Routes {
		p, err := parseKey(t.RouteKey)
		if err != nil {
			continue // it was checked when it was made
		}
		if rank, variables, ok := p.match(r.Method, split(m.path)); ok && (best == "" || rank < best) {
			best, m.route, m.variables = rank, t, variables
		}
	}
	if best == "" {
		return m, errNotFound
	}
	found := false
	if m.integration, found = served.Integrations[m.route.integration()]; !found {
		return m, errInternal
	}
	return m, nil
}

// call gives a request to the function behind it.
func (s *Service) call(r *http.Request, a api) (answer httpevent.Answer, err error) {
	m, err := a.match(r)
	if err != nil {
		return answer, err
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, maxRequest+1))
	if err != nil {
		return answer, err
	}
	if len(body) > maxRequest {
		return answer, errTooLarge
	}
	caller, err := s.authorize(r, body, a, m)
	if err != nil {
		return answer, err
	}
	event, err := httpevent.Event(r, body, s.context(r, a, m, caller))
	if err != nil {
		return answer, err
	}
	if err := s.cfg.Functions.CheckInvoke(r.Context(), m.integration.function(), servicePrincipal, s.sourceARN(r, a, m), s.cfg.Account); err != nil {
		return answer, err
	}
	result, err := s.invoke(r.Context(), m.integration, event)
	if err != nil {
		return answer, err
	}
	if result.FunctionError != "" {
		return answer, errInternal
	}
	return httpevent.Read(result.Payload, textType)
}

// authorize is who signed a request, where the route wants that; nil: nobody has to.
func (s *Service) authorize(r *http.Request, body []byte, a api, m match) (*wire.Identity, error) {
	if m.route.AuthorizationType != authIAM {
		return nil, nil
	}
	id, err := wire.Caller(r, body, hostService, s.cfg.Region, s.cfg.Authorizer)
	if err != nil {
		s.cfg.Log.Debug("a call of an API is refused", "api", a.ID, "error", err)
		return nil, errForbidden
	}
	resource := s.executeARN(a, m) + "/" + r.Method + m.path
	allowed, err := s.cfg.Authorizer.Allowed(r.Context(), id, "execute-api:Invoke", resource, nil)
	if err != nil {
		return nil, err
	}
	if !allowed {
		return nil, errForbidden
	}
	return &id, nil
}

// executeARN is the ARN of a stage of an API, as callers and functions see it.
func (s *Service) executeARN(a api, m match) string {
	return "arn:" + wire.Partition(s.cfg.Region) + ":execute-api:" + s.cfg.Region + ":" + s.cfg.Account + ":" + a.ID + "/" + m.stage.StageName
}

// sourceARN is what the policy of a function is asked about: the stage and the route, with the variables of its path by name.
func (s *Service) sourceARN(r *http.Request, a api, m match) string {
	_, path, found := strings.Cut(m.route.RouteKey, " ")
	if !found {
		return s.executeARN(a, m) + "/" + defaultKey
	}
	return s.executeARN(a, m) + "/" + r.Method + path
}

func (s *Service) context(r *http.Request, a api, m match, caller *wire.Identity) httpevent.Context {
	domain := r.Host
	if name, _, err := net.SplitHostPort(domain); err == nil {
		domain = name
	}
	return httpevent.Context{
		AccountID: s.cfg.Account, APIID: a.ID, DomainName: domain, RequestID: requestID(r), RouteKey: m.route.RouteKey,
		Stage: m.stage.StageName, Path: r.URL.Path, Time: s.cfg.Clock.Now(), Parameters: m.variables, Variables: m.stage.StageVariables,
		Caller: caller,
	}
}

// invoke waits for a function as long as the integration does. A function that takes longer goes on without anybody waiting, as in
// AWS. It runs in the machine's time, whatever the clock of the configuration shows.
func (s *Service) invoke(ctx context.Context, i integration, event []byte) (Result, error) {
	type outcome struct {
		result Result
		err    error
	}
	done := make(chan outcome, 1)
	go func() {
		result, err := s.cfg.Functions.Invoke(context.WithoutCancel(ctx), i.function(), event)
		done <- outcome{result, err}
	}()
	limit := time.NewTimer(time.Duration(i.TimeoutInMillis) * time.Millisecond)
	defer limit.Stop()
	select {
	case o := <-done:
		return o.result, answerTo(o.err)
	case <-limit.C:
		return Result{}, errUnavailable
	case <-ctx.Done():
		return Result{}, ctx.Err()
	}
}

// answerTo is what an API answers to an error of Lambda's, where it has an answer.
func answerTo(err error) error {
	var known *wire.Error
	if !errors.As(err, &known) {
		return err
	}
	switch known.Status {
	case http.StatusTooManyRequests:
		return errUnavailable
	case http.StatusRequestEntityTooLarge: // 6 MB of JSON, which may be less than maxRequest
		return errTooLarge
	}
	return err
}
