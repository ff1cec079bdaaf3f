package secret

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
)

func TestField(t *testing.T) {
	for _, c := range []struct {
		value, key, want string
		err              error
	}{
		{`{"a":"b"}`, "a", "b", nil},
		{` { "a" : "b" } `, "a", "b", nil},
		{`{"a":""}`, "a", "", nil},
		{`{"":"b"}`, "", "b", nil},
		{`{"a":"1","a":"2"}`, "a", "2", nil},
		{`{"A":"b"}`, "a", "", errNoKey},
		{`{"a":"\u0000"}`, "a", "\x00", nil}, // Get refuses it
		{`{"a":1e400}`, "a", "1e400", nil},
		{`{"a":-0.10}`, "a", "-0.10", nil},
		{`{"a":false}`, "a", "false", nil},
		{`{"a":null}`, "a", "", errNoText},
		{`{"a":{}}`, "a", "", errNoText},
		{`{"a":[]}`, "a", "", errNoText},
		{`{"a.b":"c","a":{"b":"d"}}`, "a.b", "c", nil},
		{`{}`, "a", "", errNoKey},
		{`null`, "a", "", errNoObject},
		{`["a"]`, "a", "", errNoObject},
		{`"a"`, "a", "", errNoObject},
		{`{"a":"b"} x`, "a", "", errNoObject},
		{``, "a", "", errNoObject},
	} {
		got, err := field(c.value, c.key)
		if got != c.want || !errors.Is(err, c.err) || (err == nil) != (c.err == nil) {
			t.Errorf("field(%q, %q) = %q, %v; want %q, %v", c.value, c.key, got, err, c.want, c.err)
		}
	}
}

func FuzzField(f *testing.F) {
	f.Add(`{"password":"hush"}`, "password")
	f.Add(`{"port":5432,"tls":true,"none":null,"o":{},"l":[]}`, "tls")
	f.Add(`{"\u00e9":"\ud800"}`, "é")
	f.Add(`{"a":"b"`, "a")
	f.Fuzz(func(t *testing.T, value, key string) {
		got, err := field(value, key)
		var object map[string]any
		decoder := json.NewDecoder(strings.NewReader(value))
		decoder.UseNumber()
		readable := decoder.Decode(&object) == nil && object != nil && json.Valid([]byte(value))
		if err != nil {
			if got != "" || !errors.Is(err, errNoObject) && !errors.Is(err, errNoKey) && !errors.Is(err, errNoText) {
				t.Errorf("field(%q, %q) = %q, %v", value, key, got, err)
			}
			if errors.Is(err, errNoObject) == readable {
				t.Errorf("field(%q, %q): %v, an object: %v", value, key, err, readable)
			}
			return
		}
		if !readable {
			t.Fatalf("field(%q, %q) = %q of no object", value, key, got)
		}
		want := ""
		switch known := object[key].(type) {
		case string:
			want = known
		case json.Number:
			want = known.String()
		case bool:
			want = map[bool]string{true: "true", false: "false"}[known]
		default:
			t.Fatalf("field(%q, %q) = %q of %T", value, key, got, known)
		}
		if got != want {
			t.Errorf("field(%q, %q) = %q, want %q", value, key, got, want)
		}
	})
}
