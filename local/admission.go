package local

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/scar-go/scar/local/iam"
	"github.com/scar-go/scar/local/wire"
)

// maxBody bounds the bodies of all services but S3 and the registry, which stream: a zip file in
// base64 is the longest that Lambda takes.
const maxBody = 70 << 20

// registryService is the name under which calls of the OCI registry are counted and scripted.
const registryService = "registry"

// globalServices are signed for one region of the partition, wherever the caller works.
var globalServices = map[string]bool{"iam": true}

// admit finds out what a request asks for and who makes it. With an error the call is filled in as far
// as it is known, so that the answer can have the form that its client expects.
func (b *Backend) admit(r *http.Request) (wire.Call, error) {
	call := wire.Call{Region: b.options.Region, RequestID: newRequestID()}
	signature, err := wire.ParseSignature(r)
	switch {
	case errors.Is(err, wire.ErrUnsigned):
		return b.admitUnsigned(r, call)
	case err != nil:
		call.Service = "s3"
		if target := r.Header.Get("X-Amz-Target"); target != "" {
			call.Service = "logs" // speaks JSON, as do all that name a target
		}
		return call, refusal(call.Service, err)
	}
	call.Service = signature.Service
	if _, known := b.services[call.Service]; !known {
		return call, wire.Errorf(http.StatusNotImplemented, "NotImplemented", "the local backend does not serve %s", call.Service)
	}
	if signature.Region != call.Region && !globalServices[call.Service] {
		return call, b.wrongRegion(signature)
	}
	return b.verify(r, call, signature)
}

func (b *Backend) admitUnsigned(r *http.Request, call wire.Call) (wire.Call, error) {
	call.Service = "s3"
	if isRegistry(r) {
		call.Service = registryService
	}
	if r.Header.Get("X-Amz-Target") != "" {
		call.Service = "logs"
		return call, refusal(call.Service, wire.ErrUnsigned)
	}
	call.Operation = operationOf(call.Service, r, nil)
	return call, nil
}

func isRegistry(r *http.Request) bool {
	return r.URL.Path == "/v2" || strings.HasPrefix(r.URL.Path, "/v2/")
}

func (b *Backend) verify(r *http.Request, call wire.Call, signature *wire.Signature) (wire.Call, error) {
	var body []byte
	payloadHash := ""
	if call.Service == "s3" {
		payloadHash = wire.PayloadHash(r)
	} else {
		var err error
		if body, err = wire.ReadBody(r, maxBody); err != nil {
			return call, err
		}
		sum := sha256.Sum256(body)
		payloadHash = hex.EncodeToString(sum[:])
	}
	call.Operation = b.services[call.Service].operation(call.Service, r, body)
	secret, identity, err := b.iam.Lookup(r.Context(), signature.AccessKey, signature.Token)
	if err != nil {
		return call, refusal(call.Service, err)
	}
	// A signature is made by the clock of its client, which no virtual clock moves.
	if err := signature.Verify(r, secret, payloadHash, time.Now()); err != nil {
		return call, refusal(call.Service, err)
	}
	call.Identity = identity
	return call, b.authorize(r, call, body)
}

// refusal is how a service says what is wrong with a signature: S3, the query services (IAM, STS, SNS, SQS, EC2),
// and the JSON services have codes of their own. S3, the query and the REST services answer 403, the JSON 1.1 services 400.
func refusal(service string, err error) error {
	column, status := 2, http.StatusBadRequest
	switch service {
	case "s3":
		column, status = 0, http.StatusForbidden
	case "iam", "sts", "sns", "sqs", "ec2":
		column, status = 1, http.StatusForbidden
	case "lambda", "scheduler", "apigateway", "elasticfilesystem":
		status = http.StatusForbidden
	}
	for _, row := range refusals {
		if !errors.Is(err, row.err) {
			continue
		}
		text := row.answers[column]
		if row.detail {
			text[1] += err.Error()
		}
		return wire.Errorf(status, text[0], "%s", text[1])
	}
	return err
}

const (
	mismatchS3    = "The request signature we calculated does not match the signature you provided. Check your key and signing method."
	mismatchOther = "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method. Consult the service documentation for details."
	unknownOther  = "The security token included in the request is invalid."
	expiredOther  = "The security token included in the request is expired"
	skewedOther   = "Signature expired: the request's time is more than 15 minutes from the service's."
)

// refusals are code and message per error: of S3, of the query services, of the JSON services. Detail
// says that the text of the error follows the message.
var refusals = []struct {
	err     error
	detail  bool
	answers [3][2]string
}{
	{wire.ErrUnsigned, false, [3][2]string{
		{"AccessDenied", "Access Denied"},
		{"MissingAuthenticationToken", "Request is missing Authentication Token"},
		{"MissingAuthenticationTokenException", "Missing Authentication Token"}}},
	{wire.ErrMalformedSignature, true, [3][2]string{
		{"AuthorizationHeaderMalformed", ""}, {"IncompleteSignature", ""}, {"IncompleteSignatureException", ""}}},
	{wire.ErrSignatureMismatch, false, [3][2]string{
		{"SignatureDoesNotMatch", mismatchS3}, {"SignatureDoesNotMatch", mismatchOther}, {"InvalidSignatureException", mismatchOther}}},
	{wire.ErrSignatureSkewed, false, [3][2]string{
		{"RequestTimeTooSkewed", "The difference between the request time and the current time is too large."},
		{"SignatureDoesNotMatch", skewedOther}, {"InvalidSignatureException", skewedOther}}},
	{wire.ErrSignatureExpired, false, [3][2]string{
		{"AccessDenied", "Request has expired"}, {"SignatureDoesNotMatch", skewedOther}, {"InvalidSignatureException", skewedOther}}},
	{iam.ErrUnknownKey, false, [3][2]string{
		{"InvalidAccessKeyId", "The AWS Access Key Id you provided does not exist in our records."},
		{"InvalidClientTokenId", unknownOther}, {"UnrecognizedClientException", unknownOther}}},
	{iam.ErrBadToken, false, [3][2]string{
		{"InvalidToken", "The provided token is malformed or otherwise invalid."},
		{"InvalidClientTokenId", unknownOther}, {"UnrecognizedClientException", unknownOther}}},
	{iam.ErrTokenExpired, false, [3][2]string{
		{"ExpiredToken", "The provided token has expired."},
		{"ExpiredToken", expiredOther}, {"ExpiredTokenException", expiredOther}}},
}

func (b *Backend) wrongRegion(s *wire.Signature) error {
	if s.Service == "s3" {
		return wire.Errorf(http.StatusBadRequest, "AuthorizationHeaderMalformed",
			"The authorization header is malformed; the region '%s' is wrong; expecting '%s'", s.Region, b.options.Region)
	}
	code := "InvalidSignatureException"
	if s.Service == "sts" {
		code = "SignatureDoesNotMatch"
	}
	return wire.Errorf(http.StatusForbidden, code,
		"Credential should be scoped to a valid region: this local backend serves '%s', not '%s'.", b.options.Region, s.Region)
}

// newRequestID makes an id in the form of a UUID, version 4.
func newRequestID() string {
	var u [16]byte
	// Read never fails: crypto/rand ends the program rather than return an error.
	_, _ = rand.Read(u[:])
	u[6], u[8] = u[6]&0x0f|0x40, u[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", u[:4], u[4:6], u[6:8], u[8:10], u[10:])
}
