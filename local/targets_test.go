package local

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	eventtypes "github.com/aws/aws-sdk-go-v2/service/eventbridge/types"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
)

const accountARN = ":us-east-1:" + DefaultAccount + ":"

// allowSend lets a service send to a queue of that name on behalf of a source.
func allowSend(t *testing.T, cfg aws.Config, queue, service, source string) {
	t.Helper()
	policy := fmt.Sprintf(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"%s.amazonaws.com"},"Action":"sqs:SendMessage",`+
		`"Resource":"arn:aws:sqs%s%s","Condition":{"ArnEquals":{"aws:SourceArn":%q},"StringEquals":{"aws:SourceAccount":%q}}}]}`, service, accountARN, queue, source, DefaultAccount)
	c := sqs.NewFromConfig(cfg)
	url, err := c.GetQueueUrl(context.Background(), &sqs.GetQueueUrlInput{QueueName: &queue})
	must(t, err)
	_, err = c.SetQueueAttributes(context.Background(), &sqs.SetQueueAttributesInput{QueueUrl: url.QueueUrl, Attributes: map[string]string{"Policy": policy}})
	must(t, err)
}

// take takes n messages of a queue and returns their bodies.
func take(t *testing.T, cfg aws.Config, url *string, n int) (bodies []string) {
	t.Helper()
	c := sqs.NewFromConfig(cfg)
	eventually(t, fmt.Sprintf("%d messages at %s", n, *url), func() bool {
		out, err := c.ReceiveMessage(context.Background(), &sqs.ReceiveMessageInput{QueueUrl: url, MaxNumberOfMessages: 10})
		must(t, err)
		for _, m := range out.Messages {
			bodies = append(bodies, *m.Body)
		}
		return len(bodies) >= n
	})
	return bodies
}

// TestEventsOfObjectsReachQueues sends them directly, through a topic, and through EventBridge.
func TestEventsOfObjectsReachQueues(t *testing.T) {
	ctx := context.Background()
	b, _ := open(t, Options{})
	cfg := adminOf(b)
	objects := s3.NewFromConfig(cfg, func(o *s3.Options) { o.UsePathStyle = true })
	bucket, bucketARN := aws.String("photos"), "arn:aws:s3:::photos"
	_, err := objects.CreateBucket(ctx, &s3.CreateBucketInput{Bucket: bucket})
	must(t, err)
	here := server{cfg: cfg, account: DefaultAccount}
	direct, viaTopic, viaBus := createQueue(t, here, "direct", nil), createQueue(t, here, "via-topic", nil), createQueue(t, here, "via-bus", nil)
	topic, err := sns.NewFromConfig(cfg).CreateTopic(ctx, &sns.CreateTopicInput{Name: aws.String("topic")})
	must(t, err)
	_, err = sns.NewFromConfig(cfg).Subscribe(ctx, &sns.SubscribeInput{TopicArn: topic.TopicArn, Protocol: aws.String("sqs"), Endpoint: aws.String("arn:aws:sqs" + accountARN + "via-topic")})
	must(t, err)
	bus := eventbridge.NewFromConfig(cfg)
	rule, err := bus.PutRule(ctx, &eventbridge.PutRuleInput{Name: aws.String("created"), EventPattern: aws.String(`{"source":["aws.s3"],"detail-type":["Object Created"],"detail":{"object":{"key":[{"prefix":"in/"}]}}}`)})
	must(t, err)
	_, err = bus.PutTargets(ctx, &eventbridge.PutTargetsInput{Rule: aws.String("created"), Targets: []eventtypes.Target{{Id: aws.String("q"), Arn: aws.String("arn:aws:sqs" + accountARN + "via-bus")}}})
	must(t, err)
	notify := func() error {
		created := []s3types.Event{"s3:ObjectCreated:*"}
		prefix := func(p string) *s3types.NotificationConfigurationFilter {
			return &s3types.NotificationConfigurationFilter{Key: &s3types.S3KeyFilter{FilterRules: []s3types.FilterRule{{Name: "prefix", Value: &p}}}}
		}
		_, err := objects.PutBucketNotificationConfiguration(ctx, &s3.PutBucketNotificationConfigurationInput{Bucket: bucket, NotificationConfiguration: &s3types.NotificationConfiguration{
			EventBridgeConfiguration: &s3types.EventBridgeConfiguration{},
			QueueConfigurations:      []s3types.QueueConfiguration{{QueueArn: aws.String("arn:aws:sqs" + accountARN + "direct"), Events: created, Filter: prefix("in/")}},
			TopicConfigurations:      []s3types.TopicConfiguration{{TopicArn: topic.TopicArn, Events: created, Filter: prefix("out/")}},
		}})
		return err
	}
	wantCode(t, notify(), "InvalidArgument") // the queue's policy does not name the bucket
	allowSend(t, cfg, "direct", "s3", bucketARN)
	wantCode(t, notify(), "InvalidArgument") // nor does the topic's
	_, err = sns.NewFromConfig(cfg).SetTopicAttributes(ctx, &sns.SetTopicAttributesInput{TopicArn: topic.TopicArn, AttributeName: aws.String("Policy"), AttributeValue: aws.String(
		`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"s3.amazonaws.com"},"Action":"SNS:Publish","Resource":"` + *topic.TopicArn + `","Condition":{"ArnLike":{"aws:SourceArn":"` + bucketARN + `"}}}]}`)})
	must(t, err)
	allowSend(t, cfg, "via-topic", "sns", *topic.TopicArn)
	allowSend(t, cfg, "via-bus", "events", *rule.RuleArn)
	must(t, notify())
	// Two puts failed at the topic after the queue had its test event: S3 tries one destination after the other.
	for _, body := range take(t, cfg, direct, 2) {
		if !strings.Contains(body, `"Event":"s3:TestEvent"`) || !strings.Contains(body, `"Bucket":"photos"`) {
			t.Errorf("the first messages are %s", body)
		}
	}
	if body := take(t, cfg, viaTopic, 1)[0]; !strings.Contains(body, `s3:TestEvent`) || !strings.Contains(body, `"Subject":"Amazon S3 Notification"`) {
		t.Errorf("through the topic: %s", body)
	}
	for _, key := range []string{"in/a b", "out/x"} {
		_, err = objects.PutObject(ctx, &s3.PutObjectInput{Bucket: bucket, Key: &key, Body: strings.NewReader("x")})
		must(t, err)
	}
	if body := take(t, cfg, direct, 1)[0]; !strings.Contains(body, `"key":"in/a+b"`) || !strings.Contains(body, `"eventSource":"aws:s3"`) {
		t.Errorf("directly: %s", body)
	}
	if body := take(t, cfg, viaTopic, 1)[0]; !strings.Contains(body, `\"key\":\"out/x\"`) {
		t.Errorf("through the topic: %s", body)
	}
	if body := take(t, cfg, viaBus, 1)[0]; !strings.Contains(body, `"object":{"key":"in/a b"`) || !strings.Contains(body, `"detail-type":"Object Created"`) {
		t.Errorf("through EventBridge: %s", body)
	}
}

