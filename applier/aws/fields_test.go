package aws

import (
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/scar-go/scar/planner"
)

// mutations has, for each kind of value, a valid value and for each field that can change in place
// another value of it. Fields that cannot are left out: they are marked in the struct.
func mutations() []mutation {
	tags := planner.Tags{"scar:project": "imaging", "new": "tag"}
	other := planner.Policy{Version: "2012-10-17", Statements: []planner.Statement{{
		Effect: "Allow", Principal: planner.StringLists{"Service": {"lambda.amazonaws.com"}}, Action: planner.StringList{"sts:AssumeRole"},
		Condition: planner.Conditions{"StringEquals": {"aws:SourceAccount": {testNaming.Account}}},
	}}}
	rights := planner.Policy{Version: "2012-10-17", Statements: []planner.Statement{{
		Effect: "Allow", Action: planner.StringList{"s3:GetObject", "s3:PutObject"}, Resource: planner.StringList{"arn:aws:s3:::b/x/*"},
	}}}
	return []mutation{
		{results(), map[string]any{"Tags": tags}},
		{planner.Repository{Name: "scar/imaging", Tags: planner.Tags{"scar:project": "imaging"}}, map[string]any{"Tags": tags}},
		{testParameter("first"), map[string]any{"Digest": testParameter("second").Digest, "Tags": tags}},
		{planner.LogGroup{Name: "/aws/lambda/grayify", RetentionDays: 30, Tags: planner.Tags{"scar:project": "imaging"}},
			map[string]any{"RetentionDays": 7, "Tags": tags}},
		{testRole(), map[string]any{"Description": "changed", "Trust": other, "Policy": rights, "Tags": tags}},
		{grayifyInJSON(), map[string]any{
			"Description": "changed", "Image": testNaming.ImageURI("scar/imaging", "sha256:2"), "Entrypoint": []string{"/x"}, "Command": []string{"a", "b"},
			"WorkingDirectory": "/y", "Role": testNaming.RoleARN("imaging", "other"), "Memory": 1024, "Timeout": 31, "EphemeralStorage": 1024,
			"Architecture": "arm64", "Environment": map[string]string{"B": "2"}, "LogGroup": "/other",
			"LogFormat": nil, // is changed together with the levels, by a test of its own
			"LogLevel":  "DEBUG", "SystemLogLevel": "WARN",
			"Subnets": []string{"subnet-1", "subnet-2"}, "SecurityGroups": []string{"sg-1"}, "Concurrency": 3, "Tags": tags,
			"Mounts": map[string]string{"/mnt/data": "arn:aws:elasticfilesystem:eu-west-1:123456789012:access-point/fsap-1"},
		}},
		{planner.InvokeConfig{Function: "grayify", Attempts: 1, MaxAge: 60, OnFailure: testNaming.BucketARN("failed")}, map[string]any{
			"Attempts": 2, "MaxAge": 120, "OnFailure": testNaming.QueueARN("failed"), "OnSuccess": testNaming.QueueARN("done"),
		}},
		{planner.FunctionURL{Function: "grayify", Auth: planner.AuthIAM, InvokeMode: "BUFFERED"}, map[string]any{
			"Auth": planner.AuthNone, "InvokeMode": "RESPONSE_STREAM", "CORS": testCORS(),
		}},
		{planner.HTTPAPI{
			Name: "images", Function: testNaming.FunctionARN("grayify"), Auth: planner.AuthNone, Timeout: 30000, Payload: "2.0", Invoke: true, Deploy: true,
			Tags: planner.Tags{"scar:project": "imaging", "scar:function": "grayify"},
		}, map[string]any{
			"Function": testNaming.FunctionARN("blur"), "Auth": planner.AuthIAM, "Timeout": 5000, "Payload": "1.0", "CORS": testCORS(), "Tags": tags,
			"Invoke": nil, "Deploy": nil, // of what is wanted they are always true
		}},
		{permissionFor("photos"), map[string]any{
			"Action": "lambda:GetFunction", "Principal": "sns.amazonaws.com", "SourceARN": "arn:aws:s3:::other", "SourceAccount": "210987654321",
			"FunctionURLAuthType": "NONE", "InvokedViaFunctionURL": true,
		}},
		{testQueue(), map[string]any{
			"VisibilityTimeout": 60, "Retention": 60, "MaxReceives": 7, "DeadLetter": testNaming.QueueARN("other"),
			"Encrypted": false, "Policy": queuePolicy("photos", "scans"), "Tags": tags,
		}},
		{testEventSource(), map[string]any{"BatchSize": 1, "MaxConcurrency": 3, "ReportFailures": false, "Enabled": false, "Tags": tags,
			"Filters": []string{`{"body":{"a":[1]}}`, `{"body":{"b":[1]}}`}, "BatchingWindow": 20}},
		{planner.ScheduleGroup{Name: planner.ScheduleGroupName("imaging"), Tags: planner.Tags{"scar:project": "imaging"}}, map[string]any{"Tags": tags}},
		{testSchedule(), map[string]any{
			"Expression": "cron(0 3 * * ? *)", "Timezone": "Asia/Tokyo", "Target": testNaming.FunctionARN("grayify") + ":1", "Role": testNaming.RoleARN("imaging", "other"),
			"Input": `{"a":1}`, "MaxAge": 60, "Attempts": 3, "Window": 15, "Enabled": false,
		}},
		{triggerFor("a/"), map[string]any{
			"Target": testNaming.QueueARN(planner.QueueName("imaging", "grayify")), "Events": []string{"s3:ObjectRemoved:*"}, "Prefix": "b/", "Suffix": "",
		}},
	}
}

