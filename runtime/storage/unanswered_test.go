package storage

import (
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"path"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/scar-go/scar/runtime/job"
)

// Where no server answers, every provider says why in the same few words, without the SDK's account of its layers.
func TestErrorsWithoutAnAnswerSayWhy(t *testing.T) {
	const address = "127.0.0.1:1" // TCP's port 1 is tcpmux, which no system of today serves
	stores := New(Options{Getenv: environment(""), Providers: map[string]job.Provider{
		"webdav.a": {Type: job.WebDAV, Endpoint: "http://" + address, User: text("u"), Password: text("p")},
		"s3.b":     {Type: job.S3, Endpoint: "http://" + address, AccessKey: text("k"), SecretKey: text("s")},
	}})
	defer stores.Close()
	for name, where := range map[string]string{"webdav.a": "", "s3.b": bucket} {
		store, err := stores.Open(t.Context(), name)
		if err != nil {
			t.Fatal(err)
		}
		_, err = store.Download(t.Context(), where, "k", filepath.Join(t.TempDir(), "k"), anySize)
		if want := "fetch " + path.Join(name, where, "k") + ": dial tcp " + address + ": connect: connection refused"; err == nil || err.Error() != want {
			t.Errorf("got  %v\nwant %s", err, want)
		}
		if !errors.Is(err, syscall.ECONNREFUSED) {
			t.Errorf("%s: the error is no refused connection any more: %v", name, err)
		}
	}
}

// A server that speaks no TLS will not speak it a moment later.
func TestServersWithoutTLSAreAskedOnce(t *testing.T) {
	var connections atomic.Int32
	server := httptest.NewUnstartedServer(http.NotFoundHandler())
	server.Config.ConnState = func(_ net.Conn, s http.ConnState) {
		if s == http.StateNew {
			connections.Add(1)
		}
	}
	server.Start()
	defer server.Close()
	stores := New(Options{Getenv: environment(""), Providers: map[string]job.Provider{
		"s3.b": {Type: job.S3, Endpoint: strings.Replace(server.URL, "http:", "https:", 1), AccessKey: text("k"), SecretKey: text("s")},
	}})
	defer stores.Close()
	store, err := stores.Open(t.Context(), "s3.b")
	if err != nil {
		t.Fatal(err)
	}
	_, err = store.Download(t.Context(), bucket, "k", filepath.Join(t.TempDir(), "k"), anySize)
	if err == nil || !strings.HasSuffix(err.Error(), "server gave HTTP response to HTTPS client") || connections.Load() != 1 {
		t.Errorf("%d connections, %v", connections.Load(), err)
	}
}
