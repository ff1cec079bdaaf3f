package s3

import (
	"context"
	"net/http"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/scar-go/scar/local/wire"
)

const ownKey = "arn:aws:kms:us-east-1:" + account + ":key/own"

// keys stand for KMS: a key of S3's and one of the account, with which roles may do what is named.
type keys struct{ allowed string }

func (k *keys) Use(_ context.Context, id wire.Identity, ref, action, _ string) (string, error) {
	switch ref {
	case "alias/aws/s3", "arn:managed":
		return "arn:managed", nil
	case "own", ownKey:
	case "disabled":
		return "", wire.Errorf(http.StatusBadRequest, "DisabledException", "it is disabled")
	default:
		return "", wire.Errorf(http.StatusBadRequest, "NotFoundException", "Key '%s' does not exist", ref)
	}
	if id.Role != "" && !strings.Contains(k.allowed, action) {
		return "", wire.Errorf(http.StatusBadRequest, "AccessDeniedException", "not authorized to perform: %s", action)
	}
	return ownKey, nil
}

// everything lets sessions do everything in S3.
type everything struct{}

func (everything) Allowed(context.Context, wire.Identity, string, string, map[string][]string) (bool, error) {
	return true, nil
}

func TestBucketEncryption(t *testing.T) {
	b := start(t, func(c *Config) { c.Keys = &keys{} })
	c, ctx := b.client(), t.Context()
	makeBucket(t, c, "photos")
	bucket := aws.String("photos")
	get := func() types.ServerSideEncryptionRule {
		out, err := c.GetBucketEncryption(ctx, &s3.GetBucketEncryptionInput{Bucket: bucket})
		if err != nil {
			t.Fatal(err)
		}
		return out.ServerSideEncryptionConfiguration.Rules[0]
	}
	if r := get(); r.ApplyServerSideEncryptionByDefault.SSEAlgorithm != types.ServerSideEncryptionAes256 || *r.BucketKeyEnabled {
		t.Errorf("a new bucket has %+v", r.ApplyServerSideEncryptionByDefault)
	}
	if out := put(t, c, "photos", "plain", "x"); out.ServerSideEncryption != types.ServerSideEncryptionAes256 || *out.ETag != `"9dd4e461268c8034f5c8564e155c67a6"` {
		t.Errorf("stored with %s, ETag %s", out.ServerSideEncryption, *out.ETag)
	}
	encrypt := func(algorithm types.ServerSideEncryption, key *string) error {
		_, err := c.PutBucketEncryption(ctx, &s3.PutBucketEncryptionInput{Bucket: bucket, ServerSideEncryptionConfiguration: &types.ServerSideEncryptionConfiguration{
			Rules: []types.ServerSideEncryptionRule{{BucketKeyEnabled: aws.Bool(true), ApplyServerSideEncryptionByDefault: &types.ServerSideEncryptionByDefault{SSEAlgorithm: algorithm, KMSMasterKeyID: key}}}}})
		return err
	}
	wantCode(t, "AES256 with a key", encrypt("AES256", aws.String("own")), "InvalidArgument")
	wantCode(t, "no algorithm", encrypt("ROT13", nil), "MalformedXML")
	wantCode(t, "a key", encrypt("aws:kms", aws.String("own")), "")
	if r := get(); *r.ApplyServerSideEncryptionByDefault.KMSMasterKeyID != "own" || !*r.BucketKeyEnabled {
		t.Errorf("encryption %+v", r)
	}
	sealed := put(t, c, "photos", "sealed", "x")
	if sealed.ServerSideEncryption != types.ServerSideEncryptionAwsKms || *sealed.SSEKMSKeyId != ownKey || !*sealed.BucketKeyEnabled || *sealed.ETag == `"9dd4e461268c8034f5c8564e155c67a6"` {
		t.Errorf("stored with %+v", sealed)
	}
	head, err := c.HeadObject(ctx, &s3.HeadObjectInput{Bucket: bucket, Key: aws.String("sealed")})
	if err != nil || head.ServerSideEncryption != types.ServerSideEncryptionAwsKms || *head.ETag != *sealed.ETag {
		t.Errorf("head %+v, %v", head, err)
	}
	_, err = c.CopyObject(ctx, &s3.CopyObjectInput{Bucket: bucket, Key: aws.String("copy"), CopySource: aws.String("photos/sealed"), ServerSideEncryption: "AES256"})
	wantCode(t, "copy", err, "")
	if head, err := c.HeadObject(ctx, &s3.HeadObjectInput{Bucket: bucket, Key: aws.String("copy")}); err != nil || *head.ETag != `"9dd4e461268c8034f5c8564e155c67a6"` {
		t.Errorf("the copy %+v, %v", head, err)
	}
	for key, code := range map[string]string{"absent": "KMS.NotFoundException", "disabled": "KMS.DisabledException"} {
		_, err = c.PutObject(ctx, &s3.PutObjectInput{Bucket: bucket, Key: aws.String("k"), Body: strings.NewReader("x"), ServerSideEncryption: "aws:kms", SSEKMSKeyId: &key})
		wantCode(t, key, err, code)
	}
	_, err = c.DeleteBucketEncryption(ctx, &s3.DeleteBucketEncryptionInput{Bucket: bucket})
	wantCode(t, "delete", err, "")
	if r := get(); r.ApplyServerSideEncryptionByDefault.SSEAlgorithm != types.ServerSideEncryptionAes256 {
		t.Errorf("after the deletion %+v", r)
	}
}

