package aws

import (
	"slices"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/lambda"
	lambdatypes "github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/aws/aws-sdk-go-v2/service/scheduler"
	"github.com/aws/aws-sdk-go-v2/service/scheduler/types"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	ssmtypes "github.com/aws/aws-sdk-go-v2/service/ssm/types"

	"github.com/scar-go/scar/planner"
	"github.com/scar-go/scar/spec"
)

// everything is a function that starts in every way, says what becomes of what it fails on, and has a secret that its file brings.
func everything(name string) spec.Function {
	f := function(name, input("photos-of-all", name+"/"))
	f.Secrets = map[string]spec.Secret{"TOKEN": {}} // its project says where
	f.Queue = &spec.Queue{BatchSize: 10, MaxConcurrency: 5, Attempts: 4}
	f.Schedule = &spec.Schedule{Expression: "rate(1 hour)", Timezone: "UTC"}
	f.HTTP = &spec.HTTP{Auth: "none", CORS: &spec.CORS{Origins: []string{"https://a.example"}, Methods: []string{"GET", "POST"}, Headers: []string{"x-a"}, MaxAge: 60}}
	f.Retries = spec.Retries{Attempts: 1, MaxAge: 120}
	f.OnFailure = "s3://failed-of-all"
	f.Concurrency, f.ConcurrencyManaged = 3, true
	return f
}

// testStarts is the way of a function that starts in every way: made, changed, repaired, started in fewer ways, destroyed.
// It returns the project as it was applied first.
func testStarts(t *testing.T, a account) {
	api := function("api")
	api.HTTP = &spec.HTTP{API: "images", Auth: "iam"}
	p := a.project(t, "imaging", everything("grayify"), api)
	if a.gaps.noInvokedViaURL {
		p.file.Functions[0].HTTP.Auth = "iam"
	}
	plan := p.apply()
	for _, kind := range planner.Kinds() {
		if kind == planner.KindPermission && a.gaps.noInvokedViaURL {
			continue
		}
		if !slices.ContainsFunc(plan.Changes, func(c planner.Change) bool { return c.Kind == kind && c.Action == planner.Create }) {
			t.Errorf("nothing of kind %s was made", kind)
		}
	}

	t.Log("every setting changes")
	f := &p.file.Functions[0]
	f.Timeout = 60
	f.Queue = &spec.Queue{BatchSize: 5, Attempts: 7}
	f.Schedule = &spec.Schedule{Expression: "cron(0 3 * * ? *)", Timezone: "Europe/Madrid"}
	f.HTTP = &spec.HTTP{Auth: "iam"}
	f.Retries.Attempts, f.OnFailure = 0, ""
	if a.gaps.staleUpdates {
		f.HTTP.CORS = &spec.CORS{Origins: []string{"https://b.example"}, Methods: []string{"GET"}, Headers: []string{"x-b"}, MaxAge: 61}
	}
	if a.gaps.staleInvoking {
		f.Retries.Attempts, f.OnFailure = 1, "s3://failed-of-all"
	}
	f.Concurrency = spec.Unreserved
	p.file.Parameters[0].Value = spec.Seal("another secret")
	f.Inputs = []spec.Input{input("scans-of-all", "in/")}
	p.file.Functions[1].HTTP = &spec.HTTP{API: "images", Auth: "none", CORS: &spec.CORS{Origins: []string{"*"}, Methods: []string{"*"}, Headers: []string{"*"}}}
	got := actions(p.apply())
	want := map[string]planner.Action{
		"queue/scar-imaging_grayify": planner.Update, "event_source/grayify": planner.Update, "schedule/scar-imaging": planner.Update,
		"parameter/":           planner.Update,
		"function_url/grayify": planner.Update, "invoke_config/grayify": planner.Update, "http_api/images": planner.Update, "function/grayify": planner.Update,
		"trigger/photos-of-all": planner.Delete, "trigger/scans-of-all": planner.Create,
	}
	for address, action := range want {
		if a.gaps.staleInvoking && address == "invoke_config/grayify" {
			continue
		}
		if got[address] != action {
			t.Errorf("%s: %q, want %q", address, got[address], action)
		}
	}

	t.Log("somebody changes things by hand")
	a.meddle(t, p)
	got = actions(p.apply())
	for _, address := range []string{"queue/scar-imaging_grayify", "queue/scar_dead-imaging_grayify", "event_source/grayify", "schedule/scar-imaging", "schedule_group/scar-imaging", "parameter/"} {
		if got[address] == "" {
			t.Errorf("%s was not repaired: %v", address, got)
		}
	}

	t.Log("the function starts in fewer ways")
	f.Secrets, p.file.Parameters = nil, nil
	f.Queue, f.Schedule, f.HTTP, f.Retries, f.OnFailure = nil, nil, nil, spec.Retries{Attempts: 2, MaxAge: 21600}, ""
	p.file.Functions = p.file.Functions[:1]
	got = actions(p.apply())
	for address, action := range map[string]planner.Action{
		"trigger/scans-of-all": planner.Update, "permission/grayify": planner.Create, "event_source/grayify": planner.Delete,
		"queue/scar-imaging_grayify": planner.Delete, "queue/scar_dead-imaging_grayify": planner.Delete, "schedule/scar-imaging": planner.Delete,
		"schedule_group/scar-imaging": planner.Delete, "function_url/grayify": planner.Delete, "invoke_config/grayify": planner.Delete,
		"http_api/images": planner.Delete, "parameter/": planner.Delete, "role/scar-grayify.schedule-" + a.naming.Region: planner.Delete,
	} {
		if got[address] != action {
			t.Errorf("%s: %q, want %q", address, got[address], action)
		}
	}

	t.Log("destroy")
	p.opts = planner.Options{Destroy: true, DeleteBuckets: true}
	p.apply()
	if left := p.plan(); len(left.Changes) != 0 {
		t.Errorf("left: %v", left.Changes)
	}
}

