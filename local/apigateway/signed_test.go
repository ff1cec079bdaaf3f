package apigateway

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/service/apigatewayv2/types"
)

// signed is a fixture with an API that wants signatures, and its id.
func signed(t *testing.T) (*fixture, string) {
	t.Helper()
	f := newFixture(t)
	return f, f.api(t, nil, map[string]types.AuthorizationType{"POST /a/{b}": types.AuthorizationTypeAwsIam})
}

func sign(t *testing.T, r *http.Request, body, secret, service, region string) {
	t.Helper()
	sum := sha256.Sum256([]byte(body))
	err := v4.NewSigner().SignHTTP(t.Context(), aws.Credentials{AccessKeyID: "AKID", SecretAccessKey: secret}, r, hex.EncodeToString(sum[:]), service, region, time.Now())
	if err != nil {
		t.Fatal(err)
	}
}

func TestSignatures(t *testing.T) {
	f, id := signed(t)
	const forbidden = `{"message":"Forbidden"}`
	for name, c := range map[string]struct {
		secret, service, region string
		change                  func(*http.Request)
		want                    int
	}{
		"signed":          {"secret", "execute-api", "us-east-1", nil, 200},
		"unsigned":        {"secret", "execute-api", "us-east-1", func(r *http.Request) { r.Header.Del("Authorization") }, 403},
		"another secret":  {"other", "execute-api", "us-east-1", nil, 403},
		"another service": {"secret", "lambda", "us-east-1", nil, 403},
		"another region":  {"secret", "execute-api", "eu-west-1", nil, 403},
		"another path":    {"secret", "execute-api", "us-east-1", func(r *http.Request) { r.URL.Path = "/a/other" }, 403},
		"another host":    {"secret", "execute-api", "us-east-1", func(r *http.Request) { r.Host += ":1" }, 403},
	} {
		r := f.request(t, id, "POST", "/a/b%20c", strings.NewReader("body"))
		sign(t, r, "body", c.secret, c.service, c.region)
		if c.change != nil {
			c.change(r)
		}
		if status, _, body := f.do(t, r); status != c.want || c.want == 403 && body != forbidden {
			t.Errorf("%s: %d %s", name, status, body)
		}
	}
	r := f.request(t, id, "POST", "/a/b", strings.NewReader("forged"))
	sign(t, r, "body", "secret", "execute-api", "us-east-1")
	if status, _, _ := f.do(t, r); status != 403 {
		t.Errorf("another body: %d", status)
	}
}

func TestPolicyOfTheCaller(t *testing.T) {
	f, id := signed(t)
	var asked string
	f.allow = func(action, resource string) bool {
		asked = action + " " + resource
		return false
	}
	r := f.request(t, id, "POST", "/a/b", strings.NewReader("body"))
	sign(t, r, "body", "secret", "execute-api", "us-east-1")
	if status, _, body := f.do(t, r); status != 403 || body != `{"message":"Forbidden"}` {
		t.Errorf("%d %s", status, body)
	}
	if want := "execute-api:Invoke arn:aws:execute-api:us-east-1:000000000000:" + id + "/$default/POST/a/b"; asked != want {
		t.Errorf("asked for %s, want %s", asked, want)
	}
}

func TestTheFunctionKnowsWhoSigned(t *testing.T) {
	f, id := signed(t)
	var event events.APIGatewayV2HTTPRequest
	f.invoke = func(_ context.Context, _ string, payload []byte) (Result, error) {
		if strings.Contains(string(payload), "Signature=") {
			t.Errorf("the event shows a signature: %s", payload)
		}
		return Result{Payload: []byte(`{}`)}, json.Unmarshal(payload, &event)
	}
	r := f.request(t, id, "POST", "/a/b", strings.NewReader("body"))
	sign(t, r, "body", "secret", "execute-api", "us-east-1")
	f.do(t, r)
	iam := event.RequestContext.Authorizer.IAM
	if iam.AccessKey != "AKID" || iam.UserARN != "arn:aws:sts::000000000000:assumed-role/r/s" || iam.UserID != "AROA:s" || iam.AccountID != "000000000000" {
		t.Errorf("%+v", iam)
	}
}

// TestCurl lets curl find the host by itself and sign.
func TestCurl(t *testing.T) {
	curl, err := exec.LookPath("curl")
	if err != nil {
		t.Skip("curl is not installed")
	}
	f, id := signed(t)
	address := f.service.endpoint(id) + "/a/b"
	for name, c := range map[string]struct {
		args []string
		want string
	}{
		"signed":   {[]string{"--aws-sigv4", "aws:amz:us-east-1:execute-api", "--user", "AKID:secret"}, "hello 200"},
		"unsigned": {nil, `{"message":"Forbidden"} 403`},
	} {
		args := append([]string{"--silent", "--noproxy", "*", "--data", "body", "--write-out", " %{http_code}", address}, c.args...)
		out, err := exec.Command(curl, args...).Output()
		if err != nil || string(out) != c.want {
			t.Errorf("%s: %q, %v", name, out, err)
		}
	}
}
