package iam

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/scar-go/scar/local/wire"
)

const minSession = 900 // seconds

var sessionNamePattern = wire.Pattern(`^[\w+=,.@-]{2,64}$`)

func (s *Service) getCallerIdentity(ctx context.Context, _ url.Values) (any, error) {
	id := wire.CallOf(ctx).Identity
	user := s.cfg.Account
	if id.Role != "" {
		r, found, err := s.current(ctx, id.Role)
		if err != nil {
			return nil, err
		}
		if found {
			user = r.ID + ":" + sessionOf(id)
		}
	}
	return struct{ Arn, UserId, Account string }{id.ARN, user, s.cfg.Account}, nil
}

func sessionOf(id wire.Identity) string {
	return id.ARN[strings.LastIndexByte(id.ARN, '/')+1:]
}

func (s *Service) assumeRole(ctx context.Context, form url.Values) (any, error) {
	arn, err := required(form, "RoleArn")
	if err != nil {
		return nil, err
	}
	session, err := required(form, "RoleSessionName")
	if err != nil {
		return nil, err
	}
	if !sessionNamePattern().MatchString(session) {
		return nil, constraint(session, "roleSessionName", `satisfy regular expression pattern: [\w+=,.@-]*`)
	}
	if form.Has("Policy") || form.Has("PolicyArns.member.1.arn") {
		return nil, wire.Errorf(http.StatusNotImplemented, "NotImplemented", "the local backend does not serve session policies")
	}
	r, err := s.roleFor(ctx, arn, form)
	if err != nil {
		return nil, err
	}
	lifetime, err := sessionDuration(form, r)
	if err != nil {
		return nil, err
	}
	c, err := s.newSession(r, session, lifetime, false)
	if err != nil {
		return nil, err
	}
	return newAssumed(s, r, session, c), nil
}

// roleFor is the role of an ARN if the caller may assume it.
func (s *Service) roleFor(ctx context.Context, arn string, form url.Values) (role, error) {
	r, err := s.roleOfARN(ctx, arn)
	if err != nil {
		return role{}, err
	}
	id := wire.CallOf(ctx).Identity
	trusted := false
	if r.Name != "" && s.assumable(r.Name) {
		names := map[string][]string{"AWS": {id.ARN, s.cfg.Account, s.admin().ARN}}
		if id.Role != "" {
			own, found, err := s.current(ctx, id.Role)
			if err != nil {
				return role{}, err
			}
			if found {
				names["AWS"] = append(names["AWS"], s.arn(own))
			}
		}
		conditions := map[string][]string{}
		if form.Has("ExternalId") {
			conditions["sts:ExternalId"] = []string{form.Get("ExternalId")}
		}
		if trusted, err = r.trusts(names, conditions); err != nil {
			return role{}, err
		}
	}
	if !trusted {
		return role{}, wire.Errorf(http.StatusForbidden, "AccessDenied",
			"User: %s is not authorized to perform: sts:AssumeRole on resource: %s", id.ARN, arn)
	}
	return r, nil
}

func sessionDuration(form url.Values, r role) (time.Duration, error) {
	text := form.Get("DurationSeconds")
	if text == "" {
		return time.Hour, nil
	}
	seconds, err := strconv.Atoi(text)
	if err != nil || seconds < minSession {
		return 0, constraint(text, "durationSeconds", fmt.Sprintf("have value greater than or equal to %d", minSession))
	}
	if seconds > r.MaxSession {
		return 0, invalid("The requested DurationSeconds exceeds the MaxSessionDuration set for this role.")
	}
	return time.Duration(seconds) * time.Second, nil
}

type assumed struct {
	AssumedRoleUser struct{ Arn, AssumedRoleId string }
	Credentials     struct{ AccessKeyId, SecretAccessKey, SessionToken, Expiration string }
}

func newAssumed(s *Service, r role, session string, c Credentials) assumed {
	var out assumed
	out.AssumedRoleUser.Arn = s.identity(claims{Role: r.Name, Session: session}).ARN
	out.AssumedRoleUser.AssumedRoleId = r.ID + ":" + session
	out.Credentials.AccessKeyId = c.AccessKeyID
	out.Credentials.SecretAccessKey = c.SecretAccessKey
	out.Credentials.SessionToken = c.SessionToken
	out.Credentials.Expiration = c.Expires.Format(time.RFC3339)
	return out
}
