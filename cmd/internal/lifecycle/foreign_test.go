package lifecycle

import (
	"strings"
	"testing"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/scar-go/scar/planner"
)

// foreign is what others have in an account, as their tools would read it.
type foreign struct {
	Tags          []types.Tag
	Notifications *s3.GetBucketNotificationConfigurationOutput
	Statement     string
	LogGroupTags  map[string]string
	Object        string
}

const foreignStatement = "theirs"

const theirFunction = `
project: others
functions:
  theirs:
    image: example/imagemagick:7
    input: [s3://photos/others/]
`

// makeForeign makes a bucket of somebody else's with rules of every sort, and a log group.
func (w *world) makeForeign(bucket string) {
	ctx, client := w.t.Context(), w.s3()
	try := func(err error) {
		w.t.Helper()
		if err != nil {
			w.t.Fatal(err)
		}
	}
	_, err := client.CreateBucket(ctx, &s3.CreateBucketInput{Bucket: &bucket})
	try(err)
	_, err = client.PutBucketTagging(ctx, &s3.PutBucketTaggingInput{Bucket: &bucket, Tagging: &types.Tagging{
		TagSet: []types.Tag{{Key: sdk.String("owner"), Value: sdk.String("them & co")}},
	}})
	try(err)
	// S3 checks every rule's target at every put, so theirs have to exist and to let S3 call them.
	w.converge(w.project(w.load(theirFunction)))
	policy := func(action, resource string) string {
		return `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"s3.amazonaws.com"},"Action":"` + action + `","Resource":"` + resource + `"}]}`
	}
	_, err = sqs.NewFromConfig(w.config).CreateQueue(ctx, &sqs.CreateQueueInput{
		QueueName: sdk.String("q"), Attributes: map[string]string{"Policy": policy("sqs:SendMessage", w.naming.QueueARN("q"))},
	})
	try(err)
	_, err = sns.NewFromConfig(w.config).CreateTopic(ctx, &sns.CreateTopicInput{
		Name: sdk.String("t"), Attributes: map[string]string{"Policy": policy("sns:Publish", "arn:aws:sns:us-east-1:000000000000:t")},
	})
	try(err)
	filter := func(prefix, suffix string) *types.NotificationConfigurationFilter {
		return &types.NotificationConfigurationFilter{Key: &types.S3KeyFilter{FilterRules: []types.FilterRule{
			{Name: types.FilterRuleNamePrefix, Value: &prefix}, {Name: types.FilterRuleNameSuffix, Value: &suffix},
		}}}
	}
	_, err = client.PutBucketNotificationConfiguration(ctx, &s3.PutBucketNotificationConfigurationInput{
		Bucket: &bucket, SkipDestinationValidation: sdk.Bool(true),
		NotificationConfiguration: &types.NotificationConfiguration{
			EventBridgeConfiguration: &types.EventBridgeConfiguration{},
			QueueConfigurations: []types.QueueConfiguration{{
				Id: sdk.String("their queue"), QueueArn: sdk.String("arn:aws:sqs:us-east-1:000000000000:q"),
				Events: []types.Event{"s3:ObjectCreated:Put", "s3:ObjectCreated:Copy"}, Filter: filter("queue/", ".jpg"),
			}},
			TopicConfigurations: []types.TopicConfiguration{{
				Id: sdk.String("their topic"), TopicArn: sdk.String("arn:aws:sns:us-east-1:000000000000:t"),
				Events: []types.Event{"s3:ObjectRemoved:*"},
			}},
			LambdaFunctionConfigurations: []types.LambdaFunctionConfiguration{{
				Id: sdk.String("scar-imaging-grayify-00000000"), LambdaFunctionArn: sdk.String("arn:aws:lambda:us-east-1:000000000000:function:theirs"),
				Events: []types.Event{"s3:ObjectCreated:*"}, Filter: filter("theirs/", ""),
			}},
		},
	})
	try(err)
	_, err = client.PutObject(ctx, &s3.PutObjectInput{Bucket: &bucket, Key: sdk.String("out/theirs.txt"), Body: strings.NewReader("theirs")})
	try(err)
	_, err = cloudwatchlogs.NewFromConfig(w.config).CreateLogGroup(ctx, &cloudwatchlogs.CreateLogGroupInput{
		LogGroupName: sdk.String("/aws/lambda/grayify-of-theirs"), Tags: map[string]string{"owner": "them"},
	})
	try(err)
}

func (w *world) readForeign(bucket, function string) foreign {
	w.t.Helper()
	ctx, client := w.t.Context(), w.s3()
	var f foreign
	tags, err := client.GetBucketTagging(ctx, &s3.GetBucketTaggingInput{Bucket: &bucket})
	if err != nil {
		w.t.Fatal(err)
	}
	f.Tags = tags.TagSet
	f.Notifications, err = client.GetBucketNotificationConfiguration(ctx, &s3.GetBucketNotificationConfigurationInput{Bucket: &bucket})
	if err != nil {
		w.t.Fatal(err)
	}
	// Ours come and go; what is left must be as it was.
	ours := f.Notifications.LambdaFunctionConfigurations
	f.Notifications.LambdaFunctionConfigurations = nil
	for _, rule := range ours {
		if !strings.HasSuffix(*rule.LambdaFunctionArn, ":"+function) {
			f.Notifications.LambdaFunctionConfigurations = append(f.Notifications.LambdaFunctionConfigurations, rule)
		}
	}
	groups, err := cloudwatchlogs.NewFromConfig(w.config).ListTagsForResource(ctx, &cloudwatchlogs.ListTagsForResourceInput{
		ResourceArn: sdk.String(w.naming.LogGroupARN("/aws/lambda/grayify-of-theirs")),
	})
	if err != nil {
		w.t.Fatal(err)
	}
	f.LogGroupTags = groups.Tags
	object, err := client.HeadObject(ctx, &s3.HeadObjectInput{Bucket: &bucket, Key: sdk.String("out/theirs.txt")})
	if err != nil {
		w.t.Fatal(err)
	}
	f.Object = *object.ETag
	return f
}

