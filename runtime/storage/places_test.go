//go:build linux

package storage

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/johannesboyne/gofakes3"
	"github.com/johannesboyne/gofakes3/backend/s3mem"

	"github.com/scar-go/scar/internal/moto"
	"github.com/scar-go/scar/local"
	"github.com/scar-go/scar/runtime/job"
)

// place is a kind of storage under test, on a server of its own.
type place struct {
	name     string
	provider job.Provider // without endpoint
	bucket   string
	checks   bool // the server compares credentials
	folders  bool // keys are paths of files in folders

	// start starts a server with nothing in it. Its handler is nil where it is a program of its own, at the address.
	start  func(t testing.TB) (handler http.Handler, address string)
	secret string // that the server knows; empty: the constant

	// lie makes the checksum wrong that a download comes with; nil where there is none to lie about.
	lie func(http.Header)
}

// The credentials of all servers.
const (
	user   = "local"
	secret = "local-secret-of-this-test"
	wrong  = "another-secret-of-this-test"
)

var secretName = job.Secret{Service: job.SSM, Name: "/lab/secret"}

// vault stands for the service that keeps secrets.
type vault map[job.Secret]string

func (v vault) Get(_ context.Context, s job.Secret) (string, error) {
	value, ok := v[s]
	if !ok {
		return "", fmt.Errorf("there is no secret %s", s)
	}
	return value, nil
}

func s3Provider(of job.ProviderType) job.Provider {
	return job.Provider{Type: of, Region: "us-east-1", AccessKey: &job.Credential{Text: user}, SecretKey: &job.Credential{Secret: &secretName}}
}

func lieMD5(h http.Header) { h.Set("ETag", `"00000000000000000000000000000000"`) }

func lieCRC(h http.Header) {
	for name := range h {
		if strings.HasPrefix(name, "X-Amz-Checksum-Crc") {
			h.Set(name, "AAAAAA==")
		}
	}
}

func places() []place {
	dav := job.Provider{Type: job.WebDAV, User: &job.Credential{Text: user}, Password: &job.Credential{Secret: &secretName}}
	return []place{
		{name: job.OwnS3, bucket: bucket, start: startEmbedded, lie: lieCRC},
		{name: "s3.fake", provider: s3Provider(job.S3), bucket: bucket, start: startFakeS3, lie: lieMD5},
		{name: "minio.embedded", provider: s3Provider(job.MinIO), bucket: bucket, checks: true, start: startEmbedded, secret: local.AdminSecretKey, lie: lieCRC},
		{name: "s3.moto", provider: s3Provider(job.S3), bucket: bucket, start: startMoto},
		{name: "webdav.go", provider: dav, folders: true, checks: true, start: startWebDAV, lie: func(h http.Header) {
			h.Set("OC-Checksum", "SHA1:0000000000000000000000000000000000000000")
		}},
		{name: "webdav.apache", provider: dav, folders: true, checks: true, start: startApache("Basic")},
		{name: "onedata.fake", provider: job.Provider{Type: job.Onedata, Space: "lab 1", Token: &job.Credential{Secret: &secretName}},
			folders: true, checks: true, start: startOnedata},
	}
}

// server is a place that runs.
type server struct {
	place
	url     string
	front   *httptest.Server // nil where the server is a program of its own
	stores  *Stores
	secrets vault
}

// run starts a place. Its handler, where it has one, is wrapped.
func (p place) run(t testing.TB, wrap func(http.Handler) http.Handler) *server {
	t.Helper()
	handler, address := p.start(t)
	var front *httptest.Server
	if handler != nil {
		if wrap != nil {
			handler = wrap(handler)
		}
		front = httptest.NewServer(handler)
		t.Cleanup(front.Close)
		address = front.URL
	} else if wrap != nil {
		t.Fatalf("%s: the server's handler cannot be wrapped", p.name)
	}
	s := &server{place: p, url: address, front: front, secrets: vault{secretName: first(p.secret, secret)}}
	s.provider.Endpoint = address + p.provider.Endpoint
	s.stores = newStores(t, map[string]job.Provider{p.name: s.provider}, s.secrets)
	if p.name == job.OwnS3 {
		s.stores.options.Getenv = ownEnvironment(address)
	}
	return s
}

// ownEnvironment is that of a function whose account is the embedded backend's.
func ownEnvironment(address string) func(string) string {
	return func(name string) string {
		return map[string]string{
			"AWS_REGION": local.DefaultRegion, "AWS_ENDPOINT_URL": address,
			"AWS_ACCESS_KEY_ID": local.AdminAccessKey, "AWS_SECRET_ACCESS_KEY": local.AdminSecretKey,
		}[name]
	}
}

// newStores makes stores that do not wait long before they try again.
func newStores(t testing.TB, providers map[string]job.Provider, secrets vault) *Stores {
	stores := New(Options{Getenv: environment(""), Providers: providers, Secrets: secrets})
	stores.retries.first = 2 * time.Millisecond
	t.Cleanup(stores.Close)
	return stores
}

func (s *server) store(t testing.TB) Store {
	t.Helper()
	store, err := s.stores.Open(t.Context(), s.name)
	if err != nil {
		t.Fatal(err)
	}
	return store
}

func startFakeS3(t testing.TB) (http.Handler, string) {
	backend := s3mem.New()
	if err := backend.CreateBucket(bucket); err != nil {
		t.Fatal(err)
	}
	return gofakes3.New(backend).Server(), ""
}

// startEmbedded starts the S3 that scar brings along for local runs. It compares signatures with one pair of keys.
func startEmbedded(t testing.TB) (http.Handler, string) {
	backend, err := local.Open(t.Context(), local.Options{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := backend.Close(); err != nil {
			t.Error(err)
		}
	})
	front := httptest.NewServer(backend)
	defer front.Close()
	makeBucket(t, front.URL, local.AdminAccessKey, local.AdminSecretKey)
	return backend, ""
}

func makeBucket(t testing.TB, endpoint, key, secret string) {
	t.Helper()
	client := s3.New(s3.Options{
		Region: "us-east-1", BaseEndpoint: &endpoint, UsePathStyle: true,
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: key, SecretAccessKey: secret}, nil
		}),
	})
	if _, err := client.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: aws.String(bucket)}); err != nil {
		t.Fatal(err)
	}
}

// startMoto starts a server of S3 that is not of our making.
func startMoto(t testing.TB) (http.Handler, string) {
	address := moto.Serve(t)
	makeBucket(t, address, user, secret)
	return nil, address
}

// startWebDAV starts the server of golang.org/x/net, behind a check of the password.
func startWebDAV(t testing.TB) (http.Handler, string) {
	handler, _ := startPlainWebDAV(t)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if name, password, _ := r.BasicAuth(); name != user || password != secret {
			_, _ = io.Copy(io.Discard, r.Body)
			w.Header().Set("WWW-Authenticate", `Basic realm="scar"`)
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		handler.ServeHTTP(w, r)
	}), ""
}
