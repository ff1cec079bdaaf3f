package secret

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/ssm"

	"github.com/scar-go/scar/runtime/job"
)

// services are the services that keep secrets. A client is made by the first fetch from its service.
//
// The clients are the SDK's. Requests signed by its signer/v4 and sent by net/http would make the runtime 420 KB
// smaller when compressed (3.6 in place of 4.1 MB), 3 MB smaller in memory (9 in place of 12 MB) and 2.5 ms faster to its first event (8.9 in
// place of 11.4 ms, most of it the SDK's table of SSM's types). That is not worth retries, throttling, endpoints of
// partitions and the forms of errors written anew.
type services struct {
	getenv   func(string) string
	maxPause time.Duration // between attempts

	mu      sync.Mutex
	ssm     *ssm.Client
	manager *secretsmanager.Client
}

// Each call is tried that often. The pauses between are bounded, since an invocation waits.
const (
	attempts = 4
	maxPause = time.Second
)

// fetch returns the whole value of a secret. The error has passed explain.
func (s *services) fetch(ctx context.Context, secret job.Secret) (string, error) {
	switch secret.Service {
	case job.SSM:
		return s.parameter(ctx, secret)
	case job.SecretsManager:
		return s.secret(ctx, secret)
	}
	return "", fmt.Errorf("there is no service %q that keeps secrets", secret.Service)
}

func (s *services) parameter(ctx context.Context, secret job.Secret) (string, error) {
	client, err := s.ssmClient()
	if err != nil {
		return "", err
	}
	out, err := client.GetParameter(ctx, &ssm.GetParameterInput{Name: &secret.Name, WithDecryption: aws.Bool(true)})
	if err != nil {
		return "", explain(err, secret)
	}
	if out.Parameter == nil || out.Parameter.Value == nil {
		return "", errNoValue
	}
	return *out.Parameter.Value, nil
}

func (s *services) secret(ctx context.Context, secret job.Secret) (string, error) {
	client, err := s.managerClient()
	if err != nil {
		return "", err
	}
	out, err := client.GetSecretValue(ctx, &secretsmanager.GetSecretValueInput{SecretId: &secret.Name})
	switch {
	case err != nil:
		return "", explain(err, secret)
	case out.SecretString != nil:
		return *out.SecretString, nil
	case out.SecretBinary != nil:
		return string(out.SecretBinary), nil
	}
	return "", errNoValue
}

func (s *services) ssmClient() (*ssm.Client, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ssm == nil {
		a, err := s.access("AWS_ENDPOINT_URL_SSM")
		if err != nil {
			return nil, err
		}
		s.ssm = ssm.New(ssm.Options{Region: a.region, BaseEndpoint: a.endpoint, Credentials: a.credentials, Retryer: newRetryer(s.maxPause)})
	}
	return s.ssm, nil
}

func (s *services) managerClient() (*secretsmanager.Client, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.manager == nil {
		a, err := s.access("AWS_ENDPOINT_URL_SECRETS_MANAGER")
		if err != nil {
			return nil, err
		}
		s.manager = secretsmanager.New(secretsmanager.Options{Region: a.region, BaseEndpoint: a.endpoint, Credentials: a.credentials, Retryer: newRetryer(s.maxPause)})
	}
	return s.manager, nil
}

// access is how a service is reached.
type access struct {
	region      string
	endpoint    *string // nil: AWS's
	credentials aws.CredentialsProvider
}

// access reads the environment, without the SDK's chain of configuration files and metadata services: in a function
// there is none of them.
func (s *services) access(endpointVariable string) (access, error) {
	a := access{region: s.first("AWS_REGION", "AWS_DEFAULT_REGION")}
	if a.region == "" {
		return access{}, errors.New("AWS_REGION is not set")
	}
	credentials := aws.Credentials{
		AccessKeyID:     s.getenv("AWS_ACCESS_KEY_ID"),
		SecretAccessKey: s.getenv("AWS_SECRET_ACCESS_KEY"),
		SessionToken:    s.getenv("AWS_SESSION_TOKEN"),
		Source:          "environment",
	}
	if !credentials.HasKeys() {
		return access{}, errors.New("AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are not set")
	}
	a.credentials = aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) { return credentials, nil })
	if endpoint := s.first(endpointVariable, "AWS_ENDPOINT_URL"); endpoint != "" {
		a.endpoint = &endpoint
	}
	return a, nil
}

// first is the value of the first variable that is set.
func (s *services) first(names ...string) string {
	for _, name := range names {
		if value := s.getenv(name); value != "" {
			return value
		}
	}
	return ""
}

func newRetryer(maxPause time.Duration) *retry.Standard {
	return retry.NewStandard(func(o *retry.StandardOptions) {
		o.MaxAttempts, o.MaxBackoff = attempts, maxPause
		o.Retryables = append([]retry.IsErrorRetryable{retry.IsErrorRetryableFunc(untrusted)}, o.Retryables...)
	})
}

// untrusted keeps a certificate that is not trusted from being tried again: it will not be the next time either.
func untrusted(err error) aws.Ternary {
	var unverified *tls.CertificateVerificationError
	if errors.As(err, &unverified) {
		return aws.FalseTernary
	}
	return aws.UnknownTernary
}
