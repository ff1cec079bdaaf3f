package local

import (
	"context"
	"errors"
	"net"
	"net/http"
	"sync"
	"time"
)

const (
	headerTimeout = 10 * time.Second
	shutdownGrace = 2 * time.Second
)

// newServer returns a server that, when it is shut down, waits for calls and not for connections on
// which nothing was ever sent. Clients dial ahead, and http.Server takes such connections for busy ones.
func newServer(h http.Handler) *http.Server {
	silent := &silentConns{conns: map[net.Conn]struct{}{}}
	server := &http.Server{Handler: h, ReadHeaderTimeout: headerTimeout, ConnState: silent.track}
	server.RegisterOnShutdown(silent.close)
	return server
}

// shutDown lets calls finish for a moment and cuts off what is still under way then.
func shutDown(ctx context.Context, server *http.Server, grace time.Duration) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), grace)
	defer cancel()
	err := server.Shutdown(ctx)
	if errors.Is(err, context.DeadlineExceeded) {
		return server.Close()
	}
	return err
}

// silentConns are the connections of a server on which nothing has arrived yet.
type silentConns struct {
	mu     sync.Mutex
	conns  map[net.Conn]struct{}
	closed bool
}

// track is the server's ConnState.
func (s *silentConns) track(c net.Conn, state http.ConnState) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case state != http.StateNew:
		delete(s.conns, c)
	case s.closed:
		_ = c.Close() // accepted in the moment of the shutdown; there is nobody to tell
	default:
		s.conns[c] = struct{}{}
	}
}

// close closes them, and those that come later.
func (s *silentConns) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	for c := range s.conns {
		_ = c.Close() // there is nobody to tell
	}
}
