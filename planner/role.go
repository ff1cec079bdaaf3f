package planner

import (
	"maps"
	"slices"
	"strings"

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

// needs are the project's parameters that the role may read: they are there before a function can ask for them, and until
// none can.
func (r Role) needs(project string) []Address {
	var needs []Address
	for _, s := range r.Policy.Statements {
		if !slices.Contains(s.Action, readParameter) {
			continue
		}
		for _, resource := range s.Resource {
			_, name, found := strings.Cut(resource, ":parameter/")
			if address := (Address{KindParameter, "/" + name}); found && OwnsParameter(project, address.Name) && !slices.Contains(needs, address) {
				needs = append(needs, address)
			}
		}
	}
	return needs
}

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
		Trust:       trust("lambda", StringLists{"aws:SourceAccount": {d.env.Account}}),
		Policy:      rights(d.file, fn, d.env.Naming),
		Tags:        d.tags(fn),
	}
	if size := len(role.Policy.JSON()); size > maxInlinePolicy {
		d.problem(fn, "function %s: its inputs, outputs, secrets, mounts and permissions make a policy of %d characters, IAM allows %d: use fewer of them, or bring a role of your own (role: ARN)",
			fn.Name, size, maxInlinePolicy)
	}
	d.add(fn, role, role.Name)
}

// trust lets a service assume a role, acting for those that the condition names.
func trust(service string, condition StringLists) Policy {
	return Policy{Version: policyVersion, Statements: []Statement{{
		Effect:    "Allow",
		Principal: StringLists{"Service": {ServicePrincipal(service)}},
		Action:    StringList{"sts:AssumeRole"},
		Condition: Conditions{"StringEquals": condition},
	}}}
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
