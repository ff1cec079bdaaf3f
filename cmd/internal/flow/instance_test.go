package flow

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
)

// onInstance makes the address of a metadata service known to the SDK, and everything else unknown.
func onInstance(t *testing.T, endpoint string) *Account {
	t.Helper()
	nothing := filepath.Join(t.TempDir(), "nothing")
	for _, name := range []string{"AWS_PROFILE", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_EC2_METADATA_DISABLED"} {
		t.Setenv(name, "")
	}
	t.Setenv("AWS_CONFIG_FILE", nothing)
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", nothing)
	t.Setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", endpoint)
	a, err := Connect(context.Background(), Settings{Region: "eu-west-1"})
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func TestCredentialsOfAnInstance(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.URL.Path == "/latest/api/token":
			w.Header().Set("X-Aws-Ec2-Metadata-Token-Ttl-Seconds", "21600")
			_, _ = io.WriteString(w, "token")
		case strings.HasSuffix(r.URL.Path, "/security-credentials/"):
			_, _ = io.WriteString(w, "worker")
		default:
			_, _ = io.WriteString(w, `{"Code":"Success","AccessKeyId":"AKIA","SecretAccessKey":"s","Token":"t","Expiration":"2099-01-01T00:00:00Z"}`)
		}
	}))
	defer server.Close()
	a := onInstance(t, server.URL)
	for range 2 {
		got, err := a.config.Credentials.Retrieve(context.Background())
		if err != nil || got.AccessKeyID != "AKIA" {
			t.Fatalf("%q, %v", got.AccessKeyID, err)
		}
	}
}

// A metadata service that takes connections and never answers is asked once.
func TestNoInstance(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	a := onInstance(t, "http://"+listener.Addr().String())
	ctx, cancel := context.WithTimeout(context.Background(), 4*instanceWait) // five questions would take longer
	defer cancel()
	for range 5 {
		if _, err := a.config.Credentials.Retrieve(ctx); !errors.Is(err, errNoCredentials) {
			t.Fatalf("got %v, want %v", err, errNoCredentials)
		}
	}
	if _, err := a.identify(ctx); !errors.Is(err, errNoCredentials) {
		t.Fatalf("got %v, want %v", err, errNoCredentials)
	}
}
