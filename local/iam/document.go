package iam

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"unicode"

	"github.com/scar-go/scar/local/wire"
)

// document is a policy document.
type document struct {
	Version   string
	ID        string `json:"Id"`
	Statement statements
}

// statement is one statement. Lists are nil where the element is absent.
type statement struct {
	Sid          string
	Effect       string
	Principal    principals
	NotPrincipal principals
	Action       values
	NotAction    values
	Resource     values
	NotResource  values
	Condition    map[string]map[string]values
}

// statements is a list of statements, or one alone.
type statements []statement

// values is a list of strings, or one alone; numbers and booleans are taken as they are written.
type values []string

// principals are the principals by type. "*" alone is {"*": ["*"]}.
type principals map[string]values

// UnmarshalJSON implements json.Unmarshaler.
func (s *statements) UnmarshalJSON(b []byte) error {
	if b[0] != '[' {
		b = append(append([]byte{'['}, b...), ']')
	}
	var list []statement
	if err := strict(b, &list); err != nil {
		return err
	}
	*s = list
	return nil
}

// UnmarshalJSON implements json.Unmarshaler.
func (v *values) UnmarshalJSON(b []byte) error {
	if b[0] != '[' {
		b = append(append([]byte{'['}, b...), ']')
	}
	var items []json.RawMessage
	if err := json.Unmarshal(b, &items); err != nil {
		return err
	}
	*v = make(values, 0, len(items))
	for _, item := range items {
		var text string
		switch c := item[0]; {
		case c == '"':
			if err := json.Unmarshal(item, &text); err != nil {
				return err
			}
		case c == '{' || c == '[' || c == 'n':
			return fmt.Errorf("%s is no string", item)
		default:
			text = string(item)
		}
		*v = append(*v, text)
	}
	return nil
}

// UnmarshalJSON implements json.Unmarshaler.
func (p *principals) UnmarshalJSON(b []byte) error {
	if b[0] == '"' {
		if string(b) != `"*"` {
			return errors.New("the only principal without a type is *")
		}
		*p = principals{"*": {"*"}}
		return nil
	}
	var byType map[string]values
	if err := json.Unmarshal(b, &byType); err != nil {
		return err
	}
	*p = byType
	return nil
}

func strict(b []byte, into any) error {
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	return d.Decode(into)
}

func malformed(format string, args ...any) error {
	return wire.Errorf(http.StatusBadRequest, "MalformedPolicyDocument", format, args...)
}

// parseDocument reads a policy document. Its errors are IAM's.
func parseDocument(text string) (document, error) {
	if !json.Valid([]byte(text)) {
		return document{}, malformed("This policy contains invalid Json")
	}
	var d document
	if err := strict([]byte(text), &d); err != nil {
		return document{}, malformed("Syntax errors in policy.")
	}
	switch d.Version {
	case "", "2008-10-17", "2012-10-17":
	default:
		return document{}, malformed("Syntax errors in policy.")
	}
	if len(d.Statement) == 0 {
		return document{}, malformed("Syntax errors in policy.")
	}
	for _, st := range d.Statement {
		if err := st.check(); err != nil {
			return document{}, err
		}
	}
	return d, nil
}

// documents are those that were read before, which nobody changes: each call of a session asks the same ones.
type documents struct {
	mu     sync.Mutex
	byText map[string]document
}

// keptDocuments bounds how many are kept: more than a project has, and a few megabytes.
const keptDocuments = 1000

// parse reads a policy document as parseDocument does.
func (d *documents) parse(text string) (document, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if known, found := d.byText[text]; found {
		return known, nil
	}
	parsed, err := parseDocument(text)
	if err != nil {
		return document{}, err
	}
	if d.byText == nil || len(d.byText) >= keptDocuments {
		d.byText = map[string]document{}
	}
	d.byText[text] = parsed
	return parsed, nil
}

