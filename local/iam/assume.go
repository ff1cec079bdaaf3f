package iam

import (
	"context"
	"fmt"
	"net/http"

	"github.com/scar-go/scar/local/wire"
)

// Assume is who an AWS service becomes that takes a role on behalf of a resource, an ARN, in this account. The error is
// AccessDenied where the role does not exist, does not trust the service for that resource, or does not do so yet.
func (s *Service) Assume(ctx context.Context, roleARN, servicePrincipal, sourceARN, sessionName string) (wire.Identity, error) {
	r, err := s.roleOfARN(ctx, roleARN)
	if err != nil {
		return wire.Identity{}, fmt.Errorf("assume role %s: %w", roleARN, err)
	}
	trusted := false
	if r.Name != "" && s.assumable(r.Name) {
		trusted, err = r.trusts(
			map[string][]string{"Service": {servicePrincipal}},
			map[string][]string{"aws:SourceAccount": {s.cfg.Account}, "aws:SourceArn": {sourceARN}},
		)
	}
	if err != nil {
		return wire.Identity{}, fmt.Errorf("assume role %s: %w", roleARN, err)
	}
	if !trusted {
		return wire.Identity{}, wire.Errorf(http.StatusForbidden, "AccessDenied",
			"User: %s is not authorized to perform: sts:AssumeRole on resource: %s", servicePrincipal, roleARN)
	}
	return s.identity(claims{Role: r.Name, RoleID: r.ID, Session: sessionName}), nil
}
