package spec

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"github.com/xeipuuv/gojsonschema"
)

// validate checks a tree against the schema and reports what does not fit. Nodes about which something
// has been reported before are left alone.
func (g *grammar) validate(root *node, r *report) error {
	result, err := g.compiled.Validate(gojsonschema.NewRawLoader(instance(root, g.root)))
	if err != nil {
		return fmt.Errorf("validate against the schema: %w", err)
	}
	for _, problem := range result.Errors() {
		at, rule := g.locate(root, problem.Context())
		r.explain(at, rule, problem)
	}
	return nil
}

// contextSeparator separates the keys of a path of the validator. No key holds it: the tree has none
// with control characters.
const contextSeparator = "\x00"

// locate finds the node that the validator speaks of, and what the schema says of it. The validator
// names the way to it from the root.
func (g *grammar) locate(root *node, context *gojsonschema.JsonContext) (*node, *rule) {
	at, rule := root, g.root
	for _, step := range strings.Split(context.String(contextSeparator), contextSeparator)[1:] {
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
