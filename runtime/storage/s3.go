package storage

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"mime"
	"os"
	"path"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go"
)

// S3 is Amazon's S3, or an endpoint that speaks its protocol.
type S3 struct {
	client *s3.Client
}

// newS3 makes a client without the SDK's chain of configuration files and metadata services: in a
// function there is none of them, and looking for them takes longer than everything else that the runtime does
// before its first event.
func newS3(getenv func(string) string) (*S3, error) {
	region := first(getenv("AWS_REGION"), getenv("AWS_DEFAULT_REGION"))
	if region == "" {
		return nil, errors.New("make S3 client: AWS_REGION is not set")
	}
	credentials := aws.Credentials{
		AccessKeyID:     getenv("AWS_ACCESS_KEY_ID"),
		SecretAccessKey: getenv("AWS_SECRET_ACCESS_KEY"),
		SessionToken:    getenv("AWS_SESSION_TOKEN"),
		Source:          "environment",
	}
	if !credentials.HasKeys() {
		return nil, errors.New("make S3 client: AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are not set")
	}
	options := s3.Options{
		Region: region,
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return credentials, nil
		}),
		Retryer: retry.NewStandard(func(o *retry.StandardOptions) {
			o.MaxAttempts = attempts
			o.Retryables = append([]retry.IsErrorRetryable{retry.IsErrorRetryableFunc(untrusted)}, o.Retryables...)
		}),
	}
	// An endpoint of the user's own has no host name for each bucket.
	if endpoint := first(getenv("AWS_ENDPOINT_URL_S3"), getenv("AWS_ENDPOINT_URL")); endpoint != "" {
		options.BaseEndpoint = aws.String(endpoint)
		options.UsePathStyle = true
	}
	return &S3{client: s3.New(options)}, nil
}

// untrusted keeps a certificate that is not trusted from being tried again: it will not be the next time either.
func untrusted(err error) aws.Ternary {
	var unverified *tls.CertificateVerificationError
	if errors.As(err, &unverified) {
		return aws.FalseTernary
	}
	return aws.UnknownTernary
}

// attempts is how often each call is tried, and each download as a whole when its body breaks off.
const attempts = 4

// Download fetches the object as one stream, which is about as fast as a function's network is. The SDK compares
// the checksum at the stream's end where S3 has one; a stream that breaks off begins anew, so that no
// file is pieced together from parts that no checksum covers.
func (s *S3) Download(ctx context.Context, bucket, key, path string, reserve func(int64) error) (Object, error) {
	for attempt := 1; ; attempt++ {
		object, err := s.download(ctx, bucket, key, path, reserve)
		var broken *brokenError
		if !errors.As(err, &broken) || attempt == attempts || ctx.Err() != nil {
			return object, wrap("fetch", bucket, key, err)
		}
		// What is there already would take the room that the next attempt asks for.
		if err := os.Remove(path); err != nil {
			return Object{}, wrap("fetch", bucket, key, err)
		}
	}
}

func (s *S3) download(ctx context.Context, bucket, key, path string, reserve func(int64) error) (Object, error) {
	out, err := s.client.GetObject(ctx, &s3.GetObjectInput{
		Bucket: &bucket, Key: &key, ChecksumMode: types.ChecksumModeEnabled,
	})
	if err != nil {
		return Object{}, err
	}
	defer out.Body.Close()
	size := aws.ToInt64(out.ContentLength)
	if err := reserve(size); err != nil {
		return Object{}, err
	}
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o644)
	if err != nil {
		return Object{}, err
	}
	written, err := io.Copy(file, bodyReader{out.Body})
	if err = errors.Join(err, file.Close()); err != nil {
		return Object{}, err
	}
	if out.ContentLength != nil && written != size {
		return Object{}, &brokenError{fmt.Errorf("%d of %d bytes arrived", written, size)}
	}
	return Object{Size: written, ETag: strings.Trim(aws.ToString(out.ETag), `"`)}, nil
}