// TestDestinationsNeedTheRightsOfTheRole delivers Lambda's documents to each kind of destination, without and with the right.
func TestDestinationsNeedTheRightsOfTheRole(t *testing.T) {
	ctx := context.Background()
	b, _ := open(t, Options{})
	cfg := adminOf(b)
	createRole(t, cfg, "worker")
	here := server{cfg: cfg, account: DefaultAccount}
	queue, viaTopic, viaBus := createQueue(t, here, "failed", nil), createQueue(t, here, "via-topic", nil), createQueue(t, here, "via-bus", nil)
	objects := s3.NewFromConfig(cfg, func(o *s3.Options) { o.UsePathStyle = true })
	_, err := objects.CreateBucket(ctx, &s3.CreateBucketInput{Bucket: aws.String("failed")})
	must(t, err)
	topic, err := sns.NewFromConfig(cfg).CreateTopic(ctx, &sns.CreateTopicInput{Name: aws.String("failed")})
	must(t, err)
	_, err = sns.NewFromConfig(cfg).Subscribe(ctx, &sns.SubscribeInput{TopicArn: topic.TopicArn, Protocol: aws.String("sqs"), Endpoint: aws.String("arn:aws:sqs" + accountARN + "via-topic")})
	must(t, err)
	allowSend(t, cfg, "via-topic", "sns", *topic.TopicArn)
	bus := eventbridge.NewFromConfig(cfg)
	_, err = bus.CreateEventBus(ctx, &eventbridge.CreateEventBusInput{Name: aws.String("failed")})
	must(t, err)
	rule, err := bus.PutRule(ctx, &eventbridge.PutRuleInput{Name: aws.String("all"), EventBusName: aws.String("failed"), EventPattern: aws.String(`{"source":["lambda"]}`)})
	must(t, err)
	_, err = bus.PutTargets(ctx, &eventbridge.PutTargetsInput{Rule: aws.String("all"), EventBusName: aws.String("failed"), Targets: []eventtypes.Target{{Id: aws.String("q"), Arn: aws.String("arn:aws:sqs" + accountARN + "via-bus")}}})
	must(t, err)
	allowSend(t, cfg, "via-bus", "events", *rule.RuleArn)

	const role, key = "arn:aws:iam::" + DefaultAccount + ":role/worker", "aws/lambda/async/f/2026/01/02/x"
	document := []byte(`{"version":"1.0","requestContext":{"functionArn":"arn:aws:lambda` + accountARN + `function:f:$LATEST","condition":"RetriesExhausted"}}`)
	const busARN = "arn:aws:events" + accountARN + "event-bus/failed"
	for destination, rights := range map[string][]string{
		"arn:aws:s3:::failed":                 {"s3:PutObject arn:aws:s3:::failed/aws/lambda/async/f/*", "s3:ListBucket arn:aws:s3:::failed"},
		"arn:aws:sqs" + accountARN + "failed": {"sqs:SendMessage arn:aws:sqs" + accountARN + "failed"},
		*topic.TopicArn:                       {"sns:Publish " + *topic.TopicArn},
		busARN:                                {"events:PutEvents " + busARN},
	} {
		grant := func(rights []string) {
			statements := []string{`{"Effect":"Allow","Action":"logs:PutLogEvents","Resource":"*"}`}
			for _, right := range rights {
				action, resource, _ := strings.Cut(right, " ")
				statements = append(statements, fmt.Sprintf(`{"Effect":"Allow","Action":%q,"Resource":%q}`, action, resource))
			}
			_, err := iam.NewFromConfig(cfg).PutRolePolicy(ctx, &iam.PutRolePolicyInput{RoleName: aws.String("worker"), PolicyName: aws.String("scar"),
				PolicyDocument: aws.String(`{"Version":"2012-10-17","Statement":[` + strings.Join(statements, ",") + `]}`)})
			must(t, err)
		}
		for i := range rights {
			grant(slices.Delete(slices.Clone(rights), i, i+1))
			if err := (destinations{b}).Deliver(ctx, destination, role, key, document); err == nil {
				t.Errorf("%s was told without %s", destination, rights[i])
			}
		}
		grant(rights)
		if err := (destinations{b}).Deliver(ctx, destination, role, key, document); err != nil {
			t.Errorf("%s: %v", destination, err)
		}
	}
	if got := take(t, cfg, queue, 1); !slices.Equal(got, []string{string(document)}) {
		t.Errorf("in the queue: %v", got)
	}
	if body := take(t, cfg, viaTopic, 1)[0]; !strings.Contains(body, `RetriesExhausted`) {
		t.Errorf("from the topic: %s", body)
	}
	var event struct {
		Source     string
		DetailType string `json:"detail-type"`
		Resources  []string
		Detail     struct{ RequestContext struct{ Condition string } }
	}
	must(t, json.Unmarshal([]byte(take(t, cfg, viaBus, 1)[0]), &event))
	if event.Source != "lambda" || event.DetailType != "Lambda Function Invocation Result - Failure" || len(event.Resources) != 2 || event.Detail.RequestContext.Condition != "RetriesExhausted" {
		t.Errorf("from the bus: %+v", event)
	}
	_, err = objects.HeadObject(ctx, &s3.HeadObjectInput{Bucket: aws.String("failed"), Key: aws.String(key)})
	must(t, err)
	for _, nowhere := range []string{"arn:aws:kinesis" + accountARN + "stream/x", "arn:aws:s3:::absent", "x"} {
		if err := (destinations{b}).Deliver(ctx, nowhere, role, key, document); err == nil {
			t.Errorf("%s was told", nowhere)
		}
	}
}

