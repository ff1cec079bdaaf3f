package s3

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/google/go-cmp/cmp"

	"github.com/scar-go/scar/local/wire"
)

func TestCreateBucket(t *testing.T) {
	b := start(t)
	create := func(region, name, constraint string, tags ...types.Tag) error {
		in := &s3.CreateBucketInput{Bucket: &name}
		if constraint != "" || tags != nil {
			in.CreateBucketConfiguration = &types.CreateBucketConfiguration{
				LocationConstraint: types.BucketLocationConstraint(constraint), Tags: tags,
			}
		}
		_, err := client(b.url, "ADMIN", region).CreateBucket(t.Context(), in)
		return err
	}
	tag := types.Tag{Key: aws.String("scar:project"), Value: aws.String("imaging")}
	for _, test := range []struct{ region, name, constraint, code string }{
		{"us-east-1", "east", "", ""},
		{"us-east-1", "east", "", ""},
		{"us-east-1", "explicit", "us-east-1", "InvalidLocationConstraint"},
		{"us-east-1", "elsewhere", "eu-west-1", ""},
		{"eu-west-1", "west", "", "IllegalLocationConstraintException"},
		{"eu-west-1", "west", "eu-central-1", "IllegalLocationConstraintException"},
		{"eu-west-1", "west", "eu-west-1", ""},
		{"eu-west-1", "west", "eu-west-1", "BucketAlreadyOwnedByYou"},
		{"us-east-1", "ab", "", "InvalidBucketName"},
		{"us-east-1", "Upper", "", "InvalidBucketName"},
		{"us-east-1", "two..dots", "", "InvalidBucketName"},
		{"us-east-1", "127.0.0.1", "", "InvalidBucketName"},
		{"us-east-1", "xn--bucket", "", "InvalidBucketName"},
	} {
		wantCode(t, test.region+" "+test.name+" "+test.constraint, create(test.region, test.name, test.constraint), test.code)
	}
	wantCode(t, "with tags", create("us-east-1", "tagged", "", tag), "")
	wantCode(t, "again without", create("us-east-1", "tagged", ""), "")
	wantCode(t, "aws: tag", create("us-east-1", "bad-tag", "", types.Tag{Key: aws.String("aws:x"), Value: aws.String("")}), "InvalidTag")

	got, err := b.Tagged(t.Context())
	want := []wire.Resource{{ARN: "arn:aws:s3:::tagged", Tags: map[string]string{"scar:project": "imaging"}}}
	if d := cmp.Diff(want, got); d != "" || err != nil {
		t.Errorf("tagged: %v %s", err, d)
	}
	c := b.client()
	all, err := c.ListBuckets(t.Context(), &s3.ListBucketsInput{})
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, x := range all.Buckets {
		names = append(names, *x.Name)
	}
	if d := cmp.Diff([]string{"east", "elsewhere", "tagged", "west"}, names); d != "" {
		t.Error(d)
	}
	var pages []string
	for p := s3.NewListBucketsPaginator(c, &s3.ListBucketsInput{MaxBuckets: aws.Int32(1), Prefix: aws.String("e")}); p.HasMorePages(); {
		page, err := p.NextPage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, x := range page.Buckets {
			pages = append(pages, *x.Name)
		}
	}
	if d := cmp.Diff([]string{"east", "elsewhere"}, pages); d != "" {
		t.Error(d)
	}
}

func TestBucketInAnotherRegion(t *testing.T) {
	b := start(t)
	west := client(b.url, "ADMIN", "eu-west-1")
	_, err := west.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: aws.String("west"),
		CreateBucketConfiguration: &types.CreateBucketConfiguration{LocationConstraint: "eu-west-1"}})
	wantCode(t, "create", err, "")
	head, err := west.HeadBucket(t.Context(), &s3.HeadBucketInput{Bucket: aws.String("west")})
	if err != nil || *head.BucketRegion != "eu-west-1" {
		t.Errorf("head: %v, %v", head, err)
	}
	east := b.client()
	location, err := east.GetBucketLocation(t.Context(), &s3.GetBucketLocationInput{Bucket: aws.String("west")})
	if err != nil || location.LocationConstraint != "eu-west-1" {
		t.Errorf("location: %v, %v", location, err)
	}
	_, err = east.HeadBucket(t.Context(), &s3.HeadBucketInput{Bucket: aws.String("west")})
	wantCode(t, "head from another region", err, "MovedPermanently")
	_, err = east.GetBucketTagging(t.Context(), &s3.GetBucketTaggingInput{Bucket: aws.String("west")})
	wantCode(t, "call from another region", err, "PermanentRedirect")
	_, err = east.HeadBucket(t.Context(), &s3.HeadBucketInput{Bucket: aws.String("absent")})
	wantCode(t, "absent bucket", err, "NotFound")
}

func TestBucketOwner(t *testing.T) {
	c := start(t).client()
	makeBucket(t, c, "photos")
	for owner, want := range map[string]string{account: "", "999999999999": "AccessDenied"} {
		_, err := c.GetBucketNotificationConfiguration(t.Context(), &s3.GetBucketNotificationConfigurationInput{
			Bucket: aws.String("photos"), ExpectedBucketOwner: &owner})
		wantCode(t, owner, err, want)
	}
}

