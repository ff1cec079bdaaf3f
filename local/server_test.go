package local

import (
	"io"
	"net"
	"net/http"
	"testing"
	"time"
)

// TestShutdownWaitsForCallsOnly has a connection on which nothing was sent and a call under way: the
// second is waited for, the first is closed at once: sooner than the five seconds after which http.Server
// gives up such connections by itself.
func TestShutdownWaitsForCallsOnly(t *testing.T) {
	begun, finish := make(chan struct{}), make(chan struct{})
	server := newServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		close(begun)
		<-finish
		_, _ = io.WriteString(w, "done") // what arrives is looked at below
	}))
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- server.Serve(l) }()

	silent, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = silent.Close() }()
	answered := make(chan string, 1)
	go func() {
		// Connections are accepted in turn: once this call has begun, the silent one is the server's.
		response, err := http.Get("http://" + l.Addr().String())
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
	go func() { stopped <- shutDown(t.Context(), server, time.Hour) }()
	if err := silent.SetReadDeadline(time.Now().Add(4 * time.Second)); err != nil {
		t.Fatal(err)
	}
	if _, err := silent.Read(make([]byte, 1)); err != io.EOF {
		t.Errorf("the silent connection: %v, want that it is closed", err)
	}
	select {
	case err := <-stopped:
		t.Fatalf("shut down (%v) while a call was under way", err)
	default:
	}
	close(finish)
	if got := <-answered; got != "done" {
		t.Errorf("the call under way was answered %q", got)
	}
	select {
	case err := <-stopped:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(30 * time.Second):
		t.Fatal("the shutdown does not end")
	}
	if err := <-served; err != http.ErrServerClosed {
		t.Error(err)
	}
}
