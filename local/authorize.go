package local

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"

	"github.com/scar-go/scar/local/wire"
)

// actionPrefixes are the services' names in policies, where they differ from those in signatures.
var actionPrefixes = map[string]string{"tagging": "tag", "monitoring": "cloudwatch"}

// freeOperations need no right.
var freeOperations = map[string]bool{"sts:GetCallerIdentity": true}

// selfAuthorized are the services that ask for themselves: in S3 and the registry one call may need several rights, and queues have
// policies of their own.
var selfAuthorized = map[string]bool{"s3": true, "sqs": true, "sns": true}

// authorize refuses what the policies of a role do not allow its sessions.
func (b *Backend) authorize(r *http.Request, call wire.Call, body []byte) error {
	if call.Identity.Admin() || selfAuthorized[call.Service] || freeOperations[call.Service+":"+call.Operation] {
		return nil
	}
	prefix := call.Service
	if other, found := actionPrefixes[prefix]; found {
		prefix = other
	}
	action := prefix + ":" + call.Operation
	switch {
	case action == "lambda:Invoke":
		action = "lambda:InvokeFunction"
	case call.Service == "apigateway":
		action = "apigateway:" + r.Method
	}
	targets, err := b.targetsOf(r, call, body)
	if err != nil {
		return fmt.Errorf("authorize %s: %w", action, err)
	}
	for _, t := range targets {
		allowed, err := b.iam.Allowed(r.Context(), call.Identity, action, t.arn, nil)
		if err != nil {
			return fmt.Errorf("authorize %s: %w", action, err)
		}
		if !allowed {
			return denied(call, action, t)
		}
	}
	return nil
}

func denied(call wire.Call, action string, t target) error {
	status, code := http.StatusBadRequest, "AccessDeniedException"
	switch call.Service {
	case "iam", "sts":
		status, code = http.StatusForbidden, "AccessDenied"
	case "ec2":
		status, code = http.StatusForbidden, "UnauthorizedOperation"
	case "lambda", "scheduler", "apigateway", "elasticfilesystem":
		status = http.StatusForbidden
	}
	on := ""
	if t.shown != "" {
		on = " on resource: " + t.shown
	}
	return wire.Errorf(status, code, "User: %s is not authorized to perform: %s%s because no identity-based policy allows the %s action",
		call.Identity.ARN, action, on, action)
}

// target is one thing that a call is about: its ARN, or *, and how a refusal names it, which may be empty.
type target struct{ arn, shown string }

// targetsOf are all the things that a call is about. Each needs the right.
func (b *Backend) targetsOf(r *http.Request, call wire.Call, body []byte) ([]target, error) {
	switch call.Service {
	case "ssm":
		return b.parameterTargets(body), nil
	case "secretsmanager":
		return b.secretTargets(body)
	}
	arn := b.resourceOf(r, call, body)
	return []target{{arn, arn}}, nil
}

// parameterTargets are all the parameters and paths that a call names, whichever of its fields does.
func (b *Backend) parameterTargets(body []byte) []target {
	var in struct {
		Name, Path, ResourceID string
		Names                  []string
	}
	// What is no JSON names nothing, and its service refuses it.
	_ = json.Unmarshal(body, &in)
	var targets []target
	for _, id := range append(in.Names, in.Name, in.Path, in.ResourceID) {
		if id != "" {
			arn := b.ssm.ARN(id)
			targets = append(targets, target{arn, arn})
		}
	}
	if len(targets) == 0 {
		all := fmt.Sprintf("arn:%s:ssm:%s:%s:*", wire.Partition(b.options.Region), b.options.Region, b.options.Account)
		targets = []target{{all, all}}
	}
	return targets
}

