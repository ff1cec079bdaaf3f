package image

import (
	"errors"
	"fmt"
	"io"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// errDigest is what reading content that is not what its digest says ends with.
var errDigest = errors.New("content does not match its digest")

// verified passes the bytes of rc on and fails, in place of the end, unless they were the size bytes
// that the digest stands for.
func verified(rc io.ReadCloser, size int64, digest v1.Hash) io.ReadCloser {
	return &verifier{ReadCloser: rc, left: size, want: digest, got: newMeter()}
}

type verifier struct {
	io.ReadCloser
	left int64
	want v1.Hash
	got  *meter
}

func (v *verifier) Read(p []byte) (int, error) {
	n, err := v.ReadCloser.Read(p)
	v.left -= int64(n)
	if v.left < 0 {
		return 0, fmt.Errorf("%w %s: it is longer than expected", errDigest, v.want)
	}
	if _, werr := v.got.Write(p[:n]); werr != nil {
		return n, werr
	}
	if err != io.EOF {
		return n, err
	}
	if v.left > 0 {
		return n, fmt.Errorf("%w %s: %d bytes are missing", errDigest, v.want, v.left)
	}
	if v.got.digest() != v.want {
		return n, fmt.Errorf("%w %s: it is %s", errDigest, v.want, v.got.digest())
	}
	return n, io.EOF
}

// readSmall reads what must fit into memory: a manifest, a configuration.
func readSmall(r io.Reader, what string) ([]byte, error) {
	b, err := io.ReadAll(io.LimitReader(r, maxMetadata+1))
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", what, err)
	}
	if len(b) > maxMetadata {
		return nil, fmt.Errorf("read %s: it is larger than %d MB", what, maxMetadata>>20)
	}
	return b, nil
}
