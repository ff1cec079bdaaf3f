package lifecycle

import (
	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/apigatewayv2"
	apitypes "github.com/aws/aws-sdk-go-v2/service/apigatewayv2/types"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/ecr"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/scheduler"
	schedulertypes "github.com/aws/aws-sdk-go-v2/service/scheduler/types"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/scar-go/scar/planner"
)

// neighbour is another project in the account, with something of every kind. Its name begins as that of the whole file
// does, so that who goes by the beginning of names takes its things for the file's.
const neighbour = `
project: whole-other
functions:
  direct-other:
    image: example/imagemagick:7
    run: cp "$INPUT_FILE_PATH" "$TMP_OUTPUT_DIR"
    input: [s3://whole-other/in/]
    output: [s3://whole-other/out/]
    http: true
    schedule: rate(1 day)
    retries: {attempts: 1}
    concurrency: 1
  buffered-other:
    image: example/imagemagick:7
    run: cp "$INPUT_FILE_PATH" "$TMP_OUTPUT_DIR"
    input: [s3://whole-other/scans/]
    output: [s3://whole-other/out/]
    queue: true
    http: {api: whole-other}
`

// makeNeighbours makes what others have in the account: a project of scar, and things that nobody made with scar.
func (w *world) makeNeighbours() {
	w.t.Helper()
	ctx := w.t.Context()
	w.converge(w.project(w.load(neighbour)))

	queues := sqs.NewFromConfig(w.config)
	for _, name := range []string{"scar-whole", "scar_dead-whole"} {
		_, err := queues.CreateQueue(ctx, &sqs.CreateQueueInput{QueueName: &name, Tags: map[string]string{"owner": "them"}})
		w.must(err)
	}
	_, err := apigatewayv2.NewFromConfig(w.config).CreateApi(ctx, &apigatewayv2.CreateApiInput{
		Name: sdk.String("whole-theirs"), ProtocolType: apitypes.ProtocolTypeHttp, Tags: map[string]string{"owner": "them"},
	})
	w.must(err)
	role := w.makeRole("clock", anyTrust, anyRights)
	_, err = scheduler.NewFromConfig(w.config).CreateSchedule(ctx, &scheduler.CreateScheduleInput{
		Name: sdk.String("direct"), ScheduleExpression: sdk.String("rate(1 hour)"),
		FlexibleTimeWindow: &schedulertypes.FlexibleTimeWindow{Mode: schedulertypes.FlexibleTimeWindowModeOff},
		Target:             &schedulertypes.Target{Arn: sdk.String(w.naming.FunctionARN("direct-other")), RoleArn: &role},
	})
	w.must(err)
	_, err = cloudwatchlogs.NewFromConfig(w.config).CreateLogGroup(ctx, &cloudwatchlogs.CreateLogGroupInput{LogGroupName: sdk.String(planner.LogGroupName("direct-theirs"))})
	w.must(err)
	_, err = ecr.NewFromConfig(w.config).CreateRepository(ctx, &ecr.CreateRepositoryInput{RepositoryName: sdk.String("scar/whole-theirs")})
	w.must(err)
	create := &s3.CreateBucketInput{Bucket: sdk.String("whole-theirs")}
	w.inRegion(create)
	_, err = w.s3().CreateBucket(ctx, create)
	w.must(err)
}
