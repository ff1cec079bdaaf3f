package s3

import (
	"bufio"
	"bytes"
	"crypto/md5"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"hash"
	"io"
	"net/http"
	"strconv"
	"strings"

	"github.com/scar-go/scar/local/wire"
)

// maxPut is the largest body of one PutObject or UploadPart: 5 GiB.
const maxPut = 5 << 30

// incoming is the body of a request: decoded from aws-chunked encoding if it came so, and checked
// against every digest that the request declares. Reading to the end either yields io.EOF, and then
// the digests agree, or the error to answer.
type incoming struct {
	body    io.Reader
	chunks  *chunked // nil if the body is plain
	size    int64    // as declared; -1 if it was not
	n       int64
	md5     hash.Hash
	sum     hash.Hash
	want    checksum // Value is "" if it comes in the trailer, or if none was declared
	second  hash.Hash
	other   string // algorithm of second; "" if there is none
	trailer bool   // the checksum's value is in the trailer
	given   bool   // the request declared a checksum
	wantMD5 []byte // nil: none
	checked bool
}

// newIncoming reads the headers that describe the body.
func newIncoming(r *request) (*incoming, error) {
	in := &incoming{body: r.Body, size: r.ContentLength, md5: md5.New()}
	var err error
	if in.want, in.trailer, err = declaredChecksum(r.Header); err != nil {
		return nil, err
	}
	if in.given = in.want.Algorithm != ""; !in.given {
		in.want.Algorithm = algorithmCRC64NVME
	}
	in.sum = algorithms[in.want.Algorithm]()
	if in.wantMD5, err = declaredMD5(r.Header); err != nil {
		return nil, err
	}
	// What the signature says of the body was checked with the signature; only its framing is left.
	if strings.HasPrefix(r.Header.Get("X-Amz-Content-Sha256"), "STREAMING-") {
		size, err := strconv.ParseInt(r.Header.Get("X-Amz-Decoded-Content-Length"), 10, 64)
		if err != nil || size < 0 {
			return nil, errMissingLength()
		}
		in.size = size
		in.chunks = newChunked(r.Body)
		in.body = in.chunks
	}
	return in, nil
}

func declaredMD5(h http.Header) ([]byte, error) {
	values, ok := h["Content-Md5"]
	if !ok {
		return nil, nil
	}
	sum, err := base64.StdEncoding.DecodeString(values[0])
	if err != nil || len(sum) != md5.Size {
		return nil, wire.Errorf(http.StatusBadRequest, "InvalidDigest", "The Content-MD5 you specified was invalid.")
	}
	return sum, nil
}

func errMissingLength() error {
	return wire.Errorf(http.StatusLengthRequired, "MissingContentLength", "You must provide the Content-Length HTTP header.")
}

// uploadSize is the size of an object or part, which S3 must know beforehand.
func (in *incoming) uploadSize() (int64, error) {
	switch {
	case in.size < 0:
		return 0, errMissingLength()
	case in.size > maxPut:
		return 0, detailed(wire.Errorf(http.StatusBadRequest, "EntityTooLarge",
			"Your proposed upload exceeds the maximum allowed size"),
			"ProposedSize", strconv.FormatInt(in.size, 10), "MaxSizeAllowed", strconv.FormatInt(maxPut, 10))
	}
	return in.size, nil
}

// Read implements io.Reader.
func (in *incoming) Read(p []byte) (int, error) {
	n, err := in.body.Read(p)
	in.n += int64(n)
	if in.size >= 0 && in.n > in.size {
		return 0, errIncompleteBody()
	}
	in.md5.Write(p[:n])
	in.sum.Write(p[:n])
	if in.second != nil {
		in.second.Write(p[:n])
	}
	if errors.Is(err, io.EOF) && !in.checked {
		in.checked = true
		if wrong := in.check(); wrong != nil {
			return n, wrong
		}
	}
	return n, err
}

// check compares the digests at the end of the body.
func (in *incoming) check() error {
	if in.size >= 0 && in.n != in.size {
		return errIncompleteBody()
	}
	if in.wantMD5 != nil && !bytes.Equal(in.wantMD5, in.md5.Sum(nil)) {
		return detailed(wire.Errorf(http.StatusBadRequest, "BadDigest", "The Content-MD5 you specified did not match what we received."),
			"ExpectedDigest", base64.StdEncoding.EncodeToString(in.wantMD5))
	}
	value := base64.StdEncoding.EncodeToString(in.sum.Sum(nil))
	want := in.want.Value
	if in.trailer {
		if want = in.chunks.value(in.want.header()); want == "" {
			return wire.Errorf(http.StatusBadRequest, "MalformedTrailerError",
				"The request contained trailing data that was not well-formed or did not conform to our published schema.")
		}
	}
	if in.given && want != value {
		return wire.Errorf(http.StatusBadRequest, "BadDigest",
			"The %s you specified did not match the calculated checksum.", in.want.Algorithm)
	}
	in.want.Value = value
	return nil
}

