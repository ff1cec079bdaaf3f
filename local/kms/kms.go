// Package kms serves of AWS Key Management Service what others ask of keys: which there are, and who may use them. It encrypts
// nothing.
//
// Keys have AWS's default policy, which leaves it to the policies of roles who may use them.
package kms

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"

	"github.com/scar-go/scar/local/clock"
	"github.com/scar-go/scar/local/store"
	"github.com/scar-go/scar/local/wire"
)

// Authorizer knows what the policies of callers allow.
type Authorizer interface {
	Allowed(ctx context.Context, id wire.Identity, action, resource string, conditions map[string][]string) (bool, error)
}

// Config is what a Service needs. All of it must be given.
type Config struct {
	DB         *store.DB
	Clock      clock.Clock
	Account    string // twelve digits
	Region     string
	Authorizer Authorizer
}

// Service is the KMS of one account and region. It is an http.Handler.
type Service struct {
	cfg        Config
	keys       *store.Table[key]   // by id
	aliases    *store.Table[alias] // by name
	operations map[string]wire.JSONOperation

	managing sync.Mutex // held while a key that AWS manages is made
}

// New returns the service, with the state that is in the database.
func New(cfg Config) (*Service, error) {
	keys, err := store.NewTable[key](cfg.DB, "kms.keys")
	if err != nil {
		return nil, err
	}
	aliases, err := store.NewTable[alias](cfg.DB, "kms.aliases")
	if err != nil {
		return nil, err
	}
	s := &Service{cfg: cfg, keys: keys, aliases: aliases}
	s.operations = map[string]wire.JSONOperation{
		"CreateKey":           wire.JSON(s.createKey),
		"DescribeKey":         wire.JSON(s.describeKey),
		"ListKeys":            wire.JSON(s.listKeys),
		"EnableKey":           wire.JSON(s.enableKey),
		"DisableKey":          wire.JSON(s.disableKey),
		"ScheduleKeyDeletion": wire.JSON(s.scheduleKeyDeletion),
		"GetKeyPolicy":        wire.JSON(s.getKeyPolicy),
		"ListResourceTags":    wire.JSON(s.listResourceTags),
		"CreateAlias":         wire.JSON(s.createAlias),
		"DeleteAlias":         wire.JSON(s.deleteAlias),
		"ListAliases":         wire.JSON(s.listAliases),
	}
	return s, nil
}

// ServeHTTP serves one call.
func (s *Service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	wire.ServeJSON(w, r, "kms", s.operations)
}

// managedAlias is what the aliases of AWS's own keys begin with. Such a key is there as soon as somebody asks for it, and who may
// use the service that it is for, such as S3, may use it.
const managedAlias = "alias/aws/"

// Use says whether a caller may take an action, such as kms:Decrypt, with a key, named by id, ARN, alias or ARN of an alias, and
// returns its ARN. Via is the service, such as s3, that asks for the caller. The error is KMS's where there is no such key, where it is not enabled, or where no policy allows the action.
func (s *Service) Use(ctx context.Context, id wire.Identity, ref, action, via string) (arn string, err error) {
	k, err := s.find(ref)
	if err != nil {
		return "", err
	}
	arn = s.keyARN(k.ID)
	switch k.state(s.cfg.Clock.Now()) {
	case stateEnabled:
	case stateDisabled:
		return "", failure("DisabledException", "%s is disabled.", arn)
	default:
		return "", failure("KMSInvalidStateException", "%s is pending deletion.", arn)
	}
	if k.Managed {
		return arn, nil
	}
	// The keys that "Condition keys for AWS KMS" in its developer guide has for all calls that services make.
	conditions := map[string][]string{"kms:ViaService": {s.endpoint(via)}, "kms:CallerAccount": {id.Account}}
	allowed, err := s.cfg.Authorizer.Allowed(ctx, id, action, arn, conditions)
	if err != nil {
		return "", err
	}
	if !allowed {
		return "", failure("AccessDeniedException",
			"User: %s is not authorized to perform: %s on resource: %s because no identity-based policy allows the %s action", id.ARN, action, arn, action)
	}
	return arn, nil
}

// endpoint is the host of a service, as kms:ViaService names it.
func (s *Service) endpoint(service string) string {
	host := service + "." + s.cfg.Region + ".amazonaws.com"
	if wire.Partition(s.cfg.Region) == "aws-cn" {
		host += ".cn"
	}
	return host
}

// ResourceARN is the ARN of the key that a call may name, for policies, or *.
func (s *Service) ResourceARN(ref string) string {
	if ref == "" {
		return "*"
	}
	k, err := s.find(ref)
	if err != nil {
		return s.keyARN(ref)
	}
	return s.keyARN(k.ID)
}

// Tagged are the keys for the tagging service.
func (s *Service) Tagged(context.Context) ([]wire.Resource, error) {
	var out []wire.Resource
	err := s.keys.Each("", func(id string, k key) bool {
		out = append(out, wire.Resource{ARN: s.keyARN(id), Tags: k.Tags})
		return true
	})
	return out, err
}

func (s *Service) prefix() string {
	return fmt.Sprintf("arn:%s:kms:%s:%s:", wire.Partition(s.cfg.Region), s.cfg.Region, s.cfg.Account)
}

func (s *Service) keyARN(id string) string { return s.prefix() + "key/" + id }

// find is the key that an id, an ARN, an alias or the ARN of one names.
func (s *Service) find(ref string) (key, error) {
	name := strings.TrimPrefix(ref, s.prefix())
	if strings.HasPrefix(name, "alias/") {
		return s.behind(name)
	}
	id := strings.TrimPrefix(name, "key/")
	k, found, err := s.keys.Get(id)
	if err == nil && (!found || k.gone(s.cfg.Clock.Now())) {
		arn := ref
		if !strings.HasPrefix(ref, "arn:") {
			arn = s.keyARN(id)
		}
		err = failure("NotFoundException", "Key '%s' does not exist", arn)
	}
	return k, err
}

func failure(code, format string, args ...any) error {
	return wire.Errorf(http.StatusBadRequest, code, format, args...)
}

// page is the page of a sorted list that a call asks for, and the marker of the next, empty if there is none.
func page[T any](ctx context.Context, all []T, key func(T) string, limit *int, marker string) ([]T, string, error) {
	const most = 1000
	asked := 0
	if limit != nil {
		if asked = *limit; asked < 1 || asked > most {
			return nil, "", failure("ValidationException", "1 validation error detected: Value '%d' at 'limit' failed to satisfy constraint: Member must be from 1 to %d", asked, most)
		}
	}
	start, err := wire.PageStart(marker, "InvalidMarkerException")
	if err != nil {
		return nil, "", err
	}
	from, _ := slices.BinarySearchFunc(all, start, func(v T, start string) int { return strings.Compare(key(v), start) })
	out := append([]T{}, all[from:]...)
	if size := wire.PageSize(ctx, asked, most); len(out) > size {
		return out[:size], wire.PageToken(key(out[size])), nil
	}
	return out, "", nil
}
