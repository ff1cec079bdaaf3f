package s3

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/google/go-cmp/cmp"

	"github.com/scar-go/scar/local/clock"
	"github.com/scar-go/scar/local/wire"
)

func TestEventIsAsS3Writes(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 678e6, time.UTC)
	b := start(t, func(c *Config) { c.Clock = clock.NewVirtual(now) })
	c := b.client()
	makeBucket(t, c, "photos")
	wantCode(t, "notify", notify(t, c, "photos", lambdaRule("rule", functionARN("f"), "in/", "", created)), "")
	put(t, c, "photos", "in/a b+ü&<x>.png", "hello")
	got := b.fn.wait(t, 1)[0]
	if got.function != functionARN("f") || got.source != "arn:aws:s3:::photos" {
		t.Errorf("invoked %s from %s", got.function, got.source)
	}
	want := `{"Records":[{"eventVersion":"2.1","eventSource":"aws:s3","awsRegion":"us-east-1",` +
		`"eventTime":"2026-01-02T03:04:05.678Z","eventName":"ObjectCreated:Put","userIdentity":{"principalId":"AWS:123456789012"},` +
		`"requestParameters":{"sourceIPAddress":"127.0.0.1"},"responseElements":{"x-amz-id-2":"REQUEST1","x-amz-request-id":"REQUEST1"},` +
		`"s3":{"s3SchemaVersion":"1.0","configurationId":"rule","bucket":{"name":"photos",` +
		`"ownerIdentity":{"principalId":"0000000000000000000000000000000000000000000000000000123456789012"},"arn":"arn:aws:s3:::photos"},` +
		`"object":{"key":"in/a+b%2B%C3%BC%26%3Cx%3E.png","size":5,"eTag":"5d41402abc4b2a76b9719d911017c592","sequencer":"000000000000000001"}}}]}`
	if d := cmp.Diff(want, got.payload); d != "" {
		t.Error(d)
	}
}

// recordOf decodes the only record of an event.
func recordOf(t *testing.T, payload string) events.S3EventRecord {
	t.Helper()
	var e events.S3Event
	if err := json.Unmarshal([]byte(payload), &e); err != nil || len(e.Records) != 1 {
		t.Fatalf("%s: %v", payload, err)
	}
	return e.Records[0]
}

