package flow

import (
	"context"
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

func TestExplainCall(t *testing.T) {
	refused := &net.OpError{Op: "dial", Net: "tcp", Addr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 9}, Err: errors.New("connection refused")}
	other := errors.New("something else")
	for name, c := range map[string]struct {
		err  error
		want string
	}{
		"refused key": {&smithy.GenericAPIError{Code: "InvalidClientTokenId", Message: "The security token included in the request is invalid."}, "AWS refuses the credentials (InvalidClientTokenId:"},
		"expired":     {&smithy.GenericAPIError{Code: "ExpiredToken", Message: "too old"}, "the credentials have expired (too old)"},
		"other code":  {&smithy.GenericAPIError{Code: "Throttling", Message: "slow"}, "api error Throttling: slow"},
		"down":        {refused, "nobody answers at 127.0.0.1:9 (connection refused)"},
		"no host":     {&net.DNSError{Name: "sts.moon-1.amazonaws.com", Err: "no such host"}, "the host sts.moon-1.amazonaws.com is not found"},
		"none":        {errors.New("get identity: get credentials: failed to refresh cached credentials, no EC2 IMDS role found, access disabled"), "there are no AWS credentials"},
		"sso":         {errors.New("get credentials: failed to refresh cached credentials, the SSO session has expired or is invalid"), "run aws sso login"},
		"silent":      {&smithyhttp.RequestSendError{Err: errors.New("net/http: timeout awaiting response headers")}, "the endpoint cannot be reached (net/http: timeout awaiting response headers)"},
		"no role":     {fmt.Errorf("get identity: get credentials: %w", errNoCredentials), "there are no AWS credentials"},
		"anything":    {other, "something else"},
	} {
		t.Run(name, func(t *testing.T) {
			got := explainCall(c.err).Error()
			if !strings.HasPrefix(got, c.want) && !strings.Contains(got, c.want) {
				t.Errorf("got %q, want %q", got, c.want)
			}
			if strings.Contains(got, "\n") {
				t.Errorf("more than one line: %q", got)
			}
		})
	}
	if explainCall(nil) != nil {
		t.Error("no error was explained")
	}
}

func TestConnectSaysWhatIsMissing(t *testing.T) {
	nothing := filepath.Join(t.TempDir(), "nothing")
	for _, name := range []string{"AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE"} {
		t.Setenv(name, "")
	}
	t.Setenv("AWS_CONFIG_FILE", nothing)
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", nothing)
	if _, err := Connect(context.Background(), Settings{}); !errors.Is(err, errNoRegion) {
		t.Errorf("without a region: %v", err)
	}
	_, err := Connect(context.Background(), Settings{Region: "eu-west-1", Profile: "absent"})
	if err == nil || !strings.Contains(err.Error(), `the profile "absent" is not in`) {
		t.Errorf("with an absent profile: %v", err)
	}
	a, err := Connect(context.Background(), Settings{Region: "eu-west-1"})
	if err != nil || a.config.Region != "eu-west-1" || a.pace() != 0 {
		t.Errorf("with a region: %v, pace %v", err, a.pace())
	}
	t.Setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:4666")
	a, err = Connect(context.Background(), Settings{Region: "eu-west-1"})
	if err != nil || a.pace() != localPace {
		t.Errorf("with an endpoint on this machine: %v, pace %v", err, a.pace())
	}
}
