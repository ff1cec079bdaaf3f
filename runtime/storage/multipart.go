package storage

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"golang.org/x/sync/errgroup"
)

// The limits of S3 are those of https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html
const (
	multipartThreshold = 16 << 20 // bytes; larger files are sent in parts
	minPartSize        = 8 << 20  // bytes; S3 takes no less than 5 MiB
	maxParts           = 10_000
	partsAtOnce        = 4
	abortTimeout       = 300 * time.Millisecond
)

// uploadParts sends a large file in parts, several at a time. The parts are read from the file when they are
// sent, never held in memory: functions may have 128 MB, and most of them are the script's.
func (s *S3) uploadParts(ctx context.Context, bucket, key string, file *os.File, size int64) error {
	made, err := s.client.CreateMultipartUpload(ctx, &s3.CreateMultipartUploadInput{
		Bucket: &bucket, Key: &key, ContentType: contentType(key), ChecksumAlgorithm: types.ChecksumAlgorithmCrc32,
	})
	if err != nil {
		return err
	}
	parts, err := s.sendParts(ctx, upload{bucket, key, made.UploadId}, file, size)
	if err == nil {
		_, err = s.client.CompleteMultipartUpload(ctx, &s3.CompleteMultipartUploadInput{
			Bucket: &bucket, Key: &key, UploadId: made.UploadId,
			MultipartUpload: &types.CompletedMultipartUpload{Parts: parts},
		})
	}
	if err != nil {
		return errors.Join(simplify(err), s.abort(ctx, bucket, key, made.UploadId))
	}
	return nil
}

// upload is what all parts of an upload have in common.
type upload struct {
	bucket, key string
	id          *string
}

func (s *S3) sendParts(ctx context.Context, of upload, file *os.File, size int64) ([]types.CompletedPart, error) {
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
			length := min(partSize, size-start)
			out, err := s.client.UploadPart(ctx, &s3.UploadPartInput{
				Bucket: &of.bucket, Key: &of.key, UploadId: of.id, PartNumber: aws.Int32(int32(i + 1)),
				ChecksumAlgorithm: types.ChecksumAlgorithmCrc32, ContentLength: &length,
				Body: io.NewSectionReader(file, start, length),
			})
			if err != nil {
				return fmt.Errorf("part %d of %d: %w", i+1, len(parts), simplify(err))
			}
			parts[i] = types.CompletedPart{ETag: out.ETag, PartNumber: aws.Int32(int32(i + 1)), ChecksumCRC32: out.ChecksumCRC32}
			return nil
		})
	}
	return parts, group.Wait()
}

// abort frees the parts that were stored. Where the time ran out it has a little of its own, short of
// what an invocation keeps back for its record and its answer.
func (s *S3) abort(ctx context.Context, bucket, key string, id *string) error {
	if ctx.Err() != nil {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(context.WithoutCancel(ctx), abortTimeout)
		defer cancel()
	}
	_, err := s.client.AbortMultipartUpload(ctx, &s3.AbortMultipartUploadInput{Bucket: &bucket, Key: &key, UploadId: id})
	if err != nil {
		return fmt.Errorf("abort the upload, whose parts stay and are billed: %w", simplify(err))
	}
	return nil
}

func partSizeFor(size int64) int64 {
	return max(minPartSize, (size+maxParts-1)/maxParts)
}
