package aws

import (
	"context"
	"net/http"
	"slices"

	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

// fakeS3 keeps buckets in memory.
type fakeS3 struct {
	arrivalClient // has none
	script
	buckets map[string]*fakeBucket
	region  string
	noTags  bool             // creating a bucket takes no tags
	stale   int              // reads of notifications that still show what was before a put
	onPut   func(try int)    // called before a put takes effect
	puts    []fakeDocument   // every document that was put
	others  map[string]error // what asking for a bucket of somebody else answers
}

type fakeDocument = types.NotificationConfiguration

type fakeBucket struct {
	tags        []types.Tag
	now, before fakeDocument
	stale       int
	objects     int
}

func newFakeS3() *fakeS3 {
	return &fakeS3{script: script{fails: map[string][]error{}}, buckets: map[string]*fakeBucket{}, region: testNaming.Region, others: map[string]error{}}
}

func (f *fakeS3) bucket(operation string, name *string) (*fakeBucket, error) {
	if err := f.next(operation); err != nil {
		return nil, err
	}
	if err := f.others[*name]; err != nil {
		return nil, err
	}
	b := f.buckets[*name]
	if b == nil {
		return nil, answer("NoSuchBucket", "The specified bucket does not exist")
	}
	return b, nil
}

// inRegion is the answer to a call for a bucket of another region.
func inRegion(status int, region string) error {
	response := &http.Response{StatusCode: status, Header: http.Header{"X-Amz-Bucket-Region": {region}}}
	return &awshttp.ResponseError{ResponseError: &smithyhttp.ResponseError{
		Response: &smithyhttp.Response{Response: response}, Err: answer("MovedPermanently", "Moved Permanently"),
	}}
}

func (f *fakeS3) HeadBucket(_ context.Context, in *s3.HeadBucketInput, _ ...func(*s3.Options)) (*s3.HeadBucketOutput, error) {
	_, err := f.bucket("HeadBucket", in.Bucket)
	return &s3.HeadBucketOutput{BucketRegion: &f.region}, err
}

func (f *fakeS3) GetBucketTagging(_ context.Context, in *s3.GetBucketTaggingInput, _ ...func(*s3.Options)) (*s3.GetBucketTaggingOutput, error) {
	b, err := f.bucket("GetBucketTagging", in.Bucket)
	if err != nil {
		return nil, err
	}
	if len(b.tags) == 0 {
		return nil, answer("NoSuchTagSet", "The TagSet does not exist")
	}
	return &s3.GetBucketTaggingOutput{TagSet: b.tags}, nil
}

func (f *fakeS3) PutBucketTagging(_ context.Context, in *s3.PutBucketTaggingInput, _ ...func(*s3.Options)) (*s3.PutBucketTaggingOutput, error) {
	b, err := f.bucket("PutBucketTagging", in.Bucket)
	if err == nil {
		b.tags = in.Tagging.TagSet
	}
	return nil, err
}

func (f *fakeS3) DeleteBucketTagging(_ context.Context, in *s3.DeleteBucketTaggingInput, _ ...func(*s3.Options)) (*s3.DeleteBucketTaggingOutput, error) {
	b, err := f.bucket("DeleteBucketTagging", in.Bucket)
	if err == nil {
		b.tags = nil
	}
	return nil, err
}

func (f *fakeS3) CreateBucket(_ context.Context, in *s3.CreateBucketInput, _ ...func(*s3.Options)) (*s3.CreateBucketOutput, error) {
	if err := f.next("CreateBucket"); err != nil {
		return nil, err
	}
	constraint := in.CreateBucketConfiguration.LocationConstraint
	if (constraint == "") != (f.region == globalRegion) || constraint == globalRegion {
		return nil, answer("IllegalLocationConstraintException", "The location constraint is wrong")
	}
	b := &fakeBucket{}
	if !f.noTags {
		b.tags = in.CreateBucketConfiguration.Tags
	}
	f.buckets[*in.Bucket] = b
	return nil, nil
}

func (f *fakeS3) DeleteBucket(_ context.Context, in *s3.DeleteBucketInput, _ ...func(*s3.Options)) (*s3.DeleteBucketOutput, error) {
	b, err := f.bucket("DeleteBucket", in.Bucket)
	if err != nil {
		return nil, err
	}
	if b.objects > 0 {
		return nil, answer("BucketNotEmpty", "The bucket you tried to delete is not empty")
	}
	delete(f.buckets, *in.Bucket)
	return nil, nil
}

func (f *fakeS3) GetBucketNotificationConfiguration(_ context.Context, in *s3.GetBucketNotificationConfigurationInput, _ ...func(*s3.Options)) (*s3.GetBucketNotificationConfigurationOutput, error) {
	b, err := f.bucket("GetBucketNotificationConfiguration", in.Bucket)
	if err != nil {
		return nil, err
	}
	doc := b.now
	if b.stale > 0 {
		b.stale--
		doc = b.before
	}
	return &s3.GetBucketNotificationConfigurationOutput{
		LambdaFunctionConfigurations: slices.Clone(doc.LambdaFunctionConfigurations),
		QueueConfigurations:          slices.Clone(doc.QueueConfigurations),
		TopicConfigurations:          slices.Clone(doc.TopicConfigurations),
		EventBridgeConfiguration:     doc.EventBridgeConfiguration,
	}, nil
}

func (f *fakeS3) PutBucketNotificationConfiguration(_ context.Context, in *s3.PutBucketNotificationConfigurationInput, _ ...func(*s3.Options)) (*s3.PutBucketNotificationConfigurationOutput, error) {
	b, err := f.bucket("PutBucketNotificationConfiguration", in.Bucket)
	if err != nil {
		return nil, err
	}
	b.before, b.now, b.stale = b.now, *in.NotificationConfiguration, f.stale
	f.puts = append(f.puts, b.now)
	if f.onPut != nil {
		f.onPut(len(f.puts))
	}
	return nil, nil
}
