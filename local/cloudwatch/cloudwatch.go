// Package cloudwatch is the Amazon CloudWatch of the embedded backend: the metrics that Lambda reports of its functions, for those
// who read them. It speaks all three protocols that clients of CloudWatch are found to speak: RPC v2 with CBOR, JSON 1.0 and the
// query protocol.
//
// Metrics are in memory, by the minute: they begin with the backend, unlike logs and records, which outlive it. CloudWatch itself lags by
// minutes; here a value can be read as soon as the invocation has ended.
package cloudwatch

import (
	"context"
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/scar-go/scar/local/clock"
	"github.com/scar-go/scar/local/wire"
)

// Config is what a Service needs.
type Config struct {
	Clock clock.Clock // of when an invocation was
}

// Service is the CloudWatch of one account and region. It is an http.Handler.
type Service struct {
	clock clock.Clock
	query wire.QueryAPI

	mu        sync.Mutex
	functions map[string]*series // by name
}

const namespaceXML = "http://monitoring.amazonaws.com/doc/2010-08-01/"

// operations are what the service answers. Each reads its input from the JSON form that every protocol is brought into, and
// returns a tree.
var operations = map[string]func(*Service, context.Context, []byte) (tree, error){
	"GetMetricData": (*Service).getMetricData,
	"ListMetrics":   (*Service).listMetrics,
}

// New returns a service without metrics.
func New(cfg Config) *Service {
	s := &Service{clock: cfg.Clock, functions: map[string]*series{}}
	s.query = newQueryAPI(s)
	return s
}

// Invoked counts an invocation of a function that has ended.
func (s *Service) Invoked(function string, took time.Duration, failed bool) {
	errors := 0.0
	if failed {
		errors = 1
	}
	s.add(function, map[string]float64{
		"Invocations": 1, "Errors": errors, "Throttles": 0, "Duration": float64(took.Microseconds()) / 1000,
	})
}

// Throttled counts an invocation that there was no place for.
func (s *Service) Throttled(function string) {
	s.add(function, map[string]float64{"Throttles": 1})
}

func (s *Service) add(function string, values map[string]float64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	of := s.functions[function]
	if of == nil {
		of = &series{minutes: map[int64]map[string]*statistics{}}
		s.functions[function] = of
	}
	of.add(s.clock.Now(), values)
}

// ServeHTTP serves one call, in the protocol that it is made in.
func (s *Service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p := protocolOf(r)
	if p == query {
		s.query.ServeHTTP(w, r)
		return
	}
	name := Operation(r, nil)
	do, found := operations[name]
	if !found {
		WriteError(w, r, wire.Unknown("cloudwatch", name))
		return
	}
	body, err := io.ReadAll(r.Body)
	if err == nil {
		body, err = p.toJSON(body)
	}
	if err != nil {
		WriteError(w, r, err)
		return
	}
	out, err := do(s, r.Context(), body)
	if err != nil {
		WriteError(w, r, err)
		return
	}
	p.write(w, http.StatusOK, out)
}
