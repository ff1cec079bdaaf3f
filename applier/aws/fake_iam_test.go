package aws

import (
	"context"
	"net/url"
	"slices"

	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	logtypes "github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"

	"github.com/scar-go/scar/planner"
)

// fakeIAM keeps one role in memory.
type fakeIAM struct {
	roleClient
	role   *types.Role
	policy string
}

func newFakeIAM() *fakeIAM { return &fakeIAM{} }

var errNoRole = answer("NoSuchEntity", "The role cannot be found.")

func (f *fakeIAM) ListRoles(context.Context, *iam.ListRolesInput, ...func(*iam.Options)) (*iam.ListRolesOutput, error) {
	return &iam.ListRolesOutput{}, nil
}

func (f *fakeIAM) GetRole(context.Context, *iam.GetRoleInput, ...func(*iam.Options)) (*iam.GetRoleOutput, error) {
	if f.role == nil {
		return nil, errNoRole
	}
	r := *f.role
	r.AssumeRolePolicyDocument = ptr(url.PathEscape(*r.AssumeRolePolicyDocument))
	return &iam.GetRoleOutput{Role: &r}, nil
}

func (f *fakeIAM) GetRolePolicy(context.Context, *iam.GetRolePolicyInput, ...func(*iam.Options)) (*iam.GetRolePolicyOutput, error) {
	if f.policy == "" {
		return nil, errNoRole
	}
	return &iam.GetRolePolicyOutput{PolicyDocument: ptr(url.PathEscape(f.policy))}, nil
}

func (f *fakeIAM) CreateRole(_ context.Context, in *iam.CreateRoleInput, _ ...func(*iam.Options)) (*iam.CreateRoleOutput, error) {
	f.role = &types.Role{RoleName: in.RoleName, Path: in.Path, Description: in.Description, Tags: in.Tags,
		AssumeRolePolicyDocument: in.AssumeRolePolicyDocument, MaxSessionDuration: ptr(int32(3600))}
	return nil, nil
}

func (f *fakeIAM) UpdateRole(_ context.Context, in *iam.UpdateRoleInput, _ ...func(*iam.Options)) (*iam.UpdateRoleOutput, error) {
	f.role.Description, f.role.MaxSessionDuration = in.Description, in.MaxSessionDuration
	return nil, nil
}

func (f *fakeIAM) UpdateAssumeRolePolicy(_ context.Context, in *iam.UpdateAssumeRolePolicyInput, _ ...func(*iam.Options)) (*iam.UpdateAssumeRolePolicyOutput, error) {
	f.role.AssumeRolePolicyDocument = in.PolicyDocument
	return nil, nil
}

func (f *fakeIAM) PutRolePolicy(_ context.Context, in *iam.PutRolePolicyInput, _ ...func(*iam.Options)) (*iam.PutRolePolicyOutput, error) {
	f.policy = *in.PolicyDocument
	return nil, nil
}

func (f *fakeIAM) DeleteRolePolicy(context.Context, *iam.DeleteRolePolicyInput, ...func(*iam.Options)) (*iam.DeleteRolePolicyOutput, error) {
	f.policy = ""
	return nil, nil
}

func (f *fakeIAM) TagRole(_ context.Context, in *iam.TagRoleInput, _ ...func(*iam.Options)) (*iam.TagRoleOutput, error) {
	f.role.Tags = slices.Concat(f.role.Tags, in.Tags)
	return nil, nil
}

func (f *fakeIAM) UntagRole(_ context.Context, in *iam.UntagRoleInput, _ ...func(*iam.Options)) (*iam.UntagRoleOutput, error) {
	f.role.Tags = slices.DeleteFunc(slices.Clone(f.role.Tags), func(t types.Tag) bool { return slices.Contains(in.TagKeys, *t.Key) })
	return nil, nil
}

// fakeLogs keeps one log group in memory.
type fakeLogs struct {
	logGroupClient
	group *planner.LogGroup
}

func newFakeLogs() *fakeLogs { return &fakeLogs{} }

func (f *fakeLogs) DescribeLogGroups(context.Context, *cloudwatchlogs.DescribeLogGroupsInput, ...func(*cloudwatchlogs.Options)) (*cloudwatchlogs.DescribeLogGroupsOutput, error) {
	out := &cloudwatchlogs.DescribeLogGroupsOutput{}
	if f.group != nil {
		g := logtypes.LogGroup{LogGroupName: &f.group.Name}
		if f.group.RetentionDays > 0 {
			g.RetentionInDays = ptr(int32(f.group.RetentionDays))
		}
		out.LogGroups = append(out.LogGroups, g)
	}
	return out, nil
}

func (f *fakeLogs) ListTagsForResource(context.Context, *cloudwatchlogs.ListTagsForResourceInput, ...func(*cloudwatchlogs.Options)) (*cloudwatchlogs.ListTagsForResourceOutput, error) {
	if f.group == nil {
		return nil, answer("ResourceNotFoundException", "")
	}
	return &cloudwatchlogs.ListTagsForResourceOutput{Tags: f.group.Tags}, nil
}

func (f *fakeLogs) CreateLogGroup(_ context.Context, in *cloudwatchlogs.CreateLogGroupInput, _ ...func(*cloudwatchlogs.Options)) (*cloudwatchlogs.CreateLogGroupOutput, error) {
	f.group = &planner.LogGroup{Name: *in.LogGroupName, Tags: tagMap(in.Tags)}
	return nil, nil
}

func (f *fakeLogs) PutRetentionPolicy(_ context.Context, in *cloudwatchlogs.PutRetentionPolicyInput, _ ...func(*cloudwatchlogs.Options)) (*cloudwatchlogs.PutRetentionPolicyOutput, error) {
	f.group.RetentionDays = int(*in.RetentionInDays)
	return nil, nil
}

func (f *fakeLogs) DeleteRetentionPolicy(context.Context, *cloudwatchlogs.DeleteRetentionPolicyInput, ...func(*cloudwatchlogs.Options)) (*cloudwatchlogs.DeleteRetentionPolicyOutput, error) {
	f.group.RetentionDays = 0
	return nil, nil
}

func (f *fakeLogs) TagResource(_ context.Context, in *cloudwatchlogs.TagResourceInput, _ ...func(*cloudwatchlogs.Options)) (*cloudwatchlogs.TagResourceOutput, error) {
	for k, v := range in.Tags {
		f.group.Tags[k] = v
	}
	return nil, nil
}

func (f *fakeLogs) UntagResource(_ context.Context, in *cloudwatchlogs.UntagResourceInput, _ ...func(*cloudwatchlogs.Options)) (*cloudwatchlogs.UntagResourceOutput, error) {
	for _, k := range in.TagKeys {
		delete(f.group.Tags, k)
	}
	return nil, nil
}
