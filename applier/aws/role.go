package aws

import (
	"context"
	"fmt"
	"net/url"

	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"

	"github.com/scar-go/scar/planner"
)

// roleClient is what roles need of IAM.
type roleClient interface {
	iam.ListRolePoliciesAPIClient
	iam.ListAttachedRolePoliciesAPIClient
	iam.ListInstanceProfilesForRoleAPIClient
	GetRole(context.Context, *iam.GetRoleInput, ...func(*iam.Options)) (*iam.GetRoleOutput, error)
	GetRolePolicy(context.Context, *iam.GetRolePolicyInput, ...func(*iam.Options)) (*iam.GetRolePolicyOutput, error)
	CreateRole(context.Context, *iam.CreateRoleInput, ...func(*iam.Options)) (*iam.CreateRoleOutput, error)
	UpdateRole(context.Context, *iam.UpdateRoleInput, ...func(*iam.Options)) (*iam.UpdateRoleOutput, error)
	UpdateAssumeRolePolicy(context.Context, *iam.UpdateAssumeRolePolicyInput, ...func(*iam.Options)) (*iam.UpdateAssumeRolePolicyOutput, error)
	PutRolePolicy(context.Context, *iam.PutRolePolicyInput, ...func(*iam.Options)) (*iam.PutRolePolicyOutput, error)
	DeleteRolePolicy(context.Context, *iam.DeleteRolePolicyInput, ...func(*iam.Options)) (*iam.DeleteRolePolicyOutput, error)
	DetachRolePolicy(context.Context, *iam.DetachRolePolicyInput, ...func(*iam.Options)) (*iam.DetachRolePolicyOutput, error)
	RemoveRoleFromInstanceProfile(context.Context, *iam.RemoveRoleFromInstanceProfileInput, ...func(*iam.Options)) (*iam.RemoveRoleFromInstanceProfileOutput, error)
	TagRole(context.Context, *iam.TagRoleInput, ...func(*iam.Options)) (*iam.TagRoleOutput, error)
	UntagRole(context.Context, *iam.UntagRoleInput, ...func(*iam.Options)) (*iam.UntagRoleOutput, error)
	DeleteRole(context.Context, *iam.DeleteRoleInput, ...func(*iam.Options)) (*iam.DeleteRoleOutput, error)
}

// roles are the IAM roles of one account.
type roles struct {
	client roleClient
	patience
}

func (r *roles) read(ctx context.Context, name string) (planner.Role, planner.Owner, error) {
	var role *types.Role
	var policy planner.Policy
	err := together(ctx,
		func(ctx context.Context) (err error) { role, err = r.get(ctx, name); return err },
		func(ctx context.Context) (err error) { policy, err = r.policy(ctx, name); return err },
	)
	if err != nil {
		return planner.Role{}, planner.Owner{}, err
	}
	trust, err := parseEscaped(deref(role.AssumeRolePolicyDocument))
	if err != nil {
		return planner.Role{}, planner.Owner{}, fmt.Errorf("trust policy of role: %w", err)
	}
	v := planner.Role{
		Name:        name,
		Path:        deref(role.Path),
		Description: deref(role.Description),
		Trust:       trust,
		Policy:      policy,
		Tags:        tagsOf(role.Tags, func(t types.Tag) (*string, *string) { return t.Key, t.Value }),
	}
	return v, planner.OwnerOf(v.Tags), nil
}

func (r *roles) get(ctx context.Context, name string) (*types.Role, error) {
	out, err := r.client.GetRole(ctx, &iam.GetRoleInput{RoleName: &name})
	if isNotFound(err) {
		return nil, errAbsent
	}
	if err != nil {
		return nil, fmt.Errorf("read role: %w", err)
	}
	return out.Role, nil
}

