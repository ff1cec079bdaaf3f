// Package aws carries out plans in an account and region of AWS, or of what speaks its protocols. There
// is one file per kind of resource, with the calls that the kind needs of its service, its reads and
// its writes.
package aws

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/apigatewayv2"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/ecr"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/resourcegroupstaggingapi"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/scheduler"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/ssm"

	"github.com/scar-go/scar/applier"
	"github.com/scar-go/scar/image"
	"github.com/scar-go/scar/planner"
)

// Options say which account and project a Cloud is for.
type Options struct {
	Project string
	Naming  planner.Naming // Registry set: images are pushed there, with the credentials that docker has for it

	// Images are those that may have to be pushed, by digest.
	Images map[string]*image.Image

	// Parameters are the secrets of parameters that may have to be written, by the names of those. A plan holds their
	// digests only, and one that is not of the digest that was planned is refused.
	Parameters map[string]string

	// Digests are shared by all who make digests of the same secrets, since each takes long; nil: there are none yet.
	Digests *planner.Digests

	// Parallelism is how many resources Read reads at once; 0 means applier.DefaultParallelism.
	Parallelism int

	// Pace is the unit of all pauses between tries; 0 means a second, as AWS needs it. A backend on
	// this machine answers sooner.
	Pace time.Duration

	// Settle is how long a change may take to be visible; 0 means two minutes.
	Settle time.Duration
}

// Cloud is an account and region. It implements applier.Cloud.
type Cloud struct {
	opts           Options
	buckets        *buckets
	repositories   *repositories
	images         *images
	parameters     *parameters
	replacements   *replacements
	queues         *queues
	logGroups      *logGroups
	roles          *roles
	functions      *functions
	invokeConfigs  *invokeConfigs
	permissions    *permissions
	triggers       *triggers
	eventSources   *eventSources
	scheduleGroups *scheduleGroups
	schedules      *schedules
	functionURLs   *functionURLs
	httpAPIs       *httpAPIs
	finder         *finder
	asker          *asker
}

var _ applier.Cloud = (*Cloud)(nil)

// New returns the account and region that the configuration and the naming are of; both must name the
// same region.
func New(cfg aws.Config, opts Options) *Cloud {
	cfg = cfg.Copy()
	cfg.Region = opts.Naming.Region
	cfg.Retryer = newRetryer
	return assemble(opts, clients{
		s3:        s3.NewFromConfig(cfg, pathStyle),
		ecr:       ecr.NewFromConfig(cfg),
		logs:      cloudwatchlogs.NewFromConfig(cfg),
		iam:       iam.NewFromConfig(cfg),
		lambda:    lambda.NewFromConfig(cfg),
		sqs:       sqs.NewFromConfig(cfg),
		ssm:       ssm.NewFromConfig(cfg),
		scheduler: scheduler.NewFromConfig(cfg),
		api:       apigatewayv2.NewFromConfig(cfg, pacedAPIs(opts.Pace)),
		tags:      resourcegroupstaggingapi.NewFromConfig(cfg),
		ask:       newAskClients(cfg),
	})
}

// pathStyle puts the bucket into the path where the endpoint was given by the user: such endpoints are
// seldom reachable under a name for each bucket.
func pathStyle(o *s3.Options) { o.UsePathStyle = o.UsePathStyle || o.BaseEndpoint != nil }

// clients are the services that a Cloud calls.
type clients struct {
	s3 interface {
		bucketClient
		triggerClient
		arrivalClient
	}
	ecr interface {
		repositoryClient
		imageClient
	}
	logs logGroupClient
	iam  interface {
		roleClient
		roleLister
	}
	lambda interface {
		functionClient
		permissionClient
		eventSourceClient
		invokeConfigClient
		functionURLClient
		invokeClient
	}
	sqs interface {
		queueClient
		queueLister
	}
	ssm       parameterStore
	scheduler interface {
		scheduleGroupClient
		scheduleClient
	}
	api  httpAPIClient
	tags resourcegroupstaggingapi.GetResourcesAPIClient
	ask  askClients
}

func assemble(opts Options, c clients) *Cloud {
	if opts.Parallelism <= 0 {
		opts.Parallelism = applier.DefaultParallelism
	}
	if opts.Pace <= 0 {
		opts.Pace = defaultPace
	}
	if opts.Settle <= 0 {
		opts.Settle = defaultSettle
	}
	p := patience{pace: opts.Pace, settle: opts.Settle}
	permissions := &permissions{client: c.lambda, project: opts.Project, locks: newLocks(), patience: p}
	parameters := &parameters{client: c.ssm, secrets: opts.Parameters, digests: opts.Digests, patience: p}
	if parameters.digests == nil {
		parameters.digests = &planner.Digests{}
	}
	roles := &roles{client: c.iam, patience: p}
	replacements := &replacements{
		client: c.s3, invoker: c.lambda, parameters: parameters, permissions: permissions, roles: roles,
		naming: opts.Naming, project: opts.Project, parallel: opts.Parallelism, patience: p,
	}
	functions := &functions{client: c.lambda, naming: opts.Naming, replacements: replacements, patience: p}
	eventSources := &eventSources{client: c.lambda, naming: opts.Naming, patience: p}
	apis := &httpAPIs{client: c.api, permissions: permissions, naming: opts.Naming, project: opts.Project, patience: p}
	finder := &finder{
		tags: c.tags, roles: c.iam, images: c.ecr, queues: c.sqs, eventSources: eventSources, schedules: c.scheduler, apis: apis, parameters: parameters, naming: opts.Naming,
	}
	return &Cloud{
		opts:           opts,
		buckets:        &buckets{client: c.s3, naming: opts.Naming, patience: p},
		repositories:   &repositories{client: c.ecr, naming: opts.Naming, patience: p},
		images:         newImages(c.ecr, opts, p, newCleaner(c.ecr, opts, functions, finder)),
		parameters:     parameters,
		replacements:   replacements,
		queues:         &queues{client: c.sqs, patience: p},
		logGroups:      &logGroups{client: c.logs, naming: opts.Naming, patience: p},
		roles:          roles,
		functions:      functions,
		invokeConfigs:  &invokeConfigs{client: c.lambda, patience: p},
		permissions:    permissions,
		triggers:       &triggers{client: c.s3, project: opts.Project, account: opts.Naming.Account, patience: p},
		eventSources:   eventSources,
		scheduleGroups: &scheduleGroups{client: c.scheduler, naming: opts.Naming, patience: p},
		schedules:      &schedules{client: c.scheduler, project: opts.Project, patience: p},
		functionURLs:   &functionURLs{client: c.lambda, patience: p},
		httpAPIs:       apis,
		finder:         finder,
		asker:          &asker{askClients: c.ask, naming: opts.Naming, parallel: opts.Parallelism},
	}
}

// together runs calls that do not depend on each other at once and waits for all. That something does
// not exist outweighs the other errors, which often follow from it; else the first in order is returned.
func together(ctx context.Context, calls ...func(context.Context) error) error {
	errs := make([]error, len(calls))
	var wg sync.WaitGroup
	for i, call := range calls {
		wg.Go(func() { errs[i] = call(ctx) })
	}
	wg.Wait()
	var first error
	for _, err := range errs {
		if errors.Is(err, errAbsent) {
			return errAbsent
		}
		if first == nil {
			first = err
		}
	}
	return first
}
