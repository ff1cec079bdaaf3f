// Trespass runs in a function and tries what its role allows and what it does not. For each try it
// prints a line with a name and the outcome: allowed, denied, or the code of another error.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/apigatewayv2"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/scheduler"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	sqstypes "github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/smithy-go"

	"github.com/scar-go/scar/applier/aws/ec2"
)

func main() {
	ctx := context.Background()
	cfg, err := config.LoadDefaultConfig(ctx, config.WithRetryer(func() aws.Retryer { return retry.AddWithMaxAttempts(retry.NewStandard(), 1) }))
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	client := s3.NewFromConfig(cfg, func(o *s3.Options) { o.UsePathStyle = true })
	read := func(bucket, key string) error {
		_, err := client.GetObject(ctx, &s3.GetObjectInput{Bucket: &bucket, Key: &key})
		return err
	}
	write := func(bucket, key string) error {
		_, err := client.PutObject(ctx, &s3.PutObjectInput{Bucket: &bucket, Key: &key, Body: strings.NewReader("x")})
		return err
	}
	remove := func(bucket, key string) error {
		_, err := client.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: &bucket, Key: &key})
		return err
	}
	list := func(bucket, prefix string) error {
		_, err := client.ListObjectsV2(ctx, &s3.ListObjectsV2Input{Bucket: &bucket, Prefix: &prefix})
		return err
	}
	report("read input", read("photos", "in/file.txt"))
	report("read output", read("photos", "out/report.txt"))
	report("read elsewhere", read("photos", "private/secret.txt"))
	report("read another bucket", read("others", "secret.txt"))
	report("write output", write("photos", "out/x"))
	report("write input", write("photos", "in/x"))
	report("write elsewhere", write("photos", "private/x"))
	report("write another function's record", write("photos", ".scar/another/x.json"))
	report("write another bucket", write("others", "x"))
	report("delete input", remove("photos", "in/file.txt"))
	report("delete output", remove("photos", "out/x"))
	report("list input", list("photos", "in/"))
	report("list bucket", list("photos", ""))
	_, err = client.ListBuckets(ctx, &s3.ListBucketsInput{})
	report("list buckets", err)
	_, err = client.GetBucketNotificationConfiguration(ctx, &s3.GetBucketNotificationConfigurationInput{Bucket: aws.String("photos")})
	report("read rules", err)
	_, err = client.DeleteBucket(ctx, &s3.DeleteBucketInput{Bucket: aws.String("photos")})
	report("delete bucket", err)
	tryServices(ctx, cfg)
}

// tryServices tries what a function of the name featured has in its file, and what no function has.
func tryServices(ctx context.Context, cfg aws.Config) {
	account, region := os.Getenv("ACCOUNT"), os.Getenv("AWS_REGION")
	arn := func(service, resource string) *string {
		return aws.String("arn:aws:" + service + ":" + region + ":" + account + ":" + resource)
	}
	storage := s3.NewFromConfig(cfg, func(o *s3.Options) { o.UsePathStyle = true })
	put := func(key string) error {
		_, err := storage.PutObject(ctx, &s3.PutObjectInput{Bucket: aws.String("failed"), Key: &key, Body: strings.NewReader("x")})
		return err
	}
	report("report failure", put("aws/lambda/async/featured/x"))
	report("report failure of another", put("aws/lambda/async/trespass/x"))
	report("write elsewhere beside failures", put("x"))
	_, err := storage.ListObjectsV2(ctx, &s3.ListObjectsV2Input{Bucket: aws.String("failed")})
	report("list failures", err)

	queues := sqs.NewFromConfig(cfg)
	queue := func(name string) *string {
		return aws.String(os.Getenv("AWS_ENDPOINT_URL") + "/" + account + "/" + name)
	}
	_, err = queues.ReceiveMessage(ctx, &sqs.ReceiveMessageInput{QueueUrl: queue("scar-imaging_featured")})
	report("take messages", err)
	_, err = queues.GetQueueAttributes(ctx, &sqs.GetQueueAttributesInput{QueueUrl: queue("scar-imaging_featured"), AttributeNames: []sqstypes.QueueAttributeName{"All"}})
	report("look at the queue", err)
	_, err = queues.SendMessage(ctx, &sqs.SendMessageInput{QueueUrl: queue("scar-imaging_featured"), MessageBody: aws.String("x")})
	report("send to the queue", err)
	_, err = queues.PurgeQueue(ctx, &sqs.PurgeQueueInput{QueueUrl: queue("scar-imaging_featured")})
	report("purge the queue", err)
	_, err = queues.ReceiveMessage(ctx, &sqs.ReceiveMessageInput{QueueUrl: queue("scar_dead-imaging_featured")})
	report("take dead letters", err)
	_, err = queues.ListQueues(ctx, &sqs.ListQueuesInput{})
	report("list queues", err)

	parameter := func(name string) error {
		_, err := ssm.NewFromConfig(cfg).GetParameter(ctx, &ssm.GetParameterInput{Name: &name, WithDecryption: aws.Bool(true)})
		return err
	}
	report("read parameter", parameter("/imaging/token"))
	report("read another parameter", parameter("/imaging/other"))
	secret := func(name string) error {
		_, err := secretsmanager.NewFromConfig(cfg).GetSecretValue(ctx, &secretsmanager.GetSecretValueInput{SecretId: &name})
		return err
	}
	report("read secret", secret("imaging/db"))
	report("read another secret", secret("imaging/other"))

	functions := lambda.NewFromConfig(cfg)
	_, err = functions.GetFunction(ctx, &lambda.GetFunctionInput{FunctionName: aws.String("trespass")})
	report("read function", err)
	_, err = functions.Invoke(ctx, &lambda.InvokeInput{FunctionName: aws.String("trespass"), InvocationType: "Event"})
	report("invoke function", err)
	_, err = functions.ListEventSourceMappings(ctx, &lambda.ListEventSourceMappingsInput{})
	report("list mappings", err)
	_, err = iam.NewFromConfig(cfg).ListRoles(ctx, &iam.ListRolesInput{})
	report("list roles", err)
	_, err = sns.NewFromConfig(cfg).Publish(ctx, &sns.PublishInput{TopicArn: arn("sns", "theirs"), Message: aws.String("x")})
	report("publish", err)
	_, err = scheduler.NewFromConfig(cfg).GetSchedule(ctx, &scheduler.GetScheduleInput{GroupName: aws.String("scar-imaging"), Name: aws.String("featured")})
	report("read schedule", err)
	_, err = apigatewayv2.NewFromConfig(cfg).GetApis(ctx, &apigatewayv2.GetApisInput{})
	report("list APIs", err)
	// The role may do this, for Lambda; the function's code may not.
	report("list subnets", ec2.New(cfg).Call(ctx, "DescribeSubnets", nil, &struct{}{}))
}

func report(name string, err error) {
	outcome := "allowed"
	var refused smithy.APIError
	switch {
	case errors.As(err, &refused):
		outcome = refused.ErrorCode()
		if slices.Contains([]string{"AccessDenied", "AccessDeniedException", "AuthorizationError", "Forbidden", "UnauthorizedOperation"}, outcome) {
			outcome = "denied"
		}
	case err != nil:
		outcome = err.Error()
	}
	fmt.Printf("%s: %s\n", name, outcome)
}
