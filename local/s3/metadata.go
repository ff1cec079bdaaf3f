package s3

import (
	"net/http"
	"slices"
	"strings"

	"github.com/scar-go/scar/local/wire"
)

// maxMetadata is the most bytes of user metadata, names and values together: 2 KB.
const maxMetadata = 2048

// keptHeaders are the headers that are stored with an object and answered with it.
var keptHeaders = []string{
	"Cache-Control", "Content-Disposition", "Content-Encoding", "Content-Language", "Content-Type", "Expires",
	"X-Amz-Website-Redirect-Location",
}

// overrides are the query parameters of GetObject that change headers of its answer.
var overrides = map[string]string{
	"response-cache-control": "Cache-Control", "response-content-disposition": "Content-Disposition",
	"response-content-encoding": "Content-Encoding", "response-content-language": "Content-Language",
	"response-content-type": "Content-Type", "response-expires": "Expires",
}

// refuseHeaders refuses what the backend does not do, rather than store without it.
func refuseHeaders(h http.Header) error {
	for name, values := range h {
		value := values[0]
		switch {
		case name == headerKey, name == headerBucketKey, name == headerContext:
		case name == headerSSE && value != sseS3 && value != sseKMS,
			strings.HasPrefix(name, headerSSE+"-"),
			strings.HasPrefix(name, "X-Amz-Copy-Source-Server-Side-Encryption-"),
			strings.HasPrefix(name, "X-Amz-Object-Lock-"),
			name == "X-Amz-Bucket-Object-Lock-Enabled" && !strings.EqualFold(value, "false"),
			name == "X-Amz-Write-Offset-Bytes":
			return wire.Unknown("s3", "header "+strings.ToLower(name))
		case strings.HasPrefix(name, "X-Amz-Grant-"),
			name == "X-Amz-Acl" && value != "private" && value != "bucket-owner-full-control":
			return wire.Errorf(http.StatusBadRequest, "AccessControlListNotSupported", "The bucket does not allow ACLs")
		}
	}
	return nil
}

// described fills in what the headers of an upload say of the object.
func described(h http.Header, o *object) error {
	if err := refuseHeaders(h); err != nil {
		return err
	}
	o.Headers, o.Meta, o.Class = map[string]string{}, map[string]string{}, ""
	for _, name := range keptHeaders {
		if v := h.Get(name); v != "" {
			o.Headers[name] = v
		}
	}
	if coding := withoutChunked(o.Headers["Content-Encoding"]); coding != "" {
		o.Headers["Content-Encoding"] = coding
	} else {
		delete(o.Headers, "Content-Encoding")
	}
	if o.Headers["Content-Type"] == "" {
		o.Headers["Content-Type"] = "binary/octet-stream"
	}
	if class := h.Get("X-Amz-Storage-Class"); class != "STANDARD" {
		o.Class = class
	}
	size := 0
	for name, values := range h {
		if key, ok := strings.CutPrefix(name, "X-Amz-Meta-"); ok {
			o.Meta[strings.ToLower(key)] = strings.Join(values, ",")
			size += len(key) + len(o.Meta[strings.ToLower(key)])
		}
	}
	if size > maxMetadata {
		return wire.Errorf(http.StatusBadRequest, "MetadataTooLarge", "Your metadata headers exceed the maximum allowed metadata size")
	}
	var err error
	o.Tags, err = headerTags(h)
	return err
}

// withoutChunked removes aws-chunked, which describes the transfer, from a Content-Encoding.
func withoutChunked(coding string) string {
	parts := strings.Split(coding, ",")
	for i := range parts {
		parts[i] = strings.TrimSpace(parts[i])
	}
	return strings.Join(slices.DeleteFunc(parts, func(p string) bool { return p == "aws-chunked" || p == "" }), ",")
}

func (o *summary) storageClass() string {
	if o.Class == "" {
		return "STANDARD"
	}
	return o.Class
}

// writeHeaders answers what is known of the object, but for its length.
func (o *object) writeHeaders(req *request) {
	h := req.w.Header()
	for name, value := range o.Headers {
		h.Set(name, value)
	}
	for name, value := range o.Meta {
		h["X-Amz-Meta-"+name] = []string{value}
	}
	for parameter, name := range overrides {
		if v := req.query.Get(parameter); v != "" {
			h.Set(name, v)
		}
	}
	o.seal.headers(h)
	h.Set("Etag", `"`+o.ETag+`"`)
	h.Set("Last-Modified", httpTime(o.Modified))
	h.Set("Accept-Ranges", "bytes")
	if o.Class != "" {
		h.Set("X-Amz-Storage-Class", o.Class)
	}
	if len(o.Tags) > 0 {
		h.Set("X-Amz-Tagging-Count", tagCount(o.Tags))
	}
}
