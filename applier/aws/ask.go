package aws

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/arn"
	"github.com/aws/aws-sdk-go-v2/service/efs"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/hashicorp/go-multierror"
	"golang.org/x/sync/errgroup"

	"github.com/scar-go/scar/applier/aws/ec2"
	"github.com/scar-go/scar/planner"
)

// Ask finds out about what a plan depends on and what is not scar's to make. All questions are asked at once, within
// the bound of Options, and those of one sort together where the service allows it. What the caller may not see,
// or is in a region that does not answer, is unknown and no error. No call reads a secret.
func (c *Cloud) Ask(ctx context.Context, questions []planner.Question) (planner.Answers, error) {
	return c.asker.ask(ctx, questions)
}

// askClients are the services that questions are about.
type askClients struct {
	networks    networkClient
	fileSystems fileSystemClient
	parameters  parameterClient
	secrets     secretClient
	keys        keyClient
	queues      queueAnswerer
	topics      topicAnswerer
	buses       busAnswerer
	functions   functionAnswerer
	roles       rolePolicyReader
	buckets     bucketAnswerer
}

func newAskClients(cfg aws.Config) askClients {
	return askClients{
		networks:    ec2.New(cfg),
		fileSystems: efs.NewFromConfig(cfg),
		parameters:  ssm.NewFromConfig(cfg),
		secrets:     secretsmanager.NewFromConfig(cfg),
		keys:        kms.NewFromConfig(cfg),
		queues:      sqs.NewFromConfig(cfg),
		topics:      sns.NewFromConfig(cfg),
		buses:       eventbridge.NewFromConfig(cfg),
		functions:   lambda.NewFromConfig(cfg),
		roles:       iam.NewFromConfig(cfg),
		buckets:     s3.NewFromConfig(cfg, pathStyle),
	}
}

// asker answers questions.
type asker struct {
	askClients
	naming   planner.Naming
	parallel int // questions asked at a time
}

func (a *asker) ask(ctx context.Context, questions []planner.Question) (planner.Answers, error) {
	got := &answering{asker: a, answers: planner.Answers{}}
	group := errgroup.Group{}
	group.SetLimit(a.parallel)
	for subject, names := range subjects(questions) {
		for _, names := range batches(subject, names) {
			group.Go(func() error {
				got.batch(ctx, subject, names)
				return nil
			})
		}
	}
	_ = group.Wait() // the errors are in got, all of them
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return got.answers, got.errs.ErrorOrNil()
}

// subjects are the names that are asked about, by what they are, each once.
func subjects(questions []planner.Question) map[planner.Subject][]string {
	names := map[planner.Subject][]string{}
	for _, q := range questions {
		if !slices.Contains(names[q.About], q.Name) {
			names[q.About] = append(names[q.About], q.Name)
		}
	}
	return names
}

// batches divides names into what one call can answer.
func batches(subject planner.Subject, names []string) [][]string {
	size := 1
	switch subject {
	case planner.AboutSubnet, planner.AboutSecurityGroup:
		size = 200
	case planner.AboutParameter:
		size = maxFilterValues / 2 // a name taken from an ARN is asked for in two forms
	}
	return slices.Collect(slices.Chunk(names, size))
}

// answering is one Ask under way.
type answering struct {
	*asker
	mu      sync.Mutex
	answers planner.Answers
	errs    *multierror.Error
}

// put keeps an answer, or what came instead of it.
func (a *answering) put(subject planner.Subject, name string, answer planner.Answer, err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	q := planner.Question{About: subject, Name: name}
	reason, unknown := whyUnknown(err, a.regionOf(name) != a.naming.Region)
	switch {
	case err == nil:
		a.answers[q] = answer
	case errors.Is(err, errAbsent):
		a.answers[q] = planner.Answer{Absent: true}
	case unknown:
		a.answers[q] = planner.Answer{Unknown: reason}
	default:
		a.errs = multierror.Append(a.errs, fmt.Errorf("find out about %s %s: %w", subject, name, err))
	}
}

func (a *answering) batch(ctx context.Context, subject planner.Subject, names []string) {
	switch subject {
	case planner.AboutSubnet:
		a.networkParts(ctx, subject, names, a.subnets)
		return
	case planner.AboutSecurityGroup:
		a.networkParts(ctx, subject, names, a.securityGroups)
		return
	case planner.AboutParameter:
		a.allParameters(ctx, names)
		return
	}
	one, known := map[planner.Subject]func(context.Context, string) (planner.Answer, error){
		planner.AboutAccessPoint: a.accessPoint,
		planner.AboutSecret:      a.secret,
		planner.AboutQueue:       a.queue,
		planner.AboutTopic:       a.topic,
		planner.AboutEventBus:    a.bus,
		planner.AboutFunction:    a.function,
		planner.AboutEncryption:  a.encryption,
		planner.AboutRules:       a.rules,
		planner.AboutConcurrency: a.concurrency,
	}[subject]
	for _, name := range names {
		if !known {
			a.put(subject, name, planner.Answer{}, fmt.Errorf("nobody can be asked about a %s", subject))
			continue
		}
		answer, err := one(ctx, name)
		a.put(subject, name, answer, err)
	}
}

// regionOf is the region in an ARN, and the Cloud's for what is none or names none.
func (a *asker) regionOf(name string) string {
	if parsed, err := arn.Parse(name); err == nil && parsed.Region != "" {
		return parsed.Region
	}
	return a.naming.Region
}

// isOther says whether an ARN is of another account.
func (a *asker) isOther(name string) bool {
	parsed, err := arn.Parse(name)
	return err == nil && parsed.AccountID != "" && parsed.AccountID != a.naming.Account
}

// absent is the error for what is not found. What another account has, it may just not show.
func (a *asker) absent(name string) error {
	parsed, err := arn.Parse(name)
	if err != nil || !a.isOther(name) {
		return errAbsent
	}
	return &unknownError{"it is of the account " + parsed.AccountID + ", which does not show it to these credentials"}
}