// secretTargets are the secrets that a call names. A refusal names them as the call does.
func (b *Backend) secretTargets(body []byte) ([]target, error) {
	var in struct{ SecretID, Name string }
	_ = json.Unmarshal(body, &in) // as in parameterTargets
	var targets []target
	for _, id := range []string{in.SecretID, in.Name} {
		if id == "" {
			continue
		}
		arn, err := b.secrets.ResourceARN(id)
		if err != nil {
			return nil, err
		}
		targets = append(targets, target{arn, id})
	}
	if len(targets) == 0 {
		targets = []target{{arn: "*"}}
	}
	return targets, nil
}

// resourceOf is the ARN of what a call is about, or * where a policy cannot name it.
func (b *Backend) resourceOf(r *http.Request, call wire.Call, body []byte) string {
	regional := func(service, resource string) string {
		return fmt.Sprintf("arn:%s:%s:%s:%s:%s", wire.Partition(b.options.Region), service, b.options.Region, b.options.Account, resource)
	}
	switch h := b.services[call.Service].handler.(type) {
	case interface{ ResourceARN(*http.Request) string }:
		return h.ResourceARN(r)
	case interface {
		ResourceARN(*http.Request, []byte) string
	}:
		return h.ResourceARN(r, body)
	}
	switch call.Service {
	case "lambda":
		if resource := lambdaResource(r.URL.Path, body); strings.HasPrefix(resource, "arn:") {
			return resource
		} else if resource != "" {
			return regional("lambda", resource)
		}
	case "iam", "sts":
		return b.roleResource(r, call, body)
	case "logs":
		return logsResource(call.Operation, regional, body)
	case "ecr":
		return ecrResource(call.Operation, regional, body)
	case "kms":
		var in struct{ KeyID, TargetKeyID string } // what is no JSON names nothing, and its service refuses it
		_ = json.Unmarshal(body, &in)
		switch call.Operation {
		case "CreateAlias":
			return b.kms.ResourceARN(in.TargetKeyID)
		case "CreateKey", "DeleteAlias", "ListKeys", "ListAliases":
			return "*"
		}
		return b.kms.ResourceARN(in.KeyID)
	}
	return "*"
}

// The functions below look at no field but those that the operation itself reads: services pass over the others, and a field that is
// passed over must not say what a right is asked for.

// aboutTags says whether an operation names what it is about in ResourceArn.
func aboutTags(operation string) bool {
	return operation == "TagResource" || operation == "UntagResource" || operation == "ListTagsForResource"
}

func ecrResource(operation string, regional func(service, resource string) string, body []byte) string {
	var in struct {
		RepositoryName, ResourceArn string
		RepositoryNames             []string
	}
	err := json.Unmarshal(body, &in)
	name := in.RepositoryName
	if operation == "DescribeRepositories" {
		name = ""
		if len(in.RepositoryNames) == 1 {
			name = in.RepositoryNames[0]
		}
	}
	switch {
	case err != nil:
		return "*"
	case aboutTags(operation) && in.ResourceArn != "":
		return in.ResourceArn
	case !aboutTags(operation) && name != "":
		return regional("ecr", "repository/"+name)
	default:
		return "*"
	}
}

func (b *Backend) roleResource(r *http.Request, call wire.Call, body []byte) string {
	form, err := wire.QueryForm(r, body)
	switch arn, name := form.Get("RoleArn"), form.Get("RoleName"); {
	case err != nil:
		return "*"
	case call.Service == "sts" && arn != "":
		return arn
	case call.Service == "iam" && name != "":
		return b.iam.RoleARN(r.Context(), name, form.Get("Path"))
	default:
		return "*"
	}
}

func logsResource(operation string, regional func(service, resource string) string, body []byte) string {
	var in struct{ LogGroupName, LogStreamName, ResourceArn string }
	switch err := json.Unmarshal(body, &in); {
	case err == nil && aboutTags(operation) && in.ResourceArn != "":
		return in.ResourceArn
	case err == nil && !aboutTags(operation) && in.LogGroupName != "":
		return regional("logs", "log-group:"+in.LogGroupName+":log-stream:"+in.LogStreamName)
	default:
		return "*"
	}
}
