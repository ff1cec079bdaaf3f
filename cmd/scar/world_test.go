package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http/httptest"
	"os"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	logs "github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/rogpeppe/go-internal/testscript"

	"github.com/scar-go/scar/local"
	"github.com/scar-go/scar/planner"
)

// images starts a registry that holds one/NAME for every argument NAME OS/ARCH, and sets REGISTRY to its
// host: images NAME OS/ARCH ...
func images(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) == 0 || len(args)%2 != 0 {
		ts.Fatalf("usage: images NAME OS/ARCH ...")
	}
	server := httptest.NewServer(registry.New(registry.Logger(log.New(io.Discard, "", 0))))
	ts.Defer(server.Close)
	host := server.Listener.Addr().String()
	for pair := range slices.Chunk(args, 2) {
		platform, err := v1.ParsePlatform(pair[1])
		ts.Check(err)
		reference, err := name.ParseReference(host + "/" + pair[0])
		ts.Check(err)
		ts.Check(remote.WriteIndex(reference, indexOf(ts, *platform)))
	}
	ts.Setenv("REGISTRY", host)
}

// indexOf is a multi-platform image that has one platform.
func indexOf(ts *testscript.TestScript, platform v1.Platform) v1.ImageIndex {
	image, err := random.Image(100, 1)
	ts.Check(err)
	config, err := image.ConfigFile()
	ts.Check(err)
	config = config.DeepCopy()
	config.OS, config.Architecture = platform.OS, platform.Architecture
	image, err = mutate.ConfigFile(image, config)
	ts.Check(err)
	return mutate.AppendManifests(empty.Index, mutate.IndexAddendum{Add: image, Descriptor: v1.Descriptor{Platform: &platform}})
}

// bucket makes a bucket in another region, on a backend of us-east-1, where S3 lets one do that: bucket
// NAME REGION.
func bucket(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) != 2 {
		ts.Fatalf("usage: bucket NAME REGION")
	}
	client := s3.New(s3.Options{
		BaseEndpoint: aws.String(ts.Getenv("AWS_ENDPOINT_URL")), Region: ts.Getenv("AWS_REGION"), UsePathStyle: true,
		Credentials: credentials.NewStaticCredentialsProvider(ts.Getenv("AWS_ACCESS_KEY_ID"), ts.Getenv("AWS_SECRET_ACCESS_KEY"), ""),
	})
	_, err := client.CreateBucket(context.Background(), &s3.CreateBucketInput{Bucket: &args[0], CreateBucketConfiguration: &types.CreateBucketConfiguration{
		LocationConstraint: types.BucketLocationConstraint(args[1]),
	}})
	ts.Check(err)
}

// expand replaces the variables in a file by what they are: expand FILE.
func expand(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) != 1 {
		ts.Fatalf("usage: expand FILE")
	}
	expanded := os.Expand(ts.ReadFile(args[0]), ts.Getenv)
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(expanded), 0o600))
}

// logEvents writes to the log of a function, and makes the log if it is absent: logged FUNCTION AGO MESSAGE ...
// AGO is how long ago the messages were written, as in 90m.
func logEvents(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) < 3 {
		ts.Fatalf("usage: logged FUNCTION AGO MESSAGE ...")
	}
	ago, err := time.ParseDuration(args[1])
	ts.Check(err)
	ts.Check(putLog(logClient(ts.Getenv), args[0], time.Now().Add(-ago), args[2:]))
}

func logClient(getenv func(string) string) *cloudwatchlogs.Client {
	return cloudwatchlogs.New(cloudwatchlogs.Options{
		BaseEndpoint: aws.String(getenv("AWS_ENDPOINT_URL")), Region: getenv("AWS_REGION"),
		Credentials: credentials.NewStaticCredentialsProvider(local.AdminAccessKey, local.AdminSecretKey, ""),
	})
}

// putLog writes messages, each to a stream of its own, to the log of a function, at a time.
func putLog(client *cloudwatchlogs.Client, function string, at time.Time, messages []string) error {
	ctx := context.Background()
	group := planner.LogGroupName(function)
	var there *logs.ResourceAlreadyExistsException
	if _, err := client.CreateLogGroup(ctx, &cloudwatchlogs.CreateLogGroupInput{LogGroupName: &group}); err != nil && !errors.As(err, &there) {
		return err
	}
	for i, message := range messages {
		stream := fmt.Sprintf("stream-%d-%d", at.UnixNano(), i)
		if _, err := client.CreateLogStream(ctx, &cloudwatchlogs.CreateLogStreamInput{LogGroupName: &group, LogStreamName: &stream}); err != nil {
			return err
		}
		_, err := client.PutLogEvents(ctx, &cloudwatchlogs.PutLogEventsInput{
			LogGroupName: &group, LogStreamName: &stream,
			LogEvents: []logs.InputLogEvent{{Timestamp: aws.Int64(at.UnixMilli()), Message: aws.String(message + "\n")}},
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// unmake deletes a function and nothing else, as a removal does that is cut short: unmake FUNCTION.
func unmake(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) != 1 {
		ts.Fatalf("usage: unmake FUNCTION")
	}
	client := lambda.New(lambda.Options{
		BaseEndpoint: aws.String(ts.Getenv("AWS_ENDPOINT_URL")), Region: ts.Getenv("AWS_REGION"),
		Credentials: credentials.NewStaticCredentialsProvider(local.AdminAccessKey, local.AdminSecretKey, ""),
	})
	_, err := client.DeleteFunction(context.Background(), &lambda.DeleteFunctionInput{FunctionName: &args[0]})
	ts.Check(err)
}
