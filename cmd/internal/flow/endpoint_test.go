package flow

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/credentials"
)

// signatureOf is what Signature Version 4 wants in the header Authorization, by the description in the IAM user guide ("Create a
// signed AWS API request"): of the secret key, and of what arrived.
func signatureOf(t *testing.T, secret string, r *http.Request) string {
	t.Helper()
	body, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	_, scope, _ := strings.Cut(strings.TrimPrefix(r.Header.Get("Authorization"), "AWS4-HMAC-SHA256 Credential="), "/")
	scope, rest, _ := strings.Cut(scope, ", SignedHeaders=")
	names, _, _ := strings.Cut(rest, ", Signature=")
	headers := ""
	for _, name := range strings.Split(names, ";") {
		value := r.Header.Get(name)
		switch name {
		case "host":
			value = r.Host
		case "content-length":
			value = fmt.Sprint(r.ContentLength)
		}
		headers += name + ":" + value + "\n"
	}
	parts := strings.Split(r.URL.RawQuery, "&")
	slices.Sort(parts)
	path := strings.ReplaceAll(r.URL.EscapedPath(), "%", "%25")
	canonical := strings.Join([]string{r.Method, path, strings.Join(parts, "&"), headers, names, sha(body)}, "\n")
	text := strings.Join([]string{"AWS4-HMAC-SHA256", r.Header.Get("X-Amz-Date"), scope, sha([]byte(canonical))}, "\n")
	key := []byte("AWS4" + secret)
	for _, part := range append(strings.Split(scope, "/"), text) {
		m := hmac.New(sha256.New, key)
		m.Write([]byte(part))
		key = m.Sum(nil)
	}
	return hex.EncodeToString(key)
}

func sha(content []byte) string {
	sum := sha256.Sum256(content)
	return hex.EncodeToString(sum[:])
}

// TestRequestSigned checks signatures as the other side does, with the token of a session and with a query in an order of its own.
func TestRequestSigned(t *testing.T) {
	for _, c := range []struct {
		name, api, token, service string
	}{
		{"user", "", "", "lambda"}, {"session", "", "the/token+of=a session", "lambda"}, {"API", "pages", "token", "execute-api"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var query, header, authorization, want string
			account := accountAt(t, func(_ http.ResponseWriter, r *http.Request) {
				query, authorization, header = r.URL.RawQuery, r.Header.Get("Authorization"), r.Header.Get("X-Amz-Security-Token")
				want = signatureOf(t, "secret", r)
			})
			account.config.Credentials = credentials.NewStaticCredentialsProvider("AKID", "secret", c.token)
			_, err := account.Request(t.Context(), grayify, &HTTPEndpoint{URL: *account.config.BaseEndpoint, API: c.api, Signed: true}, HTTPRequest{
				Method: "POST", Path: "/a b/ü", Query: "b=2&a=2&a=1&c=%20%2B", Header: http.Header{"X-Own": {"1"}}, Body: []byte("hello"),
			})
			if err != nil {
				t.Fatal(err)
			}
			if query != "b=2&a=2&a=1&c=%20%2B" || header != c.token {
				t.Errorf("the query became %s, the token %q", query, header)
			}
			signed := strings.Contains(authorization, "x-amz-security-token") == (c.token != "") && strings.Contains(authorization, "x-own")
			if !signed || !strings.Contains(authorization, "/eu-west-1/"+c.service+"/aws4_request,") || !strings.HasSuffix(authorization, ", Signature="+want) {
				t.Errorf("%s, want the signature %s", authorization, want)
			}
		})
	}
}

func TestRequestHeaders(t *testing.T) {
	account := accountAt(t, func(http.ResponseWriter, *http.Request) { t.Error("it is sent") })
	endpoint := &HTTPEndpoint{URL: *account.config.BaseEndpoint, Signed: true}
	for _, name := range slices.Concat(framing, signature) {
		if _, err := account.Request(t.Context(), grayify, endpoint, HTTPRequest{Header: http.Header{name: {""}}}); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestRequestTrusts has the requests to functions trust whom all calls of the account trust.
func TestRequestTrusts(t *testing.T) {
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "hello") }))
	t.Cleanup(server.Close)
	server.Config.ErrorLog = nil
	bundle := filepath.Join(t.TempDir(), "bundle.pem")
	if err := os.WriteFile(bundle, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"} {
		t.Setenv(name, filepath.Join(t.TempDir(), "absent"))
	}
	for _, trusted := range []bool{true, false} {
		t.Setenv("AWS_CA_BUNDLE", map[bool]string{true: bundle}[trusted])
		account, err := Connect(t.Context(), Settings{Region: "eu-west-1"})
		if err != nil {
			t.Fatal(err)
		}
		answer, err := account.Request(t.Context(), grayify, &HTTPEndpoint{URL: server.URL}, HTTPRequest{})
		if trusted != (err == nil) || trusted && string(answer.Body) != "hello" {
			t.Errorf("with the bundle %v: %v", trusted, err)
		}
	}
}

// TestRequestByProxy goes the way of the account's calls, but for what is on this machine.
func TestRequestByProxy(t *testing.T) {
	for address, proxied := range map[string]bool{"http://u.lambda-url.eu-west-1.on.example/": true, "http://u.localhost:PORT/": false} {
		var asked string
		account := accountAt(t, func(_ http.ResponseWriter, r *http.Request) { asked = r.RequestURI })
		at, err := url.Parse(*account.config.BaseEndpoint)
		if err != nil {
			t.Fatal(err)
		}
		account.config.HTTPClient = awshttp.NewBuildableClient().WithTransportOptions(func(tr *http.Transport) { tr.Proxy = http.ProxyURL(at) })
		address = strings.ReplaceAll(address, "PORT", at.Port())
		if _, err := account.Request(t.Context(), grayify, &HTTPEndpoint{URL: address}, HTTPRequest{}); err != nil {
			t.Fatal(err)
		}
		if want := map[bool]string{true: address, false: "/"}[proxied]; asked != want {
			t.Errorf("asked for %s, want %s", asked, want)
		}
	}
}

// TestRequestLost breaks off in the middle of an answer: the function has run.
func TestRequestLost(t *testing.T) {
	account := accountAt(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "100")
		fmt.Fprint(w, "half")
	})
	account.config.HTTPClient = sdk.HTTPClient(nil)
	_, err := account.Request(t.Context(), grayify, &HTTPEndpoint{URL: *account.config.BaseEndpoint}, HTTPRequest{})
	var unanswered *UnansweredError
	if !errors.As(err, &unanswered) || unanswered.Interrupted {
		t.Error(err)
	}
}
