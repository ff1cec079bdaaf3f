package image

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"

	"github.com/google/go-containerregistry/pkg/name"
	registryerr "github.com/google/go-containerregistry/pkg/v1/remote/transport"
)

// explain turns an error of a registry into one that names the image and says what to do.
func explain(s Source, host string, err error) error {
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("image %q: %w", s, err)
	}
	var answer *registryerr.Error
	var network *net.OpError
	var lookup *net.DNSError
	var unknownCA x509.UnknownAuthorityError
	var certificate *tls.CertificateVerificationError
	switch {
	// First, because a registry on this machine was then asked without TLS, too, and answered something.
	case errors.As(err, &certificate), errors.As(err, &unknownCA):
		return fmt.Errorf("image %q: the certificate of %s is not trusted on this machine: %w", s, registryOf(host), err)
	case errors.As(err, &answer):
		return fmt.Errorf("image %q: %s: %w", s, advice(answer, host), err)
	case errors.As(err, &lookup), errors.As(err, &network):
		return fmt.Errorf("image %q: %s cannot be reached; check the name of the registry and the network: %w", s, registryOf(host), err)
	}
	return fmt.Errorf("image %q: %w", s, err)
}

func advice(answer *registryerr.Error, host string) string {
	login := "docker login " + host
	if host == name.DefaultRegistry {
		login = "docker login"
	}
	has := func(codes ...registryerr.ErrorCode) bool {
		return slices.ContainsFunc(answer.Errors, func(d registryerr.Diagnostic) bool { return slices.Contains(codes, d.Code) })
	}
	switch {
	case answer.StatusCode == http.StatusTooManyRequests:
		return fmt.Sprintf("%s limits how much may be pulled; wait, or raise the limit with `%s`", registryOf(host), login)
	// Docker Hub answers so for images that do not exist, too.
	case answer.StatusCode == http.StatusUnauthorized, answer.StatusCode == http.StatusForbidden,
		has(registryerr.UnauthorizedErrorCode, registryerr.DeniedErrorCode):
		return fmt.Sprintf("%s does not show it; check its name, and if it is private run `%s`", registryOf(host), login)
	case answer.StatusCode == http.StatusNotFound,
		has(registryerr.ManifestUnknownErrorCode, registryerr.NameUnknownErrorCode):
		return fmt.Sprintf("%s does not have it; check its name and tag", registryOf(host))
	case answer.StatusCode >= http.StatusInternalServerError:
		return fmt.Sprintf("%s fails at the moment; try again later", registryOf(host))
	}
	return registryOf(host) + " refused"
}
