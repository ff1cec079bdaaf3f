package s3

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/scar-go/scar/internal/moto"
)

// TestConformance runs one suite against this backend and against moto, so that the backend does not
// merely confirm the beliefs of those who wrote it. Each case returns what was observed, as text; both
// must observe the same, but where moto is known not to be AWS.
func TestConformance(t *testing.T) {
	ours := start(t).client()
	second := startMoto(t)
	for _, c := range conformance {
		t.Run(c.name, func(t *testing.T) {
			got := c.observe(t, ours, "ours")
			if got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
			want := c.want
			if c.moto != "" {
				want = c.moto
			}
			if second == nil {
				return
			}
			if other := c.observe(t, second, "moto"); other != want {
				t.Errorf("moto says %s\nwe say    %s", other, want)
			}
		})
	}
}

// startMoto starts a moto server, or returns nil where there is none.
func startMoto(t *testing.T) *s3.Client {
	t.Helper()
	server, err := moto.Start(t.Context())
	if errors.Is(err, moto.ErrNotInstalled) {
		t.Logf("%v: compared with what is known only", err)
		return nil
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := server.Stop(); err != nil {
			t.Error(err)
		}
	})
	return client(server.URL, "ADMIN", "us-east-1")
}

type conformanceCase struct {
	name    string
	want    string
	moto    string // where moto is known to differ from AWS
	observe func(t *testing.T, c *s3.Client, who string) string
}

// errText is the outcome of a call: its error's code, or ok.
func errText(err error) string {
	if err == nil {
		return "ok"
	}
	return code(err)
}

func outcomes(errs ...error) string {
	var out []string
	for _, err := range errs {
		out = append(out, errText(err))
	}
	return strings.Join(out, " ")
}

