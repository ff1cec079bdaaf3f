package spec

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/scar-go/scar/schemas"
)

// grammar is the JSON Schema of the native format twice: compiled, to find what is wrong, and as a tree
// of rules, to say in our words what is wanted instead.
type grammar struct {
	root     *rule
	compiled *jsonschema.Schema
}

// rule is what the schema says of one value.
type rule struct {
	ID           string           `json:"$id"`
	Ref          string           `json:"$ref"`
	Types        names            `json:"type"`
	Description  string           `json:"description"`
	Default      any              `json:"default"`
	Required     []string         `json:"required"`
	Unit         string           `json:"x-unit"` // MB or s
	Minimum      *json.Number     `json:"minimum"`
	Maximum      *json.Number     `json:"maximum"`
	MaxLength    int              `json:"maxLength"`
	MaxItems     int              `json:"maxItems"`
	Pattern      string           `json:"pattern"`
	PatternWords string           `json:"patternErrorMessage"`
	Enum         []any            `json:"enum"`
	Examples     []any            `json:"examples"`
	Properties   keys             `json:"properties"`
	Patterns     keys             `json:"patternProperties"`
	Others       *others          `json:"additionalProperties"`
	Names        *rule            `json:"propertyNames"`
	Items        *rule            `json:"items"`
	Definitions  map[string]*rule `json:"definitions"`

	matches func() *regexp.Regexp // Pattern, compiled once for all values that the rule is for
}

// keys are rules by the names of keys, in the order of the schema.
type keys []key

type key struct {
	name string
	rule *rule
}

// UnmarshalJSON implements json.Unmarshaler. It reads one key after the other, since a map would lose their order.
func (k *keys) UnmarshalJSON(b []byte) error {
	decoder := json.NewDecoder(bytes.NewReader(b))
	if _, err := decoder.Token(); err != nil {
		return err
	}
	for decoder.More() {
		name, err := decoder.Token()
		if err != nil {
			return err
		}
		known := key{name: fmt.Sprint(name), rule: &rule{}}
		if err := decoder.Decode(known.rule); err != nil {
			return err
		}
		*k = append(*k, known)
	}
	return nil
}

// get is the rule of a key; nil where there is none.
func (k keys) get(name string) *rule {
	for _, known := range k {
		if known.name == name {
			return known.rule
		}
	}
	return nil
}

// sorted are the names of the keys, in the order of the alphabet.
func (k keys) sorted() []string {
	names := make([]string, len(k))
	for i, known := range k {
		names[i] = known.name
	}
	slices.Sort(names)
	return names
}

// names is a keyword that holds one name or several.
type names []string

// UnmarshalJSON implements json.Unmarshaler.
func (n *names) UnmarshalJSON(b []byte) error {
	if len(b) > 0 && b[0] == '"' {
		*n = make(names, 1)
		return json.Unmarshal(b, &(*n)[0])
	}
	return json.Unmarshal(b, (*[]string)(n))
}

// others is what additionalProperties says: a rule for them, or that there may be none.
type others struct{ rule *rule }

// UnmarshalJSON implements json.Unmarshaler.
func (o *others) UnmarshalJSON(b []byte) error {
	if string(b) == "false" {
		return nil
	}
	o.rule = &rule{}
	return json.Unmarshal(b, o.rule)
}

// newGrammar reads the schema. It can fail only if the schema is damaged.
func newGrammar() (*grammar, error) {
	text := schemas.Native()
	var root rule
	if err := json.Unmarshal(text, &root); err != nil {
		return nil, fmt.Errorf("read the schema of func.yaml: %w", err)
	}
	if err := root.link(root.Definitions); err != nil {
		return nil, fmt.Errorf("read the schema of func.yaml: %w", err)
	}
	compiled, err := compile(root.ID, text)
	if err != nil {
		return nil, fmt.Errorf("compile the schema of func.yaml: %w", err)
	}
	return &grammar{root: &root, compiled: compiled}, nil
}

// compile makes a validator of a schema, which is known by its id. The schema has to be whole: nothing is read from
// files or from the network, whatever it refers to.
func compile(id string, text []byte) (*jsonschema.Schema, error) {
	schema, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		return nil, err
	}
	compiler := jsonschema.NewCompiler()
	compiler.DefaultDraft(jsonschema.Draft7)
	compiler.UseLoader(jsonschema.SchemeURLLoader{}) // of no scheme
	compiler.UseRegexpEngine(expressions())
	if err := compiler.AddResource(id, schema); err != nil {
		return nil, err
	}
	return compiler.Compile(id)
}

// expressions compiles each regular expression once. The validator asks for every one twice, to check the schema and to
// use it, and several keys share theirs.
func expressions() jsonschema.RegexpEngine {
	known := map[string]*regexp.Regexp{}
	return func(text string) (jsonschema.Regexp, error) {
		if expression := known[text]; expression != nil {
			return expression, nil
		}
		expression, err := regexp.Compile(text)
		if err != nil {
			return nil, err // no nil expression: it would be one that is not nil as an interface
		}
		known[text] = expression
		return expression, nil
	}
}

// link replaces references by what they refer to. The description, default and examples beside a reference are kept,
// being the better ones.
func (r *rule) link(definitions map[string]*rule) error {
	if r.Ref != "" {
		target := definitions[strings.TrimPrefix(r.Ref, "#/definitions/")]
		if target == nil {
			return fmt.Errorf("reference %s leads nowhere", r.Ref)
		}
		beside := *r
		*r = *target
		if beside.Examples != nil {
			r.Examples = beside.Examples
		}
		if beside.Default != nil {
			r.Default = beside.Default
		}
		if beside.Description != "" {
			r.Description = beside.Description
		}
		if r.Ref != "" {
			return r.link(definitions)
		}
	}
	if r.matches == nil {
		r.matches = pattern(r.Pattern)
	}
	children := make([]*rule, 0, len(r.Properties)+len(r.Patterns)+3)
	for _, child := range r.Properties {
		children = append(children, child.rule)
	}
	for _, child := range r.Patterns {
		children = append(children, child.rule)
	}
	if r.Others != nil {
		children = append(children, r.Others.rule)
	}
	for _, child := range append(children, r.Names, r.Items) {
		if child == nil {
			continue
		}
		if err := child.link(definitions); err != nil {
			return err
		}
	}
	return nil
}

// key is the rule for the value of a key; nil where the key is unknown.
func (r *rule) key(name string) *rule {
	r = r.one()
	if r == nil {
		return nil
	}
	if known := r.Properties.get(name); known != nil {
		return known
	}
	for _, known := range r.Patterns { // no name matches two of them
		if found, err := regexp.MatchString(known.name, name); err == nil && found {
			return known.rule
		}
	}
	if r.Others != nil {
		return r.Others.rule
	}
	return nil
}

// item is the rule for an item of a list.
func (r *rule) item() *rule {
	if r == nil {
		return nil
	}
	return r.Items
}

// one is the rule for a mapping: the item's where one item may stand for a list of one.
func (r *rule) one() *rule {
	if r != nil && r.Properties == nil && r.Others == nil && r.Items != nil {
		return r.Items
	}
	return r
}

// asWritten says that a scalar is taken as it is written, whatever YAML makes of it.
func (r *rule) asWritten() bool {
	return r != nil && len(r.Types) == 3 && r.Types[0] == "string" && r.Types[1] == "number" && r.Types[2] == "boolean"
}
