package view

import (
	"fmt"
	"reflect"
	"slices"
	"testing"

	"github.com/scar-go/scar/planner"
)

// triggered is a plan with the kinds of a function that uses every trigger, made, changed and removed.
func triggered() *planner.Plan {
	const arn = "arn:aws:lambda:eu-west-1:000000000000:function:grayify"
	policy := planner.Policy{Version: "2012-10-17", Statements: []planner.Statement{{
		Sid: "FromBuckets", Effect: "Allow", Principal: planner.StringLists{"Service": {"s3.amazonaws.com"}},
		Action: planner.StringList{"sqs:SendMessage"}, Resource: planner.StringList{"arn:aws:sqs:eu-west-1:000000000000:scar-imaging_grayify"},
		Condition: planner.Conditions{"ArnEquals": {"aws:SourceArn": {"arn:aws:s3:::photos"}}, "StringEquals": {"aws:SourceAccount": {"000000000000"}}},
	}}}
	wider := planner.Policy{Version: policy.Version, Statements: slices.Clone(policy.Statements)}
	wider.Statements[0].Condition = planner.Conditions{"ArnEquals": {"aws:SourceArn": {"arn:aws:s3:::photos", "arn:aws:s3:::scans"}}, "StringEquals": {"aws:SourceAccount": {"000000000000"}}}
	dead := planner.Queue{Name: "scar_dead-imaging_grayify", VisibilityTimeout: 30, Retention: 1209600, Encrypted: true, Tags: planner.Tags{"scar:project": "imaging"}}
	queue := planner.Queue{
		Name: "scar-imaging_grayify", VisibilityTimeout: 1800, Retention: 345600, MaxReceives: 5,
		DeadLetter: "arn:aws:sqs:eu-west-1:000000000000:scar_dead-imaging_grayify", Encrypted: true, Policy: policy, Tags: planner.Tags{"scar:project": "imaging"},
	}
	longer := queue
	longer.VisibilityTimeout, longer.Policy = 5400, wider
	function := planner.Function{
		Name: "grayify", PackageType: "Image", Memory: 512, LogFormat: "JSON", LogLevel: "TRACE", SystemLogLevel: "INFO",
		Subnets: []string{"subnet-1", "subnet-2"}, SecurityGroups: []string{"sg-1"},
		Mounts:      map[string]string{"/mnt/data": "arn:aws:elasticfilesystem:eu-west-1:000000000000:access-point/fsap-1"},
		Concurrency: 0,
	}
	wide := function
	wide.Concurrency, wide.Subnets = 5, nil
	for i := range 8 {
		wide.Subnets = append(wide.Subnets, fmt.Sprintf("subnet-0123456789abcdef%d", i))
	}
	moved := wide
	moved.Subnets = append(slices.Clone(wide.Subnets[:7]), "subnet-0fedcba9876543210")
	free := function
	free.Concurrency, free.Subnets, free.SecurityGroups, free.Mounts = planner.Unreserved, nil, nil, nil
	quiet := planner.InvokeConfig{Function: "grayify", Attempts: 0, MaxAge: 3600, OnFailure: "arn:aws:s3:::failed"}
	told := quiet
	told.Attempts, told.OnFailure = 1, ""
	source := planner.EventSource{Function: "grayify", Queue: longer.Policy.Statements[0].Resource[0], BatchSize: 10, MaxConcurrency: 50, ReportFailures: true, Enabled: true}
	slower := source
	slower.MaxConcurrency, slower.Enabled = 0, false
	group := planner.ScheduleGroup{Name: "scar-imaging", Tags: planner.Tags{"scar:project": "imaging"}}
	schedule := planner.Schedule{
		Group: "scar-imaging", Name: "grayify", Expression: "cron(0 3 * * ? *)", Timezone: "Europe/Madrid", Target: arn,
		Role: "arn:aws:iam::000000000000:role/scar/imaging/scar-grayify.schedule-eu-west-1", MaxAge: 86400, Attempts: 185, Enabled: true,
	}
	hourly := schedule
	hourly.Expression, hourly.Timezone = "rate(1 hour)", "UTC"
	cors := planner.CORS{AllowOrigins: []string{"https://a.example", "https://b.example"}, AllowMethods: []string{"GET", "POST"}, AllowHeaders: []string{"*"}, AllowCredentials: true, MaxAge: 600}
	url := planner.FunctionURL{Function: "grayify", Auth: planner.AuthNone, InvokeMode: "BUFFERED", CORS: cors}
	closed := url
	closed.Auth, closed.CORS = planner.AuthIAM, planner.CORS{AllowOrigins: []string{"*"}}
	api := planner.HTTPAPI{Name: "images", Function: arn, Auth: planner.AuthIAM, Timeout: 30000, Payload: "2.0", CORS: cors, Invoke: true, Deploy: true}
	broken := api
	broken.Invoke, broken.CORS = false, planner.CORS{}
	open := planner.Permission{Function: "grayify", StatementID: "scar-imaging-url", Action: "lambda:InvokeFunctionUrl", Principal: "*", FunctionURLAuthType: "NONE"}
	invoke := planner.Permission{Function: "grayify", StatementID: "scar-imaging-url-invoke", Action: "lambda:InvokeFunction", Principal: "*", InvokedViaFunctionURL: true}

	const token, key = "/scar/imaging/grayify/TOKEN", "/scar/imaging/storage/minio.lab/secret_key"
	parameter := planner.Parameter{Name: token, Type: "SecureString", Digest: "hunter2", Tags: planner.Tags{"scar:project": "imaging"}}
	typed, secret := parameter, parameter
	typed.Name, typed.Type = key, "String"
	secret.Name, secret.Digest = key, "hunter3"

	retyped := changed(key, typed, secret)
	retyped.Action = planner.Replace
	changes := []planner.Change{
		made(token, parameter), retyped, gone("/scar/imaging/old/TOKEN", parameter),
		made("scar-imaging_grayify", queue), changed("scar-imaging_wide", queue, longer), gone("scar_dead-imaging_grayify", dead),
		made("grayify", function), changed("free", function, free), changed("placed", free, function),
		made("wide", wide), changed("moved", wide, moved),
		made("grayify", quiet), changed("told", quiet, told), gone("gone", told),
		made("grayify/scar-imaging-url", open), made("grayify/scar-imaging-url-invoke", invoke),
		made("grayify/scar-imaging_grayify", source), changed("slower/scar-imaging_slower", source, slower), gone("gone/scar-imaging_gone", source),
		made("scar-imaging", group), made("scar-imaging/grayify", schedule), changed("scar-imaging/hourly", schedule, hourly),
		made("grayify", url), changed("closed", url, closed), made("images", api), changed("broken", broken, api), gone("old", api),
	}
	kept := gone("scar-shared", group)
	kept.Action, kept.Reason = planner.Retain, planner.ReasonInUse
	changes = append(changes, kept)
	lost := changed("lost", broken, api)
	lost.Reason = planner.ReasonWithFunction
	changes = append(changes, lost)
	slices.SortStableFunc(changes, func(a, b planner.Change) int { return a.Compare(b.Address) })
	at := func(k planner.Kind, name string) planner.Address { return planner.Address{Kind: k, Name: name} }
	return &planner.Plan{
		Project: "imaging", Account: "000000000000", Region: "eu-west-1", Changes: changes, Preheat: []string{"grayify", "wide"},
		Warnings: []planner.Warning{
			{Address: at(planner.KindQueue, "scar_dead-imaging_grayify"), Message: "what the function grayify could not process is lost with it: take out first what you need"},
			{Address: at(planner.KindFunctionURL, "grayify"), Message: "everybody who knows the address can call it (auth: none)"},
		},
	}
}

