package lifecycle

import (
	"testing"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	lambdatypes "github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/scar-go/scar/planner"
)

// TestTakingOverOnMoto takes over a function of an archive on moto, which is not of our making.
func TestTakingOverOnMoto(t *testing.T) {
	t.Parallel()
	w := newMotoWorld(t)
	ctx, function, bucket := t.Context(), "grayify", "photos"
	in := &s3.CreateBucketInput{Bucket: &bucket}
	w.inRegion(in)
	_, err := w.s3().CreateBucket(ctx, in)
	w.must(err)
	client := lambda.NewFromConfig(w.config)
	role := w.makeRole(originalRole, `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"lambda.amazonaws.com"},"Action":"sts:AssumeRole"}]}`, "")
	_, err = client.CreateFunction(ctx, &lambda.CreateFunctionInput{
		FunctionName: &function, Role: &role, PackageType: lambdatypes.PackageTypeZip, Code: &lambdatypes.FunctionCode{ZipFile: []byte("PK")},
		Runtime: lambdatypes.RuntimePython37, Handler: sdk.String("grayify.lambda_handler"), Tags: map[string]string{"createdby": "scar"},
	})
	w.must(err)
	_, err = cloudwatchlogs.NewFromConfig(w.config).CreateLogGroup(ctx, &cloudwatchlogs.CreateLogGroupInput{LogGroupName: sdk.String("/aws/lambda/grayify")})
	w.must(err)
	_, err = client.AddPermission(ctx, &lambda.AddPermissionInput{
		FunctionName: &function, StatementId: sdk.String(originalStatement), Action: sdk.String("lambda:InvokeFunction"),
		Principal: sdk.String("s3.amazonaws.com"), SourceArn: sdk.String("arn:aws:s3:::photos"),
	})
	w.must(err)
	_, err = w.s3().PutBucketNotificationConfiguration(ctx, &s3.PutBucketNotificationConfigurationInput{
		Bucket: &bucket, NotificationConfiguration: &types.NotificationConfiguration{LambdaFunctionConfigurations: []types.LambdaFunctionConfiguration{{
			Id: sdk.String(originalRule), LambdaFunctionArn: sdk.String(w.naming.FunctionARN(function)), Events: []types.Event{"s3:ObjectCreated:*"},
			Filter: &types.NotificationConfigurationFilter{Key: &types.S3KeyFilter{FilterRules: []types.FilterRule{{Name: types.FilterRuleNamePrefix, Value: sdk.String("in/")}}}},
		}}},
	})
	w.must(err)
	p := w.project(w.load(oneFunction))
	w.converge(p, func(o *planner.Options) { o.Adopt = []planner.Address{{Kind: planner.KindFunction, Name: function}} })
	doc, err := w.s3().GetBucketNotificationConfiguration(ctx, &s3.GetBucketNotificationConfigurationInput{Bucket: &bucket})
	w.must(err)
	if rules := doc.LambdaFunctionConfigurations; len(rules) != 1 || *rules[0].Id == originalRule {
		t.Errorf("the bucket has the rules %+v", rules)
	}
	w.destroy(p)
}
