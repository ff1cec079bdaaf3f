// Package localtest serves an embedded backend on this machine. It is for tests only.
package localtest

import (
	"context"
	"errors"
	"net"
	"testing"

	"github.com/scar-go/scar/local"
)

// Serve serves a backend until the test's end, and returns the URL of its endpoint, without a slash at its end. Its state is
// in a folder of the test's unless the options name one.
func Serve(t testing.TB, o local.Options) string {
	t.Helper()
	if o.Dir == "" {
		o.Dir = t.TempDir()
	}
	served, err := local.Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(errors.Join(err, served.Close()))
	}
	ctx, stop := context.WithCancel(context.Background()) // functions of the test that run at its end still need it
	ended := make(chan error, 1)
	go func() { ended <- served.Serve(ctx, listener) }()
	t.Cleanup(func() {
		stop()
		if err := errors.Join(<-ended, served.Close()); err != nil {
			t.Error(err)
		}
	})
	return "http://" + listener.Addr().String()
}
