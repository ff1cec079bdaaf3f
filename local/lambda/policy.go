package lambda

import (
	"encoding/json"
	"net/http"
	"regexp"
	"slices"
	"strings"

	"github.com/scar-go/scar/local/wire"
)

const maxPolicy = 20 << 10 // bytes

var (
	sidPattern     = wire.Pattern(`^[a-zA-Z0-9-_]{1,100}$`)
	actionPattern  = wire.Pattern(`^(lambda:([*]|[a-zA-Z]+)|[*])$`)
	accountPattern = wire.Pattern(`^\d{12}$`)
)

// statement is one statement of a function's policy.
type statement struct {
	Sid       string
	Effect    string
	Principal any // a string, or a map from type to name
	Action    string
	Resource  string
	Condition map[string]map[string]string `json:",omitempty"`
}

type permissionInput struct {
	StatementID           string `json:"StatementId"`
	Action                string
	Principal             string
	SourceArn             string
	SourceAccount         string
	EventSourceToken      string
	PrincipalOrgID        string
	FunctionURLAuthType   string `json:"FunctionUrlAuthType"`
	InvokedViaFunctionURL *bool  `json:"InvokedViaFunctionUrl"`
	RevisionID            string `json:"RevisionId"`
}

func (s *Service) addPermission(r *http.Request, name string) (answer, error) {
	var in permissionInput
	if err := read(r, &in); err != nil {
		return answer{}, err
	}
	if err := in.check(); err != nil {
		return answer{}, err
	}
	added := in.statement(s.arn(name))
	text, err := json.Marshal(added)
	if err != nil {
		return answer{}, err
	}
	err = s.editPolicy(name, in.RevisionID, func(f *function) error {
		if slices.ContainsFunc(f.Policy, func(st statement) bool { return st.Sid == in.StatementID }) {
			return conflict("The statement id (%s) provided already exists. Please provide a new statement id, or remove the existing statement.", in.StatementID)
		}
		f.Policy = append(f.Policy, added)
		document, err := policyDocument(f.Policy)
		if err == nil && len(document) > maxPolicy {
			err = wire.Errorf(http.StatusBadRequest, "PolicyLengthExceededException", "The final policy size (%d) is bigger than the limit (%d).", len(document), maxPolicy)
		}
		return err
	})
	if err != nil {
		return answer{}, err
	}
	return answer{http.StatusCreated, struct{ Statement string }{string(text)}}, nil
}

func (in *permissionInput) check() error {
	pattern := func(p *regexp.Regexp, field, value string) error {
		if p.MatchString(value) {
			return nil
		}
		return wire.Errorf(http.StatusBadRequest, "ValidationException",
			"1 validation error detected: Value '%s' at '%s' failed to satisfy constraint: Member must satisfy regular expression pattern: %s", value, field, p)
	}
	if err := pattern(sidPattern(), "statementId", in.StatementID); err != nil {
		return err
	}
	if err := pattern(actionPattern(), "action", in.Action); err != nil {
		return err
	}
	if in.FunctionURLAuthType != "" && in.Action != "lambda:InvokeFunctionUrl" {
		return invalid("FunctionUrlAuthType is only supported for lambda:InvokeFunctionUrl action")
	}
	if in.InvokedViaFunctionURL != nil && in.Action != "lambda:InvokeFunction" {
		return invalid("InvokedViaFunctionUrl is only supported for lambda:InvokeFunction action")
	}
	if in.Principal == "" {
		return invalid("The provided principal was invalid. Please check the principal and try again.")
	}
	return nil
}

func (in *permissionInput) statement(resource string) statement {
	st := statement{Sid: in.StatementID, Effect: "Allow", Action: in.Action, Resource: resource}
	switch {
	case in.Principal == "*":
		st.Principal = "*"
	case accountPattern().MatchString(in.Principal):
		st.Principal = map[string]string{"AWS": "arn:aws:iam::" + in.Principal + ":root"}
	case strings.HasPrefix(in.Principal, "arn:"):
		st.Principal = map[string]string{"AWS": in.Principal}
	default:
		st.Principal = map[string]string{"Service": in.Principal}
	}
	condition := func(operator, key, value string) {
		if value == "" {
			return
		}
		if st.Condition == nil {
			st.Condition = map[string]map[string]string{}
		}
		if st.Condition[operator] == nil {
			st.Condition[operator] = map[string]string{}
		}
		st.Condition[operator][key] = value
	}
	condition("StringEquals", "AWS:SourceAccount", in.SourceAccount)
	condition("StringEquals", "aws:PrincipalOrgID", in.PrincipalOrgID)
	condition("StringEquals", "lambda:FunctionUrlAuthType", in.FunctionURLAuthType)
	condition("StringEquals", "lambda:EventSourceToken", in.EventSourceToken)
	condition("ArnLike", "AWS:SourceArn", in.SourceArn)
	if in.InvokedViaFunctionURL != nil && *in.InvokedViaFunctionURL {
		condition("Bool", "lambda:InvokedViaFunctionUrl", "true")
	}
	return st
}

func (s *Service) removePermission(r *http.Request, name string) (answer, error) {
	_, stars, err := route(r)
	if err != nil {
		return answer{}, err
	}
	sid := stars[1]
	err = s.editPolicy(name, r.URL.Query().Get("RevisionId"), func(f *function) error {
		if len(f.Policy) == 0 {
			return wire.Errorf(http.StatusNotFound, "ResourceNotFoundException", "No policy is associated with the given resource.")
		}
		i := slices.IndexFunc(f.Policy, func(st statement) bool { return st.Sid == sid })
		if i < 0 {
			return wire.Errorf(http.StatusNotFound, "ResourceNotFoundException", "Statement %s is not found in resource policy.", sid)
		}
		f.Policy = slices.Delete(f.Policy, i, i+1)
		return nil
	})
	return answer{http.StatusNoContent, nil}, err
}

func (s *Service) editPolicy(name, revision string, edit func(*function) error) error {
	return s.functions.Update(name, func(f *function, found bool) error {
		if !found {
			return functionNotFound(s.arn(name))
		}
		if revision != "" && revision != f.PolicyRevision {
			return staleRevision()
		}
		f.PolicyRevision = newID()
		return edit(f)
	})
}

func (s *Service) getPolicy(_ *http.Request, name string) (answer, error) {
	f, err := s.get(name)
	if err != nil {
		return answer{}, err
	}
	if len(f.Policy) == 0 {
		return answer{}, wire.Errorf(http.StatusNotFound, "ResourceNotFoundException", "The resource you requested does not exist.")
	}
	document, err := policyDocument(f.Policy)
	if err != nil {
		return answer{}, err
	}
	return ok(struct {
		Policy     string
		RevisionID string `json:"RevisionId"`
	}{document, f.PolicyRevision})
}

func policyDocument(statements []statement) (string, error) {
	b, err := json.Marshal(struct {
		Version   string
		ID        string `json:"Id"`
		Statement []statement
	}{"2012-10-17", "default", statements})
	return string(b), err
}
