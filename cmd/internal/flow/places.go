package flow

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/ssm"

	"github.com/scar-go/scar/runtime/job"
	"github.com/scar-go/scar/runtime/storage"
	"github.com/scar-go/scar/spec"
	"github.com/scar-go/scar/transfer"
)

// abortWait is how long the abortion of an upload may take that the user has ended. What stays of it is billed.
const abortWait = 10 * time.Second

// Places opens the stores of places: the account's own S3 with the caller's credentials, and the providers that a file describes. It
// may be used by several goroutines.
type Places struct {
	account   *Account
	file      *spec.File
	client    sdk.HTTPClient
	providers *storage.Stores

	mu      sync.Mutex
	regions map[string]storage.S3Catalogue // the account's own S3 by region
	buckets map[string]storage.S3Catalogue // the same by bucket
}

// Places are the stores that can be reached from the account. file describes providers other than the account's own S3; it may be nil.
func (a *Account) Places(ctx context.Context, file *spec.File) (*Places, error) {
	if file == nil {
		file = &spec.File{}
	}
	p := &Places{account: a, file: file, client: watchedClient(a.config), regions: map[string]storage.S3Catalogue{}, buckets: map[string]storage.S3Catalogue{}}
	getenv, err := a.environment(ctx, file)
	if err != nil {
		return nil, err
	}
	p.providers = storage.New(storage.Options{
		Getenv: getenv, Providers: providersOf(file), Secrets: &reader{account: a, file: file}, Transport: transfer.Counting,
	})
	return p, nil
}

// Close closes the connections.
func (p *Places) Close() { p.providers.Close() }

// Context gives what is undone after an interrupt the time that it needs.
func (p *Places) Context(ctx context.Context) context.Context {
	return storage.WithGrace(ctx, abortWait)
}

// Open opens the store that a place is in. It is a transfer.Opener.
func (p *Places) Open(ctx context.Context, at transfer.Place) (storage.Catalogue, error) {
	if spec.IsOwnS3(at.Provider) {
		return p.own(ctx, at.Bucket)
	}
	if _, known := p.file.Storage[at.Provider]; !known {
		if p.file.Path == "" {
			return nil, fmt.Errorf("%s: no file describes the storage %s: name one with -f", at, at.Provider)
		}
		return nil, fmt.Errorf("%s: %s describes no storage %s", at, p.file.Path, at.Provider)
	}
	return storage.OpenCatalogue(ctx, p.providers, at.Provider)
}

// own is the account's own S3 in the region of a bucket.
func (p *Places) own(ctx context.Context, bucket string) (storage.S3Catalogue, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if known, found := p.buckets[bucket]; found {
		return known, nil
	}
	here := p.in(p.account.config.Region)
	region, err := here.Region(ctx, bucket)
	if err != nil {
		return here, explainCall(err)
	}
	endpoint := s3.NewFromConfig(p.account.config).Options().BaseEndpoint
	switch {
	case region == "" || region == p.account.config.Region:
	case endpoint != nil: // it is one server, which may be of one region only
		return here, fmt.Errorf("the bucket %s is in region %s, and the endpoint %s is asked for %s: name the region with --region", bucket, region, *endpoint, p.account.config.Region)
	default:
		here = p.in(region)
	}
	p.buckets[bucket] = here
	return here, nil
}

// in is the account's own S3 in a region.
func (p *Places) in(region string) storage.S3Catalogue {
	if known, found := p.regions[region]; found {
		return known
	}
	p.regions[region] = storage.AccountS3(s3.NewFromConfig(p.account.config, func(o *s3.Options) {
		o.Region, o.HTTPClient = region, p.client
		o.UsePathStyle = o.BaseEndpoint != nil // an endpoint of the user's own has no host name for each bucket
		o.DisableLogOutputChecksumValidationSkipped = true
	}))
	return p.regions[region]
}

