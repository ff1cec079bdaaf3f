package aws

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"github.com/scar-go/scar/planner"
)

func testURL() planner.FunctionURL {
	return planner.FunctionURL{Function: "grayify", Auth: planner.AuthNone, InvokeMode: "BUFFERED",
		CORS: planner.CORS{AllowOrigins: []string{"*"}, AllowMethods: []string{"GET", "POST"}, ExposeHeaders: []string{"x-took"}, MaxAge: 5}}
}

func testInvokeConfig() planner.InvokeConfig {
	return planner.InvokeConfig{Function: "grayify", Attempts: 1, MaxAge: 60, OnFailure: testNaming.BucketARN("failures")}
}

// changeFunctionPart makes one change of what belongs to the function grayify.
func changeFunctionPart(t *testing.T, fake *fakeLambda, action planner.Action, before, after planner.Value) error {
	t.Helper()
	c := assemble(Options{Project: "imaging", Naming: testNaming}, clients{lambda: fake})
	address := planner.Address{Name: "grayify"}
	for _, v := range []planner.Value{before, after} {
		if v != nil {
			address.Kind = v.Kind()
		}
	}
	_, err := c.Do(t.Context(), planner.Batch{{Address: address, Action: action, Before: before, After: after}}, nil)
	return err
}

func TestFunctionURL(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := newFakeLambda()
		create(t, fake)
		must := func(action planner.Action, before, after planner.Value) {
			t.Helper()
			if err := changeFunctionPart(t, fake, action, before, after); err != nil {
				t.Fatalf("%s: %v", action, err)
			}
		}
		must(planner.Create, nil, testURL())
		must(planner.Create, nil, testURL()) // again, after a lost answer
		plain := testURL()
		plain.Auth, plain.CORS = planner.AuthIAM, planner.CORS{}
		must(planner.Update, testURL(), plain)
		if c := fake.urls["grayify"].Cors; c == nil || c.AllowOrigins != nil {
			t.Errorf("CORS %+v", c)
		}
		urls := &functionURLs{client: fake}
		told, err := urls.outputs(t.Context(), "grayify")
		if err != nil || !strings.HasPrefix(told["url"], "https://grayify.lambda-url.") {
			t.Errorf("%v, %v", told, err)
		}
		must(planner.Delete, plain, nil)
		must(planner.Delete, plain, nil)
		if _, err := urls.outputs(t.Context(), "grayify"); !errors.Is(err, errAbsent) {
			t.Errorf("error %v", err)
		}
	})
}

// TestFunctionURLWhereThereAreNone reads functions in regions without URLs, and says what to do instead of one.
func TestFunctionURLWhereThereAreNone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := newFakeLambda()
		create(t, fake)
		missing := answer("AccessDeniedException", "Unable to determine service/operation name to be authorized")
		fake.fails["GetFunctionUrlConfig"] = []error{missing}
		fake.fails["CreateFunctionUrlConfig"] = []error{missing}
		c := assemble(Options{Project: "imaging", Naming: testNaming}, clients{lambda: fake})
		if _, err := c.functionURLs.get(t.Context(), "grayify"); !errors.Is(err, errAbsent) {
			t.Errorf("read: %v", err)
		}
		err := changeFunctionPart(t, fake, planner.Create, nil, testURL())
		if err == nil || !strings.Contains(err.Error(), "http: {api: NAME}") || strings.Contains(err.Error(), "lambda:CreateFunctionUrlConfig") {
			t.Errorf("create: %v", err)
		}
		fake.fails["GetFunctionUrlConfig"] = []error{answer("AccessDeniedException", "not authorized to perform lambda:GetFunctionUrlConfig")}
		if _, err := c.functionURLs.get(t.Context(), "grayify"); err == nil || errors.Is(err, errAbsent) {
			t.Errorf("a right that is missing reads as no URL: %v", err)
		}
	})
}

func TestFunctionURLOfSomebodyElseStays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := newFakeLambda()
		create(t, fake)
		if err := changeFunctionPart(t, fake, planner.Create, nil, testURL()); err != nil {
			t.Fatal(err)
		}
		fake.functions["grayify"].now.Tags = map[string]string{"scar:project": "other"}
		other := testURL()
		other.Auth = planner.AuthIAM
		for _, err := range []error{
			changeFunctionPart(t, fake, planner.Delete, testURL(), nil),
			changeFunctionPart(t, fake, planner.Update, testURL(), other),
		} {
			if !errors.Is(err, errForeign) {
				t.Errorf("error %v", err)
			}
		}
	})
}

