package local

import (
	"context"
	"net/http"
	"time"

	"github.com/scar-go/scar/local/wire"
)

// service is one service behind the frame.
type service struct {
	handler    http.Handler
	protocol   wire.Protocol
	writeError func(http.ResponseWriter, *http.Request, error)
}

func newService(h http.Handler, p wire.Protocol) service {
	return service{h, p, p.WriteError}
}

// ServeHTTP serves one call: it is identified and admitted, the script may make it fail, and its service
// answers it.
func (b *Backend) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if front := b.frontOf(r.Host); front != "" {
		b.serveFront(w, r, front)
		return
	}
	if fromWebPage(r) {
		refuseWebPage(w)
		return
	}
	call, err := b.admit(r)
	s, known := b.services[call.Service]
	if !known {
		s = service{protocol: wire.JSON11, writeError: wire.JSON11.WriteError}
	}
	if err != nil {
		b.log.Debug("call refused", "service", call.Service, "operation", call.Operation, "error", err)
		s.protocol.SetRequestID(w.Header(), call.RequestID)
		s.writeError(w, r.WithContext(wire.WithCall(r.Context(), call)), err)
		return
	}
	b.dispatch(w, r, call, s)
}

// dispatch lets a service answer an admitted call, as the script wants it.
func (b *Backend) dispatch(w http.ResponseWriter, r *http.Request, call wire.Call, s service) {
	s.protocol.SetRequestID(w.Header(), call.RequestID)
	if s.handler == nil {
		s.writeError(w, r.WithContext(wire.WithCall(r.Context(), call)), wire.Unknown(call.Service, call.Operation))
		return
	}
	if b.options.Script == nil {
		s.handler.ServeHTTP(w, r.WithContext(wire.WithCall(r.Context(), call)))
		return
	}
	b.options.Script.serve(w, r, call, s)
}

// serve serves an admitted call as the script wants it.
func (s *Script) serve(w http.ResponseWriter, r *http.Request, call wire.Call, to service) {
	call, plan := s.begin(call)
	r = r.WithContext(wire.WithCall(r.Context(), call))
	counted := &statusWriter{ResponseWriter: w}
	defer func() { s.end(plan, counted.status) }()
	if !sleep(r.Context(), plan.latency) {
		return
	}
	if plan.fault == nil {
		s.serveStale(counted, r, call, to)
		return
	}
	if plan.fault.After {
		to.handler.ServeHTTP(newCapture(w.Header()), r)
		s.changed(call.Service)
	}
	if plan.fault.Drop {
		drop(w, r, to)
		return
	}
	to.writeError(counted, r, plan.fault.Err)
}

// serveStale serves a call that succeeds; a read may get the answer from before a change.
func (s *Script) serveStale(w *statusWriter, r *http.Request, call wire.Call, to service) {
	if s.staleCount(call) == 0 {
		to.handler.ServeHTTP(w, r)
		if !reads(call.Operation) && w.status < http.StatusBadRequest {
			s.changed(call.Service)
		}
		return
	}
	key, err := readKey(call, r)
	if err != nil {
		to.writeError(w, r, err)
		return
	}
	a := s.takeStale(key)
	if a == nil {
		fresh := newCapture(w.Header())
		to.handler.ServeHTTP(fresh, r)
		a = &fresh.answer
		s.remember(key, a)
	}
	a.writeTo(w, to.protocol, call.RequestID)
}

// drop closes the connection without an answer. Only HTTP/1 connections can be taken over; the frame
// serves nothing else.
func drop(w http.ResponseWriter, r *http.Request, to service) {
	connection, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		to.writeError(w, r, err)
		return
	}
	// There is nobody to tell that closing failed: the client is to lose the connection.
	_ = connection.Close()
}

// sleep waits for d and says whether the context is still alive.
func sleep(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return true
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// statusWriter notes the status of an answer.
type statusWriter struct {
	http.ResponseWriter
	status int
}

func (w *statusWriter) WriteHeader(status int) {
	if w.status == 0 {
		w.status = status
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *statusWriter) Write(b []byte) (int, error) {
	if w.status == 0 {
		w.status = http.StatusOK
	}
	return w.ResponseWriter.Write(b)
}

// Unwrap lets http.ResponseController reach the connection.
func (w *statusWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }
