//go:build linux

package storage

import (
	"context"
	"errors"
	"io"
	"net/http"
	"sync/atomic"
	"testing"
	"time"
)

// A move may get through although its answer does not. The server then knows no file to be moved.
func TestLostAnswersOfMoves(t *testing.T) {
	for _, p := range faulty() {
		if !p.folders {
			continue
		}
		for _, times := range []int32{1, 2} { // one move, and two: of Onedata the second is that of the former file
			t.Run(p.name, func(t *testing.T) {
				var lost atomic.Int32
				s := p.run(t, func(next http.Handler) http.Handler {
					return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
						isMove := r.Method == "MOVE" || r.Method == http.MethodPut && r.Header.Get("Content-Type") == cdmiObject
						if isMove && lost.Add(1) <= times {
							next.ServeHTTP(&recorder{header: http.Header{}}, r)
							panic(http.ErrAbortHandler)
						}
						next.ServeHTTP(w, r)
					})
				})
				s.put(t, "k", content(1, 1000))
				lost.Store(0)
				s.put(t, "k", content(2, 1000)) // of the same size
				s.expect(t, "k", content(2, 1000))
				if lost.Load() <= times {
					t.Errorf("%d moves", lost.Load())
				}
			})
		}
	}
}

// A server that says that it has stored a file, and has stored a part of it, is not believed.
func TestFilesStoredInPartAreNoticed(t *testing.T) {
	for _, p := range faulty() {
		t.Run(p.name, func(t *testing.T) {
			s := p.run(t, func(next http.Handler) http.Handler {
				return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					if r.Method == http.MethodPut && r.ContentLength == 5000 {
						whole := r.Body
						r.ContentLength = 2500
						r.Header.Set("Content-Length", "2500")
						r.Body = io.NopCloser(io.LimitReader(whole, 2500))
						defer func() { _, _ = io.Copy(io.Discard, whole) }()
					}
					next.ServeHTTP(w, r)
				})
			})
			if _, err := s.store(t).Upload(t.Context(), s.bucket, "folder/k", file(t, content(1, 5000))); err == nil {
				t.Error("the upload is a success")
			}
			if _, err := s.fetch(t, "folder/k"); !errors.Is(err, ErrNotExist) {
				t.Errorf("download: %v", err)
			}
		})
	}
}

// What is undone when the time is up has its little time together, however much it is.
func TestCleaningUpHasOneEnd(t *testing.T) {
	deadline := time.Now().Add(-abortTimeout / 2)
	ctx, cancel := context.WithDeadline(t.Context(), deadline)
	defer cancel()
	for range 2 {
		clean, cancel := cleanup(ctx)
		defer cancel()
		if end, ok := clean.Deadline(); !ok || !end.Equal(deadline.Add(abortTimeout)) || clean.Err() != nil {
			t.Errorf("it ends %s after the deadline, %v", end.Sub(deadline), clean.Err())
		}
	}
}
