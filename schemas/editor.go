package schemas

import (
	"encoding/json"
	"fmt"
)

// Editor returns Native for editors, which check files before variables are put in: wherever one value stands, text
// with ${NAME} in it is taken too. The error is that the schema is damaged.
func Editor() ([]byte, error) {
	var root map[string]any
	if err := json.Unmarshal([]byte(native), &root); err != nil {
		return nil, fmt.Errorf("read the schema of func.yaml: %w", err)
	}
	properties, _ := root["properties"].(map[string]any)
	definitions, _ := root["definitions"].(map[string]any)
	for _, group := range []map[string]any{properties, definitions} {
		for name, schema := range group {
			group[name] = withVariables(schema)
		}
	}
	text, err := json.MarshalIndent(root, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("write the schema of func.yaml: %w", err)
	}
	return append(text, '\n'), nil
}

// withVariables lets text with a variable stand for a value, and for those below it.
func withVariables(schema any) any {
	s, isObject := schema.(map[string]any)
	if !isObject {
		return schema
	}
	for _, keyword := range []string{"properties", "patternProperties"} {
		group, _ := s[keyword].(map[string]any)
		for name, child := range group {
			if !isShell(name) {
				group[name] = withVariables(child)
			}
		}
	}
	for _, keyword := range []string{"items", "additionalProperties"} {
		if s[keyword] != nil {
			s[keyword] = withVariables(s[keyword])
		}
	}
	if !takesOne(s["type"]) {
		return s
	}
	wrapped := map[string]any{"anyOf": []any{s, map[string]any{"type": "string", "pattern": `\$\{[A-Za-z_]`}}}
	for _, keyword := range []string{"description", "default", "examples"} { // what editors show stays where they look for it
		if value, found := s[keyword]; found {
			wrapped[keyword] = value
			delete(s, keyword)
		}
	}
	return wrapped
}

// isShell says whether a key of a function belongs to the shell, where variables are its own.
func isShell(name string) bool { return name == "run" || name == "command" }

// takesOne says whether a type, or one of several, is that of a single value.
func takesOne(types any) bool {
	several, isList := types.([]any)
	if !isList {
		several = []any{types}
	}
	for _, t := range several {
		switch t {
		case "string", "integer", "number", "boolean":
			return true
		}
	}
	return false
}
