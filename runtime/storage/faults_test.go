//go:build linux

package storage

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// faulty are the places whose handlers can be made to fail.
func faulty() []place {
	var all []place
	for _, p := range places() {
		if p.name != "s3.moto" && p.name != "webdav.apache" {
			all = append(all, p)
		}
	}
	return all
}

// transfers is one of each direction.
func transfers(t *testing.T) map[string]func(context.Context, Store, string) error {
	path := file(t, content(3, 100_000))
	return map[string]func(context.Context, Store, string) error{
		"upload": func(ctx context.Context, s Store, bucket string) error {
			_, err := s.Upload(ctx, bucket, "folder/k", path)
			return err
		},
		"download": func(ctx context.Context, s Store, bucket string) error {
			_, err := s.Download(ctx, bucket, "folder/k", filepath.Join(t.TempDir(), "k"), anySize)
			return err
		},
	}
}

// stall never answers.
func stall(came chan<- struct{}) func(http.Handler) http.Handler {
	return func(http.Handler) http.Handler {
		return http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			came <- struct{}{}
			<-r.Context().Done()
		})
	}
}

// failing answers the first calls with a status.
func failing(times int32, status int) (func(http.Handler) http.Handler, *atomic.Int32) {
	var calls atomic.Int32
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if calls.Add(1) <= times {
				_, _ = io.Copy(io.Discard, r.Body)
				w.WriteHeader(status)
				return
			}
			next.ServeHTTP(w, r)
		})
	}, &calls
}

func TestBusyServersAreAskedAgain(t *testing.T) {
	for _, p := range faulty() {
		for _, status := range []int{500, 503, 429} {
			t.Run(p.name+"/"+strconv.Itoa(status), func(t *testing.T) {
				wrap, calls := failing(2, status)
				s := p.run(t, wrap)
				want := content(1, 1000)
				s.put(t, "k", want)
				calls.Store(0)
				s.expect(t, "k", want)
			})
		}
		if !strings.HasPrefix(p.name, "s3") && !strings.HasPrefix(p.name, "minio") {
			t.Run(p.name+"/locked", func(t *testing.T) {
				wrap, _ := failing(2, http.StatusLocked)
				s := p.run(t, wrap)
				s.put(t, "k", content(1, 1000))
				s.expect(t, "k", content(1, 1000))
			})
		}
		t.Run(p.name+"/always", func(t *testing.T) {
			wrap, calls := failing(1<<30, 503)
			store := p.run(t, wrap).store(t)
			for name, transfer := range transfers(t) {
				calls.Store(0)
				err := transfer(t.Context(), store, p.bucket)
				if err == nil || errors.Is(err, ErrNotExist) {
					t.Errorf("%s: %v", name, err)
				}
				if n := calls.Load(); n < attempts || n > 3*attempts { // one more call may be cleaning up
					t.Errorf("%s: %d calls", name, n)
				}
			}
		})
	}
}

// breaking cuts the first answers to downloads, or all, after half of the content.
type breaking struct {
	times int32 // how many
	close bool  // the connection, and not only the content
	calls atomic.Int32
}

func (b *breaking) wrap(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet || r.Header.Get("X-Cdmi-Specification-Version") != "" || b.calls.Add(1) > b.times {
			next.ServeHTTP(w, r)
			return
		}
		whole := &recorder{header: http.Header{}}
		next.ServeHTTP(whole, r)
		for name, values := range whole.header {
			w.Header()[name] = values
		}
		half := whole.body.Bytes()[:whole.body.Len()/2]
		if b.close {
			w.Header().Set("Content-Length", strconv.Itoa(whole.body.Len()))
		} else {
			w.Header().Set("Content-Length", strconv.Itoa(len(half)))
		}
		w.WriteHeader(max(whole.status, 200))
		_, _ = w.Write(half)
		if b.close {
			panic(http.ErrAbortHandler)
		}
	})
}

// recorder keeps an answer.
type recorder struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (r *recorder) Header() http.Header         { return r.header }
func (r *recorder) WriteHeader(status int)      { r.status = status }
func (r *recorder) Write(p []byte) (int, error) { return r.body.Write(p) }

func TestDroppedConnectionsBeginAnew(t *testing.T) {
	for _, p := range faulty() {
		t.Run(p.name, func(t *testing.T) {
			b := &breaking{times: 2, close: true}
			s := p.run(t, b.wrap)
			want := content(1, 300_000)
			s.put(t, "k", want)
			b.calls.Store(0)
			s.expect(t, "k", want)
			b.times = 1 << 30
			if _, err := s.fetch(t, "k"); err == nil || !strings.Contains(err.Error(), "broke off") {
				t.Errorf("a connection that always breaks: %v", err)
			}
		})
	}
}

// A server whose answer has fewer bytes than the object, and says so, can be noticed by a checksum only.
func TestTruncatedAnswersAreNoticed(t *testing.T) {
	for _, p := range faulty() {
		if p.bucket == "" {
			continue // nothing but the length is known
		}
		t.Run(p.name, func(t *testing.T) {
			b := &breaking{times: 1 << 30}
			s := p.run(t, b.wrap)
			s.put(t, "k", content(1, 300_000))
			if _, err := s.fetch(t, "k"); err == nil || !strings.Contains(err.Error(), "checksum") {
				t.Errorf("error is %v", err)
			}
		})
	}
}

