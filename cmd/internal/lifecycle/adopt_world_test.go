package lifecycle

import (
	"archive/tar"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	lambdatypes "github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"

	"github.com/scar-go/scar/local/wire"
)

// The names of what the original leaves in an account.
const (
	originalStatement = "3f1f6a0e-0d6a-4f5c-9d8e-1d2c3b4a5f60"
	originalAPI       = "9c0d7f3e-77aa-4c6e-8f38-5f8f0b7c2d11"
	originalRule      = "YjM0ZTQ5MjEtZTk3Ny00"
	originalRole      = "scar-lambda"
)

// makeOriginal makes what the original leaves: a function of an archive with its tags and layers, a log group without any, a
// statement and a rule for the input bucket, and a statement for its REST API. The bucket is somebody's, with their rules.
func (w *world) makeOriginal(bucket, function string) {
	w.t.Helper()
	ctx := w.t.Context()
	w.makeForeign(bucket)
	role := w.makeRole(originalRole, `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"lambda.amazonaws.com"},"Action":"sts:AssumeRole"}]}`, "")
	client := lambda.NewFromConfig(w.config)
	_, err := client.CreateFunction(ctx, &lambda.CreateFunctionInput{
		FunctionName: &function, Role: &role, PackageType: lambdatypes.PackageTypeZip, Code: &lambdatypes.FunctionCode{ZipFile: []byte("PK")},
		Runtime: lambdatypes.RuntimePython37, Handler: sdk.String(function + ".lambda_handler"), Timeout: sdk.Int32(300), MemorySize: sdk.Int32(512),
		Layers:      []string{"arn:aws:lambda:us-east-1:000000000000:layer:faas-supervisor:3"},
		Environment: &lambdatypes.Environment{Variables: map[string]string{"SUPERVISOR_TYPE": "LAMBDA"}},
		Tags:        map[string]string{"createdby": "scar", "owner": "them"},
	})
	w.must(err)
	_, err = cloudwatchlogs.NewFromConfig(w.config).CreateLogGroup(ctx, &cloudwatchlogs.CreateLogGroupInput{LogGroupName: sdk.String("/aws/lambda/" + function)})
	w.must(err)
	for id, from := range map[string][2]string{
		originalStatement: {"s3.amazonaws.com", "arn:aws:s3:::" + bucket},
		originalAPI:       {"apigateway.amazonaws.com", "arn:aws:execute-api:" + w.naming.Region + ":" + w.naming.Account + ":a1b2c3d4e5/*/ANY/*"},
	} {
		_, err = client.AddPermission(ctx, &lambda.AddPermissionInput{
			FunctionName: &function, StatementId: &id, Action: sdk.String("lambda:InvokeFunction"), Principal: &from[0], SourceArn: &from[1],
		})
		w.must(err)
	}
	doc, err := w.s3().GetBucketNotificationConfiguration(ctx, &s3.GetBucketNotificationConfigurationInput{Bucket: &bucket})
	w.must(err)
	_, err = w.s3().PutBucketNotificationConfiguration(ctx, &s3.PutBucketNotificationConfigurationInput{
		Bucket: &bucket,
		NotificationConfiguration: &types.NotificationConfiguration{
			EventBridgeConfiguration: doc.EventBridgeConfiguration, QueueConfigurations: doc.QueueConfigurations, TopicConfigurations: doc.TopicConfigurations,
			LambdaFunctionConfigurations: append(doc.LambdaFunctionConfigurations, types.LambdaFunctionConfiguration{
				Id: sdk.String(originalRule), LambdaFunctionArn: sdk.String(w.naming.FunctionARN(function)), Events: []types.Event{"s3:ObjectCreated:*"},
				Filter: &types.NotificationConfigurationFilter{Key: &types.S3KeyFilter{FilterRules: []types.FilterRule{{Name: types.FilterRuleNamePrefix, Value: sdk.String("in/")}}}},
			}),
		},
	})
	w.must(err)
}