// TestMessagesSurviveSIGKILL sends, takes and deletes messages until the backend is killed. What was acknowledged counts.
func TestMessagesSurviveSIGKILL(t *testing.T) {
	ctx, dir := context.Background(), t.TempDir()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), serveEnv+"="+dir)
	cmd.Stderr = os.Stderr
	must(t, cmd.Start())
	var endpoint string
	eventually(t, "served", func() bool {
		text, err := os.ReadFile(dir + "/endpoint")
		endpoint = string(text)
		return err == nil
	})
	cfg := config(endpoint, AdminAccessKey, AdminSecretKey, "")
	url := createQueue(t, server{cfg: cfg}, "q", map[string]string{"VisibilityTimeout": "0"})
	c := sqs.NewFromConfig(cfg)
	sent, deleted := map[string]bool{}, map[string]bool{}
	for i := range 300 {
		if i == 250 {
			// From now on the kill may come at any moment: calls fail once it has.
			go func() { _ = cmd.Process.Signal(syscall.SIGKILL) }()
		}
		body := fmt.Sprint(i)
		if _, err := c.SendMessage(ctx, &sqs.SendMessageInput{QueueUrl: url, MessageBody: &body}); err != nil {
			break
		}
		sent[body] = true
		if i%3 != 0 {
			continue
		}
		out, err := c.ReceiveMessage(ctx, &sqs.ReceiveMessageInput{QueueUrl: url, VisibilityTimeout: 30})
		if err != nil || len(out.Messages) == 0 {
			break
		}
		_, err = c.DeleteMessage(ctx, &sqs.DeleteMessageInput{QueueUrl: url, ReceiptHandle: out.Messages[0].ReceiptHandle})
		// A deletion that was not acknowledged may have happened or not: the message counts as neither.
		delete(sent, *out.Messages[0].Body)
		if err != nil {
			break
		}
		deleted[*out.Messages[0].Body] = true
	}
	_ = cmd.Process.Signal(syscall.SIGKILL) // it may be gone already
	if err := cmd.Wait(); err == nil {
		t.Fatal("the process was not killed")
	}
	if len(sent) < 100 || len(deleted) < 50 {
		t.Fatalf("only %d messages were sent and %d deleted", len(sent), len(deleted))
	}

	b, _ := open(t, Options{Dir: dir})
	c = sqs.NewFromConfig(adminOf(b))
	found, err := c.GetQueueUrl(ctx, &sqs.GetQueueUrlInput{QueueName: aws.String("q")})
	must(t, err)
	for {
		out, err := c.ReceiveMessage(ctx, &sqs.ReceiveMessageInput{QueueUrl: found.QueueUrl, MaxNumberOfMessages: 10, VisibilityTimeout: 600})
		must(t, err)
		if len(out.Messages) == 0 {
			break
		}
		for _, m := range out.Messages {
			if deleted[*m.Body] {
				t.Errorf("message %s is there although it was deleted", *m.Body)
			}
			delete(sent, *m.Body)
		}
	}
	if len(sent) != 0 {
		t.Errorf("lost: %v", sent)
	}
}