func grayifyInJSON() planner.Function {
	f := grayify()
	f.LogFormat, f.LogLevel, f.SystemLogLevel = "JSON", "TRACE", "INFO"
	return f
}

// TestTheFormOfLogsCanBeChanged changes it with the levels: Lambda has none for text.
func TestTheFormOfLogsCanBeChanged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { changeAndBack(t, grayify(), grayifyInJSON()) })
}

func testCORS() planner.CORS {
	return planner.CORS{
		AllowOrigins: []string{"https://a.example"}, AllowMethods: []string{"GET", "POST"}, AllowHeaders: []string{"x-a"},
		ExposeHeaders: []string{"x-b"}, AllowCredentials: true, MaxAge: 60,
	}
}

// mutation is a valid value and other values for its fields.
type mutation struct {
	value  planner.Value
	fields map[string]any
}

// TestEveryFieldOfEveryValueCanBeChanged changes each field to another value and to its zero value, and
// back. Do itself ends in an error if a field does not read as it was written.
func TestEveryFieldOfEveryValueCanBeChanged(t *testing.T) {
	kinds := map[planner.Kind]bool{planner.KindImage: true} // its digest is what the tests of images change
	for _, m := range mutations() {
		value, fields := m.value, m.fields
		kinds[value.Kind()] = true
		t.Run(string(value.Kind()), func(t *testing.T) {
			checkAllFieldsAreThere(t, value, fields)
			for _, name := range slices.Sorted(maps.Keys(fields)) {
				for _, changed := range []planner.Value{with(value, name, fields[name]), with(value, name, nil)} {
					if fields[name] == nil {
						continue
					}
					if !mayBeZero(value.Kind(), name) && reflect.ValueOf(changed).FieldByName(name).IsZero() {
						continue
					}
					synctest.Test(t, func(t *testing.T) { changeAndBack(t, value, changed) })
				}
			}
		})
	}
	for _, k := range planner.Kinds() {
		if !kinds[k] {
			t.Errorf("no value of kind %s is changed", k)
		}
	}
}

func checkAllFieldsAreThere(t *testing.T, value planner.Value, fields map[string]any) {
	t.Helper()
	for _, f := range reflect.VisibleFields(reflect.TypeOf(value)) {
		_, listed := fields[f.Name]
		// A bucket's name is not marked, because a bucket is never replaced.
		if fixed := f.Name == "Name" || strings.Contains(f.Tag.Get("plan"), "replace"); fixed == listed {
			t.Errorf("field %s: cannot change in place %v, is changed by this test %v", f.Name, fixed, listed)
		}
	}
}

