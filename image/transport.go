package image

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/google/go-containerregistry/pkg/v1/remote"
)

// The one retry policy for registries: what a server or a connection does wrong for a moment is tried
// a few times, a little later each time, until the context ends.
const (
	tries      = 4
	firstDelay = 250 * time.Millisecond
	maxDelay   = 20 * time.Second // also for what a Retry-After header asks for
)

// pause waits before the attempt after the given one, counted from 0. It waits at least as long as the
// server asked for, and ends with the context.
func pause(ctx context.Context, attempt int, asked time.Duration) error {
	delay := firstDelay << attempt
	delay = delay/2 + rand.N(delay)
	timer := time.NewTimer(min(max(delay, asked), maxDelay))
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

// transport sends requests to registries: it repeats what failed for a moment, and sends nothing in the
// clear over a network.
type transport struct {
	inner     http.RoundTripper
	plainHTTP bool // plain HTTP is wanted, to whatever host
}

func newTransport(inner http.RoundTripper, plainHTTP bool) *transport {
	if inner == nil {
		inner = remote.DefaultTransport
	}
	return &transport{inner: inner, plainHTTP: plainHTTP}
}

// RoundTrip implements [http.RoundTripper].
func (t *transport) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.URL.Scheme == "http" && !t.plainHTTP && !loopback(req.URL.Host) {
		if req.Body != nil {
			_ = req.Body.Close() // as the interface asks; nothing of it was sent
		}
		return nil, fmt.Errorf("plain HTTP to %s is refused: only registries on this machine may be without TLS", req.URL.Host)
	}
	// The bytes of a blob cannot be sent twice into the same upload: the whole upload starts anew,
	// which is not for here to do.
	if req.Method == http.MethodPatch {
		return t.upload(req)
	}
	for attempt := 0; ; attempt++ {
		resp, err := t.inner.RoundTrip(req)
		if attempt == tries-1 || !repeatable(req) || !passing(resp, err) || req.Context().Err() != nil {
			return resp, err
		}
		var asked time.Duration
		if resp != nil {
			asked = retryAfter(resp)
			discard(resp)
		}
		if err := pause(req.Context(), attempt, asked); err != nil {
			return nil, err
		}
		if req, err = again(req); err != nil {
			return nil, err
		}
	}
}

// brokenUpload is the failure, for a moment, of the request that carries a blob.
type brokenUpload struct {
	cause error
	asked time.Duration // to wait, by the server's wish
}

func (b *brokenUpload) Error() string { return b.cause.Error() }
func (b *brokenUpload) Unwrap() error { return b.cause }

func (t *transport) upload(req *http.Request) (*http.Response, error) {
	resp, err := t.inner.RoundTrip(req)
	if !passing(resp, err) {
		return resp, err
	}
	if err == nil {
		defer discard(resp)
		return nil, &brokenUpload{cause: fmt.Errorf("%s answered %s", req.URL.Host, resp.Status), asked: retryAfter(resp)}
	}
	return nil, &brokenUpload{cause: err}
}

func repeatable(req *http.Request) bool {
	return req.Body == nil || req.Body == http.NoBody || req.GetBody != nil
}

func again(req *http.Request) (*http.Request, error) {
	next := req.Clone(req.Context())
	if req.GetBody == nil {
		return next, nil
	}
	body, err := req.GetBody()
	if err != nil {
		return nil, err
	}
	next.Body = body
	return next, nil
}

// passing reports whether an answer or an error is one that may be gone in a moment. A refused
// connection or an unknown host is not: the user should hear of it at once.
func passing(resp *http.Response, err error) bool {
	if err != nil {
		return errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE) ||
			errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) ||
			errors.Is(err, net.ErrClosed) || // the server hung up while a body was being sent
			strings.Contains(err.Error(), "server closed idle connection") // net/http does not export this one
	}
	switch resp.StatusCode {
	case http.StatusTooManyRequests, http.StatusRequestTimeout, http.StatusInternalServerError,
		http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return true
	}
	return false
}

func retryAfter(resp *http.Response) time.Duration {
	seconds, err := strconv.Atoi(resp.Header.Get("Retry-After"))
	if err != nil || seconds < 0 {
		return 0
	}
	return min(time.Duration(seconds)*time.Second, maxDelay)
}

// discard lets go of an answer in a way that keeps its connection where that is cheap.
func discard(resp *http.Response) {
	_, _ = io.CopyN(io.Discard, resp.Body, 64<<10) // whatever cannot be read is of no use to anyone
	_ = resp.Body.Close()
}

// loopback reports whether a host, with or without a port, is this machine.
func loopback(host string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	if host == "localhost" || strings.HasSuffix(host, ".localhost") {
		return true
	}
	ip := net.ParseIP(strings.Trim(host, "[]"))
	return ip != nil && ip.IsLoopback()
}
