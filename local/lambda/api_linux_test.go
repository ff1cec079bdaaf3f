package lambda

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/aws/smithy-go"
	"github.com/google/go-cmp/cmp"

	"github.com/scar-go/scar/local/clock"
)

// wantError checks the code of an error and a part of its message.
func wantError(t *testing.T, err error, code, message string) {
	t.Helper()
	var api smithy.APIError
	if !errors.As(err, &api) || api.ErrorCode() != code || !strings.Contains(api.ErrorMessage(), message) {
		t.Errorf("got %v, want %s: %s", err, code, message)
	}
}

func TestDefaultsAreFilledIn(t *testing.T) {
	b := newBench(t, nil)
	created := b.create("f", func(in *lambda.CreateFunctionInput) {
		in.Timeout, in.Tags = nil, map[string]string{"a": "1"}
	})
	out, err := b.client.GetFunction(t.Context(), &lambda.GetFunctionInput{FunctionName: created.FunctionArn})
	if err != nil {
		t.Fatal(err)
	}
	c := out.Configuration
	got := fmt.Sprintln(*c.FunctionName, *c.FunctionArn, *c.Role, *c.Timeout, *c.MemorySize, c.EphemeralStorage.Size != nil && *c.EphemeralStorage.Size == 512,
		c.LoggingConfig.LogFormat, *c.LoggingConfig.LogGroup, c.TracingConfig.Mode, c.State, c.LastUpdateStatus, c.PackageType, *c.Version,
		c.Environment == nil, c.ImageConfigResponse == nil, *out.Code.RepositoryType, *out.Code.ImageUri, out.Tags)
	want := fmt.Sprintln("f", "arn:aws:lambda:us-east-1:000000000000:function:f", roleARN, 3, 128, true,
		"Text", "/aws/lambda/f", "PassThrough", "Active", "Successful", "Image", "$LATEST", true, true, "ECR", imageURI, map[string]string{"a": "1"})
	if got != want {
		t.Errorf("got  %swant %s", got, want)
	}
	if *c.RevisionId != *created.RevisionId || !strings.HasSuffix(*out.Code.ResolvedImageUri, "/p@sha256:"+*c.CodeSha256) {
		t.Errorf("%+v, %+v", *c.RevisionId, *out.Code.ResolvedImageUri)
	}
}

func TestEveryFieldIsEchoed(t *testing.T) {
	b := newBench(t, nil)
	b.create("f", nil)
	in := &lambda.UpdateFunctionConfigurationInput{
		FunctionName: aws.String("f"), Description: aws.String("text"), Timeout: aws.Int32(77), MemorySize: aws.Int32(333),
		Environment:      &types.Environment{Variables: map[string]string{"Ab": "x"}},
		EphemeralStorage: &types.EphemeralStorage{Size: aws.Int32(1024)},
		ImageConfig:      &types.ImageConfig{EntryPoint: []string{"a"}, Command: []string{"b", "c"}, WorkingDirectory: aws.String("/d")},
		LoggingConfig:    &types.LoggingConfig{LogFormat: types.LogFormatJson, LogGroup: aws.String("/other")},
		TracingConfig:    &types.TracingConfig{Mode: types.TracingModeActive},
	}
	if _, err := b.client.UpdateFunctionConfiguration(t.Context(), in); err != nil {
		t.Fatal(err)
	}
	c, err := b.client.GetFunctionConfiguration(t.Context(), &lambda.GetFunctionConfigurationInput{FunctionName: aws.String("f")})
	if err != nil {
		t.Fatal(err)
	}
	got := fmt.Sprintln(*c.Description, *c.Timeout, *c.MemorySize, c.Environment.Variables, *c.EphemeralStorage.Size,
		c.ImageConfigResponse.ImageConfig.EntryPoint, c.ImageConfigResponse.ImageConfig.Command, *c.ImageConfigResponse.ImageConfig.WorkingDirectory,
		c.LoggingConfig.LogFormat, *c.LoggingConfig.LogGroup, c.LoggingConfig.ApplicationLogLevel, c.TracingConfig.Mode)
	want := fmt.Sprintln("text", 77, 333, map[string]string{"Ab": "x"}, 1024, []string{"a"}, []string{"b", "c"}, "/d", "JSON", "/other", "INFO", "Active")
	if got != want {
		t.Errorf("got  %swant %s", got, want)
	}
	// Explicit empties empty; what is left out stays.
	_, err = b.client.UpdateFunctionConfiguration(t.Context(), &lambda.UpdateFunctionConfigurationInput{
		FunctionName: aws.String("f"), ImageConfig: &types.ImageConfig{}, Environment: &types.Environment{Variables: map[string]string{}}, Description: aws.String(""),
	})
	if err != nil {
		t.Fatal(err)
	}
	if c, err = b.client.GetFunctionConfiguration(t.Context(), &lambda.GetFunctionConfigurationInput{FunctionName: aws.String("f")}); err != nil {
		t.Fatal(err)
	}
	if c.ImageConfigResponse != nil || c.Environment != nil || *c.Description != "" || *c.Timeout != 77 {
		t.Errorf("%+v", c)
	}
}

