package lifecycle

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/scar-go/scar/local/clock"
	"github.com/scar-go/scar/local/lambda"
)

// about are the attempts on one object, and when each had ended.
func (e *ended) about(key string) (attempts []lambda.Invocation, when []time.Time) {
	all, times := e.list()
	for i, invocation := range all {
		if strings.Contains(string(invocation.Payload), `"key":"`+key+`"`) {
			attempts, when = append(attempts, invocation), append(when, times[i])
		}
	}
	return attempts, when
}

// failureKey is where Lambda puts what it tells of an event: by day, second and a random id.
var failureKey = regexp.MustCompile(`^aws/lambda/async/grayify/(\d{4}/\d{2}/\d{2})/(\d{4}-\d{2}-\d{2}T\d{2}\.\d{2}\.\d{2})-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`)

// TestFailuresAreToldAfterTheLastAttempt puts pictures that are none into the bucket: Lambda tries three times, one and two minutes
// apart, and then tells the bucket or the queue that on_failure names.
func TestFailuresAreToldAfterTheLastAttempt(t *testing.T) {
	c := newExample(t, "imagemagick")
	c.debianImage("imagemagick.tar", "imagemagick")
	now, seen := c.upAtWill()
	c.write("bucket.yaml", "functions: {grayify: {on_failure: s3://scar-failed-photos}}\n")
	c.converge("bucket.yaml")
	c.write("none.jpg", "not a picture")
	c.failsThrice(now, seen, "in/first.jpg")
	var keys []string
	patiently(t, "the document in the bucket", func() bool {
		keys = c.keys("scar-failed-photos", "")
		return len(keys) > 0
	})
	match := failureKey.FindStringSubmatch(keys[0])
	if len(keys) != 1 || match == nil || strings.ReplaceAll(match[1], "/", "-") != match[2][:10] {
		t.Fatalf("the bucket has %q", keys)
	}
	if at, err := time.Parse("2006-01-02T15.04.05", match[2]); err != nil || at.Sub(now.Now()).Abs() > time.Second {
		t.Errorf("it was told at %s, now it is %s", match[2], now.Now().UTC())
	}
	c.tellsOf(seen, "in/first.jpg", c.object("scar-failed-photos", keys[0]))

	c.run("aws", "sqs", "create-queue", "--queue-name", "failed-photos")
	c.write("queue.yaml", "functions: {grayify: {on_failure: \"arn:aws:sqs:us-east-1:000000000000:failed-photos\"}}\n")
	c.converge("queue.yaml")
	c.failsThrice(now, seen, "in/second.jpg")
	var got struct{ Messages []struct{ Body string } }
	patiently(t, "the document in the queue", func() bool {
		out := c.run("aws", "sqs", "receive-message", "--queue-url", c.queue("failed-photos"))
		if strings.TrimSpace(out) == "" {
			return false
		}
		if err := json.Unmarshal([]byte(out), &got); err != nil {
			t.Fatal(err)
		}
		return len(got.Messages) > 0
	})
	c.tellsOf(seen, "in/second.jpg", []byte(got.Messages[0].Body))
	if keys := c.keys("scar-failed-photos", ""); len(keys) != 1 {
		t.Errorf("the bucket, which is no longer told, has %q", keys)
	}
	c.run("aws", "sqs", "delete-queue", "--queue-url", c.queue("failed-photos")) // not scar's to remove
	c.leaveNothing()
}

// failsThrice puts a file into the bucket that never becomes a picture, and moves the clock so that an attempt before or after its
// time would be seen.
func (c *cli) failsThrice(now *clock.Virtual, seen *ended, key string) {
	c.t.Helper()
	c.run("aws", "s3", "cp", "none.jpg", "s3://scar-photos/"+key)
	began := now.Now()
	for attempt, pause := range []time.Duration{0, time.Minute, 2 * time.Minute} {
		if pause > 0 {
			now.Advance(pause - time.Second)
			// What comes now is done: an attempt that was due with it would be too, or be under way.
			between := fmt.Sprintf("%s-%d-between.jpg", strings.TrimSuffix(key, ".jpg"), attempt)
			c.run("aws", "s3", "cp", "photos/astronaut.jpg", "s3://scar-photos/"+between)
			patiently(c.t, "a good picture between", func() bool { done, _ := seen.about(between); return len(done) == 1 })
			if early, _ := seen.about(key); len(early) != attempt {
				c.t.Errorf("%s was tried %d times a second before attempt %d is due", key, len(early), attempt+1)
			}
			now.Advance(time.Second)
		}
		patiently(c.t, fmt.Sprintf("attempt %d on %s", attempt+1, key), func() bool { done, _ := seen.about(key); return len(done) == attempt+1 })
	}
	attempts, when := seen.about(key)
	var after []time.Duration
	for _, at := range when {
		after = append(after, at.Sub(began))
	}
	if want := []time.Duration{0, time.Minute, 3 * time.Minute}; !slices.Equal(after, want) {
		c.t.Errorf("%s was tried after %s, want %s", key, after, want)
	}
	for i, a := range attempts {
		if !a.Failed() || a.Attempt != i+1 || a.Final != (i == 2) || a.RequestID != attempts[0].RequestID {
			c.t.Errorf("attempt %d on %s: %+v", i+1, key, a)
		}
	}
}

// tellsOf reads a document as Lambda writes it of an event that failed for good.
func (c *cli) tellsOf(seen *ended, key string, document []byte) {
	c.t.Helper()
	var told struct {
		Version        string
		Timestamp      time.Time
		RequestContext struct {
			RequestID, FunctionARN, Condition string
			ApproximateInvokeCount            int
		}
		RequestPayload  json.RawMessage
		ResponseContext struct {
			StatusCode                     int
			ExecutedVersion, FunctionError string
		}
		ResponsePayload struct{ ErrorType, ErrorMessage string }
	}
	if err := json.Unmarshal(document, &told); err != nil {
		c.t.Fatalf("%v\n%s", err, document)
	}
	attempts, _ := seen.about(key)
	request, response := told.RequestContext, told.ResponseContext
	if told.Version != "1.0" || told.Timestamp.IsZero() || request.RequestID != attempts[0].RequestID ||
		request.FunctionARN != "arn:aws:lambda:us-east-1:000000000000:function:grayify:$LATEST" ||
		request.Condition != "RetriesExhausted" || request.ApproximateInvokeCount != 3 ||
		response.StatusCode != 200 || response.ExecutedVersion != "$LATEST" || response.FunctionError != "Unhandled" ||
		told.ResponsePayload.ErrorType != "Scar.ScriptFailed" || !strings.Contains(string(told.RequestPayload), key) {
		c.t.Errorf("of %s it is told:\n%s", key, document)
	}
}
