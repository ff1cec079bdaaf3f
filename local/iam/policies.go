package iam

import (
	"context"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/scar-go/scar/local/wire"
)

func noSuchPolicy(name string) error {
	return wire.Errorf(http.StatusNotFound, "NoSuchEntity", "The role policy with name %s cannot be found.", name)
}

func rolePolicyNames(form url.Values) (role, policy string, err error) {
	if role, err = roleName(form); err != nil {
		return "", "", err
	}
	policy, err = policyName(form)
	return role, policy, err
}

func (s *Service) putRolePolicy(_ context.Context, form url.Values) (any, error) {
	name, policy, err := rolePolicyNames(form)
	if err != nil {
		return nil, err
	}
	document, err := required(form, "PolicyDocument")
	if err != nil {
		return nil, err
	}
	if err := checkIdentityPolicy(document); err != nil {
		return nil, err
	}
	return nil, s.change(name, func(r *role) error {
		if r.Inline == nil {
			r.Inline = map[string]string{}
		}
		r.Inline[policy] = document
		size := 0
		for _, text := range r.Inline {
			size += sizeWithoutSpace(text)
		}
		if size > maxInlineSize {
			return wire.Errorf(http.StatusConflict, "LimitExceeded", "Maximum policy size of %d bytes exceeded for role %s", maxInlineSize, name)
		}
		return nil
	})
}

func (s *Service) getRolePolicy(_ context.Context, form url.Values) (any, error) {
	name, policy, err := rolePolicyNames(form)
	if err != nil {
		return nil, err
	}
	r, err := s.seen(name)
	if err != nil {
		return nil, err
	}
	document, found := r.Inline[policy]
	if !found {
		return nil, noSuchPolicy(policy)
	}
	return struct{ RoleName, PolicyName, PolicyDocument string }{r.Name, policy, encodeDocument(document)}, nil
}

func (s *Service) deleteRolePolicy(_ context.Context, form url.Values) (any, error) {
	name, policy, err := rolePolicyNames(form)
	if err != nil {
		return nil, err
	}
	return nil, s.change(name, func(r *role) error {
		if _, found := r.Inline[policy]; !found {
			return noSuchPolicy(policy)
		}
		delete(r.Inline, policy)
		return nil
	})
}

func (s *Service) listRolePolicies(ctx context.Context, form url.Values) (any, error) {
	r, err := s.seenNamed(form)
	if err != nil {
		return nil, err
	}
	names, marker, err := page(form, slices.Sorted(maps.Keys(r.Inline)), limiter(ctx))
	if err != nil {
		return nil, err
	}
	return struct {
		PolicyNames []string `xml:"PolicyNames>member"`
		IsTruncated bool
		Marker      string `xml:",omitempty"`
	}{names, marker != "", marker}, nil
}

func (s *Service) attachRolePolicy(_ context.Context, form url.Values) (any, error) {
	arn, err := required(form, "PolicyArn")
	if err != nil {
		return nil, err
	}
	if _, found := managedPolicies[arn]; !found {
		return nil, wire.Errorf(http.StatusNotFound, "NoSuchEntity", "Policy %s does not exist or is not attachable.", arn)
	}
	return nil, s.changeNamed(form, func(r *role) error {
		at, found := slices.BinarySearch(r.Attached, arn)
		if found {
			return nil
		}
		if len(r.Attached) >= maxAttached {
			return wire.Errorf(http.StatusConflict, "LimitExceeded", "Cannot exceed quota for PoliciesPerRole: %d", maxAttached)
		}
		r.Attached = slices.Insert(r.Attached, at, arn)
		return nil
	})
}

func (s *Service) detachRolePolicy(_ context.Context, form url.Values) (any, error) {
	arn, err := required(form, "PolicyArn")
	if err != nil {
		return nil, err
	}
	return nil, s.changeNamed(form, func(r *role) error {
		at, found := slices.BinarySearch(r.Attached, arn)
		if !found {
			return wire.Errorf(http.StatusNotFound, "NoSuchEntity", "Policy %s was not found.", arn)
		}
		r.Attached = slices.Delete(r.Attached, at, at+1)
		return nil
	})
}

func (s *Service) listAttachedRolePolicies(ctx context.Context, form url.Values) (any, error) {
	r, err := s.seenNamed(form)
	if err != nil {
		return nil, err
	}
	arns, marker, err := page(form, r.Attached, limiter(ctx))
	if err != nil {
		return nil, err
	}
	type attached struct{ PolicyName, PolicyArn string }
	out := struct {
		AttachedPolicies []attached `xml:"AttachedPolicies>member"`
		IsTruncated      bool
		Marker           string `xml:",omitempty"`
	}{IsTruncated: marker != "", Marker: marker}
	for _, arn := range arns {
		out.AttachedPolicies = append(out.AttachedPolicies, attached{arn[strings.LastIndexByte(arn, '/')+1:], arn})
	}
	return out, nil
}

// listInstanceProfilesForRole is served because whoever deletes a role asks; there are no instances
// here, and so no profiles.
func (s *Service) listInstanceProfilesForRole(_ context.Context, form url.Values) (any, error) {
	if _, err := s.seenNamed(form); err != nil {
		return nil, err
	}
	return struct {
		InstanceProfiles struct{}
		IsTruncated      bool
	}{}, nil
}

// managedPolicies are the AWS managed policies that can be attached, with their documents from the AWS
// Managed Policy Reference Guide: those that roles of functions usually have.
var managedPolicies = map[string]string{
	"arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole": `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["logs:CreateLogGroup","logs:CreateLogStream","logs:PutLogEvents"],"Resource":"*"}]}`,
	"arn:aws:iam::aws:policy/AmazonS3FullAccess":                       `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["s3:*","s3-object-lambda:*"],"Resource":"*"}]}`,
	"arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess":                   `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["s3:Get*","s3:List*","s3:Describe*","s3-object-lambda:Get*","s3-object-lambda:List*"],"Resource":"*"}]}`,
	"arn:aws:iam::aws:policy/AdministratorAccess":                      `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}`,
}
