package storage

import (
	"bytes"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/scar-go/scar/runtime/job"
)

// A redirect takes no credentials to another host, of whatever provider.
func TestCredentialsStayWithTheirHost(t *testing.T) {
	var leaked atomic.Value
	leaked.Store("")
	elsewhere := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for name := range r.Header {
			if name == "Authorization" || strings.HasPrefix(name, "X-A") {
				leaked.Store(name)
			}
		}
		_, _ = io.WriteString(w, "content")
	}))
	defer elsewhere.Close()
	home := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization")+r.Header.Get(tokenHeader) == "" {
			w.Header().Set("WWW-Authenticate", "Basic")
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		http.Redirect(w, r, elsewhere.URL+"/pool/k?token=geheim", http.StatusTemporaryRedirect)
	}))
	defer home.Close()
	providers := map[string]job.Provider{
		"webdav.a":  {Type: job.WebDAV, Endpoint: home.URL, User: text("u"), Password: text("p")},
		"onedata.b": {Type: job.Onedata, Endpoint: home.URL, Space: "s", Token: text("t")},
		"s3.c":      {Type: job.S3, Endpoint: home.URL},
	}
	stores := New(Options{Getenv: environment(""), Providers: providers})
	stores.retries.first = 1
	defer stores.Close()
	path := file(t, []byte("content"))
	for name, p := range providers {
		store, err := stores.Open(t.Context(), name)
		if err != nil {
			t.Fatal(err)
		}
		where := ""
		if p.Type == job.S3 {
			where = bucket
		}
		_, err = store.Download(t.Context(), where, "k", filepath.Join(t.TempDir(), "k"), anySize)
		if (err == nil) != (p.Type != job.S3) {
			t.Errorf("%s: download: %v", name, err)
		}
		_, err = store.Upload(t.Context(), where, "k", path)
		if err == nil || strings.Contains(err.Error(), "geheim") {
			t.Errorf("%s: upload: %v", name, err)
		}
	}
	if name := leaked.Load(); name != "" {
		t.Errorf("%s went to another host", name)
	}
}

func TestEndlessRedirectsEnd(t *testing.T) {
	var calls int
	var server *httptest.Server
	server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		calls++
		http.Redirect(w, r, server.URL+"/again", http.StatusFound)
	}))
	defer server.Close()
	w := webOf(t, server.URL, nobody{})
	if _, err := w.get(t.Context(), call{method: http.MethodGet, path: "k"}); err == nil || !strings.Contains(err.Error(), "redirects") {
		t.Errorf("error is %v", err)
	}
	if calls > attempts*(maxRedirects+1) {
		t.Errorf("%d calls", calls)
	}
}

// A certificate that nobody vouches for is an error at once, and nothing is sent.
func TestCertificatesAreVerified(t *testing.T) {
	var calls, handshakes atomic.Int32
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { calls.Add(1) }))
	server.Config.ErrorLog = quiet()
	server.Config.ConnState = func(_ net.Conn, s http.ConnState) {
		if s == http.StateNew {
			handshakes.Add(1)
		}
	}
	server.StartTLS()
	defer server.Close()
	stores := New(Options{Getenv: environment(""), Providers: map[string]job.Provider{
		"webdav.a": {Type: job.WebDAV, Endpoint: server.URL, User: text("u"), Password: text("p")},
		"s3.c":     {Type: job.S3, Endpoint: server.URL},
	}})
	defer stores.Close()
	for name := range stores.options.Providers {
		store, err := stores.Open(t.Context(), name)
		if err != nil {
			t.Fatal(err)
		}
		where := ""
		if name == "s3.c" {
			where = bucket
		}
		handshakes.Store(0)
		if _, err := store.Download(t.Context(), where, "k", filepath.Join(t.TempDir(), "k"), anySize); err == nil || !strings.Contains(err.Error(), "certificate") {
			t.Errorf("%s: %v", name, err)
		}
		if n := handshakes.Load(); n != 1 {
			t.Errorf("%s: %d attempts", name, n)
		}
	}
	if calls.Load() != 0 {
		t.Error("something was sent")
	}
}

