package aws

import (
	"context"
	"maps"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/scar-go/scar/planner"
)

// fakeSQS keeps queues in memory. A name is free again a minute after its queue was deleted.
type fakeSQS struct {
	script
	queues  map[string]*fakeQueue
	deleted map[string]time.Time
}

type fakeQueue struct {
	attributes map[string]string
	tags       map[string]string
}

func newFakeSQS() *fakeSQS {
	return &fakeSQS{script: script{fails: map[string][]error{}}, queues: map[string]*fakeQueue{}, deleted: map[string]time.Time{}}
}

const fakeQueueURL = "https://sqs.eu-west-1.amazonaws.com/123456789012/"

var errNoQueue = answer(queryCode+"NonExistentQueue", "The specified queue does not exist.")

// do runs op on a queue, unless the script has another answer.
func (f *fakeSQS) do(operation, url string, op func(*fakeQueue) error) error {
	if err := f.next(operation); err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	q := f.queues[strings.TrimPrefix(url, fakeQueueURL)]
	if q == nil {
		return errNoQueue
	}
	return op(q)
}

func (f *fakeSQS) GetQueueUrl(_ context.Context, in *sqs.GetQueueUrlInput, _ ...func(*sqs.Options)) (*sqs.GetQueueUrlOutput, error) {
	url := fakeQueueURL + *in.QueueName
	return &sqs.GetQueueUrlOutput{QueueUrl: &url}, f.do("GetQueueUrl", url, func(*fakeQueue) error { return nil })
}

func (f *fakeSQS) GetQueueAttributes(_ context.Context, in *sqs.GetQueueAttributesInput, _ ...func(*sqs.Options)) (*sqs.GetQueueAttributesOutput, error) {
	out := &sqs.GetQueueAttributesOutput{}
	return out, f.do("GetQueueAttributes", *in.QueueUrl, func(q *fakeQueue) error {
		out.Attributes = maps.Clone(q.attributes)
		return nil
	})
}

func (f *fakeSQS) ListQueueTags(_ context.Context, in *sqs.ListQueueTagsInput, _ ...func(*sqs.Options)) (*sqs.ListQueueTagsOutput, error) {
	out := &sqs.ListQueueTagsOutput{}
	return out, f.do("ListQueueTags", *in.QueueUrl, func(q *fakeQueue) error {
		out.Tags = maps.Clone(q.tags)
		return nil
	})
}

