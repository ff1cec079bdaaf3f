package lambda

import (
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
)

// TestCommandLineReadsBack reads with the AWS CLI, whose SDK is another, what the Go SDK wrote.
func TestCommandLineReadsBack(t *testing.T) {
	program, err := exec.LookPath("aws")
	if err != nil {
		t.Skip("the AWS CLI is not installed")
	}
	b, _, _ := queueBench(t, func(c *Config) { c.Networks, c.FileSystems = fakePlace{}, fakePlace{t.TempDir()} })
	ctx, name := t.Context(), aws.String("g")
	b.create("g", func(in *lambda.CreateFunctionInput) {
		withMount(in)
		in.LoggingConfig = &types.LoggingConfig{LogFormat: types.LogFormatJson, ApplicationLogLevel: types.ApplicationLogLevelTrace}
	})
	id := b.mapQueue(func(in *lambda.CreateEventSourceMappingInput) {
		in.ScalingConfig, in.Tags = &types.ScalingConfig{MaximumConcurrency: aws.Int32(4)}, map[string]string{"k": "v"}
	})
	b.putInvokeConfig(func(in *lambda.PutFunctionEventInvokeConfigInput) { in.MaximumRetryAttempts = aws.Int32(1) })
	for _, err := range []error{
		second(b.client.PutFunctionConcurrency(ctx, &lambda.PutFunctionConcurrencyInput{FunctionName: name, ReservedConcurrentExecutions: aws.Int32(0)})),
		second(b.client.CreateFunctionUrlConfig(ctx, &lambda.CreateFunctionUrlConfigInput{FunctionName: name, AuthType: types.FunctionUrlAuthTypeNone,
			Cors: &types.Cors{AllowOrigins: []string{"*"}, MaxAge: aws.Int32(5)}})),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	server := httptest.NewServer(b.service)
	defer server.Close()
	home := t.TempDir()
	aws := func(args string) (string, error) {
		cmd := exec.CommandContext(ctx, program, append(append([]string{"lambda"}, strings.Fields(args)...), "--output", "text", "--endpoint-url", server.URL)...)
		cmd.Env = append(os.Environ(), "HOME="+home, "AWS_DEFAULT_REGION=us-east-1", "AWS_ACCESS_KEY_ID=a", "AWS_SECRET_ACCESS_KEY=b", "AWS_MAX_ATTEMPTS=1", "AWS_CONFIG_FILE="+home+"/none")
		out, err := cmd.CombinedOutput()
		return strings.TrimSpace(string(out)), err
	}
	for _, c := range []struct{ args, want string }{
		{"get-function-configuration --function-name g --query [VpcConfig.VpcId,VpcConfig.SubnetIds[0],FileSystemConfigs[0].LocalMountPath,LoggingConfig.ApplicationLogLevel,LoggingConfig.SystemLogLevel]",
			"vpc-1\tsubnet-1\t/mnt/data\tTRACE\tINFO"},
		{"get-function-concurrency --function-name g --query ReservedConcurrentExecutions", "0"},
		{"get-function --function-name g --query Concurrency.ReservedConcurrentExecutions", "0"},
		{"get-account-settings --query AccountLimit.[ConcurrentExecutions,UnreservedConcurrentExecutions]", "1000\t1000"},
		{"get-function-event-invoke-config --function-name f --query [MaximumRetryAttempts,DestinationConfig.OnFailure.Destination]", "1\t" + bucketARN},
		{"list-function-event-invoke-configs --function-name f --query FunctionEventInvokeConfigs[].FunctionArn", functionARN + ":$LATEST"},
		{"list-event-source-mappings --function-name f --query EventSourceMappings[].[UUID,State,BatchSize,ScalingConfig.MaximumConcurrency,FunctionResponseTypes[0]]",
			id + "\tEnabled\t10\t4\tReportBatchItemFailures"},
		{"get-event-source-mapping --uuid " + id + " --query EventSourceArn", queueARN},
		{"list-tags --resource arn:aws:lambda:us-east-1:000000000000:event-source-mapping:" + id + " --query Tags.k", "v"},
		{"get-function-url-config --function-name g --query [AuthType,InvokeMode,Cors.MaxAge]", "NONE\tBUFFERED\t5"},
		{"list-function-url-configs --function-name g --query FunctionUrlConfigs[].FunctionArn", "arn:aws:lambda:us-east-1:000000000000:function:g"},
	} {
		if got, err := aws(c.args); err != nil || got != c.want {
			t.Errorf("aws lambda %s: %q, want %q (%v)", c.args, got, c.want, err)
		}
	}
	if got, err := aws("invoke --function-name g " + home + "/out"); err == nil || !strings.Contains(got, "(TooManyRequestsException)") {
		t.Errorf("%q, %v", got, err)
	}
}

// second is what is left of a call whose answer does not matter.
func second[T any](_ T, err error) error { return err }
