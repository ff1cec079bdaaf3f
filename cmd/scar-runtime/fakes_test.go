package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httputil"
	"strconv"
	"sync"
	"time"

	"github.com/johannesboyne/gofakes3"

	"github.com/scar-go/scar/runtime/job"
)

// lambdaAPI is Lambda's Runtime API for one function.
type lambdaAPI struct {
	invocations chan invocation
	answers     chan answer
	initErrors  chan *job.Error
	nexts       chan struct{} // one value for each call of next
}

type invocation struct {
	payload  string
	deadline time.Time
	trace    string
}

// answer is what the runtime sent for one invocation.
type answer struct {
	failed *job.Error
	body   []byte // the payload as it was sent
	at     time.Time
}

func newLambdaAPI() *lambdaAPI {
	return &lambdaAPI{
		invocations: make(chan invocation),
		answers:     make(chan answer, 1),
		initErrors:  make(chan *job.Error, 1),
		nexts:       make(chan struct{}, 100_000),
	}
}

func (l *lambdaAPI) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	const prefix = "/2018-06-01/runtime/"
	switch r.URL.Path {
	case prefix + "invocation/next":
		l.nexts <- struct{}{}
		select {
		case next := <-l.invocations:
			w.Header().Set("Lambda-Runtime-Aws-Request-Id", requestID)
			w.Header().Set("Lambda-Runtime-Deadline-Ms", fmt.Sprint(next.deadline.UnixMilli()))
			w.Header().Set("Lambda-Runtime-Invoked-Function-Arn", "arn:aws:lambda:eu-west-1:123456789012:function:f")
			w.Header().Set("Lambda-Runtime-Trace-Id", next.trace)
			_, _ = io.WriteString(w, next.payload)
		case <-r.Context().Done():
		}
		return
	case prefix + "invocation/" + requestID + "/response":
		body, _ := io.ReadAll(r.Body)
		l.answers <- answer{body: body, at: time.Now()}
	case prefix + "invocation/" + requestID + "/error":
		var failed job.Error
		_ = json.NewDecoder(r.Body).Decode(&failed)
		l.answers <- answer{failed: &failed, at: time.Now()}
	case prefix + "init/error":
		var failed job.Error
		_ = json.NewDecoder(r.Body).Decode(&failed)
		l.initErrors <- &failed
	default:
		http.NotFound(w, r)
		return
	}
	w.WriteHeader(http.StatusAccepted)
}

// bucketServer is an S3 whose calls can be made to fail.
type bucketServer struct {
	http.Handler
	backend gofakes3.Backend

	mu   sync.Mutex
	deny func(*http.Request) bool // answers with AccessDenied
}

func (s *bucketServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	deny := s.deny
	s.mu.Unlock()
	if deny != nil && deny(r) {
		w.WriteHeader(http.StatusForbidden)
		_, _ = io.WriteString(w, "<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>")
		return
	}
	// Over HTTPS a checksum follows the content, which gofakes3 takes for a part of it. Its chunks are as HTTP's.
	if r.Header.Get("X-Amz-Content-Sha256") == "STREAMING-UNSIGNED-PAYLOAD-TRAILER" {
		r.Body = io.NopCloser(httputil.NewChunkedReader(r.Body))
		r.Header.Set("Content-Length", r.Header.Get("X-Amz-Decoded-Content-Length"))
		r.ContentLength, _ = strconv.ParseInt(r.Header.Get("Content-Length"), 10, 64)
	}
	s.Handler.ServeHTTP(w, r)
}

func (s *bucketServer) refuse(deny func(*http.Request) bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.deny = deny
}
