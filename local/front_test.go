package local

import (
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/scar-go/scar/local/wire"
)

// TestHostsOfFunctions has something behind the fronts that says which of them it is.
func TestHostsOfFunctions(t *testing.T) {
	script := NewScript()
	b, _ := open(t, Options{Script: script})
	says := func(text string) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.WriteString(w, text+" "+wire.CallOf(r.Context()).Operation) // the recorder takes everything
		})
	}
	b.fronts = map[string]service{urlFront: newService(says("url"), wire.RESTJSON), apiFront: newService(says("api"), wire.RESTJSON)}
	for _, c := range []struct{ target, origin, want string }{
		{"http://abc.lambda-url.us-east-1.localhost:4566/x", "", "url Invoke"},
		{"http://ABC.Lambda-Url.us-east-1.localhost/x", "", "url Invoke"},
		{"http://abc.execute-api.us-east-1.localhost/x", "", "api Invoke"},
		{"http://abc.lambda-url.us-east-1.localhost/x", "https://example.org", "url Invoke"},
		{"http://abc.lambda-url.us-east-1.localhost/?X-Amz-Algorithm=AWS4-HMAC-SHA256", "https://example.org", ""},
		{"http://abc.lambda-url.us-east-1.localhost/?X-Amz-Algorithm=AWS4-HMAC-SHA256", "", "url Invoke"},
		{"http://abc.lambda-url.eu-west-1.localhost/x", "", ""},
		{"http://abc.lambda-url.us-east-1.localhost.example.org/x", "", ""},
		{"http://lambda-url.us-east-1.localhost/x", "", ""},
	} {
		r := httptest.NewRequest(http.MethodGet, c.target, nil)
		if c.origin != "" {
			r.Header.Set("Origin", c.origin)
		}
		w := httptest.NewRecorder()
		b.ServeHTTP(w, r)
		if got := w.Body.String(); got != c.want && (c.want != "" || w.Code == http.StatusOK) {
			t.Errorf("%s from %q: %d %s", c.target, c.origin, w.Code, got)
		}
	}
	if n := Count(script.Calls())["lambda-url:Invoke"]; n != 4 {
		t.Errorf("%d calls of function URLs are recorded", n)
	}
	script.Throttle("execute-api:*", 1)
	w := httptest.NewRecorder()
	b.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "http://abc.execute-api.us-east-1.localhost/x", nil))
	if w.Code != http.StatusTooManyRequests {
		t.Errorf("throttled: %d", w.Code)
	}
}
