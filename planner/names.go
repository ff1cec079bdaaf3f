package planner

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
)

// The table of names. Every name is computed from the file, the account and the region, so that what
// belongs to a project is known before it exists and found again without a state file.
//
//	role           scar-<function>-<region>                      under RolePath
//	inline policy  scar
//	log group      /aws/lambda/<function>
//	repository     scar/<project>
//	image          <function> as tag in the repository
//	permission     scar-<project>-s3-<hash of the bucket>         in the function's policy
//	               scar-<project>-url, scar-<project>-url-invoke  for callers of its URL without credentials
//	               scar-<project>-api                             part of the HTTP API
//	queue          scar-<project>_<function>                      neither name can hold what would make it another's:
//	               scar_dead-<project>_<function>                 projects have no underscores
//	schedule group scar-<project>
//	schedule       <function>                                     in the group
//	its role       scar-<function>.schedule-<region>              functions' names have no dots
//	trigger        scar-<project>-<function>-<hash of the rule>   in the bucket's notifications

// PolicyName is the name of the inline policy that scar writes into a role.
const PolicyName = "scar"

// maxRoleName is IAM's limit for the name of a role.
const maxRoleName = 64

// RoleName is the name of a function's role. Roles are global, functions regional, hence the region.
func RoleName(function, region string) string { return roleName(function, "-"+region) }

// ScheduleRoleName is the name of the role by which EventBridge Scheduler starts a function.
func ScheduleRoleName(function, region string) string { return roleName(function, ".schedule-"+region) }

func roleName(function, rest string) string {
	name := "scar-" + function + rest
	if len(name) <= maxRoleName {
		return name
	}
	rest = "-" + shortHash(name) + rest
	return name[:maxRoleName-len(rest)] + rest
}

// maxQueueName is SQS's limit for the name of a queue.
const maxQueueName = 80

// QueueName is the name of the queue between a function's buckets and the function.
func QueueName(project, function string) string { return queueName("scar-" + project + "_" + function) }

// DeadLetterName is the name of the queue that keeps what the function could not process.
func DeadLetterName(project, function string) string {
	return queueName("scar_dead-" + project + "_" + function)
}

func queueName(name string) string {
	if len(name) <= maxQueueName {
		return name
	}
	rest := "-" + shortHash(name)
	return name[:maxQueueName-len(rest)] + rest
}

// ScheduleGroupName is the group that holds a project's schedules. Schedules have no tags: being in the group makes
// them the project's.
func ScheduleGroupName(project string) string { return "scar-" + project }

// The ids of the two statements that open a function's URL to everybody, and of the one that lets an HTTP API
// invoke it.
func urlStatementID(project string) string       { return "scar-" + project + "-url" }
func urlInvokeStatementID(project string) string { return "scar-" + project + "-url-invoke" }

// APIStatementID is the id of the statement that lets a project's HTTP API invoke a function. It belongs to the API,
// whose id it names.
func APIStatementID(project string) string { return "scar-" + project + "-api" }

// RolePath is the IAM path of a project's roles; listing by it finds them all.
func RolePath(project string) string { return RolePaths + project + "/" }

// RolePaths begins the paths of the roles of all projects.
const RolePaths = "/scar/"

// LogGroupName is the log group that Lambda writes a function's output to.
func LogGroupName(function string) string { return "/aws/lambda/" + function }

// RepositoryName is the project's ECR repository.
func RepositoryName(project string) string { return "scar/" + project }

// StatementID is the id of the statement that lets a bucket invoke a function of the project.
// Statement ids allow no dots, bucket names do, so the bucket is hashed.
func StatementID(project, bucket string) string {
	return "scar-" + project + "-s3-" + shortHash(bucket)
}

// OwnsStatement says whether a statement is a permission of the project, by its id.
func OwnsStatement(project, id string) bool {
	if id == urlStatementID(project) || id == urlInvokeStatementID(project) {
		return true
	}
	rest, found := strings.CutPrefix(id, "scar-"+project+"-s3-")
	return found && isShortHash(rest)
}

// RuleID is the id of one rule in a bucket's notifications. The hash makes a changed rule another
// rule, and keeps the rules of one function apart.
func RuleID(project, function, bucket, prefix, suffix string, events []string) string {
	rule := strings.Join(append([]string{bucket, prefix, suffix}, events...), "\x00")
	return "scar-" + project + "-" + function + "-" + shortHash(rule)
}

// OwnsRule says whether a rule is the project's: its id is one that RuleID makes for the function
// that it invokes, or whose queue it feeds. The target settles what the id alone leaves open where names hold dashes.
func OwnsRule(project string, t Trigger) bool {
	return project != "" && ownerOfRule(t).Project == project
}

