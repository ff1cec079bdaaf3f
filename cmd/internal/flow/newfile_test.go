package flow

import (
	"strings"
	"testing"

	"gopkg.in/yaml.v3"
)

func TestScalarsOfNewFiles(t *testing.T) {
	for text, want := range map[string]string{
		"grayify":                 "grayify",
		"s3://photos/in/":         "s3://photos/in/",
		"debian:12":               "debian:12",
		"registry:5000/a@sha256:": `"registry:5000/a@sha256:"`,
		"yes":                     `"yes"`,
		"cron(0 3 * * ? *)":       `"cron(0 3 * * ? *)"`,
		"a, b]":                   `"a, b]"`,
		"${HOME}":                 `"$${HOME}"`,
		"12":                      `"12"`,
		"":                        `""`,
	} {
		if got := scalar(text); got != want {
			t.Errorf("%q is written %s, want %s", text, got, want)
		}
	}
}

func FuzzScalar(f *testing.F) {
	for _, text := range []string{"a", "s3://b/c, d", "- x", "a: b", "#", "\x00", "\u2028", "0x1f", "NULL"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if strings.ToValidUTF8(text, "") != text {
			return // YAML has no such text
		}
		var got struct {
			One  any
			List []any
		}
		document := "one: " + scalar(text) + " # x\nlist: " + scalars([]string{text, "end"}) + " # x\n"
		if err := yaml.Unmarshal([]byte(document), &got); err != nil {
			t.Fatalf("%q: %v", document, err)
		}
		want := strings.ReplaceAll(text, "$", "$$")
		if got.One != want || len(got.List) != 2 || got.List[0] != want {
			t.Errorf("%q is read back as %#v", document, got)
		}
	})
}
