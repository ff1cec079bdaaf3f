package job

import (
	"errors"
	"strings"
	"testing"
)

func TestMatch(t *testing.T) {
	for _, c := range []struct {
		pattern, path string
		want          bool
	}{
		{"*.wav", "a.wav", true},
		{"*.wav", ".wav", true},
		{"*.wav", "a.WAV", false},
		{"*.wav", "sub/a.wav", false},
		{"*.wav", "a.wav\n", false},
		{"**/*.wav", "a.wav", true},
		{"**/*.wav", "x/y/a.wav", true},
		{"plots/**", "plots/a", true},
		{"plots/**", "plots/a/b", true},
		{"plots/**", "plots", true},
		{"plots/**", "plotsx/a", false},
		{"**", "a/b/c", true},
		{"a/**/b", "a/b", true},
		{"a/**/b", "a/x/y/b", true},
		{"a/**/b", "a/x/y/c", false},
		{"a/**/b/**/c", "a/b/x/b/y/c", true},
		{"**x", "yx", true}, // ** within a name is two stars
		{"**x", "y/x", false},
		{"a?c", "abc", true},
		{"a?c", "aüc", true},
		{"a?c", "a/c", false},
		{"?", "\xff", true}, // a byte that is no UTF-8 is one character
		{"\xff", "\xff", true},
		{"[a-c]x", "bx", true},
		{"[a-c]x", "dx", false},
		{"[!a-c]x", "dx", true},
		{"[^a-c]x", "ax", false},
		{"[!a]", "/", false},
		{"[]]", "]", true},
		{"[]a]", "a", true},
		{"[a-]", "-", true},
		{`[\]]`, "]", true},
		{`[\a-\c]`, "b", true},
		{`\*`, "*", true},
		{`\*`, "a", false},
		{`\ü`, "ü", true},
		{"[*]", "*", true},
		{"[ä-ü]", "ö", true},
		{"result-*", "result-", true},
		{"*a*a*b", "aaaaab", true},
		{"", "", true},
		{"", "a", false},
		{"*", "", true},
	} {
		got, err := Match(c.pattern, c.path)
		if err != nil || got != c.want {
			t.Errorf("Match(%q, %q) = %v, %v; want %v", c.pattern, c.path, got, err, c.want)
		}
	}
}

func TestMatchRefusesMalformedGlobs(t *testing.T) {
	for _, pattern := range []string{"[", "[a", "[]", "[!]", "[a-", `\`, `[\`, `[a-\`, "ok/[", "[a/b]"} {
		if _, err := Match(pattern, "unrelated"); !errors.Is(err, ErrBadPattern) {
			t.Errorf("Match(%q) = %v, want ErrBadPattern", pattern, err)
		}
	}
}

func FuzzMatch(f *testing.F) {
	f.Add("*.wav", "a.wav")
	f.Add("**/[!a-z]?/\\*", "x/9y/*")
	f.Add("[\xff-", "\xff")
	f.Fuzz(func(t *testing.T, pattern, path string) {
		if _, err := Match(pattern, path); err != nil && !errors.Is(err, ErrBadPattern) {
			t.Errorf("Match(%q, %q): %v", pattern, path, err)
		}
		literal := strings.NewReplacer(`\`, `\\`, "*", `\*`, "?", `\?`, "[", `\[`).Replace(path)
		if ok, err := Match(literal, path); !ok || err != nil {
			t.Errorf("Match(%q, %q) = %v, %v: a quoted path does not match itself", literal, path, ok, err)
		}
	})
}
