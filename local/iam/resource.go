package iam

import (
	"context"
	"errors"
	"fmt"
	"maps"

	"github.com/scar-go/scar/local/wire"
)

// Policies of resources, such as queues and topics, as "Identity-based policies and resource-based policies" in
// the IAM user guide describes them. A caller of the account needs the right from its role or from the resource,
// and neither may deny it. AWS services have no role in this: the resource's policy alone counts.

// errNoPrincipal is what is wrong with a resource's policy that names nobody.
var errNoPrincipal = errors.New("a statement names no principal")

// CheckResourcePolicy says what is wrong with a policy of a resource.
func (s *Service) CheckResourcePolicy(text string) error {
	d, err := parseDocument(text)
	if err != nil {
		return err
	}
	for _, st := range d.Statement {
		if len(st.Principal)+len(st.NotPrincipal) == 0 {
			return errNoPrincipal
		}
		if err := checkPrincipals(st.Principal); err != nil {
			return err
		}
	}
	return nil
}

// AllowedOn says whether a caller may take an action on a resource that has a policy, which may be empty. Conditions are as in
// Allowed. With an error the answer is no.
func (s *Service) AllowedOn(ctx context.Context, id wire.Identity, policy, action, resource string, conditions map[string][]string) (bool, error) {
	if id.Admin() {
		return true, nil
	}
	r, own, found, err := s.limits(ctx, id)
	if err != nil || !found {
		return false, err
	}
	asked := newRequest(action, resource, overLoopback(conditions)).by(id)
	byRole, err := decide(own, asked, anybody)
	if err != nil || byRole == denied {
		return false, err
	}
	// A policy that names the account leaves it to the account's own policies who of it may.
	byResource, err := s.decideOn(policy, asked, map[string][]string{"AWS": {id.ARN, s.arn(r)}})
	if err != nil || byResource == denied {
		return false, err
	}
	return byRole == allowed || byResource == allowed, nil
}

// ServiceAllowedOn says whether the policy of a resource lets an AWS service, such as s3.amazonaws.com, take an action on it.
func (s *Service) ServiceAllowedOn(policy, service, action, resource string, conditions map[string][]string) (bool, error) {
	// The principal {"AWS": "*"} is everybody, services too.
	names := map[string][]string{"Service": {service}, "AWS": nil}
	d, err := s.decideOn(policy, newRequest(action, resource, overLoopback(conditions)), names)
	return d == allowed, err
}

func (s *Service) decideOn(policy string, r request, names map[string][]string) (decision, error) {
	if policy == "" {
		return silent, nil
	}
	d, err := s.read.parse(policy)
	if err != nil {
		return denied, fmt.Errorf("policy of %s: %w", r.resource, err)
	}
	return decide([]document{d}, r, func(st statement) bool { return st.matchesPrincipal(names) })
}

// overLoopback adds what holds of all calls: policies often deny whatever does not come over TLS, of which the loopback interface
// has no need.
func overLoopback(conditions map[string][]string) map[string][]string {
	out := map[string][]string{"aws:SecureTransport": {"true"}}
	maps.Copy(out, conditions)
	return out
}
