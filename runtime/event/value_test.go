package event

import (
	"encoding/json"
	"reflect"
	"testing"
)

// decode is what encoding/json makes of a document, made with the methods of value.
func decode(t *testing.T, v value) any {
	switch v.first() {
	case '{':
		object := map[string]any{}
		for name, member := range v.members() {
			object[string(name)] = decode(t, member)
		}
		return object
	case '[':
		list := []any{}
		for element := range v.elements() {
			list = append(list, decode(t, element))
		}
		return list
	case '"':
		// A value within a document has no white space around it, which only the document itself may have.
		if trimmed := value(v[blank(v, 0):]); len(trimmed) == width(trimmed) {
			return trimmed.text()
		}
	}
	var other any
	if err := json.Unmarshal(v, &other); err != nil {
		t.Errorf("%q is no JSON: %v", v, err)
	}
	return other
}

var values = []string{
	`{}`, `[]`, `null`, `"a"`, ` [ ] `, "\t{ \n}\r", `{"a":1,"b":[true,false,null],"c":{"d":"e"}}`, `[1,-2.5e3,"x",[],{}]`,
	`{"a\"b":"\\","\\":"\"","\u0061":"\\\""}`, `["[","{","}","]",",",":"]`, `{"a":1,"a":2}`, `{"":""}`, "[\"\xff\",\"\\ud800\",\"\\ud83d\\ude00\"]",
	`[0 , 1 ]`, `{"a" : "b" , "c" : [ "d" ] }`, `["\\\\","\\\\\\\""]`, put, testEvent,
}

func TestValue(t *testing.T) {
	for _, document := range values {
		var want any
		if err := json.Unmarshal([]byte(document), &want); err != nil {
			t.Fatal(err)
		}
		if got := decode(t, value(document)); !reflect.DeepEqual(got, want) {
			t.Errorf("%s is %v, want %v", document, got, want)
		}
	}
}

func TestUnicode(t *testing.T) {
	for text, want := range map[string]bool{
		`"a"`: true, `"ü"`: true, `"\ufffd"`: true, `"\ud83d\ude00"`: true, `"\\ud800"`: true, `"\""`: true, `"\n\u0000"`: true,
		`"\ud800"`: false, `"\ud800a"`: false, `"\ud800\ud800"`: false, `"\ude00\ud83d"`: false, `"\ud800\n12345"`: false, `"\uDC00"`: false, "\"\xff\"": false,
	} {
		if got := value(text).unicode(); got != want {
			t.Errorf("%s: %v, want %v", text, got, want)
		}
	}
}

// FuzzValue checks that documents are read as encoding/json reads them.
func FuzzValue(f *testing.F) {
	for _, document := range values {
		f.Add([]byte(document))
	}
	f.Fuzz(func(t *testing.T, document []byte) {
		var want any
		if !json.Valid(document) || json.Unmarshal(document, &want) != nil {
			return // the one refuses numbers that the other only looks at
		}
		if got := decode(t, document); !reflect.DeepEqual(got, want) {
			t.Errorf("%q is %v, want %v", document, got, want)
		}
	})
}
