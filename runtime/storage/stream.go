package storage

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

// Stream implements Catalogue.
func (s S3Catalogue) Stream(ctx context.Context, bucket, key string, to io.Writer) error {
	if err := checkName(key); err != nil {
		return s.wrap("fetch", bucket, key, err)
	}
	out, err := s.client.GetObject(ctx, &s3.GetObjectInput{Bucket: &bucket, Key: &key, ChecksumMode: types.ChecksumModeEnabled})
	if err == nil {
		err = pass(out.Body, aws.ToInt64(out.ContentLength), expected(out), to)
	}
	return s.wrap("fetch", bucket, key, missingBucket(err))
}

// Stream implements Catalogue.
func (d webDAVCatalogue) Stream(ctx context.Context, bucket, key string, to io.Writer) error {
	if err := checkPlace(bucket, key); err != nil {
		return d.wrap("fetch", key, err)
	}
	response, size, err := d.open(ctx, key)
	if err == nil {
		err = pass(response.Body, size, parseOCChecksum(response.Header.Get("OC-Checksum")), to)
	}
	return d.wrap("fetch", key, err)
}

// Stream implements Catalogue.
func (o onedataCatalogue) Stream(ctx context.Context, bucket, key string, to io.Writer) error {
	if err := checkPlace(bucket, key); err != nil {
		return o.wrap("fetch", key, err)
	}
	response, err := o.get(ctx, call{method: http.MethodGet, path: o.place(key)})
	if err == nil {
		err = pass(response.Body, response.ContentLength, nil, to)
	}
	return o.wrap("fetch", key, err)
}

// pass copies a body of so many bytes, closes it, and compares its sum. Where the size is not known, the end of the body is its end.
func pass(body io.ReadCloser, size int64, sum *checksum, to io.Writer) (err error) {
	defer func() { err = errors.Join(err, body.Close()) }()
	written, err := io.CopyBuffer(onlyWriter{sum.observe(to)}, bodyReader{body}, make([]byte, copyBuffer))
	switch {
	case err != nil:
		return err
	case size >= 0 && written != size:
		return &brokenError{fmt.Errorf("%d of %d bytes arrived", written, size)}
	}
	return sum.compare()
}
