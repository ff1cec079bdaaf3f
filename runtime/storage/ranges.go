package storage

import (
	"context"
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"hash/crc32"
	"hash/crc64"
	"io"
	"os"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"golang.org/x/sync/errgroup"
)

const (
	// RangesFrom is the size in bytes from which on an object is worth fetching in several ranges at a time: one connection
	// to S3 carries less than a good network does.
	RangesFrom = 64 << 20

	rangeSize    = 16 << 20 // bytes
	rangesAtOnce = 8
)

// DownloadRanges writes an object, of which size and ETag are known, to a new file by several calls at a time. It is an error if the object
// changes meanwhile. The checksum of the whole is compared with the file at the end.
func (s S3Catalogue) DownloadRanges(ctx context.Context, bucket, key, path string, of Object) error {
	err := s.downloadRanges(ctx, bucket, key, path, of)
	return s.wrap("fetch", bucket, key, missingBucket(err))
}

func (s S3Catalogue) downloadRanges(ctx context.Context, bucket, key, path string, of Object) (err error) {
	if err := checkName(key); err != nil {
		return err
	}
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o644)
	if err != nil {
		return err
	}
	defer func() {
		if err = errors.Join(err, file.Close()); err != nil {
			err = errors.Join(err, os.Remove(path))
		}
	}()
	sum, err := s.wanted(ctx, bucket, key, of)
	if err != nil {
		return err
	}
	group, within := errgroup.WithContext(ctx)
	group.SetLimit(rangesAtOnce)
	for start := int64(0); start < of.Size && within.Err() == nil; start += rangeSize {
		end := min(start+rangeSize, of.Size)
		group.Go(func() error {
			return again(within, s.retries, func() error { return s.downloadRange(within, bucket, key, file, of, start, end) })
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	if sum == nil {
		return nil
	}
	if _, err := io.CopyBuffer(onlyWriter{sum.hash}, onlyReader{io.NewSectionReader(file, 0, of.Size)}, make([]byte, copyBuffer)); err != nil {
		return err
	}
	return sum.compare()
}

// downloadRange fetches the bytes from start to before end.
func (s S3Catalogue) downloadRange(ctx context.Context, bucket, key string, file io.WriterAt, of Object, start, end int64) (err error) {
	out, err := s.client.GetObject(ctx, &s3.GetObjectInput{
		Bucket: &bucket, Key: &key, Range: aws.String(fmt.Sprintf("bytes=%d-%d", start, end-1)), IfMatch: aws.String(`"` + of.ETag + `"`),
	})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, out.Body.Close()) }()
	if want := fmt.Sprintf("bytes %d-%d/%d", start, end-1, of.Size); aws.ToString(out.ContentRange) != want {
		return fmt.Errorf("the server sends %q where %q was asked for", aws.ToString(out.ContentRange), want)
	}
	written, err := io.CopyBuffer(onlyWriter{io.NewOffsetWriter(file, start)}, io.LimitReader(bodyReader{out.Body}, end-start), make([]byte, copyBuffer))
	if err == nil && written != end-start {
		err = &brokenError{fmt.Errorf("%d of %d bytes arrived", written, end-start)}
	}
	return err
}

// wanted is the sum that the whole of an object has, nil where the server knows none. One of the sums of parts is of no use.
func (s S3Catalogue) wanted(ctx context.Context, bucket, key string, of Object) (*checksum, error) {
	head, err := s.client.HeadObject(ctx, &s3.HeadObjectInput{Bucket: &bucket, Key: &key, ChecksumMode: types.ChecksumModeEnabled, IfMatch: aws.String(`"` + of.ETag + `"`)})
	if err != nil {
		return nil, err
	}
	for _, known := range []struct {
		name string
		sum  *string
		make func() hash.Hash
	}{
		{"CRC64NVME", head.ChecksumCRC64NVME, func() hash.Hash { return crc64.New(crc64.MakeTable(nvme)) }},
		{"CRC32", head.ChecksumCRC32, func() hash.Hash { return crc32.NewIEEE() }},
		{"CRC32C", head.ChecksumCRC32C, func() hash.Hash { return crc32.New(crc32.MakeTable(crc32.Castagnoli)) }},
		{"SHA1", head.ChecksumSHA1, sha1.New},
		{"SHA256", head.ChecksumSHA256, sha256.New},
	} {
		if known.sum == nil || strings.Contains(*known.sum, "-") || head.ChecksumType == types.ChecksumTypeComposite {
			continue
		}
		want, err := base64.StdEncoding.DecodeString(*known.sum)
		if err != nil {
			return nil, fmt.Errorf("the server's checksum %s cannot be read: %w", known.name, err)
		}
		return &checksum{name: known.name, want: hex.EncodeToString(want), hash: known.make()}, nil
	}
	if ownETag(head.ServerSideEncryption, head.SSECustomerAlgorithm) || len(of.ETag) != hex.EncodedLen(md5.Size) {
		return nil, nil
	}
	return md5OfETag(of.ETag), nil
}

// nvme is the polynomial of CRC-64/NVME, reflected, as S3 uses it.
// Its source is https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity-upload.html
const nvme = 0x9a6c9329ac4bc9b5
