package wire

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Signature Version 4, as "Create a signed AWS API request" in the IAM user guide and "Authenticating
// Requests" in the S3 API reference describe it, from the verifying side.

const (
	sigAlgorithm = "AWS4-HMAC-SHA256"
	sigTime      = "20060102T150405Z"
	sigScopeEnd  = "aws4_request"

	// maxSkew is how far the clocks of client and service may be apart.
	maxSkew = 15 * time.Minute
	// maxPresigned is how long a presigned URL can live.
	maxPresigned = 7 * 24 * time.Hour
)

// UnsignedPayload stands in a signature for a body that it does not cover.
const UnsignedPayload = "UNSIGNED-PAYLOAD"

// What can be wrong with a signature. The services have codes of their own for them.
var (
	ErrUnsigned           = errors.New("the request is not signed")
	ErrMalformedSignature = errors.New("the signature is malformed")
	ErrSignatureMismatch  = errors.New("the signature does not match")
	ErrSignatureSkewed    = errors.New("the request's time is too far from the service's")
	ErrSignatureExpired   = errors.New("the presigned request has expired")
)

// Signature is what a signed request says about its signature.
type Signature struct {
	AccessKey string
	Day       string // of the scope: yyyymmdd
	Region    string
	Service   string
	Token     string // session token; empty for long-lived keys
	Time      time.Time
	Expires   time.Duration // how long a presigned request is valid; 0: signed in its headers
	Presigned bool

	signed []string // names of the signed headers: lower case, sorted
	value  string   // the signature itself, in hexadecimal
}

// ParseSignature reads the signature of a request from its headers or, when it is presigned, from its
// query. The error is ErrUnsigned or wraps ErrMalformedSignature.
func ParseSignature(r *http.Request) (*Signature, error) {
	if header := r.Header.Get("Authorization"); strings.HasPrefix(header, sigAlgorithm) {
		return parseHeader(r, header)
	}
	if !strings.Contains(r.URL.RawQuery, "X-Amz-Algorithm=") {
		return nil, ErrUnsigned
	}
	return parsePresigned(r.URL.Query())
}

func parseHeader(r *http.Request, header string) (*Signature, error) {
	s := &Signature{Token: r.Header.Get("X-Amz-Security-Token")}
	fields := map[string]string{}
	for part := range strings.SplitSeq(strings.TrimPrefix(header, sigAlgorithm), ",") {
		name, value, found := strings.Cut(strings.TrimSpace(part), "=")
		if !found {
			return nil, fmt.Errorf("%w: %q is no assignment", ErrMalformedSignature, part)
		}
		fields[name] = value
	}
	if err := s.fill(fields["Credential"], fields["SignedHeaders"], fields["Signature"]); err != nil {
		return nil, err
	}
	stamp := r.Header.Get("X-Amz-Date")
	if stamp == "" {
		return s, s.setHTTPTime(r.Header.Get("Date"))
	}
	return s, s.setTime(stamp)
}

func parsePresigned(q url.Values) (*Signature, error) {
	if algorithm := q.Get("X-Amz-Algorithm"); algorithm != sigAlgorithm {
		return nil, fmt.Errorf("%w: unknown algorithm %q", ErrMalformedSignature, algorithm)
	}
	s := &Signature{Token: q.Get("X-Amz-Security-Token"), Presigned: true}
	if err := s.fill(q.Get("X-Amz-Credential"), q.Get("X-Amz-SignedHeaders"), q.Get("X-Amz-Signature")); err != nil {
		return nil, err
	}
	seconds, err := strconv.Atoi(q.Get("X-Amz-Expires"))
	if err != nil || seconds < 0 || time.Duration(seconds)*time.Second > maxPresigned {
		return nil, fmt.Errorf("%w: X-Amz-Expires must be 0 to %d seconds", ErrMalformedSignature, int(maxPresigned.Seconds()))
	}
	s.Expires = time.Duration(seconds) * time.Second
	return s, s.setTime(q.Get("X-Amz-Date"))
}

func (s *Signature) fill(credential, headers, value string) error {
	// An access key holds no slash, so the last four parts are the scope's.
	parts := strings.Split(credential, "/")
	if len(parts) != 5 || parts[4] != sigScopeEnd || slices.Contains(parts, "") {
		return fmt.Errorf("%w: the credential must be key/date/region/service/%s", ErrMalformedSignature, sigScopeEnd)
	}
	s.AccessKey, s.Day, s.Region, s.Service = parts[0], parts[1], parts[2], parts[3]
	s.signed = strings.Split(headers, ";")
	s.value = value
	if !slices.Contains(s.signed, "host") {
		return fmt.Errorf("%w: the Host header must be signed", ErrMalformedSignature)
	}
	if len(value) != hex.EncodedLen(sha256.Size) {
		return fmt.Errorf("%w: the signature has %d characters", ErrMalformedSignature, len(value))
	}
	return nil
}

func (s *Signature) setTime(stamp string) error {
	t, err := time.Parse(sigTime, stamp)
	if err != nil {
		return fmt.Errorf("%w: the date must be like %s", ErrMalformedSignature, sigTime)
	}
	if t.Format("20060102") != s.Day {
		return fmt.Errorf("%w: the date of the credential is not the request's", ErrMalformedSignature)
	}
	s.Time = t
	return nil
}

func (s *Signature) setHTTPTime(stamp string) error {
	t, err := http.ParseTime(stamp)
	if err != nil {
		return fmt.Errorf("%w: neither X-Amz-Date nor Date", ErrMalformedSignature)
	}
	return s.setTime(t.UTC().Format(sigTime))
}

// Verify checks the signature against the secret of its access key, and its time against now.
// PayloadHash is what the canonical request ends in: the SHA-256 of the body, or what the client put
// into X-Amz-Content-Sha256. The error is ErrSignatureMismatch, ErrSignatureSkewed or
// ErrSignatureExpired.
func (s *Signature) Verify(r *http.Request, secret, payloadHash string, now time.Time) error {
	// A client may have encoded the path in another way than it signed it; both readings name the
	// same resource.
	for _, path := range s.canonicalPaths(r) {
		want := s.compute(s.canonicalRequest(r, path, payloadHash), secret)
		if hmac.Equal([]byte(want), []byte(s.value)) {
			return s.checkTime(now)
		}
	}
	return ErrSignatureMismatch
}

func (s *Signature) checkTime(now time.Time) error {
	if now.Before(s.Time.Add(-maxSkew)) {
		return ErrSignatureSkewed
	}
	if s.Presigned {
		if now.After(s.Time.Add(s.Expires)) {
			return ErrSignatureExpired
		}
		return nil
	}
	if now.After(s.Time.Add(maxSkew)) {
		return ErrSignatureSkewed
	}
	return nil
}

func (s *Signature) compute(canonical, secret string) string {
	sum := sha256.Sum256([]byte(canonical))
	scope := strings.Join([]string{s.Day, s.Region, s.Service, sigScopeEnd}, "/")
	toSign := strings.Join([]string{sigAlgorithm, s.Time.Format(sigTime), scope, hex.EncodeToString(sum[:])}, "\n")
	key := []byte("AWS4" + secret)
	for _, part := range []string{s.Day, s.Region, s.Service, sigScopeEnd} {
		key = sign(key, part)
	}
	return hex.EncodeToString(sign(key, toSign))
}

func sign(key []byte, text string) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(text))
	return h.Sum(nil)
}
