package iam

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/scar-go/scar/local/store"
	"github.com/scar-go/scar/local/wire"
)

// Credentials are the temporary credentials of a role's session.
type Credentials struct {
	AccessKeyID     string
	SecretAccessKey string
	SessionToken    string
	Expires         time.Time
}

// What can be wrong with an access key and its session token.
var (
	ErrUnknownKey   = errors.New("unknown access key")
	ErrBadToken     = errors.New("the session token is not one of this backend")
	ErrTokenExpired = errors.New("the session token has expired")
)

const (
	// serviceSession is how long the sessions last that services get for themselves.
	serviceSession = 12 * time.Hour
	// passwordLifetime is how long a registry password lasts, as ECR's do.
	passwordLifetime = 12 * time.Hour

	lambdaPrincipal = "lambda.amazonaws.com"
)

// Session makes a session of a role for an AWS service, such as lambda.amazonaws.com. The error is
// Lambda's where the role does not exist, does not trust Lambda, or does not do so yet.
func (s *Service) Session(ctx context.Context, roleARN, servicePrincipal, sessionName string) (Credentials, error) {
	r, err := s.roleOfARN(ctx, roleARN)
	if err != nil {
		return Credentials{}, err
	}
	trusted := false
	if r.Name != "" && s.assumable(r.Name) {
		trusted, err = r.trusts(
			map[string][]string{"Service": {servicePrincipal}},
			map[string][]string{"aws:SourceAccount": {s.cfg.Account}},
		)
	}
	if err != nil {
		return Credentials{}, err
	}
	if !trusted {
		return Credentials{}, notAssumable(servicePrincipal, roleARN)
	}
	return s.newSession(r, sessionName, serviceSession, servicePrincipal == lambdaPrincipal)
}

func notAssumable(servicePrincipal, roleARN string) error {
	if servicePrincipal == lambdaPrincipal {
		return wire.Errorf(http.StatusBadRequest, "InvalidParameterValueException",
			"The role defined for the function cannot be assumed by Lambda.")
	}
	return wire.Errorf(http.StatusForbidden, "AccessDenied",
		"User: %s is not authorized to perform: sts:AssumeRole on resource: %s", servicePrincipal, roleARN)
}

// roleOfARN is the role that an ARN names, or a role without a name where there is none.
func (s *Service) roleOfARN(ctx context.Context, arn string) (role, error) {
	r, found, err := s.current(ctx, arn[strings.LastIndexByte(arn, '/')+1:])
	if err != nil || !found || s.arn(r) != arn {
		return role{}, err
	}
	return r, nil
}

func (r role) trusts(names, conditions map[string][]string) (bool, error) {
	d, err := parseDocument(r.Trust)
	if err != nil {
		return false, fmt.Errorf("trust policy of role %q: %w", r.Name, err)
	}
	return d.trusts(names, "sts:AssumeRole", conditions)
}

// claims are what a session token says. The backend keeps no list of sessions: the token is sealed
// with a key of the backend, and the secret key is derived from it, so that sessions survive a restart
// and leave nothing behind.
type claims struct {
	Key     string `json:"k,omitempty"` // access key id
	Role    string `json:"r,omitempty"`
	RoleID  string `json:"i,omitempty"`
	Session string `json:"s,omitempty"`
	Code    bool   `json:"c,omitempty"` // of the function that Session names
	Expires int64  `json:"e"`           // seconds since 1970
}

func (s *Service) newSession(r role, sessionName string, lifetime time.Duration, ofCode bool) (Credentials, error) {
	expires := s.cfg.Clock.Now().Add(lifetime).Truncate(time.Second).UTC()
	key := "ASIA" + rand.Text()[:16]
	token, err := s.seal("session", claims{key, r.Name, r.ID, sessionName, ofCode, expires.Unix()})
	if err != nil {
		return Credentials{}, err
	}
	return Credentials{key, s.secretOf(token), token, expires}, nil
}

