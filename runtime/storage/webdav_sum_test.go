package storage

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// A server of ownCloud's kind says what it has stored by a sum, too.
func TestStoredSumsAreCompared(t *testing.T) {
	for said, want := range map[string]string{
		"SHA1:040f06fd774092478d450774f5ba30c5da78acc8 MD5:0": "", // of "content"
		"SHA1:040F06FD774092478D450774F5BA30C5DA78ACC8":       "",
		"ADLER32:0": "",
		"":          "",
		"SHA1:0000000000000000000000000000000000000000": "checksum",
	} {
		var sent string
		handler, _ := startPlainWebDAV(t)
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Method == "PROPFIND" {
				_, _ = io.Copy(io.Discard, r.Body)
				w.WriteHeader(http.StatusMultiStatus)
				_, _ = io.WriteString(w, strings.NewReplacer(">12<", ">7<", "SHA1:ab MD5:cd", said).Replace(oneFile))
				return
			}
			if r.Method == http.MethodPut {
				sent = r.Header.Get("OC-Checksum")
			}
			handler.ServeHTTP(w, r)
		}))
		_, err := (&webDAV{webOf(t, server.URL, nobody{})}).Upload(t.Context(), "", "k", file(t, []byte("content")))
		server.Close()
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", said, err)
		}
		if sent != "SHA1:040f06fd774092478d450774f5ba30c5da78acc8" {
			t.Errorf("sent %q", sent)
		}
	}
}
