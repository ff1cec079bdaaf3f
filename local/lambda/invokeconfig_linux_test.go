package lambda

import (
	"errors"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
)

func asError[T error](err error, target *T) bool { return errors.As(err, target) }

func TestInvokeConfig(t *testing.T) {
	b, _, _ := asyncBench(t, nil)
	ctx, name := t.Context(), aws.String("f")
	_, err := b.client.GetFunctionEventInvokeConfig(ctx, &lambda.GetFunctionEventInvokeConfigInput{FunctionName: name})
	wantError(t, err, "ResourceNotFoundException", "The function "+functionARN+":$LATEST doesn't have an EventInvokeConfig")
	_, err = b.client.UpdateFunctionEventInvokeConfig(ctx, &lambda.UpdateFunctionEventInvokeConfigInput{FunctionName: name, MaximumRetryAttempts: aws.Int32(1)})
	wantError(t, err, "ResourceNotFoundException", "doesn't have")
	_, err = b.client.PutFunctionEventInvokeConfig(ctx, &lambda.PutFunctionEventInvokeConfigInput{FunctionName: name})
	wantError(t, err, "InvalidParameterValueException", "at least one")
	b.putInvokeConfig(nil)
	if _, err := b.client.UpdateFunctionEventInvokeConfig(ctx, &lambda.UpdateFunctionEventInvokeConfigInput{FunctionName: name, MaximumRetryAttempts: aws.Int32(1)}); err != nil {
		t.Fatal(err)
	}
	got, err := b.client.GetFunctionEventInvokeConfig(ctx, &lambda.GetFunctionEventInvokeConfigInput{FunctionName: name})
	if err != nil {
		t.Fatal(err)
	}
	if aws.ToString(got.FunctionArn) != functionARN+":$LATEST" || aws.ToInt32(got.MaximumRetryAttempts) != 1 || got.MaximumEventAgeInSeconds != nil ||
		aws.ToString(got.DestinationConfig.OnFailure.Destination) != bucketARN || !got.LastModified.Equal(start) {
		t.Errorf("%+v", got)
	}
	b.putInvokeConfig(func(in *lambda.PutFunctionEventInvokeConfigInput) {
		in.DestinationConfig, in.MaximumEventAgeInSeconds = nil, aws.Int32(60)
	})
	list, err := b.client.ListFunctionEventInvokeConfigs(ctx, &lambda.ListFunctionEventInvokeConfigsInput{FunctionName: name})
	if err != nil || len(list.FunctionEventInvokeConfigs) != 1 {
		t.Fatalf("%+v, %v", list, err)
	}
	if c := list.FunctionEventInvokeConfigs[0]; c.MaximumRetryAttempts != nil || aws.ToInt32(c.MaximumEventAgeInSeconds) != 60 || c.DestinationConfig.OnFailure.Destination != nil {
		t.Errorf("a put leaves something of before: %+v", c)
	}
	for range 2 {
		_, err = b.client.DeleteFunctionEventInvokeConfig(ctx, &lambda.DeleteFunctionEventInvokeConfigInput{FunctionName: name})
	}
	wantError(t, err, "ResourceNotFoundException", "doesn't have")
}

