package aws

import (
	"context"
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/scar-go/scar/planner"
)

// bucketClient is what buckets need of S3.
type bucketClient interface {
	s3.HeadBucketAPIClient
	GetBucketTagging(context.Context, *s3.GetBucketTaggingInput, ...func(*s3.Options)) (*s3.GetBucketTaggingOutput, error)
	PutBucketTagging(context.Context, *s3.PutBucketTaggingInput, ...func(*s3.Options)) (*s3.PutBucketTaggingOutput, error)
	DeleteBucketTagging(context.Context, *s3.DeleteBucketTaggingInput, ...func(*s3.Options)) (*s3.DeleteBucketTaggingOutput, error)
	CreateBucket(context.Context, *s3.CreateBucketInput, ...func(*s3.Options)) (*s3.CreateBucketOutput, error)
	DeleteBucket(context.Context, *s3.DeleteBucketInput, ...func(*s3.Options)) (*s3.DeleteBucketOutput, error)
}

// globalRegion is the one region whose buckets must not carry a location constraint.
const globalRegion = "us-east-1"

// buckets are the S3 buckets of one account, seen from one region.
type buckets struct {
	client bucketClient
	naming planner.Naming
	patience
}

// read returns a bucket of another region with that region and nothing else: what S3 says of it there
// does not matter, the plan is refused.
func (b *buckets) read(ctx context.Context, name string) (planner.Bucket, planner.Owner, error) {
	v := planner.Bucket{Name: name}
	var tags []types.Tag
	headErr, tagErr := error(nil), error(nil)
	_ = together(ctx,
		func(ctx context.Context) error { v.Region, headErr = b.region(ctx, name); return nil },
		func(ctx context.Context) error { tags, tagErr = b.tags(ctx, name); return nil },
	)
	if headErr != nil {
		return planner.Bucket{}, planner.Owner{}, headErr
	}
	if v.Region != b.naming.Region {
		return v, planner.Owner{}, nil
	}
	if tagErr != nil {
		return planner.Bucket{}, planner.Owner{}, tagErr
	}
	v.Tags = tagsOf(tags, s3Tag)
	return v, planner.OwnerOf(v.Tags), nil
}

// region is where a bucket of this account is.
func (b *buckets) region(ctx context.Context, name string) (string, error) {
	out, err := b.client.HeadBucket(ctx, &s3.HeadBucketInput{Bucket: &name, ExpectedBucketOwner: &b.naming.Account})
	if region, moved := elsewhere(err); moved && region != b.naming.Region {
		return region, nil
	}
	switch {
	case isNotFound(err):
		return "", errAbsent
	case isDenied(err):
		return "", fmt.Errorf("read bucket: it belongs to another account (bucket names are shared by all: choose another), or these credentials lack s3:ListBucket on it: %w", err)
	case err != nil:
		return "", fmt.Errorf("read bucket: %w", err)
	}
	if region := deref(out.BucketRegion); region != "" {
		return region, nil
	}
	return b.naming.Region, nil // a compatible service that does not tell
}

// tags are all tags of a bucket, AWS's own included.
func (b *buckets) tags(ctx context.Context, name string) ([]types.Tag, error) {
	out, err := b.client.GetBucketTagging(ctx, &s3.GetBucketTaggingInput{Bucket: &name, ExpectedBucketOwner: &b.naming.Account})
	switch {
	case isNoTags(err):
		return nil, nil
	case isNotFound(err):
		return nil, errAbsent
	case err != nil:
		return nil, fmt.Errorf("read tags of bucket: %w", err)
	}
	return out.TagSet, nil
}

func (b *buckets) create(ctx context.Context, want planner.Bucket, _ sayer) error {
	// In us-east-1 creating a bucket that one has answers like success, so this is asked first.
	if _, err := b.region(ctx, want.Name); !errors.Is(err, errAbsent) {
		if err != nil {
			return err
		}
		return errExists
	}
	configuration := &types.CreateBucketConfiguration{Tags: tagList(want.Tags, newS3Tag)}
	if want.Region != globalRegion {
		configuration.LocationConstraint = types.BucketLocationConstraint(want.Region)
	}
	err := b.retry(ctx, busyWait, isBusy, func() error {
		_, err := b.client.CreateBucket(ctx, &s3.CreateBucketInput{Bucket: &want.Name, CreateBucketConfiguration: configuration})
		return err
	})
	switch {
	case isTaken(err):
		return fmt.Errorf("create bucket: another account has a bucket of that name (bucket names are shared by all): choose another: %w", err)
	case isExists(err):
		return errExists
	case err != nil:
		return fmt.Errorf("create bucket: %w", err)
	}
	return b.tagNew(ctx, want)
}

// tagNew tags a bucket that was made just now by a service that knows no tags at creation: S3 itself
// does, compatible services may not.
func (b *buckets) tagNew(ctx context.Context, want planner.Bucket) error {
	tags, err := b.tags(ctx, want.Name)
	if errors.Is(err, errAbsent) || len(tags) > 0 {
		return nil // too new to be seen, or tagged
	}
	if err != nil {
		return err
	}
	return b.putTags(ctx, want.Name, tagList(want.Tags, newS3Tag))
}

// update changes the tags. S3 replaces the whole set, so AWS's own are written back.
func (b *buckets) update(ctx context.Context, _, want planner.Bucket, _ sayer) error {
	live, err := b.tags(ctx, want.Name)
	if err != nil {
		return err
	}
	set := tagList(want.Tags, newS3Tag)
	for _, t := range live {
		if tagsOf([]types.Tag{t}, s3Tag) == nil {
			set = append(set, t)
		}
	}
	return b.putTags(ctx, want.Name, set)
}

func (b *buckets) putTags(ctx context.Context, name string, tags []types.Tag) error {
	if len(tags) == 0 {
		_, err := b.client.DeleteBucketTagging(ctx, &s3.DeleteBucketTaggingInput{Bucket: &name, ExpectedBucketOwner: &b.naming.Account})
		if err != nil {
			return fmt.Errorf("remove tags from bucket: %w", err)
		}
		return nil
	}
	err := b.retry(ctx, busyWait, isBusy, func() error {
		_, err := b.client.PutBucketTagging(ctx, &s3.PutBucketTaggingInput{
			Bucket: &name, ExpectedBucketOwner: &b.naming.Account, Tagging: &types.Tagging{TagSet: tags},
		})
		return err
	})
	if err != nil {
		return fmt.Errorf("tag bucket: %w", err)
	}
	return nil
}

// remove deletes the bucket. It is never emptied: what is in it is the user's.
func (b *buckets) remove(ctx context.Context, live planner.Bucket, _ sayer) error {
	err := b.retry(ctx, busyWait, isBusy, func() error {
		_, err := b.client.DeleteBucket(ctx, &s3.DeleteBucketInput{Bucket: &live.Name, ExpectedBucketOwner: &b.naming.Account})
		return err
	})
	switch {
	case isNotFound(err):
		return nil
	case isNotEmpty(err):
		return fmt.Errorf("delete bucket: it holds objects, and scar never deletes objects: empty it (aws s3 rm --recursive s3://%s, and its old versions if it keeps any), or leave it by not giving --delete-buckets: %w", live.Name, err)
	case err != nil:
		return fmt.Errorf("delete bucket: %w", err)
	}
	return nil
}

func s3Tag(t types.Tag) (*string, *string)  { return t.Key, t.Value }
func newS3Tag(key, value *string) types.Tag { return types.Tag{Key: key, Value: value} }