func (f *fakeSQS) CreateQueue(_ context.Context, in *sqs.CreateQueueInput, _ ...func(*sqs.Options)) (*sqs.CreateQueueOutput, error) {
	if err := f.next("CreateQueue"); err != nil {
		return nil, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if time.Since(f.deleted[*in.QueueName]) < time.Minute {
		return nil, answer(queryCode+"QueueDeletedRecently", "You must wait 60 seconds after deleting a queue before you can create another with the same name.")
	}
	if f.queues[*in.QueueName] != nil {
		return nil, nil // the tags are not looked at
	}
	q := &fakeQueue{attributes: map[string]string{"VisibilityTimeout": "30", "MessageRetentionPeriod": "345600"}, tags: maps.Clone(in.Tags)}
	if q.tags == nil {
		q.tags = map[string]string{}
	}
	f.queues[*in.QueueName] = q
	return nil, q.set(in.Attributes)
}

// set takes attributes as SQS does: one kind of encryption, and documents that are written in its own way.
func (q *fakeQueue) set(attributes map[string]string) error {
	merged := maps.Clone(q.attributes)
	for name, value := range attributes {
		if name == redriveAttribute {
			value = strings.NewReplacer(`"maxReceiveCount":`, `"maxReceiveCount" : `, "}", " }").Replace(value)
		}
		merged[name] = value
		if value == "" {
			delete(merged, name)
		}
	}
	if merged[keyAttribute] != "" && merged[ownKeysAttribute] == "true" {
		return answer("InvalidAttributeValue", "You can use one type of server-side encryption (SSE) at one time.")
	}
	q.attributes = merged
	return nil
}

func (f *fakeSQS) SetQueueAttributes(_ context.Context, in *sqs.SetQueueAttributesInput, _ ...func(*sqs.Options)) (*sqs.SetQueueAttributesOutput, error) {
	return nil, f.do("SetQueueAttributes", *in.QueueUrl, func(q *fakeQueue) error { return q.set(in.Attributes) })
}

func (f *fakeSQS) TagQueue(_ context.Context, in *sqs.TagQueueInput, _ ...func(*sqs.Options)) (*sqs.TagQueueOutput, error) {
	return nil, f.do("TagQueue", *in.QueueUrl, func(q *fakeQueue) error { maps.Copy(q.tags, in.Tags); return nil })
}

func (f *fakeSQS) UntagQueue(_ context.Context, in *sqs.UntagQueueInput, _ ...func(*sqs.Options)) (*sqs.UntagQueueOutput, error) {
	return nil, f.do("UntagQueue", *in.QueueUrl, func(q *fakeQueue) error {
		for _, k := range in.TagKeys {
			delete(q.tags, k)
		}
		return nil
	})
}

func (f *fakeSQS) DeleteQueue(_ context.Context, in *sqs.DeleteQueueInput, _ ...func(*sqs.Options)) (*sqs.DeleteQueueOutput, error) {
	name := strings.TrimPrefix(*in.QueueUrl, fakeQueueURL)
	return nil, f.do("DeleteQueue", *in.QueueUrl, func(*fakeQueue) error {
		delete(f.queues, name)
		f.deleted[name] = time.Now()
		return nil
	})
}

func (f *fakeSQS) ListQueues(_ context.Context, in *sqs.ListQueuesInput, _ ...func(*sqs.Options)) (*sqs.ListQueuesOutput, error) {
	if err := f.next("ListQueues"); err != nil {
		return nil, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	out := &sqs.ListQueuesOutput{}
	for name := range f.queues {
		if strings.HasPrefix(name, *in.QueueNamePrefix) {
			out.QueueUrls = append(out.QueueUrls, fakeQueueURL+name)
		}
	}
	return out, nil
}

// testQueue is the queue of a function of the project imaging.
func testQueue() planner.Queue {
	return planner.Queue{
		Name: planner.QueueName("imaging", "grayify"), VisibilityTimeout: 180, Retention: 345600, MaxReceives: 5,
		DeadLetter: testNaming.QueueARN(planner.DeadLetterName("imaging", "grayify")), Encrypted: true,
		Policy: queuePolicy("photos"), Tags: planner.Tags{"scar:project": "imaging", "scar:function": "grayify"},
	}
}

// queuePolicy lets buckets send.
func queuePolicy(buckets ...string) planner.Policy {
	var arns planner.StringList
	for _, b := range buckets {
		arns = append(arns, testNaming.BucketARN(b))
	}
	return planner.Policy{Version: "2012-10-17", Statements: []planner.Statement{{
		Sid: "scar", Effect: "Allow", Principal: planner.StringLists{"Service": {"s3.amazonaws.com"}}, Action: planner.StringList{"sqs:SendMessage"},
		Resource: planner.StringList{testNaming.QueueARN(planner.QueueName("imaging", "grayify"))},
		Condition: planner.Conditions{
			"ArnEquals": {"aws:SourceArn": arns}, "StringEquals": {"aws:SourceAccount": {testNaming.Account}},
		},
	}}}
}

// recordingSQS keeps the attributes that were set last.
type recordingSQS struct {
	*fakeSQS
	set map[string]string
}

func (r *recordingSQS) SetQueueAttributes(ctx context.Context, in *sqs.SetQueueAttributesInput, _ ...func(*sqs.Options)) (*sqs.SetQueueAttributesOutput, error) {
	r.set = in.Attributes
	return r.fakeSQS.SetQueueAttributes(ctx, in)
}
