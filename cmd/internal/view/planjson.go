package view

import (
	"bytes"
	"encoding/json"
	"fmt"

	"github.com/scar-go/scar/planner"
)

// planJSON prints the plan in terraform's shape. What the human form hides is hidden here too: such
// output ends in logs. A plan to be applied later is written by --out, in full and for its owner only.
func planJSON(p *printer, plan *planner.Plan) error {
	raw, err := json.Marshal(maskValues(plan))
	if err != nil {
		return fmt.Errorf("write plan as JSON: %w", err)
	}
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	var doc any
	if err := dec.Decode(&doc); err != nil {
		return fmt.Errorf("write plan as JSON: %w", err)
	}
	p.json(mask("", doc), "  ")
	return p.result()
}

// mask replaces what else is sensitive in a decoded document: the variables of an environment whose names
// look like credentials, and both sides of a field that is marked.
func mask(parent string, v any) any {
	switch v := v.(type) {
	case map[string]any:
		hidden := sensitiveObject(v)
		for key, value := range v {
			_, isText := value.(string)
			switch {
			case isText && sensitiveEntry(parent, key):
				v[key] = masked
			case hidden && (key == "before" || key == "after") && value != nil:
				v[key] = masked
			default:
				v[key] = mask(key, value)
			}
		}
	case []any:
		for i := range v {
			v[i] = mask(parent, v[i])
		}
	}
	return v
}

// sensitiveObject says whether an object is a planner.Field that is not to be shown.
func sensitiveObject(v map[string]any) bool {
	path, isField := v["path"].(string)
	if !isField {
		return false
	}
	marked, _ := v["sensitive"].(bool)
	return marked || sensitiveField(planner.Field{Path: path})
}