func TestInvokeConfigsThatAreRefused(t *testing.T) {
	may := &fakeAuthorizer{}
	b, _, _ := asyncBench(t, func(c *Config) { c.Authorizer = may })
	put := func(failure, success string, attempts, age int32) error {
		in := &lambda.PutFunctionEventInvokeConfigInput{FunctionName: aws.String("f"), MaximumRetryAttempts: &attempts, MaximumEventAgeInSeconds: &age,
			DestinationConfig: &types.DestinationConfig{}}
		if failure != "" {
			in.DestinationConfig.OnFailure = &types.OnFailure{Destination: &failure}
		}
		if success != "" {
			in.DestinationConfig.OnSuccess = &types.OnSuccess{Destination: &success}
		}
		_, err := b.client.PutFunctionEventInvokeConfig(t.Context(), in)
		return err
	}
	for _, good := range []string{
		bucketARN, "arn:aws:sqs:us-east-1:000000000000:q", "arn:aws:sns:us-east-1:000000000000:t", "arn:aws:events:us-east-1:000000000000:event-bus/default",
		"arn:aws:lambda:us-east-1:000000000000:function:g",
	} {
		if err := put(good, "", 2, 21600); err != nil {
			t.Errorf("%s: %v", good, err)
		}
	}
	for _, bad := range []string{
		"bucket", bucketARN + "/prefix", "arn:aws:sqs:us-east-1:000000000000:q.fifo", "arn:aws:sqs:eu-west-1:000000000000:q", "arn:aws:sns:us-east-1:000000000000:t.fifo",
		"arn:aws:events:us-east-1:000000000000:rule/r", functionARN, "arn:aws:iam::000000000000:role/r", "arn:aws:sqs:us-east-1:000000000000:",
	} {
		wantError(t, put(bad, "", 2, 60), "InvalidParameterValueException", "The destination ARN "+bad+" is invalid.")
	}
	wantError(t, put("", bucketARN, 0, 60), "InvalidParameterValueException", "is invalid")
	wantError(t, put("", "", 3, 60), "ValidationException", "less than or equal to 2")
	wantError(t, put("", "", 2, 59), "ValidationException", "greater than or equal to 60")
	wantError(t, put("", "", 2, 21601), "ValidationException", "less than or equal to 21600")
	for action, arn := range map[string]string{"s3:ListBucket": bucketARN, "s3:PutObject": bucketARN, "sns:Publish": "arn:aws:sns:us-east-1:000000000000:t"} {
		may.deny(action)
		_, operation, _ := strings.Cut(action, ":")
		wantError(t, put(arn, "", 2, 60), "InvalidParameterValueException", "does not have permissions to call "+operation+" on "+arn)
	}
}

func TestConcurrencyIsReserved(t *testing.T) {
	b := newBench(t, nil)
	ctx := t.Context()
	b.create("f", nil)
	b.create("g", nil)
	put := func(name string, n int32) error {
		_, err := b.client.PutFunctionConcurrency(ctx, &lambda.PutFunctionConcurrencyInput{FunctionName: &name, ReservedConcurrentExecutions: &n})
		return err
	}
	const below = "Specified ReservedConcurrentExecutions for function decreases account's UnreservedConcurrentExecution below its minimum value of [100]."
	wantError(t, put("f", 901), "InvalidParameterValueException", below)
	if err := put("f", 900); err != nil {
		t.Fatal(err)
	}
	wantError(t, put("g", 1), "InvalidParameterValueException", below)
	if err := put("f", 10); err != nil { // its own reservation does not count against it
		t.Fatal(err)
	}
	wantError(t, put("none", 1), "ResourceNotFoundException", "Function not found")
	got, err := b.client.GetFunctionConcurrency(ctx, &lambda.GetFunctionConcurrencyInput{FunctionName: aws.String("f")})
	if err != nil || aws.ToInt32(got.ReservedConcurrentExecutions) != 10 {
		t.Errorf("%+v, %v", got, err)
	}
	account, err := b.client.GetAccountSettings(ctx, &lambda.GetAccountSettingsInput{})
	if err != nil || account.AccountLimit.ConcurrentExecutions != 1000 || aws.ToInt32(account.AccountLimit.UnreservedConcurrentExecutions) != 990 || account.AccountUsage.FunctionCount != 2 {
		t.Errorf("%+v, %v", account, err)
	}
	if _, err := b.client.DeleteFunctionConcurrency(ctx, &lambda.DeleteFunctionConcurrencyInput{FunctionName: aws.String("f")}); err != nil {
		t.Fatal(err)
	}
	got, err = b.client.GetFunctionConcurrency(ctx, &lambda.GetFunctionConcurrencyInput{FunctionName: aws.String("f")})
	if err != nil || got.ReservedConcurrentExecutions != nil {
		t.Errorf("%+v, %v", got, err)
	}
}
