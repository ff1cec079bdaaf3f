// Package schemas holds the JSON Schemas of scar's files, for scar itself, for editors and for the
// reference that is generated from them.
//
// Beside draft-07's keywords the schemas use two that validators pass over: patternErrorMessage, which
// says a pattern in words (editors show it, and so does scar), and x-unit, the unit that a number is in
// (MB or s); text such as 2GB or 5m is checked against minimum and maximum in that unit.
package schemas

import _ "embed"

//go:embed scar.schema.json
var native string

// Native returns the JSON Schema (draft-07) of func.yaml in the native format. The caller may change
// the bytes.
func Native() []byte { return []byte(native) }
