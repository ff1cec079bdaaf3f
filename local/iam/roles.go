package iam

import (
	"context"
	"crypto/rand"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/scar-go/scar/local/wire"
)

// timeFormat is how IAM writes times.
const timeFormat = "2006-01-02T15:04:05Z"

type roleXML struct {
	Path                     string
	RoleName                 string
	RoleId                   string
	Arn                      string
	CreateDate               string
	AssumeRolePolicyDocument string
	Description              string    `xml:",omitempty"`
	Tags                     []tagXML  `xml:"Tags>member"`
	MaxSessionDuration       int       `xml:",omitempty"`
	RoleLastUsed             *struct{} `xml:",omitempty"`
}

type tagXML struct{ Key, Value string }

func (s *Service) roleXML(r role) roleXML {
	return roleXML{
		Path: r.Path, RoleName: r.Name, RoleId: r.ID, Arn: s.arn(r),
		CreateDate:               r.Created.Format(timeFormat),
		AssumeRolePolicyDocument: encodeDocument(r.Trust),
		Description:              r.Description,
		Tags:                     tagsXML(r.Tags),
		MaxSessionDuration:       r.MaxSession,
	}
}

func tagsXML(tags map[string]string) []tagXML {
	var out []tagXML
	for _, key := range slices.Sorted(maps.Keys(tags)) {
		out = append(out, tagXML{key, tags[key]})
	}
	return out
}

// encodeDocument is a policy document as IAM answers it: percent-encoded as of RFC 3986.
func encodeDocument(document string) string {
	return strings.ReplaceAll(url.QueryEscape(document), "+", "%20")
}

func (s *Service) createRole(_ context.Context, form url.Values) (any, error) {
	r, err := s.newRole(form)
	if err != nil {
		return nil, err
	}
	err = s.roles.Update(roleKey(r.Name), func(stored *role, found bool) error {
		if found {
			return wire.Errorf(http.StatusConflict, "EntityAlreadyExists", "Role with name %s already exists.", r.Name)
		}
		*stored = r
		return nil
	})
	if err != nil {
		return nil, err
	}
	s.startLag(r, false, true)
	return struct{ Role roleXML }{s.roleXML(r)}, nil
}

func (s *Service) newRole(form url.Values) (r role, err error) {
	if r.Name, err = roleName(form); err != nil {
		return role{}, err
	}
	if r.Path, err = path(form); err != nil {
		return role{}, err
	}
	if r.Description, err = description(form); err != nil {
		return role{}, err
	}
	if r.MaxSession, err = maxSession(form); err != nil {
		return role{}, err
	}
	if r.Tags, err = formTags(form); err != nil {
		return role{}, err
	}
	if r.Trust, err = trustDocument(form, "AssumeRolePolicyDocument"); err != nil {
		return role{}, err
	}
	if boundary := form.Get("PermissionsBoundary"); boundary != "" {
		return role{}, wire.Errorf(http.StatusNotImplemented, "NotImplemented", "the local backend does not serve permissions boundaries")
	}
	r.ID = "AROA" + rand.Text()[:17]
	r.Created = s.cfg.Clock.Now().UTC().Truncate(time.Second)
	return r, nil
}

func trustDocument(form url.Values, param string) (string, error) {
	text, err := required(form, param)
	if err != nil {
		return "", err
	}
	if err := checkTrust(text); err != nil {
		return "", err
	}
	if sizeWithoutSpace(text) > maxTrustSize {
		return "", wire.Errorf(http.StatusConflict, "LimitExceeded", "Cannot exceed quota for ACLSizePerRole: %d", maxTrustSize)
	}
	return text, nil
}

func (s *Service) getRole(_ context.Context, form url.Values) (any, error) {
	r, err := s.seenNamed(form)
	if err != nil {
		return nil, err
	}
	out := s.roleXML(r)
	out.RoleLastUsed = &struct{}{}
	return struct{ Role roleXML }{out}, nil
}

func (s *Service) updateRole(_ context.Context, form url.Values) (any, error) {
	text, err := description(form)
	if err != nil {
		return nil, err
	}
	session, err := maxSession(form)
	if err != nil {
		return nil, err
	}
	err = s.changeNamed(form, func(r *role) error {
		// Left out, a parameter leaves the description and resets the duration (IAM API, UpdateRole).
		if form.Has("Description") {
			r.Description = text
		}
		r.MaxSession = session
		return nil
	})
	return struct{}{}, err
}

func (s *Service) updateRoleDescription(_ context.Context, form url.Values) (any, error) {
	text, err := description(form)
	if err != nil {
		return nil, err
	}
	var changed role
	err = s.changeNamed(form, func(r *role) error {
		r.Description = text
		changed = r.clone()
		return nil
	})
	return struct{ Role roleXML }{s.roleXML(changed)}, err
}

func (s *Service) updateAssumeRolePolicy(_ context.Context, form url.Values) (any, error) {
	document, err := trustDocument(form, "PolicyDocument")
	if err != nil {
		return nil, err
	}
	return nil, s.changeNamed(form, func(r *role) error {
		r.Trust = document
		return nil
	})
}

func (s *Service) deleteRole(_ context.Context, form url.Values) (any, error) {
	name, err := roleName(form)
	if err != nil {
		return nil, err
	}
	before, err := s.takeRole(name)
	if err != nil {
		return nil, err
	}
	s.startLag(before, true, false)
	return nil, nil
}

func (s *Service) takeRole(name string) (role, error) {
	var before role
	err := s.roles.Remove(roleKey(name), func(r role, found bool) error {
		switch {
		case !found:
			return noSuchRole(name)
		case len(r.Attached) > 0:
			return wire.Errorf(http.StatusConflict, "DeleteConflict", "Cannot delete entity, must detach all policies first.")
		case len(r.Inline) > 0:
			return wire.Errorf(http.StatusConflict, "DeleteConflict", "Cannot delete entity, must delete policies first.")
		}
		before = r
		return nil
	})
	return before, err
}

func (s *Service) listRoles(ctx context.Context, form url.Values) (any, error) {
	prefix := form.Get("PathPrefix")
	if prefix != "" && !strings.HasPrefix(prefix, "/") {
		return nil, invalid("The specified value for pathPrefix is invalid. It must begin with / and contain only alphanumeric characters and/or / characters.")
	}
	byKey := map[string]role{}
	err := s.each(func(r role) bool {
		if strings.HasPrefix(r.Path, prefix) {
			byKey[roleKey(r.Name)] = r
		}
		return true
	})
	if err != nil {
		return nil, err
	}
	keys, marker, err := page(form, slices.Sorted(maps.Keys(byKey)), limiter(ctx))
	if err != nil {
		return nil, err
	}
	out := struct {
		IsTruncated bool
		Marker      string    `xml:",omitempty"`
		Roles       []roleXML `xml:"Roles>member"`
	}{IsTruncated: marker != "", Marker: marker}
	for _, key := range keys {
		r := s.roleXML(byKey[key])
		r.Tags = nil // a listing leaves them out
		out.Roles = append(out.Roles, r)
	}
	return out, nil
}

func limiter(ctx context.Context) func(asked, most int) int {
	return func(asked, most int) int { return wire.PageSize(ctx, asked, most) }
}