func TestEventsByRule(t *testing.T) {
	b := start(t)
	c := b.client()
	makeBucket(t, c, "photos")
	err := notify(t, c, "photos",
		lambdaRule("png", functionARN("png"), "in/", ".png", created),
		lambdaRule("jpg", functionARN("jpg"), "in/", ".jpg", "s3:ObjectCreated:Put", "s3:ObjectCreated:CompleteMultipartUpload"),
		lambdaRule("odd", functionARN("odd"), "a+b%2B/", "", created),
		lambdaRule("gone", functionARN("gone"), "in/", "", removed),
		lambdaRule("tags", functionARN("tags"), "", "", "s3:ObjectTagging:*"))
	wantCode(t, "notify", err, "")
	bucket := aws.String("photos")
	copyTo := func(key string) {
		_, err := c.CopyObject(t.Context(), &s3.CopyObjectInput{Bucket: bucket, Key: &key, CopySource: aws.String("photos/in/1.png")})
		wantCode(t, "copy", err, "")
	}
	put(t, c, "photos", "in/1.png", "1")  // png
	put(t, c, "photos", "in/1.PNG", "1")  // nothing: filters tell capitals apart
	put(t, c, "photos", "out/1.png", "1") // nothing
	put(t, c, "photos", "in/2.jpg", "1")  // jpg
	copyTo("in/3.jpg")                    // nothing: copies are not asked for
	copyTo("in/4.png")                    // png
	put(t, c, "photos", "a b+/x", "1")    // odd
	id := startUpload(t, c, "photos", "in/5.jpg")
	wantCode(t, "complete", complete(t, c, "photos", "in/5.jpg", id, parts(t, c, "photos", "in/5.jpg", id, "1")), "") // jpg
	for _, key := range []string{"in/1.png", "in/absent", "out/1.png"} {                                              // gone, once
		_, err := c.DeleteObject(t.Context(), &s3.DeleteObjectInput{Bucket: bucket, Key: &key})
		wantCode(t, "delete", err, "")
	}
	_, err = c.DeleteObjects(t.Context(), &s3.DeleteObjectsInput{Bucket: bucket, Delete: &types.Delete{
		Objects: []types.ObjectIdentifier{{Key: aws.String("in/2.jpg")}, {Key: aws.String("in/4.png")}}}}) // gone, twice
	wantCode(t, "delete", err, "")
	_, err = c.PutObjectTagging(t.Context(), &s3.PutObjectTaggingInput{Bucket: bucket, Key: aws.String("in/3.jpg"),
		Tagging: &types.Tagging{TagSet: []types.Tag{{Key: aws.String("a"), Value: aws.String("b")}}}}) // tags
	wantCode(t, "tag", err, "")
	put(t, c, "photos", "in/last.png", "1")

	want := []string{
		"png ObjectCreated:Put in/1.png", "jpg ObjectCreated:Put in/2.jpg", "png ObjectCreated:Copy in/4.png",
		"odd ObjectCreated:Put a b+/x", "jpg ObjectCreated:CompleteMultipartUpload in/5.jpg",
		"gone ObjectRemoved:Delete in/1.png", "gone ObjectRemoved:Delete in/2.jpg", "gone ObjectRemoved:Delete in/4.png",
		"tags ObjectTagging:Put in/3.jpg", "png ObjectCreated:Put in/last.png",
	}
	var got, sequencers []string
	for _, i := range b.fn.wait(t, len(want)) {
		r := recordOf(t, i.payload)
		key, err := url.QueryUnescape(r.S3.Object.Key)
		if err != nil {
			t.Error(err)
		}
		if i.function != functionARN(r.S3.ConfigurationID) {
			t.Errorf("rule %s invoked %s", r.S3.ConfigurationID, i.function)
		}
		got = append(got, fmt.Sprint(r.S3.ConfigurationID, " ", r.EventName, " ", key))
		sequencers = append(sequencers, r.S3.Object.Sequencer)
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	if !slices.IsSorted(sequencers) || len(slices.Compact(sequencers)) != len(want) {
		t.Errorf("sequencers do not grow: %q", sequencers)
	}
}

// An event that cannot be delivered now waits, does not hold up others, and survives a restart.
func TestEventsAreTriedAgain(t *testing.T) {
	dir, fn := t.TempDir(), newFunctions()
	fn.failing = 1 << 30
	b := open(t, dir, fn)
	c := b.client()
	makeBucket(t, c, "photos")
	wantCode(t, "notify", notify(t, c, "photos", lambdaRule("r", functionARN("f"), "", "", created)), "")
	for i := range 40 {
		put(t, c, "photos", fmt.Sprint("k", i), "x")
	}
	b.stop()
	if len(fn.got) != 0 {
		t.Fatalf("%d events came", len(fn.got))
	}
	fn.failing = 5
	open(t, dir, fn)
	keys := map[string]bool{}
	for _, i := range fn.wait(t, 40) {
		keys[recordOf(t, i.payload).S3.Object.Key] = true
	}
	if len(keys) != 40 {
		t.Errorf("%d keys of 40", len(keys))
	}
}

func TestEventsForFunctionsThatRefuseAreDropped(t *testing.T) {
	b := start(t)
	c := b.client()
	makeBucket(t, c, "photos")
	wantCode(t, "notify", notify(t, c, "photos", lambdaRule("no", functionARN("no"), "no/", "", created),
		lambdaRule("yes", functionARN("yes"), "yes/", "", created)), "")
	b.fn.mu.Lock()
	b.fn.denied[functionARN("no")] = true
	b.fn.mu.Unlock()
	put(t, c, "photos", "no/1", "x")
	put(t, c, "photos", "yes/1", "x")
	if got := b.fn.wait(t, 1); got[0].function != functionARN("yes") {
		t.Errorf("invoked %s", got[0].function)
	}
	if err := b.Idle(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := b.fn.wait(t, 1); len(got) != 1 {
		t.Errorf("%d invocations", len(got))
	}
}

func TestIdleWaitsForEvents(t *testing.T) {
	b := start(t)
	c := b.client()
	makeBucket(t, c, "photos")
	wantCode(t, "notify", notify(t, c, "photos", lambdaRule("r", functionARN("f"), "", "", created)), "")
	b.fn.mu.Lock()
	b.fn.failing = 1 << 30
	b.fn.mu.Unlock()
	put(t, c, "photos", "k", "x")
	cancelled, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := b.Idle(cancelled); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("idle with an event that waits: %v", err)
	}
	b.fn.mu.Lock()
	b.fn.failing = 0
	b.fn.mu.Unlock()
	for i := range 50 {
		put(t, c, "photos", fmt.Sprint("k", i), "x")
	}
	if err := b.Idle(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := len(b.fn.wait(t, 51)); n != 51 {
		t.Errorf("%d invocations after Idle, want 51", n)
	}
}

// waitFor polls until the condition holds.
func waitFor(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !holds(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain for %s", what)
		}
	}
}

func TestFinalErrors(t *testing.T) {
	for err, want := range map[error]bool{
		wire.Errorf(http.StatusNotFound, "ResourceNotFoundException", ""):               true,
		wire.Errorf(http.StatusTooManyRequests, "TooManyRequestsException", ""):         false,
		wire.Errorf(http.StatusInternalServerError, "ServiceException", ""):             false,
		fmt.Errorf("invoke: %w", wire.Errorf(http.StatusForbidden, "AccessDenied", "")): true,
		fmt.Errorf("disk full"): false,
	} {
		if final(err) != want {
			t.Errorf("final(%v) = %v", err, !want)
		}
	}
}

func TestEventSizeOfEmptyObject(t *testing.T) {
	b := start(t)
	c := b.client()
	makeBucket(t, c, "photos")
	wantCode(t, "notify", notify(t, c, "photos", lambdaRule("r", functionARN("f"), "", "", created, removed)), "")
	put(t, c, "photos", "folder/", "")
	_, err := c.DeleteObject(t.Context(), &s3.DeleteObjectInput{Bucket: aws.String("photos"), Key: aws.String("folder/")})
	wantCode(t, "delete", err, "")
	got := b.fn.wait(t, 2)
	if !strings.Contains(got[0].payload, `"size":0,`) {
		t.Errorf("no size: %s", got[0].payload)
	}
	if strings.Contains(got[1].payload, `"size"`) || strings.Contains(got[1].payload, `"eTag"`) {
		t.Errorf("a removed object has no size nor ETag: %s", got[1].payload)
	}
}
