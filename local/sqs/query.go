package sqs

import (
	"context"
	"encoding/json"
	"encoding/xml"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/scar-go/scar/local/wire"
)

// The query protocol is translated: a form becomes the JSON that the operations read.

const namespace = "http://queue.amazonaws.com/doc/2012-11-05/"

// What flattened lists of a form are called in JSON. Entries of batches are lists too, of structures.
var (
	queryLists = map[string]string{
		"AttributeName": "AttributeNames", "MessageAttributeName": "MessageAttributeNames",
		"MessageSystemAttributeName": "MessageSystemAttributeNames", "TagKey": "TagKeys",
	}
	queryEntries = map[string]bool{
		"SendMessageBatchRequestEntry": true, "DeleteMessageBatchRequestEntry": true, "ChangeMessageVisibilityBatchRequestEntry": true,
	}
	// queryMaps are lists of pairs: the name in JSON and what key and value are called.
	queryMaps = map[string]struct{ name, key, value string }{
		"Attribute":              {"Attributes", "Name", "Value"},
		"Tag":                    {"Tags", "Key", "Value"},
		"MessageAttribute":       {"MessageAttributes", "Name", "Value"},
		"MessageSystemAttribute": {"MessageSystemAttributes", "Name", "Value"},
	}
)

// maxQueryDepth is how deep the parameters of a form are nested: entry, number, map, number, value, field.
const maxQueryDepth = 8

func newQueryAPI(operations map[string]wire.JSONOperation) wire.QueryAPI {
	api := wire.QueryAPI{Service: "sqs", Namespace: namespace, Operations: map[string]wire.QueryOperation{}}
	for name, do := range operations {
		api.Operations[name] = func(ctx context.Context, form url.Values) (any, error) {
			body, err := queryJSON(form)
			if err != nil {
				return nil, err
			}
			return do(ctx, body)
		}
	}
	return api
}

// queryJSON writes a form as the JSON protocol would have it.
func queryJSON(form url.Values) ([]byte, error) {
	root := &parameter{}
	for name, values := range form {
		if !root.set(strings.Split(name, "."), values[0]) {
			return nil, wire.Errorf(http.StatusBadRequest, "MalformedQueryString", "The parameter %s is not understood.", name)
		}
	}
	return json.Marshal(root.structure())
}

// parameter is a parameter of a form, and what is below it.
type parameter struct {
	text  string
	below map[string]*parameter
}

func (p *parameter) set(path []string, text string) bool {
	if len(path) > maxQueryDepth {
		return false
	}
	for _, name := range path {
		if p.below == nil {
			p.below = map[string]*parameter{}
		}
		next := p.below[name]
		if next == nil {
			next = &parameter{}
			p.below[name] = next
		}
		p = next
	}
	p.text = text
	return true
}

// structure is the JSON of a structure's fields.
func (p *parameter) structure() map[string]any {
	out := map[string]any{}
	for name, field := range p.below {
		pair, isMap := queryMaps[name]
		list, isList := queryLists[name]
		switch {
		case isMap:
			out[pair.name] = field.pairs(pair.key, pair.value)
		case isList:
			out[list] = field.list(func(item *parameter) any { return item.text })
		case queryEntries[name]:
			out["Entries"] = field.list(func(item *parameter) any { return item.structure() })
		case field.below != nil:
			out[name] = field.structure()
		default:
			out[name] = field.text
		}
	}
	return out
}

// items are the members of a flattened list, in the order of their numbers.
func (p *parameter) items() []*parameter {
	number := func(name string) int {
		n, err := strconv.Atoi(name)
		if err != nil {
			return 0
		}
		return n
	}
	names := slices.SortedFunc(maps.Keys(p.below), func(a, b string) int { return number(a) - number(b) })
	var out []*parameter
	for _, name := range names {
		out = append(out, p.below[name])
	}
	return out
}

func (p *parameter) list(item func(*parameter) any) []any {
	out := []any{}
	for _, member := range p.items() {
		out = append(out, item(member))
	}
	return out
}

func (p *parameter) pairs(key, value string) map[string]any {
	out := map[string]any{}
	for _, member := range p.items() {
		name, content := member.below[key], member.below[value]
		switch {
		case name == nil:
		case content == nil:
			out[name.text] = ""
		case content.below != nil:
			out[name.text] = content.structure()
		default:
			out[name.text] = content.text
		}
	}
	return out
}

// number is an integer, which the query protocol brings as a text.
type number int

// UnmarshalJSON implements json.Unmarshaler.
func (n *number) UnmarshalJSON(b []byte) error {
	text := strings.Trim(string(b), `"`)
	v, err := strconv.Atoi(text)
	if err != nil {
		return failure("InvalidParameterValue", "Value %s is not an integer.", text)
	}
	*n = number(v)
	return nil
}

// or is the number, or another where there is none.
func (n *number) or(otherwise int) int {
	if n == nil {
		return otherwise
	}
	return int(*n)
}

// The maps of answers, which XML writes as flattened lists of pairs.
type (
	textMap map[string]string // Attribute: Name and Value
	tagMap  map[string]string // Tag: Key and Value
)

type namedText struct{ Name, Value string }

// MarshalXML implements xml.Marshaler.
func (m textMap) MarshalXML(e *xml.Encoder, start xml.StartElement) error {
	for _, name := range slices.Sorted(maps.Keys(m)) {
		if err := e.EncodeElement(namedText{name, m[name]}, start); err != nil {
			return err
		}
	}
	return nil
}

// MarshalXML implements xml.Marshaler.
func (m tagMap) MarshalXML(e *xml.Encoder, start xml.StartElement) error {
	for _, key := range slices.Sorted(maps.Keys(m)) {
		if err := e.EncodeElement(struct{ Key, Value string }{key, m[key]}, start); err != nil {
			return err
		}
	}
	return nil
}
