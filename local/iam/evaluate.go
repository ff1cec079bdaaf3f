package iam

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/scar-go/scar/local/wire"
)

// Allowed says whether a caller may take an action, such as s3:GetObject, on a resource, an ARN.
// Conditions holds the values of condition keys, such as s3:prefix. The administrator may do
// everything, the session of a role what the role's policies say now, and all others nothing. With an
// error the answer is no.
func (s *Service) Allowed(ctx context.Context, id wire.Identity, action, resource string, conditions map[string][]string) (bool, error) {
	if id.Admin() {
		return true, nil
	}
	_, documents, found, err := s.limits(ctx, id)
	if err != nil || !found {
		return false, err
	}
	return evaluate(documents, newRequest(action, resource, conditions).by(id))
}

// limits are the role of a session and the policies that limit it now, if the caller is one and the role is there.
func (s *Service) limits(ctx context.Context, id wire.Identity) (r role, documents []document, found bool, err error) {
	if id.Role == "" {
		return r, nil, false, nil
	}
	if r, found, err = s.current(ctx, id.Role); err != nil || !found {
		return r, nil, false, err
	}
	documents, err = s.documentsOf(r)
	return r, documents, err == nil, err
}

// documentsOf are the policies that limit a role's sessions.
func (s *Service) documentsOf(r role) ([]document, error) {
	var out []document
	for name, text := range r.Inline {
		d, err := s.read.parse(text)
		if err != nil {
			return nil, fmt.Errorf("policy %q of role %q: %w", name, r.Name, err)
		}
		out = append(out, d)
	}
	for _, arn := range r.Attached {
		d, err := s.read.parse(managedPolicies[arn])
		if err != nil {
			return nil, fmt.Errorf("managed policy %q: %w", arn, err)
		}
		out = append(out, d)
	}
	return out, nil
}

// request is what is asked of policies.
type request struct {
	action     string
	resource   string
	conditions map[string][]string // by lower-case key
}

func newRequest(action, resource string, conditions map[string][]string) request {
	r := request{action, resource, make(map[string][]string, len(conditions))}
	for key, values := range conditions {
		r.conditions[strings.ToLower(key)] = values
	}
	return r
}

// by adds what is known of the caller: the function whose code calls (Lambda developer guide, "Using source function ARN to
// control function access behavior").
func (r request) by(id wire.Identity) request {
	if id.Function != "" {
		r.conditions["lambda:sourcefunctionarn"] = []string{id.Function}
	}
	return r
}

// evaluate says whether the documents allow the request: one statement does, and none denies it.
func evaluate(documents []document, r request) (bool, error) {
	d, err := decide(documents, r, anybody)
	return d == allowed, err
}

// decision is what policies say of a request.
type decision int

const (
	silent  decision = iota // no statement applies
	allowed                 // one allows it, and none denies it
	denied
)

// anybody is the principal of policies that name none, since they belong to somebody.
func anybody(statement) bool { return true }

// decide looks at the statements whose principal matches.
func decide(documents []document, r request, principal func(statement) bool) (decision, error) {
	out := silent
	for _, d := range documents {
		for _, st := range d.Statement {
			if !principal(st) {
				continue
			}
			applies, err := st.applies(r)
			if err != nil {
				return denied, err
			}
			if !applies {
				continue
			}
			if st.Effect == "Deny" {
				return denied, nil
			}
			out = allowed
		}
	}
	return out, nil
}

func (st statement) applies(r request) (bool, error) {
	if !st.matchesAction(r.action) || !st.matchesResource(r.resource) {
		return false, nil
	}
	return conditionsHold(st.Condition, r.conditions)
}

func (st statement) matchesAction(action string) bool {
	matches := func(pattern string) bool { return wildcard(strings.ToLower(pattern), strings.ToLower(action)) }
	if st.NotAction != nil {
		return !slices.ContainsFunc(st.NotAction, matches)
	}
	return slices.ContainsFunc(st.Action, matches)
}

func (st statement) matchesResource(resource string) bool {
	matches := func(pattern string) bool { return wildcard(pattern, resource) }
	if st.NotResource != nil {
		return !slices.ContainsFunc(st.NotResource, matches)
	}
	return slices.ContainsFunc(st.Resource, matches)
}

// What the wildcards of a pattern become in parsePattern; runes of texts are never negative.
const (
	anyText rune = -1 // *
	anyRune rune = -2 // ?
)

// parsePattern reads a pattern in which * stands for any characters and ? for one; ${*}, ${?} and ${$} stand
// for *, ? and $ themselves (IAM user guide, "IAM policy elements: Variables and tags"). Other variables are
// not served, and match nothing but their own text.
func parsePattern(text string) []rune {
	runes := []rune(text)
	pattern := make([]rune, 0, len(runes))
	for i := 0; i < len(runes); i++ {
		switch rest := runes[i:]; {
		case rest[0] == '*':
			pattern = append(pattern, anyText)
		case rest[0] == '?':
			pattern = append(pattern, anyRune)
		case len(rest) >= 4 && rest[0] == '$' && rest[1] == '{' && strings.ContainsRune("*?$", rest[2]) && rest[3] == '}':
			pattern = append(pattern, rest[2])
			i += 3
		default:
			pattern = append(pattern, rest[0])
		}
	}
	return pattern
}

// wildcard matches text against a pattern as parsePattern reads it.
func wildcard(pattern, text string) bool {
	want, have := parsePattern(pattern), []rune(text)
	// After a mismatch the last star takes one character more; earlier stars need no second look.
	star, resume := -1, 0
	p, t := 0, 0
	for t < len(have) {
		switch {
		case p < len(want) && want[p] == anyText:
			star, resume = p, t
			p++
		case p < len(want) && (want[p] == anyRune || want[p] == have[t]):
			p, t = p+1, t+1
		case star >= 0:
			resume++
			p, t = star+1, resume
		default:
			return false
		}
	}
	for p < len(want) && want[p] == anyText {
		p++
	}
	return p == len(want)
}

// trusts says whether a trust policy lets a caller assume its role. Names are how policies may name
// the caller, by type of principal.
func (d document) trusts(names map[string][]string, action string, conditions map[string][]string) (bool, error) {
	r := newRequest(action, "", conditions)
	trusted := false
	for _, st := range d.Statement {
		if !st.matchesAction(r.action) || !st.matchesPrincipal(names) {
			continue
		}
		holds, err := conditionsHold(st.Condition, r.conditions)
		if err != nil {
			return false, err
		}
		if !holds {
			continue
		}
		if st.Effect == "Deny" {
			return false, nil
		}
		trusted = true
	}
	return trusted, nil
}

func (st statement) matchesPrincipal(names map[string][]string) bool {
	if st.NotPrincipal != nil {
		return !st.NotPrincipal.include(names)
	}
	return st.Principal.include(names)
}

func (p principals) include(names map[string][]string) bool {
	if _, everybody := p["*"]; everybody {
		return true
	}
	for kind, list := range names {
		for _, name := range p[kind] {
			if slices.Contains(list, name) || kind == "AWS" && name == "*" {
				return true
			}
		}
	}
	return false
}
