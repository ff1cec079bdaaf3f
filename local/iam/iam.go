// Package iam serves AWS Identity and Access Management and the Security Token Service for roles: what
// they are, who may assume them, and what their sessions may do.
package iam

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/scar-go/scar/local/clock"
	"github.com/scar-go/scar/local/store"
	"github.com/scar-go/scar/local/wire"
)

// Config is what a Service needs. All of it must be given, but for Lag.
type Config struct {
	DB      *store.DB
	Clock   clock.Clock
	Account string // twelve digits
	Region  string // decides the partition, and is where functions are; roles are of all regions

	// The administrator's key pair.
	AdminAccessKey, AdminSecretKey string

	// Lag is asked at every change of a role for how long others do not see it; nil: they always do.
	Lag func() Lag
}

// Lag is how long a change of a role takes to become visible: until as many calls were made, and
// until as much time has passed.
type Lag struct {
	Reads   int           // reads of the role that get the old state
	Assumes int           // attempts to assume a new role, or one with a new trust policy, that fail
	For     time.Duration // by the clock; reads and attempts before it has passed are as above
}

// Service is the IAM and STS of one account.
type Service struct {
	cfg   Config
	roles *store.Table[role] // by lower-case name: names that differ by case only are the same
	key   []byte             // seals session tokens
	read  documents

	mu      sync.Mutex
	lagging map[string]*lagging // by the key of the role
}

// role is one role, as it is stored.
type role struct {
	Name        string
	ID          string
	Path        string
	Description string
	Created     time.Time
	Trust       string // policy document, as it was given
	MaxSession  int    // seconds
	Tags        map[string]string
	Inline      map[string]string // documents by policy name
	Attached    []string          // ARNs of managed policies, sorted
}

// lagging is a role that changed and does not show it yet.
type lagging struct {
	before  role
	existed bool
	reads   int
	assumes int
	until   time.Time
}

// New returns the service, with the state that is in the database.
func New(cfg Config) (*Service, error) {
	roles, err := store.NewTable[role](cfg.DB, "iam.roles")
	if err != nil {
		return nil, err
	}
	key, err := sealingKey(cfg.DB)
	if err != nil {
		return nil, err
	}
	return &Service{cfg: cfg, roles: roles, key: key, lagging: map[string]*lagging{}}, nil
}

// IAM is the handler of IAM's calls.
func (s *Service) IAM() http.Handler {
	return wire.QueryAPI{
		Service:   "iam",
		Namespace: "https://iam.amazonaws.com/doc/2010-05-08/",
		Operations: map[string]wire.QueryOperation{
			"CreateRole":                  s.createRole,
			"GetRole":                     s.getRole,
			"UpdateRole":                  s.updateRole,
			"UpdateRoleDescription":       s.updateRoleDescription,
			"UpdateAssumeRolePolicy":      s.updateAssumeRolePolicy,
			"DeleteRole":                  s.deleteRole,
			"ListRoles":                   s.listRoles,
			"TagRole":                     s.tagRole,
			"UntagRole":                   s.untagRole,
			"ListRoleTags":                s.listRoleTags,
			"PutRolePolicy":               s.putRolePolicy,
			"GetRolePolicy":               s.getRolePolicy,
			"DeleteRolePolicy":            s.deleteRolePolicy,
			"ListRolePolicies":            s.listRolePolicies,
			"AttachRolePolicy":            s.attachRolePolicy,
			"DetachRolePolicy":            s.detachRolePolicy,
			"ListAttachedRolePolicies":    s.listAttachedRolePolicies,
			"ListInstanceProfilesForRole": s.listInstanceProfilesForRole,
		},
	}
}

// STS is the handler of STS's calls.
func (s *Service) STS() http.Handler {
	return wire.QueryAPI{
		Service:   "sts",
		Namespace: "https://sts.amazonaws.com/doc/2011-06-15/",
		Operations: map[string]wire.QueryOperation{
			"GetCallerIdentity": s.getCallerIdentity,
			"AssumeRole":        s.assumeRole,
		},
	}
}

func roleKey(name string) string { return strings.ToLower(name) }

func (s *Service) arn(r role) string {
	return fmt.Sprintf("arn:%s:iam::%s:role%s%s", s.partition(), s.cfg.Account, r.Path, r.Name)
}

func (s *Service) partition() string { return wire.Partition(s.cfg.Region) }

// RoleARN is the ARN of a role, or the one that it would have under the path if there is none.
func (s *Service) RoleARN(ctx context.Context, name, path string) string {
	if r, found, err := s.current(ctx, name); err == nil && found {
		return s.arn(r)
	}
	if path == "" {
		path = "/"
	}
	return s.arn(role{Name: name, Path: path})
}

func noSuchRole(name string) error {
	return wire.Errorf(http.StatusNotFound, "NoSuchEntity", "The role with name %s cannot be found.", name)
}

// change changes a role that exists, in one transaction.
func (s *Service) change(name string, change func(*role) error) error {
	var before role
	newTrust := false
	err := s.roles.Update(roleKey(name), func(r *role, found bool) error {
		if !found {
			return noSuchRole(name)
		}
		before = r.clone()
		err := change(r)
		newTrust = r.Trust != before.Trust
		return err
	})
	if err == nil {
		s.startLag(before, true, newTrust)
	}
	return err
}

// changeNamed changes the role that a form names.
func (s *Service) changeNamed(form url.Values, change func(*role) error) error {
	name, err := roleName(form)
	if err != nil {
		return err
	}
	return s.change(name, change)
}

// startLag notes that others see the state before for a while.
func (s *Service) startLag(before role, existed, trust bool) {
	if s.cfg.Lag == nil {
		return
	}
	lag := s.cfg.Lag()
	if lag == (Lag{}) {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	l := &lagging{before: before, existed: existed, reads: lag.Reads, until: s.cfg.Clock.Now().Add(lag.For)}
	if old := s.lagging[roleKey(before.Name)]; old != nil {
		l.assumes = old.assumes
	}
	if trust {
		l.assumes = lag.Assumes
	}
	s.lagging[roleKey(before.Name)] = l
}

// seen is the role as a reader sees it, who may be late.
func (s *Service) seen(name string) (role, error) {
	r, found, err := s.roles.Get(roleKey(name))
	if err != nil {
		return role{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if l := s.lagging[roleKey(name)]; l != nil && (l.reads > 0 || s.cfg.Clock.Now().Before(l.until)) {
		l.reads = max(l.reads-1, 0)
		r, found = l.before, l.existed
	}
	if !found {
		return role{}, noSuchRole(name)
	}
	return r, nil
}

// seenNamed is the role that a form names, as a reader sees it.
func (s *Service) seenNamed(form url.Values) (role, error) {
	name, err := roleName(form)
	if err != nil {
		return role{}, err
	}
	return s.seen(name)
}

// assumable says whether a role's trust policy has reached those who assume it.
func (s *Service) assumable(name string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	l := s.lagging[roleKey(name)]
	if l == nil {
		return true
	}
	if l.assumes > 0 {
		l.assumes--
		return false
	}
	return l.existed || !s.cfg.Clock.Now().Before(l.until)
}

// each calls visit for every role, in the order of their names.
func (s *Service) each(visit func(role) bool) error {
	return s.roles.Each("", func(_ string, r role) bool { return visit(r) })
}

// current is the role as it is.
func (s *Service) current(_ context.Context, name string) (r role, found bool, err error) {
	return s.roles.Get(roleKey(name))
}
