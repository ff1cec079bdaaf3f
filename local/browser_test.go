package local

import (
	"net/http"
	"strings"
	"testing"
)

// TestWebPagesAreNotServed sends what browsers send for pages of other hosts, and what programs send.
func TestWebPagesAreNotServed(t *testing.T) {
	b, _ := open(t, Options{})
	for _, c := range []struct {
		host, origin, site string
		refused            bool
	}{
		{"", "", "", false},
		{"localhost:4566", "", "", false},
		{"photos.localhost", "", "", false},
		{"[::1]:4566", "", "", false},
		{"", "http://localhost:3000", "same-site", false},
		{"", "", "none", false},
		{"", "https://example.org", "cross-site", true},
		{"", "null", "cross-site", true},
		{"localhost:4566", "http://abc.lambda-url.us-east-1.localhost:4566", "cross-site", true},
		{"x.us-east-1.localhost:4566", "http://abc.execute-api.us-east-1.localhost:4566", "same-site", true},
		{"x.us-east-1.localhost:4566", "", "same-site", true},
		{"localhost:4566", "", "same-site", false},
		{"", "", "cross-site", true},
		{"rebound.example.org:4566", "", "same-origin", true},
		{"localhost.example.org", "", "", true},
	} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, b.Endpoint()+"/?Action=ListRoles", strings.NewReader(""))
		if err != nil {
			t.Fatal(err)
		}
		r.Host = c.host
		for name, value := range map[string]string{"Origin": c.origin, "Sec-Fetch-Site": c.site} {
			if value != "" {
				r.Header.Set(name, value)
			}
		}
		response, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		body := make([]byte, 512)
		n, _ := response.Body.Read(body) // whatever it says
		_ = response.Body.Close()
		if refused := strings.Contains(string(body[:n]), "does not serve web pages"); refused != c.refused {
			t.Errorf("%+v: %s %s", c, response.Status, body[:n])
		}
	}
}
