package storage

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"mime"
	"path"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

// S3 is Amazon's S3, or an endpoint that speaks its protocol.
type S3 struct {
	client  *s3.Client
	scheme  string // how messages begin the address of an object
	crc     bool   // AWS's own checksums are sent; else the MD5 that every server of the protocol knows
	retries retries
	secrets []string // that no message may hold
}

// Download fetches the object as one stream, which is about as fast as a function's network is. The checksum of the
// whole is compared at its end: the SDK does so by that of S3, where there is one; else the ETag is, where it is an MD5.
func (s *S3) Download(ctx context.Context, bucket, key, path string, reserve func(int64) error) (Object, error) {
	var object Object
	err := again(ctx, s.retries, func() (err error) {
		object, err = s.download(ctx, bucket, key, path, reserve)
		return err
	})
	return object, s.wrap("fetch", bucket, key, err)
}

func (s *S3) download(ctx context.Context, bucket, key, path string, reserve func(int64) error) (Object, error) {
	if err := checkName(key); err != nil {
		return Object{}, err
	}
	out, err := s.client.GetObject(ctx, &s3.GetObjectInput{
		Bucket: &bucket, Key: &key, ChecksumMode: types.ChecksumModeEnabled,
	})
	if err != nil {
		return Object{}, err
	}
	defer out.Body.Close()
	size := int64(-1)
	if out.ContentLength != nil {
		size = *out.ContentLength
	}
	if err := receive(out.Body, size, expected(out), path, reserve); err != nil {
		return Object{}, err
	}
	return Object{Size: size, ETag: bareETag(aws.ToString(out.ETag))}, nil
}

// Upload stores a file by one call, or by several where it is large.
func (s *S3) Upload(ctx context.Context, bucket, key, path string) (int64, error) {
	size, err := s.upload(ctx, bucket, key, path)
	return size, s.wrap("store", bucket, key, err)
}

func (s *S3) upload(ctx context.Context, bucket, key, path string) (int64, error) {
	if err := checkName(key); err != nil {
		return 0, err
	}
	file, size, err := openFile(path)
	if err != nil {
		return 0, err
	}
	defer file.Close()
	if size > InPartsAbove {
		err = s.uploadParts(ctx, bucket, key, file, size)
	} else {
		err = s.put(ctx, bucket, key, typeOf(key), io.NewSectionReader(file, 0, size))
	}
	if err != nil {
		return 0, err
	}
	return size, nil
}

// body is content of known size that can be sent again.
type body interface {
	io.ReadSeeker
	io.ReaderAt
	Size() int64
}

func (s *S3) put(ctx context.Context, bucket, key, contentType string, content body) error {
	input := &s3.PutObjectInput{
		Bucket: &bucket, Key: &key, ContentType: &contentType, ContentLength: aws.Int64(content.Size()), Body: content,
	}
	sum, err := s.sum(content, &input.ContentMD5)
	if err != nil {
		return err
	}
	out, err := s.client.PutObject(ctx, input)
	if err != nil {
		return err
	}
	if err := confirmed(out.ETag); err != nil {
		return err
	}
	return sum.stored(out.ETag, out.ServerSideEncryption, out.SSECustomerAlgorithm)
}

// ReadLimit is how many bytes Read takes at most: the record of an input names all outputs, and a script may make many thousands.
const ReadLimit = 64 << 20

// Read returns a small object. One that does not exist is ErrNotExist; one of more than ReadLimit bytes an error.
func (s *S3) Read(ctx context.Context, bucket, key string) ([]byte, error) {
	var content []byte
	err := again(ctx, s.retries, func() (err error) {
		content, err = s.read(ctx, bucket, key)
		return err
	})
	return content, s.wrap("read", bucket, key, err)
}

func (s *S3) read(ctx context.Context, bucket, key string) ([]byte, error) {
	out, err := s.client.GetObject(ctx, &s3.GetObjectInput{Bucket: &bucket, Key: &key, ChecksumMode: types.ChecksumModeEnabled})
	if err != nil {
		return nil, err
	}
	defer out.Body.Close()
	var content bytes.Buffer
	content.Grow(int(min(max(aws.ToInt64(out.ContentLength), 0), ReadLimit)) + bytes.MinRead)
	if _, err := content.ReadFrom(io.LimitReader(bodyReader{out.Body}, ReadLimit+1)); err != nil {
		return nil, err
	}
	if content.Len() > ReadLimit {
		return nil, fmt.Errorf("the object has more than %d bytes", ReadLimit)
	}
	return content.Bytes(), nil
}

// Write stores a small object of JSON.
func (s *S3) Write(ctx context.Context, bucket, key string, content []byte) error {
	return s.wrap("write", bucket, key, s.put(ctx, bucket, key, "application/json", bytes.NewReader(content)))
}

// typeOf guesses a content type by a key's ending.
func typeOf(key string) string {
	if guess := mime.TypeByExtension(path.Ext(key)); guess != "" {
		return guess
	}
	return "application/octet-stream"
}

// wrap says what was attempted.
func (s *S3) wrap(attempted, bucket, key string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s %s%s/%s: %w", attempted, s.scheme, bucket, shown(key), s.simplify(err))
}