func TestCreateRefusesWhatLambdaRefuses(t *testing.T) {
	b := newBench(t, nil)
	b.create("taken", nil)
	for _, c := range []struct {
		name          string
		change        func(*lambda.CreateFunctionInput)
		code, message string
	}{
		{"taken", nil, "ResourceConflictException", "Function already exist: taken"},
		{"f", func(in *lambda.CreateFunctionInput) { in.Role = aws.String(roleARN + "other") }, "InvalidParameterValueException", "The role defined for the function cannot be assumed by Lambda."},
		{"f", func(in *lambda.CreateFunctionInput) { in.Code.ImageUri = aws.String("x.dkr/p:v1") }, "InvalidParameterValueException", "Source image x.dkr/p:v1 does not exist. Provide a valid source image."},
		{"f", func(in *lambda.CreateFunctionInput) { in.MemorySize, in.Timeout = aws.Int32(64), aws.Int32(901) }, "ValidationException", "2 validation errors detected: Value '901' at 'timeout'"},
		{"a.b", nil, "ValidationException", "functionName"},
		{"f", func(in *lambda.CreateFunctionInput) {
			in.EphemeralStorage = &types.EphemeralStorage{Size: aws.Int32(511)}
		}, "ValidationException", "ephemeralStorage"},
		{"f", func(in *lambda.CreateFunctionInput) {
			in.Environment = &types.Environment{Variables: map[string]string{"AWS_REGION": "x"}}
		}, "InvalidParameterValueException", "Reserved keys used in this request: AWS_REGION"},
		{"f", func(in *lambda.CreateFunctionInput) {
			in.Environment = &types.Environment{Variables: map[string]string{"BIG": strings.Repeat("x", 4096)}}
		}, "InvalidParameterValueException", "exceeded the 4KB limit"},
		{"f", func(in *lambda.CreateFunctionInput) {
			in.Environment = &types.Environment{Variables: map[string]string{"1a": "x"}}
		}, "ValidationException", "environment.variables"},
		{"f", func(in *lambda.CreateFunctionInput) { in.PackageType = types.PackageTypeZip }, "InvalidParameterValueException", "Please provide a source for function code."},
		{"f", func(in *lambda.CreateFunctionInput) { in.Layers = []string{"arn:aws:lambda:us-east-1:1:layer:x:1"} }, "InvalidParameterValueException", "does not serve Layers"},
		{"f", func(in *lambda.CreateFunctionInput) { in.Tags = map[string]string{"aws:x": "y"} }, "InvalidParameterValueException", "aws:x"},
	} {
		_, err := b.tryCreate(c.name, c.change)
		wantError(t, err, c.code, c.message)
	}
}

func TestWhatDoesNotExist(t *testing.T) {
	b := newBench(t, nil)
	ctx, name := t.Context(), aws.String("none")
	_, err := b.client.GetFunction(ctx, &lambda.GetFunctionInput{FunctionName: name})
	wantError(t, err, "ResourceNotFoundException", "Function not found: arn:aws:lambda:us-east-1:000000000000:function:none")
	_, err = b.client.DeleteFunction(ctx, &lambda.DeleteFunctionInput{FunctionName: name})
	wantError(t, err, "ResourceNotFoundException", "Function not found")
	_, err = b.client.Invoke(ctx, &lambda.InvokeInput{FunctionName: name})
	wantError(t, err, "ResourceNotFoundException", "Function not found")
	_, err = b.client.ListTags(ctx, &lambda.ListTagsInput{Resource: aws.String("arn:aws:lambda:us-east-1:000000000000:function:none")})
	wantError(t, err, "ResourceNotFoundException", "Function not found")
	_, err = b.client.ListLayers(ctx, &lambda.ListLayersInput{})
	wantError(t, err, "NotImplemented", "does not serve lambda GET /2018-10-31/layers")
	b.create("f", nil)
	_, err = b.client.GetFunction(ctx, &lambda.GetFunctionInput{FunctionName: aws.String("f"), Qualifier: aws.String("7")})
	wantError(t, err, "ResourceNotFoundException", "function:f:7")
	_, err = b.client.GetPolicy(ctx, &lambda.GetPolicyInput{FunctionName: aws.String("f")})
	wantError(t, err, "ResourceNotFoundException", "The resource you requested does not exist.")
}

