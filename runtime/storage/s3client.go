package storage

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/scar-go/scar/runtime/job"
)

// makeOwn makes the client of the account's own S3.
func (s *Stores) makeOwn() (*S3, error) {
	region := s.ownRegion()
	if region == "" {
		return nil, errors.New("make S3 client: AWS_REGION is not set")
	}
	with, err := s.ownCredentials()
	if err != nil {
		return nil, fmt.Errorf("make S3 client: %w", err)
	}
	return s.newS3("s3://", region, s.ownEndpoint(), with, true), nil
}

// makeS3 makes the client of another S3. Without keys it has those of the function.
func (s *Stores) makeS3(name string, p *job.Provider, c credentials) (*S3, error) {
	region := first(p.Region, s.ownRegion())
	if p.Type == job.MinIO {
		region = first(p.Region, "us-east-1")
	}
	if region == "" {
		return nil, errors.New("no region is known: name one")
	}
	if p.Endpoint != "" {
		if _, err := parseEndpoint(p.Endpoint); err != nil {
			return nil, err
		}
	} else if p.Type == job.MinIO {
		return nil, errors.New("it has no endpoint")
	}
	with := aws.Credentials{AccessKeyID: c.accessKey, SecretAccessKey: c.secretKey, Source: "storage"}
	if c.accessKey == "" {
		var err error
		if with, err = s.ownCredentials(); err != nil {
			return nil, err
		}
	}
	// Without an endpoint it is AWS, whose checksums are better than MD5 and which knows them for sure.
	return s.newS3(name+"/", region, first(p.Endpoint, s.ownEndpoint()), with, p.Endpoint == ""), nil
}

// newS3 makes a client without the SDK's chain of configuration files and metadata services: in a
// function there is none of them, and looking for them takes longer than everything else that the runtime does
// before its first event.
func (s *Stores) newS3(scheme, region, endpoint string, with aws.Credentials, modern bool) *S3 {
	options := s3.Options{
		Region: region,
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return with, nil
		}),
		Retryer: s.retries.retryer(),
		// A redirect would carry the session's token along, and no signature is valid at another host.
		HTTPClient:                 &http.Client{Transport: s.front, CheckRedirect: noRedirect},
		RequestChecksumCalculation: aws.RequestChecksumCalculationWhenSupported,
		ResponseChecksumValidation: aws.ResponseChecksumValidationWhenSupported,
	}
	if !modern {
		options.RequestChecksumCalculation = aws.RequestChecksumCalculationWhenRequired
		options.ResponseChecksumValidation = aws.ResponseChecksumValidationWhenRequired
	}
	// An endpoint of the user's own has no host name for each bucket.
	if endpoint != "" {
		options.BaseEndpoint = aws.String(endpoint)
		options.UsePathStyle = true
	}
	return &S3{
		client: s3.New(options), scheme: scheme, crc: modern, retries: s.retries,
		secrets: []string{with.SecretAccessKey, with.SessionToken, with.AccessKeyID},
	}
}

func (s *Stores) ownRegion() string {
	return first(s.options.Getenv("AWS_REGION"), s.options.Getenv("AWS_DEFAULT_REGION"))
}

func (s *Stores) ownEndpoint() string {
	return first(s.options.Getenv("AWS_ENDPOINT_URL_S3"), s.options.Getenv("AWS_ENDPOINT_URL"))
}

// ownCredentials are those of the function's role.
func (s *Stores) ownCredentials() (aws.Credentials, error) {
	own := aws.Credentials{
		AccessKeyID:     s.options.Getenv("AWS_ACCESS_KEY_ID"),
		SecretAccessKey: s.options.Getenv("AWS_SECRET_ACCESS_KEY"),
		SessionToken:    s.options.Getenv("AWS_SESSION_TOKEN"),
		Source:          "environment",
	}
	if !own.HasKeys() {
		return aws.Credentials{}, errors.New("AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are not set")
	}
	return own, nil
}

// simplify keeps the code and the message of an answer of S3, or why there is none, without the SDK's account of which
// layer failed. Other errors, and those that are simple already, stay as they are.
func (s *S3) simplify(err error) error {
	var done *answerError
	var missing *types.NoSuchKey
	var answer smithy.APIError
	var unsent *smithyhttp.RequestSendError
	switch {
	case err == nil, errors.As(err, &done):
		return err
	case errors.As(err, &missing):
		return ErrNotExist
	case errors.As(err, &answer):
		return &answerError{answer, s.redact(answer.ErrorMessage())}
	case errors.As(err, &unsent):
		return plain(unsent.Err)
	}
	return err
}

// redact takes credentials out of a text of the server's.
func (s *S3) redact(text string) string {
	for _, secret := range s.secrets {
		if secret != "" {
			text = strings.ReplaceAll(text, secret, hidden)
		}
	}
	return text
}

// answerError is an error that S3 answered.
type answerError struct {
	answer  smithy.APIError
	message string
}

func (e *answerError) Error() string {
	text := e.answer.ErrorCode()
	if e.message != "" {
		text += ": " + e.message
	}
	switch e.answer.ErrorCode() {
	case "InvalidAccessKeyId", "SignatureDoesNotMatch", "InvalidToken", "ExpiredToken":
		text += " (the server does not accept the credentials)"
	}
	return text
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