func TestKeysNeedRights(t *testing.T) {
	k := &keys{}
	b := start(t, func(c *Config) { c.Keys, c.Authorizer = k, everything{} })
	admin, role, ctx := b.client(), client(b.url, "ROLE", "us-east-1"), t.Context()
	makeBucket(t, admin, "photos")
	bucket := aws.String("photos")
	write := func(algorithm types.ServerSideEncryption, key *string) error {
		_, err := role.PutObject(ctx, &s3.PutObjectInput{Bucket: bucket, Key: aws.String("k"), Body: strings.NewReader("x"), ServerSideEncryption: algorithm, SSEKMSKeyId: key})
		return err
	}
	read := func() error {
		out, err := role.GetObject(ctx, &s3.GetObjectInput{Bucket: bucket, Key: aws.String("k")})
		if err == nil {
			_ = out.Body.Close()
		}
		return err
	}
	own := aws.String("own")
	wantCode(t, "write without a right", write("aws:kms", own), "AccessDenied")
	wantCode(t, "write with S3's key of KMS", write("aws:kms", nil), "")
	wantCode(t, "read with S3's key of KMS", read(), "")
	k.allowed = "kms:GenerateDataKey"
	wantCode(t, "write", write("aws:kms", own), "")
	wantCode(t, "read without a right", read(), "AccessDenied")
	_, err := role.HeadObject(ctx, &s3.HeadObjectInput{Bucket: bucket, Key: aws.String("k")})
	wantCode(t, "head", err, "")
	created, err := role.CreateMultipartUpload(ctx, &s3.CreateMultipartUploadInput{Bucket: bucket, Key: aws.String("k"), ServerSideEncryption: "aws:kms", SSEKMSKeyId: own})
	wantCode(t, "begin an upload", err, "")
	part := func() error {
		_, err := role.UploadPart(ctx, &s3.UploadPartInput{Bucket: bucket, Key: aws.String("k"), UploadId: created.UploadId, PartNumber: aws.Int32(1), Body: strings.NewReader("x")})
		return err
	}
	wantCode(t, "a part without the right to decrypt", part(), "AccessDenied")
	_, err = role.CopyObject(ctx, &s3.CopyObjectInput{Bucket: bucket, Key: aws.String("copy"), CopySource: aws.String("photos/k")})
	wantCode(t, "copy without the right to decrypt", err, "AccessDenied")
	k.allowed += " kms:Decrypt"
	wantCode(t, "a part", part(), "")
	wantCode(t, "read", read(), "")
}
