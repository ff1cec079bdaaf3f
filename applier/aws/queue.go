package aws

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"

	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/scar-go/scar/planner"
)

// queueClient is what queues need of SQS.
type queueClient interface {
	GetQueueUrl(context.Context, *sqs.GetQueueUrlInput, ...func(*sqs.Options)) (*sqs.GetQueueUrlOutput, error)
	GetQueueAttributes(context.Context, *sqs.GetQueueAttributesInput, ...func(*sqs.Options)) (*sqs.GetQueueAttributesOutput, error)
	ListQueueTags(context.Context, *sqs.ListQueueTagsInput, ...func(*sqs.Options)) (*sqs.ListQueueTagsOutput, error)
	CreateQueue(context.Context, *sqs.CreateQueueInput, ...func(*sqs.Options)) (*sqs.CreateQueueOutput, error)
	SetQueueAttributes(context.Context, *sqs.SetQueueAttributesInput, ...func(*sqs.Options)) (*sqs.SetQueueAttributesOutput, error)
	TagQueue(context.Context, *sqs.TagQueueInput, ...func(*sqs.Options)) (*sqs.TagQueueOutput, error)
	UntagQueue(context.Context, *sqs.UntagQueueInput, ...func(*sqs.Options)) (*sqs.UntagQueueOutput, error)
	DeleteQueue(context.Context, *sqs.DeleteQueueInput, ...func(*sqs.Options)) (*sqs.DeleteQueueOutput, error)
}

// queues are the SQS queues of one account and region.
type queues struct {
	client queueClient
	patience
}

// The attributes of a queue that a planner.Queue is made of; their values are strings (SQS API reference, SetQueueAttributes).
const (
	visibilityAttribute = string(types.QueueAttributeNameVisibilityTimeout)
	retentionAttribute  = string(types.QueueAttributeNameMessageRetentionPeriod)
	redriveAttribute    = string(types.QueueAttributeNameRedrivePolicy)
	policyAttribute     = string(types.QueueAttributeNamePolicy)
	ownKeysAttribute    = string(types.QueueAttributeNameSqsManagedSseEnabled)
	keyAttribute        = string(types.QueueAttributeNameKmsMasterKeyId)
)

func (q *queues) read(ctx context.Context, name string) (planner.Queue, planner.Owner, error) {
	url, err := q.url(ctx, name)
	if err != nil {
		return planner.Queue{}, planner.Owner{}, err
	}
	var attributes map[string]string
	var tags planner.Tags
	err = together(ctx,
		func(ctx context.Context) (err error) { attributes, err = q.attributes(ctx, url); return err },
		func(ctx context.Context) (err error) { tags, err = q.tags(ctx, url); return err },
	)
	if err != nil {
		return planner.Queue{}, planner.Owner{}, err
	}
	v, err := queueValue(name, attributes)
	if err != nil {
		return planner.Queue{}, planner.Owner{}, err
	}
	v.Tags = tags
	return v, planner.OwnerOf(tags), nil
}

// url is the URL by which SQS knows a queue of this account. It is asked for, because the service does not promise how it is made.
func (q *queues) url(ctx context.Context, name string) (string, error) {
	out, err := q.client.GetQueueUrl(ctx, &sqs.GetQueueUrlInput{QueueName: &name})
	if isNotFound(err) {
		return "", errAbsent
	}
	if err != nil {
		return "", fmt.Errorf("find queue: %w", err)
	}
	return deref(out.QueueUrl), nil
}

func (q *queues) attributes(ctx context.Context, url string) (map[string]string, error) {
	out, err := q.client.GetQueueAttributes(ctx, &sqs.GetQueueAttributesInput{
		QueueUrl: &url, AttributeNames: []types.QueueAttributeName{types.QueueAttributeNameAll},
	})
	if isNotFound(err) {
		return nil, errAbsent
	}
	if err != nil {
		return nil, fmt.Errorf("read queue: %w", err)
	}
	return out.Attributes, nil
}

func (q *queues) tags(ctx context.Context, url string) (planner.Tags, error) {
	out, err := q.client.ListQueueTags(ctx, &sqs.ListQueueTagsInput{QueueUrl: &url})
	if isNotFound(err) {
		return nil, errAbsent
	}
	if err != nil {
		return nil, fmt.Errorf("read tags of queue: %w", err)
	}
	return tagMap(out.Tags), nil
}

// redrive is the form of the attribute RedrivePolicy. SQS answers the count as a number, and takes it as a string too.
type redrive struct {
	Target      string      `json:"deadLetterTargetArn"`
	MaxReceives json.Number `json:"maxReceiveCount"`
}

func queueValue(name string, attributes map[string]string) (planner.Queue, error) {
	v := planner.Queue{Name: name, Encrypted: attributes[ownKeysAttribute] == "true"}
	var err error
	if v.VisibilityTimeout, err = number(attributes, visibilityAttribute); err != nil {
		return v, err
	}
	if v.Retention, err = number(attributes, retentionAttribute); err != nil {
		return v, err
	}
	if document := attributes[redriveAttribute]; document != "" {
		if v.DeadLetter, v.MaxReceives, err = parseRedrive(document); err != nil {
			return v, err
		}
	}
	if document := attributes[policyAttribute]; document != "" {
		if v.Policy, err = planner.ParsePolicy([]byte(document)); err != nil {
			return v, fmt.Errorf("policy of queue: %w", err)
		}
	}
	return v, nil
}

