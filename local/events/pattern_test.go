package events

import (
	"encoding/json"
	"strings"
	"testing"
)

func TestPatterns(t *testing.T) {
	const event = `{"source":"lambda","detail-type":"Result - Failure","resources":["arn:a","arn:b"],"detail":{"n":3,"ok":false,"none":null,"deep":{"key":"in/a.png"}}}`
	for text, want := range map[string]bool{
		`{"source":["lambda"]}`:                                                   true,
		`{"source":["aws.s3","lambda"]}`:                                          true,
		`{"source":["aws.s3"]}`:                                                   false,
		`{"source":["lambda"],"detail-type":["other"]}`:                           false,
		`{"resources":["arn:b"]}`:                                                 true,
		`{"resources":["arn:c"]}`:                                                 false,
		`{"detail":{"n":[3]}}`:                                                    true,
		`{"detail":{"n":["3"]}}`:                                                  false,
		`{"detail":{"ok":[false]}}`:                                               true,
		`{"detail":{"none":[null]}}`:                                              true,
		`{"detail":{"absent":[null]}}`:                                            false,
		`{"detail":{"deep":{"key":[{"prefix":"in/"}]}}}`:                          true,
		`{"detail":{"deep":{"key":[{"suffix":".jpg"}]}}}`:                         false,
		`{"detail":{"deep":{"key":[{"suffix":".jpg"},{"suffix":".png"}]}}}`:       true,
		`{"detail":{"deep":{"key":[{"equals-ignore-case":"IN/A.PNG"}]}}}`:         true,
		`{"source":[{"anything-but":"lambda"}]}`:                                  false,
		`{"source":[{"anything-but":["a","b"]}]}`:                                 true,
		`{"detail":{"absent":[{"exists":false}]}}`:                                true,
		`{"detail":{"n":[{"exists":true}]}}`:                                      true,
		`{"detail":{"absent":[{"exists":true}]}}`:                                 false,
		`{"other":{"absent":[{"exists":false}]}}`:                                 true,
		`{"other":{"absent":["x"]}}`:                                              false,
		`{"detail":{"deep":{"key":[{"prefix":"in/"}]}},"source":["lambda"]}`:      true,
		`{"detail":{"deep":["in/a.png"]}}`:                                        false,
		`{"detail":{"deep":{"key":[{"anything-but":"other"},{"prefix":"no/"}]}}}`: true,
	} {
		p, err := parsePattern(text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		var parsed map[string]any
		if err := json.Unmarshal([]byte(event), &parsed); err != nil {
			t.Fatal(err)
		}
		if got := p.matches(parsed); got != want {
			t.Errorf("%s: %v", text, got)
		}
	}
	for _, text := range []string{
		``, `null`, `[]`, `{}`, `{"a":"b"}`, `{"a":[]}`, `{"a":{}}`, `{"a":[["b"]]}`, `{"$or":[{"a":["b"]}]}`, `{"a":[{"numeric":[">",1]}]}`,
		`{"a":[{"prefix":1}]}`, `{"a":[{"prefix":"x","suffix":"y"}]}`, `{"a":[{"anything-but":[]}]}`, `{"a":[{"exists":"true"}]}`,
		strings.Repeat(`{"a":`, 100) + `["b"]` + strings.Repeat(`}`, 100),
	} {
		if _, err := parsePattern(text); err == nil {
			t.Errorf("%s was taken", text)
		}
	}
}

func FuzzPatterns(f *testing.F) {
	f.Add(`{"source":["lambda"]}`, `{"source":"lambda"}`)
	f.Add(`{"a":{"b":[{"exists":false}, {"prefix":"x"}, null, 1]}}`, `{"a":{"b":["x",1]}}`)
	f.Add(`{"a":[{"anything-but":["b"]}]}`, `{"a":[]}`)
	f.Fuzz(func(t *testing.T, text, event string) {
		p, err := parsePattern(text)
		var parsed map[string]any
		if err != nil || json.Unmarshal([]byte(event), &parsed) != nil {
			return
		}
		// Looking changes nothing: a pattern that is read again says the same.
		first := p.matches(parsed)
		again, err := parsePattern(" " + text)
		if err != nil || again.matches(parsed) != first {
			t.Errorf("the second time the answer is not %v: %v", first, err)
		}
	})
}
