//go:build linux

package storage

import (
	"io"
	"net/http"
	"testing"
)

// A server, or what stands before it, may answer 200 and have stored nothing.
func TestAnswersThatConfirmNothingAreNotBelieved(t *testing.T) {
	calls := map[string]func(*http.Request) bool{
		"small file": func(r *http.Request) bool { return r.Method == http.MethodPut },
		"part":       func(r *http.Request) bool { return r.URL.Query().Has("partNumber") },
		"completion": func(r *http.Request) bool { return r.Method == http.MethodPost && r.URL.Query().Has("uploadId") },
	}
	for _, p := range faulty() {
		if p.folders {
			continue
		}
		for name, chosen := range calls {
			for what, said := range map[string]string{"nothing": "", "a page": "<!doctype html><html><body>console</body></html>", "white space": " \n \n"} {
				t.Run(p.name+"/"+name+"/"+what, func(t *testing.T) {
					s := p.run(t, func(next http.Handler) http.Handler {
						return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
							if chosen(r) {
								_, _ = io.Copy(io.Discard, r.Body)
								_, _ = io.WriteString(w, said)
								return
							}
							next.ServeHTTP(w, r)
						})
					})
					size := 100
					if name != "small file" {
						size = InPartsAbove + 1
					}
					if _, err := s.store(t).Upload(t.Context(), s.bucket, "k", file(t, content(1, size))); err == nil {
						t.Error("the upload is a success")
					}
				})
			}
		}
	}
}
