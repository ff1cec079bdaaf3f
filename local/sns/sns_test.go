package sns

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/sns/types"
	"github.com/aws/smithy-go"

	"github.com/scar-go/scar/local/clock"
	"github.com/scar-go/scar/local/store"
	"github.com/scar-go/scar/local/wire"
)

const account = "123456789012"

// neighbours stand for IAM, and for queues and functions, of which those named refused take nothing.
type neighbours struct{ got []string }

func (*neighbours) CheckResourcePolicy(text string) error {
	if !strings.Contains(text, "Statement") {
		return errors.New("no policy")
	}
	return nil
}

func (*neighbours) AllowedOn(_ context.Context, id wire.Identity, _, action, _ string, _ map[string][]string) (bool, error) {
	return id.Admin() || action == "sns:Publish", nil
}

func (*neighbours) ServiceAllowedOn(policy, service, _, _ string, conditions map[string][]string) (bool, error) {
	return strings.Contains(policy, service) && strings.Contains(policy, conditions["aws:SourceArn"][0]), nil
}

func (*neighbours) Check(_ context.Context, target, principal, source, owner string) error {
	if strings.HasSuffix(target, "refused") || principal != "sns.amazonaws.com" || owner != account || !strings.HasPrefix(source, "arn:aws:sns:") {
		return errors.New("not allowed")
	}
	return nil
}

func (n *neighbours) Send(_ context.Context, target string, payload []byte, _ string) error {
	n.got = append(n.got, target+" "+string(payload))
	return nil
}

