package s3

import (
	"bytes"
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"hash"
	"hash/crc32"
	"hash/crc64"
	"net/http"
	"strconv"
	"strings"

	"github.com/scar-go/scar/local/wire"
)

// checksum is an object's or part's additional checksum, as the x-amz-checksum headers carry it.
type checksum struct {
	Algorithm string `json:"a,omitempty"` // CRC32, CRC32C, CRC64NVME, SHA1 or SHA256
	Value     string `json:"v,omitempty"` // base64; of a composite one with -N behind
	Composite bool   `json:"c,omitempty"` // made of the checksums of N parts
}

func (c checksum) kind() string {
	if c.Composite {
		return "COMPOSITE"
	}
	return "FULL_OBJECT"
}

// header is the header that carries the value.
func (c checksum) header() string { return "X-Amz-Checksum-" + strings.ToLower(c.Algorithm) }

// element is the XML element that carries the value.
func (c checksum) element() string { return "Checksum" + c.Algorithm }

const (
	algorithmCRC64NVME = "CRC64NVME" // what S3 computes for uploads that name no algorithm
	castagnoli         = uint32(crc32.Castagnoli)
	// nvme is the polynomial of CRC-64/NVME, bits reversed (NVM Express specification, 5.2.1.3.4).
	nvme = 0x9A6C9329AC4BC9B5
)

var (
	castagnoliTable = crc32.MakeTable(castagnoli)
	nvmeTable       = crc64.MakeTable(nvme)
)

// algorithms are the additional checksums that are served.
var algorithms = map[string]func() hash.Hash{
	"CRC32":            func() hash.Hash { return crc32.NewIEEE() },
	"CRC32C":           func() hash.Hash { return crc32.New(castagnoliTable) },
	algorithmCRC64NVME: func() hash.Hash { return crc64.New(nvmeTable) },
	"SHA1":             sha1.New,
	"SHA256":           sha256.New,
}

// declaredChecksum reads which checksum a request brings: in a header, with its value, or in a
// trailer. The zero checksum means none.
func declaredChecksum(h http.Header) (c checksum, inTrailer bool, err error) {
	asked := strings.ToUpper(h.Get("X-Amz-Sdk-Checksum-Algorithm"))
	for name, values := range h {
		algorithm, ok := strings.CutPrefix(name, "X-Amz-Checksum-")
		algorithm = strings.ToUpper(algorithm)
		if !ok || algorithm == "ALGORITHM" || algorithm == "TYPE" || algorithm == "MODE" {
			continue
		}
		if c.Algorithm != "" {
			return c, false, errInvalidRequest("Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed.")
		}
		c = checksum{Algorithm: algorithm, Value: values[0]}
	}
	if trailer := strings.ToLower(strings.TrimSpace(h.Get("X-Amz-Trailer"))); trailer != "" {
		algorithm, ok := strings.CutPrefix(trailer, "x-amz-checksum-")
		if !ok {
			return c, false, errInvalidRequest("The value specified in the x-amz-trailer header is not supported")
		}
		c, inTrailer = checksum{Algorithm: strings.ToUpper(algorithm)}, true
	}
	if c.Algorithm == "" {
		if asked != "" {
			return c, false, errInvalidRequest("x-amz-sdk-checksum-algorithm specified, but no corresponding " +
				"x-amz-checksum-* or x-amz-trailer headers were found.")
		}
		return c, false, nil
	}
	newHash, ok := algorithms[c.Algorithm]
	if !ok {
		return c, false, wire.Unknown("s3", "checksum algorithm "+c.Algorithm)
	}
	if raw, err := base64.StdEncoding.DecodeString(c.Value); !inTrailer && (err != nil || len(raw) != newHash().Size()) {
		return c, false, errInvalidRequest("Value for " + strings.ToLower(c.header()) + " header is invalid.")
	}
	return c, inTrailer, nil
}

// composite makes the checksum, or the ETag, of an object from those of its parts.
func composite(newHash func() hash.Hash, parts [][]byte) []byte {
	h := newHash()
	h.Write(bytes.Join(parts, nil))
	return h.Sum(nil)
}

func compositeETag(md5s [][]byte) string {
	return hexOf(composite(md5.New, md5s)) + "-" + strconv.Itoa(len(md5s))
}

// joinCRC makes the checksum of a whole object from those of its parts, without reading them: a CRC is
// linear, so appending n zero bytes to what a CRC was taken of is a power of one matrix.
func joinCRC(algorithm string, sums [][]byte, sizes []int64) []byte {
	var polynomial, total uint64
	switch algorithm {
	case "CRC32":
		polynomial = crc32.IEEE
	case "CRC32C":
		polynomial = uint64(castagnoli)
	default:
		polynomial = nvme
	}
	for i, sum := range sums {
		total = appendZeros(polynomial, total, sizes[i]) ^ number(sum)
	}
	out := binary.BigEndian.AppendUint64(nil, total)
	return out[8-len(sums[0]):]
}

func number(b []byte) uint64 {
	var n uint64
	for _, c := range b {
		n = n<<8 | uint64(c)
	}
	return n
}

// matrix maps a CRC to another; m[i] is the image of bit i.
type matrix [64]uint64

func (m *matrix) times(v uint64) uint64 {
	var sum uint64
	for i := 0; v != 0; i, v = i+1, v>>1 {
		if v&1 == 1 {
			sum ^= m[i]
		}
	}
	return sum
}

func (m *matrix) square() *matrix {
	var out matrix
	for i := range m {
		out[i] = m.times(m[i])
	}
	return &out
}

// appendZeros returns the CRC register after n more zero bytes.
func appendZeros(polynomial, crc uint64, n int64) uint64 {
	m := &matrix{polynomial} // one zero bit, for registers shifted right
	for i := 1; i < len(m); i++ {
		m[i] = 1 << (i - 1)
	}
	for range 3 {
		m = m.square() // eight bits: one byte
	}
	for ; n > 0; n >>= 1 {
		if n&1 == 1 {
			crc = m.times(crc)
		}
		m = m.square()
	}
	return crc
}
