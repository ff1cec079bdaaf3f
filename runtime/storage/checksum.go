package storage

import (
	"crypto/md5"
	"crypto/sha1"
	"encoding/hex"
	"fmt"
	"hash"
	"hash/adler32"
	"io"
	"strings"
)

// checksum is what the bytes of a transfer are to sum up to. A nil one expects nothing.
type checksum struct {
	name string // of the algorithm
	want string // in lower-case hexadecimal digits
	hash hash.Hash
}

// observe returns a writer that sums up what goes through it.
func (c *checksum) observe(w io.Writer) io.Writer {
	if c == nil {
		return w
	}
	return io.MultiWriter(w, c.hash)
}

// compare says whether what went through is what was expected.
func (c *checksum) compare() error {
	if c == nil {
		return nil
	}
	if got := hex.EncodeToString(c.hash.Sum(nil)); got != c.want {
		return fmt.Errorf("the checksum is wrong: %s of the bytes is %s, the server says %s", c.name, got, c.want)
	}
	return nil
}

// md5OfETag expects what an ETag says, where it is an MD5. That of an object in parts, or encrypted by a key of the user's, is none.
func md5OfETag(etag string) *checksum {
	etag = strings.ToLower(etag)
	if !isHex(etag, md5.Size) {
		return nil
	}
	return &checksum{name: "MD5", want: etag, hash: md5.New()}
}

// parseOCChecksum expects what the header OC-Checksum says, by which ownCloud, Nextcloud and their relatives name sums of a
// file: as SHA1:2fd4…, several of them separated by spaces. Of unknown algorithms nothing is expected.
func parseOCChecksum(header string) *checksum {
	known := []struct {
		name string
		size int // bytes
		make func() hash.Hash
	}{
		{"SHA1", sha1.Size, sha1.New},
		{"MD5", md5.Size, md5.New},
		{"ADLER32", adler32.Size, func() hash.Hash { return adler32.New() }},
	}
	for _, k := range known {
		for field := range strings.FieldsSeq(header) {
			name, want, _ := strings.Cut(field, ":")
			want = strings.ToLower(want)
			if strings.EqualFold(name, k.name) && isHex(want, k.size) {
				return &checksum{name: k.name, want: want, hash: k.make()}
			}
		}
	}
	return nil
}

// isHex reports whether a text is so many bytes in lower-case hexadecimal digits.
func isHex(text string, size int) bool {
	if len(text) != hex.EncodedLen(size) {
		return false
	}
	for _, c := range []byte(text) {
		if (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}

// sumBuffer is how many bytes are summed up at a time. As many files as there are connections may be.
const sumBuffer = 64 << 10

// sumOf sums up what is to be sent, and leaves its position where it is.
func sumOf(content body, h hash.Hash) ([]byte, error) {
	buffer := make([]byte, min(content.Size()+1, sumBuffer))
	if _, err := io.CopyBuffer(onlyWriter{h}, onlyReader{io.NewSectionReader(content, 0, content.Size())}, buffer); err != nil {
		return nil, err
	}
	return h.Sum(nil), nil
}
