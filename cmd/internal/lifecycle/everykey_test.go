package lifecycle

import (
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"gopkg.in/yaml.v3"

	"github.com/scar-go/scar/internal/proof"
	"github.com/scar-go/scar/schemas"
	"github.com/scar-go/scar/spec"
)

// wholeFile uses every key of the schema.
var wholeFile = filepath.Join("testdata", "whole", "func.yaml")

// loadWhole reads the file with every key. What its variables stand for is in the account.
func (w *world) loadWhole(variables map[string]string) *spec.File {
	w.t.Helper()
	f, err := spec.Load(w.t.Context(), []string{wholeFile}, spec.Options{Lookup: func(name string) (string, bool) {
		value, found := variables[name]
		return value, found
	}})
	if err != nil {
		w.t.Fatal(err)
	}
	return f
}

// TestTheWholeFileUsesEveryKey walks through the schema and the file side by side, so that a new key cannot be left out
// of what the tests of this package do with the file.
func TestTheWholeFileUsesEveryKey(t *testing.T) {
	var schema map[string]any
	if err := json.Unmarshal(schemas.Native(), &schema); err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile(wholeFile)
	if err != nil {
		t.Fatal(err)
	}
	var file map[string]any
	if err := yaml.Unmarshal(content, &file); err != nil {
		t.Fatal(err)
	}
	keys := schemaKeys{schema: schema, used: map[string]bool{}}
	keys.walk("#", schema, file)
	all := map[string]bool{}
	collectKeys("#", schema, all)
	for _, key := range slices.Sorted(maps.Keys(all)) {
		if !keys.used[key] {
			t.Errorf("%s does not use %s", wholeFile, key)
		}
	}
	proof.Count(t, "keys of func.yaml in one file", float64(len(keys.used)), "")
}

// schemaKeys notes which properties of a schema a document uses, by their pointers in the schema.
type schemaKeys struct {
	schema map[string]any
	used   map[string]bool
}

func (k schemaKeys) walk(pointer string, schema map[string]any, value any) {
	if ref, isRef := schema["$ref"].(string); isRef {
		definition := k.schema["definitions"].(map[string]any)[strings.TrimPrefix(ref, "#/definitions/")].(map[string]any)
		k.walk(ref, definition, value)
		return
	}
	list, isList := value.([]any)
	if !isList {
		list = []any{value}
	}
	// One item may stand for a list of it.
	for _, keyword := range []string{"items", "then"} {
		if items, found := schema[keyword].(map[string]any); found {
			for _, item := range list {
				k.walk(pointer+"/"+keyword, items, item)
			}
		}
	}
	object, isObject := value.(map[string]any)
	if !isObject {
		return
	}
	properties, _ := schema["properties"].(map[string]any)
	patterns, _ := schema["patternProperties"].(map[string]any)
	for name, inner := range object {
		if property, found := properties[name].(map[string]any); found {
			at := pointer + "/properties/" + name
			k.used[at] = true
			k.walk(at, property, inner)
			continue
		}
		for pattern, property := range patterns {
			if regexp.MustCompile(pattern).MatchString(name) {
				at := pointer + "/patternProperties/" + pattern
				k.used[at] = true
				k.walk(at, property.(map[string]any), inner)
			}
		}
		if further, found := schema["additionalProperties"].(map[string]any); found {
			k.walk(pointer+"/additionalProperties", further, inner)
		}
	}
}

// collectKeys finds the pointers of all properties in a schema.
func collectKeys(pointer string, schema map[string]any, all map[string]bool) {
	for _, keyword := range []string{"properties", "patternProperties"} {
		properties, _ := schema[keyword].(map[string]any)
		for name, property := range properties {
			at := pointer + "/" + keyword + "/" + name
			all[at] = true
			collectKeys(at, property.(map[string]any), all)
		}
	}
	for _, keyword := range []string{"items", "then", "additionalProperties"} {
		if inner, found := schema[keyword].(map[string]any); found {
			collectKeys(pointer+"/"+keyword, inner, all)
		}
	}
	definitions, _ := schema["definitions"].(map[string]any)
	for name, definition := range definitions {
		collectKeys("#/definitions/"+name, definition.(map[string]any), all)
	}
}