var conformance = []conformanceCase{
	{"bucket life", "ok ok BucketNotEmpty ok ok NoSuchBucket NotFound", "", func(t *testing.T, c *s3.Client, _ string) string {
		name := aws.String("conf-life")
		_, made := c.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: name})
		_, again := c.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: name})
		put(t, c, *name, "k", "x")
		_, full := c.DeleteBucket(t.Context(), &s3.DeleteBucketInput{Bucket: name})
		_, emptied := c.DeleteObject(t.Context(), &s3.DeleteObjectInput{Bucket: name, Key: aws.String("k")})
		_, removed := c.DeleteBucket(t.Context(), &s3.DeleteBucketInput{Bucket: name})
		_, gone := c.GetBucketLocation(t.Context(), &s3.GetBucketLocationInput{Bucket: name})
		_, head := c.HeadBucket(t.Context(), &s3.HeadBucketInput{Bucket: name})
		return outcomes(made, again, full, emptied, removed, gone, head)
	}},
	// moto ignores the tags of CreateBucketConfiguration.
	{"region and tags", `us-east-1 "" a=b NoSuchTagSet`, "NoSuchTagSet", func(t *testing.T, c *s3.Client, _ string) string {
		name := aws.String("conf-tags")
		_, err := c.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: name, CreateBucketConfiguration: &types.CreateBucketConfiguration{
			Tags: []types.Tag{{Key: aws.String("a"), Value: aws.String("b")}}}})
		if err != nil {
			return errText(err)
		}
		head, err := c.HeadBucket(t.Context(), &s3.HeadBucketInput{Bucket: name})
		if err != nil {
			return errText(err)
		}
		location, err := c.GetBucketLocation(t.Context(), &s3.GetBucketLocationInput{Bucket: name})
		if err != nil {
			return errText(err)
		}
		tags, err := c.GetBucketTagging(t.Context(), &s3.GetBucketTaggingInput{Bucket: name})
		if err != nil || len(tags.TagSet) != 1 {
			return errText(err)
		}
		if _, err := c.DeleteBucketTagging(t.Context(), &s3.DeleteBucketTaggingInput{Bucket: name}); err != nil {
			return errText(err)
		}
		_, none := c.GetBucketTagging(t.Context(), &s3.GetBucketTaggingInput{Bucket: name})
		return fmt.Sprintf("%s %q %s=%s %s", *head.BucketRegion, location.LocationConstraint, *tags.TagSet[0].Key, *tags.TagSet[0].Value, errText(none))
	}},
	{"object", `"5d41402abc4b2a76b9719d911017c592" 5 text/x v hello el`, "", func(t *testing.T, c *s3.Client, _ string) string {
		name := aws.String("conf-object")
		makeBucket(t, c, *name)
		key := aws.String("a b+c%/ü")
		_, err := c.PutObject(t.Context(), &s3.PutObjectInput{Bucket: name, Key: key, Body: strings.NewReader("hello"),
			ContentType: aws.String("text/x"), Metadata: map[string]string{"k": "v"}})
		if err != nil {
			return errText(err)
		}
		out, err := c.HeadObject(t.Context(), &s3.HeadObjectInput{Bucket: name, Key: key})
		if err != nil {
			return errText(err)
		}
		part, err := c.GetObject(t.Context(), &s3.GetObjectInput{Bucket: name, Key: key, Range: aws.String("bytes=1-2")})
		if err != nil {
			return errText(err)
		}
		text, err := io.ReadAll(part.Body)
		if err != nil {
			return errText(err)
		}
		return fmt.Sprintf("%s %d %s %s %s %s", *out.ETag, *out.ContentLength, *out.ContentType, out.Metadata["k"], get(t, c, *name, *key), text)
	}},
	{"absent and refused", "NoSuchKey NotFound ok NoSuchBucket NoSuchKey PreconditionFailed PreconditionFailed NotModified InvalidRange", "",
		func(t *testing.T, c *s3.Client, _ string) string {
			name, k, absent := aws.String("conf-absent"), aws.String("k"), aws.String("absent")
			makeBucket(t, c, *name)
			etag := put(t, c, *name, *k, "x").ETag
			_, a := c.GetObject(t.Context(), &s3.GetObjectInput{Bucket: name, Key: absent})
			_, b := c.HeadObject(t.Context(), &s3.HeadObjectInput{Bucket: name, Key: absent})
			_, d := c.DeleteObject(t.Context(), &s3.DeleteObjectInput{Bucket: name, Key: absent})
			_, e := c.PutObject(t.Context(), &s3.PutObjectInput{Bucket: aws.String("conf-none"), Key: k})
			_, f := c.CopyObject(t.Context(), &s3.CopyObjectInput{Bucket: name, Key: k, CopySource: aws.String(*name + "/absent")})
			_, g := c.PutObject(t.Context(), &s3.PutObjectInput{Bucket: name, Key: k, IfNoneMatch: aws.String("*")})
			_, h := c.GetObject(t.Context(), &s3.GetObjectInput{Bucket: name, Key: k, IfMatch: aws.String(`"00000000000000000000000000000000"`)})
			_, i := c.GetObject(t.Context(), &s3.GetObjectInput{Bucket: name, Key: k, IfNoneMatch: etag})
			_, j := c.GetObject(t.Context(), &s3.GetObjectInput{Bucket: name, Key: k, Range: aws.String("bytes=7-")})
			return outcomes(a, b, d, e, f, g, h, i, j)
		}},
	{"listing", "[a/ b/ c] [a/x a/y] [b/z c] [a/x a/y b/z c]", "", func(t *testing.T, c *s3.Client, _ string) string {
		name := aws.String("conf-list")
		makeBucket(t, c, *name)
		for _, k := range []string{"c", "a/y", "b/z", "a/x"} {
			put(t, c, *name, k, "")
		}
		folders := keysOf(t, c, &s3.ListObjectsV2Input{Bucket: name, Delimiter: aws.String("/")})
		slices.Sort(folders)
		return fmt.Sprint(folders, keysOf(t, c, &s3.ListObjectsV2Input{Bucket: name, Prefix: aws.String("a/")}),
			keysOf(t, c, &s3.ListObjectsV2Input{Bucket: name, StartAfter: aws.String("a/y")}),
			keysOf(t, c, &s3.ListObjectsV2Input{Bucket: name, MaxKeys: aws.Int32(1)}))
	}},
	{"multipart", "InvalidPart EntityTooSmall ok 5242883 " + `"6d7c5fbffce55b2eb513ca823d7235b2-2"`, "", func(t *testing.T, c *s3.Client, _ string) string {
		name := "conf-parts"
		makeBucket(t, c, name)
		id := startUpload(t, c, name, "k")
		done := parts(t, c, name, "k", id, strings.Repeat("x", 5<<20), "end", "more")
		wrong := complete(t, c, name, "k", id, []types.CompletedPart{{PartNumber: aws.Int32(9), ETag: done[0].ETag}})
		small := complete(t, c, name, "k", id, done[1:])
		right := complete(t, c, name, "k", id, done[:2])
		head, err := c.HeadObject(t.Context(), &s3.HeadObjectInput{Bucket: &name, Key: aws.String("k")})
		if err != nil {
			return outcomes(wrong, small, right, err)
		}
		return fmt.Sprintf("%s %d %s", outcomes(wrong, small, right), *head.ContentLength, *head.ETag)
	}},
	// moto forgets that EventBridge is on.
	{"notification", "f [s3:ObjectCreated:*] prefix=in/ suffix=.png q t true", "f [s3:ObjectCreated:*] prefix=in/ suffix=.png q t false", func(t *testing.T, c *s3.Client, _ string) string {
		name := aws.String("conf-notify")
		makeBucket(t, c, *name)
		_, err := c.PutBucketNotificationConfiguration(t.Context(), &s3.PutBucketNotificationConfigurationInput{Bucket: name,
			SkipDestinationValidation: aws.Bool(true), NotificationConfiguration: &types.NotificationConfiguration{
				EventBridgeConfiguration:     &types.EventBridgeConfiguration{},
				LambdaFunctionConfigurations: []types.LambdaFunctionConfiguration{lambdaRule("f", functionARN("f"), "in/", ".png", created)},
				QueueConfigurations:          []types.QueueConfiguration{{Id: aws.String("q"), Events: []types.Event{removed}, QueueArn: aws.String("arn:aws:sqs:us-east-1:" + account + ":q")}},
				TopicConfigurations:          []types.TopicConfiguration{{Id: aws.String("t"), Events: []types.Event{"s3:ObjectRestore:*"}, TopicArn: aws.String("arn:aws:sns:us-east-1:" + account + ":t")}},
			}})
		if err != nil {
			return errText(err)
		}
		out, err := c.GetBucketNotificationConfiguration(t.Context(), &s3.GetBucketNotificationConfigurationInput{Bucket: name})
		if err != nil {
			return errText(err)
		}
		l := out.LambdaFunctionConfigurations[0]
		text := fmt.Sprint(*l.Id, " ", l.Events)
		for _, r := range l.Filter.Key.FilterRules {
			text += " " + strings.ToLower(string(r.Name)) + "=" + *r.Value
		}
		return fmt.Sprint(text, " ", *out.QueueConfigurations[0].Id, " ", *out.TopicConfigurations[0].Id, " ", out.EventBridgeConfiguration != nil)
	}},
}