// bodyReader marks the errors of a body, to tell them from those of the file that it is copied to.
type bodyReader struct{ body io.Reader }

func (r bodyReader) Read(p []byte) (int, error) {
	n, err := r.body.Read(p)
	if err != nil && err != io.EOF {
		err = &brokenError{err}
	}
	return n, err
}

type brokenError struct{ err error }

func (e *brokenError) Error() string { return "the download broke off: " + e.err.Error() }
func (e *brokenError) Unwrap() error { return e.err }

// Upload stores a file by one call, or by several where it is large.
func (s *S3) Upload(ctx context.Context, bucket, key, path string) (int64, error) {
	file, err := os.Open(path)
	if err != nil {
		return 0, wrap("store", bucket, key, err)
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return 0, wrap("store", bucket, key, err)
	}
	if info.Size() > multipartThreshold {
		err = s.uploadParts(ctx, bucket, key, file, info.Size())
	} else {
		_, err = s.client.PutObject(ctx, &s3.PutObjectInput{
			Bucket: &bucket, Key: &key, ContentType: contentType(key), ContentLength: aws.Int64(info.Size()),
			Body: io.NewSectionReader(file, 0, info.Size()),
		})
	}
	return info.Size(), wrap("store", bucket, key, err)
}

// ReadLimit is how many bytes Read takes at most.
const ReadLimit = 1 << 20

// Read returns a small object. One that does not exist is ErrNotExist; one of more than ReadLimit bytes an error.
func (s *S3) Read(ctx context.Context, bucket, key string) ([]byte, error) {
	out, err := s.client.GetObject(ctx, &s3.GetObjectInput{Bucket: &bucket, Key: &key})
	if err != nil {
		return nil, wrap("read", bucket, key, err)
	}
	defer out.Body.Close()
	content, err := io.ReadAll(io.LimitReader(out.Body, ReadLimit+1))
	if err == nil && len(content) > ReadLimit {
		err = fmt.Errorf("the object has more than %d bytes", ReadLimit)
	}
	if err != nil {
		return nil, wrap("read", bucket, key, err)
	}
	return content, nil
}

// Write stores a small object of JSON.
func (s *S3) Write(ctx context.Context, bucket, key string, content []byte) error {
	_, err := s.client.PutObject(ctx, &s3.PutObjectInput{
		Bucket: &bucket, Key: &key, ContentType: aws.String("application/json"), Body: bytes.NewReader(content),
	})
	return wrap("write", bucket, key, err)
}

// contentType guesses by the key's ending; nil leaves the choice to S3, which is application/octet-stream.
func contentType(key string) *string {
	if guess := mime.TypeByExtension(path.Ext(key)); guess != "" {
		return &guess
	}
	return nil
}

// wrap says what was attempted.
func wrap(attempted, bucket, key string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s s3://%s/%s: %w", attempted, bucket, key, simplify(err))
}

// simplify keeps the code and the message of an answer of S3, without the SDK's account of which
// layer failed. Other errors, and those that are simple already, stay as they are.
func simplify(err error) error {
	var done *answerError
	var missing *types.NoSuchKey
	var answer smithy.APIError
	switch {
	case errors.As(err, &done):
		return err
	case errors.As(err, &missing):
		return ErrNotExist
	case errors.As(err, &answer):
		return &answerError{answer}
	}
	return err
}

// answerError is an error that S3 answered.
type answerError struct{ answer smithy.APIError }

func (e *answerError) Error() string {
	if e.answer.ErrorMessage() == "" {
		return e.answer.ErrorCode()
	}
	return e.answer.ErrorCode() + ": " + e.answer.ErrorMessage()
}

func (e *answerError) Unwrap() error { return e.answer }

func first(values ...string) string {
	for _, v := range values {
		if v != "" {
			return v
		}
	}
	return ""
}
