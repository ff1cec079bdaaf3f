package image

import (
	"bytes"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// spy is a real registry that counts what it is asked for and can be made to fail.
type spy struct {
	*httptest.Server
	mu       sync.Mutex
	requests []string // method and path
	received int64    // bytes of bodies of uploads
	fail     func(w http.ResponseWriter, r *http.Request) bool
}

// newSpy starts a registry. around, if not nil, wraps its handler.
func newSpy(t *testing.T, around func(http.Handler) http.Handler) *spy {
	t.Helper()
	s := &spy{}
	s.Server = httptest.NewServer(s.handler(around))
	t.Cleanup(s.Close)
	return s
}

func newTLSSpy(t *testing.T, around func(http.Handler) http.Handler) *spy {
	t.Helper()
	s := &spy{}
	s.Server = httptest.NewUnstartedServer(s.handler(around))
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.StartTLS()
	t.Cleanup(s.Close)
	return s
}

func (s *spy) handler(around func(http.Handler) http.Handler) http.Handler {
	var inner http.Handler = registry.New(registry.Logger(log.New(io.Discard, "", 0)))
	if around != nil {
		inner = around(inner)
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		s.requests = append(s.requests, r.Method+" "+r.URL.Path)
		fail := s.fail
		s.mu.Unlock()
		r.Body = &countedBody{r.Body, s}
		if fail != nil && fail(w, r) {
			return
		}
		inner.ServeHTTP(w, r)
	})
}

type countedBody struct {
	io.ReadCloser
	spy *spy
}

func (c *countedBody) Read(p []byte) (int, error) {
	n, err := c.ReadCloser.Read(p)
	c.spy.mu.Lock()
	defer c.spy.mu.Unlock()
	c.spy.received += int64(n)
	return n, err
}

func (s *spy) host() string {
	_, host, _ := strings.Cut(s.URL, "://")
	return host
}

func (s *spy) ref(name string) string { return s.host() + "/" + name }

func (s *spy) target(repository string) Target {
	return Target{Host: s.host(), Repository: repository, Transport: s.Client().Transport}
}

func (s *spy) failWith(fail func(w http.ResponseWriter, r *http.Request) bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fail = fail
}

// reset forgets what was counted.
func (s *spy) reset() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests, s.received = nil, 0
}

func (s *spy) bytes() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.received
}

// seen are the requests of a method to paths that hold a string.
func (s *spy) seen(method, part string) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var seen []string
	for _, r := range s.requests {
		if strings.HasPrefix(r, method+" ") && strings.Contains(r, part) {
			seen = append(seen, r)
		}
	}
	return seen
}

// put stores bytes in the registry as a blob or a manifest.
func (s *spy) put(t *testing.T, path, mediaType string, content []byte) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPut, s.URL+path, bytes.NewReader(content))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", mediaType)
	resp, err := s.Client().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode/100 != 2 {
		b, _ := io.ReadAll(resp.Body)
		t.Fatalf("PUT %s: %s %s", path, resp.Status, b)
	}
}

func (s *spy) putBlob(t *testing.T, repo string, content []byte) v1.Hash {
	t.Helper()
	resp, err := s.Client().Post(s.URL+"/v2/"+repo+"/blobs/uploads/", "", nil)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	digest := digestOf(content)
	s.put(t, resp.Header.Get("Location")+"?digest="+digest.String(), "application/octet-stream", content)
	return digest
}