func number(attributes map[string]string, name string) (int, error) {
	n, err := strconv.Atoi(attributes[name])
	if err != nil {
		return 0, fmt.Errorf("read queue: its %s is %q, which is no number", name, attributes[name])
	}
	return n, nil
}

func parseRedrive(document string) (deadLetter string, maxReceives int, err error) {
	var r redrive
	if err := json.Unmarshal([]byte(document), &r); err != nil {
		return "", 0, fmt.Errorf("read queue: redrive policy: %w", err)
	}
	if maxReceives, err = strconv.Atoi(r.MaxReceives.String()); err != nil {
		return "", 0, fmt.Errorf("read queue: redrive policy: maxReceiveCount is %q, which is no number", r.MaxReceives)
	}
	return r.Target, maxReceives, nil
}

// queueAttributes are a value's attributes as SQS takes them. An empty document is how it says that there is none.
func queueAttributes(v planner.Queue) map[string]string {
	attributes := map[string]string{
		visibilityAttribute: strconv.Itoa(v.VisibilityTimeout),
		retentionAttribute:  strconv.Itoa(v.Retention),
		ownKeysAttribute:    strconv.FormatBool(v.Encrypted),
		redriveAttribute:    "",
		policyAttribute:     "",
	}
	if v.DeadLetter != "" {
		document, _ := json.Marshal(redrive{v.DeadLetter, json.Number(strconv.Itoa(v.MaxReceives))}) // of a string and a number
		attributes[redriveAttribute] = string(document)
	}
	if !v.Policy.IsZero() {
		attributes[policyAttribute] = v.Policy.Canonical().JSON()
	}
	return attributes
}

// create makes the queue. SQS answers the creation of one that exists with the same attributes like success, whoever it
// belongs to, so this is asked first.
func (q *queues) create(ctx context.Context, want planner.Queue, say sayer) error {
	if _, err := q.url(ctx, want.Name); !errors.Is(err, errAbsent) {
		if err != nil {
			return err
		}
		return errExists
	}
	attributes := queueAttributes(want)
	maps.DeleteFunc(attributes, func(_, value string) bool { return value == "" })
	said := false
	err := q.retry(ctx, queueWait, either(isDeletedRecently, isDeadLetterNotReady), func() error {
		_, err := q.client.CreateQueue(ctx, &sqs.CreateQueueInput{QueueName: &want.Name, Attributes: attributes, Tags: want.Tags})
		if isDeletedRecently(err) && !said {
			say("waiting: SQS keeps the name of a deleted queue for a minute", 0, 0)
			said = true
		}
		return err
	})
	if isExists(err) {
		return errExists
	}
	if err != nil {
		return fmt.Errorf("create queue: %w", err)
	}
	return nil
}

// update changes the attributes that differ, and the tags.
func (q *queues) update(ctx context.Context, live, want planner.Queue, _ sayer) error {
	url, err := q.url(ctx, want.Name)
	if err != nil {
		return err
	}
	if err := q.set(ctx, url, live, want); err != nil {
		return err
	}
	set, remove := retag(live.Tags, want.Tags)
	if len(set) > 0 {
		if _, err := q.client.TagQueue(ctx, &sqs.TagQueueInput{QueueUrl: &url, Tags: set}); err != nil {
			return fmt.Errorf("tag queue: %w", err)
		}
	}
	if len(remove) > 0 {
		if _, err := q.client.UntagQueue(ctx, &sqs.UntagQueueInput{QueueUrl: &url, TagKeys: remove}); err != nil {
			return fmt.Errorf("remove tags from queue: %w", err)
		}
	}
	return nil
}

func (q *queues) set(ctx context.Context, url string, live, want planner.Queue) error {
	was, attributes := queueAttributes(live), queueAttributes(want)
	maps.DeleteFunc(attributes, func(name, value string) bool { return was[name] == value })
	if len(attributes) == 0 {
		return nil
	}
	if attributes[ownKeysAttribute] == "true" {
		// A queue has one kind of encryption: a key of KMS that was set by hand has to go first.
		now, err := q.attributes(ctx, url)
		if err != nil {
			return err
		}
		if now[keyAttribute] != "" {
			attributes[keyAttribute] = ""
		}
	}
	err := q.retry(ctx, queueWait, either(isNotFound, isDeadLetterNotReady), func() error {
		_, err := q.client.SetQueueAttributes(ctx, &sqs.SetQueueAttributesInput{QueueUrl: &url, Attributes: attributes})
		return err
	})
	if err != nil {
		return fmt.Errorf("change %v of queue: %w", slices.Sorted(maps.Keys(attributes)), err)
	}
	return nil
}

// remove deletes the queue, and with it the messages that are in it.
func (q *queues) remove(ctx context.Context, live planner.Queue, _ sayer) error {
	url, err := q.url(ctx, live.Name)
	if errors.Is(err, errAbsent) {
		return nil
	}
	if err != nil {
		return err
	}
	if _, err := q.client.DeleteQueue(ctx, &sqs.DeleteQueueInput{QueueUrl: &url}); err != nil && !isNotFound(err) {
		return fmt.Errorf("delete queue: %w", err)
	}
	return nil
}
