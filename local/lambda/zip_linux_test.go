package lambda

import (
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
)

func zipped(in *lambda.CreateFunctionInput) {
	in.PackageType, in.Code = types.PackageTypeZip, &types.FunctionCode{ZipFile: []byte("PK")}
	in.Runtime, in.Handler, in.Layers = types.RuntimePython312, aws.String("handler.lambda_handler"), []string{"arn:aws:lambda:us-east-1:1:layer:x:1"}
}

// TestZipFunctions keeps what another tool made: it is shown, not run, not made an image in place, and deleted.
func TestZipFunctions(t *testing.T) {
	b := newBench(t, nil)
	name := aws.String("zip")
	if _, err := b.tryCreate("zip", zipped); err != nil {
		t.Fatal(err)
	}
	out, err := b.client.GetFunction(t.Context(), &lambda.GetFunctionInput{FunctionName: name})
	if err != nil {
		t.Fatal(err)
	}
	c := out.Configuration
	if c.PackageType != types.PackageTypeZip || c.Runtime != types.RuntimePython312 || *c.Handler != "handler.lambda_handler" || c.CodeSize != 2 ||
		len(c.Layers) != 1 || *c.Layers[0].Arn != "arn:aws:lambda:us-east-1:1:layer:x:1" || len(*c.CodeSha256) != 44 {
		t.Errorf("configuration %+v", c)
	}
	if out.Code.ImageUri != nil {
		t.Errorf("it has the image %s", *out.Code.ImageUri)
	}
	_, err = b.client.Invoke(t.Context(), &lambda.InvokeInput{FunctionName: name})
	if err == nil || !strings.Contains(err.Error(), "its package type is Zip") {
		t.Errorf("invoke: %v", err)
	}
	_, err = b.client.UpdateFunctionCode(t.Context(), &lambda.UpdateFunctionCodeInput{FunctionName: name, ImageUri: aws.String(imageURI)})
	wantError(t, err, "InvalidParameterValueException", "Please do not provide ImageUri")
	if _, err = b.client.DeleteFunction(t.Context(), &lambda.DeleteFunctionInput{FunctionName: name}); err != nil {
		t.Fatal(err)
	}
	listed, err := b.client.ListFunctions(t.Context(), &lambda.ListFunctionsInput{})
	if err != nil || slices.ContainsFunc(listed.Functions, func(c types.FunctionConfiguration) bool { return *c.FunctionName == "zip" }) {
		t.Errorf("it is still there: %v", err)
	}
}

func TestZipFunctionsThatAreRefused(t *testing.T) {
	b := newBench(t, nil)
	for message, change := range map[string]func(*lambda.CreateFunctionInput){
		"Runtime and Handler are mandatory": func(in *lambda.CreateFunctionInput) { in.Handler = nil },
		"ImageConfig is not supported":      func(in *lambda.CreateFunctionInput) { in.ImageConfig = &types.ImageConfig{Command: []string{"x"}} },
		"provide a source": func(in *lambda.CreateFunctionInput) {
			in.Code.S3Bucket, in.Code.S3Key = aws.String("b"), aws.String("k")
		},
	} {
		_, err := b.tryCreate("zip", func(in *lambda.CreateFunctionInput) {
			zipped(in)
			change(in)
		})
		wantError(t, err, "InvalidParameterValueException", message)
	}
}
