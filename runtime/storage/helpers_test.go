package storage

import (
	"io"
	"log"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/net/webdav"
)

// content is a file that does not repeat itself, so that parts in the wrong order show.
func content(seed byte, size int) []byte {
	b := make([]byte, size)
	_, _ = rand.NewChaCha8([32]byte{seed}).Read(b)
	return b
}

func file(t testing.TB, content []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// startPlainWebDAV starts the server of golang.org/x/net, which lets everybody in.
func startPlainWebDAV(t testing.TB) (http.Handler, string) {
	return &webdav.Handler{FileSystem: webdav.Dir(t.TempDir()), LockSystem: webdav.NewMemLS()}, ""
}

// quiet is the log of a server that is to fail.
func quiet() *log.Logger { return log.New(io.Discard, "", 0) }
