package aws

import (
	"slices"
	"testing"

	apitypes "github.com/aws/aws-sdk-go-v2/service/apigatewayv2/types"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/scheduler"
	"github.com/aws/aws-sdk-go-v2/service/scheduler/types"
	"github.com/google/go-cmp/cmp"

	"github.com/scar-go/scar/planner"
)

func TestRefOf(t *testing.T) {
	for arn, want := range map[string]string{
		"arn:aws:lambda:eu-west-1:123456789012:function:grayify":                  "function/grayify",
		"arn:aws:lambda:eu-west-1:123456789012:function:grayify:7":                "function/grayify",
		"arn:aws-cn:logs:cn-north-1:123456789012:log-group:/aws/lambda/grayify:*": "log_group//aws/lambda/grayify",
		"arn:aws:ecr:eu-west-1:123456789012:repository/scar/imaging":              "repository/scar/imaging",
		"arn:aws-us-gov:s3:::photos":                                              "bucket/photos",
		"arn:aws:s3:eu-west-1:123456789012:accesspoint/photos":                    "",
		"arn:aws:s3:::photos/in/a.jpg":                                            "",
		"arn:aws:lambda:eu-west-1:123456789012:layer:x":                           "",
		"arn:aws:lambda:eu-west-1:123456789012:event-source-mapping:x":            "", // it does not tell what it joins
		"arn:aws:sqs:eu-west-1:123456789012:scar-imaging_grayify":                 "queue/scar-imaging_grayify",
		"arn:aws:scheduler:eu-west-1:123456789012:schedule-group/scar-imaging":    "schedule_group/scar-imaging",
		"arn:aws:scheduler:eu-west-1:123456789012:schedule/scar-imaging/grayify":  "",
		"arn:aws:logs:eu-west-1:123456789012:destination:x":                       "",
		"arn:aws:iam::123456789012:role/scar/imaging/scar-grayify-eu-west-1":      "",
		"s3:::photos": "",
		"":            "",
	} {
		got := ""
		if ref, known := refOf(arn); known {
			got = ref.String()
		}
		if got != want {
			t.Errorf("%s is %q, want %q", arn, got, want)
		}
	}
}

// TestWhatAFunctionHas leads from each part of a function to all of them, and from what is no function's to
// nothing: Lambda refuses to be asked for a function whose name it does not allow.
func TestWhatAFunctionHas(t *testing.T) {
	f := &finder{naming: testNaming}
	whole := []string{"image/grayify", "log_group//aws/lambda/grayify", "role/scar-grayify-eu-west-1", "function/grayify"}
	for part, want := range map[string][]string{
		"function/grayify":                     whole,
		"image/grayify":                        whole,
		"log_group//aws/lambda/grayify":        whole,
		"role/scar-grayify-eu-west-1":          whole,
		"image/v1.2":                           nil,
		"log_group/mine":                       nil,
		"log_group//aws/lambda/":               nil,
		"log_group//aws/lambda/eu-west-1.at":   nil,
		"role/scar-grayify.schedule-eu-west-1": whole,
		"role/mine":                            nil,
		"queue/scar-imaging_grayify":           whole,
		"queue/scar_dead-imaging_grayify":      whole,
		"queue/scar-other_grayify":             nil,
		"event_source/grayify/jobs":            whole,
		"schedule/scar-imaging/grayify":        whole,
		"schedule_group/scar-imaging":          nil,
		"bucket/photos":                        nil,
	} {
		address, err := planner.ParseAddress(part)
		if err != nil {
			t.Fatal(err)
		}
		refs := f.ofFunction("imaging", address)
		slices.SortFunc(refs, planner.Address.Compare)
		var got []string
		for _, ref := range refs {
			got = append(got, ref.String())
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s:\n%s", part, diff)
		}
	}
}

// TestFindAsksTheServices finds what the tagging API does not list (yet), by what the services themselves list, and leaves out
// what is others'. An event source that carries the tag is found although its function is gone.
func TestFindAsksTheServices(t *testing.T) {
	w := newWorld()
	for _, name := range []string{"scar-imaging_grayify", "scar_dead-imaging_blur", "scar-imaging-two_x", "jobs"} {
		w.queues.queues[name] = &fakeQueue{}
	}
	putMapping := func(function, queue string) {
		in := &lambda.CreateEventSourceMappingInput{FunctionName: &function, EventSourceArn: ptr(testNaming.QueueARN(queue)), Enabled: ptr(true)}
		if _, err := w.lambda.CreateEventSourceMapping(t.Context(), in); err != nil {
			t.Fatal(err)
		}
	}
	putMapping("gone", "jobs")
	putMapping("theirs", "jobs")
	w.tags.arns = []string{"arn:aws:lambda:eu-west-1:123456789012:event-source-mapping:0000-1"}
	group := planner.ScheduleGroupName("imaging")
	w.times.groups[group], w.times.groups[group+"-two"] = &fakeGroup{}, &fakeGroup{}
	for name, function := range map[string]string{"nightly": "nightly", "by-hand": "grayify"} {
		w.times.schedules[group+"/"+name] = &scheduler.GetScheduleOutput{
			GroupName: &group, Name: &name, Target: &types.Target{Arn: ptr(testNaming.FunctionARN(function))}}
	}
	for id, project := range map[string]string{"a1": "imaging", "a2": "other"} {
		w.apis.apis[id] = &fakeAPI{Api: apitypes.Api{
			ApiId: &id, Name: ptr("api-of-" + project), ProtocolType: apitypes.ProtocolTypeHttp, Tags: map[string]string{planner.TagProject: project},
		}}
	}
	cloud := w.cloud(Options{})
	cloud.finder.naming.Account = "" // it may still be asked for
	refs, err := cloud.Find(t.Context(), "imaging")
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"queue/scar-imaging_grayify", "queue/scar_dead-imaging_blur", "event_source/gone/jobs",
		"schedule_group/scar-imaging", "schedule/scar-imaging/by-hand", "schedule/scar-imaging/nightly", "http_api/api-of-imaging"}
	var got, functions []string
	for _, ref := range refs {
		switch ref.Kind {
		case planner.KindFunction:
			functions = append(functions, ref.Name)
		case planner.KindRepository, planner.KindImage, planner.KindRole, planner.KindLogGroup:
		default:
			got = append(got, ref.String())
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"blur", "gone", "grayify", "nightly"}, functions); diff != "" {
		t.Error(diff)
	}
}
