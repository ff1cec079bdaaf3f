package aws

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws/arn"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/scar-go/scar/planner"
)

// queueAnswerer describes queues.
type queueAnswerer interface {
	GetQueueUrl(context.Context, *sqs.GetQueueUrlInput, ...func(*sqs.Options)) (*sqs.GetQueueUrlOutput, error)
	GetQueueAttributes(context.Context, *sqs.GetQueueAttributesInput, ...func(*sqs.Options)) (*sqs.GetQueueAttributesOutput, error)
}

// topicAnswerer describes topics.
type topicAnswerer interface {
	GetTopicAttributes(context.Context, *sns.GetTopicAttributesInput, ...func(*sns.Options)) (*sns.GetTopicAttributesOutput, error)
}

// busAnswerer describes event buses.
type busAnswerer interface {
	DescribeEventBus(context.Context, *eventbridge.DescribeEventBusInput, ...func(*eventbridge.Options)) (*eventbridge.DescribeEventBusOutput, error)
}

// functionAnswerer describes functions, and how many executions the account may have.
type functionAnswerer interface {
	lambda.GetFunctionAPIClient
	GetAccountSettings(context.Context, *lambda.GetAccountSettingsInput, ...func(*lambda.Options)) (*lambda.GetAccountSettingsOutput, error)
}

// rolePolicyReader reads the inline policies of roles.
type rolePolicyReader interface {
	GetRolePolicy(context.Context, *iam.GetRolePolicyInput, ...func(*iam.Options)) (*iam.GetRolePolicyOutput, error)
}

// fifoSuffix ends the names of queues and topics that keep order, and of no others (SQS and SNS API references,
// CreateQueue and CreateTopic).
const fifoSuffix = ".fifo"

func (a *asker) queue(ctx context.Context, name string) (planner.Answer, error) {
	parsed, err := arn.Parse(name)
	if err != nil {
		return planner.Answer{}, errAbsent
	}
	region := func(o *sqs.Options) { o.Region = a.regionOf(name) }
	in := &sqs.GetQueueUrlInput{QueueName: &parsed.Resource}
	if a.isOther(name) {
		in.QueueOwnerAWSAccountId = &parsed.AccountID
	}
	url, err := a.queues.GetQueueUrl(ctx, in, region)
	if isNoSuchThing(err) {
		return planner.Answer{}, a.absent(name)
	}
	if err != nil {
		return planner.Answer{}, fmt.Errorf("look for queue: %w", err)
	}
	out, err := a.queues.GetQueueAttributes(ctx, &sqs.GetQueueAttributesInput{
		QueueUrl:       url.QueueUrl,
		AttributeNames: []types.QueueAttributeName{types.QueueAttributeNameVisibilityTimeout, types.QueueAttributeNameKmsMasterKeyId},
	}, region)
	if isNoSuchThing(err) {
		return planner.Answer{}, a.absent(name)
	}
	if err != nil {
		return planner.Answer{}, fmt.Errorf("read attributes of queue: %w", err)
	}
	visibility, err := strconv.Atoi(out.Attributes[string(types.QueueAttributeNameVisibilityTimeout)])
	if err != nil {
		return planner.Answer{}, fmt.Errorf("visibility timeout of queue: %w", err)
	}
	key, err := a.customersKey(ctx, a.regionOf(name), out.Attributes[keyAttribute])
	return planner.Answer{Visibility: visibility, FIFO: strings.HasSuffix(name, fifoSuffix), Key: key}, err
}

func (a *asker) topic(ctx context.Context, name string) (planner.Answer, error) {
	out, err := a.topics.GetTopicAttributes(ctx, &sns.GetTopicAttributesInput{TopicArn: &name}, func(o *sns.Options) { o.Region = a.regionOf(name) })
	if isNoSuchThing(err) {
		return planner.Answer{}, a.absent(name)
	}
	if err != nil {
		return planner.Answer{}, fmt.Errorf("read attributes of topic: %w", err)
	}
	key, err := a.customersKey(ctx, a.regionOf(name), out.Attributes[keyAttribute]) // SNS names the attribute as SQS does
	return planner.Answer{FIFO: strings.HasSuffix(name, fifoSuffix), Key: key}, err
}

