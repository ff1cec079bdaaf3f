package lambda

import (
	"context"
	"net/http"
	"strings"

	"github.com/scar-go/scar/local/wire"
)

// principal is who asks to invoke a function.
type principal struct {
	service string // such as s3.amazonaws.com
	aws     string // ARN of a session or of the account's root
	role    string // ARN of the session's role, without its path
}

// anyone is who has shown nothing.
var anyone principal

// CheckInvoke says whether a function's policy lets a service invoke it on behalf of a resource of an
// account. The error is Lambda's where it does not, or where there is no such function.
func (s *Service) CheckInvoke(_ context.Context, functionARN, service, sourceARN, sourceAccount string) error {
	name, err := s.nameOf(functionARN)
	if err != nil {
		return err
	}
	f, err := s.get(name)
	if err != nil {
		return err
	}
	given := map[string]string{"aws:sourcearn": sourceARN, "aws:sourceaccount": sourceAccount}
	if f.allows("lambda:InvokeFunction", principal{service: service}, given) {
		return nil
	}
	return wire.Errorf(http.StatusForbidden, "AccessDeniedException",
		"%s is not authorized to perform: lambda:InvokeFunction on resource: %s because no resource-based policy allows the lambda:InvokeFunction action", service, s.arn(name))
}

// allows says whether the function's policy lets somebody take an action, given the values of condition keys, whose names are in
// lower case.
func (f *function) allows(action string, who principal, given map[string]string) bool {
	for _, st := range f.Policy {
		if st.allows(action, who, given) {
			return true
		}
	}
	return false
}

func (st *statement) allows(action string, who principal, given map[string]string) bool {
	if st.Effect != "Allow" || !wildcard(strings.ToLower(st.Action), strings.ToLower(action)) || !st.names(who) {
		return false
	}
	for operator, conditions := range st.Condition {
		for key, pattern := range conditions {
			value, known := given[strings.ToLower(key)]
			if !known || !conditionHolds(operator, pattern, value) {
				return false
			}
		}
	}
	return true
}

// names says whether a statement is about somebody.
func (st *statement) names(who principal) bool {
	switch named := st.Principal.(type) {
	case string:
		return named == "*"
	case map[string]any: // as read back from the store
		if who.service != "" {
			return named["Service"] == who.service
		}
		arn, _ := named["AWS"].(string)
		return arn != "" && (arn == who.aws || who.role != "" && withoutPath(arn) == who.role)
	default:
		return false
	}
}

// withoutPath is the ARN of a role without its path, which the ARNs of sessions lack too.
func withoutPath(roleARN string) string {
	account, name, found := strings.Cut(roleARN, ":role/")
	if !found {
		return roleARN
	}
	return account + ":role/" + name[strings.LastIndexByte(name, '/')+1:]
}

// conditionHolds knows the operators that AddPermission writes.
func conditionHolds(operator, pattern, value string) bool {
	switch operator {
	case "StringEquals", "Bool":
		return pattern == value
	case "ArnLike":
		return wildcard(pattern, value)
	default:
		return false
	}
}

// wildcard says whether a value matches a pattern with * for any text and ? for any one byte.
func wildcard(pattern, value string) bool {
	star, mark, p, v := -1, 0, 0, 0
	for v < len(value) {
		switch {
		case p < len(pattern) && pattern[p] == '*':
			star, mark = p, v
			p++
		case p < len(pattern) && (pattern[p] == '?' || pattern[p] == value[v]):
			p, v = p+1, v+1
		case star >= 0:
			mark++
			p, v = star+1, mark
		default:
			return false
		}
	}
	return strings.Trim(pattern[p:], "*") == ""
}
