package flow

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"
)

// ScriptPayload is the event that makes a function run another script than its own.
func ScriptPayload(script []byte) ([]byte, error) {
	if len(script) == 0 {
		return nil, errors.New("the script is empty")
	}
	return json.Marshal(map[string]string{"script": base64.StdEncoding.EncodeToString(script)})
}

// CommandPayload is the event that makes a function run its image with other arguments.
func CommandPayload(arguments []string) ([]byte, error) {
	for _, argument := range arguments {
		if strings.Contains(argument, "\x00") {
			return nil, errors.New("an argument holds a zero byte, which no program can be given")
		}
	}
	return json.Marshal(map[string][]string{"cmd_args": arguments})
}

// CheckPayload refuses what Lambda would not take, before it is sent. What is what the payload is made of, and instead the
// way for larger ones.
func CheckPayload(payload []byte, async bool, what, instead string) error {
	limit, other := MaxPayload, ""
	if async {
		limit = MaxEventPayload
		if len(payload) <= MaxPayload {
			other = "; without --async, 6 MB"
		}
	}
	if len(payload) <= limit {
		return nil
	}
	return fmt.Errorf("%s makes a request of %d bytes, Lambda takes %d MB at most%s: %s", what, len(payload), limit>>20, other, instead)
}

// objectRecord is the event of one object, as S3 sends it
// (https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html).
type objectRecord struct {
	EventVersion string `json:"eventVersion"`
	EventSource  string `json:"eventSource"`
	Region       string `json:"awsRegion"`
	EventTime    string `json:"eventTime"`
	EventName    string `json:"eventName"`
	S3           struct {
		SchemaVersion string `json:"s3SchemaVersion"`
		Bucket        struct {
			Name string `json:"name"`
			ARN  string `json:"arn"`
		} `json:"bucket"`
		Object struct {
			Key  string `json:"key"` // encoded as in a form
			Size int64  `json:"size"`
			ETag string `json:"eTag,omitempty"`
		} `json:"object"`
	} `json:"s3"`
}

// objectEvent is the event that S3 sends when an object is stored. It has no sequencer, since it is no event of S3's. Without
// an ETag, nothing about it looks like a duplicate.
func (a *Account) objectEvent(bucket, key, etag string, size int64, at time.Time) ([]byte, error) {
	r := objectRecord{
		EventVersion: "2.1", EventSource: "aws:s3", Region: a.config.Region, EventName: "ObjectCreated:Put",
		EventTime: at.UTC().Format("2006-01-02T15:04:05.000Z"),
	}
	r.S3.SchemaVersion = "1.0"
	r.S3.Bucket.Name, r.S3.Bucket.ARN = bucket, "arn:"+a.naming().Partition+":s3:::"+bucket
	r.S3.Object.Key = strings.ReplaceAll(url.QueryEscape(key), "%2F", "/")
	r.S3.Object.Size, r.S3.Object.ETag = size, etag
	return json.Marshal(map[string][]objectRecord{"Records": {r}})
}

// ObjectPayload is the event of an object that is there, such as s3://photos/in/cat.png. Who asks for it wants it processed,
// whatever became of it before, so that it never looks like a duplicate.
func (a *Account) ObjectPayload(ctx context.Context, place string) ([]byte, error) {
	bucket, key, err := splitObject(place)
	if err != nil {
		return nil, err
	}
	client := s3.NewFromConfig(a.config, func(o *s3.Options) { o.UsePathStyle = o.UsePathStyle || o.BaseEndpoint != nil })
	head, err := client.HeadObject(ctx, &s3.HeadObjectInput{Bucket: &bucket, Key: &key})
	if err != nil {
		return nil, a.explainObject(place, bucket, err)
	}
	return a.objectEvent(bucket, key, "", sdk.ToInt64(head.ContentLength), sdk.ToTime(head.LastModified))
}

// explainObject says why an object cannot be looked at. S3 answers such calls without a word but the status.
func (a *Account) explainObject(place, bucket string, err error) error {
	var absent *s3types.NotFound
	var answered *awshttp.ResponseError
	if errors.As(err, &absent) {
		return fmt.Errorf("there is no object %s", place)
	}
	if errors.As(err, &answered) {
		switch answered.HTTPStatusCode() {
		case http.StatusMovedPermanently:
			region := answered.Response.Header.Get("X-Amz-Bucket-Region")
			return fmt.Errorf("the bucket %s is in another region (%s): a function takes objects of its own, %s", bucket, region, a.config.Region)
		case http.StatusForbidden:
			return fmt.Errorf("%s cannot be looked at: these credentials lack the right s3:GetObject, or it is not there and they lack s3:ListBucket", place)
		}
	}
	return fmt.Errorf("look at %s: %w", place, explainCall(err))
}

// splitObject is the bucket and the key in s3://bucket/key.
func splitObject(place string) (bucket, key string, err error) {
	rest, isS3 := strings.CutPrefix(place, "s3://")
	bucket, key, _ = strings.Cut(rest, "/")
	if !isS3 || bucket == "" || key == "" {
		return "", "", fmt.Errorf("%q is no object: write s3://BUCKET/KEY", place)
	}
	return bucket, key, nil
}
