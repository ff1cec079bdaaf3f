// Package secretsmanager serves AWS Secrets Manager, without rotation, replicas and resource policies.
//
// There is no KMS behind it: the values of secrets lie in the backend's state file as they are, and only the file's mode keeps
// other users from them. KmsKeyId is kept and shown, and asks for no right on a key. No value is ever part of an error or a log
// line.
package secretsmanager

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/scar-go/scar/local/clock"
	"github.com/scar-go/scar/local/store"
	"github.com/scar-go/scar/local/wire"
)

// Config is what a Service needs. All of it must be given.
type Config struct {
	DB      *store.DB
	Clock   clock.Clock
	Account string // twelve digits
	Region  string
}

// Service is the Secrets Manager of one account and region.
type Service struct {
	cfg        Config
	secrets    *store.Table[secret] // by name
	operations map[string]wire.JSONOperation
}

// secret is a secret, as it is stored.
type secret struct {
	Name        string
	Suffix      string // six random characters at the end of the ARN
	Description string
	KMSKeyID    string
	Tags        map[string]string
	Versions    []version         // the oldest first
	Stages      map[string]string // id of the version that has a staging label, by label
	Created     time.Time
	Changed     time.Time
	Deleted     time.Time // when its deletion was asked for; zero: it was not
	Gone        time.Time // when it ends to exist, if Deleted is set
}

// version is a value that a secret has or had. One of Text and Binary is set.
type version struct {
	ID      string
	Text    *string
	Binary  []byte
	Created time.Time
}

// New returns the service, with the state that is in the database.
func New(cfg Config) (*Service, error) {
	secrets, err := store.NewTable[secret](cfg.DB, "secretsmanager.secrets")
	if err != nil {
		return nil, err
	}
	s := &Service{cfg: cfg, secrets: secrets}
	s.operations = map[string]wire.JSONOperation{
		"CreateSecret":   wire.JSON(s.createSecret),
		"GetSecretValue": wire.JSON(s.getSecretValue),
		"PutSecretValue": wire.JSON(s.putSecretValue),
		"UpdateSecret":   wire.JSON(s.updateSecret),
		"DescribeSecret": wire.JSON(s.describeSecret),
		"ListSecrets":    wire.JSON(s.listSecrets),
		"DeleteSecret":   wire.JSON(s.deleteSecret),
		"RestoreSecret":  wire.JSON(s.restoreSecret),
		"TagResource":    wire.JSON(s.tagResource),
		"UntagResource":  wire.JSON(s.untagResource),
	}
	return s, nil
}

// ServeHTTP serves one call.
func (s *Service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	wire.ServeJSON(w, r, "secretsmanager", s.operations)
}

// Tagged are the secrets for the tagging service, without those that are to be deleted.
func (s *Service) Tagged(context.Context) ([]wire.Resource, error) {
	var out []wire.Resource
	err := s.secrets.Each("", func(_ string, x secret) bool {
		if x.Deleted.IsZero() {
			out = append(out, wire.Resource{ARN: s.arn(x), Tags: x.Tags})
		}
		return true
	})
	return out, err
}

// ResourceARN is what policies are checked against when a call names a secret by its name, its ARN, or its ARN without the suffix.
// A secret that does not exist has every suffix: who may read it if it were there is told that it is not.
func (s *Service) ResourceARN(id string) (string, error) {
	x, found, err := s.find(id)
	switch {
	case err != nil:
		return "", err
	case found:
		return s.arn(x), nil
	case strings.HasPrefix(id, "arn:"):
		return id, nil
	}
	return s.prefix() + id + "-??????", nil
}

func (s *Service) arn(x secret) string { return s.prefix() + x.Name + "-" + x.Suffix }

func (s *Service) prefix() string {
	return fmt.Sprintf("arn:%s:secretsmanager:%s:%s:secret:", wire.Partition(s.cfg.Region), s.cfg.Region, s.cfg.Account)
}

// suffix is how a full ARN ends.
var suffix = wire.Pattern(`-[A-Za-z0-9]{6}$`)

// find is the secret that a name, an ARN, or an ARN without the suffix stands for. As in AWS, an ARN without the suffix is not
// found where the name ends as if it had one.
func (s *Service) find(id string) (secret, bool, error) {
	name, isARN := strings.CutPrefix(id, s.prefix())
	if !isARN {
		return s.get(id)
	}
	if !suffix().MatchString(name) {
		return s.get(name)
	}
	x, found, err := s.get(name[:len(name)-len("-000000")])
	if err != nil || !found || s.arn(x) != id {
		return secret{}, false, err
	}
	return x, true, nil
}

// get is a secret by its name, unless its time to be recovered is over.
func (s *Service) get(name string) (secret, bool, error) {
	x, found, err := s.secrets.Get(name)
	return x, found && !x.gone(s.cfg.Clock.Now()), err
}

func (x secret) gone(now time.Time) bool { return !x.Deleted.IsZero() && !now.Before(x.Gone) }

// change changes a secret that exists, in one transaction.
func (s *Service) change(id string, change func(*secret) error) (secret, error) {
	known, found, err := s.find(id)
	if err != nil {
		return secret{}, err
	}
	if !found {
		return secret{}, noSuchSecret()
	}
	var changed secret
	err = s.secrets.Update(known.Name, func(x *secret, found bool) error {
		if !found || x.Suffix != known.Suffix {
			return noSuchSecret() // deleted since
		}
		if err := change(x); err != nil {
			return err
		}
		x.Changed = s.cfg.Clock.Now().UTC()
		changed = *x
		return nil
	})
	return changed, err
}

// usable refuses secrets that are to be deleted.
func (x secret) usable() error {
	if !x.Deleted.IsZero() {
		return unusable("You can't perform this operation on the secret because it was marked for deletion.")
	}
	return nil
}

func failure(code, format string, args ...any) error {
	return wire.Errorf(http.StatusBadRequest, code, format, args...)
}

func invalid(format string, args ...any) error {
	return failure("InvalidParameterException", format, args...)
}

func unusable(format string, args ...any) error {
	return failure("InvalidRequestException", format, args...)
}

func noSuchSecret() error {
	return failure("ResourceNotFoundException", "Secrets Manager can't find the specified secret.")
}

// names are the characters of names; those that AWS's own services make have a ! too.
var names = wire.Pattern(`^[a-zA-Z0-9/_+=.@!-]+$`)

// maxName is the most characters that a name has.
const maxName = 512

func checkName(name string) error {
	if name == "" || len(name) > maxName {
		return failure("ValidationException", "1 validation error detected: Value at 'name' failed to satisfy constraint: Member must have length between 1 and %d", maxName)
	}
	if !names().MatchString(name) {
		return failure("ValidationException", "Invalid name. Must be a valid name containing alphanumeric characters, or any of the following: -/_+=.@!")
	}
	return nil
}
