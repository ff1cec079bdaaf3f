package secret

import (
	"encoding/json"
	"errors"
)

// What can be wrong with a value that a field is taken from. The texts tell nothing of the value, which is why the JSON
// package's own errors, that quote it, are dropped.
var (
	errNoObject = errors.New("its value is no JSON object that a key could be taken from")
	errNoKey    = errors.New("its JSON object does not have the key")
	errNoText   = errors.New("what its JSON object has under the key is neither text, a number nor a boolean")
)

// field is what a JSON object has under a key: text as it is, a number or a boolean as it is written. The key is exact in case; of several
// that are the same the last one counts, as in JavaScript and Python.
func field(value, key string) (string, error) {
	var object map[string]json.RawMessage
	if err := json.Unmarshal([]byte(value), &object); err != nil || object == nil {
		return "", errNoObject
	}
	raw, found := object[key]
	if !found {
		return "", errNoKey
	}
	switch raw[0] {
	case '"':
		var text string
		if err := json.Unmarshal(raw, &text); err != nil {
			return "", errNoText
		}
		return text, nil
	case '{', '[', 'n':
		return "", errNoText
	}
	return string(raw), nil
}
