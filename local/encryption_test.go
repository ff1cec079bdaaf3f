package local

import (
	"context"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"
)

// TestABucketsKeyNeedsARightOfItsOwn has a role that may write to a bucket, but not use the key of the bucket's encryption.
func TestABucketsKeyNeedsARightOfItsOwn(t *testing.T) {
	ctx := context.Background()
	b, _ := open(t, Options{})
	cfg := adminOf(b)
	admin := s3.NewFromConfig(cfg, func(o *s3.Options) { o.UsePathStyle = true })
	key, err := kms.NewFromConfig(cfg).CreateKey(ctx, nil)
	must(t, err)
	bucket := aws.String("photos")
	_, err = admin.CreateBucket(ctx, &s3.CreateBucketInput{Bucket: bucket})
	must(t, err)
	_, err = admin.PutBucketEncryption(ctx, &s3.PutBucketEncryptionInput{Bucket: bucket, ServerSideEncryptionConfiguration: &s3types.ServerSideEncryptionConfiguration{
		Rules: []s3types.ServerSideEncryptionRule{{ApplyServerSideEncryptionByDefault: &s3types.ServerSideEncryptionByDefault{SSEAlgorithm: "aws:kms", KMSMasterKeyID: key.KeyMetadata.KeyId}}}}})
	must(t, err)

	createRole(t, cfg, "worker")
	session, err := b.iam.Session(ctx, "arn:aws:iam::"+DefaultAccount+":role/worker", "lambda.amazonaws.com", "s")
	must(t, err)
	worker := s3.NewFromConfig(config(b.Endpoint(), session.AccessKeyID, session.SecretAccessKey, session.SessionToken), func(o *s3.Options) { o.UsePathStyle = true })
	grant := func(statements string) {
		_, err := iam.NewFromConfig(cfg).PutRolePolicy(ctx, &iam.PutRolePolicyInput{RoleName: aws.String("worker"), PolicyName: aws.String("scar"),
			PolicyDocument: aws.String(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"*"}` + statements + `]}`)})
		must(t, err)
	}
	write := func() (*s3.PutObjectOutput, error) {
		return worker.PutObject(ctx, &s3.PutObjectInput{Bucket: bucket, Key: aws.String("k"), Body: strings.NewReader("x")})
	}
	grant("")
	_, err = write()
	wantCode(t, err, "AccessDenied")
	if err == nil || !strings.Contains(err.Error(), "kms:GenerateDataKey") {
		t.Errorf("the refusal does not name the right: %v", err)
	}
	via := func(host string) string {
		return `,{"Effect":"Allow","Action":["kms:GenerateDataKey","kms:Decrypt"],"Resource":"` + *key.KeyMetadata.Arn +
			`","Condition":{"StringEquals":{"kms:ViaService":"` + host + `"}}}`
	}
	grant(via("sqs.us-east-1.amazonaws.com"))
	_, err = write()
	wantCode(t, err, "AccessDenied")
	grant(via("s3.us-east-1.amazonaws.com"))
	out, err := write()
	must(t, err)
	if *out.SSEKMSKeyId != *key.KeyMetadata.Arn {
		t.Errorf("encrypted with %s", *out.SSEKMSKeyId)
	}
}