// check is what holds for the statements of all policies.
func (st statement) check() error {
	if st.Effect != "Allow" && st.Effect != "Deny" {
		return malformed("Syntax errors in policy.")
	}
	both := (st.Action != nil && st.NotAction != nil) ||
		(st.Resource != nil && st.NotResource != nil) || (st.Principal != nil && st.NotPrincipal != nil)
	if both {
		return malformed("Syntax errors in policy.")
	}
	if len(st.Action)+len(st.NotAction) == 0 {
		return malformed("Policy statement must contain actions.")
	}
	for _, action := range append(append(values{}, st.Action...), st.NotAction...) {
		if action != "*" && !actionPattern().MatchString(action) {
			return malformed("Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.")
		}
	}
	for operator := range st.Condition {
		if _, err := parseOperator(operator); err != nil {
			return malformed("Invalid Condition type : %s", operator)
		}
	}
	return nil
}

var (
	actionPattern   = wire.Pattern(`^[A-Za-z0-9-]+:[A-Za-z0-9*?]+$`)
	servicePattern  = wire.Pattern(`^[a-z0-9-]+(\.[a-z0-9-]+)*\.amazonaws\.com(\.cn)?$`)
	accountPattern  = wire.Pattern(`^\d{12}$`)
	awsARNPattern   = wire.Pattern(`^arn:aws[a-z-]*:(iam|sts)::\d{12}:(root|(user|role|assumed-role|federated-user)/.+)$`)
	resourcePattern = wire.Pattern(`^arn:[^:]*:[^:]*:[^:]*:[^:]*:.`)
)

// checkIdentityPolicy checks a policy that is attached to a role.
func checkIdentityPolicy(text string) error {
	d, err := parseDocument(text)
	if err != nil {
		return err
	}
	for _, st := range d.Statement {
		if st.Principal != nil || st.NotPrincipal != nil {
			return malformed("Policy document should not specify a principal.")
		}
		resources := append(append(values{}, st.Resource...), st.NotResource...)
		if len(resources) == 0 {
			return malformed("Policy statement must contain resources.")
		}
		for _, resource := range resources {
			if resource != "*" && !resourcePattern().MatchString(resource) {
				return malformed(`Resource %s must be in ARN format or "*".`, resource)
			}
		}
	}
	return nil
}

// checkTrust checks a policy that says who may assume a role.
func checkTrust(text string) error {
	d, err := parseDocument(text)
	if err != nil {
		return err
	}
	for _, st := range d.Statement {
		if st.Resource != nil || st.NotResource != nil {
			return malformed("Has prohibited field Resource")
		}
		if len(st.Principal)+len(st.NotPrincipal) == 0 {
			return malformed("Missing required field Principal")
		}
		for _, action := range append(append(values{}, st.Action...), st.NotAction...) {
			if !strings.HasPrefix(strings.ToLower(action), "sts:") {
				return malformed("AssumeRole policy may only specify STS AssumeRole actions.")
			}
		}
		if err := checkPrincipals(st.Principal); err != nil {
			return err
		}
	}
	return nil
}

func checkPrincipals(p principals) error {
	for kind, names := range p {
		for _, name := range names {
			switch kind {
			case "*", "Federated", "CanonicalUser":
				continue
			case "Service":
				if !servicePattern().MatchString(name) {
					return malformed(`Invalid principal in policy: "SERVICE":"%s"`, name)
				}
			case "AWS":
				if name != "*" && !accountPattern().MatchString(name) && !awsARNPattern().MatchString(name) {
					return malformed(`Invalid principal in policy: "AWS":"%s"`, name)
				}
			default:
				return malformed("Syntax errors in policy.")
			}
		}
	}
	return nil
}

// sizeWithoutSpace is the size of a document as IAM counts it against its quotas.
func sizeWithoutSpace(text string) int {
	n := 0
	for _, c := range text {
		if !unicode.IsSpace(c) {
			n += len(string(c))
		}
	}
	return n
}
