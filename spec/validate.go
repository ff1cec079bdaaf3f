package spec

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
	keyword "github.com/santhosh-tekuri/jsonschema/v6/kind"
)

// validate checks a tree against the schema and reports what does not fit. Nodes about which something
// has been reported before are left alone.
func (g *grammar) validate(root *node, r *report) error {
	err := g.compiled.Validate(instance(root, g.root))
	if err == nil {
		return nil
	}
	var invalid *jsonschema.ValidationError
	if !errors.As(err, &invalid) {
		return fmt.Errorf("validate against the schema: %w", err)
	}
	problems := single(invalid)
	for _, problem := range problems {
		at, rule := g.locate(root, problem.InstanceLocation)
		r.explain(at, rule, problem.ErrorKind)
	}
	if slices.ContainsFunc(problems, isAboutName) {
		r.badNames(root, g.root)
	}
	return nil
}

// single are the problems that the validator's error consists of, those of a value before those of what is in it. The
// validator has no order of its own, as it goes through mappings as Go does.
func single(invalid *jsonschema.ValidationError) []*jsonschema.ValidationError {
	var problems []*jsonschema.ValidationError
	var collect func(e *jsonschema.ValidationError)
	collect = func(e *jsonschema.ValidationError) {
		if isAboutName(e) || len(e.Causes) == 0 { // what is wrong with a name is in the rule for names
			problems = append(problems, e)
			return
		}
		for _, cause := range e.Causes {
			collect(cause)
		}
	}
	collect(invalid)
	slices.SortStableFunc(problems, func(a, b *jsonschema.ValidationError) int {
		return slices.Compare(a.InstanceLocation, b.InstanceLocation)
	})
	return problems
}

func isAboutName(e *jsonschema.ValidationError) bool {
	_, is := e.ErrorKind.(*keyword.PropertyNames)
	return is
}

// badNames reports the names of keys that their mappings do not allow. That there are such names the validator
// says reliably, but not where: it goes on using the memory of the place that it names.
func (r *report) badNames(n *node, want *rule) {
	if names := want.one(); names != nil && names.Names != nil {
		for _, f := range n.fields {
			r.badName(f.name, f.value, names.Names)
		}
	}
	for _, f := range n.fields {
		r.badNames(f.value, want.key(f.name))
	}
	for _, item := range n.items {
		r.badNames(item, want.item())
	}
}

// locate finds the node that the validator speaks of, and what the schema says of it. The validator
// names the way to it from the root.
func (g *grammar) locate(root *node, way []string) (*node, *rule) {
	at, rule := root, g.root
	for _, step := range way {
		var next *node
		switch at.kind {
		case mapping:
			next, rule = at.get(step), rule.key(step)
		case list:
			next, rule = at.item(step), rule.item()
		}
		if next == nil {
			break
		}
		at = next
	}
	return at, rule
}

// item is the item with a number written in decimal.
func (n *node) item(number string) *node {
	i, err := strconv.Atoi(number)
	if err != nil || i < 0 || i >= len(n.items) {
		return nil
	}
	return n.items[i]
}

// instance is a tree as the validator wants it. Quantities are in their unit, so that the schema's
// bounds apply however they are written.
func instance(n *node, r *rule) any {
	switch n.kind {
	case mapping:
		m := make(map[string]any, len(n.fields))
		for _, f := range n.fields {
			m[f.name] = instance(f.value, r.key(f.name))
		}
		return m
	case list:
		l := make([]any, len(n.items))
		for i, item := range n.items {
			l[i] = instance(item, r.item())
		}
		return l
	case scalar:
		return scalarInstance(n, r)
	default:
		return nil
	}
}

// number are the numbers that are numbers to the validator. Other ways of YAML to write one, such as
// 0x10, 010, 1_000 and 1e3, surprise more people than they help, and huge ones cost time.
var number = pattern(`^-?(0|[1-9][0-9]{0,15})(\.[0-9]{1,15})?$`)

func scalarInstance(n *node, r *rule) any {
	switch {
	case r.asWritten():
		return n.text
	case r != nil && r.Unit != "":
		if value, ok := quantity(n.text, r.Unit); ok {
			return json.Number(strconv.Itoa(value))
		}
	}
	switch {
	case n.tag == "!!bool":
		return strings.EqualFold(n.text, "true")
	case (n.tag == "!!int" || n.tag == "!!float") && number().MatchString(n.text):
		return json.Number(n.text)
	default:
		return n.text
	}
}
