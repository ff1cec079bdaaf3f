package storage

import (
	"context"
	"fmt"
	"io"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"golang.org/x/sync/errgroup"
)

// The limits of S3 are those of https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html
const (
	// InPartsAbove is up to how many bytes a file is sent to S3 by one call. Larger ones are sent in parts, which is another kind of event.
	InPartsAbove = 16 << 20

	minPartSize = 8 << 20 // bytes; S3 takes no less than 5 MiB
	maxParts    = 10_000
	partsAtOnce = 8
)

// uploadParts sends a large file in parts, several at a time. The parts are read from the file when they are
// sent, never held in memory: functions may have 128 MB, and most of them are the script's.
func (s *S3) uploadParts(ctx context.Context, bucket, key string, file io.ReaderAt, size int64) error {
	input := &s3.CreateMultipartUploadInput{Bucket: &bucket, Key: &key, ContentType: aws.String(typeOf(key))}
	if s.crc {
		// One checksum of the whole, which whoever fetches the object can compare. The default is one of the parts' checksums.
		input.ChecksumAlgorithm, input.ChecksumType = types.ChecksumAlgorithmCrc32, types.ChecksumTypeFullObject
	}
	made, err := s.client.CreateMultipartUpload(ctx, input)
	if err != nil {
		return err
	}
	of := upload{bucket, key, made.UploadId}
	parts, err := s.sendParts(ctx, of, file, size)
	if err == nil {
		err = s.complete(ctx, of, parts, size)
	}
	if err == nil {
		return nil
	}
	err = s.simplify(err)
	if left := s.abort(ctx, of); left != nil {
		return fmt.Errorf("%w; %w", err, left)
	}
	return err
}

// upload is what all parts of an upload have in common.
type upload struct {
	bucket, key string
	id          *string
}

func (s *S3) sendParts(ctx context.Context, of upload, file io.ReaderAt, size int64) ([]types.CompletedPart, error) {
	partSize := partSizeFor(size)
	parts := make([]types.CompletedPart, (size+partSize-1)/partSize)
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(partsAtOnce)
	for i := range parts {
		group.Go(func() error {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			start := int64(i) * partSize
			part, err := s.sendPart(ctx, of, int32(i+1), io.NewSectionReader(file, start, min(partSize, size-start)))
			if err != nil {
				return fmt.Errorf("part %d of %d: %w", i+1, len(parts), s.simplify(err))
			}
			parts[i] = part
			return nil
		})
	}
	return parts, group.Wait()
}

func (s *S3) sendPart(ctx context.Context, of upload, number int32, content *io.SectionReader) (types.CompletedPart, error) {
	input := &s3.UploadPartInput{
		Bucket: &of.bucket, Key: &of.key, UploadId: of.id, PartNumber: &number,
		ContentLength: aws.Int64(content.Size()), Body: content,
	}
	sum, err := s.sum(content, &input.ContentMD5)
	if err != nil {
		return types.CompletedPart{}, err
	}
	if s.crc {
		input.ChecksumAlgorithm = types.ChecksumAlgorithmCrc32
	}
	out, err := s.client.UploadPart(ctx, input)
	if err != nil {
		return types.CompletedPart{}, err
	}
	if err := confirmed(out.ETag); err != nil {
		return types.CompletedPart{}, err
	}
	if err := sum.stored(out.ETag, out.ServerSideEncryption, out.SSECustomerAlgorithm); err != nil {
		return types.CompletedPart{}, err
	}
	return types.CompletedPart{ETag: out.ETag, PartNumber: &number, ChecksumCRC32: out.ChecksumCRC32}, nil
}

func (s *S3) complete(ctx context.Context, of upload, parts []types.CompletedPart, size int64) error {
	input := &s3.CompleteMultipartUploadInput{
		Bucket: &of.bucket, Key: &of.key, UploadId: of.id,
		MultipartUpload: &types.CompletedMultipartUpload{Parts: parts},
	}
	if s.crc {
		input.ChecksumType, input.MpuObjectSize = types.ChecksumTypeFullObject, &size
	}
	out, err := s.client.CompleteMultipartUpload(ctx, input)
	if err != nil {
		return err
	}
	return confirmed(out.ETag)
}

// abort frees the parts that were stored.
func (s *S3) abort(ctx context.Context, of upload) error {
	ctx, cancel := cleanup(ctx)
	defer cancel()
	_, err := s.client.AbortMultipartUpload(ctx, &s3.AbortMultipartUploadInput{Bucket: &of.bucket, Key: &of.key, UploadId: of.id})
	if err != nil {
		return fmt.Errorf("abort the upload, whose parts stay and are billed: %w", s.simplify(err))
	}
	return nil
}

func partSizeFor(size int64) int64 {
	return max(minPartSize, (size+maxParts-1)/maxParts)
}