// TestCORSIsCanonical reads lists in any order and headers in any case as one value.
func TestCORSIsCanonical(t *testing.T) {
	got := corsValue([]string{"https://b.example", "https://a.example", "https://a.example"}, []string{"PUT", "GET"}, []string{"X-B", "x-a", "x-b"}, []string{}, nil, nil)
	want := planner.CORS{AllowOrigins: []string{"https://a.example", "https://b.example"}, AllowMethods: []string{"GET", "PUT"}, AllowHeaders: []string{"x-a", "x-b"}}
	if fields := planner.Diff(planner.FunctionURL{CORS: got}, planner.FunctionURL{CORS: want}); len(fields) > 0 {
		t.Error(differences(fields))
	}
	if !isNoCORS(corsValue(nil, []string{}, nil, nil, ptr(false), ptr(int32(0)))) {
		t.Error("an empty CORS is one")
	}
}

// TestPermissionsOfAURL round-trips the two statements that open a URL to everybody.
func TestPermissionsOfAURL(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := newFakeLambda()
		create(t, fake)
		c := assemble(Options{Project: "imaging", Naming: testNaming}, clients{lambda: fake})
		for _, want := range []planner.Permission{
			{Function: "grayify", StatementID: "scar-imaging-url", Action: "lambda:InvokeFunctionUrl", Principal: "*", FunctionURLAuthType: planner.AuthNone},
			{Function: "grayify", StatementID: "scar-imaging-url-invoke", Action: "lambda:InvokeFunction", Principal: "*", InvokedViaFunctionURL: true},
		} {
			step(t, c, planner.Create, want.Function+"/"+want.StatementID, nil, want)
			closed := want
			closed.Principal = "123456789012"
			step(t, c, planner.Update, want.Function+"/"+want.StatementID, want, closed)
			step(t, c, planner.Delete, want.Function+"/"+want.StatementID, closed, nil)
		}
	})
}

func TestInvokeConfig(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := newFakeLambda()
		create(t, fake)
		want := testInvokeConfig()
		fake.fails["PutFunctionEventInvokeConfig"] = []error{
			answer("InvalidParameterValueException", "The function's execution role does not have permissions to call ListBucket on arn:aws:s3:::failures"),
			answer("InvalidParameterValueException", "The destination ARN arn:aws:s3:::failures is invalid."),
			answer("ResourceConflictException", "The operation cannot be performed at this time. An update is in progress for resource: x"),
		}
		start := time.Now()
		if err := changeFunctionPart(t, fake, planner.Create, nil, want); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(start); took < 3*time.Second || took > 20*time.Second {
			t.Errorf("took %s", took)
		}
		less := planner.InvokeConfig{Function: "grayify", Attempts: 0, MaxAge: 21600}
		for _, change := range [][2]planner.Value{{want, less}, {less, want}} {
			if err := changeFunctionPart(t, fake, planner.Update, change[0], change[1]); err != nil {
				t.Error(err)
			}
		}
		if err := changeFunctionPart(t, fake, planner.Delete, want, nil); err != nil {
			t.Error(err)
		}
		if len(fake.invoking) != 0 {
			t.Error("it is still there")
		}
	})
}

func TestInvokeConfigGivesUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := newFakeLambda()
		create(t, fake)
		for range 1000 {
			fake.fails["PutFunctionEventInvokeConfig"] = append(fake.fails["PutFunctionEventInvokeConfig"], answer("InvalidParameterValueException", "The destination ARN arn:aws:s3:::failures is invalid."))
		}
		start := time.Now()
		err := changeFunctionPart(t, fake, planner.Create, nil, testInvokeConfig())
		if err == nil || !strings.Contains(err.Error(), "does arn:aws:s3:::failures exist, and may the function's role send to it?") {
			t.Errorf("error %v", err)
		}
		if took := time.Since(start); took > principalWait {
			t.Errorf("took %s", took)
		}
		mistake := newFakeLambda()
		create(t, mistake)
		mistake.fails["PutFunctionEventInvokeConfig"] = []error{answer("InvalidParameterValueException", "MaximumEventAgeInSeconds is out of range")}
		start = time.Now()
		if err := changeFunctionPart(t, mistake, planner.Create, nil, testInvokeConfig()); err == nil || time.Since(start) != 0 {
			t.Errorf("%v after %s", err, time.Since(start))
		}
	})
}

// TestInvokeConfigDefaults reads what Lambda leaves out as its defaults.
func TestInvokeConfigDefaults(t *testing.T) {
	fake := newFakeLambda()
	fake.invoking["grayify"] = &lambda.GetFunctionEventInvokeConfigOutput{DestinationConfig: &types.DestinationConfig{OnSuccess: &types.OnSuccess{Destination: ptr("x")}}}
	got, err := (&invokeConfigs{client: fake}).get(t.Context(), "grayify")
	want := planner.InvokeConfig{Function: "grayify", Attempts: 2, MaxAge: 21600, OnSuccess: "x"}
	if err != nil || got != want {
		t.Errorf("%+v, %v", got, err)
	}
}
