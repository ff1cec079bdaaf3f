//go:build linux

package storage

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
)

// A server may send more than it has said that there is, without end.
func TestEndlessBodiesEnd(t *testing.T) {
	handler, _ := startPlainWebDAV(t)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet {
			handler.ServeHTTP(w, r)
			return
		}
		for r.Context().Err() == nil {
			if _, err := w.Write(make([]byte, 64<<10)); err != nil {
				return
			}
		}
	}))
	defer server.Close()
	store := &webDAV{webOf(t, server.URL, nobody{})}
	if _, err := store.Upload(t.Context(), "", "k", file(t, []byte("content"))); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "k")
	_, err := store.Download(t.Context(), "", "k", path, anySize)
	if err == nil || !strings.Contains(err.Error(), "more than the 7 bytes") {
		t.Errorf("error is %v", err)
	}
	if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a file is left: %v", err)
	}
}

// Another host to which a server redirects has no say in how that server is logged in at.
func TestChallengesOfOtherHostsAreNotAnswered(t *testing.T) {
	elsewhere := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("WWW-Authenticate", "Basic")
		w.WriteHeader(http.StatusUnauthorized)
	}))
	defer elsewhere.Close()
	var shown atomic.Bool
	home := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "" {
			shown.Store(true)
		}
		http.Redirect(w, r, elsewhere.URL+"/k", http.StatusFound)
	}))
	defer home.Close()
	store := &webDAV{webOf(t, home.URL, newPassword("u", "p", false))}
	_, err := store.Download(t.Context(), "", "k", filepath.Join(t.TempDir(), "k"), anySize)
	if err == nil || shown.Load() {
		t.Errorf("error is %v, the password was sent: %v", err, shown.Load())
	}
}

func TestRedirectsToTheOwnMachineAreNotFollowed(t *testing.T) {
	for _, c := range []struct {
		from, to string
		good     bool
	}{
		{"https://dav.example.org/k", "https://pool.example.org/k", true},
		{"https://dav.example.org/k", "https://10.0.0.7/k", true}, // of a network of the user's own
		{"http://127.0.0.1:8080/k", "http://127.0.0.1:9000/k", true},
		{"https://dav.example.org/k", "http://127.0.0.1:9001/2018-06-01/runtime/invocation/next", false},
		{"https://dav.example.org/k", "http://localhost:9001/k", false},
		{"https://dav.example.org/k", "http://a.LOCALHOST./k", false},
		{"https://dav.example.org/k", "http://[::1]/k", false},
		{"https://dav.example.org/k", "http://[::ffff:127.0.0.1]/k", false},
		{"https://dav.example.org/k", "http://169.254.169.254/latest/meta-data/", false},
		{"https://dav.example.org/k", "http://0.0.0.0/k", false},
	} {
		from, err := url.Parse(c.from)
		if err != nil {
			t.Fatal(err)
		}
		to, err := url.Parse(c.to)
		if err != nil {
			t.Fatal(err)
		}
		err = safeRedirect(&http.Request{Method: http.MethodGet, URL: to, Header: http.Header{}}, []*http.Request{{Method: http.MethodGet, URL: from}})
		if (err == nil) != c.good {
			t.Errorf("%s to %s: %v", c.from, c.to, err)
		}
	}
}

// An answer may be of those that mean success, and say that a move or a removal is not done.
func TestHalfSuccessesAreNone(t *testing.T) {
	for _, p := range faulty() {
		if !p.folders {
			continue
		}
		for _, status := range []int{http.StatusAccepted, http.StatusMultiStatus} {
			s := p.run(t, func(next http.Handler) http.Handler {
				return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					if r.Method == "MOVE" || r.Header.Get("Content-Type") == cdmiObject || r.Method == http.MethodDelete {
						_, _ = io.Copy(io.Discard, r.Body)
						w.WriteHeader(status)
						return
					}
					next.ServeHTTP(w, r)
				})
			})
			_, err := s.store(t).Upload(t.Context(), s.bucket, "k", file(t, []byte("content")))
			if err == nil {
				t.Errorf("%s: %d is a success", p.name, status)
			}
			if p.name == "webdav.go" && status == http.StatusMultiStatus && !strings.Contains(err.Error(), "stays behind") {
				t.Errorf("%s: %v", p.name, err)
			}
		}
	}
}