func made(name string, v planner.Value) planner.Change {
	return planner.Change{Address: planner.Address{Kind: v.Kind(), Name: name}, Action: planner.Create, Reason: planner.ReasonAbsent, After: v, Fields: planner.Diff(nil, v)}
}

func changed(name string, before, after planner.Value) planner.Change {
	return planner.Change{
		Address: planner.Address{Kind: after.Kind(), Name: name}, Action: planner.Update, Reason: planner.ReasonDiffers,
		Before: before, After: after, Fields: planner.Diff(before, after),
	}
}

func gone(name string, v planner.Value) planner.Change {
	return planner.Change{Address: planner.Address{Kind: v.Kind(), Name: name}, Action: planner.Delete, Reason: planner.ReasonNotInFile, Before: v, Fields: planner.Diff(v, nil)}
}

// TestPlansShowEveryKind keeps the goldens complete: a kind that is in none of them was never looked at.
func TestPlansShowEveryKind(t *testing.T) {
	seen := map[planner.Kind]bool{}
	for _, p := range []*planner.Plan{everything(), triggered()} {
		for _, c := range p.Changes {
			seen[c.Kind] = true
		}
	}
	for _, k := range planner.Kinds() {
		if !seen[k] && k != planner.KindRepository { // it looks as a bucket does
			t.Errorf("no golden file shows a change of a %s", k)
		}
	}
}

func TestAttributesTellZeroFromNothing(t *testing.T) {
	names := func(v planner.Value) (out []string) {
		for _, a := range attributes(v) {
			out = append(out, a.name)
		}
		return out
	}
	if got := names(planner.Function{Name: "f", Concurrency: 0}); !slices.Contains(got, "concurrency") {
		t.Errorf("a function that never runs shows %q", got)
	}
	if got := names(planner.Function{Name: "f", Concurrency: planner.Unreserved, Subnets: []string{}}); !reflect.DeepEqual(got, []string{"name"}) {
		t.Errorf("a function for which nothing is reserved shows %q", got)
	}
}