// Lookup returns the secret of an access key and whose it is. The error is ErrUnknownKey, ErrBadToken
// or ErrTokenExpired.
func (s *Service) Lookup(ctx context.Context, accessKey, token string) (secret string, id wire.Identity, err error) {
	if accessKey == s.cfg.AdminAccessKey {
		return s.cfg.AdminSecretKey, s.admin(), nil
	}
	if token == "" {
		return "", wire.Identity{}, ErrUnknownKey
	}
	c, err := s.unseal("session", token)
	if err != nil {
		return "", wire.Identity{}, err
	}
	if c.Key != accessKey {
		return "", wire.Identity{}, ErrBadToken
	}
	r, found, err := s.current(ctx, c.Role)
	if err != nil {
		return "", wire.Identity{}, err
	}
	if !found || r.ID != c.RoleID {
		return "", wire.Identity{}, ErrUnknownKey // the role is gone, or another one of the same name
	}
	return s.secretOf(token), s.identity(c), nil
}

func (s *Service) admin() wire.Identity {
	return wire.Identity{
		Account:   s.cfg.Account,
		AccessKey: s.cfg.AdminAccessKey,
		ARN:       fmt.Sprintf("arn:%s:iam::%s:root", s.partition(), s.cfg.Account),
		UserID:    s.cfg.Account,
	}
}

func (s *Service) identity(c claims) wire.Identity {
	function := ""
	if c.Code {
		function = fmt.Sprintf("arn:%s:lambda:%s:%s:function:%s", s.partition(), s.cfg.Region, s.cfg.Account, c.Session)
	}
	return wire.Identity{
		Account:   s.cfg.Account,
		AccessKey: c.Key,
		ARN:       fmt.Sprintf("arn:%s:sts::%s:assumed-role/%s/%s", s.partition(), s.cfg.Account, c.Role, c.Session),
		Role:      c.Role,
		UserID:    c.RoleID + ":" + c.Session,
		Function:  function,
	}
}

// RegistryPassword makes a password with which the registry knows the caller, and says until when.
func (s *Service) RegistryPassword(id wire.Identity) (password string, expires time.Time, err error) {
	expires = s.cfg.Clock.Now().Add(passwordLifetime).Truncate(time.Second).UTC()
	session := id.ARN[strings.LastIndexByte(id.ARN, '/')+1:]
	password, err = s.seal("registry", claims{id.AccessKey, id.Role, "", session, id.Function != "", expires.Unix()})
	return password, expires, err
}

// RegistryIdentity is who a registry password was made for.
func (s *Service) RegistryIdentity(password string) (wire.Identity, error) {
	c, err := s.unseal("registry", password)
	if err != nil {
		return wire.Identity{}, err
	}
	if c.Role == "" {
		return s.admin(), nil
	}
	return s.identity(c), nil
}

// seal writes claims and what proves that the backend wrote them, for one purpose only.
func (s *Service) seal(purpose string, c claims) (string, error) {
	b, err := json.Marshal(c)
	if err != nil {
		return "", fmt.Errorf("make %s token: %w", purpose, err)
	}
	text := base64.RawURLEncoding.EncodeToString(b)
	return text + "." + s.mac(purpose, text), nil
}

func (s *Service) unseal(purpose, token string) (c claims, err error) {
	text, proof, found := strings.Cut(token, ".")
	if !found || !hmac.Equal([]byte(proof), []byte(s.mac(purpose, text))) {
		return claims{}, ErrBadToken
	}
	b, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil {
		return claims{}, ErrBadToken
	}
	if err := json.Unmarshal(b, &c); err != nil {
		return claims{}, ErrBadToken
	}
	if !s.cfg.Clock.Now().Before(time.Unix(c.Expires, 0)) {
		return claims{}, ErrTokenExpired
	}
	return c, nil
}

func (s *Service) secretOf(token string) string { return s.mac("secret", token)[:40] }

func (s *Service) mac(purpose, text string) string {
	h := hmac.New(sha256.New, s.key)
	h.Write([]byte(purpose + "\x00" + text))
	return base64.RawURLEncoding.EncodeToString(h.Sum(nil))
}

// sealingKey is the key that the database holds, made if absent.
func sealingKey(db *store.DB) ([]byte, error) {
	keys, err := store.NewTable[[]byte](db, "iam.keys")
	if err != nil {
		return nil, err
	}
	var key []byte
	err = keys.Update("sealing", func(stored *[]byte, found bool) error {
		if !found {
			*stored = make([]byte, sha256.Size)
			if _, err := rand.Read(*stored); err != nil {
				return fmt.Errorf("make sealing key: %w", err)
			}
		}
		key = *stored
		return nil
	})
	return key, err
}
