package local

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"
)

func conformRoles(t *testing.T, s server) {
	ctx, c := context.Background(), iam.NewFromConfig(s.cfg)
	name := aws.String("scar-f-us-east-1")
	in := &iam.CreateRoleInput{
		RoleName: name, Path: aws.String("/scar/imaging/"), Description: aws.String("for f"),
		AssumeRolePolicyDocument: aws.String(lambdaTrust),
		Tags:                     []types.Tag{{Key: aws.String("scar:project"), Value: aws.String("imaging")}},
	}
	_, err := c.GetRole(ctx, &iam.GetRoleInput{RoleName: name})
	wantCode(t, err, "NoSuchEntity")
	created, err := c.CreateRole(ctx, in)
	must(t, err)
	wantARN := fmt.Sprintf("arn:aws:iam::%s:role/scar/imaging/%s", s.account, *name)
	if *created.Role.Arn != wantARN || !strings.HasPrefix(*created.Role.RoleId, "AROA") {
		t.Errorf("created %s %s", *created.Role.Arn, *created.Role.RoleId)
	}
	_, err = c.CreateRole(ctx, in)
	wantCode(t, err, "EntityAlreadyExists")

	got, err := c.GetRole(ctx, &iam.GetRoleInput{RoleName: name})
	must(t, err)
	trust, err := url.PathUnescape(*got.Role.AssumeRolePolicyDocument)
	must(t, err)
	if trust != lambdaTrust || *got.Role.Description != "for f" || len(got.Role.Tags) != 1 || *got.Role.MaxSessionDuration != 3600 {
		t.Errorf("got %s %+v", trust, got.Role)
	}

	_, err = c.UpdateRole(ctx, &iam.UpdateRoleInput{RoleName: name, Description: aws.String("changed")})
	must(t, err)
	_, err = c.TagRole(ctx, &iam.TagRoleInput{RoleName: name, Tags: []types.Tag{{Key: aws.String("b"), Value: aws.String("1")}, {Key: aws.String("scar:project"), Value: aws.String("other")}}})
	must(t, err)
	_, err = c.UntagRole(ctx, &iam.UntagRoleInput{RoleName: name, TagKeys: []string{"b", "absent"}})
	must(t, err)
	tags, err := c.ListRoleTags(ctx, &iam.ListRoleTagsInput{RoleName: name})
	must(t, err)
	if len(tags.Tags) != 1 || *tags.Tags[0].Value != "other" {
		t.Errorf("tags %+v", tags.Tags)
	}
	other := strings.Replace(lambdaTrust, "lambda.amazonaws.com", "ec2.amazonaws.com", 1)
	_, err = c.UpdateAssumeRolePolicy(ctx, &iam.UpdateAssumeRolePolicyInput{RoleName: name, PolicyDocument: &other})
	must(t, err)
	got, err = c.GetRole(ctx, &iam.GetRoleInput{RoleName: name})
	must(t, err)
	if trust, _ := url.PathUnescape(*got.Role.AssumeRolePolicyDocument); trust != other || *got.Role.Description != "changed" {
		t.Errorf("after the update: %s %s", trust, *got.Role.Description)
	}
	profiles, err := c.ListInstanceProfilesForRole(ctx, &iam.ListInstanceProfilesForRoleInput{RoleName: name})
	must(t, err)
	if len(profiles.InstanceProfiles) != 0 {
		t.Errorf("profiles %+v", profiles.InstanceProfiles)
	}
	_, err = c.DeleteRole(ctx, &iam.DeleteRoleInput{RoleName: name})
	must(t, err)
	_, err = c.DeleteRole(ctx, &iam.DeleteRoleInput{RoleName: name})
	wantCode(t, err, "NoSuchEntity")
}

const readPolicy = `{"Version": "2012-10-17", "Statement": [{"Sid": "Read input+1", "Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::b/in/*"}]}`

func conformPolicies(t *testing.T, s server) {
	ctx, c := context.Background(), iam.NewFromConfig(s.cfg)
	createRole(t, s.cfg, "p")
	name, policy := aws.String("p"), aws.String("scar")
	get := &iam.GetRolePolicyInput{RoleName: name, PolicyName: policy}
	_, err := c.GetRolePolicy(ctx, get)
	wantCode(t, err, "NoSuchEntity")
	document := strings.Replace(readPolicy, "input+1", "Input1", 1)
	document = strings.Replace(document, "Read Input1", "ReadInput1", 1)
	_, err = c.PutRolePolicy(ctx, &iam.PutRolePolicyInput{RoleName: name, PolicyName: policy, PolicyDocument: &document})
	must(t, err)
	got, err := c.GetRolePolicy(ctx, get)
	must(t, err)
	if text, err := url.PathUnescape(*got.PolicyDocument); err != nil || text != document {
		t.Errorf("document %s %v", text, err)
	}
	names, err := c.ListRolePolicies(ctx, &iam.ListRolePoliciesInput{RoleName: name})
	must(t, err)
	if len(names.PolicyNames) != 1 || names.PolicyNames[0] != "scar" {
		t.Errorf("policies %v", names.PolicyNames)
	}
	_, err = c.DeleteRole(ctx, &iam.DeleteRoleInput{RoleName: name})
	wantCode(t, err, "DeleteConflict")

	arn := aws.String("arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess")
	_, err = c.AttachRolePolicy(ctx, &iam.AttachRolePolicyInput{RoleName: name, PolicyArn: arn})
	must(t, err)
	_, err = c.AttachRolePolicy(ctx, &iam.AttachRolePolicyInput{RoleName: name, PolicyArn: aws.String("arn:aws:iam::aws:policy/NoSuchPolicy")})
	wantCode(t, err, "NoSuchEntity")
	attached, err := c.ListAttachedRolePolicies(ctx, &iam.ListAttachedRolePoliciesInput{RoleName: name})
	must(t, err)
	if len(attached.AttachedPolicies) != 1 || *attached.AttachedPolicies[0].PolicyName != "AmazonS3ReadOnlyAccess" {
		t.Errorf("attached %+v", attached.AttachedPolicies)
	}
	_, err = c.DeleteRolePolicy(ctx, &iam.DeleteRolePolicyInput{RoleName: name, PolicyName: policy})
	must(t, err)
	_, err = c.DeleteRole(ctx, &iam.DeleteRoleInput{RoleName: name})
	wantCode(t, err, "DeleteConflict")
	_, err = c.DetachRolePolicy(ctx, &iam.DetachRolePolicyInput{RoleName: name, PolicyArn: arn})
	must(t, err)
	_, err = c.DetachRolePolicy(ctx, &iam.DetachRolePolicyInput{RoleName: name, PolicyArn: arn})
	wantCode(t, err, "NoSuchEntity")
	_, err = c.DeleteRole(ctx, &iam.DeleteRoleInput{RoleName: name})
	must(t, err)
}