func TestStatesTakeTheirReadsAndTheirTime(t *testing.T) {
	now := clock.NewVirtual(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC))
	b := newBench(t, func(c *Config) { c.Clock, c.Settle = now, Settle{Reads: 2, Delay: time.Minute} })
	ctx, name := t.Context(), aws.String("f")
	state := func() string {
		c, err := b.client.GetFunctionConfiguration(ctx, &lambda.GetFunctionConfigurationInput{FunctionName: name})
		if err != nil {
			t.Fatal(err)
		}
		return string(c.State) + " " + string(c.LastUpdateStatus)
	}
	if c := b.create("f", nil); c.State != types.StatePending || c.StateReasonCode != types.StateReasonCodeCreating {
		t.Errorf("%+v", c)
	}
	_, err := b.client.Invoke(ctx, &lambda.InvokeInput{FunctionName: name})
	wantError(t, err, "ResourceConflictException", "currently in the following state: Pending")
	_, err = b.client.UpdateFunctionConfiguration(ctx, &lambda.UpdateFunctionConfigurationInput{FunctionName: name})
	wantError(t, err, "ResourceConflictException", "currently in the following state: Pending")
	for range 3 {
		if got := state(); got != "Pending Successful" {
			t.Error(got)
		}
	}
	now.Advance(time.Minute)
	if got := state(); got != "Active Successful" {
		t.Error(got)
	}
	b.call("f", testEvent{Do: "print"})
	update := &lambda.UpdateFunctionConfigurationInput{FunctionName: name, Environment: &types.Environment{Variables: map[string]string{"NEW": "1"}}}
	if _, err := b.client.UpdateFunctionConfiguration(ctx, update); err != nil {
		t.Fatal(err)
	}
	_, err = b.client.UpdateFunctionConfiguration(ctx, update)
	wantError(t, err, "ResourceConflictException", "An update is in progress for resource: arn:aws:lambda:us-east-1:000000000000:function:f")
	if a := b.call("f", testEvent{Do: "env"}); strings.Contains(a.Text, "NEW=1") || a.Count != 2 {
		t.Errorf("during the update: %+v", a)
	}
	if got := state(); got != "Active InProgress" {
		t.Error(got)
	}
	now.Advance(time.Minute)
	if a := b.call("f", testEvent{Do: "env"}); !strings.Contains(a.Text, "NEW=1") {
		t.Errorf("after the update: %+v", a)
	}
	for range 3 {
		state()
	}
	if got := state(); got != "Active Successful" {
		t.Error(got)
	}
}

func TestRevisions(t *testing.T) {
	b := newBench(t, nil)
	ctx, name := t.Context(), aws.String("f")
	created := b.create("f", nil)
	updated, err := b.client.UpdateFunctionCode(ctx, &lambda.UpdateFunctionCodeInput{FunctionName: name, ImageUri: aws.String(imageURI), RevisionId: created.RevisionId})
	if err != nil || *updated.RevisionId == *created.RevisionId {
		t.Fatalf("%+v, %v", updated, err)
	}
	_, err = b.client.UpdateFunctionConfiguration(ctx, &lambda.UpdateFunctionConfigurationInput{FunctionName: name, RevisionId: created.RevisionId})
	wantError(t, err, "PreconditionFailedException", "does not match the latest RevisionId")
	_, err = b.client.AddPermission(ctx, &lambda.AddPermissionInput{FunctionName: name, StatementId: aws.String("s"), Action: aws.String("lambda:InvokeFunction"),
		Principal: aws.String("s3.amazonaws.com"), RevisionId: aws.String("other")})
	wantError(t, err, "PreconditionFailedException", "does not match the latest RevisionId")
}