func TestTags(t *testing.T) {
	c := start(t).client()
	makeBucket(t, c, "photos")
	put(t, c, "photos", "k", "body")
	bucket, key := aws.String("photos"), aws.String("k")
	_, err := c.GetBucketTagging(t.Context(), &s3.GetBucketTaggingInput{Bucket: bucket})
	wantCode(t, "none", err, "NoSuchTagSet")
	set := &types.Tagging{TagSet: []types.Tag{{Key: aws.String("a b"), Value: aws.String("ü&<")}}}
	_, err = c.PutBucketTagging(t.Context(), &s3.PutBucketTaggingInput{Bucket: bucket, Tagging: set})
	wantCode(t, "put", err, "")
	got, err := c.GetBucketTagging(t.Context(), &s3.GetBucketTaggingInput{Bucket: bucket})
	if err != nil || len(got.TagSet) != 1 || *got.TagSet[0].Value != "ü&<" {
		t.Errorf("got %v, %v", got, err)
	}
	twice := &types.Tagging{TagSet: []types.Tag{{Key: aws.String("a"), Value: aws.String("1")}, {Key: aws.String("a"), Value: aws.String("2")}}}
	_, err = c.PutBucketTagging(t.Context(), &s3.PutBucketTaggingInput{Bucket: bucket, Tagging: twice})
	wantCode(t, "twice", err, "InvalidTag")
	_, err = c.DeleteBucketTagging(t.Context(), &s3.DeleteBucketTaggingInput{Bucket: bucket})
	wantCode(t, "delete", err, "")
	_, err = c.GetBucketTagging(t.Context(), &s3.GetBucketTaggingInput{Bucket: bucket})
	wantCode(t, "deleted", err, "NoSuchTagSet")

	_, err = c.PutObjectTagging(t.Context(), &s3.PutObjectTaggingInput{Bucket: bucket, Key: key, Tagging: set})
	wantCode(t, "put on object", err, "")
	tags, err := c.GetObjectTagging(t.Context(), &s3.GetObjectTaggingInput{Bucket: bucket, Key: key})
	if err != nil || len(tags.TagSet) != 1 {
		t.Errorf("got %v, %v", tags, err)
	}
	if got := get(t, c, "photos", "k"); got != "body" {
		t.Errorf("tagging changed the body to %q", got)
	}
	_, err = c.DeleteObjectTagging(t.Context(), &s3.DeleteObjectTaggingInput{Bucket: bucket, Key: key})
	wantCode(t, "delete on object", err, "")
	_, err = c.GetObjectTagging(t.Context(), &s3.GetObjectTaggingInput{Bucket: bucket, Key: aws.String("absent")})
	wantCode(t, "absent object", err, "NoSuchKey")
}

func TestDeleteBucket(t *testing.T) {
	b := start(t)
	c := b.client()
	makeBucket(t, c, "photos")
	put(t, c, "photos", "k", "body")
	remove := func() error {
		_, err := c.DeleteBucket(t.Context(), &s3.DeleteBucketInput{Bucket: aws.String("photos")})
		return err
	}
	wantCode(t, "full", remove(), "BucketNotEmpty")
	_, err := c.DeleteObject(t.Context(), &s3.DeleteObjectInput{Bucket: aws.String("photos"), Key: aws.String("k")})
	wantCode(t, "delete object", err, "")
	startUpload(t, c, "photos", "unfinished")
	wantCode(t, "empty but for an upload", remove(), "")
	wantCode(t, "again", remove(), "NoSuchBucket")
	if n := len(filesOf(t, b.dir)); n != 0 {
		t.Errorf("%d files are left", n)
	}
	makeBucket(t, c, "photos")
	if got := keysOf(t, c, &s3.ListObjectsV2Input{Bucket: aws.String("photos")}); len(got) != 0 {
		t.Errorf("a new bucket holds %q", got)
	}
}

func TestUnservedCallsAreNamed(t *testing.T) {
	b := start(t)
	c := b.client()
	makeBucket(t, c, "photos")
	_, err := c.PutBucketVersioning(t.Context(), &s3.PutBucketVersioningInput{Bucket: aws.String("photos"),
		VersioningConfiguration: &types.VersioningConfiguration{Status: "Enabled"}})
	wantNotServed(t, err, "PutBucketVersioning")
	_, err = c.GetObjectAcl(t.Context(), &s3.GetObjectAclInput{Bucket: aws.String("photos"), Key: aws.String("k")})
	wantNotServed(t, err, "GetObjectAcl")
	_, err = c.ListObjectVersions(t.Context(), &s3.ListObjectVersionsInput{Bucket: aws.String("photos")})
	wantNotServed(t, err, "ListObjectVersions")
	_, err = c.PutObject(t.Context(), &s3.PutObjectInput{Bucket: aws.String("photos"), Key: aws.String("k"),
		SSECustomerAlgorithm: aws.String("AES256"), SSECustomerKey: aws.String("0123456789abcdef0123456789abcdef")})
	if err == nil {
		t.Error("stored with a key of the client's")
	}
	_, err = c.PutObject(t.Context(), &s3.PutObjectInput{Bucket: aws.String("photos"), Key: aws.String("k"),
		ServerSideEncryption: types.ServerSideEncryptionAwsKmsDsse})
	wantNotServed(t, err, "x-amz-server-side-encryption")
	_, err = c.GetBucketPolicy(t.Context(), &s3.GetBucketPolicyInput{Bucket: aws.String("photos")})
	wantNotServed(t, err, "GetBucketPolicy")
}