// policy reads scar's inline policy; a role without one has the zero Policy.
func (r *roles) policy(ctx context.Context, name string) (planner.Policy, error) {
	policyName := planner.PolicyName
	out, err := r.client.GetRolePolicy(ctx, &iam.GetRolePolicyInput{RoleName: &name, PolicyName: &policyName})
	if isNotFound(err) {
		return planner.Policy{}, nil
	}
	if err != nil {
		return planner.Policy{}, fmt.Errorf("read policy of role: %w", err)
	}
	policy, err := parseEscaped(deref(out.PolicyDocument))
	if err != nil {
		return planner.Policy{}, fmt.Errorf("policy of role: %w", err)
	}
	return policy, nil
}

// parseEscaped reads a policy document as IAM answers it: URL-encoded by RFC 3986, where + is a plus.
func parseEscaped(document string) (planner.Policy, error) {
	plain, err := url.PathUnescape(document)
	if err != nil {
		return planner.Policy{}, fmt.Errorf("parse policy document: %w", err)
	}
	return planner.ParsePolicy([]byte(plain))
}

func (r *roles) create(ctx context.Context, want planner.Role, _ sayer) error {
	trust := want.Trust.JSON()
	in := &iam.CreateRoleInput{
		RoleName:                 &want.Name,
		Path:                     &want.Path,
		AssumeRolePolicyDocument: &trust,
		Tags:                     iamTags(want.Tags),
	}
	if want.Description != "" {
		in.Description = &want.Description
	}
	err := r.retry(ctx, principalWait, either(isPrincipalNotReady, isBusy), func() error {
		_, err := r.client.CreateRole(ctx, in)
		return err
	})
	if isExists(err) {
		return errExists
	}
	if err != nil {
		return fmt.Errorf("create role: %w", err)
	}
	return r.writePolicy(ctx, want.Name, planner.Policy{}, want.Policy)
}

func (r *roles) update(ctx context.Context, live, want planner.Role, _ sayer) error {
	steps := []func(context.Context, planner.Role, planner.Role) error{r.describe, r.trust, r.permit, r.tag}
	for _, step := range steps {
		if err := step(ctx, live, want); err != nil {
			return err
		}
	}
	return nil
}

// describe changes the description. UpdateRole sets a maximum session duration that it is not given
// back to an hour, so the present one is sent along.
func (r *roles) describe(ctx context.Context, live, want planner.Role) error {
	if live.Description == want.Description {
		return nil
	}
	role, err := r.get(ctx, want.Name)
	if err != nil {
		return err
	}
	in := &iam.UpdateRoleInput{RoleName: &want.Name, Description: &want.Description, MaxSessionDuration: role.MaxSessionDuration}
	if _, err := r.client.UpdateRole(ctx, in); err != nil {
		return fmt.Errorf("describe role: %w", err)
	}
	return nil
}

func (r *roles) trust(ctx context.Context, live, want planner.Role) error {
	document := want.Trust.JSON()
	if live.Trust.Canonical().JSON() == want.Trust.Canonical().JSON() {
		return nil
	}
	err := r.retry(ctx, principalWait, either(isPrincipalNotReady, isBusy), func() error {
		_, err := r.client.UpdateAssumeRolePolicy(ctx, &iam.UpdateAssumeRolePolicyInput{RoleName: &want.Name, PolicyDocument: &document})
		return err
	})
	if err != nil {
		return fmt.Errorf("change trust policy of role: %w", err)
	}
	return nil
}

func (r *roles) permit(ctx context.Context, live, want planner.Role) error {
	return r.writePolicy(ctx, want.Name, live.Policy, want.Policy)
}

func (r *roles) writePolicy(ctx context.Context, role string, live, want planner.Policy) error {
	policyName := planner.PolicyName
	if live.Canonical().JSON() == want.Canonical().JSON() {
		return nil
	}
	if want.IsZero() {
		_, err := r.client.DeleteRolePolicy(ctx, &iam.DeleteRolePolicyInput{RoleName: &role, PolicyName: &policyName})
		if err != nil && !isNotFound(err) {
			return fmt.Errorf("delete policy of role: %w", err)
		}
		return nil
	}
	document := want.JSON()
	// A role that was made a moment ago may not be known everywhere in IAM.
	err := r.retry(ctx, principalWait, either(isNotFound, isBusy), func() error {
		_, err := r.client.PutRolePolicy(ctx, &iam.PutRolePolicyInput{RoleName: &role, PolicyName: &policyName, PolicyDocument: &document})
		return err
	})
	if err != nil {
		return fmt.Errorf("write policy of role: %w", err)
	}
	return nil
}

