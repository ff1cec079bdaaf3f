package contract

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"net/url"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	awslambda "github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	ssmtypes "github.com/aws/aws-sdk-go-v2/service/ssm/types"

	"github.com/scar-go/scar/cmd/internal/flow"
	"github.com/scar-go/scar/local/lambda"
	"github.com/scar-go/scar/spec"
)

// embedded is the world of images: the embedded backend's Lambda, in whose sandbox they run.
type embedded struct {
	is     traits
	at     *flow.Endpoint
	config sdk.Config

	mu      sync.Mutex
	waiting map[arrival]chan lambda.Invocation
}

// arrival is what is waited for: the run for an object, or the answer to a request.
type arrival struct{ function, key, request string }

func TestContractInAnImageOfGlibc(t *testing.T) {
	t.Parallel()
	runSuite(t, newEmbedded(t, traits{name: "glibc", shell: true, sandboxed: true}, debianImage(t)))
}

func TestContractInAnImageOfMusl(t *testing.T) {
	t.Parallel()
	runSuite(t, newEmbedded(t, traits{name: "musl", shell: true, sandboxed: true, probe: true}, muslImage(t)))
}

func TestContractInAnImageOfOneProgram(t *testing.T) {
	t.Parallel()
	runSuite(t, newEmbedded(t, traits{name: "one static program", sandboxed: true, probe: true}, staticImage(t)))
}

// newEmbedded starts a backend and applies the suite's functions to it.
func newEmbedded(t *testing.T, is traits, image string) *embedded {
	t.Helper()
	e := startEmbedded(t, is)
	e.keepSecrets(t)
	e.apply(t, writeProject(t, is, image))
	return e
}

func startEmbedded(t *testing.T, is traits) *embedded {
	t.Helper()
	e := &embedded{is: is, waiting: map[arrival]chan lambda.Invocation{}}
	backend, err := flow.StartLocal(t.Context(), flow.LocalOptions{
		StateDir: t.TempDir(), Images: filepath.Join(programs, "unpacked"), RetryDelays: []time.Duration{}, OnDone: e.done,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := backend.Close(); err != nil {
			t.Error(err)
		}
	})
	e.at = backend.Endpoint()
	e.config = sdk.Config{
		Region: e.at.Region, BaseEndpoint: sdk.String(e.at.URL), RetryMaxAttempts: 1, // an invocation is tried once
		Credentials: credentials.NewStaticCredentialsProvider(e.at.AccessKey, e.at.SecretKey, ""),
	}
	return e
}

// keepSecrets stores what the functions' secrets hold.
func (e *embedded) keepSecrets(t *testing.T) {
	t.Helper()
	_, err := ssm.NewFromConfig(e.config).PutParameter(t.Context(), &ssm.PutParameterInput{
		Name: sdk.String("/contract/token"), Value: sdk.String(secrets()["TOKEN"]), Type: ssmtypes.ParameterTypeSecureString,
	})
	if err != nil {
		t.Fatal(err)
	}
	_, err = secretsmanager.NewFromConfig(e.config).CreateSecret(t.Context(), &secretsmanager.CreateSecretInput{
		Name: sdk.String("contract/db"), SecretString: sdk.String(asJSON(map[string]string{"password": secrets()["PASSWORD"]})),
	})
	if err != nil {
		t.Fatal(err)
	}
}

func (e *embedded) traits() traits { return e.is }

// done is told of every invocation.
func (e *embedded) done(i lambda.Invocation) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, a := range arrivalsOf(i) {
		if waiting := e.waiting[a]; waiting != nil {
			delete(e.waiting, a)
			waiting <- i
		}
	}
}

// arrivalsOf are the names under which an invocation may be waited for.
func arrivalsOf(i lambda.Invocation) []arrival {
	all := []arrival{{function: i.Function, request: i.RequestID}}
	var event struct {
		Records []struct {
			S3 struct{ Object struct{ Key string } }
		}
	}
	if !i.Async || json.Unmarshal(i.Payload, &event) != nil {
		return all
	}
	for _, r := range event.Records {
		if key, err := url.QueryUnescape(r.S3.Object.Key); err == nil {
			all = append(all, arrival{function: i.Function, key: key})
		}
	}
	return all
}