func TestPermissions(t *testing.T) {
	b := newBench(t, nil)
	ctx, name := t.Context(), aws.String("f")
	arn := *b.create("f", nil).FunctionArn
	in := &lambda.AddPermissionInput{
		FunctionName: name, StatementId: aws.String("s1"), Action: aws.String("lambda:InvokeFunction"), Principal: aws.String("s3.amazonaws.com"),
		SourceArn: aws.String("arn:aws:s3:::photos*"), SourceAccount: aws.String("000000000000"),
	}
	if _, err := b.client.AddPermission(ctx, in); err != nil {
		t.Fatal(err)
	}
	_, err := b.client.AddPermission(ctx, in)
	wantError(t, err, "ResourceConflictException", "The statement id (s1) provided already exists. Please provide a new statement id, or remove the existing statement.")
	policy, err := b.client.GetPolicy(ctx, &lambda.GetPolicyInput{FunctionName: name})
	if err != nil {
		t.Fatal(err)
	}
	want := `{"Version":"2012-10-17","Id":"default","Statement":[{"Sid":"s1","Effect":"Allow","Principal":{"Service":"s3.amazonaws.com"},` +
		`"Action":"lambda:InvokeFunction","Resource":"` + arn + `",` +
		`"Condition":{"ArnLike":{"AWS:SourceArn":"arn:aws:s3:::photos*"},"StringEquals":{"AWS:SourceAccount":"000000000000"}}}]}`
	if diff := cmp.Diff(want, *policy.Policy); diff != "" {
		t.Error(diff)
	}
	for _, c := range []struct {
		principal, source, account string
		want                       bool
	}{
		{"s3.amazonaws.com", "arn:aws:s3:::photos", "000000000000", true},
		{"s3.amazonaws.com", "arn:aws:s3:::photos-2", "000000000000", true},
		{"s3.amazonaws.com", "arn:aws:s3:::other", "000000000000", false},
		{"s3.amazonaws.com", "arn:aws:s3:::photos", "111111111111", false},
		{"sns.amazonaws.com", "arn:aws:s3:::photos", "000000000000", false},
	} {
		if err := b.service.CheckInvoke(ctx, arn, c.principal, c.source, c.account); (err == nil) != c.want {
			t.Errorf("%+v: %v", c, err)
		}
	}
	if err := b.service.CheckInvoke(ctx, arn+"x", "s3.amazonaws.com", "arn:aws:s3:::photos", "000000000000"); err == nil {
		t.Error("a function that does not exist may be invoked")
	}
	_, err = b.client.RemovePermission(ctx, &lambda.RemovePermissionInput{FunctionName: name, StatementId: aws.String("s2")})
	wantError(t, err, "ResourceNotFoundException", "s2")
	if _, err := b.client.RemovePermission(ctx, &lambda.RemovePermissionInput{FunctionName: name, StatementId: aws.String("s1")}); err != nil {
		t.Fatal(err)
	}
	_, err = b.client.RemovePermission(ctx, &lambda.RemovePermissionInput{FunctionName: name, StatementId: aws.String("s1")})
	wantError(t, err, "ResourceNotFoundException", "No policy is associated with the given resource.")
}

func TestListingIsPaged(t *testing.T) {
	b := newBench(t, nil)
	var want, got []string
	for i := range 7 {
		name := fmt.Sprint("f", i)
		b.create(name, nil)
		want = append(want, name)
	}
	pages := lambda.NewListFunctionsPaginator(b.client, &lambda.ListFunctionsInput{MaxItems: aws.Int32(3)})
	n := 0
	for ; pages.HasMorePages(); n++ {
		page, err := pages.NextPage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range page.Functions {
			got = append(got, *f.FunctionName)
		}
	}
	if n != 3 || !slices.Equal(got, want) {
		t.Errorf("%d pages: %v", n, got)
	}
}

func TestTags(t *testing.T) {
	b := newBench(t, nil)
	ctx := t.Context()
	arn := b.create("f", func(in *lambda.CreateFunctionInput) { in.Tags = map[string]string{"a": "1", "b": "2"} }).FunctionArn
	if _, err := b.client.TagResource(ctx, &lambda.TagResourceInput{Resource: arn, Tags: map[string]string{"b": "3", "c/d": "4"}}); err != nil {
		t.Fatal(err)
	}
	if _, err := b.client.UntagResource(ctx, &lambda.UntagResourceInput{Resource: arn, TagKeys: []string{"a", "none"}}); err != nil {
		t.Fatal(err)
	}
	out, err := b.client.ListTags(ctx, &lambda.ListTagsInput{Resource: arn})
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{"b": "3", "c/d": "4"}
	if diff := cmp.Diff(want, out.Tags); diff != "" {
		t.Error(diff)
	}
	tagged, err := b.service.Tagged(ctx)
	if err != nil || len(tagged) != 1 || tagged[0].ARN != *arn || !cmp.Equal(tagged[0].Tags, want) {
		t.Errorf("%v, %v", tagged, err)
	}
}

