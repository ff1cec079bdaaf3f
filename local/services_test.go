package local

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	awslambda "github.com/aws/aws-sdk-go-v2/service/lambda"
	lambdatypes "github.com/aws/aws-sdk-go-v2/service/lambda/types"
	tagging "github.com/aws/aws-sdk-go-v2/service/resourcegroupstaggingapi"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/scar-go/scar/local/iam"
)

// pushImage puts an image for Linux on amd64 into the registry and returns its URI in AWS.
func pushImage(t *testing.T, cfg aws.Config, repo string) string {
	t.Helper()
	createRepository(t, cfg, repo)
	host, password := login(t, cfg)
	base := randomImage(t, 1000)
	file, err := base.ConfigFile()
	must(t, err)
	file.OS, file.Architecture, file.Config = "linux", "amd64", v1.Config{Entrypoint: []string{"/none"}}
	img, err := mutate.ConfigFile(base, file)
	must(t, err)
	ref, err := name.ParseReference(host + "/" + repo + ":t")
	must(t, err)
	must(t, remote.Write(ref, img, remote.WithAuth(&authn.Basic{Username: "AWS", Password: password})))
	digest, err := img.Digest()
	must(t, err)
	return DefaultAccount + ".dkr.ecr.us-east-1.amazonaws.com/" + repo + "@" + digest.String()
}

func TestServicesWorkTogether(t *testing.T) {
	ctx := context.Background()
	script, _, cfg := openScripted(t, Options{})
	functions, objects := awslambda.NewFromConfig(cfg), s3.NewFromConfig(cfg, func(o *s3.Options) { o.UsePathStyle = true })
	script.IAMLag(iam.Lag{Assumes: 1})
	createRole(t, cfg, "r")
	create := &awslambda.CreateFunctionInput{
		FunctionName: aws.String("f"), PackageType: lambdatypes.PackageTypeImage, Role: aws.String("arn:aws:iam::000000000000:role/r"),
		Code: &lambdatypes.FunctionCode{ImageUri: aws.String(pushImage(t, cfg, "scar/p"))}, Tags: map[string]string{"scar:project": "p"},
	}
	script.Stale("lambda:GetFunction", 1)
	get := func() error {
		_, err := functions.GetFunction(ctx, &awslambda.GetFunctionInput{FunctionName: aws.String("f")})
		return err
	}
	wantCode(t, get(), "ResourceNotFoundException")
	_, err := functions.CreateFunction(ctx, create)
	wantCode(t, err, "InvalidParameterValueException")
	if err == nil || !strings.Contains(err.Error(), "cannot be assumed by Lambda") {
		t.Errorf("a role that is not assumable yet: %v", err)
	}
	_, err = functions.CreateFunction(ctx, create)
	must(t, err)
	wantCode(t, get(), "ResourceNotFoundException")
	must(t, get())

	_, err = objects.CreateBucket(ctx, &s3.CreateBucketInput{Bucket: aws.String("photos"), CreateBucketConfiguration: &s3types.CreateBucketConfiguration{
		Tags: []s3types.Tag{{Key: aws.String("scar:project"), Value: aws.String("p")}}}})
	must(t, err)
	notify := &s3.PutBucketNotificationConfigurationInput{Bucket: aws.String("photos"), NotificationConfiguration: &s3types.NotificationConfiguration{
		LambdaFunctionConfigurations: []s3types.LambdaFunctionConfiguration{{
			LambdaFunctionArn: aws.String("arn:aws:lambda:us-east-1:000000000000:function:f"), Events: []s3types.Event{"s3:ObjectCreated:*"}}}}}
	_, err = objects.PutBucketNotificationConfiguration(ctx, notify)
	wantCode(t, err, "InvalidArgument") // there is no permission
	_, err = functions.AddPermission(ctx, &awslambda.AddPermissionInput{
		FunctionName: aws.String("f"), StatementId: aws.String("s"), Action: aws.String("lambda:InvokeFunction"), Principal: aws.String("s3.amazonaws.com"),
		SourceArn: aws.String("arn:aws:s3:::photos"), SourceAccount: aws.String(DefaultAccount)})
	must(t, err)
	_, err = objects.PutBucketNotificationConfiguration(ctx, notify)
	must(t, err)

	found, err := tagging.NewFromConfig(cfg).GetResources(ctx, &tagging.GetResourcesInput{ResourceTypeFilters: []string{"s3", "lambda:function"}})
	must(t, err)
	var arns []string
	for _, m := range found.ResourceTagMappingList {
		arns = append(arns, *m.ResourceARN)
	}
	if want := []string{"arn:aws:lambda:us-east-1:000000000000:function:f", "arn:aws:s3:::photos"}; !slices.Equal(arns, want) {
		t.Errorf("tagged: %v", arns)
	}
}

func TestObjectsAndWhoMayReadThem(t *testing.T) {
	ctx := context.Background()
	b, _ := open(t, Options{})
	client := func(cfg aws.Config) *s3.Client {
		return s3.NewFromConfig(cfg, func(o *s3.Options) { o.UsePathStyle = true })
	}
	admin := client(adminOf(b))
	_, err := admin.CreateBucket(ctx, &s3.CreateBucketInput{Bucket: aws.String("bucket")})
	must(t, err)
	key := "in/a b+c%/ü//x"
	_, err = admin.PutObject(ctx, &s3.PutObjectInput{Bucket: aws.String("bucket"), Key: &key, Body: bytes.NewReader([]byte("text"))})
	must(t, err)

	res, err := http.Get(b.Endpoint() + "/bucket/x")
	must(t, err)
	must(t, res.Body.Close())
	if res.StatusCode != http.StatusForbidden {
		t.Errorf("unsigned: %s", res.Status)
	}
	presigned, err := s3.NewPresignClient(admin).PresignGetObject(ctx, &s3.GetObjectInput{Bucket: aws.String("bucket"), Key: &key})
	must(t, err)
	res, err = http.Get(presigned.URL)
	must(t, err)
	body, err := io.ReadAll(res.Body)
	must(t, err)
	must(t, res.Body.Close())
	if string(body) != "text" {
		t.Errorf("presigned: %s %s", res.Status, body)
	}

	createRole(t, adminOf(b), "r")
	session, err := b.iam.Session(ctx, "arn:aws:iam::000000000000:role/r", "lambda.amazonaws.com", "s")
	must(t, err)
	_, err = client(config(b.Endpoint(), session.AccessKeyID, session.SecretAccessKey, session.SessionToken)).GetObject(ctx, &s3.GetObjectInput{Bucket: aws.String("bucket"), Key: &key})
	wantCode(t, err, "AccessDenied")
	_, err = client(config(b.Endpoint(), AdminAccessKey, "wrong", "")).GetObject(ctx, &s3.GetObjectInput{Bucket: aws.String("bucket"), Key: &key})
	wantCode(t, err, "SignatureDoesNotMatch")
	_, err = client(config(b.Endpoint(), "AKIDUNKNOWN", "x", "")).GetObject(ctx, &s3.GetObjectInput{Bucket: aws.String("bucket"), Key: &key})
	wantCode(t, err, "InvalidAccessKeyId")
}
