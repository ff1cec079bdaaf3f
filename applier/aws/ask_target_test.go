package aws

import (
	"context"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/scar-go/scar/planner"
)

// encrypted are queues and topics that one key encrypts.
type encrypted struct{ key string }

func (e encrypted) GetQueueUrl(context.Context, *sqs.GetQueueUrlInput, ...func(*sqs.Options)) (*sqs.GetQueueUrlOutput, error) {
	return &sqs.GetQueueUrlOutput{QueueUrl: ptr("https://jobs")}, nil
}

func (e encrypted) GetQueueAttributes(context.Context, *sqs.GetQueueAttributesInput, ...func(*sqs.Options)) (*sqs.GetQueueAttributesOutput, error) {
	return &sqs.GetQueueAttributesOutput{Attributes: map[string]string{"VisibilityTimeout": "30", "KmsMasterKeyId": e.key}}, nil
}

func (e encrypted) GetTopicAttributes(context.Context, *sns.GetTopicAttributesInput, ...func(*sns.Options)) (*sns.GetTopicAttributesOutput, error) {
	return &sns.GetTopicAttributesOutput{Attributes: map[string]string{"KmsMasterKeyId": e.key}}, nil
}

// TestKeysOfQueuesAndTopics are those of the customer's: with another one, the role needs a right to it.
func TestKeysOfQueuesAndTopics(t *testing.T) {
	for key, want := range map[string]string{"": "", "alias/aws/sqs": "", "alias/mine": "arn:of:alias/mine", ownKey: "arn:of:" + ownKey} {
		a := newFakeAccount(map[string]string{ownKey: "CUSTOMER", "alias/mine": "CUSTOMER"}).asker()
		a.queues, a.topics = encrypted{key}, encrypted{key}
		for _, q := range []planner.Question{
			{About: planner.AboutQueue, Name: testNaming.QueueARN("jobs")},
			{About: planner.AboutTopic, Name: "arn:aws:sns:eu-west-1:123456789012:failed"},
		} {
			got, err := a.ask(t.Context(), []planner.Question{q})
			if err != nil || got[q].Key != want {
				t.Errorf("%s encrypted with %q: %+v, %v", q.About, key, got[q], err)
			}
		}
	}
}
