package s3

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strconv"
	"syscall"

	"github.com/scar-go/scar/local/wire"
)

// The codes and messages are those of the S3 API reference, "Error responses".

// detailedError is an error whose answer has elements beside Code and Message.
type detailedError struct {
	is      *wire.Error
	details []string // name, value, name, value, …
}

func (e *detailedError) Error() string { return e.is.Error() }
func (e *detailedError) Unwrap() error { return e.is }

func detailed(e *wire.Error, details ...string) error { return &detailedError{e, details} }

func errAccessDenied(message string) error {
	return wire.Errorf(http.StatusForbidden, "AccessDenied", "%s", message)
}

func errNoSuchBucket(bucket string) error {
	return detailed(wire.Errorf(http.StatusNotFound, "NoSuchBucket", "The specified bucket does not exist"), "BucketName", bucket)
}

func errNoSuchKey(key string) error {
	return detailed(wire.Errorf(http.StatusNotFound, "NoSuchKey", "The specified key does not exist."), "Key", key)
}

func errNoSuchUpload(id string) error {
	return detailed(wire.Errorf(http.StatusNotFound, "NoSuchUpload", "The specified upload does not exist. "+
		"The upload ID may be invalid, or the upload may have been aborted or completed."), "UploadId", id)
}

func errInvalidArgument(name, value, message string) error {
	e := wire.Errorf(http.StatusBadRequest, "InvalidArgument", "%s", message)
	if name == "" {
		return e
	}
	return detailed(e, "ArgumentName", name, "ArgumentValue", value)
}

func errInvalidRequest(message string) error {
	return wire.Errorf(http.StatusBadRequest, "InvalidRequest", "%s", message)
}

func errMalformedXML() error {
	return wire.Errorf(http.StatusBadRequest, "MalformedXML",
		"The XML you provided was not well-formed or did not validate against our published schema")
}

func errPrecondition(condition string) error {
	return detailed(wire.Errorf(http.StatusPreconditionFailed, "PreconditionFailed",
		"At least one of the pre-conditions you specified did not hold"), "Condition", condition)
}

func errInvalidRange(asked string, size int64) error {
	return detailed(wire.Errorf(http.StatusRequestedRangeNotSatisfiable, "InvalidRange", "The requested range is not satisfiable"),
		"RangeRequested", asked, "ActualObjectSize", strconv.FormatInt(size, 10))
}

func errPermanentRedirect(bucket, region string) error {
	return detailed(wire.Errorf(http.StatusMovedPermanently, "PermanentRedirect", "The bucket you are attempting to access must be "+
		"addressed using the specified endpoint. Please send all future requests to this endpoint."),
		"Endpoint", "s3."+region+".amazonaws.com", "Bucket", bucket)
}

func errIncompleteBody() error {
	return wire.Errorf(http.StatusBadRequest, "IncompleteBody",
		"You did not provide the number of bytes specified by the Content-Length HTTP header")
}

// errNotModified has no body: HTTP forbids it.
var errNotModified = wire.Errorf(http.StatusNotModified, "NotModified", "Not Modified")

// asWire turns any error into the one that the client gets.
func asWire(err error) *wire.Error {
	var e *wire.Error
	switch {
	case errors.As(err, &e):
		return e
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, context.Canceled):
		errors.As(errIncompleteBody(), &e)
		return e
	case errors.Is(err, syscall.ENOSPC):
		return wire.Errorf(http.StatusInternalServerError, "InternalError", "the disk of the local backend is full: %v", err)
	}
	return wire.Errorf(http.StatusInternalServerError, "InternalError", "We encountered an internal error. Please try again. (%v)", err)
}

func (s *Service) writeError(req *request, err error) {
	e := asWire(err)
	h := req.w.Header()
	for _, name := range []string{"Content-Length", "Content-Type", "Content-Range", "Content-Encoding"} {
		h.Del(name)
	}
	if e.Status >= http.StatusInternalServerError && e.Code == "InternalError" {
		s.Log.Error("S3 call failed", "method", req.Method, "path", req.URL.Path, "error", err)
	}
	if e.Status == http.StatusNotModified || req.Method == http.MethodHead {
		req.w.WriteHeader(e.Status)
		return
	}
	doc := newDocument("Error", "")
	doc.leaf("Code", e.Code)
	doc.leaf("Message", e.Message)
	var more *detailedError
	if errors.As(err, &more) {
		for i := 0; i+1 < len(more.details); i += 2 {
			doc.leaf(more.details[i], more.details[i+1])
		}
	}
	doc.leaf("Resource", req.URL.Path)
	doc.leaf("RequestId", req.call.RequestID)
	doc.close("Error")
	doc.send(req, e.Status)
}
