package local

import (
	"context"
	"io"
	"net"
	"net/http"
	"testing"
	"testing/synctest"
	"time"
)

// pipes are connections within the process, on which no clock but a test's own matters.
type pipes struct {
	opened chan net.Conn
	ended  chan struct{}
}

func (p *pipes) dial(context.Context, string, string) (net.Conn, error) {
	client, server := net.Pipe()
	p.opened <- server
	return client, nil
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.opened:
		return c, nil
	case <-p.ended:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error {
	close(p.ended)
	return nil
}

func (p *pipes) Addr() net.Addr { return &net.UnixAddr{Name: "pipes", Net: "unix"} }

// TestShutdownWaitsForCallsOnly has a connection on which nothing was sent and a call under way: the
// second is waited for, the first is closed at once: sooner than the five seconds after which http.Server
// gives up such connections by itself.
func TestShutdownWaitsForCallsOnly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begun, finish := make(chan struct{}), make(chan struct{})
		server := newServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			close(begun)
			<-finish
			_, _ = io.WriteString(w, "done") // what arrives is looked at below
		}))
		l := &pipes{opened: make(chan net.Conn), ended: make(chan struct{})}
		served := make(chan error, 1)
		go func() { served <- server.Serve(l) }()

		silent, err := l.dial(t.Context(), "", "")
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = silent.Close() }()
		client := &http.Client{Transport: &http.Transport{DialContext: l.dial}}
		defer client.CloseIdleConnections()
		answered := make(chan string, 1)
		go func() {
			// Connections are accepted in turn: once this call has begun, the silent one is the server's.
			response, err := client.Get("http://backend")
			if err != nil {
				answered <- err.Error()
				return
			}
			defer func() { _ = response.Body.Close() }()
			body, _ := io.ReadAll(response.Body)
			answered <- string(body)
		}()
		<-begun

		stopped := make(chan error, 1)
		asked := time.Now()
		go func() { stopped <- shutDown(t.Context(), server, time.Hour) }()
		if _, err := silent.Read(make([]byte, 1)); err != io.EOF {
			t.Errorf("the silent connection: %v, want that it is closed", err)
		}
		if took := time.Since(asked); took > 0 {
			t.Errorf("the silent connection was closed after %s", took)
		}
		time.Sleep(time.Minute) // of the test's clock
		select {
		case err := <-stopped:
			t.Fatalf("shut down (%v) while a call was under way", err)
		default:
		}
		close(finish)
		if got := <-answered; got != "done" {
			t.Errorf("the call under way was answered %q", got)
		}
		if err := <-stopped; err != nil {
			t.Error(err)
		}
		if err := <-served; err != http.ErrServerClosed {
			t.Error(err)
		}
	})
}
