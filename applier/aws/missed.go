package aws

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/lambda"
	lambdatypes "github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"golang.org/x/sync/errgroup"

	"github.com/scar-go/scar/planner"
)

// send gives a function an event for each object that its rules are about and that has arrived since its replacement began,
// unless its record says that it was worked on. S3 delivers what it tells of at least once, so sending one again is
// nothing that a function does not have to expect.
func (r *replacements) send(ctx context.Context, f planner.Function, rules []planner.Trigger, note replacement, say sayer) error {
	records := r.recordsOf(ctx, f)
	var sent atomic.Int64
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(r.parallel)
	for _, rule := range rules {
		pages := s3.NewListObjectsV2Paginator(r.client, &s3.ListObjectsV2Input{
			Bucket: &rule.Bucket, Prefix: &rule.Prefix, ExpectedBucketOwner: &r.naming.Account,
		})
		for pages.HasMorePages() {
			page, err := pages.NextPage(ctx)
			if err != nil {
				_ = group.Wait() // what is under way ends; the listing's error says why there is no more
				return fmt.Errorf("look for what arrived in the bucket %s while the function was replaced: %w", rule.Bucket, err)
			}
			for _, object := range page.Contents {
				if !strings.HasSuffix(deref(object.Key), rule.Suffix) || !note.missed(object) {
					continue
				}
				group.Go(func() error {
					if r.isDone(ctx, records, f.Name, rule.Bucket, object) {
						return nil
					}
					sent.Add(1)
					return r.invoke(ctx, f.Name, rule, object)
				})
			}
		}
	}
	if err := group.Wait(); err != nil {
		return err
	}
	if n := sent.Load(); n > 0 {
		say(fmt.Sprintf("sent it the events of %d files, which arrived while it was replaced or shortly before", n), 0, 0)
	}
	return nil
}

// missed says whether an object may have arrived since the replacement began. The ETag of one that was uploaded in parts
// ends in their number (S3 API reference, Object).
func (n replacement) missed(o types.Object) bool {
	since := n.Since
	if strings.Contains(deref(o.ETag), "-") {
		since = n.Uploads
	}
	// S3 tells the time of objects in whole seconds.
	return !deref(o.LastModified).Before(since.Truncate(time.Second))
}

// recordsOf is the bucket in which a function keeps its records; empty where it is not known, as with a role that is not scar's.
func (r *replacements) recordsOf(ctx context.Context, f planner.Function) string {
	_, name, byScar := strings.Cut(f.Role, ":role"+planner.RolePath(r.project))
	if !byScar {
		return ""
	}
	role, _, err := r.roles.read(ctx, name)
	if err != nil {
		return "" // records save work, nothing more
	}
	bucket, _ := planner.RecordsBucket(role)
	return bucket
}

// maxRecord bounds a record: it lists the outputs of one input.
const maxRecord = 16 << 20

// isDone says whether the record of an object is there, and says that this very version of it was worked on.
func (r *replacements) isDone(ctx context.Context, records, function, bucket string, o types.Object) bool {
	if records == "" {
		return false
	}
	out, err := r.client.GetObject(ctx, &s3.GetObjectInput{
		Bucket: &records, Key: ptr(planner.RecordKey(function, bucket, deref(o.Key))), ExpectedBucketOwner: &r.naming.Account,
	})
	if err != nil {
		return false // none, or none that may be read: it is sent
	}
	defer func() { _ = out.Body.Close() }() // read-only: nothing is lost
	content, err := io.ReadAll(io.LimitReader(out.Body, maxRecord))
	return err == nil && planner.RecordSaysDone(content, strings.Trim(deref(o.ETag), `"`))
}

// s3Event is an event of S3's with one record (S3 user guide, "Event message structure").
type s3Event struct {
	Records []s3Record `json:"Records"`
}

type s3Record struct {
	EventVersion string    `json:"eventVersion"`
	EventSource  string    `json:"eventSource"`
	AWSRegion    string    `json:"awsRegion"`
	EventTime    time.Time `json:"eventTime"`
	EventName    string    `json:"eventName"`
	S3           s3Entity  `json:"s3"`
}

type s3Entity struct {
	SchemaVersion   string `json:"s3SchemaVersion"`
	ConfigurationID string `json:"configurationId"`
	Bucket          struct {
		Name string `json:"name"`
		ARN  string `json:"arn"`
	} `json:"bucket"`
	Object struct {
		Key  string `json:"key"`
		Size int64  `json:"size"`
		ETag string `json:"eTag"`
	} `json:"object"`
}

// eventOf is what S3 would have told of an object's arrival.
func (r *replacements) eventOf(rule planner.Trigger, o types.Object) s3Event {
	record := s3Record{
		EventVersion: "2.1", EventSource: "aws:s3", AWSRegion: r.naming.Region, EventTime: deref(o.LastModified).UTC(), EventName: "ObjectCreated:Put",
		S3: s3Entity{SchemaVersion: "1.0", ConfigurationID: rule.ID},
	}
	etag := strings.Trim(deref(o.ETag), `"`)
	if strings.Contains(etag, "-") {
		record.EventName = "ObjectCreated:CompleteMultipartUpload"
	}
	record.S3.Bucket.Name, record.S3.Bucket.ARN = rule.Bucket, r.naming.BucketARN(rule.Bucket)
	record.S3.Object.Key, record.S3.Object.Size, record.S3.Object.ETag = encodeFilter(deref(o.Key)), deref(o.Size), etag
	return s3Event{Records: []s3Record{record}}
}

func (r *replacements) invoke(ctx context.Context, function string, rule planner.Trigger, o types.Object) error {
	payload, err := json.Marshal(r.eventOf(rule, o))
	if err == nil {
		err = r.retry(ctx, busyWait, isBusy, func() error {
			_, err := r.invoker.Invoke(ctx, &lambda.InvokeInput{FunctionName: &function, InvocationType: lambdatypes.InvocationTypeEvent, Payload: payload})
			return err
		})
	}
	if err != nil {
		return fmt.Errorf("send the event of s3://%s/%s, which arrived while the function was replaced: %w", rule.Bucket, deref(o.Key), err)
	}
	return nil
}
