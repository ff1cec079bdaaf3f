package schemas

import (
	"encoding/json"
	"testing"

	"github.com/xeipuuv/gojsonschema"
)

func TestEditorsTakeVariables(t *testing.T) {
	text, err := Editor()
	if err != nil {
		t.Fatal(err)
	}
	loader := gojsonschema.NewSchemaLoader()
	loader.Validate, loader.Draft = true, gojsonschema.Draft7
	schema, err := loader.Compile(gojsonschema.NewBytesLoader(text))
	if err != nil {
		t.Fatal(err)
	}
	original, err := gojsonschema.NewSchema(gojsonschema.NewBytesLoader(Native()))
	if err != nil {
		t.Fatal(err)
	}
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
		file := gojsonschema.NewStringLoader(`{"project": "a", "functions": {"f": {"image": "a", ` + function + `}}}`)
		for name, c := range map[string]struct {
			schema *gojsonschema.Schema
			want   bool
		}{"editor": {schema, want.editor}, "native": {original, want.native}} {
			result, err := c.schema.Validate(file)
			if err != nil {
				t.Fatal(err)
			}
			if result.Valid() != c.want {
				t.Errorf("%s: %s: %v", name, function, result.Errors())
			}
		}
	}
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
