package kms

import (
	"context"
	"strings"
	"time"

	"github.com/scar-go/scar/local/wire"
)

// alias is a name of a key, as it is stored.
type alias struct {
	Name    string // alias/…
	Key     string // id
	Created time.Time
}

// behind is the key behind an alias.
func (s *Service) behind(name string) (key, error) {
	if strings.HasPrefix(name, managedAlias) && len(name) > len(managedAlias) {
		if err := s.manage(name); err != nil {
			return key{}, err
		}
	}
	a, found, err := s.aliases.Get(name)
	if err != nil {
		return key{}, err
	}
	if !found {
		return key{}, noSuchAlias(s.prefix() + name)
	}
	return s.find(a.Key)
}

// manage makes the key that AWS manages for a service, if it is not there yet.
func (s *Service) manage(name string) error {
	s.managing.Lock()
	defer s.managing.Unlock()
	if _, found, err := s.aliases.Get(name); err != nil || found {
		return err
	}
	now := s.cfg.Clock.Now()
	k := key{ID: newID(), Created: now, Enabled: true, Managed: true, Description: "Default key that protects my resources when no other key is defined"}
	if err := s.keys.Put(k.ID, k); err != nil {
		return err
	}
	return s.aliases.Put(name, alias{Name: name, Key: k.ID, Created: now})
}

func noSuchAlias(arn string) error {
	return failure("NotFoundException", "Alias %s is not found.", arn)
}

var aliasPattern = wire.Pattern(`^alias/[a-zA-Z0-9/_-]{1,250}$`)

type aliasInput struct{ AliasName, TargetKeyID string }

func (s *Service) createAlias(_ context.Context, in aliasInput) (wire.Empty, error) {
	if !aliasPattern().MatchString(in.AliasName) || strings.HasPrefix(in.AliasName, managedAlias) {
		return wire.Empty{}, failure("InvalidAliasNameException", "Alias must start with the prefix \"alias/\", not with \"%s\": %s", managedAlias, in.AliasName)
	}
	if strings.Contains(in.TargetKeyID, "alias/") {
		return wire.Empty{}, failure("ValidationException", "Aliases must refer to keys. Not aliases")
	}
	k, err := s.find(in.TargetKeyID)
	if err != nil {
		return wire.Empty{}, err
	}
	return wire.Empty{}, s.aliases.Update(in.AliasName, func(a *alias, found bool) error {
		if found {
			return failure("AlreadyExistsException", "An alias with the name %s already exists", s.prefix()+in.AliasName)
		}
		*a = alias{Name: in.AliasName, Key: k.ID, Created: s.cfg.Clock.Now()}
		return nil
	})
}

func (s *Service) deleteAlias(_ context.Context, in aliasInput) (wire.Empty, error) {
	if strings.HasPrefix(in.AliasName, managedAlias) {
		return wire.Empty{}, failure("NotAuthorizedException", "The alias %s is AWS's own", in.AliasName)
	}
	return wire.Empty{}, s.aliases.Remove(in.AliasName, func(_ alias, found bool) error {
		if !found {
			return noSuchAlias(s.prefix() + in.AliasName)
		}
		return nil
	})
}

type aliasEntry struct {
	AliasARN     string `json:"AliasArn"`
	AliasName    string
	CreationDate wire.Epoch
	TargetKeyID  string `json:"TargetKeyId"`
}

type listAliasesOutput struct {
	Aliases    []aliasEntry
	NextMarker string `json:",omitempty"`
	Truncated  bool
}

func (s *Service) listAliases(ctx context.Context, in listInput) (out listAliasesOutput, err error) {
	only := ""
	if in.KeyID != "" {
		k, err := s.find(in.KeyID)
		if err != nil {
			return out, err
		}
		only = k.ID
	}
	var all []aliasEntry
	err = s.aliases.Each("", func(name string, a alias) bool {
		if only == "" || a.Key == only {
			all = append(all, aliasEntry{s.prefix() + name, name, wire.Epoch(a.Created), a.Key})
		}
		return true
	})
	if err != nil {
		return out, err
	}
	out.Aliases, out.NextMarker, err = page(ctx, all, func(a aliasEntry) string { return a.AliasName }, in.Limit, in.Marker)
	out.Truncated = out.NextMarker != ""
	return out, err
}