func start(t *testing.T) (*Service, *neighbours, func(key string) *sns.Client) {
	t.Helper()
	db, err := store.Open(filepath.Join(t.TempDir(), "state.db"))
	must(t, err)
	n := &neighbours{}
	s, err := New(Config{DB: db, Clock: clock.NewVirtual(time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)), Account: account, Region: "us-east-1", Policies: n, Targets: n})
	must(t, err)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		call := wire.Call{Identity: wire.Identity{Account: account, AccessKey: "k", ARN: "arn:aws:iam::" + account + ":root"}}
		if strings.Contains(r.Header.Get("Authorization"), "Credential=ROLE") {
			call.Identity.Role = "r"
		}
		s.ServeHTTP(w, r.WithContext(wire.WithCall(r.Context(), call)))
	}))
	t.Cleanup(func() {
		server.Close()
		must(t, db.Close())
	})
	return s, n, func(key string) *sns.Client {
		return sns.New(sns.Options{
			BaseEndpoint: &server.URL, Region: "us-east-1", Retryer: aws.NopRetryer{}, Credentials: credentials.NewStaticCredentialsProvider(key, "s", ""),
		})
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func wantCode(t *testing.T, what string, err error, code string) {
	t.Helper()
	var api smithy.APIError
	if !errors.As(err, &api) || api.ErrorCode() != code {
		t.Errorf("%s: %v, want %s", what, err, code)
	}
}

func TestMessagesReachSubscribers(t *testing.T) {
	s, n, client := start(t)
	ctx, c := t.Context(), client("ADMIN")
	topic, err := c.CreateTopic(ctx, &sns.CreateTopicInput{Name: aws.String("failures"), Tags: []types.Tag{{Key: aws.String("k"), Value: aws.String("v")}}})
	must(t, err)
	arn := *topic.TopicArn
	if arn != "arn:aws:sns:us-east-1:"+account+":failures" {
		t.Errorf("made %s", arn)
	}
	const queue, function = "arn:aws:sqs:us-east-1:" + account + ":", "arn:aws:lambda:us-east-1:" + account + ":function:f"
	subscribe := func(protocol, endpoint string, attributes map[string]string) string {
		out, err := c.Subscribe(ctx, &sns.SubscribeInput{TopicArn: &arn, Protocol: &protocol, Endpoint: &endpoint, Attributes: attributes})
		must(t, err)
		return *out.SubscriptionArn
	}
	subscribe("sqs", queue+"refused", nil)
	first := subscribe("sqs", queue+"q", nil)
	if again := subscribe("sqs", queue+"q", nil); again != first {
		t.Errorf("subscribed twice: %s and %s", first, again)
	}
	subscribe("sqs", queue+"raw", map[string]string{"RawMessageDelivery": "true"})
	subscribe("lambda", function, nil)

	out, err := client("ROLE").Publish(ctx, &sns.PublishInput{TopicArn: &arn, Message: aws.String(`{"a":1}`), Subject: aws.String("s"),
		MessageAttributes: map[string]types.MessageAttributeValue{"n": {DataType: aws.String("String"), StringValue: aws.String("v")}}})
	must(t, err)
	if len(n.got) != 3 {
		t.Fatalf("delivered %v", n.got)
	}
	for _, got := range n.got {
		target, payload, _ := strings.Cut(got, " ")
		want := `{"Type":"Notification","MessageId":"` + *out.MessageId + `","TopicArn":"` + arn + `","Subject":"s","Message":"{\"a\":1}","Timestamp":"2026-01-02T03:04:05.000Z"`
		switch {
		case target == queue+"raw":
			if payload != `{"a":1}` {
				t.Errorf("raw: %s", payload)
			}
		case target == function:
			if !strings.HasPrefix(payload, `{"Records":[{"EventSource":"aws:sns","EventVersion":"1.0","EventSubscriptionArn":"`+arn+":") || !strings.Contains(payload, `"Sns":`+want) {
				t.Errorf("to a function: %s", payload)
			}
		case !strings.HasPrefix(payload, want) || !strings.Contains(payload, `"MessageAttributes":{"n":{"Type":"String","Value":"v"}}`) || !json.Valid([]byte(payload)):
			t.Errorf("to a queue: %s", payload)
		}
	}
	n.got = nil
	must(t, s.Publish(ctx, arn, "Amazon S3 Notification", "x"))
	if len(n.got) != 3 {
		t.Errorf("from a service: %v", n.got)
	}

	listed, err := c.ListSubscriptionsByTopic(ctx, &sns.ListSubscriptionsByTopicInput{TopicArn: &arn})
	must(t, err)
	if len(listed.Subscriptions) != 4 {
		t.Errorf("subscriptions %+v", listed.Subscriptions)
	}
	_, err = c.Unsubscribe(ctx, &sns.UnsubscribeInput{SubscriptionArn: &first})
	must(t, err)
	attributes, err := c.GetTopicAttributes(ctx, &sns.GetTopicAttributesInput{TopicArn: &arn})
	must(t, err)
	if a := attributes.Attributes; a["SubscriptionsConfirmed"] != "3" || a["Owner"] != account || !strings.Contains(a["Policy"], "__default_statement_ID") {
		t.Errorf("attributes %v", a)
	}
	_, err = c.DeleteTopic(ctx, &sns.DeleteTopicInput{TopicArn: &arn})
	must(t, err)
	_, err = c.DeleteTopic(ctx, &sns.DeleteTopicInput{TopicArn: &arn})
	must(t, err)
	all, err := c.ListSubscriptions(ctx, nil)
	must(t, err)
	if len(all.Subscriptions) != 0 {
		t.Errorf("left behind: %+v", all.Subscriptions)
	}
	_, err = c.Publish(ctx, &sns.PublishInput{TopicArn: &arn, Message: aws.String("x")})
	wantCode(t, "a deleted topic", err, "NotFound")
}

func TestTopics(t *testing.T) {
	s, _, client := start(t)
	ctx, c := t.Context(), client("ADMIN")
	topic, err := c.CreateTopic(ctx, &sns.CreateTopicInput{Name: aws.String("t"), Attributes: map[string]string{"DisplayName": "d"}})
	must(t, err)
	_, err = c.CreateTopic(ctx, &sns.CreateTopicInput{Name: aws.String("t"), Attributes: map[string]string{"DisplayName": "other"}})
	wantCode(t, "made again otherwise", err, "InvalidParameter")
	_, err = c.CreateTopic(ctx, &sns.CreateTopicInput{Name: aws.String("t")})
	must(t, err)
	_, err = c.CreateTopic(ctx, &sns.CreateTopicInput{Name: aws.String("a b")})
	wantCode(t, "an impossible name", err, "InvalidParameter")
	_, err = c.CreateTopic(ctx, &sns.CreateTopicInput{Name: aws.String("t.fifo"), Attributes: map[string]string{"FifoTopic": "true"}})
	wantCode(t, "a FIFO topic", err, "NotImplemented")
	_, err = client("ROLE").CreateTopic(ctx, &sns.CreateTopicInput{Name: aws.String("u")})
	wantCode(t, "without a right", err, "AuthorizationError")

	_, err = c.TagResource(ctx, &sns.TagResourceInput{ResourceArn: topic.TopicArn, Tags: []types.Tag{{Key: aws.String("a"), Value: aws.String("1")}, {Key: aws.String("b"), Value: aws.String("2")}}})
	must(t, err)
	_, err = c.UntagResource(ctx, &sns.UntagResourceInput{ResourceArn: topic.TopicArn, TagKeys: []string{"a"}})
	must(t, err)
	tags, err := c.ListTagsForResource(ctx, &sns.ListTagsForResourceInput{ResourceArn: topic.TopicArn})
	must(t, err)
	if len(tags.Tags) != 1 || *tags.Tags[0].Key != "b" {
		t.Errorf("tags %v", tags.Tags)
	}
	bucket := "arn:aws:s3:::photos"
	if err := s.CheckPublish(ctx, *topic.TopicArn, "s3.amazonaws.com", bucket, account); err == nil {
		t.Error("S3 may publish by the default policy")
	}
	_, err = c.SetTopicAttributes(ctx, &sns.SetTopicAttributesInput{TopicArn: topic.TopicArn, AttributeName: aws.String("Policy"),
		AttributeValue: aws.String(`{"Statement":"s3.amazonaws.com ` + bucket + `"}`)})
	must(t, err)
	must(t, s.CheckPublish(ctx, *topic.TopicArn, "s3.amazonaws.com", bucket, account))
	_, err = c.SetTopicAttributes(ctx, &sns.SetTopicAttributesInput{TopicArn: topic.TopicArn, AttributeName: aws.String("Policy"), AttributeValue: aws.String("{}")})
	wantCode(t, "a policy that is none", err, "InvalidParameter")
	list, err := c.ListTopics(ctx, nil)
	must(t, err)
	if len(list.Topics) != 1 || *list.Topics[0].TopicArn != *topic.TopicArn {
		t.Errorf("topics %v", list.Topics)
	}
	for what, in := range map[string]*sns.SubscribeInput{
		"by mail":                {Protocol: aws.String("email"), Endpoint: aws.String("a@example.org")},
		"a queue as a function":  {Protocol: aws.String("lambda"), Endpoint: aws.String("arn:aws:sqs:us-east-1:1:q")},
		"with a filter":          {Protocol: aws.String("sqs"), Endpoint: aws.String("arn:aws:sqs:us-east-1:1:q"), Attributes: map[string]string{"FilterPolicy": "{}"}},
		"a function, not packed": {Protocol: aws.String("lambda"), Endpoint: aws.String("arn:aws:lambda:us-east-1:1:function:f"), Attributes: map[string]string{"RawMessageDelivery": "true"}},
	} {
		in.TopicArn = topic.TopicArn
		if _, err := c.Subscribe(ctx, in); err == nil {
			t.Errorf("subscribed %s", what)
		}
	}
}
