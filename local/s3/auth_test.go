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

// rights is a policy: actions with the resource, and for lists the prefix, that they are allowed on.
type rights map[string]string

func (r rights) Allowed(_ context.Context, id wire.Identity, action, resource string, condition map[string][]string) (bool, error) {
	pattern, ok := r[action]
	if !ok || id.Role != "worker" {
		return false, nil
	}
	target := strings.TrimPrefix(resource, "arn:aws:s3:::")
	if prefix := condition["s3:prefix"]; len(prefix) > 0 {
		target += "?" + prefix[0]
	}
	general, wild := strings.CutSuffix(pattern, "*")
	return target == pattern || wild && strings.HasPrefix(target, general), nil
}

func TestSessionsOfRolesAreLimited(t *testing.T) {
	b := start(t, func(c *Config) {
		c.Authorizer = rights{
			"s3:GetObject": "photos/in/*", "s3:PutObject": "photos/out/*", "s3:ListBucket": "photos?in/*",
			"s3:AbortMultipartUpload": "photos/out/*", "s3:GetBucketNotification": "photos",
		}
	})
	admin := b.client()
	role := client(b.url, "ROLE1", "us-east-1")
	makeBucket(t, admin, "photos")
	for _, k := range []string{"in/1", "out/1", "secret"} {
		put(t, admin, "photos", k, "x")
	}
	bucket := aws.String("photos")
	read := func(key string) error {
		_, err := role.GetObject(t.Context(), &s3.GetObjectInput{Bucket: bucket, Key: &key})
		return err
	}
	write := func(key string) error {
		_, err := role.PutObject(t.Context(), &s3.PutObjectInput{Bucket: bucket, Key: &key, Body: strings.NewReader("y")})
		return err
	}
	list := func(prefix string) error {
		_, err := role.ListObjectsV2(t.Context(), &s3.ListObjectsV2Input{Bucket: bucket, Prefix: &prefix})
		return err
	}
	remove := func(key string) error {
		_, err := role.DeleteObject(t.Context(), &s3.DeleteObjectInput{Bucket: bucket, Key: &key})
		return err
	}
	copied := func(from, to string) error {
		_, err := role.CopyObject(t.Context(), &s3.CopyObjectInput{Bucket: bucket, Key: &to, CopySource: aws.String("photos/" + from)})
		return err
	}
	const denied = "AccessDenied"
	wantCode(t, "read", read("in/1"), "")
	wantCode(t, "read what may be listed and is absent", read("in/absent"), "NoSuchKey")
	wantCode(t, "read elsewhere", read("secret"), denied)
	wantCode(t, "read what it wrote", read("out/1"), denied)
	wantCode(t, "read elsewhere, absent", read("absent"), denied)
	wantCode(t, "write", write("out/2"), "")
	wantCode(t, "write elsewhere", write("in/2"), denied)
	wantCode(t, "list", list("in/"), "")
	wantCode(t, "list all", list(""), denied)
	wantCode(t, "delete", remove("out/1"), denied)
	wantCode(t, "copy", copied("in/1", "out/3"), "")
	wantCode(t, "copy a secret", copied("secret", "out/3"), denied)
	wantCode(t, "copy to elsewhere", copied("in/1", "in/3"), denied)
	_, err := role.DeleteObjects(t.Context(), &s3.DeleteObjectsInput{Bucket: bucket, Delete: &types.Delete{
		Objects: []types.ObjectIdentifier{{Key: aws.String("secret")}}}})
	wantCode(t, "the call of DeleteObjects", err, "")
	if got := get(t, admin, "photos", "secret"); got != "x" {
		t.Errorf("the role changed what it must not: %q", got)
	}
	_, err = role.GetBucketNotificationConfiguration(t.Context(), &s3.GetBucketNotificationConfigurationInput{Bucket: bucket})
	wantCode(t, "notification", err, "")
	_, err = role.PutBucketNotificationConfiguration(t.Context(), &s3.PutBucketNotificationConfigurationInput{Bucket: bucket,
		NotificationConfiguration: &types.NotificationConfiguration{}})
	wantCode(t, "put notification", err, denied)
	_, err = role.ListBuckets(t.Context(), &s3.ListBucketsInput{})
	wantCode(t, "list buckets", err, denied)
	_, err = role.HeadBucket(t.Context(), &s3.HeadBucketInput{Bucket: bucket})
	wantCode(t, "head bucket", err, "Forbidden")
	up, err := role.CreateMultipartUpload(t.Context(), &s3.CreateMultipartUploadInput{Bucket: bucket, Key: aws.String("out/big")})
	wantCode(t, "start an upload", err, "")
	_, err = role.AbortMultipartUpload(t.Context(), &s3.AbortMultipartUploadInput{Bucket: bucket, Key: aws.String("out/big"), UploadId: up.UploadId})
	wantCode(t, "abort it", err, "")
	_, err = role.PutObject(t.Context(), &s3.PutObjectInput{Bucket: bucket, Key: aws.String("out/t"), Tagging: aws.String("a=b")})
	wantCode(t, "write with tags", err, denied)
}

func TestUnsignedCallsAreRefused(t *testing.T) {
	b := start(t)
	makeBucket(t, b.client(), "photos")
	put(t, b.client(), "photos", "k", "x")
	for _, path := range []string{"/", "/photos", "/photos/k", "/absent", "/photos?versioning"} {
		resp, err := http.Get(b.url + path)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != http.StatusForbidden {
			t.Errorf("GET %s: %s", path, resp.Status)
		}
	}
}