func (r *roles) tag(ctx context.Context, live, want planner.Role) error {
	set, remove := retag(live.Tags, want.Tags)
	if len(set) > 0 {
		if _, err := r.client.TagRole(ctx, &iam.TagRoleInput{RoleName: &want.Name, Tags: iamTags(set)}); err != nil {
			return fmt.Errorf("tag role: %w", err)
		}
	}
	if len(remove) > 0 {
		if _, err := r.client.UntagRole(ctx, &iam.UntagRoleInput{RoleName: &want.Name, TagKeys: remove}); err != nil {
			return fmt.Errorf("remove tags from role: %w", err)
		}
	}
	return nil
}

func iamTags(tags planner.Tags) []types.Tag {
	return tagList(tags, func(k, v *string) types.Tag { return types.Tag{Key: k, Value: v} })
}

// remove takes from the role what would keep it from being deleted, and deletes it.
func (r *roles) remove(ctx context.Context, live planner.Role, _ sayer) error {
	for _, strip := range []func(context.Context, string) error{r.detachPolicies, r.deletePolicies, r.leaveProfiles} {
		if err := strip(ctx, live.Name); err != nil && !isNotFound(err) {
			return err
		}
	}
	err := r.retry(ctx, deleteWait, either(isDeleteConflict, isBusy), func() error {
		_, err := r.client.DeleteRole(ctx, &iam.DeleteRoleInput{RoleName: &live.Name})
		return err
	})
	if err != nil && !isNotFound(err) {
		return fmt.Errorf("delete role: %w", err)
	}
	return nil
}

func (r *roles) detachPolicies(ctx context.Context, role string) error {
	pages := iam.NewListAttachedRolePoliciesPaginator(r.client, &iam.ListAttachedRolePoliciesInput{RoleName: &role})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return fmt.Errorf("list policies attached to role: %w", err)
		}
		for _, p := range page.AttachedPolicies {
			_, err := r.client.DetachRolePolicy(ctx, &iam.DetachRolePolicyInput{RoleName: &role, PolicyArn: p.PolicyArn})
			if err != nil && !isNotFound(err) {
				return fmt.Errorf("detach policy %s from role: %w", deref(p.PolicyArn), err)
			}
		}
	}
	return nil
}

func (r *roles) deletePolicies(ctx context.Context, role string) error {
	pages := iam.NewListRolePoliciesPaginator(r.client, &iam.ListRolePoliciesInput{RoleName: &role})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return fmt.Errorf("list policies of role: %w", err)
		}
		for _, name := range page.PolicyNames {
			_, err := r.client.DeleteRolePolicy(ctx, &iam.DeleteRolePolicyInput{RoleName: &role, PolicyName: &name})
			if err != nil && !isNotFound(err) {
				return fmt.Errorf("delete policy %s of role: %w", name, err)
			}
		}
	}
	return nil
}

func (r *roles) leaveProfiles(ctx context.Context, role string) error {
	pages := iam.NewListInstanceProfilesForRolePaginator(r.client, &iam.ListInstanceProfilesForRoleInput{RoleName: &role})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return fmt.Errorf("list instance profiles of role: %w", err)
		}
		for _, p := range page.InstanceProfiles {
			_, err := r.client.RemoveRoleFromInstanceProfile(ctx, &iam.RemoveRoleFromInstanceProfileInput{
				RoleName: &role, InstanceProfileName: p.InstanceProfileName,
			})
			if err != nil && !isNotFound(err) {
				return fmt.Errorf("remove role from instance profile %s: %w", deref(p.InstanceProfileName), err)
			}
		}
	}
	return nil
}
