package lifecycle

import (
	"strings"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/apigatewayv2"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/scar-go/scar/planner"
)

// fixed are the fields that cannot change in place, and why. Every other field of every value is changed by
// TestEveryFieldOfEveryValue.
var fixed = map[string]string{
	"bucket.name":             "the address",
	"bucket.region":           "a bucket elsewhere is refused",
	"repository.name":         "the address",
	"image.repository":        "the address",
	"image.tag":               "the address",
	"parameter.name":          "the address",
	"queue.name":              "the address",
	"log_group.name":          "the address",
	"role.name":               "the address",
	"role.path":               "computed from the project",
	"function.name":           "the address",
	"function.package_type":   "always Image; the replacement is tested in the planner",
	"invoke_config.function":  "the address",
	"permission.function":     "the address",
	"permission.statement_id": "the address",
	"trigger.bucket":          "the address",
	"trigger.id":              "the address",
	"event_source.function":   "the address",
	"event_source.queue":      "the address",
	"schedule_group.name":     "the address",
	"schedule.group":          "the address",
	"schedule.name":           "the address",
	"function_url.function":   "the address",
	"http_api.name":           "the address",
}

// other is another value of a field: where it is put, and what there cannot be without it.
type other struct {
	to   any
	on   string         // name of the resource; empty: the one that subjects names
	with map[string]any // fields of the same resource that have to change along
}

// subjects are the resources of the whole file whose fields are changed, by kind.
func (w *world) subjects() map[planner.Kind]string {
	return map[planner.Kind]string{
		planner.KindBucket:        "whole-photos",
		planner.KindRepository:    "scar/whole",
		planner.KindImage:         "direct",
		planner.KindParameter:     "/scar/whole/direct/BROUGHT",
		planner.KindQueue:         planner.QueueName("whole", "buffered"),
		planner.KindLogGroup:      "/aws/lambda/direct",
		planner.KindRole:          planner.RoleName("direct", w.naming.Region),
		planner.KindFunction:      "direct",
		planner.KindInvokeConfig:  "taking",
		planner.KindPermission:    "direct/" + planner.StatementID("whole", "whole-photos"),
		planner.KindTrigger:       "whole-photos/" + planner.RuleID("whole", "direct", "whole-photos", "in/", ".png", []string{"s3:ObjectCreated:*"}),
		planner.KindEventSource:   "buffered/" + planner.QueueName("whole", "buffered"),
		planner.KindScheduleGroup: "scar-whole",
		planner.KindSchedule:      "scar-whole/direct",
		planner.KindFunctionURL:   "direct",
		planner.KindHTTPAPI:       "whole",
	}
}

