package spec_test

import (
	"path"
	"path/filepath"
	"strings"
	"testing"

	"github.com/scar-go/scar/runtime/job"
	"github.com/scar-go/scar/spec"
)

// affixes are beginnings and ends of names that overlap in each other, or mean something to globs.
var affixes = [][]string{{}, {"ab"}, {"x"}, {"x/"}, {"x/a", "x/y/a"}, {"x/ab", "x/y"}, {"bc", "a"}, {"ab", "aba"}, {"a*", "[b]"}, {`\`, "?"}, {".", ".."}, {"ü", "**"}, {"b", "bb"}}

// ends are ends of paths.
var ends = [][]string{{}, {"ab"}, {"bc", "a"}, {"ab", "aba"}, {"a*", "[b]"}, {`\`, "?"}, {".", ".."}, {"ü", "**"}, {"/a", "/bb"}, {"x/ab", "y/b"}, {"b/c", "a/x/a"}}

// The globs of an output match exactly what the original's lists did.
func TestClassicFiltersAreGlobs(t *testing.T) {
	names := []string{"", "."}
	for range 4 {
		for _, name := range names {
			for _, letter := range []string{"a", "b", "c"} {
				if longer := name + letter; len(longer) <= 4 && !contains(names, longer) {
					names = append(names, longer)
				}
			}
		}
	}
	names = append(names, "a*", "a*x[b]", `\`, `\?`, "?", `a\?`, "[b]", "b", "...", "..a", "a..", "ü", "üü", "**", "a**", "ü**", "abab", "aba.b")
	for _, prefixes := range affixes {
		for _, suffixes := range ends {
			match := matchOf(t, prefixes, suffixes)
			for _, name := range names[2:] {
				for _, folder := range []string{"", "x", "x/y", "bx/ab"} {
					at := path.Join(folder, name)
					want := wanted(prefixes, suffixes, at)
					if got := takes(t, match, at); got != want {
						t.Errorf("%q: taken: %v, begins with one of %q and ends with one of %q: %v (%q)", at, got, prefixes, suffixes, want, match)
					}
				}
			}
		}
	}
}

func contains(names []string, name string) bool {
	for _, other := range names {
		if other == name {
			return true
		}
	}
	return false
}

// wanted says whether an output with these lists takes a path: one that begins and ends so, or whose name does.
func wanted(prefixes, suffixes []string, at string) bool {
	for _, prefix := range orEmpty(prefixes) {
		for _, suffix := range orEmpty(suffixes) {
			name := strings.HasPrefix(path.Base(at), prefix) && !strings.Contains(suffix, "/")
			if (strings.HasPrefix(at, prefix) || name) && strings.HasSuffix(at, suffix) {
				return true
			}
		}
	}
	return false
}

func orEmpty(affixes []string) []string {
	if len(affixes) == 0 {
		return []string{""}
	}
	return affixes
}

// matchOf is what an output of a classic file takes.
func matchOf(t *testing.T, prefixes, suffixes []string) []string {
	t.Helper()
	quote := func(texts []string) string {
		for i := range texts {
			texts[i] = "'" + texts[i] + "'"
		}
		return strings.Join(texts, ", ")
	}
	text := "functions: {aws: [{lambda: {name: f, container: {image: a}, output: [{storage_provider: s3, path: abc, prefix: [" +
		quote(append([]string(nil), prefixes...)) + "], suffix: [" + quote(append([]string(nil), suffixes...)) + "]}]}}]}\n"
	file, err := spec.Load(t.Context(), []string{"-"}, spec.Options{Stdin: strings.NewReader(text)})
	if err != nil {
		t.Fatalf("%v\n%s", err, filepath.ToSlash(text))
	}
	return file.Functions[0].Outputs[0].Match
}

func takes(t *testing.T, match []string, path string) bool {
	t.Helper()
	for _, glob := range match {
		matched, err := job.Match(glob, path)
		if err != nil {
			t.Fatal(err)
		}
		if matched {
			return true
		}
	}
	return len(match) == 0
}
