package schemas

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

func TestEditorsTakeVariables(t *testing.T) {
	text, err := Editor()
	if err != nil {
		t.Fatal(err)
	}
	schema, original := compiled(t, text), compiled(t, Native())
	for function, want := range map[string]struct{ editor, native bool }{
		`"memory": 512`:               {true, true},
		`"memory": "${MEM}"`:          {true, false},
		`"memory": "${MEM:-2}GB"`:     {true, false},
		`"memory": "lots"`:            {false, false},
		`"memory": "$${MEM"`:          {true, false}, // no pattern can tell
		`"memory": 64`:                {false, false},
		`"keep_folders": "${KEEP}"`:   {true, false},
		`"keep_folders": "yes"`:       {false, false},
		`"http": {"auth": "${AUTH}"}`: {true, false},
		`"http": {"auth": "basic"}`:   {false, false},
		`"http": "${HTTP}"`:           {true, false},
		`"http": {"cors": {"origins": ["${A}", "https://b"]}}`: {true, false},
		`"http": {"nope": true}`:                               {false, false},
		`"queue": {"batch_size": "${N}"}`:                      {true, false},
		`"queue": {"batch_size": 11}`:                          {false, false},
		`"input": "${IN}"`:                                     {true, false},
		`"input": [{"from": "${IN}"}]`:                         {true, false},
		`"input": [{"form": "${IN}"}]`:                         {false, false},
		`"env": {"AA": "${X}"}`:                                {true, true},
		`"command": ["${X}"]`:                                  {true, true},
		`"command": "${X}"`:                                    {false, false},
		`"${X}": 1`:                                            {false, false},
	} {
		file := decoded(t, []byte(`{"project": "a", "functions": {"f": {"image": "a", `+function+`}}}`))
		for name, c := range map[string]struct {
			schema *jsonschema.Schema
			want   bool
		}{"editor": {schema, want.editor}, "native": {original, want.native}} {
			if err := c.schema.Validate(file); (err == nil) != c.want {
				t.Errorf("%s: %s: %v", name, function, err)
			}
		}
	}
}

// compiled is a schema, which has to be right by the schema of its draft.
func compiled(t *testing.T, text []byte) *jsonschema.Schema {
	t.Helper()
	const name = "https://example.org/schema"
	compiler := jsonschema.NewCompiler()
	if err := compiler.AddResource(name, decoded(t, text)); err != nil {
		t.Fatal(err)
	}
	schema, err := compiler.Compile(name)
	if err != nil {
		t.Fatal(err)
	}
	if schema.DraftVersion != 7 {
		t.Errorf("the schema is of draft %d", schema.DraftVersion)
	}
	return schema
}

// decoded is a text of JSON as the validator wants it.
func decoded(t *testing.T, text []byte) any {
	t.Helper()
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	return value
}

// Editors show what a key is for, and what to begin with.
func TestEditorsShowEveryKey(t *testing.T) {
	text, err := Editor()
	if err != nil {
		t.Fatal(err)
	}
	var root map[string]any
	if err := json.Unmarshal(text, &root); err != nil {
		t.Fatal(err)
	}
	seen := 0
	var walk func(path string, schema map[string]any)
	walk = func(path string, schema map[string]any) {
		if one, isOne := schema["anyOf"].([]any); isOne {
			walk(path, one[0].(map[string]any))
		}
		properties, _ := schema["properties"].(map[string]any)
		for name, value := range properties {
			key := value.(map[string]any)
			if seen++; key["description"] == nil || key["examples"] == nil {
				t.Errorf("%s%s has no description or example", path, name)
			}
			walk(path+name+".", key)
		}
	}
	walk("", root)
	for name, definition := range root["definitions"].(map[string]any) {
		walk(name+".", definition.(map[string]any))
	}
	if seen < 75 {
		t.Errorf("only %d keys were looked at", seen)
	}
}
