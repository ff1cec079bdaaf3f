package aws

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/ecr"
	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"

	"github.com/scar-go/scar/image"
)

// pusher uploads the blobs of images to the registry that belongs to ECR.
type pusher struct {
	client     imageClient
	repository string
	registry   string // host that is used instead of the one that ECR names; may be empty
}

func (p *pusher) push(ctx context.Context, img *image.Image, say sayer) error {
	target, err := p.target(ctx)
	if err != nil {
		return err
	}
	if err := image.PushBlobs(ctx, img, target, func(done, total int64) { say("pushing", done, total) }); err != nil {
		return fmt.Errorf("push image: %w", err)
	}
	return nil
}

// target is where to push, and as whom. ECR's token is for ECR's own host only; another registry gets
// what docker login has stored for it.
func (p *pusher) target(ctx context.Context) (image.Target, error) {
	if p.registry != "" {
		return p.override(ctx)
	}
	out, err := p.client.GetAuthorizationToken(ctx, &ecr.GetAuthorizationTokenInput{})
	if err != nil {
		return image.Target{}, fmt.Errorf("get authorization for the registry: %w", err)
	}
	if len(out.AuthorizationData) == 0 {
		return image.Target{}, errors.New("get authorization for the registry: the answer is empty")
	}
	data := out.AuthorizationData[0]
	auth, err := basic(deref(data.AuthorizationToken))
	if err != nil {
		return image.Target{}, err
	}
	endpoint, err := url.Parse(deref(data.ProxyEndpoint))
	if err != nil || endpoint.Host == "" {
		return image.Target{}, fmt.Errorf("the registry's address %q cannot be understood", deref(data.ProxyEndpoint))
	}
	plain := endpoint.Scheme == "http"
	if plain && !isLoopback(endpoint.Hostname()) {
		return image.Target{}, fmt.Errorf("the registry %s is not encrypted and not on this machine: nothing is sent to it", endpoint.Host)
	}
	return image.Target{Host: endpoint.Host, Repository: p.repository, Auth: auth, PlainHTTP: plain}, nil
}

func (p *pusher) override(ctx context.Context) (image.Target, error) {
	registry, err := name.NewRegistry(p.registry)
	if err != nil {
		return image.Target{}, fmt.Errorf("registry %q: %w", p.registry, err)
	}
	auth, err := authn.Resolve(ctx, authn.DefaultKeychain, registry)
	if err != nil {
		return image.Target{}, fmt.Errorf("credentials for the registry %s: %w", p.registry, err)
	}
	host, _, err := net.SplitHostPort(p.registry)
	if err != nil {
		host = p.registry // without a port
	}
	return image.Target{Host: p.registry, Repository: p.repository, Auth: auth, PlainHTTP: isLoopback(host)}, nil
}

// basic reads ECR's token: base64 of user:password.
func basic(token string) (authn.Authenticator, error) {
	plain, err := base64.StdEncoding.DecodeString(token)
	user, password, found := strings.Cut(string(plain), ":")
	if err != nil || !found {
		return nil, errors.New("the registry's authorization token cannot be understood")
	}
	return &authn.Basic{Username: user, Password: password}, nil
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}
