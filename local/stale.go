package local

import (
	"bytes"
	"crypto/sha256"
	"io"
	"maps"
	"net/http"
	"strconv"
	"strings"

	"github.com/scar-go/scar/local/wire"
)

// answer is a response that was kept.
type answer struct {
	status int
	header http.Header
	body   []byte
}

// staleReads remembers what reads answered, to answer it again after a change.
type staleReads struct {
	patterns map[string]int // how many reads are stale after a change
	last     map[string]*answer
	old      map[string]*staleRead
}

type staleRead struct {
	answer *answer
	left   int
}

func newStaleReads() staleReads {
	return staleReads{map[string]int{}, map[string]*answer{}, map[string]*staleRead{}}
}

// readKey tells reads apart: the same operation with the same parameters is the same read.
func readKey(call wire.Call, r *http.Request) (string, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return "", err
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	sum := sha256.Sum256(body)
	return call.Service + "\x00" + call.Operation + "\x00" + r.URL.RequestURI() + "\x00" + string(sum[:]), nil
}

// count is how many reads of an operation are stale after a change; 0: none, nothing is remembered.
func (s *Script) staleCount(call wire.Call) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	most := 0
	if call.Service == registryService || !reads(call.Operation) {
		return 0
	}
	for pattern, n := range s.stale.patterns {
		if matches(pattern, call) {
			most = max(most, n)
		}
	}
	return most
}

// takeStale is the answer from before a change, if the read is still to get it.
func (s *Script) takeStale(key string) *answer {
	s.mu.Lock()
	defer s.mu.Unlock()
	old := s.stale.old[key]
	if old == nil {
		return nil
	}
	if old.left--; old.left <= 0 {
		delete(s.stale.old, key)
	}
	return old.answer
}

func (s *Script) remember(key string, a *answer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stale.last[key] = a
}

// taggingService changes nothing itself: what it answers changes with every other service.
const taggingService = "tagging"

// changed makes what reads of a service answered before a change what they answer for a while.
func (s *Script) changed(service string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for key, a := range s.stale.last {
		name, rest, _ := strings.Cut(key, "\x00")
		operation, _, _ := strings.Cut(rest, "\x00")
		if name != service && name != taggingService {
			continue
		}
		left := 0
		for pattern, n := range s.stale.patterns {
			if matches(pattern, wire.Call{Service: name, Operation: operation}) {
				left = max(left, n)
			}
		}
		if left > 0 {
			s.stale.old[key] = &staleRead{a, left}
		}
	}
}

// capture is a ResponseWriter that keeps the answer.
type capture struct{ answer }

func newCapture(header http.Header) *capture {
	return &capture{answer{status: http.StatusOK, header: maps.Clone(header)}}
}

func (c *capture) Header() http.Header    { return c.header }
func (c *capture) WriteHeader(status int) { c.status = status }
func (c *capture) Write(b []byte) (int, error) {
	c.body = append(c.body, b...)
	return len(b), nil
}

// writeTo gives the answer, with the request id of the call that it answers now.
func (a *answer) writeTo(w http.ResponseWriter, p wire.Protocol, requestID string) {
	maps.Copy(w.Header(), a.header)
	p.SetRequestID(w.Header(), requestID)
	w.Header().Set("Content-Length", strconv.Itoa(len(a.body)))
	w.WriteHeader(a.status)
	_, _ = w.Write(a.body) // a client that has gone away is told nothing
}
