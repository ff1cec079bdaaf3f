// Package flow is the way from a file to a changed account: it joins the rooms, which do not know each
// other. A command asks for a step of that way and shows what comes out.
package flow

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go/logging"

	"github.com/scar-go/scar/applier"
	"github.com/scar-go/scar/image"
	"github.com/scar-go/scar/planner"
)

// Settings say which account and region to work in, and how.
type Settings struct {
	Region      string    // empty: as the AWS SDK finds it
	Profile     string    // empty: as the AWS SDK finds it
	Registry    string    // host to push images to; empty: ECR's own
	Endpoint    *Endpoint // a local backend; nil: AWS, or where the SDK's variables point
	CacheDir    string    // for converted images
	Version     string    // of scar, for tags
	Parallelism int       // calls at once; 0: applier.DefaultParallelism
	HostArch    bool      // prefer the machine's architecture where a function names none

	// Converting is told how far the conversion of an image into the cache is, in bytes. It may be nil,
	// and is called from several goroutines.
	Converting func(source string, done, total int64)
}

// Account is an account and region to work in.
type Account struct {
	settings Settings
	config   sdk.Config
	resolver *image.Resolver
	runtimes runtimes
	digests  planner.Digests
}

// Connect finds region and credentials. It makes no call: what is refused shows with the first one.
func Connect(ctx context.Context, s Settings) (*Account, error) {
	if s.Parallelism <= 0 {
		s.Parallelism = applier.DefaultParallelism
	}
	cfg, err := sdkConfig(ctx, s)
	if err != nil {
		return nil, err
	}
	options := image.ResolverOptions{CacheDir: s.CacheDir, PreferHost: s.HostArch}
	if s.Converting != nil {
		options.Converting = func(from image.Source, done, total int64) { s.Converting(from.String(), done, total) }
	}
	resolver := image.NewResolver(options)
	return &Account{settings: s, config: cfg, resolver: resolver}, nil
}

// answerWait bounds the wait for the beginning of an answer, once a request is sent. The SDK itself would
// wait for ever on an endpoint that takes connections and says nothing. The calls that scar makes begin
// to answer within seconds.
const answerWait = 20 * time.Second

func sdkConfig(ctx context.Context, s Settings) (sdk.Config, error) {
	if s.Endpoint != nil {
		return s.Endpoint.config(), nil
	}
	options := []func(*config.LoadOptions) error{
		config.WithLogger(logging.Nop{}), // what goes wrong is said once, by the error
		config.WithHTTPClient(awshttp.NewBuildableClient().WithTransportOptions(func(t *http.Transport) {
			t.ResponseHeaderTimeout = answerWait
		})),
	}
	if s.Region != "" {
		options = append(options, config.WithRegion(s.Region))
	}
	if s.Profile != "" {
		options = append(options, config.WithSharedConfigProfile(s.Profile))
	}
	cfg, err := config.LoadDefaultConfig(ctx, options...)
	if err != nil {
		return sdk.Config{}, explainConfig(err)
	}
	if cfg.Region == "" {
		return sdk.Config{}, errNoRegion
	}
	cfg.Credentials = boundInstanceRole(cfg.Credentials)
	return cfg, nil
}

// identify asks whose credentials these are. It is the first call of every command, so it is where
// missing and refused credentials show.
func (a *Account) identify(ctx context.Context) (planner.Naming, error) {
	out, err := sts.NewFromConfig(a.config).GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{})
	if err != nil {
		return planner.Naming{}, fmt.Errorf("find out the account: %w", explainCall(err))
	}
	n := a.naming()
	n.Account = sdk.ToString(out.Account)
	if parts := strings.Split(sdk.ToString(out.Arn), ":"); len(parts) > 1 && parts[1] != "" {
		n.Partition = parts[1]
	}
	return n, nil
}

// naming is what is known of the names without a call: all but the account.
func (a *Account) naming() planner.Naming {
	return planner.Naming{
		Partition: planner.PartitionOf(a.config.Region),
		Region:    a.config.Region,
		Registry:  a.settings.Registry,
	}
}

// Endpoint is a backend of scar local.
type Endpoint struct {
	URL       string `json:"endpoint"`
	Region    string `json:"region"`
	AccessKey string `json:"-"`
	SecretKey string `json:"-"`
}

// config points every client at the backend. It has no sources, so that no variable of the environment
// can send a part of the calls elsewhere.
func (e *Endpoint) config() sdk.Config {
	return sdk.Config{
		Region:       e.Region,
		Credentials:  credentials.NewStaticCredentialsProvider(e.AccessKey, e.SecretKey, ""),
		BaseEndpoint: sdk.String(e.URL),
	}
}
