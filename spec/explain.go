package spec

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/santhosh-tekuri/jsonschema/v6"
	keyword "github.com/santhosh-tekuri/jsonschema/v6/kind"
)

// explain reports a problem that the validator found, in our words.
func (r *report) explain(n *node, want *rule, problem jsonschema.ErrorKind) {
	switch found := problem.(type) {
	case *keyword.AdditionalProperties:
		for _, name := range found.Properties {
			r.unknownKey(n, want, name)
		}
	case *keyword.Required:
		for _, name := range found.Missing {
			r.missing(n, name, "is missing; add %s", keyExample(name, want.key(name)))
		}
	case *keyword.PropertyNames: // reported by badNames
	default:
		r.explainValue(n, want, problem)
	}
}

// explainValue reports that a value is wrong in itself.
func (r *report) explainValue(n *node, want *rule, problem jsonschema.ErrorKind) {
	if n.bad {
		return
	}
	if n.private && n.kind == scalar {
		if want != nil && !slices.Contains(want.Types, "string") {
			r.at(n, "%s", wants(want))
		}
		return // the code that reads where a secret is kept says what is wrong with that, and does not show it
	}
	if _, ofType := problem.(*keyword.Type); n.kind == scalar && !ofType {
		want = want.one()
	}
	if want == nil {
		want = &rule{}
	}
	switch problem.(type) {
	case *keyword.Type:
		r.at(n, "%s", wrongType(n, want))
	case *keyword.Minimum:
		r.at(n, "%s is below the minimum of %s", shorten(n.text), want.measure(want.Minimum))
	case *keyword.Maximum:
		r.at(n, "%s is above the maximum of %s", shorten(n.text), want.measure(want.Maximum))
	case *keyword.Pattern:
		r.wrongPattern(n, want)
	case *keyword.Enum:
		r.at(n, "%s", wrongChoice(n, want))
	case *keyword.MinLength:
		r.at(n, "is empty; it %s", wants(want))
	case *keyword.MaxLength:
		r.at(n, "has %d characters, %d are allowed", utf8.RuneCountInString(n.text), want.MaxLength)
	case *keyword.MinItems:
		r.at(n, "is an empty list; it %s", wants(want))
	case *keyword.MaxItems:
		r.at(n, "has %d items, %d are allowed", len(n.items), want.MaxItems)
	default: // a keyword that the schema does not use
		r.at(n, "does not fit %s of the schema", strings.Join(problem.KeywordPath(), " "))
	}
}

// measure is a bound of a rule with its unit.
func (r *rule) measure(bound *json.Number) string {
	if bound == nil {
		return ""
	}
	return strings.TrimSpace(fmt.Sprint(*bound, " ", r.Unit))
}

// wrongPattern reports a text that does not match its pattern. Places and endpoints are reported by the code that
// reads them, which has more to say.
func (r *report) wrongPattern(n *node, want *rule) {
	switch {
	case strings.Contains(want.PatternWords, "such as s3://"), strings.Contains(want.PatternWords, "a URL such as"):
	case strings.HasPrefix(want.PatternWords, "wants a service") && n.text == "*":
		r.at(n, `"*" would allow everything; name the actions, such as dynamodb:PutItem`)
	default:
		r.at(n, "%s, not %s", want.PatternWords, n.shown())
	}
}

// badName reports the name of a key, if the rule for names does not allow it.
func (r *report) badName(name string, value *node, want *rule) {
	length := utf8.RuneCountInString(name)
	switch {
	case want.MaxLength > 0 && length > want.MaxLength:
		r.atKey(value, "this name has %d characters, %d are allowed", length, want.MaxLength)
	case !want.matches().MatchString(name):
		r.atKey(value, "%s", want.PatternWords)
	}
}

