package planner

import (
	"fmt"
	"slices"
	"strings"

	"github.com/scar-go/scar/runtime/job"
	"github.com/scar-go/scar/spec"
)

// rights are what the function needs and nothing else: its log group, its input prefixes, its output
// prefixes, its records, its secrets, its queue, its network, and what the file adds. Places that are reached with keys
// of their own need none.
func rights(f *spec.File, fn *spec.Function, naming Naming) Policy {
	g := &grants{naming: naming}
	g.allow("WriteLogs", StringList{naming.LogGroupARN(LogGroupName(fn.Name)) + ":*"}, nil, "logs:CreateLogStream", "logs:PutLogEvents")
	g.storage(f, fn)
	parameters, secrets := secretARNs(f, fn, naming)
	g.allow("ReadParameters", parameters, nil, readParameter)
	g.allow("ReadSecrets", secrets, nil, "secretsmanager:GetSecretValue")
	if queue := queueARN(f.Project, fn, naming); queue != "" {
		g.allow("TakeMessages", StringList{queue}, nil,
			"sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ChangeMessageVisibility")
	}
	g.failures(fn)
	g.network(fn)
	for i, extra := range fn.Permissions {
		g.allow(fmt.Sprintf("Permission%d", i+1), extra.Resources, nil, extra.Actions...)
	}
	return Policy{Version: policyVersion, Statements: g.statements}.Canonical()
}

// readParameter is the right to a parameter of Systems Manager. Those that AWS's own key for parameters encrypts, alias/aws/ssm, need
// none to the key beside it: its policy allows whoever the service lets read (Systems Manager user guide, "AWS KMS
// encryption for AWS Systems Manager Parameter Store SecureString parameters").
const readParameter = "ssm:GetParameter"

// grants collects the statements of a role's policy.
type grants struct {
	naming     Naming
	statements []Statement
}

func (g *grants) allow(sid string, resources StringList, condition Conditions, actions ...string) {
	if len(resources) > 0 {
		g.statements = append(g.statements, Statement{Sid: sid, Effect: "Allow", Action: actions, Resource: resources, Condition: condition})
	}
}

// object matches the objects below a prefix.
func (g *grants) object(bucket, prefix string) string {
	return g.naming.BucketARN(bucket) + "/" + literal(prefix) + "*"
}

// storage are the rights to inputs, outputs and records.
func (g *grants) storage(f *spec.File, fn *spec.Function) {
	var read, write, records StringList
	listed := map[string]StringList{} // bucket → prefixes
	byRole := func(provider string) bool { return spec.IsOwnS3(provider) || f.Storage[provider].UsesRole() }
	for _, in := range fn.Inputs {
		if !byRole(in.Provider) {
			continue
		}
		read = append(read, g.object(in.Bucket, in.Prefix))
		listed[in.Bucket] = append(listed[in.Bucket], literal(in.Prefix)+"*")
	}
	for _, out := range fn.Outputs {
		if byRole(out.Provider) {
			write = append(write, g.object(out.Bucket, out.Prefix))
		}
	}
	if r := recordsOf(fn); r != nil {
		prefix := job.RecordsPrefix + fn.Name + "/"
		records = append(records, g.object(r.Bucket, prefix))
		listed[r.Bucket] = append(listed[r.Bucket], prefix+"*")
	}
	g.allow("ReadInputs", read, nil, "s3:GetObject")
	g.allow("WriteOutputs", write, nil, "s3:PutObject", "s3:AbortMultipartUpload")
	g.allow(keepRecords, records, nil, "s3:GetObject", "s3:PutObject")
	for i, bucket := range sortedKeys(listed) {
		// Without the right to list, S3 answers that a missing object is forbidden.
		g.allow(fmt.Sprintf("List%d", i+1), StringList{g.naming.BucketARN(bucket)},
			Conditions{"StringLike": {"s3:prefix": sortedList(listed[bucket])}}, "s3:ListBucket")
	}
}

// failures are the rights to tell of events that the function failed on: Lambda does so with the function's role
// (Lambda developer guide, "Capturing records of Lambda asynchronous invocations").
func (g *grants) failures(fn *spec.Function) {
	const sid = "ReportFailures"
	arn := failureARN(fn, g.naming)
	if bucket, isBucket := bucketOfARN(arn); isBucket {
		g.allow(sid, StringList{g.object(bucket, failurePrefix(fn.Name))}, nil, "s3:PutObject")
		g.allow("ListFailures", StringList{arn}, nil, "s3:ListBucket") // Lambda asks for the whole bucket
		return
	}
	actions := map[string]string{"sqs": "sqs:SendMessage", "sns": "sns:Publish", "events": "events:PutEvents", "lambda": invokeFunction}
	if action := actions[serviceOfARN(arn)]; action != "" {
		g.allow(sid, StringList{arn}, nil, action)
	}
}

// networkActions are what Lambda does with a function's role to connect it to a VPC (Lambda developer guide, "Giving
// Lambda functions access to resources in an Amazon VPC"). They work on all resources only, or on interfaces
// whose ids nobody knows before.
func networkActions() []string {
	return []string{
		"ec2:CreateNetworkInterface", "ec2:DescribeNetworkInterfaces", "ec2:DescribeSubnets", "ec2:DeleteNetworkInterface",
		"ec2:AssignPrivateIpAddresses", "ec2:UnassignPrivateIpAddresses",
	}
}

// network are the rights of a function in a VPC. Those that reach every network interface are Lambda's, and are kept
// from the function's own code, as the same guide advises, but for those that the file gives it.
func (g *grants) network(fn *spec.Function) {
	if fn.VPC != nil {
		everything := StringList{"*"}
		g.allow("JoinNetwork", everything, nil, networkActions()...)
		kept := slices.DeleteFunc(networkActions(), func(action string) bool {
			return slices.ContainsFunc(fn.Permissions, func(p spec.Permission) bool { return names(p, action) })
		})
		if len(kept) > 0 {
			g.statements = append(g.statements, Statement{
				Sid: "KeepFromCode", Effect: "Deny", Action: kept, Resource: everything,
				Condition: Conditions{"ArnEquals": {"lambda:SourceFunctionArn": {g.naming.FunctionARN(fn.Name)}}},
			})
		}
	}
	for _, m := range fn.Mounts {
		account, _ := accountOfARN(m.AccessPoint)
		g.allow("MountFiles", StringList{g.naming.arn("elasticfilesystem", g.naming.Region, account, "file-system/*")},
			Conditions{"StringEquals": {"elasticfilesystem:AccessPointArn": {m.AccessPoint}}},
			"elasticfilesystem:ClientMount", "elasticfilesystem:ClientWrite")
	}
}

// literal writes text so that policies take it as it is: *, ? and $ have a meaning there, and a folder named
// "a?" must not open one named "ab" (IAM user guide, "IAM policy elements: Variables and tags").
func literal(text string) string {
	if !strings.ContainsAny(text, "*?$") {
		return text
	}
	return strings.NewReplacer("*", "${*}", "?", "${?}", "$", "${$}").Replace(text)
}
