package local

import (
	"context"
	"errors"
	"net"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go"
)

// open opens a backend in a directory and serves it until the test ends or stop is called.
func open(t *testing.T, o Options) (b *Backend, stop func()) {
	t.Helper()
	if o.Dir == "" {
		o.Dir = t.TempDir()
	}
	b, err := Open(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	b.SetEndpoint("http://" + l.Addr().String())
	ctx, cancel := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() { served <- b.Serve(ctx, l) }()
	done := false
	stop = func() {
		if done {
			return
		}
		done = true
		cancel()
		if err := <-served; err != nil {
			t.Errorf("serve: %v", err)
		}
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	}
	t.Cleanup(stop)
	return b, stop
}

// config is how the SDK calls a server, without waiting between attempts.
func config(endpoint, key, secret, token string) aws.Config {
	return aws.Config{
		Region:       DefaultRegion,
		BaseEndpoint: aws.String(endpoint),
		Credentials:  credentials.NewStaticCredentialsProvider(key, secret, token),
		Retryer:      func() aws.Retryer { return aws.NopRetryer{} },
	}
}

func adminOf(b *Backend) aws.Config {
	return config(b.Endpoint(), AdminAccessKey, AdminSecretKey, "")
}

// wantCode checks that an error is AWS's of that code.
func wantCode(t *testing.T, err error, code string) {
	t.Helper()
	var api smithy.APIError
	if !errors.As(err, &api) {
		t.Errorf("want %s, got %v", code, err)
		return
	}
	if api.ErrorCode() != code {
		t.Errorf("want %s, got %s: %s", code, api.ErrorCode(), api.ErrorMessage())
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// eventually waits until a condition holds.
func eventually(t *testing.T, what string, condition func() bool) {
	t.Helper()
	deadline := time.Now().Add(20 * time.Second)
	for !condition() {
		if time.Now().After(deadline) {
			t.Fatalf("still not: %s", what)
		}
		time.Sleep(10 * time.Millisecond)
	}
}

const lambdaTrust = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"lambda.amazonaws.com"},"Action":"sts:AssumeRole"}]}`

func createRole(t *testing.T, cfg aws.Config, name string) {
	t.Helper()
	_, err := iam.NewFromConfig(cfg).CreateRole(context.Background(), &iam.CreateRoleInput{
		RoleName: &name, AssumeRolePolicyDocument: aws.String(lambdaTrust),
	})
	must(t, err)
}

func TestStateSurvivesReopening(t *testing.T) {
	ctx, dir := context.Background(), t.TempDir()
	b, stop := open(t, Options{Dir: dir})
	createRole(t, adminOf(b), "r")
	session, err := b.iam.Session(ctx, "arn:aws:iam::000000000000:role/r", "lambda.amazonaws.com", "s")
	must(t, err)
	stop()

	b, _ = open(t, Options{Dir: dir})
	_, err = iam.NewFromConfig(adminOf(b)).GetRole(ctx, &iam.GetRoleInput{RoleName: aws.String("r")})
	must(t, err)
	cfg := config(b.Endpoint(), session.AccessKeyID, session.SecretAccessKey, session.SessionToken)
	who, err := sts.NewFromConfig(cfg).GetCallerIdentity(ctx, nil)
	must(t, err)
	if got := *who.Arn; got != "arn:aws:sts::000000000000:assumed-role/r/s" {
		t.Errorf("a session from before is %s", got)
	}
}

func TestServeRefusesOtherThanLoopback(t *testing.T) {
	b, err := Open(context.Background(), Options{Dir: t.TempDir()})
	must(t, err)
	defer func() { must(t, b.Close()) }()
	if err := b.Serve(context.Background(), fakeListener{}); err == nil {
		t.Error("served a listener that others can reach")
	}
}

type fakeListener struct{ net.Listener }

func (fakeListener) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4zero, Port: 1} }

// serveEnv makes the test binary a backend that serves until it is killed.
const serveEnv = "LOCAL_TEST_SERVE"

func TestMain(m *testing.M) {
	if dir := os.Getenv(serveEnv); dir != "" {
		if err := serveForEver(dir); err != nil {
			os.Stderr.WriteString(err.Error())
			os.Exit(1)
		}
	}
	os.Exit(m.Run())
}

func serveForEver(dir string) error {
	b, err := Open(context.Background(), Options{Dir: dir})
	if err != nil {
		return err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	if err := os.WriteFile(dir+"/endpoint.tmp", []byte("http://"+l.Addr().String()), 0o600); err != nil {
		return err
	}
	if err := os.Rename(dir+"/endpoint.tmp", dir+"/endpoint"); err != nil {
		return err
	}
	return b.Serve(context.Background(), l)
}

func TestStateSurvivesSIGKILL(t *testing.T) {
	dir := t.TempDir()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), serveEnv+"="+dir)
	cmd.Stderr = os.Stderr
	must(t, cmd.Start())
	var endpoint string
	eventually(t, "served", func() bool {
		text, err := os.ReadFile(dir + "/endpoint")
		endpoint = string(text)
		return err == nil
	})
	cfg := config(endpoint, AdminAccessKey, AdminSecretKey, "")
	names := []string{"a", "b", "c"}
	for _, name := range names {
		createRole(t, cfg, name)
	}
	must(t, cmd.Process.Signal(syscall.SIGKILL))
	if err := cmd.Wait(); err == nil {
		t.Fatal("the process was not killed")
	}

	b, _ := open(t, Options{Dir: dir})
	for _, name := range names {
		_, err := iam.NewFromConfig(adminOf(b)).GetRole(context.Background(), &iam.GetRoleInput{RoleName: &name})
		must(t, err)
	}
}

func TestUnknownCallsAreNamed(t *testing.T) {
	b, _ := open(t, Options{})
	_, err := iam.NewFromConfig(adminOf(b)).ListUsers(context.Background(), nil)
	wantCode(t, err, "NotImplemented")
	if err == nil || !strings.Contains(err.Error(), "iam ListUsers") {
		t.Errorf("the error does not name the call: %v", err)
	}
}