// wrongType says what is wanted and what is there.
func wrongType(n *node, want *rule) string {
	is := n.shown()
	switch {
	case n.kind == scalar && slices.Equal(want.Types, []string{"string"}):
		return fmt.Sprintf("wants text; put %s in quotes", shorten(n.text))
	case n.kind == null && slices.Contains(want.Types, "boolean") && !want.asWritten():
		return "has no value; write true or false"
	case n.kind == null && slices.Contains(want.Types, "array"):
		return "has no value; write [] for none"
	case n.kind == null && slices.Contains(want.Types, "object"):
		return "has no value; write {} for none"
	case n.kind == null:
		is = "nothing"
	}
	return wants(want) + ", not " + is
}

// shown is what a value is, shortly.
func (n *node) shown() string {
	switch n.kind {
	case mapping:
		return "a mapping"
	case list:
		return "a list"
	case scalar:
		if n.tag != "!!str" {
			return shorten(n.text)
		}
		return strconv.Quote(shorten(n.text))
	default:
		return "nothing"
	}
}

// shorten cuts a text that would make a message unreadable.
func shorten(text string) string {
	const most = 80
	if utf8.RuneCountInString(text) <= most {
		return text
	}
	return string([]rune(text)[:most]) + "…"
}

// wants says what kind of value a rule asks for, with an example.
func wants(r *rule) string {
	if r.Unit != "" {
		return r.PatternWords
	}
	words := map[string]string{
		"object": "a mapping", "array": "a list", "string": "text", "boolean": "true or false",
		"integer": "a whole number", "number": "a number",
	}
	if len(r.Types) > 1 {
		words["boolean"] = "true, false"
	}
	var kinds []string
	for _, t := range r.Types {
		kinds = append(kinds, words[t])
	}
	said := "wants " + either(kinds)
	if r.asWritten() {
		said = "wants text or a number"
	}
	if len(r.Examples) > 0 && !slices.Equal(r.Types, []string{"boolean"}) {
		said += " such as " + flow(r.Examples[0])
	}
	return said
}

// either joins alternatives: a, b or c.
func either(words []string) string {
	if len(words) < 2 {
		return strings.Join(words, "")
	}
	return strings.Join(words[:len(words)-1], ", ") + " or " + words[len(words)-1]
}

// wrongChoice says which values there are, and which one was probably meant.
func wrongChoice(n *node, want *rule) string {
	choices := make([]string, len(want.Enum))
	for i, choice := range want.Enum {
		choices[i] = flow(choice)
	}
	said := "wants " + either(choices) + ", not " + n.shown()
	if later := laterChoices[n.label]; slices.Contains(later.values, n.text) {
		return n.text + " is not supported by this version; " + later.instead
	}
	if days, err := strconv.ParseFloat(n.text, 64); err == nil {
		for _, choice := range want.Enum {
			if value, ok := choice.(float64); ok && value >= days {
				return said + "; the next longer is " + flow(choice)
			}
		}
		return said
	}
	if meant := nearest(n.text, choices, otherWords); meant != "" {
		said += "; did you mean " + meant + "?"
	}
	return said
}

// keyExample is a line of YAML that sets a key.
func keyExample(name string, r *rule) string {
	if r == nil || len(r.Examples) == 0 {
		return name
	}
	return name + ": " + flow(r.Examples[0])
}

// flow is a value of the schema as YAML in one line.
func flow(value any) string {
	switch v := value.(type) {
	case string:
		if v == "" || strings.ContainsAny(v, "*{}[],&#|>@`\"'%!") || number().MatchString(v) || strings.HasPrefix(v, "-") && len(v) < 3 {
			return strconv.Quote(v)
		}
		return v
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	case []any:
		parts := make([]string, len(v))
		for i, item := range v {
			parts[i] = flow(item)
		}
		return "[" + strings.Join(parts, ", ") + "]"
	case map[string]any:
		parts := make([]string, 0, len(v))
		for key, item := range v {
			parts = append(parts, key+": "+flow(item))
		}
		slices.Sort(parts)
		return "{" + strings.Join(parts, ", ") + "}"
	default:
		b, err := json.Marshal(value)
		if err != nil {
			return fmt.Sprint(value)
		}
		return string(b)
	}
}
