package planner

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"sort"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// Policy is an IAM policy document in canonical form: wherever IAM takes a string or a list there is
// a sorted list, so that two documents that mean the same compare equal.
type Policy struct {
	Version    string      `json:"Version,omitempty"`
	Statements []Statement `json:"Statement,omitempty"`
}

// Statement is one statement of a Policy. The order of statements means nothing to IAM; ParsePolicy
// keeps it, the comparison is by Canonical.
type Statement struct {
	Sid          string      `json:"Sid,omitempty"`
	Effect       string      `json:"Effect"`
	Principal    StringLists `json:"Principal,omitempty"` // by type: Service, AWS, …; "*" alone is {"AWS": ["*"]}
	NotPrincipal StringLists `json:"NotPrincipal,omitempty"`
	Action       StringList  `json:"Action,omitempty"`
	NotAction    StringList  `json:"NotAction,omitempty"`
	Resource     StringList  `json:"Resource,omitempty"`
	NotResource  StringList  `json:"NotResource,omitempty"`
	Condition    Conditions  `json:"Condition,omitempty"`
}

// Conditions are the condition block: operator → key → values.
type Conditions map[string]StringLists

// StringList is a list of strings that may be written as one string in JSON.
type StringList []string

// StringLists is a map of StringList; a bare "*" reads as {"AWS": ["*"]}.
type StringLists map[string]StringList

// UnmarshalJSON reads one string or boolean or number, or a list of them, sorted.
func (l *StringList) UnmarshalJSON(b []byte) error {
	var one any
	if err := json.Unmarshal(b, &one); err != nil {
		return err
	}
	items, isList := one.([]any)
	if !isList {
		items = []any{one}
	}
	out := make(StringList, 0, len(items))
	for _, item := range items {
		switch v := item.(type) {
		case string, bool, float64:
			out = append(out, fmt.Sprint(v))
		default:
			return fmt.Errorf("policy document: %s is neither a string nor a list of strings", b)
		}
	}
	sort.Strings(out)
	*l = slices.Compact(out)
	return nil
}

// UnmarshalJSON reads a map of lists, or a bare string.
func (m *StringLists) UnmarshalJSON(b []byte) error {
	var bare string
	if json.Unmarshal(b, &bare) == nil {
		*m = StringLists{"AWS": {bare}}
		return nil
	}
	type plain map[string]StringList
	return json.Unmarshal(b, (*plain)(m))
}

// ParsePolicy reads a policy document in any of the forms that IAM accepts.
func ParsePolicy(document []byte) (Policy, error) {
	var raw struct {
		Version   string
		Statement json.RawMessage
	}
	if err := json.Unmarshal(document, &raw); err != nil {
		return Policy{}, fmt.Errorf("parse policy document: %w", err)
	}
	p := Policy{Version: raw.Version}
	if len(raw.Statement) == 0 {
		return p, nil
	}
	if raw.Statement[0] != '[' {
		raw.Statement = append(append([]byte{'['}, raw.Statement...), ']')
	}
	if err := json.Unmarshal(raw.Statement, &p.Statements); err != nil {
		return Policy{}, fmt.Errorf("parse policy document: %w", err)
	}
	return p.Canonical(), nil
}

// Canonical returns the policy with every list sorted and the statements in a fixed order.
func (p Policy) Canonical() Policy {
	out := Policy{Version: p.Version, Statements: slices.Clone(p.Statements)}
	for i, s := range out.Statements {
		s.Action, s.NotAction = sortedList(s.Action), sortedList(s.NotAction)
		s.Resource, s.NotResource = sortedList(s.Resource), sortedList(s.NotResource)
		out.Statements[i] = s
	}
	slices.SortStableFunc(out.Statements, func(a, b Statement) int {
		return cmp.Or(cmp.Compare(a.Sid, b.Sid), cmp.Compare(a.Effect, b.Effect),
			slices.Compare(a.Action, b.Action), slices.Compare(a.Resource, b.Resource))
	})
	return out
}

// IsZero says that there is no policy at all.
func (p Policy) IsZero() bool { return p.Version == "" && len(p.Statements) == 0 }

// JSON is the document as it is sent to AWS, in ASCII: IAM takes no characters beyond Latin-1 in a document
// (IAM API reference, PutRolePolicy), and escaped ones mean the same.
func (p Policy) JSON() string {
	b, err := json.Marshal(p)
	if err != nil {
		// Only strings, and lists and maps of them: there is nothing that cannot be written.
		panic("planner: policy cannot be written as JSON: " + err.Error())
	}
	return ascii(string(b))
}

// ascii escapes what is not ASCII in JSON, where it can only be in strings.
func ascii(document string) string {
	if strings.IndexFunc(document, func(r rune) bool { return r >= utf8.RuneSelf }) < 0 {
		return document
	}
	var b strings.Builder
	for _, r := range document {
		switch high, low := utf16.EncodeRune(r); {
		case r < utf8.RuneSelf:
			b.WriteRune(r)
		case high == utf8.RuneError:
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			fmt.Fprintf(&b, `\u%04x\u%04x`, high, low)
		}
	}
	return b.String()
}

func sortedList(l StringList) StringList {
	if l == nil {
		return nil
	}
	l = slices.Clone(l)
	sort.Strings(l)
	return slices.Compact(l)
}