// statement is the foreign statement of a function's policy, in the bytes that Lambda answers.
func (w *world) statement(function string) string {
	w.t.Helper()
	out, err := lambda.NewFromConfig(w.config).GetPolicy(w.t.Context(), &lambda.GetPolicyInput{FunctionName: &function})
	if err != nil {
		w.t.Fatal(err)
	}
	policy, err := planner.ParsePolicy([]byte(*out.Policy))
	if err != nil {
		w.t.Fatal(err)
	}
	for _, s := range policy.Statements {
		if s.Sid == foreignStatement {
			return planner.Policy{Version: policy.Version, Statements: []planner.Statement{s}}.JSON()
		}
	}
	return ""
}

// TestForeignThingsAreUntouched takes a function through its life in a bucket that others use too.
func TestForeignThingsAreUntouched(t *testing.T) {
	w := newWorld(t)
	w.makeForeign("photos")
	before := w.readForeign("photos", "grayify")
	same := func(when string) {
		t.Helper()
		options := cmp.Options{
			cmpopts.IgnoreFields(s3.GetBucketNotificationConfigurationOutput{}, "ResultMetadata"),
			cmpopts.IgnoreUnexported(s3.GetBucketNotificationConfigurationOutput{}, types.Tag{}, types.QueueConfiguration{}, types.TopicConfiguration{},
				types.LambdaFunctionConfiguration{}, types.EventBridgeConfiguration{}, types.NotificationConfigurationFilter{}, types.S3KeyFilter{}, types.FilterRule{}),
		}
		if diff := cmp.Diff(before, w.readForeign("photos", "grayify"), options); diff != "" {
			t.Errorf("after %s, what is not ours has changed:\n%s", when, diff)
		}
	}

	p := w.project(w.load(oneFunction))
	w.converge(p)
	same("apply")

	_, err := lambda.NewFromConfig(w.config).AddPermission(t.Context(), &lambda.AddPermissionInput{
		FunctionName: sdk.String("grayify"), StatementId: sdk.String(foreignStatement), Action: sdk.String("lambda:InvokeFunction"),
		Principal: sdk.String("events.amazonaws.com"), SourceArn: sdk.String("arn:aws:events:us-east-1:000000000000:rule/theirs"),
	})
	if err != nil {
		t.Fatal(err)
	}
	statement := w.statement("grayify")
	if statement == "" {
		t.Fatal("the foreign statement is not there")
	}
	w.fixpoint(p)

	moved := w.project(w.load(strings.ReplaceAll(oneFunction, "s3://photos/in/", "s3://photos/new/")))
	w.converge(moved)
	same("an update")
	elsewhere := w.project(w.load(strings.ReplaceAll(oneFunction, "s3://photos/in/", "s3://scans/in/")))
	w.converge(elsewhere)
	same("leaving the bucket")
	if got := w.statement("grayify"); got != statement {
		t.Errorf("the foreign statement %s became %s", statement, got)
	}
	w.converge(moved)
	w.destroy(moved)
	same("destroy")
}

// TestForeignRuleThatOverlapsIsNamed refuses at plan, before anything is made.
func TestForeignRuleThatOverlapsIsNamed(t *testing.T) {
	w := newWorld(t)
	w.makeForeign("photos")
	f := w.load(strings.ReplaceAll(oneFunction, "s3://photos/in/", "s3://photos/queue/"))
	err := w.check(f, w.project(f))
	if err == nil || !strings.Contains(err.Error(), `"their queue"`) || !strings.Contains(err.Error(), "arn:aws:sqs:us-east-1:000000000000:q") {
		t.Errorf("error %v, want one that names the rule and the queue", err)
	}
}

const twoProjects = `
project: PROJECT
functions:
  PROJECT-gray:
    image: example/imagemagick:7
    run: cp "$INPUT_FILE_PATH" "$TMP_OUTPUT_DIR"
    input: [s3://shared/PROJECT/in/]
    output: [s3://shared/PROJECT/out/]
  PROJECT-small:
    image: example/imagemagick:7
    run: cp "$INPUT_FILE_PATH" "$TMP_OUTPUT_DIR"
    input: [{from: s3://shared/PROJECT/raw/, suffix: [.png, .jpg]}]
    output: [s3://shared/PROJECT/small/]
`

// TestTwoProjectsShareABucket takes one project through its life beside another. The names are chosen
// so that one is the beginning of the other.
func TestTwoProjectsShareABucket(t *testing.T) {
	w := newWorld(t)
	file := func(project string) string { return strings.ReplaceAll(twoProjects, "PROJECT", project) }
	first, second := w.project(w.load(file("im"))), w.project(w.load(file("im-two")))
	w.converge(first)
	w.converge(second)
	w.fixpoint(first)

	pruned := strings.Split(file("im"), "  im-small:")[0]
	w.converge(w.project(w.load(pruned)))
	w.fixpoint(second)

	w.destroy(first)
	w.fixpoint(second)

	w.converge(first)
	w.destroy(second)
	w.fixpoint(first)
	w.destroy(first)
}
