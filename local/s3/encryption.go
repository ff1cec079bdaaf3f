package s3

import (
	"context"
	"crypto/md5"
	"encoding/xml"
	"fmt"
	"net/http"
	"strings"

	"github.com/scar-go/scar/local/wire"
)

// The ways in which S3 encrypts. Nothing is encrypted here: what matters to clients is what answers say, and who has a right on a
// key of KMS.
const (
	sseS3  = "AES256"
	sseKMS = "aws:kms"

	// managedKey is the key of KMS that S3 takes where none is named.
	managedKey = "alias/aws/s3"

	headerSSE       = "X-Amz-Server-Side-Encryption"
	headerKey       = "X-Amz-Server-Side-Encryption-Aws-Kms-Key-Id"
	headerBucketKey = "X-Amz-Server-Side-Encryption-Bucket-Key-Enabled"
	headerContext   = "X-Amz-Server-Side-Encryption-Context"
)

// The rights on a key of KMS.
const (
	mayEncrypt = "kms:GenerateDataKey"
	mayDecrypt = "kms:Decrypt"
)

// Keys are the keys of KMS.
type Keys interface {
	// Use says whether a caller may take an action with a key, named by id, ARN or alias, by way of a service, and returns its
	// ARN. The error is KMS's own (a wire.Error).
	Use(ctx context.Context, id wire.Identity, ref, action, via string) (arn string, err error)
}

// seal is with what an object is encrypted.
type seal struct {
	Key       string `json:"k,omitempty"` // ARN of a key of KMS; empty: S3's own keys
	BucketKey bool   `json:"z,omitempty"`
}

// encryption is how the objects of a bucket are encrypted that say nothing about it.
type encryption struct {
	Algorithm string
	Key       string `json:",omitempty"` // as it was given; empty: none
	BucketKey bool   `json:",omitempty"`
}

// headers answers how an object is encrypted.
func (e seal) headers(h http.Header) {
	if e.Key == "" {
		h.Set(headerSSE, sseS3)
		return
	}
	h.Set(headerSSE, sseKMS)
	h.Set(headerKey, e.Key)
	if e.BucketKey {
		h.Set(headerBucketKey, "true")
	}
}

// etag is the ETag of an object of one part: the MD5 of its bytes, but under a key of KMS something else.
func (e seal) etag(sum []byte) string {
	if e.Key != "" {
		other := md5.Sum(append([]byte(e.Key), sum...))
		sum = other[:]
	}
	return hexOf(sum)
}

// seal decides how a new object is encrypted: as its headers say, or as its bucket does. The caller must be allowed to.
func (s *Service) seal(req *request, info bucketInfo) (seal, error) {
	want := encryption{Algorithm: req.Header.Get(headerSSE), Key: req.Header.Get(headerKey), BucketKey: strings.EqualFold(req.Header.Get(headerBucketKey), "true")}
	switch {
	case want.Algorithm == "" && want.Key != "", want.Algorithm == sseS3 && want.Key != "":
		return seal{}, errInvalidArgument(strings.ToLower(headerSSE), want.Algorithm,
			"Server Side Encryption with AWS KMS managed key requires HTTP header x-amz-server-side-encryption : aws:kms")
	case want.Algorithm == "" && info.Encryption != nil:
		want = *info.Encryption
	}
	if want.Algorithm != sseKMS {
		return seal{}, nil
	}
	key, err := s.useKey(req, want.keyOrManaged(), mayEncrypt)
	return seal{key, want.BucketKey}, err
}

func (e encryption) keyOrManaged() string {
	if e.Key == "" {
		return managedKey
	}
	return e.Key
}

// unseal asks whether the caller may read an object.
func (s *Service) unseal(req *request, e seal) error {
	if e.Key == "" {
		return nil
	}
	_, err := s.useKey(req, e.Key, mayDecrypt)
	return err
}

func (s *Service) useKey(req *request, ref, action string) (arn string, err error) {
	if s.Keys == nil {
		return "", wire.Unknown("s3", "encryption with keys of KMS")
	}
	arn, err = s.Keys.Use(req.Context(), req.call.Identity, ref, action, "s3")
	if err == nil {
		return arn, nil
	}
	e := asWire(err)
	switch {
	case e.Code == "AccessDeniedException":
		return "", errAccessDenied(e.Message)
	case e.Status < http.StatusInternalServerError:
		return "", wire.Errorf(http.StatusBadRequest, "KMS."+e.Code, "%s", e.Message)
	}
	return "", fmt.Errorf("use key %s: %w", ref, err)
}

// encryptionDocument is the body of PutBucketEncryption.
type encryptionDocument struct {
	XMLName xml.Name `xml:"ServerSideEncryptionConfiguration"`
	Rule    []struct {
		Apply *struct {
			SSEAlgorithm   string
			KMSMasterKeyID string
		} `xml:"ApplyServerSideEncryptionByDefault"`
		BucketKeyEnabled bool
	}
}

func (s *Service) putEncryption(req *request) error {
	if err := s.allowBucket(req, "s3:PutEncryptionConfiguration"); err != nil {
		return err
	}
	var in encryptionDocument
	if err := req.document(&in); err != nil {
		return err
	}
	if len(in.Rule) != 1 || in.Rule[0].Apply == nil {
		return errMalformedXML()
	}
	e := encryption{in.Rule[0].Apply.SSEAlgorithm, in.Rule[0].Apply.KMSMasterKeyID, in.Rule[0].BucketKeyEnabled}
	switch {
	case e.Algorithm == "aws:kms:dsse":
		return wire.Unknown("s3", "encryption by aws:kms:dsse")
	case e.Algorithm != sseS3 && e.Algorithm != sseKMS:
		return errMalformedXML()
	case e.Algorithm == sseS3 && e.Key != "":
		return errInvalidArgument("ApplyServerSideEncryptionByDefault", sseS3, "a KMSMasterKeyID is not applicable if the default sse algorithm is not aws:kms or aws:kms:dsse")
	}
	err := s.changeBucket(req.bucket, func(b *bucketInfo) error {
		b.Encryption = &e
		return nil
	})
	if err == nil {
		req.w.WriteHeader(http.StatusOK)
	}
	return err
}

func (s *Service) getEncryption(req *request) error {
	if err := s.allowBucket(req, "s3:GetEncryptionConfiguration"); err != nil {
		return err
	}
	info, err := s.bucketInfo(req.bucket)
	if err != nil {
		return err
	}
	e := encryption{Algorithm: sseS3} // of every bucket, since January 2023
	if info.Encryption != nil {
		e = *info.Encryption
	}
	doc := newDocument("ServerSideEncryptionConfiguration", namespace)
	doc.open("Rule")
	doc.open("ApplyServerSideEncryptionByDefault")
	doc.leaf("SSEAlgorithm", e.Algorithm)
	doc.optional("KMSMasterKeyID", e.Key)
	doc.close("ApplyServerSideEncryptionByDefault")
	doc.truth("BucketKeyEnabled", e.BucketKey)
	doc.close("Rule")
	return doc.answer(req, "ServerSideEncryptionConfiguration")
}

// deleteEncryption brings the default back.
func (s *Service) deleteEncryption(req *request) error {
	if err := s.allowBucket(req, "s3:PutEncryptionConfiguration"); err != nil {
		return err
	}
	err := s.changeBucket(req.bucket, func(b *bucketInfo) error {
		b.Encryption = nil
		return nil
	})
	if err == nil {
		req.w.WriteHeader(http.StatusNoContent)
	}
	return err
}