func conformDocuments(t *testing.T, s server) {
	ctx, c := context.Background(), iam.NewFromConfig(s.cfg)
	createRole(t, s.cfg, "d")
	for name, document := range map[string]string{
		"no json":          `{`,
		"no statement":     `{"Version":"2012-10-17"}`,
		"principal":        `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":"*","Action":"s3:*","Resource":"*"}}`,
		"no action":        `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Resource":"*"}}`,
		"no vendor":        `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"GetObject","Resource":"*"}}`,
		"no resource":      `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"s3:GetObject"}}`,
		"bad resource":     `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"s3:GetObject","Resource":"bucket"}}`,
		"bad effect":       `{"Version":"2012-10-17","Statement":{"Effect":"Maybe","Action":"s3:GetObject","Resource":"*"}}`,
		"action and not":   `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"s3:GetObject","NotAction":"s3:*","Resource":"*"}}`,
		"unknown element":  `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"s3:GetObject","Resource":"*","Extra":1}}`,
		"unknown operator": `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"s3:GetObject","Resource":"*","Condition":{"StringIs":{"a:b":"c"}}}}`,
	} {
		_, err := c.PutRolePolicy(ctx, &iam.PutRolePolicyInput{RoleName: aws.String("d"), PolicyName: aws.String("p"), PolicyDocument: &document})
		if name == "principal" && s.differs(t, "it takes a principal in a role's policy") {
			continue
		}
		if err == nil {
			t.Errorf("%s was accepted", name)
			continue
		}
		wantCode(t, err, "MalformedPolicyDocument")
	}
	if s.differs(t, "it accepts any trust policy, path and name") {
		return
	}
	_, err := c.CreateRole(ctx, &iam.CreateRoleInput{RoleName: aws.String("bad name!"), AssumeRolePolicyDocument: aws.String(lambdaTrust)})
	wantCode(t, err, "ValidationError")
	_, err = c.CreateRole(ctx, &iam.CreateRoleInput{RoleName: aws.String(strings.Repeat("n", 65)), AssumeRolePolicyDocument: aws.String(lambdaTrust)})
	wantCode(t, err, "ValidationError")
	for _, trust := range []string{
		strings.Replace(lambdaTrust, "sts:AssumeRole", "s3:GetObject", 1),
		strings.Replace(lambdaTrust, "lambda.amazonaws.com", "lambda", 1),
		strings.Replace(lambdaTrust, `"Action"`, `"Resource":"*","Action"`, 1),
	} {
		_, err := c.CreateRole(ctx, &iam.CreateRoleInput{RoleName: aws.String("t"), AssumeRolePolicyDocument: &trust})
		wantCode(t, err, "MalformedPolicyDocument")
	}
	_, err = c.CreateRole(ctx, &iam.CreateRoleInput{RoleName: aws.String("t"), Path: aws.String("no-slash"), AssumeRolePolicyDocument: aws.String(lambdaTrust)})
	wantCode(t, err, "ValidationError")
	large := strings.Replace(readPolicy, "Read input+1", strings.Repeat("x", 10240), 1)
	_, err = c.PutRolePolicy(ctx, &iam.PutRolePolicyInput{RoleName: aws.String("d"), PolicyName: aws.String("p"), PolicyDocument: &large})
	wantCode(t, err, "LimitExceeded")
}

func conformRolePaging(t *testing.T, s server) {
	ctx, c := context.Background(), iam.NewFromConfig(s.cfg)
	for i := range 7 {
		_, err := c.CreateRole(ctx, &iam.CreateRoleInput{
			RoleName: aws.String(fmt.Sprintf("page-%d", i)), Path: aws.String("/pages/"), AssumeRolePolicyDocument: aws.String(lambdaTrust),
		})
		must(t, err)
	}
	createRole(t, s.cfg, "page-outside")
	pages, names := 0, []string{}
	p := iam.NewListRolesPaginator(c, &iam.ListRolesInput{PathPrefix: aws.String("/pages/"), MaxItems: aws.Int32(3)})
	for p.HasMorePages() {
		out, err := p.NextPage(ctx)
		must(t, err)
		pages++
		for _, r := range out.Roles {
			names = append(names, *r.RoleName)
		}
	}
	slices.Sort(names) // moto does not
	if pages != 3 || strings.Join(names, " ") != "page-0 page-1 page-2 page-3 page-4 page-5 page-6" {
		t.Errorf("%d pages: %v", pages, names)
	}
}
