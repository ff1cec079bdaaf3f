package wire

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
)

var (
	testNow   = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	testCreds = aws.Credentials{AccessKeyID: "AKIDEXAMPLE", SecretAccessKey: "secret", SessionToken: "token"}
)

// received is the request as a server sees it, signed by the SDK's own signer.
func received(t *testing.T, method, url, service string, body []byte) (*http.Request, string) {
	t.Helper()
	r, err := http.NewRequest(method, url, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("X-Odd", "  a   b ")
	sum := sha256.Sum256(body)
	hash := hex.EncodeToString(sum[:])
	signer := v4.NewSigner(func(o *v4.SignerOptions) { o.DisableURIPathEscaping = service == "s3" })
	if err := signer.SignHTTP(context.Background(), testCreds, r, hash, service, "us-east-1", testNow); err != nil {
		t.Fatal(err)
	}
	return overTheWire(t, r), hash
}

func overTheWire(t *testing.T, r *http.Request) *http.Request {
	t.Helper()
	var got *http.Request
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, in *http.Request) { got = in }))
	defer server.Close()
	// The signature covers the host that the client meant, whatever address is dialled.
	r.Host = r.URL.Host
	r.URL.Host = strings.TrimPrefix(server.URL, "http://")
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	if err := res.Body.Close(); err != nil {
		t.Fatal(err)
	}
	return got
}

func TestVerifyAcceptsWhatTheSDKSigns(t *testing.T) {
	for _, c := range []struct{ method, url, service, body string }{
		{"POST", "http://example.com/", "iam", "Action=GetRole&RoleName=x"},
		{"GET", "http://example.com/2015-03-31/functions/a%20b/policy?Qualifier=1&MaxItems=2", "lambda", ""},
		{"GET", "http://example.com/2017-03-31/tags/arn%3Aaws%3Alambda%3Aus-east-1%3A0%3Afunction%3Af", "lambda", ""},
		{"PUT", "http://example.com/bucket/a%20b/%C3%BC/%2B+c", "s3", "body"},
		{"GET", "http://example.com/bucket?list-type=2&prefix=a%2Fb%20c&delimiter=", "s3", ""},
	} {
		r, hash := received(t, c.method, c.url, c.service, []byte(c.body))
		s, err := ParseSignature(r)
		if err != nil {
			t.Errorf("%s: %v", c.url, err)
			continue
		}
		if s.AccessKey != "AKIDEXAMPLE" || s.Service != c.service || s.Region != "us-east-1" || s.Token != "token" {
			t.Errorf("%s: parsed %+v", c.url, s)
		}
		if err := s.Verify(r, "secret", hash, testNow); err != nil {
			t.Errorf("%s: %v", c.url, err)
		}
	}
}

func TestVerifyRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		change func(r *http.Request)
		secret string
		now    time.Time
		want   error
	}{
		"another secret": {secret: "other", want: ErrSignatureMismatch},
		"another path":   {change: func(r *http.Request) { r.URL.Path = "/b" }, want: ErrSignatureMismatch},
		"another query":  {change: func(r *http.Request) { r.URL.RawQuery = "a=2" }, want: ErrSignatureMismatch},
		"another host":   {change: func(r *http.Request) { r.Host = "evil.example" }, want: ErrSignatureMismatch},
		"another method": {change: func(r *http.Request) { r.Method = "DELETE" }, want: ErrSignatureMismatch},
		"too old":        {now: testNow.Add(16 * time.Minute), want: ErrSignatureSkewed},
		"too new":        {now: testNow.Add(-16 * time.Minute), want: ErrSignatureSkewed},
		"within skew":    {now: testNow.Add(14 * time.Minute)},
	} {
		t.Run(name, func(t *testing.T) {
			r, hash := received(t, "GET", "http://example.com/a?a=1", "s3", nil)
			s, err := ParseSignature(r)
			if err != nil {
				t.Fatal(err)
			}
			if c.change != nil {
				c.change(r)
			}
			if c.secret == "" {
				c.secret = "secret"
			}
			if c.now.IsZero() {
				c.now = testNow
			}
			if err := s.Verify(r, c.secret, hash, c.now); !errors.Is(err, c.want) {
				t.Errorf("got %v, want %v", err, c.want)
			}
		})
	}
}

func TestPresigned(t *testing.T) {
	r, err := http.NewRequest("GET", "http://example.com/bucket/a%20b?X-Amz-Expires=60", nil)
	if err != nil {
		t.Fatal(err)
	}
	signer := v4.NewSigner(func(o *v4.SignerOptions) { o.DisableURIPathEscaping = true })
	url, _, err := signer.PresignHTTP(context.Background(), testCreds, r, UnsignedPayload, "s3", "us-east-1", testNow)
	if err != nil {
		t.Fatal(err)
	}
	r, err = http.NewRequest("GET", url, nil)
	if err != nil {
		t.Fatal(err)
	}
	r = overTheWire(t, r)
	s, err := ParseSignature(r)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Verify(r, "secret", PayloadHash(r), testNow.Add(time.Minute)); err != nil {
		t.Error(err)
	}
	if err := s.Verify(r, "secret", PayloadHash(r), testNow.Add(61*time.Second)); !errors.Is(err, ErrSignatureExpired) {
		t.Errorf("after it expired: %v", err)
	}
}

func TestPayloadHashChecksTheBody(t *testing.T) {
	sum := sha256.Sum256([]byte("signed"))
	for body, wantErr := range map[string]bool{"signed": false, "forged": true} {
		r := httptest.NewRequest("PUT", "/b/k", strings.NewReader(body))
		r.Header.Set("X-Amz-Content-Sha256", hex.EncodeToString(sum[:]))
		PayloadHash(r)
		_, err := io.ReadAll(r.Body)
		if (err != nil) != wantErr {
			t.Errorf("body %q: %v", body, err)
		}
	}
}

func FuzzParseSignature(f *testing.F) {
	scope := "AKID/20260301/us-east-1/s3/aws4_request"
	f.Add("AWS4-HMAC-SHA256 Credential="+scope+", SignedHeaders=host;x-amz-date, Signature="+strings.Repeat("0", 64), "20260301T120000Z", "")
	f.Add("", "", "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential="+scope+"&X-Amz-Date=20260301T120000Z&X-Amz-Expires=5&X-Amz-SignedHeaders=host&X-Amz-Signature="+strings.Repeat("f", 64))
	f.Add("AWS4-HMAC-SHA256 =,=", "x", "X-Amz-Algorithm=&%zz")
	f.Fuzz(func(t *testing.T, authorization, date, query string) {
		r := httptest.NewRequest("GET", "/a/b", nil)
		r.Header["Authorization"] = []string{authorization}
		r.Header["X-Amz-Date"] = []string{date}
		r.URL.RawQuery = query
		s, err := ParseSignature(r)
		if err != nil {
			if !errors.Is(err, ErrUnsigned) && !errors.Is(err, ErrMalformedSignature) {
				t.Errorf("unclassified error %v", err)
			}
			return
		}
		if err := s.Verify(r, "a secret that nobody signed with", UnsignedPayload, s.Time); err == nil {
			t.Error("a signature made without the secret was accepted")
		}
	})
}
