package events

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
)

// Patterns are those of "Comparison operators for use in event patterns" in the EventBridge user guide, but for $or, cidr, numeric,
// and wildcard, which are refused.

// maxPatternDepth bounds how deep patterns are nested.
const maxPatternDepth = 32

// pattern is a pattern of an event or of an object in it. All of its fields must match.
type pattern map[string]condition

// condition is what one field must be: an object that matches, or one of some values.
type condition struct {
	object pattern
	values []check
}

// check is one of the values that a field may have.
type check struct {
	kind  string // equals, prefix, suffix, equals-ignore-case, anything-but, exists
	value any    // of equals and exists
	text  string // of prefix, suffix, equals-ignore-case
	not   []any  // of anything-but
}

func parsePattern(text string) (pattern, error) {
	var parsed map[string]any
	if err := json.Unmarshal([]byte(text), &parsed); err != nil || parsed == nil {
		return nil, errors.New("event pattern is not a JSON object")
	}
	return newPattern(parsed, 0)
}

func newPattern(fields map[string]any, depth int) (pattern, error) {
	if len(fields) == 0 {
		return nil, errors.New("empty objects are not allowed")
	}
	if depth == maxPatternDepth {
		return nil, fmt.Errorf("it is nested more than %d deep", maxPatternDepth)
	}
	out := pattern{}
	for name, value := range fields {
		if strings.HasPrefix(name, "$") {
			return nil, fmt.Errorf("the local backend does not serve %s", name)
		}
		var c condition
		var err error
		switch v := value.(type) {
		case map[string]any:
			c.object, err = newPattern(v, depth+1)
		case []any:
			c.values, err = newChecks(name, v)
		default:
			err = fmt.Errorf("%q must be an object or an array", name)
		}
		if err != nil {
			return nil, err
		}
		out[name] = c
	}
	return out, nil
}

func newChecks(name string, values []any) (out []check, err error) {
	if len(values) == 0 {
		return nil, errors.New("empty arrays are not allowed")
	}
	for _, v := range values {
		c := check{kind: "equals", value: v}
		switch v := v.(type) {
		case map[string]any:
			if c, err = newCheck(name, v); err != nil {
				return nil, err
			}
		case []any:
			return nil, fmt.Errorf("%q holds an array in an array", name)
		}
		out = append(out, c)
	}
	return out, nil
}

func newCheck(name string, comparison map[string]any) (c check, err error) {
	if len(comparison) != 1 {
		return c, fmt.Errorf("only one key is allowed in a comparison of %q", name)
	}
	for kind, value := range comparison {
		c = check{kind: kind, value: value}
		ok := false
		switch kind {
		case "prefix", "suffix", "equals-ignore-case":
			c.text, ok = value.(string)
		case "exists":
			_, ok = value.(bool)
		case "anything-but":
			if c.not, ok = value.([]any); !ok {
				c.not, ok = []any{value}, true
			}
			ok = ok && len(c.not) > 0 && !slices.ContainsFunc(c.not, func(v any) bool { return !isPlain(v) })
		default:
			return c, fmt.Errorf("the local backend does not serve the comparison %q", kind)
		}
		if !ok {
			return c, fmt.Errorf("the value of %q for %q is not understood", kind, name)
		}
	}
	return c, nil
}

func isPlain(v any) bool {
	switch v.(type) {
	case string, float64:
		return true
	}
	return false
}

func (p pattern) matches(event map[string]any) bool {
	for name, c := range p {
		value, found := event[name]
		if c.object != nil {
			below, isObject := value.(map[string]any)
			if !isObject {
				below = nil // all that is asked of it is absent
			}
			if !c.object.matches(below) {
				return false
			}
			continue
		}
		if !slices.ContainsFunc(c.values, func(k check) bool { return k.holds(value, found) }) {
			return false
		}
	}
	return true
}

// holds says whether a field has the value, or, where it is an array, one of its members.
func (c check) holds(value any, found bool) bool {
	if c.kind == "exists" {
		_, isObject := value.(map[string]any)
		return (found && !isObject) == c.value
	}
	if !found {
		return false
	}
	if members, isArray := value.([]any); isArray {
		return slices.ContainsFunc(members, func(m any) bool { return c.holdsOne(m) })
	}
	return c.holdsOne(value)
}

func (c check) holdsOne(value any) bool {
	text, isText := value.(string)
	switch c.kind {
	case "prefix":
		return isText && strings.HasPrefix(text, c.text)
	case "suffix":
		return isText && strings.HasSuffix(text, c.text)
	case "equals-ignore-case":
		return isText && strings.EqualFold(text, c.text)
	case "anything-but":
		return !slices.ContainsFunc(c.not, func(v any) bool { return reflect.DeepEqual(v, value) })
	}
	return reflect.DeepEqual(c.value, value)
}