// busyboxLayout writes an image that holds this machine's busybox, as an OCI layout, and returns its folder.
func busyboxLayout(t testing.TB) string {
	t.Helper()
	path, err := exec.LookPath("busybox")
	if err != nil {
		t.Fatalf("the functions of this test run in an image of busybox, which apt-get install busybox-static brings: %v", err)
	}
	busybox, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	archive := tar.NewWriter(&b)
	err = archive.WriteHeader(&tar.Header{Name: "bin/busybox", Mode: 0o755, Size: int64(len(busybox))})
	if err == nil {
		_, err = archive.Write(busybox)
	}
	for _, name := range []string{"sh", "cp"} {
		err = errors.Join(err, archive.WriteHeader(&tar.Header{Typeflag: tar.TypeSymlink, Name: "bin/" + name, Linkname: "busybox"}))
	}
	if err := errors.Join(err, archive.Close()); err != nil {
		t.Fatal(err)
	}
	layer, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(b.Bytes())), nil })
	if err != nil {
		t.Fatal(err)
	}
	img, err := mutate.ConfigFile(empty.Image, &v1.ConfigFile{OS: "linux", Architecture: "amd64", RootFS: v1.RootFS{Type: "layers"}})
	if err != nil {
		t.Fatal(err)
	}
	if img, err = mutate.AppendLayers(img, layer); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	index, err := layout.Write(dir, empty.Index)
	if err != nil {
		t.Fatal(err)
	}
	if err := index.AppendImage(img); err != nil {
		t.Fatal(err)
	}
	return dir
}

// arrivals are files that go on arriving in a folder of a bucket.
type arrivals struct {
	stop chan struct{}
	done sync.WaitGroup
	mu   sync.Mutex
	keys []string // below the folder
	err  error
}

// arrive puts one file after the other into a folder, until its stop is closed.
func (w *world) arrive(bucket, folder string) *arrivals {
	a := &arrivals{stop: make(chan struct{})}
	client := w.s3()
	a.done.Go(func() {
		for i := 0; ; i++ {
			select {
			case <-a.stop:
				return
			case <-time.After(20 * time.Millisecond): // between two files
			}
			key := fmt.Sprintf("%04d a+b.txt", i)
			_, err := client.PutObject(w.t.Context(), &s3.PutObjectInput{Bucket: &bucket, Key: sdk.String(folder + key), Body: strings.NewReader(key)})
			a.mu.Lock()
			a.keys = append(a.keys, key)
			a.err = errors.Join(a.err, err)
			a.mu.Unlock()
		}
	})
	return a
}

// end stops and returns what has arrived.
func (a *arrivals) end(t testing.TB) []string {
	t.Helper()
	close(a.stop)
	a.done.Wait()
	if a.err != nil {
		t.Fatal(a.err)
	}
	return a.keys
}

func (a *arrivals) count() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return len(a.keys)
}

// list are the keys below a folder of a bucket, sorted.
func (w *world) list(bucket, folder string) []string {
	w.t.Helper()
	var keys []string
	for pages := s3.NewListObjectsV2Paginator(w.s3(), &s3.ListObjectsV2Input{Bucket: &bucket, Prefix: &folder}); pages.HasMorePages(); {
		page, err := pages.NextPage(w.t.Context())
		w.must(err)
		for _, o := range page.Contents {
			keys = append(keys, strings.TrimPrefix(*o.Key, folder))
		}
	}
	slices.Sort(keys)
	return keys
}

// killAt starts scar and kills it when it makes the n-th call of an operation, or right before the call that follows it. It returns
// whether scar died.
func (c *cli) killAt(w *world, operation string, n int64, after bool, args ...string) bool {
	c.t.Helper()
	path, err := scarBinary()
	if err != nil {
		c.t.Fatal(err)
	}
	cmd := exec.CommandContext(c.t.Context(), path, args...)
	cmd.Dir, cmd.Env = c.dir, c.env
	started := make(chan struct{})
	var made atomic.Int64
	var next atomic.Bool
	w.script.Observe(func(call wire.Call) {
		<-started
		if next.Load() && call.Identity.ARN != "" && !strings.Contains(call.Identity.ARN, "assumed-role") {
			_ = cmd.Process.Kill() // it may have ended by itself
		}
		if call.Service+":"+call.Operation != operation || made.Add(1) != n {
			return
		}
		if after {
			next.Store(true)
		} else {
			_ = cmd.Process.Kill()
		}
	})
	defer w.script.Observe(nil)
	if err := cmd.Start(); err != nil {
		c.t.Fatal(err)
	}
	close(started)
	var exit *exec.ExitError
	err = cmd.Wait()
	if err != nil && !errors.As(err, &exit) {
		c.t.Fatal(err)
	}
	return exit != nil && exit.ExitCode() == -1
}
