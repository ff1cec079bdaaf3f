package local

import (
	"context"
	"fmt"
	"maps"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
)

const noSuchQueue = "AWS.SimpleQueueService.NonExistentQueue"

func createQueue(t *testing.T, s server, name string, attributes map[string]string) *string {
	t.Helper()
	out, err := sqs.NewFromConfig(s.cfg).CreateQueue(context.Background(), &sqs.CreateQueueInput{QueueName: &name, Attributes: attributes})
	must(t, err)
	return out.QueueUrl
}

func conformQueues(t *testing.T, s server) {
	ctx, c := context.Background(), sqs.NewFromConfig(s.cfg)
	dead := createQueue(t, s, "scar_dead-p_f", map[string]string{"MessageRetentionPeriod": "1209600"})
	arn := "arn:aws:sqs:us-east-1:" + s.account + ":scar-p_f"
	policy := fmt.Sprintf(`{"Version":"2012-10-17","Statement":[{"Sid":"s","Effect":"Allow","Principal":{"Service":"s3.amazonaws.com"},"Action":"sqs:SendMessage","Resource":%q,`+
		`"Condition":{"ArnEquals":{"aws:SourceArn":"arn:aws:s3:::photos"},"StringEquals":{"aws:SourceAccount":%q}}}]}`, arn, s.account)
	attributes := map[string]string{
		"VisibilityTimeout": "1800", "MessageRetentionPeriod": "345600", "SqsManagedSseEnabled": "true", "Policy": policy,
		"RedrivePolicy": `{"deadLetterTargetArn":"arn:aws:sqs:us-east-1:` + s.account + `:scar_dead-p_f","maxReceiveCount":5}`,
	}
	url := createQueue(t, s, "scar-p_f", attributes)
	out, err := c.GetQueueAttributes(ctx, &sqs.GetQueueAttributesInput{QueueUrl: url, AttributeNames: []types.QueueAttributeName{"All"}})
	must(t, err)
	for name, want := range attributes {
		if got := strings.ReplaceAll(out.Attributes[name], " ", ""); got != want && !(name == "SqsManagedSseEnabled" && s.differs(t, "it does not keep SqsManagedSseEnabled")) {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
	if out.Attributes["QueueArn"] != arn || out.Attributes["DelaySeconds"] != "0" || out.Attributes["CreatedTimestamp"] == "" {
		t.Errorf("attributes %v", out.Attributes)
	}
	createQueue(t, s, "scar-p_f", map[string]string{"VisibilityTimeout": "1800"})
	_, err = c.CreateQueue(ctx, &sqs.CreateQueueInput{QueueName: aws.String("scar-p_f"), Attributes: map[string]string{"VisibilityTimeout": "30"}})
	wantCode(t, err, "QueueAlreadyExists")
	_, err = c.SetQueueAttributes(ctx, &sqs.SetQueueAttributesInput{QueueUrl: url, Attributes: map[string]string{"VisibilityTimeout": "60", "Policy": ""}})
	must(t, err)
	out, err = c.GetQueueAttributes(ctx, &sqs.GetQueueAttributesInput{QueueUrl: url, AttributeNames: []types.QueueAttributeName{"VisibilityTimeout", "Policy"}})
	must(t, err)
	if want := map[string]string{"VisibilityTimeout": "60"}; !maps.Equal(out.Attributes, want) && !s.differs(t, "it answers an empty policy") {
		t.Errorf("changed attributes %v", out.Attributes)
	}
	sources, err := c.ListDeadLetterSourceQueues(ctx, &sqs.ListDeadLetterSourceQueuesInput{QueueUrl: dead})
	must(t, err)
	if len(sources.QueueUrls) != 1 || !strings.HasSuffix(sources.QueueUrls[0], "/scar-p_f") {
		t.Errorf("sources %v", sources.QueueUrls)
	}

	_, err = c.TagQueue(ctx, &sqs.TagQueueInput{QueueUrl: url, Tags: map[string]string{"scar:project": "p", "k": "v"}})
	must(t, err)
	_, err = c.UntagQueue(ctx, &sqs.UntagQueueInput{QueueUrl: url, TagKeys: []string{"k"}})
	must(t, err)
	tags, err := c.ListQueueTags(ctx, &sqs.ListQueueTagsInput{QueueUrl: url})
	must(t, err)
	if want := map[string]string{"scar:project": "p"}; !maps.Equal(tags.Tags, want) {
		t.Errorf("tags %v", tags.Tags)
	}
	list, err := c.ListQueues(ctx, &sqs.ListQueuesInput{QueueNamePrefix: aws.String("scar-p_")})
	must(t, err)
	if len(list.QueueUrls) != 1 || list.QueueUrls[0] != *url {
		t.Errorf("list %v", list.QueueUrls)
	}
	for _, one := range []*string{url, dead} {
		_, err = c.DeleteQueue(ctx, &sqs.DeleteQueueInput{QueueUrl: one})
		must(t, err)
	}
	_, err = c.GetQueueUrl(ctx, &sqs.GetQueueUrlInput{QueueName: aws.String("scar-p_f")})
	wantCode(t, err, noSuchQueue)
	_, err = c.SendMessage(ctx, &sqs.SendMessageInput{QueueUrl: url, MessageBody: aws.String("x")})
	wantCode(t, err, noSuchQueue)
}

func conformMessages(t *testing.T, s server) {
	ctx, c := context.Background(), sqs.NewFromConfig(s.cfg)
	url := createQueue(t, s, "messages", nil)
	sent, err := c.SendMessage(ctx, &sqs.SendMessageInput{QueueUrl: url, MessageBody: aws.String("grün\n<&>"), MessageAttributes: map[string]types.MessageAttributeValue{
		"text": {DataType: aws.String("String"), StringValue: aws.String("v")}, "data": {DataType: aws.String("Binary"), BinaryValue: []byte{1, 2}}, "n": {DataType: aws.String("Number.int"), StringValue: aws.String("7")}}})
	must(t, err)
	if got := *sent.MD5OfMessageBody; got != "7a6ac92ce0acb64b8ed99b8edd139935" {
		t.Errorf("MD5 of the body %s", got)
	}
	if got := *sent.MD5OfMessageAttributes; got != "e1112bb0f7709e844bf88495427bf70c" {
		t.Errorf("MD5 of the attributes %s", got)
	}
	receive := func() []types.Message {
		out, err := c.ReceiveMessage(ctx, &sqs.ReceiveMessageInput{QueueUrl: url, MaxNumberOfMessages: 10, MessageAttributeNames: []string{"All"},
			MessageSystemAttributeNames: []types.MessageSystemAttributeName{"All"}})
		must(t, err)
		return out.Messages
	}
	got := receive()
	if len(got) != 1 || *got[0].Body != "grün\n<&>" || *got[0].MessageId != *sent.MessageId || len(got[0].MessageAttributes) != 3 || string(got[0].MessageAttributes["data"].BinaryValue) != "\x01\x02" {
		t.Fatalf("received %+v", got)
	}
	for _, name := range []string{"SenderId", "SentTimestamp", "ApproximateReceiveCount", "ApproximateFirstReceiveTimestamp"} {
		if got[0].Attributes[name] == "" {
			t.Errorf("there is no %s: %v", name, got[0].Attributes)
		}
	}
	if again := receive(); len(again) != 0 {
		t.Errorf("a hidden message was received")
	}
	_, err = c.ChangeMessageVisibility(ctx, &sqs.ChangeMessageVisibilityInput{QueueUrl: url, ReceiptHandle: got[0].ReceiptHandle, VisibilityTimeout: 0})
	must(t, err)
	got = receive()
	if len(got) != 1 || got[0].Attributes["ApproximateReceiveCount"] != "2" {
		t.Fatalf("received again %+v", got)
	}
	_, err = c.DeleteMessage(ctx, &sqs.DeleteMessageInput{QueueUrl: url, ReceiptHandle: got[0].ReceiptHandle})
	must(t, err)
	_, err = c.DeleteMessage(ctx, &sqs.DeleteMessageInput{QueueUrl: url, ReceiptHandle: got[0].ReceiptHandle})
	must(t, err)
	_, err = c.DeleteMessage(ctx, &sqs.DeleteMessageInput{QueueUrl: url, ReceiptHandle: aws.String("no handle")})
	wantCode(t, err, "ReceiptHandleIsInvalid")
}

func conformQueueRules(t *testing.T, s server) {
	ctx, c := context.Background(), sqs.NewFromConfig(s.cfg)
	url := createQueue(t, s, "rules", nil)
	for what, q := range map[string]struct {
		call   func() error
		code   string
		unlike string // how moto differs
	}{
		"an impossible name": {func() error {
			_, err := c.CreateQueue(ctx, &sqs.CreateQueueInput{QueueName: aws.String("a b")})
			return err
		}, "InvalidParameterValue", ""},
		"an unknown attribute": {func() error {
			_, err := c.CreateQueue(ctx, &sqs.CreateQueueInput{QueueName: aws.String("x"), Attributes: map[string]string{"Unknown": "1"}})
			return err
		}, "InvalidAttributeName", "it takes any attribute"},
		"a dead-letter queue of none": {func() error {
			_, err := c.CreateQueue(ctx, &sqs.CreateQueueInput{QueueName: aws.String("x"), Attributes: map[string]string{
				"RedrivePolicy": `{"deadLetterTargetArn":"arn:aws:sqs:us-east-1:` + s.account + `:absent","maxReceiveCount":5}`}})
			return err
		}, "InvalidParameterValue", "it says that the queue does not exist"},
		"too many messages": {func() error {
			_, err := c.ReceiveMessage(ctx, &sqs.ReceiveMessageInput{QueueUrl: url, MaxNumberOfMessages: 11})
			return err
		}, "InvalidParameterValue", ""},
		"too long a wait": {func() error {
			_, err := c.ReceiveMessage(ctx, &sqs.ReceiveMessageInput{QueueUrl: url, WaitTimeSeconds: 21})
			return err
		}, "InvalidParameterValue", ""},
		"a control character": {func() error {
			_, err := c.SendMessage(ctx, &sqs.SendMessageInput{QueueUrl: url, MessageBody: aws.String("\x01")})
			return err
		}, "InvalidMessageContents", "it takes control characters"},
		"an empty batch": {func() error {
			_, err := c.SendMessageBatch(ctx, &sqs.SendMessageBatchInput{QueueUrl: url, Entries: []types.SendMessageBatchRequestEntry{}})
			return err
		}, "AWS.SimpleQueueService.EmptyBatchRequest", ""},
		"one entry twice": {func() error {
			e := types.SendMessageBatchRequestEntry{Id: aws.String("a"), MessageBody: aws.String("x")}
			_, err := c.SendMessageBatch(ctx, &sqs.SendMessageBatchInput{QueueUrl: url, Entries: []types.SendMessageBatchRequestEntry{e, e}})
			return err
		}, "AWS.SimpleQueueService.BatchEntryIdsNotDistinct", ""},
		"a queue of none": {func() error {
			_, err := c.ReceiveMessage(ctx, &sqs.ReceiveMessageInput{QueueUrl: aws.String(*url + "x")})
			return err
		}, noSuchQueue, ""},
	} {
		if q.unlike == "" || !s.differs(t, q.unlike) {
			t.Run(what, func(t *testing.T) { wantCode(t, q.call(), q.code) })
		}
	}
}

func conformDeadLetters(t *testing.T, s server) {
	ctx, c := context.Background(), sqs.NewFromConfig(s.cfg)
	dead := createQueue(t, s, "dead", nil)
	url := createQueue(t, s, "redriven", map[string]string{"RedrivePolicy": `{"deadLetterTargetArn":"arn:aws:sqs:us-east-1:` + s.account + `:dead","maxReceiveCount":2}`})
	_, err := c.SendMessage(ctx, &sqs.SendMessageInput{QueueUrl: url, MessageBody: aws.String("poison")})
	must(t, err)
	receive := func(url *string) []types.Message {
		out, err := c.ReceiveMessage(ctx, &sqs.ReceiveMessageInput{QueueUrl: url, VisibilityTimeout: 0, MessageSystemAttributeNames: []types.MessageSystemAttributeName{"All"}})
		must(t, err)
		for _, m := range out.Messages {
			_, err := c.ChangeMessageVisibility(ctx, &sqs.ChangeMessageVisibilityInput{QueueUrl: url, ReceiptHandle: m.ReceiptHandle, VisibilityTimeout: 0})
			must(t, err)
		}
		return out.Messages
	}
	for n := range 2 {
		if got := receive(url); len(got) != 1 {
			t.Fatalf("receive %d: %d messages", n, len(got))
		}
	}
	if got := receive(url); len(got) != 0 {
		t.Errorf("received a third time")
	}
	if got := receive(dead); len(got) != 1 || *got[0].Body != "poison" {
		t.Errorf("dead letters %+v", got)
	}
}
