package local

import (
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/scar-go/scar/local/iam"
	"github.com/scar-go/scar/local/wire"
)

// Script makes the backend behave as AWS does on its worse days, and keeps a record of the calls that
// were made, so that tests can ask for both. Its methods can be called at any time from any goroutine.
//
// Patterns name operations as service:Operation, with the service's name in signatures: an exact name
// such as iam:CreateRole, all of a service as iam:*, or all as *. The registry's calls are
// registry:PutBlob, registry:GetManifest and so on.
type Script struct {
	mu       sync.Mutex
	latency  time.Duration
	pageSize int
	iamLag   iam.Lag
	plans    []*plan
	stale    staleReads
	observer func(wire.Call)
	calls    []Call
}

// Fault is what happens to one call.
type Fault struct {
	Err   *wire.Error // the answer; nil with Drop
	Drop  bool        // the connection is closed without an answer
	After bool        // the call takes effect first
}

// plan is a number of faults to come.
type plan struct {
	pattern string
	skip    int // matching calls that pass first
	times   int // calls that fail then
	fault   Fault
	// throttle says that the answer is the service's own for too many calls.
	throttle bool
}

// NewScript returns a script in which nothing goes wrong.
func NewScript() *Script { return &Script{stale: newStaleReads()} }

// Latency makes every call from now on take that much longer.
func (s *Script) Latency(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.latency = d
}

// PageSize bounds the pages of all listings; 0 leaves them as they are.
func (s *Script) PageSize(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.pageSize = n
}

// IAMLag sets how long changes of roles from now on take to be seen.
func (s *Script) IAMLag(lag iam.Lag) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.iamLag = lag
}

// Throttle makes the next n calls that match fail as the service says that there were too many.
func (s *Script) Throttle(pattern string, n int) {
	s.add(&plan{pattern: pattern, times: n, throttle: true})
}

// Inject makes the k-th call from now that matches, counted from 1, go wrong.
func (s *Script) Inject(pattern string, k int, f Fault) {
	s.add(&plan{pattern: pattern, skip: k - 1, times: 1, fault: f})
}

// Calm takes back every fault that has not come up yet.
func (s *Script) Calm() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.plans = nil
}

// Stale makes the next n reads that match, after every later change in their service, answer what the
// same read answered before the change. A read that was never made before is answered as it is.
func (s *Script) Stale(pattern string, n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stale.patterns[pattern] = n
}

// Observe calls f before every call takes effect; nil ends it.
func (s *Script) Observe(f func(wire.Call)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.observer = f
}

func (s *Script) add(p *plan) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.plans = append(s.plans, p)
}

func (s *Script) lag() iam.Lag {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.iamLag
}

func matches(pattern string, call wire.Call) bool {
	if service, all := strings.CutSuffix(pattern, "*"); all {
		return service == "" || service == call.Service+":"
	}
	return pattern == call.Service+":"+call.Operation
}

// begin notes a call and decides what becomes of it.
func (s *Script) begin(call wire.Call) (wire.Call, scripted) {
	s.mu.Lock()
	out := scripted{number: len(s.calls), start: time.Now(), latency: s.latency, fault: s.nextFault(call)}
	s.calls = append(s.calls, Call{Service: call.Service, Operation: call.Operation, Start: out.start})
	call.PageSize = s.pageSize
	observe := s.observer
	s.mu.Unlock()
	if observe != nil {
		observe(call) // unlocked, so that it can script what comes next
	}
	return call, out
}

// scripted is what becomes of one call.
type scripted struct {
	number  int // in the record
	start   time.Time
	latency time.Duration
	fault   *Fault // nil: nothing goes wrong
}

// nextFault counts the call in all plans that it matches; the first of them that is due decides.
func (s *Script) nextFault(call wire.Call) *Fault {
	var due *Fault
	waiting := s.plans[:0]
	for _, p := range s.plans {
		if matches(p.pattern, call) {
			switch {
			case p.skip > 0:
				p.skip--
			case due == nil:
				f := p.fault
				if p.throttle {
					f.Err = throttled(call.Service)
				}
				due = &f
				p.times--
			}
		}
		if p.times > 0 {
			waiting = append(waiting, p)
		}
	}
	s.plans = waiting
	return due
}

// throttled is how a service says that it was called too often.
func throttled(service string) *wire.Error {
	switch service {
	case "s3":
		return wire.Errorf(http.StatusServiceUnavailable, "SlowDown", "Please reduce your request rate.")
	case "lambda":
		return wire.Errorf(http.StatusTooManyRequests, "TooManyRequestsException", "Rate exceeded")
	case "iam", "sts", "sns":
		return wire.Errorf(http.StatusBadRequest, "Throttling", "Rate exceeded")
	case "tagging":
		return wire.Errorf(http.StatusBadRequest, "ThrottledException", "Rate exceeded")
	case registryService:
		return wire.Errorf(http.StatusTooManyRequests, "TOOMANYREQUESTS", "Rate exceeded")
	case "sqs":
		return wire.Errorf(http.StatusBadRequest, "RequestThrottled", "Request is throttled.")
	case "apigateway", urlFront, apiFront:
		return wire.Errorf(http.StatusTooManyRequests, "TooManyRequestsException", "Too Many Requests")
	case "scheduler":
		return wire.Errorf(http.StatusTooManyRequests, "ThrottlingException", "Rate exceeded")
	default:
		return wire.Errorf(http.StatusBadRequest, "ThrottlingException", "Rate exceeded")
	}
}
