package lambda

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/scar-go/scar/local/httpevent"
	"github.com/scar-go/scar/local/wire"
)

// forbidden is what a function URL says to those who may not call it.
const forbidden = "Forbidden. For troubleshooting Function URL authorization issues, see: https://docs.aws.amazon.com/lambda/latest/dg/urls-auth.html"

// The condition keys of the rights to call a function URL.
const (
	keyAuthType = "lambda:FunctionUrlAuthType"
	keyViaURL   = "lambda:InvokedViaFunctionUrl"
)

// errForbidden is the reason of a refusal, which its caller is not told.
var errForbidden = errors.New("forbidden")

// FunctionURLs serves requests to function URLs: the first label of the host is the URL's id.
func (s *Service) FunctionURLs() http.Handler { return http.HandlerFunc(s.serveURL) }

func (s *Service) serveURL(w http.ResponseWriter, r *http.Request) {
	id := requestID(r.Context())
	w.Header().Set("X-Amzn-Requestid", id)
	f, err := s.functionOfURL(r.Host)
	if err != nil {
		s.refuseURL(w, err)
		return
	}
	maps.Copy(w.Header(), f.URL.CORS.forAnswers().Headers(r))
	if httpevent.IsPreflight(r) && f.URL.CORS != nil {
		w.WriteHeader(http.StatusOK)
		return
	}
	body, err := wire.ReadBody(r, maxPayload)
	if err != nil {
		s.refuseURL(w, err)
		return
	}
	caller, err := s.authorizeURL(r, f, body)
	if err != nil {
		s.refuseURL(w, err)
		return
	}
	s.answerURL(w, r, f, body, id, caller)
}

// functionOfURL is the function that a host stands for.
func (s *Service) functionOfURL(host string) (function, error) {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	id, _, _ := strings.Cut(strings.ToLower(host), ".")
	if strings.ToLower(host) != s.urlHost(id) {
		return function{}, errForbidden
	}
	name, found, err := s.urls.Get(id)
	if err != nil || !found {
		return function{}, errors.Join(err, errForbidden)
	}
	f, found, err := s.functions.Get(name)
	if err != nil || !found || f.URL == nil || f.URL.ID != id {
		return function{}, errors.Join(err, errForbidden)
	}
	return f, nil
}

// authorizeURL returns who signed a request, where it had to be. The error is errForbidden where the caller has no right.
func (s *Service) authorizeURL(r *http.Request, f function, body []byte) (*wire.Identity, error) {
	if f.URL.Auth == authNone {
		given := map[string]string{strings.ToLower(keyAuthType): authNone, strings.ToLower(keyViaURL): "true"}
		for _, action := range []string{"lambda:InvokeFunctionUrl", "lambda:InvokeFunction"} {
			if !f.allows(action, anyone, given) {
				return nil, errForbidden
			}
		}
		return nil, nil
	}
	id, err := s.signer(r, body)
	if err != nil {
		return nil, err
	}
	for _, needed := range []struct{ action, key, value string }{
		{"lambda:InvokeFunctionUrl", keyAuthType, authIAM},
		{"lambda:InvokeFunction", keyViaURL, "true"},
	} {
		allowed, err := s.cfg.Authorizer.Allowed(r.Context(), id, needed.action, s.arn(f.Settings.Name), map[string][]string{needed.key: {needed.value}})
		if err != nil {
			return nil, fmt.Errorf("authorize %s: %w", needed.action, err)
		}
		given := map[string]string{strings.ToLower(needed.key): needed.value}
		if !allowed && !f.allows(needed.action, principal{aws: id.ARN, role: s.roleARNOf(id)}, given) {
			return nil, errForbidden
		}
	}
	return &id, nil
}

// roleARNOf is how a policy of the function can name a caller's role, whatever the role's path; empty: it is no role.
func (s *Service) roleARNOf(id wire.Identity) string {
	if id.Role == "" {
		return ""
	}
	return fmt.Sprintf("arn:%s:iam::%s:role/%s", wire.Partition(s.cfg.Region), id.Account, id.Role)
}

// signer is who signed a request, which must be for Lambda in this region.
func (s *Service) signer(r *http.Request, body []byte) (wire.Identity, error) {
	if s.cfg.Authorizer == nil {
		return wire.Identity{}, errForbidden
	}
	id, err := wire.Caller(r, body, "lambda", s.cfg.Region, s.cfg.Authorizer)
	if err != nil {
		return wire.Identity{}, errors.Join(errForbidden, err)
	}
	return id, nil
}

// answerURL invokes the function and answers with what it answers.
func (s *Service) answerURL(w http.ResponseWriter, r *http.Request, f function, body []byte, id string, caller *wire.Identity) {
	account := "anonymous"
	if caller != nil {
		account = caller.Account
	}
	trace := newTrace()
	root, _, _ := strings.Cut(trace, ";")
	r.Header.Set("X-Amzn-Trace-Id", root)
	w.Header().Set("X-Amzn-Trace-Id", trace)
	// The time is the machine's, as everything that callers see of signatures is.
	event, err := httpevent.Event(r, body, httpevent.Context{
		AccountID: account, APIID: f.URL.ID, DomainName: s.urlHost(f.URL.ID), RequestID: id,
		RouteKey: "$default", Stage: "$default", Path: r.URL.EscapedPath(), Time: time.Now(), Caller: caller,
	})
	if err != nil {
		s.refuseURL(w, err)
		return
	}
	a, err := s.invokeURL(r.Context(), f, task{requestID: id, payload: event, trace: trace, attempt: 1})
	if err != nil {
		s.refuseURL(w, err)
		return
	}
	for name := range f.URL.CORS.forAnswers().Headers(r) {
		a.Header.Del(name) // what the URL says of origins counts, not the function
	}
	a.WriteTo(w)
}

func (s *Service) invokeURL(ctx context.Context, f function, t task) (httpevent.Answer, error) {
	res, err := s.runNow(ctx, f, t)
	if err != nil {
		return httpevent.Answer{}, err
	}
	s.cfg.OnDone(res.invocation(f.Settings.Name, t, true))
	switch {
	case res.err != nil:
		return httpevent.Answer{}, res.err
	case res.failure != nil:
		return httpevent.Answer{}, res.failure
	}
	return httpevent.Read(res.response, "application/json")
}

// refuseURL answers for the function. What went wrong behind is in its log, and not for callers.
func (s *Service) refuseURL(w http.ResponseWriter, err error) {
	var known *wire.Error
	switch {
	case errors.Is(err, errForbidden):
		s.cfg.Log.Debug("request to a function URL refused", "error", err)
		httpevent.WriteMessage(w, http.StatusForbidden, "Message", forbidden)
	case errors.Is(err, errThrottled):
		w.Header().Set("X-Amzn-Errortype", "TooManyRequestsException")
		httpevent.WriteMessage(w, http.StatusTooManyRequests, "Message", "Rate Exceeded.")
	case errors.As(err, &known) && known.Status == http.StatusRequestEntityTooLarge:
		httpevent.WriteMessage(w, known.Status, "Message", tooLarge(maxPayload).Message)
	default:
		s.cfg.Log.Debug("a function URL answers 502", "error", err)
		httpevent.WriteMessage(w, http.StatusBadGateway, "message", "Internal Server Error")
	}
}
