package local

import (
	"context"
	"net/http"
	"path/filepath"

	"github.com/scar-go/scar/local/ecr"
	"github.com/scar-go/scar/local/iam"
	"github.com/scar-go/scar/local/logs"
	"github.com/scar-go/scar/local/s3"
	"github.com/scar-go/scar/local/tagging"
	"github.com/scar-go/scar/local/wire"
)

// makeServices makes the services, each over what it needs of the others.
func (b *Backend) makeServices() (err error) {
	o := b.options
	roles := iam.Config{
		DB: b.db, Clock: o.Clock, Account: o.Account, Region: o.Region,
		AdminAccessKey: AdminAccessKey, AdminSecretKey: AdminSecretKey,
	}
	if o.Script != nil {
		roles.Lag = o.Script.lag
	}
	if b.iam, err = iam.New(roles); err != nil {
		return err
	}
	if b.logs, err = logs.New(logs.Config{DB: b.db, Clock: o.Clock, Account: o.Account, Region: o.Region}); err != nil {
		return err
	}
	b.ecr, err = ecr.New(ecr.Config{
		DB: b.db, Dir: filepath.Join(o.Dir, "blobs"), Clock: o.Clock, Account: o.Account, Region: o.Region,
		Passwords: b.iam, Authorizer: b.iam,
	})
	if err != nil {
		return err
	}
	b.s3, err = s3.New(s3.Config{
		DB: b.db, Dir: filepath.Join(o.Dir, "objects"), Clock: o.Clock, Account: o.Account, Region: o.Region,
		Functions: noFunctions{}, Authorizer: b.iam, Log: o.Log,
	})
	if err != nil {
		return err
	}
	b.services = map[string]service{
		"iam":           newService(b.iam.IAM(), wire.Query),
		"sts":           newService(b.iam.STS(), wire.Query),
		"logs":          newService(b.logs, wire.JSON11),
		"ecr":           newService(b.ecr, wire.JSON11),
		"s3":            newService(b.s3, wire.RESTXML),
		"tagging":       newService(tagging.New(b.logs, b.ecr, b.s3), wire.JSON11),
		registryService: {b.ecr.Registry(), wire.JSON11, ecr.WriteRegistryError},
	}
	return nil
}

// noFunctions answers S3 where there is no Lambda.
type noFunctions struct{}

func (noFunctions) CheckInvoke(_ context.Context, functionARN, _, _, _ string) error {
	return wire.Errorf(http.StatusNotFound, "ResourceNotFoundException", "Function not found: %s", functionARN)
}

func (noFunctions) InvokeEvent(_ context.Context, functionARN string, _ []byte, _ string) (string, error) {
	return "", wire.Errorf(http.StatusNotFound, "ResourceNotFoundException", "Function not found: %s", functionARN)
}
