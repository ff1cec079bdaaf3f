package local

import (
	"context"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/ecr"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
)

// TestCommandLineReadsBack reads with the AWS CLI, whose SDK is another, what the Go SDK wrote.
func TestCommandLineReadsBack(t *testing.T) {
	program, err := exec.LookPath("aws")
	if err != nil {
		t.Skip("the AWS CLI is not installed")
	}
	ctx := context.Background()
	b, _ := open(t, Options{})
	cfg := adminOf(b)
	createRole(t, cfg, "r")
	_, err = iam.NewFromConfig(cfg).PutRolePolicy(ctx, &iam.PutRolePolicyInput{RoleName: aws.String("r"), PolicyName: aws.String("scar"), PolicyDocument: aws.String(strings.Replace(readPolicy, "Read input+1", "R", 1))})
	must(t, err)
	_, err = cloudwatchlogs.NewFromConfig(cfg).CreateLogGroup(ctx, &cloudwatchlogs.CreateLogGroupInput{LogGroupName: aws.String("/g"), Tags: map[string]string{"k": "v"}})
	must(t, err)
	putLines(t, cfg, "/g", "s", 2)
	_, err = ecr.NewFromConfig(cfg).CreateRepository(ctx, &ecr.CreateRepositoryInput{RepositoryName: aws.String("scar/p")})
	must(t, err)

	queue := createQueue(t, server{cfg: cfg}, "q", map[string]string{"VisibilityTimeout": "60"})
	_, err = sqs.NewFromConfig(cfg).SendMessage(ctx, &sqs.SendMessageInput{QueueUrl: queue, MessageBody: aws.String("hello")})
	must(t, err)
	topic, err := sns.NewFromConfig(cfg).CreateTopic(ctx, &sns.CreateTopicInput{Name: aws.String("t")})
	must(t, err)
	_, err = eventbridge.NewFromConfig(cfg).CreateEventBus(ctx, &eventbridge.CreateEventBusInput{Name: aws.String("b")})
	must(t, err)
	_, err = s3.NewFromConfig(cfg, func(o *s3.Options) { o.UsePathStyle = true }).CreateBucket(ctx, &s3.CreateBucketInput{Bucket: aws.String("photos")})
	must(t, err)

	b.metrics.Invoked("grayify", time.Second, true)

	home := t.TempDir()
	for _, c := range []struct{ args, want string }{
		{"sts get-caller-identity --query Arn", "arn:aws:iam::000000000000:root"},
		{"iam list-roles --query Roles[].RoleName", "r"},
		{"iam get-role --role-name r --query Role.AssumeRolePolicyDocument.Statement[0].Principal.Service", "lambda.amazonaws.com"},
		{"iam get-role-policy --role-name r --policy-name scar --query PolicyDocument.Statement[0].Action", "s3:GetObject"},
		{"logs describe-log-groups --query logGroups[].logGroupName", "/g"},
		{"logs filter-log-events --log-group-name /g --query events[].message", "s line 0\ts line 1"},
		{"logs get-log-events --log-group-name /g --log-stream-name s --query events[0].message", "s line 0"},
		{"ecr describe-repositories --query repositories[].repositoryUri", "000000000000.dkr.ecr.us-east-1.amazonaws.com/scar/p"},
		{"sqs get-queue-url --queue-name q --query QueueUrl", *queue},
		{"sqs get-queue-attributes --attribute-names VisibilityTimeout QueueArn --query Attributes.[VisibilityTimeout,QueueArn] --queue-url " + *queue, "60\tarn:aws:sqs:us-east-1:000000000000:q"},
		{"sqs receive-message --query Messages[].Body --queue-url " + *queue, "hello"},
		{"sns get-topic-attributes --query Attributes.SubscriptionsConfirmed --topic-arn " + *topic.TopicArn, "0"},
		{"sns publish --message x --query length(MessageId) --topic-arn " + *topic.TopicArn, "36"},
		{"events describe-event-bus --name b --query Arn", "arn:aws:events:us-east-1:000000000000:event-bus/b"},
		{"events list-rules --query length(Rules)", "0"},
		{"s3api get-bucket-encryption --bucket photos --query ServerSideEncryptionConfiguration.Rules[0].ApplyServerSideEncryptionByDefault.SSEAlgorithm", "AES256"},
		{"scheduler list-schedule-groups --query ScheduleGroups[].Name", "default"},
		{"apigatewayv2 get-apis --query length(Items)", "0"},
		{"ec2 describe-vpcs --query Vpcs[].IsDefault", "True"},
		{"efs describe-file-systems --query length(FileSystems)", "0"},
		{"kms list-aliases --query length(Aliases)", "0"},
		{"cloudwatch list-metrics --namespace AWS/Lambda --metric-name Errors --query Metrics[].Dimensions[].Value", "grayify"},
		{"cloudwatch get-metric-data --start-time 2020-01-01T00:00:00Z --end-time 2120-01-01T00:00:00Z --query MetricDataResults[].[Id,Values] --metric-data-queries " +
			`[{"Id":"a","MetricStat":{"Metric":{"Namespace":"AWS/Lambda","MetricName":"Errors","Dimensions":[{"Name":"FunctionName","Value":"grayify"}]},"Period":86400,"Stat":"Sum"}}]`, "a\n1"},
		{"lambda get-account-settings --query AccountLimit.ConcurrentExecutions", "1000"},
		{"resourcegroupstaggingapi get-resources --query ResourceTagMappingList[].ResourceARN", "arn:aws:logs:us-east-1:000000000000:log-group:/g"},
	} {
		// The variable AWS_ENDPOINT_URL is known since 2.13 only.
		cmd := exec.Command(program, append(strings.Fields(c.args), "--output", "text", "--endpoint-url", b.Endpoint())...)
		cmd.Env = append(os.Environ(), "HOME="+home, "AWS_REGION=us-east-1", "AWS_DEFAULT_REGION=us-east-1",
			"AWS_ACCESS_KEY_ID="+AdminAccessKey, "AWS_SECRET_ACCESS_KEY="+AdminSecretKey, "AWS_MAX_ATTEMPTS=1", "AWS_CONFIG_FILE="+home+"/none")
		out, err := cmd.CombinedOutput()
		if got := strings.TrimSpace(string(out)); err != nil || got != c.want {
			t.Errorf("aws %s: %q, want %q (%v)", c.args, got, c.want, err)
		}
	}
}