// meddle changes by hand what the project has.
func (a account) meddle(t *testing.T, p *project) {
	t.Helper()
	queues, mappings, times := sqs.NewFromConfig(a.cfg), lambda.NewFromConfig(a.cfg), scheduler.NewFromConfig(a.cfg)
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	set := func(name string, attributes map[string]string) {
		url, err := queues.GetQueueUrl(t.Context(), &sqs.GetQueueUrlInput{QueueName: &name})
		must(err)
		_, err = queues.SetQueueAttributes(t.Context(), &sqs.SetQueueAttributesInput{QueueUrl: url.QueueUrl, Attributes: attributes})
		must(err)
	}
	set(planner.QueueName("imaging", "grayify"), map[string]string{"RedrivePolicy": "", "Policy": "", "VisibilityTimeout": "90"})
	set(planner.DeadLetterName("imaging", "grayify"), map[string]string{"MessageRetentionPeriod": "60"})

	found, err := mappings.ListEventSourceMappings(t.Context(), &lambda.ListEventSourceMappingsInput{FunctionName: ptr("grayify")})
	must(err)
	if len(found.EventSourceMappings) != 1 {
		t.Fatalf("%d event source mappings", len(found.EventSourceMappings))
	}
	m := found.EventSourceMappings[0]
	_, err = mappings.UpdateEventSourceMapping(t.Context(), &lambda.UpdateEventSourceMappingInput{
		UUID: m.UUID, Enabled: ptr(false), BatchSize: ptr(int32(1)), FunctionResponseTypes: []lambdatypes.FunctionResponseType{},
	})
	must(err)

	group := planner.ScheduleGroupName("imaging")
	is, err := times.GetSchedule(t.Context(), &scheduler.GetScheduleInput{GroupName: &group, Name: ptr("grayify")})
	must(err)
	target := *is.Target
	target.Input, target.RetryPolicy = ptr(`{"by":"hand"}`), &types.RetryPolicy{MaximumRetryAttempts: ptr(int32(0)), MaximumEventAgeInSeconds: ptr(int32(60))}
	_, err = times.UpdateSchedule(t.Context(), &scheduler.UpdateScheduleInput{
		GroupName: &group, Name: ptr("grayify"), ScheduleExpression: ptr("rate(1 minute)"), State: types.ScheduleStateDisabled, Target: &target,
		FlexibleTimeWindow: &types.FlexibleTimeWindow{Mode: types.FlexibleTimeWindowModeFlexible, MaximumWindowInMinutes: ptr(int32(5))},
	})
	must(err)
	secret := planner.ParameterPath("imaging") + "grayify/TOKEN"
	parameters := ssm.NewFromConfig(a.cfg)
	_, err = parameters.PutParameter(t.Context(), &ssm.PutParameterInput{
		Name: &secret, Type: ssmtypes.ParameterTypeSecureString, Value: ptr("by hand"), Overwrite: ptr(true)})
	must(err)
	_, err = parameters.RemoveTagsFromResource(t.Context(), &ssm.RemoveTagsFromResourceInput{
		ResourceType: ssmtypes.ResourceTypeForTaggingParameter, ResourceId: &secret, TagKeys: []string{"scar:function"}})
	must(err)
	_, err = times.TagResource(t.Context(), &scheduler.TagResourceInput{
		ResourceArn: ptr(a.naming.ScheduleGroupARN(group)), Tags: schedulerTags(planner.Tags{"team": "by hand"})})
	must(err)
}

func TestLocalStarts(t *testing.T) {
	t.Parallel()
	testStarts(t, startLocal(t, nil))
}
