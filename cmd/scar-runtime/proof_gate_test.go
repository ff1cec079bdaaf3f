package main

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// gate stands before a function's storage. It writes down every call, and a rule may do something else with one than
// serve it.
type gate struct {
	storage http.Handler

	mu    sync.Mutex
	calls []string
	rule  rule
}

// rule says what becomes of a call; nil where it is served as any other. It may be asked for several calls at once.
type rule func(call string) fault

// fault is what happens to a call in place of being served.
type fault func(w http.ResponseWriter, r *http.Request, storage http.Handler)

// atGate puts a gate before the function's storage. It must be called before the runtime is started.
func atGate(f *function, r rule) *gate {
	g := &gate{storage: f.s3.Handler, rule: r}
	f.s3.Handler = g
	return g
}

func (g *gate) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	call := callName(r)
	g.mu.Lock()
	g.calls = append(g.calls, call)
	rule := g.rule
	g.mu.Unlock()
	if rule != nil {
		if f := rule(call); f != nil {
			f(w, r, g.storage)
			return
		}
	}
	g.storage.ServeHTTP(w, r)
}

func (g *gate) set(r rule) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.rule = r
}

func (g *gate) made() []string {
	g.mu.Lock()
	defer g.mu.Unlock()
	return append([]string{}, g.calls...)
}

// callName is the same for a call and its repetitions: method and key, and what of an upload in parts it is.
// Records are named so, since their keys are hashes.
func callName(r *http.Request) string {
	_, key, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	if strings.HasPrefix(key, ".scar/") {
		key = "record"
	}
	name := r.Method + " " + key
	query := r.URL.Query()
	switch {
	case query.Has("uploads"):
		name += " begin"
	case query.Has("partNumber"):
		name += " part " + query.Get("partNumber")
	case query.Has("uploadId") && r.Method == http.MethodPost:
		name += " complete"
	case query.Has("uploadId"):
		name += " abort"
	}
	return name
}

// always does a fault to every call whose name begins so.
func always(prefix string, f fault) rule {
	return func(call string) fault {
		if strings.HasPrefix(call, prefix) {
			return f
		}
		return nil
	}
}

// once does a fault to the first call of this name.
func once(name string, f fault) rule {
	var mu sync.Mutex
	done := false
	return func(call string) fault {
		mu.Lock()
		defer mu.Unlock()
		if done || call != name {
			return nil
		}
		done = true
		return f
	}
}

// refuse answers as S3 does when it will not. It reads the request first, since a client that is still sending may
// lose an answer that comes early.
func refuse(status int, code string) fault {
	return func(w http.ResponseWriter, r *http.Request, _ http.Handler) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", "application/xml")
		w.WriteHeader(status)
		_, _ = fmt.Fprintf(w, "<Error><Code>%s</Code><Message>no</Message></Error>", code)
	}
}

// reset ends the connection as a machine does that has lost it.
func reset(w http.ResponseWriter) {
	conn, _, err := w.(http.Hijacker).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	_ = conn.Close()
}

// cutBefore loses the connection before the call has had an effect.
func cutBefore(w http.ResponseWriter, r *http.Request, _ http.Handler) {
	_, _ = io.Copy(io.Discard, io.LimitReader(r.Body, 1<<20))
	reset(w)
}

// cutAfter loses it when the call has had its effect, and before anybody is told.
func cutAfter(w http.ResponseWriter, r *http.Request, storage http.Handler) {
	storage.ServeHTTP(httptest.NewRecorder(), r)
	reset(w)
}

// half sends the first half of an answer. The rest is missing, by an end of the connection that is in order or by one that is not.
func half(end func(http.ResponseWriter)) fault {
	return func(w http.ResponseWriter, r *http.Request, storage http.Handler) {
		whole := httptest.NewRecorder()
		storage.ServeHTTP(whole, r)
		for name, values := range whole.Header() {
			w.Header()[name] = values
		}
		w.Header().Set("Content-Length", strconv.Itoa(whole.Body.Len()))
		w.WriteHeader(whole.Code)
		_, _ = w.Write(whole.Body.Bytes()[:whole.Body.Len()/2])
		_ = http.NewResponseController(w).Flush()
		end(w)
	}
}

func hangUp(http.ResponseWriter) { panic(http.ErrAbortHandler) }

// hang never answers.
func hang(_ http.ResponseWriter, r *http.Request, _ http.Handler) {
	_, _ = io.Copy(io.Discard, r.Body) // only then does the server see the client go away
	<-r.Context().Done()
}

// trickle sends a byte now and then, of more than will ever arrive.
func trickle(w http.ResponseWriter, r *http.Request, _ http.Handler) {
	w.Header().Set("Content-Length", "1000000")
	for r.Context().Err() == nil {
		_, _ = w.Write([]byte("x"))
		_ = http.NewResponseController(w).Flush()
		select {
		case <-time.After(50 * time.Millisecond):
		case <-r.Context().Done():
		}
	}
}

// alter serves a call and changes headers of its answer.
func alter(header http.Header) fault {
	return func(w http.ResponseWriter, r *http.Request, storage http.Handler) {
		for name, values := range header {
			w.Header()[name] = values
		}
		storage.ServeHTTP(w, r)
	}
}

// answerText answers 200 with a body of its own.
func answerText(body string) fault {
	return func(w http.ResponseWriter, r *http.Request, _ http.Handler) {
		_, _ = io.Copy(io.Discard, r.Body)
		_, _ = io.WriteString(w, body)
	}
}

// uploadsLeft counts uploads in parts that are neither complete nor aborted. S3 keeps their parts, and bills them.
func (g *gate) uploadsLeft() int {
	w := httptest.NewRecorder()
	g.storage.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/"+bucket+"?uploads", nil))
	return strings.Count(w.Body.String(), "<UploadId>")
}

// atOnce runs a test for each case, some at a time. Most of them wait for processes and pauses rather than for a
// processor, so that there may be more than go test runs in parallel by itself.
func atOnce[C any](t *testing.T, limit int, cases []C, name func(C) string, test func(t *testing.T, c C)) {
	t.Helper()
	var all sync.WaitGroup
	places := make(chan struct{}, limit)
	for _, c := range cases {
		places <- struct{}{}
		all.Go(func() {
			defer func() { <-places }()
			t.Run(name(c), func(t *testing.T) { test(t, c) })
		})
	}
	all.Wait()
}

// again starts a new process of the function, as Lambda does when one has died.
func (f *function) again(env ...string) {
	f.t.Helper()
	_ = f.cmd.Process.Kill()
	_ = f.cmd.Wait()
	f.api = newLambdaAPI()
	f.run(env...)
}

// leftovers are the files in the function's /tmp, as the runtime sees it, and the runtime's children.
func (f *function) leftovers() []string {
	f.t.Helper()
	pid := f.cmd.Process.Pid
	entries, err := os.ReadDir(fmt.Sprintf("/proc/%d/root%s/tmp", pid, f.root))
	if err != nil {
		f.t.Errorf("look for files that are left: %v", err)
	}
	var left []string
	for _, e := range entries {
		left = append(left, "file "+e.Name())
	}
	tasks, err := os.ReadDir(fmt.Sprintf("/proc/%d/task", pid))
	if err != nil {
		f.t.Errorf("look for processes that are left: %v", err)
	}
	for _, task := range tasks {
		children, _ := os.ReadFile(fmt.Sprintf("/proc/%d/task/%s/children", pid, task.Name())) // the thread may have ended
		for _, child := range strings.Fields(string(children)) {
			left = append(left, "process "+child)
		}
	}
	return left
}