func TestWrongChecksumsAreNoticed(t *testing.T) {
	for _, p := range faulty() {
		if p.lie == nil {
			continue
		}
		t.Run(p.name, func(t *testing.T) {
			s := p.run(t, func(next http.Handler) http.Handler {
				return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					l := &liar{ResponseWriter: w, lie: p.lie, method: r.Method}
					next.ServeHTTP(l, r)
					if !l.told {
						l.WriteHeader(http.StatusOK)
					}
				})
			})
			path := file(t, content(1, 1000))
			_, err := s.store(t).Upload(t.Context(), s.bucket, "k", path)
			if p.name == "s3.fake" {
				if err == nil || !strings.Contains(err.Error(), "checksum") {
					t.Errorf("upload: %v", err)
				}
			} else if err != nil {
				t.Fatal(err)
			}
			if _, err := s.fetch(t, "k"); err == nil || !strings.Contains(err.Error(), "checksum") {
				t.Errorf("download: %v", err)
			}
		})
	}
}

// liar changes the headers of answers to PUT and GET.
type liar struct {
	http.ResponseWriter
	lie    func(http.Header)
	method string
	told   bool
}

func (l *liar) WriteHeader(status int) {
	if !l.told && (l.method == http.MethodGet || l.method == http.MethodPut) {
		l.lie(l.Header())
	}
	l.told = true
	l.ResponseWriter.WriteHeader(status)
}

func (l *liar) Write(p []byte) (int, error) {
	if !l.told {
		l.WriteHeader(http.StatusOK)
	}
	return l.ResponseWriter.Write(p)
}

// Between two invocations servers close connections that nobody uses. The next call opens others.
func TestConnectionsThatDiedAreReplaced(t *testing.T) {
	for _, p := range faulty() {
		t.Run(p.name, func(t *testing.T) {
			s := p.run(t, nil)
			for i := range 5 {
				want := content(byte(i), 2<<20)
				s.put(t, "folder/k", want)
				s.front.CloseClientConnections()
				s.expect(t, "folder/k", want)
				s.front.CloseClientConnections()
			}
		})
	}
}

// What is stored under a key is the old file until the new one is there as a whole.
func TestNobodySeesAPart(t *testing.T) {
	for _, p := range faulty() {
		t.Run(p.name, func(t *testing.T) {
			gate := &gate{reached: make(chan struct{}), open: make(chan struct{})}
			s := p.run(t, gate.wrap)
			old := content(1, 500_000)
			s.put(t, "folder/k", old)
			gate.armed.Store(true)
			done := make(chan error, 1)
			store := s.store(t)
			next := content(2, 3<<20)
			path := file(t, next)
			go func() {
				_, err := store.Upload(t.Context(), s.bucket, "folder/k", path)
				done <- err
			}()
			<-gate.reached
			s.expect(t, "folder/k", old)
			close(gate.open)
			if err := <-done; err != nil {
				t.Fatal(err)
			}
			s.expect(t, "folder/k", next)
		})
	}
}

// gate holds the next upload when a part of it has arrived.
type gate struct {
	armed         atomic.Bool
	reached, open chan struct{}
}

func (g *gate) wrap(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPut && r.ContentLength > 1<<20 && g.armed.CompareAndSwap(true, false) {
			r.Body = &gated{ReadCloser: r.Body, gate: g}
		}
		next.ServeHTTP(w, r)
	})
}

type gated struct {
	io.ReadCloser
	gate *gate
	read int
	once sync.Once
}

func (g *gated) Read(p []byte) (int, error) {
	n, err := g.ReadCloser.Read(p)
	if g.read += n; g.read > 1<<20 {
		g.once.Do(func() {
			close(g.gate.reached)
			<-g.gate.open
		})
	}
	return n, err
}

// Failed uploads leave nothing behind, neither here nor there.
func TestNothingIsLeft(t *testing.T) {
	for _, p := range faulty() {
		t.Run(p.name, func(t *testing.T) {
			wrap, calls := failing(0, 0)
			s := p.run(t, wrap)
			path := file(t, content(1, 2000))
			use := func() {
				s.put(t, "k", content(1, 2000))
				s.expect(t, "k", content(1, 2000))
				_, _ = s.fetch(t, "none")
				ctx, cancel := context.WithCancel(t.Context())
				cancel()
				if _, err := s.store(t).Upload(ctx, s.bucket, "k", path); !errors.Is(err, context.Canceled) {
					t.Error(err)
				}
				s.stores.Close()
			}
			use()
			goroutines, files := settle(t, 0, 0, 2*time.Second)
			for range 20 {
				use()
			}
			if g, f := settle(t, goroutines, files, time.Minute); g > goroutines || f > files {
				t.Errorf("%d goroutines and %d descriptors have become %d and %d", goroutines, files, g, f)
			}
			if calls.Load() == 0 {
				t.Error("nothing was called")
			}
		})
	}
}

// settle counts goroutines and descriptors once there are as few as wanted, or when the patience ends.
func settle(t *testing.T, goroutines, files int, patience time.Duration) (int, int) {
	t.Helper()
	deadline := time.Now().Add(patience)
	for {
		open, err := os.ReadDir("/proc/self/fd")
		if err != nil {
			t.Fatal(err)
		}
		g, f := runtime.NumGoroutine(), len(open)
		if g <= goroutines && f <= files || time.Now().After(deadline) {
			return g, f
		}
		time.Sleep(10 * time.Millisecond)
	}
}