func (a *asker) bus(ctx context.Context, name string) (planner.Answer, error) {
	_, err := a.buses.DescribeEventBus(ctx, &eventbridge.DescribeEventBusInput{Name: &name}, func(o *eventbridge.Options) { o.Region = a.regionOf(name) })
	if isNoSuchThing(err) {
		return planner.Answer{}, a.absent(name)
	}
	if err != nil {
		return planner.Answer{}, fmt.Errorf("describe event bus: %w", err)
	}
	return planner.Answer{}, nil
}

// function answers whether a function is of scar's, and if so, where it may write: what scar wrote into the policy of
// its role.
func (a *asker) function(ctx context.Context, name string) (planner.Answer, error) {
	region := func(o *lambda.Options) { o.Region = a.regionOf(name) }
	out, err := a.functions.GetFunction(ctx, &lambda.GetFunctionInput{FunctionName: &name}, region)
	if isNotFound(err) {
		return planner.Answer{}, a.absent(name)
	}
	if err != nil {
		return planner.Answer{}, fmt.Errorf("read function: %w", err)
	}
	if out.TagsError != nil {
		return planner.Answer{}, &unknownError{"its tags cannot be read: is the right lambda:ListTags missing?"}
	}
	project := out.Tags[planner.TagProject]
	if project == "" || out.Configuration == nil {
		return planner.Answer{}, nil
	}
	role := deref(out.Configuration.Role)
	if !strings.Contains(role, ":role"+planner.RolePath(project)) {
		return planner.Answer{Project: project}, nil // a role that the user brought: what it allows is not scar's to read
	}
	writes, err := a.writes(ctx, role[strings.LastIndex(role, "/")+1:])
	return planner.Answer{Project: project, Writes: writes}, err
}

// writeStatement is the statement of a role's policy that lets its function write results.
const writeStatement = "WriteOutputs"

// writes are the folders that a role of scar's lets its function write to.
func (a *asker) writes(ctx context.Context, role string) ([]planner.Place, error) {
	out, err := a.roles.GetRolePolicy(ctx, &iam.GetRolePolicyInput{RoleName: &role, PolicyName: ptr(planner.PolicyName)})
	if isNotFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read policy of its role: %w", err)
	}
	policy, err := parseEscaped(deref(out.PolicyDocument))
	if err != nil {
		return nil, fmt.Errorf("policy of its role: %w", err)
	}
	var places []planner.Place
	for _, s := range policy.Statements {
		if s.Sid != writeStatement || s.Effect != "Allow" {
			continue
		}
		for _, resource := range s.Resource {
			if place, err := placeOf(resource); err == nil {
				places = append(places, place)
			}
		}
	}
	return places, nil
}

// placeOf is the folder that a resource of a policy means: arn:aws:s3:::bucket/folder/*.
func placeOf(resource string) (planner.Place, error) {
	parsed, err := arn.Parse(resource)
	bucket, pattern, isObject := strings.Cut(parsed.Resource, "/")
	prefix, isFolder := strings.CutSuffix(pattern, "*")
	if err != nil || parsed.Service != "s3" || !isObject || !isFolder {
		return planner.Place{}, errors.New("no folder of a bucket")
	}
	// What a policy would take for a wildcard is written as a variable (IAM user guide, "Policy variables").
	return planner.Place{Bucket: bucket, Prefix: strings.NewReplacer("${*}", "*", "${?}", "?", "${$}", "$").Replace(prefix)}, nil
}

// concurrency answers how many executions the account may have at a time, and how many of them are reserved. Lambda
// tells the sum of all functions, which is under the empty name: asking each function would take a call for each.
func (a *asker) concurrency(ctx context.Context, _ string) (planner.Answer, error) {
	out, err := a.functions.GetAccountSettings(ctx, &lambda.GetAccountSettingsInput{})
	if err != nil {
		return planner.Answer{}, fmt.Errorf("read limits of Lambda: %w", err)
	}
	if out.AccountLimit == nil || out.AccountLimit.UnreservedConcurrentExecutions == nil {
		return planner.Answer{}, &unknownError{"Lambda did not tell the account's limits"}
	}
	limit := int(out.AccountLimit.ConcurrentExecutions)
	reserved := max(0, limit-int(*out.AccountLimit.UnreservedConcurrentExecutions))
	return planner.Answer{Limit: limit, Reserved: map[string]int{"": reserved}}, nil
}