func TestPayloadsAreChecked(t *testing.T) {
	b := newBench(t, nil)
	b.create("f", nil)
	invoke := func(kind types.InvocationType, payload string) error {
		_, err := b.client.Invoke(t.Context(), &lambda.InvokeInput{FunctionName: aws.String("f"), InvocationType: kind, Payload: []byte(payload)})
		return err
	}
	large := `"` + strings.Repeat("x", 1<<20) + `"`
	wantError(t, invoke(types.InvocationTypeEvent, large), "RequestTooLargeException", "Request must be smaller than 1048576 bytes for the InvokeFunction operation")
	wantError(t, invoke(types.InvocationTypeRequestResponse, strings.Repeat(large, 6)), "RequestTooLargeException", "Request must be smaller than 6291456 bytes")
	wantError(t, invoke(types.InvocationTypeRequestResponse, "{"), "InvalidRequestContentException", "Could not parse request body into json")
	if err := invoke(types.InvocationTypeDryRun, "{}"); err != nil {
		t.Error(err)
	}
	if err := invoke(types.InvocationTypeRequestResponse, ""); err != nil {
		t.Error(err)
	}
}

func TestSlashAtTheEndMeansNothing(t *testing.T) {
	b := newBench(t, nil)
	b.create("f", nil)
	url := *b.client.Options().BaseEndpoint
	for _, path := range []string{"/2015-03-31/functions", "/2015-03-31/functions/", "/2015-03-31/functions/f/", "/2015-03-31/functions/arn%3Aaws%3Alambda%3Aus-east-1%3A000000000000%3Afunction%3Af/configuration"} {
		resp, err := http.Get(url + path)
		if err != nil {
			t.Fatal(err)
		}
		if err := resp.Body.Close(); err != nil || resp.StatusCode != http.StatusOK {
			t.Errorf("%s: %s, %v", path, resp.Status, err)
		}
	}
}

func TestWildcard(t *testing.T) {
	for _, c := range []struct {
		pattern, value string
		want           bool
	}{
		{"", "", true}, {"*", "", true}, {"a*c", "abbc", true}, {"a*c", "abbd", false}, {"a?c", "abc", true}, {"a?c", "ac", false},
		{"*b*", "abc", true}, {"a", "ab", false}, {"ab", "a", false}, {"**", "x", true}, {"*a*b", "xaxxb", true},
	} {
		if got := wildcard(c.pattern, c.value); got != c.want {
			t.Errorf("wildcard(%q, %q) = %v", c.pattern, c.value, got)
		}
	}
}

func FuzzWildcard(f *testing.F) {
	f.Add("a*?b", "axyb")
	f.Fuzz(func(t *testing.T, pattern, value string) {
		if len(value) > 1000 || len(pattern) > 1000 {
			return
		}
		if wildcard(pattern, value) && !wildcard("*"+pattern, value) {
			t.Errorf("%q matches %q, and not so with a star before it", pattern, value)
		}
		if !wildcard(value, value) && !strings.ContainsAny(value, "*?") || !wildcard("*", value) {
			t.Errorf("%q does not match itself", value)
		}
	})
}

func FuzzNameOf(f *testing.F) {
	for _, ref := range []string{"f", "f:$LATEST", "f:7", "000000000000:function:f", "arn:aws:lambda:us-east-1:000000000000:function:f:$LATEST", "arn:aws:s3:::b", "::::", ":function:"} {
		f.Add(ref)
	}
	s := &Service{cfg: Config{Account: "000000000000", Region: "us-east-1"}}
	f.Fuzz(func(t *testing.T, ref string) {
		name, err := s.nameOf(ref)
		if err != nil {
			return
		}
		if strings.Contains(name, ":") {
			t.Errorf("%q is the function %q", ref, name)
		}
		if again, err := s.nameOf(s.arn(name)); err != nil || again != name {
			t.Errorf("%q: the ARN of %q is that of %q, %v", ref, name, again, err)
		}
	})
}
