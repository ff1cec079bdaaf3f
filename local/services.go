package local

import (
	"context"
	"errors"
	"path/filepath"

	"github.com/scar-go/scar/local/apigateway"
	"github.com/scar-go/scar/local/cloudwatch"
	"github.com/scar-go/scar/local/ec2"
	"github.com/scar-go/scar/local/ecr"
	"github.com/scar-go/scar/local/efs"
	"github.com/scar-go/scar/local/events"
	"github.com/scar-go/scar/local/iam"
	"github.com/scar-go/scar/local/kms"
	"github.com/scar-go/scar/local/lambda"
	"github.com/scar-go/scar/local/logs"
	"github.com/scar-go/scar/local/s3"
	"github.com/scar-go/scar/local/scheduler"
	"github.com/scar-go/scar/local/secretsmanager"
	"github.com/scar-go/scar/local/sns"
	"github.com/scar-go/scar/local/sqs"
	"github.com/scar-go/scar/local/ssm"
	"github.com/scar-go/scar/local/tagging"
	"github.com/scar-go/scar/local/wire"
)

// makeServices makes the services, each over what it needs of the others. What is running when one of them cannot be made is closed.
func (b *Backend) makeServices(ctx context.Context) error {
	for _, step := range []func(context.Context) error{b.makeStores, b.makeLambda, b.makeSenders, b.makeTriggers} {
		if err := step(ctx); err != nil {
			return errors.Join(err, b.closeServices())
		}
	}
	b.route()
	close(b.made)
	return nil
}

// makeStores makes the services that start nothing.
func (b *Backend) makeStores(context.Context) (err error) {
	o := b.options
	b.metrics = cloudwatch.New(cloudwatch.Config{Clock: o.Clock})
	if b.iam, err = iam.New(b.iamConfig()); err != nil {
		return err
	}
	if b.logs, err = logs.New(logs.Config{DB: b.db, Clock: o.Clock, Account: o.Account, Region: o.Region}); err != nil {
		return err
	}
	if b.ssm, err = ssm.New(ssm.Config{DB: b.db, Clock: o.Clock, Account: o.Account, Region: o.Region}); err != nil {
		return err
	}
	if b.secrets, err = secretsmanager.New(secretsmanager.Config{DB: b.db, Clock: o.Clock, Account: o.Account, Region: o.Region}); err != nil {
		return err
	}
	if b.sqs, err = sqs.New(sqs.Config{DB: b.db, Clock: o.Clock, Account: o.Account, Region: o.Region, Policies: b.iam}); err != nil {
		return err
	}
	if b.ec2, err = ec2.New(ec2.Config{DB: b.db, Account: o.Account, Region: o.Region}); err != nil {
		return err
	}
	b.efs, err = efs.New(efs.Config{
		DB: b.db, Dir: filepath.Join(o.Dir, "files"), Clock: o.Clock, Account: o.Account, Region: o.Region, Networks: networks{b.ec2},
	})
	if err != nil {
		return err
	}
	if b.kms, err = kms.New(kms.Config{DB: b.db, Clock: o.Clock, Account: o.Account, Region: o.Region, Authorizer: b.iam}); err != nil {
		return err
	}
	b.ecr, err = ecr.New(ecr.Config{
		DB: b.db, Dir: filepath.Join(o.Dir, "blobs"), Clock: o.Clock, Account: o.Account, Region: o.Region,
		Passwords: b.iam, Authorizer: b.iam,
	})
	return err
}

func (b *Backend) makeLambda(ctx context.Context) (err error) {
	b.lambda, err = lambda.New(ctx, b.lambdaConfig())
	return err
}

// makeSenders makes the services that send events to others.
func (b *Backend) makeSenders(context.Context) (err error) {
	o := b.options
	b.sns, err = sns.New(sns.Config{
		DB: b.db, Clock: o.Clock, Account: o.Account, Region: o.Region, Policies: b.iam, Targets: targets{b}, Log: o.Log,
	})
	if err != nil {
		return err
	}
	b.events, err = events.New(events.Config{DB: b.db, Clock: o.Clock, Account: o.Account, Region: o.Region, Targets: targets{b}, Log: o.Log})
	if err != nil {
		return err
	}
	b.s3, err = s3.New(s3.Config{
		DB: b.db, Dir: filepath.Join(o.Dir, "objects"), Clock: o.Clock, Account: o.Account, Region: o.Region,
		Keys: b.kms, Targets: targets{b}, Authorizer: b.iam, Log: o.Log,
	})
	return err
}

