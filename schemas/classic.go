package schemas

import _ "embed"

//go:embed classic.schema.json
var classic string

// Classic returns the JSON Schema (draft-07) of files in the Function Definition Language of the original SCAR: which
// keys there are and where. The caller may change the bytes.
func Classic() []byte { return []byte(classic) }
