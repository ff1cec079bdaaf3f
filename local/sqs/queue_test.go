package sqs

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/scar-go/scar/local/wire"
)

func TestQueues(t *testing.T) {
	b := start(t)
	c, ctx := b.admin(), t.Context()
	url := b.create(t, "q", map[string]string{"VisibilityTimeout": "60", "SqsManagedSseEnabled": "true"})
	if want := b.url + "/" + account + "/q"; url != want {
		t.Errorf("the URL is %s, want %s", url, want)
	}
	got := b.attributes(t, url)
	want := map[string]string{
		"QueueArn": "arn:aws:sqs:us-east-1:" + account + ":q", "VisibilityTimeout": "60", "DelaySeconds": "0", "MaximumMessageSize": "1048576",
		"MessageRetentionPeriod": "345600", "ReceiveMessageWaitTimeSeconds": "0", "SqsManagedSseEnabled": "true",
		"ApproximateNumberOfMessages": "0", "ApproximateNumberOfMessagesNotVisible": "0", "ApproximateNumberOfMessagesDelayed": "0",
		"CreatedTimestamp": "1767323045", "LastModifiedTimestamp": "1767323045",
	}
	if !maps.Equal(got, want) {
		t.Errorf("attributes %v", got)
	}

	b.clock.Advance(time.Hour)
	_, err := c.SetQueueAttributes(ctx, &sqs.SetQueueAttributesInput{QueueUrl: &url, Attributes: map[string]string{"MessageRetentionPeriod": "60"}})
	must(t, err)
	if got = b.attributes(t, url); got["MessageRetentionPeriod"] != "60" || got["LastModifiedTimestamp"] != "1767326645" || got["CreatedTimestamp"] != "1767323045" {
		t.Errorf("changed attributes %v", got)
	}
	b.create(t, "q", map[string]string{"VisibilityTimeout": "60"}) // what is not named does not count
	_, err = c.CreateQueue(ctx, &sqs.CreateQueueInput{QueueName: aws.String("q"), Attributes: map[string]string{"VisibilityTimeout": "61"}})
	wantCode(t, "another value", err, "QueueAlreadyExists")

	found, err := c.GetQueueUrl(ctx, &sqs.GetQueueUrlInput{QueueName: aws.String("q")})
	must(t, err)
	if *found.QueueUrl != url {
		t.Errorf("found %s", *found.QueueUrl)
	}
	_, err = c.DeleteQueue(ctx, &sqs.DeleteQueueInput{QueueUrl: &url})
	must(t, err)
	_, err = c.GetQueueUrl(ctx, &sqs.GetQueueUrlInput{QueueName: aws.String("q")})
	wantCode(t, "a deleted queue", err, "AWS.SimpleQueueService.NonExistentQueue")
	b.clock.Advance(59 * time.Second)
	_, err = c.CreateQueue(ctx, &sqs.CreateQueueInput{QueueName: aws.String("q")})
	wantCode(t, "a name that was freed a moment ago", err, "AWS.SimpleQueueService.QueueDeletedRecently")
	b.clock.Advance(time.Second)
	b.create(t, "q", nil)
}

