package local

import (
	"context"
	"errors"
	"path/filepath"

	"github.com/scar-go/scar/local/ecr"
	"github.com/scar-go/scar/local/iam"
	"github.com/scar-go/scar/local/lambda"
	"github.com/scar-go/scar/local/logs"
	"github.com/scar-go/scar/local/s3"
	"github.com/scar-go/scar/local/scheduler"
	"github.com/scar-go/scar/local/secretsmanager"
	"github.com/scar-go/scar/local/sqs"
	"github.com/scar-go/scar/local/ssm"
	"github.com/scar-go/scar/local/tagging"
	"github.com/scar-go/scar/local/wire"
)

// makeServices makes the services, each over what it needs of the others.
func (b *Backend) makeServices(ctx context.Context) (err error) {
	if b.iam, err = iam.New(b.iamConfig()); err != nil {
		return err
	}
	o := b.options
	if b.logs, err = logs.New(logs.Config{DB: b.db, Clock: o.Clock, Account: o.Account, Region: o.Region}); err != nil {
		return err
	}
	if b.ssm, err = ssm.New(ssm.Config{DB: b.db, Clock: o.Clock, Account: o.Account, Region: o.Region}); err != nil {
		return err
	}
	if b.secrets, err = secretsmanager.New(secretsmanager.Config{DB: b.db, Clock: o.Clock, Account: o.Account, Region: o.Region}); err != nil {
		return err
	}
	b.ecr, err = ecr.New(ecr.Config{
		DB: b.db, Dir: filepath.Join(o.Dir, "blobs"), Clock: o.Clock, Account: o.Account, Region: o.Region,
		Passwords: b.iam, Authorizer: b.iam,
	})
	if err != nil {
		return err
	}
	if b.sqs, err = sqs.New(sqs.Config{DB: b.db, Clock: o.Clock, Account: o.Account, Region: o.Region, Policies: b.iam}); err != nil {
		return err
	}
	if b.lambda, err = lambda.New(ctx, b.lambdaConfig()); err != nil {
		return err
	}
	b.s3, err = s3.New(s3.Config{
		DB: b.db, Dir: filepath.Join(o.Dir, "objects"), Clock: o.Clock, Account: o.Account, Region: o.Region,
		Targets: targets{b}, Authorizer: b.iam, Log: o.Log,
	})
	if err != nil {
		return errors.Join(err, b.lambda.Close())
	}
	if err := b.makeTriggers(ctx); err != nil {
		return errors.Join(err, b.lambda.Close())
	}
	close(b.made)
	b.services = map[string]service{
		"iam":            newService(b.iam.IAM(), wire.Query),
		"sts":            newService(b.iam.STS(), wire.Query),
		"logs":           newService(b.logs, wire.JSON11),
		"ssm":            newService(b.ssm, wire.JSON11),
		"secretsmanager": newService(b.secrets, wire.JSON11),
		"ecr":            newService(b.ecr, wire.JSON11),
		"lambda":         newService(b.lambda, wire.RESTJSON),
		"s3":             newService(b.s3, wire.RESTXML),
		"scheduler":      newService(b.scheduler, wire.RESTJSON),
		"sqs":            {b.sqs, wire.JSON11, sqs.WriteError},
		"tagging":        newService(tagging.New(b.logs, b.ssm, b.secrets, b.ecr, b.lambda, b.s3, b.sqs, b.scheduler), wire.JSON11),
		registryService:  {b.ecr.Registry(), wire.JSON11, ecr.WriteRegistryError},
	}
	return nil
}

// makeTriggers makes the services that start functions by themselves.
func (b *Backend) makeTriggers(ctx context.Context) (err error) {
	o := b.options
	b.scheduler, err = scheduler.New(ctx, scheduler.Config{
		DB: b.db, Clock: o.Clock, Account: o.Account, Region: o.Region, Invoker: b.lambda, Roles: b.iam, Log: o.Log,
	})
	if err != nil {
		return err
	}
	b.fronts = map[string]service{urlFront: newService(b.lambda.FunctionURLs(), wire.RESTJSON)}
	return nil
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
		Authorizer: b.iam, Queues: queues{b.sqs}, Destinations: destinations{b},
		RetryDelays: o.RetryDelays, Concurrency: o.Concurrency, IdleTimeout: o.IdleTimeout, Settle: o.Settle, OnDone: o.OnDone, Log: o.Log,
	}
}