// await waits for the end of what start starts.
func (e *embedded) await(t *testing.T, a arrival, start func() error) result {
	t.Helper()
	end := make(chan lambda.Invocation, 1)
	e.mu.Lock()
	e.waiting[a] = end
	e.mu.Unlock()
	if err := start(); err != nil {
		t.Fatal(err)
	}
	select {
	case i := <-end:
		return resultOf(i)
	case <-time.After(2 * time.Minute):
		t.Fatalf("%+v was not processed", a)
	}
	return result{}
}

func resultOf(i lambda.Invocation) result {
	r := result{payload: i.Response, log: func() string { return i.LogTail }}
	r.failed.Type, r.failed.Message = i.ErrorType, i.ErrorMessage
	return r
}

func (e *embedded) put(t *testing.T, function, key, content string) result {
	t.Helper()
	return e.await(t, arrival{function: function, key: function + "/in/" + key}, func() error {
		return e.putObject(t.Context(), function, key, content)
	})
}

func (e *embedded) putObject(ctx context.Context, function, key, content string) error {
	_, err := e.objectsClient().PutObject(ctx, &s3.PutObjectInput{
		Bucket: sdk.String(bucket), Key: sdk.String(function + "/in/" + key), Body: strings.NewReader(content),
	})
	return err
}

// store stores an object and lets its event pass.
func (e *embedded) store(t *testing.T, function, key, content string) {
	t.Helper()
	e.put(t, function, key, content)
}

func (e *embedded) remove(t *testing.T, function, key string) result {
	t.Helper()
	if err := e.putObject(t.Context(), function, key, "x"); err != nil {
		t.Fatal(err)
	}
	return e.await(t, arrival{function: function, key: function + "/in/" + key}, func() error {
		_, err := e.objectsClient().DeleteObject(t.Context(), &s3.DeleteObjectInput{Bucket: sdk.String(bucket), Key: sdk.String(function + "/in/" + key)})
		return err
	})
}

func (e *embedded) send(t *testing.T, function, payload string) result {
	t.Helper()
	out, err := awslambda.NewFromConfig(e.config).Invoke(t.Context(), &awslambda.InvokeInput{
		FunctionName: sdk.String(function), Payload: []byte(payload), LogType: "Tail",
	})
	if err != nil {
		t.Fatal(err)
	}
	tail := decoded(t, out.LogResult)
	r := result{payload: out.Payload, log: func() string { return tail }}
	if out.FunctionError != nil {
		if err := json.Unmarshal(out.Payload, &r.failed); err != nil {
			t.Fatalf("error %q: %v", out.Payload, err)
		}
	}
	return r
}

func (e *embedded) objects(t *testing.T, prefix string) map[string]string {
	t.Helper()
	client := e.objectsClient()
	found := map[string]string{}
	pages := s3.NewListObjectsV2Paginator(client, &s3.ListObjectsV2Input{Bucket: sdk.String(bucket), Prefix: sdk.String(prefix)})
	for pages.HasMorePages() {
		page, err := pages.NextPage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, o := range page.Contents {
			object, err := client.GetObject(t.Context(), &s3.GetObjectInput{Bucket: sdk.String(bucket), Key: o.Key})
			if err != nil {
				t.Fatal(err)
			}
			content, err := io.ReadAll(object.Body)
			if err := errors.Join(err, object.Body.Close()); err != nil {
				t.Fatal(err)
			}
			found[strings.TrimPrefix(*o.Key, prefix)] = string(content)
		}
	}
	return found
}

func (e *embedded) objectsClient() *s3.Client {
	return s3.NewFromConfig(e.config, func(o *s3.Options) { o.UsePathStyle = true })
}

// apply makes the functions of a file.
func (e *embedded) apply(t *testing.T, f *spec.File) {
	t.Helper()
	account, err := flow.Connect(t.Context(), flow.Settings{Endpoint: e.at, CacheDir: filepath.Join(programs, "converted"), Version: "test"})
	if err != nil {
		t.Fatal(err)
	}
	planned, err := account.Plan(t.Context(), f, flow.PlanOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := planned.Apply(t.Context(), flow.ApplyOptions{}); err != nil {
		t.Fatal(err)
	}
}

func decoded(t *testing.T, text *string) string {
	t.Helper()
	content, err := base64.StdEncoding.DecodeString(sdk.ToString(text))
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}
