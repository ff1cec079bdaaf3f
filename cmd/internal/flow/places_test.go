package flow

import (
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"

	"github.com/google/go-cmp/cmp"

	"github.com/scar-go/scar/runtime/job"
	"github.com/scar-go/scar/spec"
	"github.com/scar-go/scar/transfer"
)

// fakeS3 stands for AWS's S3 at all of its addresses: its one bucket is in us-west-2.
type fakeS3 struct {
	mu   sync.Mutex
	puts []string // hosts that files were put to, with the region that the call was signed for
}

func (f *fakeS3) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body)
	_, rest, _ := strings.Cut(r.Header.Get("Authorization"), "Credential=key/")
	region := strings.Split(rest, "/")[1]
	w.Header().Set("X-Amz-Bucket-Region", "us-west-2")
	switch {
	case !strings.HasPrefix(r.Host, "photos."):
		w.Header().Del("X-Amz-Bucket-Region")
		w.WriteHeader(http.StatusNotFound)
	case region != "us-west-2":
		w.WriteHeader(http.StatusMovedPermanently)
	case r.Method == http.MethodHead:
		w.WriteHeader(http.StatusForbidden) // to list is another right than to put
	default:
		w.Header().Set("ETag", `"e"`)
		f.mu.Lock()
		defer f.mu.Unlock()
		f.puts = append(f.puts, r.Host+" "+region)
	}
}

// TestBucketElsewhere puts a file to a bucket of another region than the account's.
func TestBucketElsewhere(t *testing.T) {
	aws := &fakeS3{}
	server := httptest.NewTLSServer(aws)
	defer server.Close()
	account := &Account{config: sdk.Config{
		Region: "eu-central-1",
		Credentials: sdk.CredentialsProviderFunc(func(context.Context) (sdk.Credentials, error) {
			return sdk.Credentials{AccessKeyID: "key", SecretAccessKey: "secret"}, nil
		}),
		HTTPClient: awshttp.NewBuildableClient().WithTransportOptions(func(tr *http.Transport) {
			tr.DialContext = func(ctx context.Context, network, _ string) (net.Conn, error) {
				return (&net.Dialer{}).DialContext(ctx, network, server.Listener.Addr().String())
			}
			tr.TLSClientConfig = &tls.Config{InsecureSkipVerify: true} // the name in the certificate is the server's, not AWS's
		}),
	}}
	places, err := account.Places(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer places.Close()
	path := filepath.Join(t.TempDir(), "x")
	if err := os.WriteFile(path, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	tally, err := transfer.Put(t.Context(), []string{path}, transfer.Place{Provider: "s3", Bucket: "photos", Key: "in/"}, places.Open, transfer.Options{})
	if err != nil || tally.Done != 1 {
		t.Fatalf("%+v, %v", tally, err)
	}
	if diff := cmp.Diff([]string{"photos.s3.us-west-2.amazonaws.com us-west-2"}, aws.puts); diff != "" {
		t.Error(diff)
	}
	_, err = places.Open(t.Context(), transfer.Place{Provider: "s3", Bucket: "others"})
	if err == nil || err.Error() != "the bucket others does not exist" {
		t.Errorf("a bucket that does not exist: %v", err)
	}
}

// TestSecretsOfProviders reads those that the file brings with it from the file.
func TestSecretsOfProviders(t *testing.T) {
	name := spec.ParameterName("imaging", "storage", "webdav.nas/password")
	r := &reader{file: &spec.File{Parameters: []spec.Parameter{{Name: name, Value: spec.Seal(`{"a": "text", "b": 7}`)}}}}
	for key, want := range map[string]string{"": `{"a": "text", "b": 7}`, "a": "text", "b": "7"} {
		if got, err := r.Get(t.Context(), job.Secret{Service: job.SSM, Name: name, Key: key}); err != nil || got != want {
			t.Errorf("%q: %q, %v", key, got, err)
		}
	}
	if _, err := r.Get(t.Context(), job.Secret{Service: job.SSM, Name: name, Key: "c"}); err == nil || strings.Contains(err.Error(), "text") {
		t.Errorf("a key that is not there: %v", err)
	}
}

func TestPlacesOf(t *testing.T) {
	file := &spec.File{Functions: []spec.Function{
		{Inputs: []spec.Input{{Bucket: "photos", Prefix: "in/"}, {Provider: "webdav.nas", Prefix: "in/"}}, Outputs: []spec.Output{{Provider: "s3", Bucket: "photos", Prefix: "out/"}}},
		{Inputs: []spec.Input{{Provider: "s3", Bucket: "photos", Prefix: "out/"}}, Outputs: []spec.Output{{Provider: "minio.lab", Bucket: "b"}}},
	}}
	want := []string{"minio.lab/b/", "s3://photos/in/", "s3://photos/out/", "webdav.nas/in/"}
	if diff := cmp.Diff(want, PlacesOf(file)); diff != "" {
		t.Error(diff)
	}
}

func TestOpenNamesWhatIsMissing(t *testing.T) {
	at := transfer.Place{Provider: "minio.lab", Bucket: "b"}
	for _, c := range []struct {
		file *spec.File
		want string
	}{
		{nil, "minio.lab/b/: no file describes the storage minio.lab: name one with -f"},
		{&spec.File{Path: "func.yaml"}, "minio.lab/b/: func.yaml describes no storage minio.lab"},
	} {
		places, err := (&Account{}).Places(t.Context(), c.file)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := places.Open(t.Context(), at); err == nil || err.Error() != c.want {
			t.Errorf("%v", err)
		}
		places.Close()
	}
}
