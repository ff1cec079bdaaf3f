package storage

import (
	"crypto/md5"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

// sent is the MD5 of what is sent, in hexadecimal digits; empty where S3's own checksums do its work.
type sent string

// sum sums up what a call sends to a server that may not know S3's checksums, and sets the call's Content-MD5, which the
// server compares with what arrives.
func (s *S3) sum(content body, header **string) (sent, error) {
	if s.crc {
		return "", nil
	}
	sum, err := sumOf(content, md5.New())
	if err != nil {
		return "", err
	}
	*header = aws.String(base64.StdEncoding.EncodeToString(sum))
	return sent(hex.EncodeToString(sum)), nil
}

// confirmed refuses an answer that names no ETag, as every answer does of S3 that has stored something. The SDK takes any answer
// with the status 200 for such a one, that of a web page or one that breaks off before it has begun included.
func confirmed(etag *string) error {
	if bareETag(aws.ToString(etag)) == "" {
		return errors.New("the server's answer names no ETag, so it may not have stored it: check that the endpoint is one of S3's protocol")
	}
	return nil
}

// stored compares what was sent with the ETag of what is stored, where that is an MD5.
func (s sent) stored(etag *string, encryption types.ServerSideEncryption, customerKey *string) error {
	got := md5OfETag(bareETag(aws.ToString(etag)))
	if s == "" || got == nil || ownETag(encryption, customerKey) || got.want == string(s) {
		return nil
	}
	return fmt.Errorf("the checksum is wrong: MD5 of what was sent is %s, of what the server has stored %s", string(s), got.want)
}

// ownETag reports whether an object is encrypted in a way that makes its ETag no MD5.
// Its source is https://docs.aws.amazon.com/AmazonS3/latest/API/API_Object.html
func ownETag(encryption types.ServerSideEncryption, customerKey *string) bool {
	return customerKey != nil || encryption != "" && encryption != types.ServerSideEncryptionAes256
}

// expected is what a download is to sum up to, beside what the SDK compares by itself.
func expected(out *s3.GetObjectOutput) *checksum {
	for _, compared := range []*string{out.ChecksumCRC32, out.ChecksumCRC32C, out.ChecksumCRC64NVME, out.ChecksumSHA1, out.ChecksumSHA256} {
		if compared != nil && !strings.Contains(*compared, "-") {
			return nil
		}
	}
	if ownETag(out.ServerSideEncryption, out.SSECustomerAlgorithm) {
		return nil
	}
	return md5OfETag(bareETag(aws.ToString(out.ETag)))
}

// checkName refuses the one key that S3 cannot have: an empty one names the bucket.
func checkName(key string) error {
	if key == "" {
		return errors.New("the name is empty")
	}
	return nil
}
