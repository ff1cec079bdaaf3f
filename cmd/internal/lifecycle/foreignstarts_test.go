package lifecycle

import (
	"maps"
	"slices"
	"strings"
	"testing"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/apigatewayv2"
	apitypes "github.com/aws/aws-sdk-go-v2/service/apigatewayv2/types"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/aws-sdk-go-v2/service/scheduler"
	schedulertypes "github.com/aws/aws-sdk-go-v2/service/scheduler/types"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/scar-go/scar/planner"
)

// makeAPIOfTheirs makes an API of the name that a project gives to one of its own.
func (w *world) makeAPIOfTheirs() (id string) {
	w.t.Helper()
	api, err := w.apis().CreateApi(w.t.Context(), &apigatewayv2.CreateApiInput{Name: sdk.String("images"), ProtocolType: apitypes.ProtocolTypeHttp})
	w.must(err)
	_, err = w.apis().CreateStage(w.t.Context(), &apigatewayv2.CreateStageInput{ApiId: api.ApiId, StageName: sdk.String("$default")})
	w.must(err)
	return *api.ApiId
}

// intrude puts things of others among those of everyStart: a schedule into the project's group, a mapping onto its function
// and statements into its policy, a rule for a queue to its bucket.
func (w *world) intrude() (mapping string) {
	w.t.Helper()
	ctx := w.t.Context()
	role := w.makeRole("clock", anyTrust, anyRights)
	_, err := scheduler.NewFromConfig(w.config).CreateSchedule(ctx, &scheduler.CreateScheduleInput{
		GroupName: sdk.String("scar-imaging"), Name: sdk.String("theirs"), ScheduleExpression: sdk.String("rate(40 days)"),
		FlexibleTimeWindow: &schedulertypes.FlexibleTimeWindow{Mode: schedulertypes.FlexibleTimeWindowModeOff},
		Target:             &schedulertypes.Target{Arn: sdk.String(w.naming.FunctionARN("buffered")), RoleArn: &role},
	})
	w.must(err)
	queues := sqs.NewFromConfig(w.config)
	policy := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"s3.amazonaws.com"},"Action":"sqs:SendMessage","Resource":"` + w.naming.QueueARN("theirs") + `"}]}`
	_, err = queues.CreateQueue(ctx, &sqs.CreateQueueInput{QueueName: sdk.String("theirs"), Attributes: map[string]string{"VisibilityTimeout": "900", "Policy": policy}})
	w.must(err)
	functions := lambda.NewFromConfig(w.config)
	// Lambda looks whether the function's role may receive, so that they gave it a policy of their own.
	_, err = iam.NewFromConfig(w.config).PutRolePolicy(ctx, &iam.PutRolePolicyInput{
		RoleName: sdk.String(planner.RoleName("buffered", w.naming.Region)), PolicyName: sdk.String("theirs"), PolicyDocument: sdk.String(anyRights),
	})
	w.must(err)
	made, err := functions.CreateEventSourceMapping(ctx, &lambda.CreateEventSourceMappingInput{
		FunctionName: sdk.String("buffered"), EventSourceArn: sdk.String(w.naming.QueueARN("theirs")), Enabled: sdk.Bool(false),
	})
	w.must(err)
	for _, function := range []string{"buffered", "open"} {
		_, err = functions.AddPermission(ctx, &lambda.AddPermissionInput{
			FunctionName: &function, StatementId: sdk.String(foreignStatement), Action: sdk.String("lambda:InvokeFunction"), Principal: sdk.String("events.amazonaws.com"),
		})
		w.must(err)
	}
	rules, err := w.s3().GetBucketNotificationConfiguration(ctx, &s3.GetBucketNotificationConfigurationInput{Bucket: sdk.String("photos")})
	w.must(err)
	_, err = w.s3().PutBucketNotificationConfiguration(ctx, &s3.PutBucketNotificationConfigurationInput{
		Bucket: sdk.String("photos"), NotificationConfiguration: &s3types.NotificationConfiguration{
			QueueConfigurations: append(rules.QueueConfigurations, s3types.QueueConfiguration{
				Id: sdk.String("theirs"), QueueArn: sdk.String(w.naming.QueueARN("theirs")), Events: []s3types.Event{"s3:ObjectRemoved:*"},
			}),
		},
	})
	w.must(err)
	return *made.UUID
}

// TestForeignStartsAreUntouched takes a project through its life with things of others among its own.
func TestForeignStartsAreUntouched(t *testing.T) {
	w := newWorld(t)
	api := w.makeAPIOfTheirs()
	p := w.project(w.load(everyStart))
	w.converge(p)
	mapping := w.intrude()
	foreign := []string{
		"api/images/" + api, "stages of api/images/" + api, "routes of api/images/" + api, "mapping/" + mapping,
		"schedule/scar-imaging/theirs", "schedule_group/scar-imaging", "queue/" + *w.config.BaseEndpoint + "/" + w.naming.Account + "/theirs",
	}
	before := w.inventory()
	for _, name := range foreign {
		if before[name] == "" {
			t.Fatalf("there is no %s among %v", name, slices.Sorted(maps.Keys(before)))
		}
	}
	statement := w.statement("open")
	same := func(when string) {
		t.Helper()
		now := w.inventory()
		for _, name := range foreign {
			if now[name] != before[name] {
				t.Errorf("after %s: %s was\n%s\nand is\n%s", when, name, before[name], now[name])
			}
		}
		if !strings.Contains(now["rules of bucket/photos"], `"Id":"theirs"`) {
			t.Errorf("after %s the rules are %s", when, now["rules of bucket/photos"])
		}
	}
	w.fixpoint(p)
	same("nothing")

	changed := strings.NewReplacer("queue: true", "queue: {attempts: 2}", "cors: true", "auth: none", "rate(30 days)", "rate(60 days)", "auth: none", "auth: iam")
	w.converge(w.project(w.load(changed.Replace(everyStart))))
	same("an update")
	if got := w.statement("open"); got != statement || got == "" {
		t.Errorf("the foreign statement %s became %s", statement, got)
	}
	// Without what starts it the function stays, and so does all of theirs.
	plain := strings.NewReplacer("    queue: true\n", "", "    http: {api: images, cors: true}\n", "", "    schedule: rate(30 days)\n", "")
	w.converge(w.project(w.load(plain.Replace(everyStart))))
	same("an end of all starts")
	w.converge(p)

	err := w.apply(&project{name: p.name, desired: planner.State{}}, func(o *planner.Options) { o.Destroy = true })
	w.must(err)
	same("destroy")
	for _, c := range w.mustPlan(&project{name: p.name}, func(o *planner.Options) { o.Destroy = true }).Changes {
		if c.Kind != planner.KindBucket && (c.Kind != planner.KindScheduleGroup || c.Action != planner.Retain) {
			t.Errorf("%s is left after destroy: %s", c.Address, c.Action)
		}
	}
}
