package wire

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// canonicalRequest is the text whose hash is signed.
func (s *Signature) canonicalRequest(r *http.Request, path, payloadHash string) string {
	var b strings.Builder
	b.WriteString(r.Method + "\n" + path + "\n" + canonicalQuery(r.URL.RawQuery) + "\n")
	for _, name := range s.signed {
		b.WriteString(name + ":" + canonicalHeader(r, name) + "\n")
	}
	b.WriteString("\n" + strings.Join(s.signed, ";") + "\n" + payloadHash)
	return b.String()
}

// canonicalPaths are the ways in which the client may have signed the path. S3's path is encoded once,
// that of all others twice.
func (s *Signature) canonicalPaths(r *http.Request) []string {
	raw := r.URL.EscapedPath()
	if raw == "" {
		raw = "/"
	}
	if s.Service == "s3" {
		return slices.Compact([]string{raw, awsEncode(r.URL.Path, true)})
	}
	return slices.Compact([]string{awsEncode(raw, true), awsEncode(awsEncode(r.URL.Path, true), true)})
}

func canonicalHeader(r *http.Request, name string) string {
	switch name {
	case "host":
		return r.Host
	case "content-length":
		return strconv.FormatInt(r.ContentLength, 10)
	case "transfer-encoding":
		return strings.Join(r.TransferEncoding, ",")
	}
	values := slices.Clone(r.Header.Values(name))
	for i, v := range values {
		values[i] = strings.Join(strings.Fields(v), " ")
	}
	return strings.Join(values, ",")
}

func canonicalQuery(raw string) string {
	var pairs [][2]string
	for part := range strings.SplitSeq(raw, "&") {
		name, value, _ := strings.Cut(part, "=")
		if name == "" || name == "X-Amz-Signature" {
			continue
		}
		pairs = append(pairs, [2]string{reencode(name), reencode(value)})
	}
	slices.SortFunc(pairs, func(a, b [2]string) int { return slices.Compare(a[:], b[:]) })
	var b strings.Builder
	for i, p := range pairs {
		if i > 0 {
			b.WriteByte('&')
		}
		b.WriteString(p[0] + "=" + p[1])
	}
	return b.String()
}

// reencode brings a part of a query into the encoding that is signed.
func reencode(part string) string {
	plain, err := url.QueryUnescape(part)
	if err != nil {
		return part
	}
	return awsEncode(plain, false)
}

// awsEncode encodes all but the unreserved characters of RFC 3986, and slashes if those are kept.
func awsEncode(s string, keepSlash bool) string {
	const digits = "0123456789ABCDEF"
	var b strings.Builder
	for i := range len(s) {
		c := s[i]
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9',
			c == '-', c == '.', c == '_', c == '~', c == '/' && keepSlash:
			b.WriteByte(c)
		default:
			b.Write([]byte{'%', digits[c>>4], digits[c&15]})
		}
	}
	return b.String()
}

// ReadBody reads a body of at most limit bytes into memory and leaves the request with a copy to read.
func ReadBody(r *http.Request, limit int64) ([]byte, error) {
	b, err := io.ReadAll(io.LimitReader(r.Body, limit+1))
	if err != nil {
		return nil, fmt.Errorf("read request: %w", err)
	}
	if int64(len(b)) > limit {
		return nil, Errorf(http.StatusRequestEntityTooLarge, "RequestTooLargeException",
			"Request must be smaller than %d bytes", limit)
	}
	r.Body = io.NopCloser(bytes.NewReader(b))
	return b, nil
}

// PayloadHash is what the client signed in place of an S3 request's body, which is then checked while
// it is read: a body that is not what was signed ends in an error instead of io.EOF. Bodies whose hash
// the client left open, or sends in chunks (STREAMING-…), are left as they are: their framing is S3's.
func PayloadHash(r *http.Request) string {
	declared := r.Header.Get("X-Amz-Content-Sha256")
	if declared == "" {
		declared = r.URL.Query().Get("X-Amz-Content-Sha256")
	}
	if declared == "" {
		return UnsignedPayload
	}
	if want, err := hex.DecodeString(declared); err == nil && len(want) == sha256.Size {
		r.Body = &checkedBody{body: r.Body, sum: sha256.New(), want: want}
	}
	return declared
}

type checkedBody struct {
	body io.ReadCloser
	sum  hash.Hash
	want []byte
}

func (c *checkedBody) Read(p []byte) (int, error) {
	n, err := c.body.Read(p)
	c.sum.Write(p[:n])
	if err == io.EOF && !bytes.Equal(c.sum.Sum(nil), c.want) {
		return n, Errorf(http.StatusBadRequest, "XAmzContentSHA256Mismatch",
			"The provided 'x-amz-content-sha256' header does not match what was computed.")
	}
	return n, err
}

func (c *checkedBody) Close() error { return c.body.Close() }