func TestWhatQueuesCannotBe(t *testing.T) {
	b := start(t)
	b.create(t, "dead", nil)
	b.create(t, "dead.fifo", map[string]string{"FifoQueue": "true"})
	b.create(t, "shut", map[string]string{"RedriveAllowPolicy": `{"redrivePermission":"denyAll"}`})
	redrive := func(target string, most any) map[string]string {
		return map[string]string{"RedrivePolicy": fmt.Sprintf(`{"deadLetterTargetArn":"arn:aws:sqs:us-east-1:%s:%s","maxReceiveCount":%v}`, account, target, most)}
	}
	for what, c := range map[string]struct {
		name       string
		attributes map[string]string
		code       string
	}{
		"no character of names":       {"a b", nil, "InvalidParameterValue"},
		"a long name":                 {strings.Repeat("a", 81), nil, "InvalidParameterValue"},
		"FIFO without the suffix":     {"q", map[string]string{"FifoQueue": "true"}, "InvalidParameterValue"},
		"the suffix without FIFO":     {"q.fifo", nil, "InvalidParameterValue"},
		"an unknown attribute":        {"q", map[string]string{"Visibility": "1"}, "InvalidAttributeName"},
		"an attribute of FIFO queues": {"q", map[string]string{"ContentBasedDeduplication": "true"}, "InvalidAttributeName"},
		"visibility over the limit":   {"q", map[string]string{"VisibilityTimeout": "43201"}, "InvalidAttributeValue"},
		"retention below the limit":   {"q", map[string]string{"MessageRetentionPeriod": "59"}, "InvalidAttributeValue"},
		"a size over the limit":       {"q", map[string]string{"MaximumMessageSize": "1048577"}, "InvalidAttributeValue"},
		"no number":                   {"q", map[string]string{"DelaySeconds": "x"}, "InvalidAttributeValue"},
		"a policy that is none":       {"q", map[string]string{"Policy": "{}"}, "InvalidAttributeValue"},
		"redrive to nowhere":          {"q", redrive("absent", 3), "InvalidParameterValue"},
		"redrive never":               {"q", redrive("dead", 0), "InvalidParameterValue"},
		"redrive after too many":      {"q", redrive("dead", 1001), "InvalidParameterValue"},
		"redrive to a FIFO queue":     {"q", redrive("dead.fifo", 3), "InvalidParameterValue"},
		"redrive not allowed":         {"q", redrive("shut", 3), "InvalidParameterValue"},
		"redrive that is no JSON":     {"q", map[string]string{"RedrivePolicy": "{"}, "InvalidParameterValue"},
	} {
		_, err := b.admin().CreateQueue(t.Context(), &sqs.CreateQueueInput{QueueName: &c.name, Attributes: c.attributes})
		wantCode(t, what, err, c.code)
	}
	url := b.create(t, "q", redrive("dead", `"7"`))
	if got := b.attributes(t, url)["RedrivePolicy"]; !strings.Contains(got, `"maxReceiveCount":7`) {
		t.Errorf("a count that came as a text is answered as %s", got)
	}
	sources, err := b.admin().ListDeadLetterSourceQueues(t.Context(), &sqs.ListDeadLetterSourceQueuesInput{QueueUrl: aws.String(b.url + "/" + account + "/dead")})
	must(t, err)
	if !slices.Equal(sources.QueueUrls, []string{url}) {
		t.Errorf("sources %v", sources.QueueUrls)
	}
	_, err = b.admin().SetQueueAttributes(t.Context(), &sqs.SetQueueAttributesInput{QueueUrl: &url, Attributes: map[string]string{"RedrivePolicy": ""}})
	must(t, err)
	if got, found := b.attributes(t, url)["RedrivePolicy"]; found {
		t.Errorf("an emptied redrive policy is %s", got)
	}
}

func TestListsAndTags(t *testing.T) {
	b := start(t)
	c, ctx := b.admin(), t.Context()
	for i := range 5 {
		b.create(t, fmt.Sprintf("q%d", i), nil)
	}
	b.create(t, "other", nil)
	var names []string
	p := sqs.NewListQueuesPaginator(c, &sqs.ListQueuesInput{QueueNamePrefix: aws.String("q"), MaxResults: aws.Int32(2)})
	pages := 0
	for p.HasMorePages() {
		page, err := p.NextPage(ctx)
		must(t, err)
		pages++
		names = append(names, page.QueueUrls...)
	}
	if pages != 3 || len(names) != 5 || !strings.HasSuffix(names[4], "/q4") {
		t.Errorf("%d pages: %v", pages, names)
	}

	tagged, err := c.CreateQueue(ctx, &sqs.CreateQueueInput{QueueName: aws.String("tagged"), Tags: map[string]string{"scar:project": "p"}})
	must(t, err)
	_, err = c.TagQueue(ctx, &sqs.TagQueueInput{QueueUrl: tagged.QueueUrl, Tags: map[string]string{"a": "1", "b": "2"}})
	must(t, err)
	_, err = c.UntagQueue(ctx, &sqs.UntagQueueInput{QueueUrl: tagged.QueueUrl, TagKeys: []string{"a"}})
	must(t, err)
	tags, err := c.ListQueueTags(ctx, &sqs.ListQueueTagsInput{QueueUrl: tagged.QueueUrl})
	must(t, err)
	if !maps.Equal(tags.Tags, map[string]string{"scar:project": "p", "b": "2"}) {
		t.Errorf("tags %v", tags.Tags)
	}
	resources, err := b.Tagged(ctx)
	must(t, err)
	if i := slices.IndexFunc(resources, func(r wire.Resource) bool { return strings.HasSuffix(r.ARN, ":tagged") }); i < 0 || resources[i].Tags["b"] != "2" {
		t.Errorf("the tagging service gets %v", resources)
	}
	_, err = c.TagQueue(ctx, &sqs.TagQueueInput{QueueUrl: tagged.QueueUrl, Tags: map[string]string{"aws:x": "1"}})
	wantCode(t, "a tag of AWS's own", err, "InvalidParameterValue")
}

