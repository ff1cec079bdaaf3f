package ec2

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

// What the sources of a configuration, which are the environment and the profile, may say about endpoints. The SDK's
// clients look for the same methods (aws-sdk-go-v2, internal/configsources).
type (
	fipsSource interface {
		GetUseFIPSEndpoint(context.Context) (aws.FIPSEndpointState, bool, error)
	}
	dualStackSource interface {
		GetUseDualStackEndpoint(context.Context) (aws.DualStackEndpointState, bool, error)
	}
	endpointSource interface {
		GetServiceBaseEndpoint(ctx context.Context, service string) (string, bool, error)
	}
	ignoringSource interface {
		GetIgnoreConfiguredEndpoints(context.Context) (bool, bool, error)
	}
)

// ask returns what the first source that knows an answer says.
func ask[S, V any](sources []any, question func(S) (V, bool, error)) (V, bool, error) {
	for _, source := range sources {
		s, can := source.(S)
		if !can {
			continue
		}
		if value, found, err := question(s); found || err != nil {
			return value, found, err
		}
	}
	var none V
	return none, false, nil
}

// endpoint is where calls go: what the configuration names, or else EC2's own in the region.
func (c *Client) endpoint(ctx context.Context) (*url.URL, error) {
	fips, _, err := ask(c.cfg.ConfigSources, func(s fipsSource) (aws.FIPSEndpointState, bool, error) { return s.GetUseFIPSEndpoint(ctx) })
	if err != nil {
		return nil, err
	}
	dual, _, err := ask(c.cfg.ConfigSources, func(s dualStackSource) (aws.DualStackEndpointState, bool, error) {
		return s.GetUseDualStackEndpoint(ctx)
	})
	if err != nil {
		return nil, err
	}
	named, err := c.namedEndpoint(ctx)
	if err != nil {
		return nil, err
	}
	useFIPS, useDual := fips == aws.FIPSEndpointStateEnabled, dual == aws.DualStackEndpointStateEnabled
	if named == "" {
		return ownEndpoint(c.cfg.Region, useFIPS, useDual)
	}
	if useFIPS || useDual {
		return nil, fmt.Errorf("%s is configured as the endpoint, and FIPS or dual-stack endpoints as well: only one is possible", named)
	}
	return parseEndpoint(named)
}

// namedEndpoint is the endpoint that the configuration names for EC2, or for all services, or empty. The order is the
// SDK's: AWS_ENDPOINT_URL_EC2, AWS_ENDPOINT_URL, the service's in the profile, the profile's for all (AWS SDKs and Tools
// reference guide, "Service-specific endpoints").
func (c *Client) namedEndpoint(ctx context.Context) (string, error) {
	general := aws.ToString(c.cfg.BaseEndpoint) // of the environment, or else of the profile
	_, forAll := os.LookupEnv("AWS_ENDPOINT_URL")
	_, forEC2 := os.LookupEnv("AWS_ENDPOINT_URL_EC2")
	if forAll && !forEC2 {
		return general, nil
	}
	ignored, _, err := ask(c.cfg.ConfigSources, func(s ignoringSource) (bool, bool, error) { return s.GetIgnoreConfiguredEndpoints(ctx) })
	if err != nil || ignored {
		return general, err
	}
	own, found, err := ask(c.cfg.ConfigSources, func(s endpointSource) (string, bool, error) { return s.GetServiceBaseEndpoint(ctx, serviceID) })
	if err != nil || !found {
		return general, err
	}
	return own, nil
}

func parseEndpoint(text string) (*url.URL, error) {
	u, err := url.Parse(text)
	if err != nil {
		return nil, err
	}
	if u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return nil, fmt.Errorf("%q is no http or https URL", text)
	}
	return &url.URL{Scheme: u.Scheme, Host: u.Host, Path: smithyhttp.JoinPath(u.Path, "/")}, nil
}

// ownEndpoint is EC2's endpoint in a region of the partitions aws, aws-cn and aws-us-gov (AWS General Reference, "Amazon EC2
// endpoints and quotas"). In the last, all endpoints are FIPS endpoints, and only those of the dual stack say so.
func ownEndpoint(region string, fips, dual bool) (*url.URL, error) {
	if region == "" {
		return nil, errors.New("the configuration has no region")
	}
	if strings.Trim(region, "abcdefghijklmnopqrstuvwxyz0123456789-") != "" || strings.HasPrefix(region, "-") {
		return nil, fmt.Errorf("%q is no region", region)
	}
	host, suffix := "ec2.", "amazonaws.com"
	switch china := strings.HasPrefix(region, "cn-"); {
	case china && dual:
		suffix = "api.amazonwebservices.com.cn"
	case china:
		suffix = "amazonaws.com.cn"
	case dual:
		suffix = "api.aws"
	}
	if fips && (dual || !strings.HasPrefix(region, "us-gov-")) {
		host = "ec2-fips."
	}
	return &url.URL{Scheme: "https", Host: host + region + "." + suffix, Path: "/"}, nil
}
