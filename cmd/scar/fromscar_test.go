package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/scar-go/scar/schemas"
)

// TestPageOfTheOriginalIsComplete looks for every key of the original's files, and every flag of its commands, on the page that says
// what they have become.
func TestPageOfTheOriginalIsComplete(t *testing.T) {
	content, err := os.ReadFile(filepath.Join("..", "..", "docs", "from-scar.md"))
	if err != nil {
		t.Fatal(err)
	}
	page := string(content)
	var schema any
	if err := json.Unmarshal(schemas.Classic(), &schema); err != nil {
		t.Fatal(err)
	}
	_, keys, found := strings.Cut(page, "\n## Keys of files\n")
	if !found {
		t.Fatal("the page has no part on keys")
	}
	known := keysOf(schema, map[string]bool{})
	if len(known) < 80 {
		t.Errorf("the schema has %d keys", len(known))
	}
	for key := range known {
		if !strings.Contains(keys, "`"+key+"`") {
			t.Errorf("the key %s is not on the page", key)
		}
	}
	for name, command := range oldCommands() {
		if !strings.Contains(page, "`scar "+name) {
			t.Errorf("scar %s is not on the page", name)
		}
		for _, f := range command.flags {
			if !strings.Contains(page, "`-"+f.short+"`") && f.short != "s" || !strings.Contains(page, "`--"+f.long+"`") {
				t.Errorf("scar %s: the flag -%s, --%s is not on the page", name, f.short, f.long)
			}
		}
	}
}

// keysOf collects the names of the properties in a schema.
func keysOf(schema any, into map[string]bool) map[string]bool {
	switch v := schema.(type) {
	case map[string]any:
		for name, inner := range v {
			properties, isMap := inner.(map[string]any)
			if name != "properties" || !isMap {
				keysOf(inner, into)
				continue
			}
			for key, of := range properties {
				into[key] = true
				keysOf(of, into)
			}
		}
	case []any:
		for _, one := range v {
			keysOf(one, into)
		}
	}
	return into
}