// watchedClient is the client that the SDK would use, with more connections, and counts what files they carry. A redirect is
// an answer: no signature is valid elsewhere.
func watchedClient(config sdk.Config) sdk.HTTPClient {
	buildable, isBuildable := config.HTTPClient.(*awshttp.BuildableClient)
	if !isBuildable {
		buildable = awshttp.NewBuildableClient()
	}
	transport := buildable.WithTransportOptions(func(t *http.Transport) {
		t.MaxIdleConns, t.MaxIdleConnsPerHost, t.MaxConnsPerHost = 2*storage.UploadsAtOnce, storage.UploadsAtOnce, storage.UploadsAtOnce
		t.DisableCompression = true // a file is to arrive as it lies there
		t.ForceAttemptHTTP2 = false
	}).GetTransport()
	return &http.Client{
		Transport:     transfer.Counting(transport),
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// environment is the one that a function would have, with the caller's credentials, for providers that have none of their own.
func (a *Account) environment(ctx context.Context, file *spec.File) (func(string) string, error) {
	values := map[string]string{"AWS_REGION": a.config.Region}
	for _, s := range file.Storage {
		if s.Type != string(job.S3) || s.AccessKey != nil {
			continue
		}
		own, err := a.config.Credentials.Retrieve(ctx)
		if err != nil {
			return nil, explainCall(fmt.Errorf("get credentials: %w", err))
		}
		values["AWS_ACCESS_KEY_ID"], values["AWS_SECRET_ACCESS_KEY"] = own.AccessKeyID, own.SecretAccessKey
		values["AWS_SESSION_TOKEN"] = own.SessionToken
		break
	}
	if endpoint := s3.NewFromConfig(a.config).Options().BaseEndpoint; endpoint != nil {
		values["AWS_ENDPOINT_URL"] = *endpoint
	}
	return func(name string) string { return values[name] }, nil
}

// reader reads secrets with the caller's rights: those that the file brings with it are in it.
type reader struct {
	account *Account
	file    *spec.File
}

// Get implements storage.Secrets.
func (r *reader) Get(ctx context.Context, s job.Secret) (string, error) {
	value, err := r.whole(ctx, s)
	if err != nil {
		return "", fmt.Errorf("read %s: %w", s, explainCall(err))
	}
	if s.Key == "" {
		return value, nil
	}
	var fields map[string]json.RawMessage
	if json.Unmarshal([]byte(value), &fields) != nil {
		return "", fmt.Errorf("%s is no JSON object, so it has no key %s", s, s.Key)
	}
	field, found := fields[s.Key]
	if !found {
		return "", fmt.Errorf("%s has no key %s", s, s.Key)
	}
	var text string
	if json.Unmarshal(field, &text) != nil {
		return string(field), nil // a number, as it is written
	}
	return text, nil
}

func (r *reader) whole(ctx context.Context, s job.Secret) (string, error) {
	if s.Service == job.SSM {
		for _, p := range r.file.Parameters {
			if p.Name == s.Name {
				return p.Value.Reveal(), nil
			}
		}
		out, err := ssm.NewFromConfig(r.account.config).GetParameter(ctx, &ssm.GetParameterInput{Name: &s.Name, WithDecryption: sdk.Bool(true)})
		if err != nil {
			return "", err
		}
		return sdk.ToString(out.Parameter.Value), nil
	}
	out, err := secretsmanager.NewFromConfig(r.account.config).GetSecretValue(ctx, &secretsmanager.GetSecretValueInput{SecretId: &s.Name})
	if err != nil {
		return "", err
	}
	if out.SecretString == nil {
		return "", errors.New("it is binary, not text")
	}
	return *out.SecretString, nil
}

// providersOf are the providers that a file describes, whether a function uses them or not.
func providersOf(file *spec.File) map[string]job.Provider {
	providers := make(map[string]job.Provider, len(file.Storage))
	credential := func(c *spec.Credential) *job.Credential {
		switch {
		case c == nil:
			return nil
		case c.Secret == nil:
			return &job.Credential{Text: c.Text}
		}
		return &job.Credential{Secret: &job.Secret{Service: job.SecretService(c.Secret.Service), Name: c.Secret.Name, Key: c.Secret.Key}}
	}
	for name, s := range file.Storage {
		providers[name] = job.Provider{
			Type: job.ProviderType(s.Type), Endpoint: s.Endpoint, Region: s.Region, Space: s.Space,
			AccessKey: credential(s.AccessKey), SecretKey: credential(s.SecretKey),
			User: credential(s.User), Password: credential(s.Password), Token: credential(s.Token),
		}
	}
	return providers
}

// PlacesOf are the places that the inputs and outputs of a file are, each once, in the order of their names.
func PlacesOf(file *spec.File) []string {
	var all []string
	add := func(provider, bucket, prefix string) {
		if provider == "" {
			provider = spec.OwnS3
		}
		all = append(all, transfer.Place{Provider: provider, Bucket: bucket, Key: prefix}.String())
	}
	for i := range file.Functions {
		for _, in := range file.Functions[i].Inputs {
			add(in.Provider, in.Bucket, in.Prefix)
		}
		for _, out := range file.Functions[i].Outputs {
			add(out.Provider, out.Bucket, out.Prefix)
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}
