package transfer

import (
	"context"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
)

type movedKey struct{}

// withMoved has moved told of the bytes of files that calls of this context carry, through a transport of Counting.
func withMoved(ctx context.Context, moved func(int64)) context.Context {
	return context.WithValue(ctx, movedKey{}, moved)
}

// Counting counts the bytes of files that calls send and receive, for progress. A call that fails takes back what it counted.
func Counting(next http.RoundTripper) http.RoundTripper { return counting{next} }

type counting struct{ next http.RoundTripper }

// RoundTrip implements http.RoundTripper.
func (c counting) RoundTrip(r *http.Request) (*http.Response, error) {
	moved, told := r.Context().Value(movedKey{}).(func(int64))
	switch {
	case told && r.Method == http.MethodPut && r.Body != nil && r.Body != http.NoBody:
		return c.send(r, moved)
	case told && r.Method == http.MethodGet:
		response, err := c.next.RoundTrip(r)
		if err == nil && response.StatusCode/100 == 2 {
			response.Body = &countedBody{ReadCloser: response.Body, counter: counter{moved: moved}}
		}
		return response, err
	}
	return c.next.RoundTrip(r)
}

func (c counting) send(r *http.Request, moved func(int64)) (*http.Response, error) {
	sent := &countedBody{ReadCloser: r.Body, counter: counter{moved: moved}}
	again := r.Clone(r.Context()) // a request is its caller's
	again.Body = sent
	response, err := c.next.RoundTrip(again)
	if err != nil || response.StatusCode/100 != 2 {
		sent.takeBack()
	}
	return response, err
}

// counter counts what was moved. A transport may read a body for a while after it has answered.
type counter struct {
	moved func(int64)
	total atomic.Int64
	over  sync.Once
	ended atomic.Bool
}

func (c *counter) add(n int) {
	if n > 0 && !c.ended.Load() {
		c.total.Add(int64(n))
		c.moved(int64(n))
	}
}

func (c *counter) takeBack() {
	c.over.Do(func() {
		c.ended.Store(true)
		c.moved(-c.total.Load())
	})
}

type countedBody struct {
	io.ReadCloser
	counter
}

// Read implements io.Reader.
func (b *countedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.add(n)
	if err != nil && err != io.EOF {
		b.takeBack()
	}
	return n, err
}
