package aws

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"github.com/scar-go/scar/planner"
)

func vpcResponse(c *types.VpcConfig) *types.VpcConfigResponse {
	if c == nil {
		return nil
	}
	return &types.VpcConfigResponse{SubnetIds: c.SubnetIds, SecurityGroupIds: c.SecurityGroupIds, VpcId: ptr("vpc-1")}
}

// statementOf is the statement that Lambda writes into a policy.
func statementOf(in *lambda.AddPermissionInput) planner.Statement {
	s := planner.Statement{
		Sid: *in.StatementId, Effect: "Allow", Action: planner.StringList{*in.Action},
		Principal: planner.StringLists{"Service": {*in.Principal}}, Condition: planner.Conditions{},
	}
	if *in.Principal == "*" {
		s.Principal = planner.StringLists{"AWS": {"*"}}
	}
	equals := planner.StringLists{}
	if in.SourceAccount != nil {
		equals["AWS:SourceAccount"] = planner.StringList{*in.SourceAccount}
	}
	if in.FunctionUrlAuthType != "" {
		equals["lambda:FunctionUrlAuthType"] = planner.StringList{string(in.FunctionUrlAuthType)}
	}
	if len(equals) > 0 {
		s.Condition["StringEquals"] = equals
	}
	if in.SourceArn != nil {
		s.Condition["ArnLike"] = planner.StringLists{"AWS:SourceArn": {*in.SourceArn}}
	}
	if deref(in.InvokedViaFunctionUrl) {
		s.Condition["Bool"] = planner.StringLists{"lambda:InvokedViaFunctionUrl": {"true"}}
	}
	return s
}

func (f *fakeLambda) PutFunctionConcurrency(_ context.Context, in *lambda.PutFunctionConcurrencyInput, _ ...func(*lambda.Options)) (*lambda.PutFunctionConcurrencyOutput, error) {
	return &lambda.PutFunctionConcurrencyOutput{}, f.apply("PutFunctionConcurrency", func() error {
		f.functions[*in.FunctionName].now.Concurrency = &types.Concurrency{ReservedConcurrentExecutions: in.ReservedConcurrentExecutions}
		return nil
	})
}

func (f *fakeLambda) DeleteFunctionConcurrency(_ context.Context, in *lambda.DeleteFunctionConcurrencyInput, _ ...func(*lambda.Options)) (*lambda.DeleteFunctionConcurrencyOutput, error) {
	return &lambda.DeleteFunctionConcurrencyOutput{}, f.apply("DeleteFunctionConcurrency", func() error {
		f.functions[*in.FunctionName].now.Concurrency = nil
		return nil
	})
}

func (f *fakeLambda) GetFunctionEventInvokeConfig(_ context.Context, in *lambda.GetFunctionEventInvokeConfigInput, _ ...func(*lambda.Options)) (out *lambda.GetFunctionEventInvokeConfigOutput, err error) {
	return out, f.apply("GetFunctionEventInvokeConfig", func() error {
		if out = f.invoking[*in.FunctionName]; out == nil {
			return answer("ResourceNotFoundException", "The function "+*in.FunctionName+" doesn't have an EventInvokeConfig")
		}
		return nil
	})
}

func (f *fakeLambda) PutFunctionEventInvokeConfig(_ context.Context, in *lambda.PutFunctionEventInvokeConfigInput, _ ...func(*lambda.Options)) (*lambda.PutFunctionEventInvokeConfigOutput, error) {
	return &lambda.PutFunctionEventInvokeConfigOutput{}, f.apply("PutFunctionEventInvokeConfig", func() error {
		destinations := types.DestinationConfig{OnFailure: &types.OnFailure{}, OnSuccess: &types.OnSuccess{}}
		if d := in.DestinationConfig; d != nil && d.OnFailure != nil {
			destinations.OnFailure = d.OnFailure
		}
		if d := in.DestinationConfig; d != nil && d.OnSuccess != nil {
			destinations.OnSuccess = d.OnSuccess
		}
		f.invoking[*in.FunctionName] = &lambda.GetFunctionEventInvokeConfigOutput{
			DestinationConfig: &destinations, MaximumEventAgeInSeconds: in.MaximumEventAgeInSeconds, MaximumRetryAttempts: in.MaximumRetryAttempts,
		}
		return nil
	})
}

func (f *fakeLambda) DeleteFunctionEventInvokeConfig(_ context.Context, in *lambda.DeleteFunctionEventInvokeConfigInput, _ ...func(*lambda.Options)) (*lambda.DeleteFunctionEventInvokeConfigOutput, error) {
	return &lambda.DeleteFunctionEventInvokeConfigOutput{}, f.apply("DeleteFunctionEventInvokeConfig", func() error {
		if f.invoking[*in.FunctionName] == nil {
			return answer("ResourceNotFoundException", "The function doesn't have an EventInvokeConfig")
		}
		delete(f.invoking, *in.FunctionName)
		return nil
	})
}

func (f *fakeLambda) GetFunctionUrlConfig(_ context.Context, in *lambda.GetFunctionUrlConfigInput, _ ...func(*lambda.Options)) (out *lambda.GetFunctionUrlConfigOutput, err error) {
	return out, f.apply("GetFunctionUrlConfig", func() error {
		if out = f.urls[*in.FunctionName]; out == nil {
			return answer("ResourceNotFoundException", "The resource you requested does not exist.")
		}
		return nil
	})
}

func (f *fakeLambda) CreateFunctionUrlConfig(_ context.Context, in *lambda.CreateFunctionUrlConfigInput, _ ...func(*lambda.Options)) (*lambda.CreateFunctionUrlConfigOutput, error) {
	return &lambda.CreateFunctionUrlConfigOutput{}, f.apply("CreateFunctionUrlConfig", func() error {
		if f.urls[*in.FunctionName] != nil {
			return answer("ResourceConflictException", "Failed to create function url config for [functionArn = x]. Error message:  FunctionUrlConfig exists for this Lambda function")
		}
		f.urls[*in.FunctionName] = &lambda.GetFunctionUrlConfigOutput{
			AuthType: in.AuthType, InvokeMode: in.InvokeMode, Cors: in.Cors, FunctionUrl: ptr("https://" + *in.FunctionName + ".lambda-url.eu-west-1.on.aws/"),
		}
		return nil
	})
}

func (f *fakeLambda) UpdateFunctionUrlConfig(_ context.Context, in *lambda.UpdateFunctionUrlConfigInput, _ ...func(*lambda.Options)) (*lambda.UpdateFunctionUrlConfigOutput, error) {
	return &lambda.UpdateFunctionUrlConfigOutput{}, f.apply("UpdateFunctionUrlConfig", func() error {
		u := *f.urls[*in.FunctionName]
		if in.AuthType != "" {
			u.AuthType = in.AuthType
		}
		if in.InvokeMode != "" {
			u.InvokeMode = in.InvokeMode
		}
		if in.Cors != nil {
			u.Cors = in.Cors
		}
		f.urls[*in.FunctionName] = &u
		return nil
	})
}

func (f *fakeLambda) DeleteFunctionUrlConfig(_ context.Context, in *lambda.DeleteFunctionUrlConfigInput, _ ...func(*lambda.Options)) (*lambda.DeleteFunctionUrlConfigOutput, error) {
	return &lambda.DeleteFunctionUrlConfigOutput{}, f.apply("DeleteFunctionUrlConfig", func() error {
		if f.urls[*in.FunctionName] == nil {
			return answer("ResourceNotFoundException", "The resource you requested does not exist.")
		}
		delete(f.urls, *in.FunctionName)
		return nil
	})
}
