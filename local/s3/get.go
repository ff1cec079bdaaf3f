package s3

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"

	"go.etcd.io/bbolt"

	"github.com/scar-go/scar/local/wire"
)

// object reads what is known of an object for the caller, who learns that it is absent only if they
// may list the bucket.
func (s *Service) object(req *request, bucket, key string) (o object, err error) {
	found := false
	err = s.view(func(tx *bbolt.Tx) error {
		if _, err := bucketOf(tx, bucket); err != nil {
			return err
		}
		o, found, err = objectOf(tx, bucket, key)
		return err
	})
	if err == nil && !found {
		err = s.missing(req, bucket, key)
	}
	return o, err
}

// content is an object with its bytes, which stay until it is closed, whatever is stored or deleted
// meanwhile.
type content struct {
	object
	parts []segment
	blobs *blobs
}

// acquire opens an object for reading.
func (s *Service) acquire(req *request, bucket, key string) (*content, error) {
	for {
		o, err := s.object(req, bucket, key)
		if err != nil {
			return nil, err
		}
		c := &content{object: o, blobs: s.blobs}
		s.blobs.pin(o.Blob)
		still, err := s.stillNamed(bucket, key, c)
		if err == nil && still {
			return c, nil
		}
		c.close()
		if err != nil {
			return nil, err
		}
	}
}

// stillNamed says whether the object is still what it was when its files were pinned. If so they cannot
// go any more, and the content gets them.
func (s *Service) stillNamed(bucket, key string, c *content) (still bool, err error) {
	err = s.view(func(tx *bbolt.Tx) error {
		o, found, err := objectOf(tx, bucket, key)
		if err != nil || !found || o.Blob != c.Blob {
			return err
		}
		still = true
		c.parts, err = segmentsOf(tx, o)
		return err
	})
	return still, err
}

func (c *content) close() { c.blobs.unpin(c.Blob) }

// send writes n bytes from offset on.
func (c *content) send(w io.Writer, offset, n int64) error {
	for _, p := range c.parts {
		if offset >= p.Size {
			offset -= p.Size
			continue
		}
		some := min(n, p.Size-offset)
		if some <= 0 {
			return nil
		}
		if err := c.sendPart(w, p.Blob, offset, some); err != nil {
			return err
		}
		offset, n = 0, n-some
	}
	return nil
}

func (c *content) sendPart(w io.Writer, blob string, offset, n int64) error {
	f, err := os.Open(c.blobs.path(blob))
	if err != nil {
		return err
	}
	defer f.Close()
	if _, err := f.Seek(offset, io.SeekStart); err != nil {
		return err
	}
	_, err = io.CopyN(w, f, n)
	return err
}

// span is the part of an object that is answered.
type span struct {
	start, length int64
	partial       bool
}

// getObject serves GetObject and HeadObject.
func (s *Service) getObject(req *request) error {
	if err := s.allowObject(req, "s3:GetObject"); err != nil {
		return err
	}
	c, err := s.acquire(req, req.bucket, req.key)
	if err != nil {
		return err
	}
	defer c.close()
	if err := readConditions(req.Header, "", c.object); err != nil {
		req.w.Header().Set("Etag", `"`+c.ETag+`"`)
		return err
	}
	withSum := strings.EqualFold(req.Header.Get("X-Amz-Checksum-Mode"), "ENABLED")
	if req.Method != http.MethodHead || withSum {
		if err := s.unseal(req, c.seal); err != nil {
			return err
		}
	}
	part, err := c.span(req)
	if err != nil {
		return err
	}
	c.writeHeaders(req)
	h := req.w.Header()
	status := http.StatusOK
	if part.partial {
		status = http.StatusPartialContent
		h.Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", part.start, part.start+part.length-1, c.Size))
	}
	if part.length == c.Size && withSum && c.Sum.Algorithm != "" {
		h.Set(c.Sum.header(), c.Sum.Value)
		h.Set("X-Amz-Checksum-Type", c.Sum.kind())
	}
	h.Set("Content-Length", strconv.FormatInt(part.length, 10))
	req.w.WriteHeader(status)
	if req.Method == http.MethodHead {
		return nil
	}
	if err := c.send(req.w, part.start, part.length); err != nil && !clientGone(req, err) {
		// The status is sent. That the body is short makes net/http cut the connection, which tells
		// the client.
		s.Log.Warn("send S3 object", "bucket", req.bucket, "key", req.key, "error", err)
	}
	return nil
}

// span decides which bytes the request asks for, by Range or by partNumber.
func (c *content) span(req *request) (span, error) {
	whole := span{0, c.Size, false}
	if text := req.query.Get("partNumber"); text != "" {
		return c.partSpan(req, text)
	}
	text := req.Header.Get("Range")
	first, last, ok := parseRange(text)
	switch {
	case !ok:
		return whole, nil // S3 ignores ranges that it does not understand, lists of them included
	case first < 0:
		first, last = max(c.Size-last, 0), c.Size-1
		if c.Size == 0 || text == "bytes=-0" {
			return span{}, errInvalidRange(text, c.Size)
		}
	case first >= c.Size:
		return span{}, errInvalidRange(text, c.Size)
	}
	last = min(last, c.Size-1)
	return span{first, last - first + 1, true}, nil
}

// parseRange reads one byte range. first is -1 for the last bytes of an object; last is then how many.
func parseRange(text string) (first, last int64, ok bool) {
	text, ok = strings.CutPrefix(text, "bytes=")
	from, to, dash := strings.Cut(text, "-")
	if !ok || !dash {
		return 0, 0, false
	}
	first, last = -1, 1<<62
	var err error
	if from != "" {
		if first, err = strconv.ParseInt(from, 10, 64); err != nil || first < 0 {
			return 0, 0, false
		}
	}
	if to != "" || from == "" {
		if last, err = strconv.ParseInt(to, 10, 64); err != nil || last < 0 || last < first {
			return 0, 0, false
		}
	}
	return first, last, true
}

// partSpan finds a part of a multipart upload; every other object is one part.
func (c *content) partSpan(req *request, text string) (span, error) {
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 || n > maxParts {
		return span{}, errInvalidArgument("partNumber", text, "Part number must be an integer between 1 and 10000, inclusive")
	}
	if n > len(c.parts) {
		return span{}, detailed(wire.Errorf(http.StatusRequestedRangeNotSatisfiable, "InvalidPartNumber",
			"The requested partnumber is not satisfiable"), "ActualPartCount", strconv.Itoa(len(c.parts)), "PartNumberRequested", text)
	}
	if c.Parts > 0 {
		req.w.Header().Set("X-Amz-Mp-Parts-Count", strconv.Itoa(c.Parts))
	}
	out := span{0, c.parts[n-1].Size, c.Size > 0}
	for _, p := range c.parts[:n-1] {
		out.start += p.Size
	}
	return out, nil
}
