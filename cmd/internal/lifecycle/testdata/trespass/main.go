// Trespass runs in a function and tries what its role allows and what it does not. For each try it
// prints a line with a name and the HTTP status of the answer.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

func main() {
	ctx := context.Background()
	cfg, err := config.LoadDefaultConfig(ctx, config.WithRetryer(func() aws.Retryer { return retry.AddWithMaxAttempts(retry.NewStandard(), 1) }))
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	client := s3.NewFromConfig(cfg, func(o *s3.Options) { o.UsePathStyle = true })
	read := func(bucket, key string) error {
		_, err := client.GetObject(ctx, &s3.GetObjectInput{Bucket: &bucket, Key: &key})
		return err
	}
	write := func(bucket, key string) error {
		_, err := client.PutObject(ctx, &s3.PutObjectInput{Bucket: &bucket, Key: &key, Body: strings.NewReader("x")})
		return err
	}
	remove := func(bucket, key string) error {
		_, err := client.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: &bucket, Key: &key})
		return err
	}
	list := func(bucket, prefix string) error {
		_, err := client.ListObjectsV2(ctx, &s3.ListObjectsV2Input{Bucket: &bucket, Prefix: &prefix})
		return err
	}
	report("read input", read("photos", "in/file.txt"))
	report("read output", read("photos", "out/report.txt"))
	report("read elsewhere", read("photos", "private/secret.txt"))
	report("read another bucket", read("others", "secret.txt"))
	report("write output", write("photos", "out/x"))
	report("write input", write("photos", "in/x"))
	report("write elsewhere", write("photos", "private/x"))
	report("write another function's record", write("photos", ".scar/another/x.json"))
	report("write another bucket", write("others", "x"))
	report("delete input", remove("photos", "in/file.txt"))
	report("delete output", remove("photos", "out/x"))
	report("list input", list("photos", "in/"))
	report("list bucket", list("photos", ""))
	_, err = client.ListBuckets(ctx, &s3.ListBucketsInput{})
	report("list buckets", err)
	_, err = client.GetBucketNotificationConfiguration(ctx, &s3.GetBucketNotificationConfigurationInput{Bucket: aws.String("photos")})
	report("read rules", err)
	_, err = client.DeleteBucket(ctx, &s3.DeleteBucketInput{Bucket: aws.String("photos")})
	report("delete bucket", err)
	_, err = lambda.NewFromConfig(cfg).GetFunction(ctx, &lambda.GetFunctionInput{FunctionName: aws.String("trespass")})
	report("read function", err)
	_, err = iam.NewFromConfig(cfg).ListRoles(ctx, &iam.ListRolesInput{})
	report("list roles", err)
}

func report(name string, err error) {
	status := 200
	var response *smithyhttp.ResponseError
	switch {
	case errors.As(err, &response):
		status = response.HTTPStatusCode()
	case err != nil:
		status = 0
		fmt.Fprintln(os.Stderr, name, err)
	}
	fmt.Printf("%s: %d\n", name, status)
}
