package lifecycle

import (
	"testing"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/apigatewayv2"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	lambdatypes "github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/aws/aws-sdk-go-v2/service/scheduler"
	schedulertypes "github.com/aws/aws-sdk-go-v2/service/scheduler/types"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/google/go-cmp/cmp"

	"github.com/scar-go/scar/planner"
)

// everyStart is a project whose functions start in every way.
const everyStart = `
project: imaging
functions:
  buffered:
    image: example/imagemagick:7
    run: cp "$INPUT_FILE_PATH" "$TMP_OUTPUT_DIR"
    input: [s3://photos/in/]
    output: [s3://photos/out/]
    queue: true
    http: {api: images, cors: true}
    schedule: rate(30 days)
    concurrency: 2
  open:
    image: example/imagemagick:7
    http: {auth: none}
    retries: {attempts: 0}
    on_failure: s3://failed
`

// startsByHand are things of everyStart that somebody deletes.
var startsByHand = []struct {
	name string
	do   func(*world) error
}{
	{"delete the queue", func(w *world) error { return w.deleteQueue(planner.QueueName("imaging", "buffered")) }},
	{"delete the dead-letter queue", func(w *world) error { return w.deleteQueue(planner.DeadLetterName("imaging", "buffered")) }},
	{"delete the mapping", func(w *world) error { return w.deleteMappings() }},
	{"delete the queue and the mapping", func(w *world) error {
		w.must(w.deleteMappings())
		return w.deleteQueue(planner.QueueName("imaging", "buffered"))
	}},
	{"delete the schedule", func(w *world) error {
		_, err := scheduler.NewFromConfig(w.config).DeleteSchedule(w.t.Context(), &scheduler.DeleteScheduleInput{GroupName: sdk.String("scar-imaging"), Name: sdk.String("buffered")})
		return err
	}},
	{"delete the group of schedules", func(w *world) error { return w.deleteGroup("scar-imaging") }},
	{"delete the schedule's role", func(w *world) error {
		client, role := iam.NewFromConfig(w.config), sdk.String(planner.ScheduleRoleName("buffered", w.naming.Region))
		_, err := client.DeleteRolePolicy(w.t.Context(), &iam.DeleteRolePolicyInput{RoleName: role, PolicyName: sdk.String(planner.PolicyName)})
		w.must(err)
		_, err = client.DeleteRole(w.t.Context(), &iam.DeleteRoleInput{RoleName: role})
		return err
	}},
	{"delete the URL", func(w *world) error {
		_, err := lambda.NewFromConfig(w.config).DeleteFunctionUrlConfig(w.t.Context(), &lambda.DeleteFunctionUrlConfigInput{FunctionName: sdk.String("open")})
		return err
	}},
	{"remove a statement that opens the URL", func(w *world) error { return w.forbid("open", "scar-imaging-url") }},
	{"remove the other statement that opens the URL", func(w *world) error { return w.forbid("open", "scar-imaging-url-invoke") }},
	{"delete the settings of invocations", func(w *world) error {
		_, err := lambda.NewFromConfig(w.config).DeleteFunctionEventInvokeConfig(w.t.Context(), &lambda.DeleteFunctionEventInvokeConfigInput{FunctionName: sdk.String("open")})
		return err
	}},
	{"set up invocations of a function that has Lambda's defaults", func(w *world) error {
		_, err := lambda.NewFromConfig(w.config).PutFunctionEventInvokeConfig(w.t.Context(), &lambda.PutFunctionEventInvokeConfigInput{
			FunctionName: sdk.String("buffered"), MaximumRetryAttempts: sdk.Int32(0),
		})
		return err
	}},
	{"give a URL to a function that has none", func(w *world) error {
		_, err := lambda.NewFromConfig(w.config).CreateFunctionUrlConfig(w.t.Context(), &lambda.CreateFunctionUrlConfigInput{
			FunctionName: sdk.String("buffered"), AuthType: lambdatypes.FunctionUrlAuthTypeAwsIam,
		})
		return err
	}},
	{"give up the reservation", func(w *world) error {
		_, err := lambda.NewFromConfig(w.config).DeleteFunctionConcurrency(w.t.Context(), &lambda.DeleteFunctionConcurrencyInput{FunctionName: sdk.String("buffered")})
		return err
	}},
	{"delete the API", func(w *world) error {
		_, err := w.apis().DeleteApi(w.t.Context(), &apigatewayv2.DeleteApiInput{ApiId: w.apiID("images")})
		return err
	}},
	{"delete the API's route", func(w *world) error { return w.deleteRoutes() }},
	{"delete the API's route and integration", func(w *world) error {
		w.must(w.deleteRoutes())
		integrations, err := w.apis().GetIntegrations(w.t.Context(), &apigatewayv2.GetIntegrationsInput{ApiId: w.apiID("images")})
		w.must(err)
		_, err = w.apis().DeleteIntegration(w.t.Context(), &apigatewayv2.DeleteIntegrationInput{ApiId: w.apiID("images"), IntegrationId: integrations.Items[0].IntegrationId})
		return err
	}},
	{"delete the API's stage", func(w *world) error {
		_, err := w.apis().DeleteStage(w.t.Context(), &apigatewayv2.DeleteStageInput{ApiId: w.apiID("images"), StageName: sdk.String("$default")})
		return err
	}},
	{"remove the API's statement", func(w *world) error { return w.forbid("buffered", planner.APIStatementID("imaging")) }},
	{"delete a function", func(w *world) error {
		_, err := lambda.NewFromConfig(w.config).DeleteFunction(w.t.Context(), &lambda.DeleteFunctionInput{FunctionName: sdk.String("buffered")})
		return err
	}},
	{"delete the function with a URL", func(w *world) error {
		_, err := lambda.NewFromConfig(w.config).DeleteFunction(w.t.Context(), &lambda.DeleteFunctionInput{FunctionName: sdk.String("open")})
		return err
	}},
}

