package spec

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
)

// Reference is every key of func.yaml in Markdown, in the order of the schema: what it is for, its type, default, range
// and examples. The error is that the schema is damaged.
func Reference() ([]byte, error) {
	g, err := newGrammar()
	if err != nil {
		return nil, err
	}
	p := &page{}
	p.line("<!-- Made from schemas/scar.schema.json, which is what to change. -->")
	p.line("# func.yaml")
	p.line("%s", prose(g.root.Description))
	p.line("## The file")
	for _, known := range g.root.Properties {
		p.key("", known, g.root)
	}
	p.line("## A function")
	p.line("These stand below the name of a function in `functions`, or in `defaults` for all of them.")
	function := g.root.key("functions").Others.rule
	for _, known := range function.Properties {
		p.key("", known, function)
		p.below(known.name, known.rule)
	}
	p.line("## A provider of storage")
	p.line("These stand below the name of a provider in `storage`.")
	for _, provider := range g.root.key("storage").Patterns {
		kind := strings.Trim(provider.name, `^\.`)
		p.line("### `%s.NAME`", kind)
		p.line("%s", prose(provider.rule.Description))
		p.below(kind+".NAME", provider.rule)
	}
	return p.Bytes(), nil
}

// page is a text that is being written.
type page struct{ bytes.Buffer }

// line writes a paragraph.
func (p *page) line(format string, args ...any) {
	if p.Len() > 0 {
		p.WriteByte('\n')
	}
	fmt.Fprintf(p, format+"\n", args...)
}

// below writes the keys of a block, those of what stands in a list among them.
func (p *page) below(path string, block *rule) {
	if block.Items != nil && block.Properties == nil {
		path, block = path+"[]", block.Items
	}
	for _, known := range block.Properties {
		p.key(path+".", known, block)
		p.below(path+"."+known.name, known.rule)
	}
}

// key writes what there is to say of a key.
func (p *page) key(path string, k key, parent *rule) {
	p.line("%s `%s%s`", strings.Repeat("#", min(3+strings.Count(path, "."), 5)), path, k.name)
	p.line("%s", prose(k.rule.Description))
	facts := k.rule.facts()
	if slices.Contains(parent.Required, k.name) {
		facts = append(facts, "Required")
	}
	if k.rule.Default != nil {
		facts = append(facts, "Default: "+code(flow(k.rule.Default)))
	}
	for i, example := range k.rule.Examples {
		if text := code(k.name + ": " + flow(example)); i == 0 {
			facts = append(facts, "Example: "+text)
		} else {
			facts[len(facts)-1] += ", " + text
		}
	}
	p.line("- %s", strings.Join(facts, "\n- "))
}

// facts are what a rule says of a value.
func (r *rule) facts() []string {
	facts := []string{"Type: " + r.typeWords()}
	say := func(format string, args ...any) { facts = append(facts, fmt.Sprintf(format, args...)) }
	one := r.one() // what holds for each item of a list
	if r.Unit != "" {
		say("Unit: %s", r.Unit)
	}
	if r.Minimum != nil && r.Maximum != nil {
		say("Range: %s", strings.TrimSpace(fmt.Sprint(*r.Minimum, " to ", *r.Maximum, " ", r.Unit)))
	}
	if len(one.Enum) > 0 {
		words := make([]string, len(one.Enum))
		for i, choice := range one.Enum {
			words[i] = code(flow(choice))
		}
		say("One of: %s", strings.Join(words, ", "))
	}
	if one.PatternWords != "" {
		say("Form: %s", prose(strings.TrimPrefix(one.PatternWords, "wants ")))
	}
	if one.MaxLength > 0 {
		say("Length: at most %d characters", one.MaxLength)
	}
	if r.MaxItems > 0 {
		say("Items: at most %d", r.MaxItems)
	}
	if r.Names != nil && r.Names.PatternWords != "" {
		say("Names: %s", prose(r.Names.PatternWords))
	}
	return facts
}

// typeWords are the types of a value in words.
func (r *rule) typeWords() string {
	words := map[string]string{
		"object": "mapping", "array": "list", "string": "text", "boolean": "true or false", "integer": "whole number", "number": "number",
	}
	if r.asWritten() {
		return "text, taken as it is written"
	}
	var kinds []string
	for _, t := range r.Types {
		switch {
		case t == "array" && r.Items != nil:
			kinds = append(kinds, "list, of "+r.Items.typeWords())
		case t == "object" && r.Others != nil && r.Others.rule != nil:
			kinds = append(kinds, "mapping of names")
		default:
			kinds = append(kinds, words[t])
		}
	}
	return strings.Join(kinds, "; or ")
}

// prose is a text of the schema that Markdown leaves as it is.
func prose(text string) string {
	return strings.NewReplacer("*", `\*`, "<", "&lt;", "`", "\\`", "[", `\[`).Replace(text)
}

// code is a text as code in a line.
func code(text string) string {
	if strings.Contains(text, "`") {
		return "`` " + text + " ``"
	}
	return "`" + text + "`"
}
