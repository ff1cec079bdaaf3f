package secretsmanager

import (
	"context"
	"crypto/rand"
	"time"

	"github.com/scar-go/scar/local/wire"
)

type createSecretInput struct {
	Name        string
	Description string
	KMSKeyID    string `json:"KmsKeyId"`
	Tags        []tag
	value
	AddReplicaRegions []struct{}
}

// identity is how calls answer which secret, and which version, they were about.
type identity struct {
	ARN       string
	Name      string
	VersionID string `json:"VersionId,omitempty"`
}

func (s *Service) createSecret(_ context.Context, in createSecretInput) (out identity, err error) {
	if err := checkName(in.Name); err != nil {
		return out, err
	}
	if err := in.check(); err != nil {
		return out, err
	}
	if len(in.AddReplicaRegions) > 0 {
		return out, invalid("the local backend does not serve replicas of secrets")
	}
	tags, err := tagMap(in.Tags)
	if err != nil {
		return out, err
	}
	err = s.secrets.Update(in.Name, func(x *secret, found bool) error {
		now := s.cfg.Clock.Now().UTC()
		if found && !x.gone(now) {
			out, err = s.createAgain(*x, in)
			return err
		}
		*x = secret{
			Name: in.Name, Suffix: rand.Text()[:6], Description: in.Description, KMSKeyID: in.KMSKeyID, Tags: tags,
			Created: now, Changed: now,
		}
		out = identity{ARN: s.arn(*x), Name: x.Name}
		if in.given() {
			out.VersionID, err = s.add(x, in.value, []string{current})
		}
		return err
	})
	return out, err
}

// createAgain answers for a secret that exists: a call that is repeated, which its token shows, succeeds.
func (s *Service) createAgain(x secret, in createSecretInput) (identity, error) {
	if !x.Deleted.IsZero() {
		return identity{}, unusable("You can't create this secret because a secret with this name is already scheduled for deletion.")
	}
	v, found := x.version(in.ClientRequestToken)
	if !found || !in.given() || !v.same(version{Text: in.SecretString, Binary: in.SecretBinary}) {
		return identity{}, failure("ResourceExistsException", "The operation failed because the secret %s already exists.", in.Name)
	}
	return identity{s.arn(x), x.Name, v.ID}, nil
}

type updateSecretInput struct {
	SecretID    string  `json:"SecretId"`
	Description *string // nil: as it is
	KMSKeyID    string  `json:"KmsKeyId"` // empty: as it is
	value
}

func (s *Service) updateSecret(_ context.Context, in updateSecretInput) (out identity, err error) {
	if err := in.check(); err != nil {
		return out, err
	}
	x, err := s.change(in.SecretID, func(x *secret) error {
		if err := x.usable(); err != nil {
			return err
		}
		if in.Description != nil {
			x.Description = *in.Description
		}
		if in.KMSKeyID != "" {
			x.KMSKeyID = in.KMSKeyID
		}
		if in.given() {
			out.VersionID, err = s.add(x, in.value, []string{current})
		}
		return err
	})
	if err != nil {
		return identity{}, err
	}
	return identity{s.arn(x), x.Name, out.VersionID}, nil
}

type deleteSecretInput struct {
	SecretID                   string `json:"SecretId"`
	ForceDeleteWithoutRecovery bool
	RecoveryWindowInDays       *int
}

type deleteSecretOutput struct {
	ARN          string
	Name         string
	DeletionDate wire.Epoch
}

// The days for which a deleted secret can be restored.
const (
	minRecovery     = 7
	maxRecovery     = 30
	defaultRecovery = 30
)

func (s *Service) deleteSecret(_ context.Context, in deleteSecretInput) (out deleteSecretOutput, err error) {
	days := defaultRecovery
	if in.RecoveryWindowInDays != nil {
		days = *in.RecoveryWindowInDays
		if days < minRecovery || days > maxRecovery {
			return out, invalid("The RecoveryWindowInDays value must be between %d and %d days (inclusive).", minRecovery, maxRecovery)
		}
		if in.ForceDeleteWithoutRecovery {
			return out, invalid("You can't use ForceDeleteWithoutRecovery in conjunction with RecoveryWindowInDays.")
		}
	}
	if in.ForceDeleteWithoutRecovery {
		return s.deleteForGood(in.SecretID)
	}
	now := s.cfg.Clock.Now().UTC()
	x, err := s.change(in.SecretID, func(x *secret) error {
		if err := x.usable(); err != nil {
			return err
		}
		x.Deleted, x.Gone = now, now.Add(time.Duration(days)*24*time.Hour)
		return nil
	})
	if err != nil {
		return out, err
	}
	return deleteSecretOutput{s.arn(x), x.Name, wire.Epoch(x.Gone)}, nil
}

// deleteForGood succeeds where there is nothing, as AWS does.
func (s *Service) deleteForGood(id string) (out deleteSecretOutput, err error) {
	now := wire.Epoch(s.cfg.Clock.Now())
	x, found, err := s.find(id)
	if err != nil {
		return out, err
	}
	if !found {
		return deleteSecretOutput{id, id, now}, nil
	}
	return deleteSecretOutput{s.arn(x), x.Name, now}, s.secrets.Delete(x.Name)
}

type secretInput struct {
	SecretID string `json:"SecretId"`
}

func (s *Service) restoreSecret(_ context.Context, in secretInput) (out identity, err error) {
	x, err := s.change(in.SecretID, func(x *secret) error {
		x.Deleted, x.Gone = time.Time{}, time.Time{}
		return nil
	})
	if err != nil {
		return out, err
	}
	return identity{ARN: s.arn(x), Name: x.Name}, nil
}