// ownerOfRule reads from a rule's id and target whose it is; the zero Owner is somebody who does not use scar.
func ownerOfRule(t Trigger) Owner {
	id, hash, found := cutLast(t.ID, "-")
	names, byScar := strings.CutPrefix(id, "scar-")
	if !found || !byScar || !isShortHash(hash) {
		return Owner{}
	}
	for i, c := range names {
		if c != '-' {
			continue
		}
		owner := Owner{Project: names[:i], Function: names[i+1:]}
		if owner.Project != "" && owner.starts(t.Target) {
			return owner
		}
	}
	return Owner{}
}

// starts says whether events that go to a target start the owner's function.
func (o Owner) starts(target string) bool {
	if queue, isQueue := QueueOfARN(target); isQueue {
		return queue == QueueName(o.Project, o.Function)
	}
	function, isFunction := FunctionOfARN(target)
	return isFunction && function == o.Function
}

func cutLast(s, separator string) (before, after string, found bool) {
	i := strings.LastIndex(s, separator)
	if i < 0 {
		return s, "", false
	}
	return s[:i], s[i+len(separator):], true
}

// Naming makes the ARNs and hosts of one account and region.
type Naming struct {
	Partition string // aws, aws-cn or aws-us-gov
	Account   string // twelve digits
	Region    string
	Registry  string // host of the ECR registry; empty: AWS's own
}

// FunctionARN is the ARN of a function, without a version.
func (n Naming) FunctionARN(function string) string {
	return n.arn("lambda", n.Region, n.Account, "function:"+function)
}

// RoleARN is the ARN of a role of the project.
func (n Naming) RoleARN(project, role string) string {
	return n.arn("iam", "", n.Account, "role"+RolePath(project)+role)
}

// BucketARN is the ARN of a bucket.
func (n Naming) BucketARN(bucket string) string { return n.arn("s3", "", "", bucket) }

// QueueARN is the ARN of a queue.
func (n Naming) QueueARN(name string) string { return n.arn("sqs", n.Region, n.Account, name) }

// ScheduleGroupARN is the ARN of a group of schedules.
func (n Naming) ScheduleGroupARN(name string) string {
	return n.arn("scheduler", n.Region, n.Account, "schedule-group/"+name)
}

// ScheduleARN is the ARN of a schedule.
func (n Naming) ScheduleARN(group, name string) string {
	return n.arn("scheduler", n.Region, n.Account, "schedule/"+group+"/"+name)
}

// LogGroupARN is the ARN of a log group, without the trailing ":*" that some APIs add.
func (n Naming) LogGroupARN(name string) string {
	return n.arn("logs", n.Region, n.Account, "log-group:"+name)
}

// RepositoryARN is the ARN of a repository.
func (n Naming) RepositoryARN(name string) string {
	return n.arn("ecr", n.Region, n.Account, "repository/"+name)
}

// RegistryHost is the host that images are pushed to and that Lambda refers to.
func (n Naming) RegistryHost() string {
	if n.Registry != "" {
		return n.Registry
	}
	return n.Account + ".dkr.ecr." + n.Region + "." + n.DNSSuffix()
}

// ImageURI refers to an image of the project's repository by digest.
func (n Naming) ImageURI(repository, digest string) string {
	return n.RegistryHost() + "/" + repository + "@" + digest
}

// DNSSuffix is what the hosts of the partition end in.
func (n Naming) DNSSuffix() string {
	if n.Partition == "aws-cn" {
		return "amazonaws.com.cn"
	}
	return "amazonaws.com"
}

// ServicePrincipal is the principal of an AWS service in a policy. Lambda's and S3's are the same in
// all partitions.
func ServicePrincipal(service string) string { return service + ".amazonaws.com" }

func (n Naming) arn(service, region, account, resource string) string {
	return strings.Join([]string{"arn", n.Partition, service, region, account, resource}, ":")
}

// PartitionOf is the partition of a region.
func PartitionOf(region string) string {
	switch {
	case strings.HasPrefix(region, "cn-"):
		return "aws-cn"
	case strings.HasPrefix(region, "us-gov-"):
		return "aws-us-gov"
	default:
		return "aws"
	}
}

// FunctionOfARN is the name in the ARN of a Lambda function, its version or alias dropped.
func FunctionOfARN(arn string) (name string, found bool) {
	parts := strings.SplitN(arn, ":", 8)
	if len(parts) < 7 || parts[0] != "arn" || parts[2] != "lambda" || parts[5] != "function" {
		return "", false
	}
	return parts[6], true
}

// QueueOfARN is the name in the ARN of an SQS queue.
func QueueOfARN(arn string) (name string, found bool) {
	parts := strings.Split(arn, ":")
	if len(parts) != 6 || parts[0] != "arn" || parts[2] != "sqs" {
		return "", false
	}
	return parts[5], true
}

// shortHashLen is the length of the hashes in names: 32 bits tell apart the few rules that one
// function has, and are short enough to read.
const shortHashLen = 8

func shortHash(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:])[:shortHashLen]
}

func isShortHash(s string) bool {
	if len(s) != shortHashLen {
		return false
	}
	return strings.Trim(s, "0123456789abcdef") == ""
}
