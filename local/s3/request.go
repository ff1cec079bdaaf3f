package s3

import (
	"encoding/xml"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/scar-go/scar/local/wire"
)

// maxDocument bounds the XML documents that clients send. The longest legal one completes an upload
// of 10,000 parts or deletes 1,000 keys of 1,024 bytes.
const maxDocument = 8 << 20

// request is one HTTP request as S3 understands it.
type request struct {
	*http.Request
	w           http.ResponseWriter
	call        wire.Call
	query       url.Values
	bucket, key string
}

func newRequest(w http.ResponseWriter, r *http.Request, region string) *request {
	req := &request{Request: r, w: w, call: wire.CallOf(r.Context()), query: r.URL.Query()}
	if req.call.Region == "" {
		req.call.Region = region
	}
	path := strings.TrimPrefix(r.URL.Path, "/")
	if b := bucketOfHost(r.Host); b != "" {
		req.bucket, req.key = b, path
	} else {
		req.bucket, req.key, _ = strings.Cut(path, "/")
	}
	return req
}

// bucketOfHost returns the bucket that a virtual-hosted-style Host names: BUCKET.localhost,
// BUCKET.s3.localhost, BUCKET.s3.amazonaws.com, BUCKET.s3.REGION.amazonaws.com; or "" for path style.
func bucketOfHost(host string) string {
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	if net.ParseIP(strings.Trim(host, "[]")) != nil || strings.HasPrefix(host, "s3.") {
		return ""
	}
	if i := strings.LastIndex(host, ".s3."); i > 0 {
		return host[:i]
	}
	bucket, ok := strings.CutSuffix(host, ".localhost")
	if !ok || bucket == "s3" {
		return ""
	}
	return strings.TrimSuffix(bucket, ".s3")
}

// flag says whether a query parameter is present, whatever its value.
func (r *request) flag(name string) bool {
	_, ok := r.query[name]
	return ok
}

// number reads a query parameter between 0 and most; larger values count as most.
func (r *request) number(name string, otherwise, most int) (int, error) {
	text := r.query.Get(name)
	if text == "" {
		return otherwise, nil
	}
	n, err := strconv.ParseInt(text, 10, 32)
	if err != nil || n < 0 {
		return 0, errInvalidArgument(name, text, "Provided "+name+" not an integer or within integer range")
	}
	return min(int(n), most), nil
}

// pageSize reads how many entries a listing asks for, and how many it gets.
func (r *request) pageSize(name string) (asked, most int, err error) {
	asked, err = r.number(name, maxPage, maxPage)
	if err != nil || asked == 0 {
		return asked, 0, err
	}
	return asked, wire.PageSize(r.Context(), asked, maxPage), nil
}

// document reads the body as an XML document into v, after it has checked the body's digests.
func (r *request) document(v any) error {
	text, err := r.body()
	if err != nil {
		return err
	}
	if err := xml.Unmarshal(text, v); err != nil {
		return errMalformedXML()
	}
	return nil
}

// body reads a short body, decoded and checked.
func (r *request) body() ([]byte, error) {
	in, err := newIncoming(r)
	if err != nil {
		return nil, err
	}
	text, err := io.ReadAll(io.LimitReader(in, maxDocument+1))
	if err != nil {
		return nil, err
	}
	if len(text) > maxDocument {
		return nil, wire.Errorf(http.StatusBadRequest, "MaxMessageLengthExceeded", "Your request was too big.")
	}
	return text, nil
}

// checkKey refuses keys that S3 does: longer than 1,024 bytes, or not UTF-8.
func checkKey(key string) error {
	if len(key) > 1024 {
		return detailed(wire.Errorf(http.StatusBadRequest, "KeyTooLongError", "Your key is too long"),
			"Size", strconv.Itoa(len(key)), "MaxSizeAllowed", "1024")
	}
	if !utf8.ValidString(key) {
		return wire.Errorf(http.StatusBadRequest, "InvalidURI", "Couldn't parse the specified URI.")
	}
	return nil
}

// clientGone says whether an error while sending means only that the client closed the connection.
func clientGone(r *request, err error) bool {
	return r.Context().Err() != nil || errors.Is(err, net.ErrClosed)
}
