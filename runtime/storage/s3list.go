package storage

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

// List implements Catalogue. It lists in the order of the keys, and holds one page at a time.
func (s S3Catalogue) List(ctx context.Context, bucket, prefix string, deep bool, emit func(Entry) error) error {
	input := &s3.ListObjectsV2Input{Bucket: &bucket, Prefix: &prefix, EncodingType: types.EncodingTypeUrl}
	if !deep {
		input.Delimiter = aws.String("/")
	}
	for {
		page, err := s.client.ListObjectsV2(ctx, input)
		if err != nil {
			return s.wrap("list", bucket, prefix, missingBucket(err))
		}
		entries, err := entriesOf(page)
		if err != nil {
			return s.wrap("list", bucket, prefix, err)
		}
		for _, e := range entries {
			if err := emit(e); err != nil {
				return err
			}
		}
		if !aws.ToBool(page.IsTruncated) {
			return nil
		}
		if aws.ToString(page.NextContinuationToken) == "" {
			return s.wrap("list", bucket, prefix, errors.New("the server says that there is more, but not where"))
		}
		input.ContinuationToken = page.NextContinuationToken
	}
}

// entriesOf are the entries of a page: its folders first. Keys are encoded in it, because XML has no place for some characters.
func entriesOf(page *s3.ListObjectsV2Output) ([]Entry, error) {
	decode := func(key *string) (string, error) {
		if page.EncodingType != types.EncodingTypeUrl {
			return aws.ToString(key), nil
		}
		return url.QueryUnescape(aws.ToString(key))
	}
	entries := make([]Entry, 0, len(page.CommonPrefixes)+len(page.Contents))
	for _, p := range page.CommonPrefixes {
		key, err := decode(p.Prefix)
		if err != nil {
			return nil, fmt.Errorf("read the server's list: %w", err)
		}
		entries = append(entries, Entry{Key: key, Folder: true})
	}
	for _, o := range page.Contents {
		key, err := decode(o.Key)
		if err != nil {
			return nil, fmt.Errorf("read the server's list: %w", err)
		}
		entries = append(entries, Entry{
			Key: key, Modified: aws.ToTime(o.LastModified), Object: Object{Size: aws.ToInt64(o.Size), ETag: bareETag(aws.ToString(o.ETag))},
		})
	}
	return entries, nil
}

// missingBucket tells a bucket that does not exist from an object that does not.
func missingBucket(err error) error {
	var none *types.NoSuchBucket
	if errors.As(err, &none) {
		return errors.New("the bucket does not exist")
	}
	return err
}

// Stat implements Catalogue.
func (s S3Catalogue) Stat(ctx context.Context, bucket, key string) (Entry, error) {
	if err := checkName(key); err != nil {
		return Entry{}, s.wrap("look at", bucket, key, err)
	}
	out, err := s.client.HeadObject(ctx, &s3.HeadObjectInput{Bucket: &bucket, Key: &key})
	var missing *types.NotFound // the answer to HEAD has no body that would say more
	if errors.As(err, &missing) {
		err = ErrNotExist
	}
	if err != nil {
		return Entry{}, s.wrap("look at", bucket, key, err)
	}
	return Entry{
		Key: key, Modified: aws.ToTime(out.LastModified),
		Object: Object{Size: aws.ToInt64(out.ContentLength), ETag: bareETag(aws.ToString(out.ETag))},
	}, nil
}

// Region is where a bucket is, and whether there is one at all. Region is empty where the server doesn't say. The
// caller need not have the right to use the bucket.
func (s S3Catalogue) Region(ctx context.Context, bucket string) (region string, err error) {
	out, err := s.client.HeadBucket(ctx, &s3.HeadBucketInput{Bucket: &bucket})
	if err == nil {
		return aws.ToString(out.BucketRegion), nil
	}
	var missing *types.NotFound
	var answer *smithyhttp.ResponseError
	if errors.As(err, &missing) {
		return "", fmt.Errorf("the bucket %s does not exist", bucket)
	}
	if errors.As(err, &answer) && answer.Response != nil {
		region, status := answer.Response.Header.Get("X-Amz-Bucket-Region"), answer.HTTPStatusCode()
		if region != "" || status == http.StatusForbidden || status == http.StatusBadRequest {
			return region, nil // what is forbidden, has expired or is for another region is said by the call that needs it: this one's answer has no text
		}
	}
	return "", fmt.Errorf("look for the bucket %s: %w", bucket, s.simplify(err))
}

// removeAtOnce is how many keys S3 removes by one call at most.
// Its source is https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteObjects.html
const removeAtOnce = 1000

// Remove implements Catalogue.
func (s S3Catalogue) Remove(ctx context.Context, bucket string, keys []string, failed func(key string, err error)) error {
	var together []types.ObjectIdentifier
	flush := func() {
		s.removeTogether(ctx, bucket, together, failed)
		together = nil
	}
	for _, key := range keys {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		// A server that is not AWS's may want the MD5 of the list, and XML has no place for some characters.
		if !s.crc || strings.ContainsFunc(key, func(r rune) bool { return r < ' ' || r == '\uFFFD' || r == '\uFFFE' || r == '\uFFFF' }) {
			if err := s.remove(ctx, bucket, key); err != nil {
				failed(key, err)
			}
			continue
		}
		if together = append(together, types.ObjectIdentifier{Key: &key}); len(together) == removeAtOnce {
			flush()
		}
	}
	if len(together) > 0 {
		flush()
	}
	return ctx.Err()
}

func (s S3Catalogue) remove(ctx context.Context, bucket, key string) error {
	if err := checkName(key); err != nil {
		return s.wrap("remove", bucket, key, err)
	}
	_, err := s.client.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: &bucket, Key: &key})
	return s.wrap("remove", bucket, key, err)
}

func (s S3Catalogue) removeTogether(ctx context.Context, bucket string, objects []types.ObjectIdentifier, failed func(string, error)) {
	out, err := s.client.DeleteObjects(ctx, &s3.DeleteObjectsInput{
		Bucket: &bucket, Delete: &types.Delete{Objects: objects, Quiet: aws.Bool(true)},
	})
	if err != nil {
		for _, o := range objects {
			failed(*o.Key, s.wrap("remove", bucket, *o.Key, missingBucket(err)))
		}
		return
	}
	for _, e := range out.Errors {
		key := aws.ToString(e.Key)
		failed(key, s.wrap("remove", bucket, key, fmt.Errorf("%s: %s", aws.ToString(e.Code), s.redact(aws.ToString(e.Message)))))
	}
}
