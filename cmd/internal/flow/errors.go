package flow

import (
	"errors"
	"fmt"
	"net"
	"strings"

	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

// errNoRegion says what to do when nothing names a region.
var errNoRegion = errors.New("no region is set: put region: into the file, use --region, set AWS_REGION, or run aws configure")

// explainConfig says in one line what is wrong with the SDK's configuration files.
func explainConfig(err error) error {
	var profile config.SharedConfigProfileNotExistError
	if errors.As(err, &profile) {
		return fmt.Errorf("the profile %q is not in AWS's configuration files: use another --profile, or make it with aws configure --profile %s", profile.Profile, profile.Profile)
	}
	return fmt.Errorf("read AWS's configuration files: %w", err)
}

// explainCall says in one line why calls to AWS do not work at all: no credentials, refused ones, nobody
// there. Other errors stay as they are.
func explainCall(err error) error {
	if err == nil {
		return nil
	}
	if errors.Is(err, errNoCredentials) {
		return errNoCredentials
	}
	var api smithy.APIError
	if errors.As(err, &api) {
		return explainRefusal(err, api)
	}
	var dial *net.OpError
	var dns *net.DNSError
	if errors.As(err, &dns) || errors.As(err, &dial) && dial.Op == "dial" {
		if strings.Contains(err.Error(), "get credentials") {
			return errNoCredentials
		}
		return explainUnreachable(err)
	}
	if strings.Contains(err.Error(), "get credentials") || strings.Contains(err.Error(), "failed to refresh cached credentials") {
		return explainCredentials(err)
	}
	var send *smithyhttp.RequestSendError
	if errors.As(err, &send) {
		return explainUnreachable(err)
	}
	return err
}

var errNoCredentials = errors.New("there are no AWS credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, use --profile, or run aws configure; to work on this machine only, use --local")

func explainCredentials(err error) error {
	text := err.Error()
	switch {
	case strings.Contains(text, "SSO") || strings.Contains(text, "sso"):
		return fmt.Errorf("the SSO session has ended: run aws sso login (%s)", lastPart(text))
	case strings.Contains(text, "no EC2 IMDS role found") || strings.Contains(text, "IMDS") || strings.Contains(text, "static credentials are empty"):
		return errNoCredentials
	default:
		return fmt.Errorf("get AWS credentials: %s", lastPart(text))
	}
}

// lastPart is what went wrong at the bottom of a chain of wrapped messages.
func lastPart(text string) string {
	parts := strings.Split(text, ", ")
	return parts[len(parts)-1]
}

func explainRefusal(err error, api smithy.APIError) error {
	switch api.ErrorCode() {
	case "InvalidClientTokenId", "UnrecognizedClientException", "InvalidAccessKeyId", "AuthFailure", "SignatureDoesNotMatch", "InvalidSignatureException":
		return fmt.Errorf("AWS refuses the credentials (%s: %s): check AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY or the profile", api.ErrorCode(), api.ErrorMessage())
	case "ExpiredToken", "ExpiredTokenException", "RequestExpired":
		return fmt.Errorf("the credentials have expired (%s): get new ones, for example with aws sso login", api.ErrorMessage())
	}
	return err
}

func explainUnreachable(err error) error {
	var dial *net.OpError
	if errors.As(err, &dial) && dial.Addr != nil {
		return fmt.Errorf("nobody answers at %s (%v): check the network, and AWS_ENDPOINT_URL if it is set", dial.Addr, dial.Err)
	}
	var dns *net.DNSError
	if errors.As(err, &dns) {
		return fmt.Errorf("the host %s is not found: check the region, the network, and AWS_ENDPOINT_URL if it is set", dns.Name)
	}
	return fmt.Errorf("the endpoint cannot be reached (%s): check the network, and AWS_ENDPOINT_URL if it is set", lastPart(err.Error()))
}