// makeTriggers makes the services that start functions.
func (b *Backend) makeTriggers(ctx context.Context) (err error) {
	o := b.options
	b.apis, err = apigateway.New(apigateway.Config{
		DB: b.db, Clock: o.Clock, Account: o.Account, Region: o.Region, Endpoint: b.Endpoint, Functions: functions{b.lambda}, Authorizer: b.iam,
		OnAddress: func(a apigateway.Address) { o.OnAddress(ofAPI(a)) }, Log: o.Log,
	})
	if err != nil {
		return err
	}
	b.scheduler, err = scheduler.New(ctx, scheduler.Config{
		DB: b.db, Clock: o.Clock, Account: o.Account, Region: o.Region, Invoker: b.lambda, Roles: b.iam,
		Settle: o.Settle.Delay, Log: o.Log,
	})
	return err
}

// closeServices ends what services do by themselves, those first that start others.
func (b *Backend) closeServices() error {
	var errs []error
	if b.scheduler != nil {
		errs = append(errs, b.scheduler.Close())
	}
	if b.lambda != nil {
		errs = append(errs, b.lambda.Close())
	}
	return errors.Join(errs...)
}

// route says which service is behind which name.
func (b *Backend) route() {
	tagged := tagging.New(
		b.logs, b.ssm, b.secrets, b.ecr, b.lambda, b.s3, b.sqs, b.sns, b.events, b.scheduler, b.apis, b.ec2, b.efs, b.kms,
	)
	b.services = map[string]service{
		"iam":               newService(b.iam.IAM(), wire.Query),
		"sts":               newService(b.iam.STS(), wire.Query),
		"logs":              newService(b.logs, wire.JSON11),
		"ssm":               newService(b.ssm, wire.JSON11),
		"secretsmanager":    newService(b.secrets, wire.JSON11),
		"ecr":               newService(b.ecr, wire.JSON11),
		"lambda":            newService(b.lambda, wire.RESTJSON),
		"s3":                newService(b.s3, wire.RESTXML),
		"sqs":               {b.sqs, wire.JSON11, sqs.WriteError},
		"monitoring":        {b.metrics, wire.JSON11, cloudwatch.WriteError},
		"sns":               newService(b.sns, wire.Query),
		"events":            newService(b.events, wire.JSON11),
		"scheduler":         newService(b.scheduler, wire.RESTJSON),
		"apigateway":        newService(b.apis, wire.RESTJSON),
		"ec2":               newService(b.ec2, wire.EC2),
		"kms":               newService(b.kms, wire.JSON11),
		"elasticfilesystem": newService(b.efs, wire.RESTJSON),
		"tagging":           newService(tagged, wire.JSON11),
		registryService:     {b.ecr.Registry(), wire.JSON11, ecr.WriteRegistryError},
	}
	b.fronts = map[string]service{
		urlFront: newService(b.lambda.FunctionURLs(), wire.RESTJSON),
		apiFront: newService(b.apis.APIs(), wire.RESTJSON),
	}
}

func (b *Backend) iamConfig() iam.Config {
	c := iam.Config{
		DB: b.db, Clock: b.options.Clock, Account: b.options.Account, Region: b.options.Region,
		AdminAccessKey: AdminAccessKey, AdminSecretKey: AdminSecretKey,
	}
	if b.options.Script != nil {
		c.Lag = b.options.Script.lag
	}
	return c
}

func (b *Backend) lambdaConfig() lambda.Config {
	o := b.options
	return lambda.Config{
		DB: b.db, Clock: o.Clock, Account: o.Account, Region: o.Region, Endpoint: b.waitForEndpoint,
		Roles: sessions{b.iam}, Images: b.ecr, Logs: lines{b.logs}, Cache: o.Cache,
		Authorizer: b.iam, Queues: queues{b.sqs}, Destinations: destinations{b}, Networks: b.ec2, FileSystems: b.efs,
		RetryDelays: o.RetryDelays, Concurrency: o.Concurrency, IdleTimeout: o.IdleTimeout, Settle: o.Settle, OnDone: b.invoked, OnThrottle: b.metrics.Throttled,
		OnURL: func(u lambda.URL) { o.OnAddress(ofFunction(u)) }, Log: o.Log,
	}
}

// invoked counts an invocation that has ended, and passes it on. What Lambda gave up without the function is none.
func (b *Backend) invoked(i lambda.Invocation) {
	if !i.Unrun() {
		b.metrics.Invoked(i.Function, i.Duration, i.Failed())
	}
	if b.options.OnDone != nil {
		b.options.OnDone(i)
	}
}