// Connections are used again, by all stores of a server, and there are never more than the limit.
func TestConnectionsAreShared(t *testing.T) {
	var made, open, most atomic.Int32
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("ETag", `"e"`)
	}))
	server.Config.ConnState = func(_ net.Conn, s http.ConnState) {
		switch s {
		case http.StateNew:
			made.Add(1)
			most.Store(max(most.Load(), open.Add(1)))
		case http.StateClosed:
			open.Add(-1)
		}
	}
	server.Start()
	defer server.Close()
	stores := New(Options{Getenv: environment(server.URL), Providers: map[string]job.Provider{
		"s3.c": {Type: job.S3, Endpoint: server.URL},
	}})
	defer stores.Close()
	path := file(t, content(1, 1000))
	var group errgroup.Group
	group.SetLimit(4 * connections)
	for i := range 40 * connections {
		group.Go(func() error {
			store, err := stores.Open(t.Context(), []string{job.OwnS3, "s3.c"}[i%2])
			if err != nil {
				return err
			}
			_, err = store.Upload(t.Context(), bucket, "k", path)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		t.Fatal(err)
	}
	if most.Load() > connections || made.Load() > connections+2 {
		t.Errorf("%d connections were made, %d at once", made.Load(), most.Load())
	}
}

// Moving a large file by plain HTTP takes a fixed amount of memory too.
func TestWebTakesLittleMemory(t *testing.T) {
	const size = 64 << 20
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		switch r.Method {
		case http.MethodGet:
			w.Header().Set("Content-Length", "67108864")
			_, _ = io.Copy(w, io.LimitReader(zero{}, size))
		case "PROPFIND":
			w.WriteHeader(http.StatusMultiStatus)
			_, _ = io.WriteString(w, strings.Replace(strings.Replace(oneFile, ">12<", ">67108864<", 1), "SHA1:ab", "", 1))
		default:
			w.WriteHeader(http.StatusCreated)
		}
	}))
	defer server.Close()
	store := &webDAV{webOf(t, server.URL, nobody{})}
	path, _ := randomFile(t, size)
	for name, move := range map[string]func() error{
		"upload":   func() error { _, err := store.Upload(t.Context(), "", "k", path); return err },
		"download": func() error { _, err := store.Download(t.Context(), "", "k", path+"2", anySize); return err },
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		if err := move(); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		runtime.ReadMemStats(&after)
		if took := after.TotalAlloc - before.TotalAlloc; took > 4<<20 {
			t.Errorf("%s of %d MB allocated %d MB", name, size>>20, took>>20)
		}
	}
}

type zero struct{}

func (zero) Read(p []byte) (int, error) { clear(p); return len(p), nil }

func TestPausesDouble(t *testing.T) {
	r := retries{first: 100 * time.Millisecond}
	for attempt, longest := range map[int]time.Duration{0: 100, 1: 100, 2: 200, 3: 400} {
		for range 100 {
			if p := r.pause(attempt); p < longest*time.Millisecond/2 || p > longest*time.Millisecond {
				t.Errorf("after attempt %d: %v", attempt, p)
			}
		}
	}
	for header, want := range map[string]time.Duration{"": 0, "2": 2 * time.Second, "9999999999999": longestAsked, "86400": longestAsked, "-1": 0, "Wed, 21 Oct 2015 07:28:00 GMT": 0} {
		if got := askedPause(http.Header{"Retry-After": {header}}); got != want && !(header == "9999999999999" && got == 0) {
			t.Errorf("Retry-After %q: %v", header, got)
		}
	}
}

// Servers that cannot do what an upload needs are told from those that fail.
func TestServersThatCannotMove(t *testing.T) {
	handler, _ := startPlainWebDAV(t)
	var removed atomic.Bool
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.Method {
		case "MOVE":
			w.WriteHeader(http.StatusMethodNotAllowed)
			return
		case http.MethodDelete:
			removed.Store(true)
		}
		handler.ServeHTTP(w, r)
	}))
	defer server.Close()
	store := &webDAV{webOf(t, server.URL, nobody{})}
	_, err := store.Upload(t.Context(), "", "k", file(t, []byte("content")))
	if err == nil || !strings.Contains(err.Error(), "no MOVE") || !removed.Load() {
		t.Errorf("error is %v, removed: %v", err, removed.Load())
	}
	if _, err := store.Download(t.Context(), "", "k", filepath.Join(t.TempDir(), "k"), anySize); !errors.Is(err, ErrNotExist) {
		t.Errorf("download: %v", err)
	}
}

// A server may not say how long a file is when it sends it: it is asked.
func TestUnknownLengths(t *testing.T) {
	handler, _ := startPlainWebDAV(t)
	var size int64 = 7
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet {
			_, _ = io.WriteString(w, "con")
			_ = http.NewResponseController(w).Flush()
			_, _ = io.WriteString(w, "tent")
			return
		}
		handler.ServeHTTP(w, r)
	}))
	defer server.Close()
	store := &webDAV{webOf(t, server.URL, nobody{})}
	if _, err := store.Upload(t.Context(), "", "k", file(t, []byte("content"))); err != nil {
		t.Fatal(err)
	}
	object, err := store.Download(t.Context(), "", "k", filepath.Join(t.TempDir(), "k"), anySize)
	if err != nil || object.Size != size {
		t.Errorf("%+v, %v", object, err)
	}
	if _, err := store.Upload(t.Context(), "", "k", file(t, bytes.Repeat([]byte("x"), 9))); err != nil {
		t.Fatal(err)
	}
	if _, err := store.Download(t.Context(), "", "k", filepath.Join(t.TempDir(), "k"), anySize); err == nil {
		t.Error("7 of 9 bytes are a whole file")
	}
}