func (w *world) deleteQueue(name string) error {
	client := sqs.NewFromConfig(w.config)
	queue, err := client.GetQueueUrl(w.t.Context(), &sqs.GetQueueUrlInput{QueueName: &name})
	w.must(err)
	_, err = client.DeleteQueue(w.t.Context(), &sqs.DeleteQueueInput{QueueUrl: queue.QueueUrl})
	return err
}

func (w *world) deleteMappings() error {
	client := lambda.NewFromConfig(w.config)
	all, err := client.ListEventSourceMappings(w.t.Context(), &lambda.ListEventSourceMappingsInput{})
	w.must(err)
	for _, m := range all.EventSourceMappings {
		if _, err := client.DeleteEventSourceMapping(w.t.Context(), &lambda.DeleteEventSourceMappingInput{UUID: m.UUID}); err != nil {
			return err
		}
	}
	return nil
}

func (w *world) deleteGroup(name string) error {
	client := scheduler.NewFromConfig(w.config)
	_, err := client.DeleteScheduleGroup(w.t.Context(), &scheduler.DeleteScheduleGroupInput{Name: &name})
	if err != nil {
		return err
	}
	eventually(w.t, "the group's end", func() bool {
		group, err := client.GetScheduleGroup(w.t.Context(), &scheduler.GetScheduleGroupInput{Name: &name})
		return err != nil || group.State != schedulertypes.ScheduleGroupStateDeleting
	})
	return nil
}

func (w *world) forbid(function, statement string) error {
	_, err := lambda.NewFromConfig(w.config).RemovePermission(w.t.Context(), &lambda.RemovePermissionInput{FunctionName: &function, StatementId: &statement})
	return err
}

func (w *world) apis() *apigatewayv2.Client { return apigatewayv2.NewFromConfig(w.config) }

// apiID is the id of the only API of a name.
func (w *world) apiID(name string) *string {
	w.t.Helper()
	all, err := w.apis().GetApis(w.t.Context(), &apigatewayv2.GetApisInput{})
	w.must(err)
	var id *string
	for _, a := range all.Items {
		if *a.Name != name {
			continue
		}
		if id != nil {
			w.t.Fatalf("two APIs are named %s", name)
		}
		id = a.ApiId
	}
	if id == nil {
		w.t.Fatalf("no API is named %s", name)
	}
	return id
}

func (w *world) deleteRoutes() error {
	id := w.apiID("images")
	routes, err := w.apis().GetRoutes(w.t.Context(), &apigatewayv2.GetRoutesInput{ApiId: id})
	w.must(err)
	for _, r := range routes.Items {
		if _, err := w.apis().DeleteRoute(w.t.Context(), &apigatewayv2.DeleteRouteInput{ApiId: id, RouteId: r.RouteId}); err != nil {
			return err
		}
	}
	return nil
}

// TestOneApplyRepairsWhatStartsFunctions deletes one thing at a time, and once again before everything is destroyed.
func TestOneApplyRepairsWhatStartsFunctions(t *testing.T) {
	w := newWorld(t)
	before := w.inventory()
	p := w.project(w.load(everyStart))
	for _, change := range startsByHand {
		t.Run(change.name, func(t *testing.T) {
			here := *w
			here.t = t
			here.converge(p)
			here.must(change.do(&here))
			if !here.mustPlan(p).HasChanges() {
				t.Fatal("the change goes unseen")
			}
			here.converge(p)
			here.must(change.do(&here))
			here.destroyAll(p)
			here.sameAs(before)
		})
	}
}

// sameAs expects the account to be as it was.
func (w *world) sameAs(before inventory) {
	w.t.Helper()
	if diff := cmp.Diff(before, w.inventory()); diff != "" {
		w.t.Errorf("the account is not as it was:\n%s", diff)
	}
}