// others are the values that fields are changed to, where a change of the text will not do. Those of
// images and tags are made in the test.
func (w *world) others(v map[string]string) map[string]other {
	otherPolicy := planner.Policy{Version: "2012-10-17", Statements: []planner.Statement{{
		Sid: "Other", Effect: "Allow", Action: planner.StringList{"s3:GetObject"}, Resource: planner.StringList{"arn:aws:s3:::other/*"},
	}}}
	otherTrust := planner.Policy{Version: "2012-10-17", Statements: []planner.Statement{{
		Effect: "Allow", Action: planner.StringList{"sts:AssumeRole"},
		Principal: planner.StringLists{"Service": {"lambda.amazonaws.com"}},
	}}}
	deadLetter := planner.DeadLetterName("whole", "buffered")
	another := "arn:aws:iam::" + w.naming.Account + ":role/" + anotherRole
	return map[string]other{
		"log_group.retention_days":   {to: 14},
		"role.trust":                 {to: otherTrust},
		"role.policy":                {to: otherPolicy},
		"function.entrypoint":        {to: []string{"/bin/other"}},
		"function.command":           {to: []string{"--other"}},
		"function.working_directory": {to: "/other"},
		"function.role":              {to: another},
		"function.memory":            {to: 2048},
		"function.timeout":           {to: 30},
		"function.ephemeral_storage": {to: 2048},
		"function.environment":       {to: map[string]string{"OTHER": "1"}},
		"function.log_group":         {to: "/aws/lambda/other"},
		"function.log_format":        {to: "Text", with: map[string]any{"log_level": "", "system_log_level": ""}},
		"function.log_level":         {to: "WARN"},
		"function.system_log_level":  {to: "WARN"},
		"function.subnets":           {to: []string{v["SUBNET_A"]}},
		"function.security_groups":   {to: []string{v["OTHER_GROUP"]}},
		"function.mounts":            {to: map[string]string{"/mnt/other": v["ACCESS_POINT"]}},
		"function.concurrency":       {to: 7},

		"invoke_config.attempts":   {to: 1},
		"invoke_config.max_age":    {to: 120},
		"invoke_config.on_failure": {to: v["QUEUE"]},
		"invoke_config.on_success": {to: v["QUEUE"]},

		"permission.action":                   {to: "lambda:InvokeAsync"},
		"permission.principal":                {to: "sns.amazonaws.com"},
		"permission.source_arn":               {to: "arn:aws:s3:::whole-scans"},
		"permission.source_account":           {to: "111111111111"},
		"permission.function_url_auth_type":   {to: planner.AuthIAM, on: "direct/scar-whole-url"},
		"permission.invoked_via_function_url": {to: false, on: "direct/scar-whole-url-invoke"},

		"parameter.type": {to: "String"},

		"trigger.events": {to: []string{"s3:ObjectCreated:Put"}},
		"trigger.prefix": {to: "other/"},
		"trigger.suffix": {to: ".other"},

		"queue.visibility_timeout": {to: 3600, on: deadLetter},
		"queue.retention":          {to: 600, on: deadLetter},
		"queue.max_receives":       {to: 7},
		"queue.dead_letter":        {to: v["QUEUE"]},
		"queue.encrypted":          {to: false, on: deadLetter},
		"queue.policy":             {to: otherQueuePolicy(w.naming)},

		"event_source.batch_size":      {to: 1},
		"event_source.max_concurrency": {to: 2},
		"event_source.report_failures": {to: false},
		"event_source.enabled":         {to: false},
		"event_source.filters":         {to: []string{`{"body":{"a":["b"]}}`}},
		"event_source.batching_window": {to: 60},

		"schedule.expression": {to: "rate(2 hours)"},
		"schedule.timezone":   {to: "Asia/Tokyo"},
		"schedule.target":     {to: w.naming.FunctionARN("direct") + ":1"},
		"schedule.role":       {to: another},
		"schedule.input":      {to: `{"by":"hand"}`},
		"schedule.max_age":    {to: 60},
		"schedule.attempts":   {to: 0},
		"schedule.window":     {to: 15},
		"schedule.enabled":    {to: false},

		"function_url.auth":                   {to: planner.AuthNone, on: "taking"},
		"function_url.invoke_mode":            {to: "RESPONSE_STREAM"},
		"function_url.cors.allow_origins":     {to: []string{"https://other.example"}},
		"function_url.cors.allow_methods":     {to: []string{"PUT"}},
		"function_url.cors.allow_headers":     {to: []string{"x-other"}},
		"function_url.cors.expose_headers":    {to: []string{"x-other"}},
		"function_url.cors.allow_credentials": {to: false},
		"function_url.cors.max_age":           {to: 60},

		"http_api.function":               {to: w.naming.FunctionARN("taking")},
		"http_api.auth":                   {to: planner.AuthIAM},
		"http_api.timeout_ms":             {to: 5000},
		"http_api.payload":                {to: "1.0"},
		"http_api.cors.allow_origins":     {to: []string{"https://other.example"}},
		"http_api.cors.allow_methods":     {to: []string{"PUT"}},
		"http_api.cors.allow_headers":     {to: []string{"x-other"}},
		"http_api.cors.expose_headers":    {to: []string{"x-other"}},
		"http_api.cors.allow_credentials": {to: false},
		"http_api.cors.max_age":           {to: 60},
	}
}

func otherQueuePolicy(n planner.Naming) planner.Policy {
	return planner.Policy{Version: "2012-10-17", Statements: []planner.Statement{{
		Sid: "Other", Effect: "Allow", Principal: planner.StringLists{"Service": {"sns.amazonaws.com"}},
		Action: planner.StringList{"sqs:SendMessage"}, Resource: planner.StringList{n.QueueARN(planner.QueueName("whole", "buffered"))},
	}}}
}

// bySDK are the fields that no plan can set to another value, and how somebody else does.
func (w *world) bySDK() map[string]func() error {
	ctx := w.t.Context()
	return map[string]func() error{
		"trigger.target": func() error {
			client := w.s3()
			out, err := client.GetBucketNotificationConfiguration(ctx, &s3.GetBucketNotificationConfigurationInput{Bucket: sdk.String("whole-photos")})
			if err != nil {
				return err
			}
			for i, rule := range out.LambdaFunctionConfigurations {
				if strings.HasSuffix(w.subjects()[planner.KindTrigger], *rule.Id) {
					out.LambdaFunctionConfigurations[i].LambdaFunctionArn = sdk.String(w.naming.FunctionARN("direct") + ":7")
				}
			}
			_, err = client.PutBucketNotificationConfiguration(ctx, &s3.PutBucketNotificationConfigurationInput{
				Bucket: sdk.String("whole-photos"), SkipDestinationValidation: sdk.Bool(true),
				NotificationConfiguration: &s3types.NotificationConfiguration{LambdaFunctionConfigurations: out.LambdaFunctionConfigurations},
			})
			return err
		},
		"http_api.invoke": func() error {
			_, err := lambda.NewFromConfig(w.config).RemovePermission(ctx, &lambda.RemovePermissionInput{
				FunctionName: sdk.String("buffered"), StatementId: sdk.String(planner.APIStatementID("whole")),
			})
			return err
		},
		"http_api.deploy": func() error {
			_, err := w.apis().DeleteStage(ctx, &apigatewayv2.DeleteStageInput{ApiId: w.apiID("whole"), StageName: sdk.String("$default")})
			return err
		},
	}
}
