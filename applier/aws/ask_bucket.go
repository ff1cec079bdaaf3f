package aws

import (
	"context"
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/scar-go/scar/planner"
)

// bucketAnswerer tells how buckets encrypt, and their rules.
type bucketAnswerer interface {
	triggerClient
	GetBucketEncryption(context.Context, *s3.GetBucketEncryptionInput, ...func(*s3.Options)) (*s3.GetBucketEncryptionOutput, error)
}

// encryption answers with which key of a customer's a bucket encrypts what is put into it.
func (a *asker) encryption(ctx context.Context, bucket string) (planner.Answer, error) {
	out, err := a.buckets.GetBucketEncryption(ctx, &s3.GetBucketEncryptionInput{Bucket: &bucket, ExpectedBucketOwner: &a.naming.Account})
	switch {
	case isNotFound(err):
		return planner.Answer{}, errAbsent
	case isNoEncryption(err):
		return planner.Answer{}, nil
	case err != nil:
		return planner.Answer{}, a.inBucket(err, "read encryption of bucket")
	case out.ServerSideEncryptionConfiguration == nil:
		return planner.Answer{}, nil
	}
	for _, rule := range out.ServerSideEncryptionConfiguration.Rules {
		d := rule.ApplyServerSideEncryptionByDefault
		if d == nil || d.SSEAlgorithm != types.ServerSideEncryptionAwsKms && d.SSEAlgorithm != types.ServerSideEncryptionAwsKmsDsse {
			continue
		}
		key, err := a.customersKey(ctx, a.naming.Region, deref(d.KMSMasterKeyID))
		return planner.Answer{Key: key}, err
	}
	return planner.Answer{}, nil
}

// isNoEncryption says that a bucket has no default encryption set (S3 API reference, GetBucketEncryption).
func isNoEncryption(err error) bool {
	return codeIn(err, "ServerSideEncryptionConfigurationNotFoundError")
}

// rules answers the rules of a bucket, which the plan did not read.
func (a *asker) rules(ctx context.Context, bucket string) (planner.Answer, error) {
	doc, err := (&triggers{client: a.buckets, account: a.naming.Account}).get(ctx, bucket)
	if errors.Is(err, errAbsent) {
		return planner.Answer{}, err
	}
	if err != nil {
		return planner.Answer{}, a.inBucket(err, "read rules of bucket")
	}
	return planner.Answer{Rules: doc.rules(bucket)}, nil
}

// inBucket is what a failed look at a bucket means: one in another region does not answer from here.
func (a *asker) inBucket(err error, what string) error {
	if region, found := elsewhere(err); found && region != a.naming.Region {
		return &unknownError{fmt.Sprintf("the bucket is in the region %s", region)}
	}
	return fmt.Errorf("%s: %w", what, err)
}