// alsoSum has another checksum computed beside the declared one.
func (in *incoming) alsoSum(algorithm string) {
	if algorithm != in.want.Algorithm {
		in.other, in.second = algorithm, algorithms[algorithm]()
	}
}

// checksum is the additional checksum of the body, after it was read to its end: the one that was
// asked for by alsoSum, or else the declared one.
func (in *incoming) checksum() checksum {
	if in.second == nil {
		return in.want
	}
	return checksum{Algorithm: in.other, Value: base64.StdEncoding.EncodeToString(in.second.Sum(nil))}
}

func hexOf(b []byte) string { return hex.EncodeToString(b) }

// chunked decodes the aws-chunked encoding: chunks with their size in hexadecimal, perhaps a signature,
// then trailers. Signatures of chunks are not verified: over loopback they protect nothing that the
// signature of the header does not.
type chunked struct {
	in       *bufio.Reader
	left     int64
	started  bool
	ended    bool
	trailers map[string]string
}

// maxChunkLine bounds the lines of the encoding.
const maxChunkLine = 4096

func newChunked(r io.Reader) *chunked {
	return &chunked{in: bufio.NewReaderSize(r, 64<<10), trailers: map[string]string{}}
}

// value returns a trailer, named as a header.
func (c *chunked) value(name string) string {
	if c == nil {
		return ""
	}
	return c.trailers[http.CanonicalHeaderKey(name)]
}

// Read implements io.Reader.
func (c *chunked) Read(p []byte) (int, error) {
	if c.ended {
		return 0, io.EOF
	}
	if c.left == 0 {
		if err := c.next(); err != nil {
			return 0, err
		}
		if c.ended {
			return 0, io.EOF
		}
	}
	if int64(len(p)) > c.left {
		p = p[:c.left]
	}
	n, err := c.in.Read(p)
	c.left -= int64(n)
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return n, err
}

// next reads what is between two chunks, and the trailers behind the last.
func (c *chunked) next() error {
	if c.started {
		if line, err := c.line(); err != nil || line != "" {
			return errors.Join(err, errIncompleteBody())
		}
	}
	c.started = true
	line, err := c.line()
	if err != nil {
		return err
	}
	size, _, _ := strings.Cut(line, ";")
	c.left, err = strconv.ParseInt(size, 16, 64)
	if err != nil || c.left < 0 {
		c.left = 0
		return errIncompleteBody()
	}
	if c.left > 0 {
		return nil
	}
	return c.readTrailers()
}

// readTrailers reads lines until an empty one or the end; clients differ in how they end.
func (c *chunked) readTrailers() error {
	for range 16 {
		line, err := c.line()
		if line == "" && (err == nil || errors.Is(err, io.ErrUnexpectedEOF)) {
			c.ended = true
			return nil
		}
		if err != nil {
			return err
		}
		name, value, _ := strings.Cut(line, ":")
		c.trailers[http.CanonicalHeaderKey(strings.TrimSpace(name))] = strings.TrimSpace(value)
	}
	return errIncompleteBody()
}

// line reads a line without its CR LF.
func (c *chunked) line() (string, error) {
	var line []byte
	for len(line) <= maxChunkLine {
		b, err := c.in.ReadByte()
		if errors.Is(err, io.EOF) {
			return string(line), io.ErrUnexpectedEOF
		}
		if err != nil {
			return "", err
		}
		if b == '\n' {
			return strings.TrimSuffix(string(line), "\r"), nil
		}
		line = append(line, b)
	}
	return "", errIncompleteBody()
}

// newInternal is for bytes that the backend copies itself: nothing to check, an algorithm to compute.
func newInternal(algorithm string, size int64) (*incoming, error) {
	if algorithm == "" {
		algorithm = algorithmCRC64NVME
	}
	newHash, ok := algorithms[algorithm]
	if !ok {
		return nil, wire.Unknown("s3", "checksum algorithm "+algorithm)
	}
	return &incoming{size: size, md5: md5.New(), sum: newHash(), want: checksum{Algorithm: algorithm}}, nil
}
