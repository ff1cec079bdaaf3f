package local

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsecr "github.com/aws/aws-sdk-go-v2/service/ecr"
	"github.com/aws/aws-sdk-go-v2/service/sts"
)

func openBench(b *testing.B) (*Backend, aws.Config) {
	b.Helper()
	backend, err := Open(context.Background(), Options{Dir: b.TempDir()})
	if err != nil {
		b.Fatal(err)
	}
	server := httptest.NewServer(backend)
	backend.SetEndpoint(server.URL)
	b.Cleanup(func() {
		server.Close()
		if err := backend.Close(); err != nil {
			b.Error(err)
		}
	})
	return backend, adminOf(backend)
}

// BenchmarkCall is what the frame adds to a call: identification, signature, dispatch.
func BenchmarkCall(b *testing.B) {
	_, cfg := openBench(b)
	client := sts.NewFromConfig(cfg)
	for b.Loop() {
		if _, err := client.GetCallerIdentity(context.Background(), nil); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkUpload is how fast a layer goes into the registry.
func BenchmarkUpload(b *testing.B) {
	backend, cfg := openBench(b)
	client := awsecr.NewFromConfig(cfg)
	if _, err := client.CreateRepository(context.Background(), &awsecr.CreateRepositoryInput{RepositoryName: aws.String("bench")}); err != nil {
		b.Fatal(err)
	}
	_, admin, err := backend.iam.Lookup(context.Background(), AdminAccessKey, "")
	if err != nil {
		b.Fatal(err)
	}
	password, _, err := backend.iam.RegistryPassword(admin)
	if err != nil {
		b.Fatal(err)
	}
	layer := bytes.Repeat([]byte("scar"), 16<<20)
	url := fmt.Sprintf("%s/v2/bench/blobs/uploads/?digest=sha256:%x", backend.Endpoint(), sha256.Sum256(layer))
	b.SetBytes(int64(len(layer)))
	b.ReportAllocs()
	for b.Loop() {
		r, err := http.NewRequest(http.MethodPost, url, bytes.NewReader(layer))
		if err != nil {
			b.Fatal(err)
		}
		r.SetBasicAuth("AWS", password)
		res, err := http.DefaultClient.Do(r)
		if err != nil {
			b.Fatal(err)
		}
		if err := res.Body.Close(); err != nil || res.StatusCode != http.StatusCreated {
			b.Fatal(res.Status, err)
		}
	}
}