func TestRightsOnQueues(t *testing.T) {
	b := start(t)
	url := b.create(t, "q", nil)
	arn := "arn:aws:sqs:us-east-1:" + account + ":q"
	role := b.client("ROLE")
	receive := func() error {
		_, err := role.ReceiveMessage(t.Context(), &sqs.ReceiveMessageInput{QueueUrl: &url})
		return err
	}
	wantCode(t, "without a right", receive(), "AccessDenied")
	b.policies.allowed = []string{"sqs:ReceiveMessage " + arn, "sqs:DeleteMessage " + arn}
	must(t, receive())
	_, err := role.DeleteMessageBatch(t.Context(), &sqs.DeleteMessageBatchInput{QueueUrl: &url, Entries: []types.DeleteMessageBatchRequestEntry{{Id: aws.String("a"), ReceiptHandle: aws.String("x")}}})
	must(t, err) // the right of the single call
	_, err = role.SendMessage(t.Context(), &sqs.SendMessageInput{QueueUrl: &url, MessageBody: aws.String("x")})
	wantCode(t, "another action", err, "AccessDenied")
	_, err = role.ListQueues(t.Context(), nil)
	wantCode(t, "a list", err, "AccessDenied")

	bucket := "arn:aws:s3:::photos"
	if err := b.CheckSend(t.Context(), arn, "s3.amazonaws.com", bucket, account); err == nil {
		t.Error("a service may send without a policy")
	}
	_, err = b.admin().SetQueueAttributes(t.Context(), &sqs.SetQueueAttributesInput{QueueUrl: &url, Attributes: map[string]string{"Policy": `{"Statement":"s3.amazonaws.com ` + bucket + `"}`}})
	must(t, err)
	must(t, b.CheckSend(t.Context(), arn, "s3.amazonaws.com", bucket, account))
	if err := b.CheckSend(t.Context(), arn+"x", "s3.amazonaws.com", bucket, account); err == nil {
		t.Error("a service may send to a queue that is not there")
	}
}

// TestADeletedQueueLeavesNothing has a message that is on its way while its queue is deleted.
func TestADeletedQueueLeavesNothing(t *testing.T) {
	b := start(t)
	url := b.create(t, "q", nil)
	b.send(t, url, "before")
	q, err := b.byName("q")
	must(t, err)
	_, err = b.admin().DeleteQueue(t.Context(), &sqs.DeleteQueueInput{QueueUrl: &url})
	must(t, err)
	_, err = b.Service.send(t.Context(), q, []sendInput{{MessageBody: "late"}})
	if known := wire.AsError(err); known == nil || known.Code != "AWS.SimpleQueueService.NonExistentQueue" {
		t.Errorf("sent to a deleted queue: %v", err)
	}
	b.clock.Advance(time.Minute)
	if got := b.receive(t, b.create(t, "q", nil)); len(got) != 0 {
		t.Errorf("the next queue of that name holds %v", bodies(got))
	}
}