// mayBeZero says which fields may be empty: those that AWS has no default for.
func mayBeZero(k planner.Kind, field string) bool {
	switch string(k) + "." + field {
	case "function.Description", "function.Entrypoint", "function.Command", "function.WorkingDirectory", "function.Environment",
		"log_group.RetentionDays", "role.Description", "role.Policy", "permission.SourceARN", "permission.SourceAccount",
		"trigger.Prefix", "trigger.Suffix",
		"permission.FunctionURLAuthType", "permission.InvokedViaFunctionURL",
		"function.Subnets", "function.SecurityGroups", "function.Mounts", "function.Concurrency",
		"invoke_config.Attempts", "invoke_config.OnFailure", "invoke_config.OnSuccess", "function_url.CORS", "http_api.CORS",
		"queue.Encrypted", "queue.Policy", "event_source.MaxConcurrency", "event_source.ReportFailures", "event_source.Enabled",
		"event_source.Filters", "event_source.BatchingWindow",
		"schedule.Input", "schedule.Attempts", "schedule.Window", "schedule.Enabled":
		return true
	}
	return false
}

func with(v planner.Value, field string, value any) planner.Value {
	changed := reflect.New(reflect.TypeOf(v)).Elem()
	changed.Set(reflect.ValueOf(v))
	if value == nil {
		changed.FieldByName(field).SetZero()
	} else {
		changed.FieldByName(field).Set(reflect.ValueOf(value).Convert(changed.FieldByName(field).Type()))
	}
	return changed.Interface().(planner.Value)
}

// changeAndBack runs in a world of fakes: create, change, change back.
func changeAndBack(t *testing.T, value, changed planner.Value) {
	t.Helper()
	w := newWorld()
	s3 := newFakeS3()
	w.ecr.exists, w.ecr.tags = false, nil
	times := newFakeScheduler()
	switch value.Kind() {
	case planner.KindSchedule:
		times.groups[planner.ScheduleGroupName("imaging")] = &fakeGroup{}
	case planner.KindTrigger:
		s3.buckets["photos"] = &fakeBucket{now: foreignDocument()}
	case planner.KindInvokeConfig, planner.KindFunctionURL, planner.KindHTTPAPI:
		for _, name := range []string{"grayify", "blur"} {
			f := grayify()
			f.Name = name
			putFunction(t, w.lambda, f)
		}
	case planner.KindPermission:
		putFunction(t, w.lambda, grayify())
		s3.others["photos"], s3.others["other"] = answer("NoSuchBucket", ""), answer("NoSuchBucket", "")
	}
	c := assemble(Options{Project: "imaging", Naming: testNaming}, clients{
		ecr: w.ecr, lambda: w.lambda, s3: s3, iam: newFakeIAM(), logs: newFakeLogs(), sqs: newFakeSQS(), ssm: newFakeSSM(), scheduler: times, api: newFakeAPIs(),
	})
	secrets := map[string]string{testParameter("first").Digest: "first", testParameter("second").Digest: "second"}
	address := planner.Address{Kind: value.Kind(), Name: nameOf(value)}
	for _, change := range []planner.Change{
		{Address: address, Action: planner.Create, After: value},
		{Address: address, Action: planner.Update, Before: value, After: changed},
		{Address: address, Action: planner.Update, Before: changed, After: value},
	} {
		if p, isParameter := change.After.(planner.Parameter); isParameter {
			c.parameters.secrets = map[string]string{p.Name: secrets[p.Digest]}
		}
		if _, err := c.Do(t.Context(), planner.Batch{change}, nil); err != nil {
			t.Fatalf("%s to %+v: %v", change.Action, change.After, err)
		}
		state, err := c.Read(t.Context(), []planner.Ref{address})
		if err != nil {
			t.Fatal(err)
		}
		if fields := planner.Diff(state[address].Value, change.After); len(fields) > 0 {
			t.Errorf("%s: %s", address, differences(fields))
		}
	}
}

func nameOf(v planner.Value) string {
	switch v := v.(type) {
	case planner.Permission:
		return v.Function + "/" + v.StatementID
	case planner.Trigger:
		return v.Bucket + "/" + v.ID
	case planner.EventSource:
		queue, _ := planner.QueueOfARN(v.Queue)
		return v.Function + "/" + queue
	case planner.Schedule:
		return v.Group + "/" + v.Name
	case planner.InvokeConfig:
		return v.Function
	case planner.FunctionURL:
		return v.Function
	default:
		return reflect.ValueOf(v).FieldByName("Name").String()
	}
}
