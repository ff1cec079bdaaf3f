package planner

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/scar-go/scar/runtime/job"
	"github.com/scar-go/scar/spec"
)

// policyVersion is the version of IAM's policy language.
const policyVersion = "2012-10-17"

// maxInlinePolicy is IAM's limit for the inline policies of a role, in characters without white
// space.
const maxInlinePolicy = 10240

// Role is the IAM role that a function runs under, with scar's one inline policy. Other inline
// policies and attached managed policies are the user's own.
type Role struct {
	Name        string `json:"name" plan:"replace"`
	Path        string `json:"path" plan:"replace"`
	Description string `json:"description"`
	Trust       Policy `json:"trust"`
	Policy      Policy `json:"policy"` // the inline policy PolicyName; zero: absent
	Tags        Tags   `json:"tags"`
}

// Kind implements Value.
func (Role) Kind() Kind { return KindRole }

func (Role) needs(string) []Address { return nil }

func (d *desire) roleARN(fn *spec.Function) string {
	if fn.Role != "" {
		return fn.Role
	}
	return d.env.RoleARN(d.file.Project, RoleName(fn.Name, d.env.Region))
}

func (d *desire) role(fn *spec.Function) {
	if fn.Role != "" {
		return
	}
	role := Role{
		Name:        RoleName(fn.Name, d.env.Region),
		Path:        RolePath(d.file.Project),
		Description: "Runs the function " + fn.Name,
		Trust:       trust(d.env.Account),
		Policy:      rights(d.file, fn, d.env.Naming),
		Tags:        d.tags(fn),
	}
	if size := len(role.Policy.JSON()); size > maxInlinePolicy {
		d.problem(fn, "function %s: its inputs, outputs, secrets and permissions make a policy of %d characters, IAM allows %d: use fewer of them, or bring a role of your own (role: ARN)",
			fn.Name, size, maxInlinePolicy)
	}
	d.add(fn, role, role.Name)
}

// trust lets Lambda, acting for this account, assume the role.
func trust(account string) Policy {
	return Policy{Version: policyVersion, Statements: []Statement{{
		Effect:    "Allow",
		Principal: StringLists{"Service": {ServicePrincipal("lambda")}},
		Action:    StringList{"sts:AssumeRole"},
		Condition: Conditions{"StringEquals": {"aws:SourceAccount": {account}}},
	}}}
}

// rights are what the function needs and nothing else: its log group, its input prefixes, its output
// prefixes, its records, its secrets, and what the file adds. Places that are reached with keys of their own need none.
func rights(f *spec.File, fn *spec.Function, naming Naming) Policy {
	var read, write, records StringList
	listed := map[string]StringList{} // bucket → prefixes
	object := func(bucket, prefix string) string { return naming.BucketARN(bucket) + "/" + literal(prefix) + "*" }
	byRole := func(provider string) bool { return spec.IsOwnS3(provider) || f.Storage[provider].UsesRole() }
	for _, in := range fn.Inputs {
		if !byRole(in.Provider) {
			continue
		}
		read = append(read, object(in.Bucket, in.Prefix))
		listed[in.Bucket] = append(listed[in.Bucket], literal(in.Prefix)+"*")
	}
	for _, out := range fn.Outputs {
		if byRole(out.Provider) {
			write = append(write, object(out.Bucket, out.Prefix))
		}
	}
	if r := recordsOf(fn); r != nil {
		prefix := job.RecordsPrefix + fn.Name + "/"
		records = append(records, object(r.Bucket, prefix))
		listed[r.Bucket] = append(listed[r.Bucket], prefix+"*")
	}

	p := Policy{Version: policyVersion}
	allow := func(sid string, resources StringList, condition Conditions, actions ...string) {
		if len(resources) == 0 {
			return
		}
		p.Statements = append(p.Statements, Statement{
			Sid: sid, Effect: "Allow", Action: actions, Resource: resources, Condition: condition,
		})
	}
	allow("WriteLogs", StringList{naming.LogGroupARN(LogGroupName(fn.Name)) + ":*"}, nil, "logs:CreateLogStream", "logs:PutLogEvents")
	allow("ReadInputs", read, nil, "s3:GetObject")
	allow("WriteOutputs", write, nil, "s3:PutObject", "s3:AbortMultipartUpload")
	allow("KeepRecords", records, nil, "s3:GetObject", "s3:PutObject")
	parameters, secrets := secretARNs(f, fn, naming)
	allow("ReadParameters", parameters, nil, "ssm:GetParameter")
	allow("ReadSecrets", secrets, nil, "secretsmanager:GetSecretValue")
	for i, bucket := range sortedKeys(listed) {
		// Without the right to list, S3 answers that a missing object is forbidden.
		allow(fmt.Sprintf("List%d", i+1), StringList{naming.BucketARN(bucket)},
			Conditions{"StringLike": {"s3:prefix": sortedList(listed[bucket])}}, "s3:ListBucket")
	}
	for i, extra := range fn.Permissions {
		allow(fmt.Sprintf("Permission%d", i+1), extra.Resources, nil, extra.Actions...)
	}
	return p.Canonical()
}

// literal writes text so that policies take it as it is: *, ? and $ have a meaning there, and a folder named
// "a?" must not open one named "ab" (IAM user guide, "IAM policy elements: Variables and tags").
func literal(text string) string {
	if !strings.ContainsAny(text, "*?$") {
		return text
	}
	return strings.NewReplacer("*", "${*}", "?", "${?}", "$", "${$}").Replace(text)
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
