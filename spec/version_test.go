package spec

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestRequiredVersion(t *testing.T) {
	for _, c := range []struct {
		wanted, version string
		fits            bool
	}{
		{">= 0.1", "0.1.0", true}, {">= 0.1", "v0.1.0", true}, {">= 0.1", "0.0.9", false}, {">= 0.1, < 2", "1.9.9", true},
		{">= 0.1, < 2", "2.0.0", false}, {"~1.2", "1.2.9", true}, {"~1.2", "1.3.0", false}, {"^1", "1.9.0", true}, {"1.2.3 || 2", "2.5.0", true},
		{"1.2", "1.2.7", true}, {"= 1.2.3", "1.2.4", false}, {"!= 1.2.3", "1.2.4", true}, {"*", "0.0.1", true},
		// What git describe says of a commit after a tag is at least the tag.
		{">= 0.1", "v0.1.0-3-gabc1234", true}, {">= 0.1", "v0.1.0-3-gabc1234-dirty", true}, {">= 0.1", "v0.1.0-dirty", true}, {"= 0.1.0", "v0.1.0-3-gabc1234", true},
		{">= 0.2", "v0.1.0-3-gabc1234", false}, {">= 0.2", "v0.2.0-rc.1-3-gabc1234", false},
		// A pre-release comes before its release and after all earlier ones.
		{">= 0.1", "0.2.0-rc.1", true}, {">= 0.2", "0.2.0-rc.1", false}, {">= 0.2.0-rc.1", "0.2.0-rc.2", true}, {"< 2", "2.0.0-rc.1", true},
		// What is no release fits.
		{">= 9", "", true}, {">= 9", "dev", true}, {">= 9", "b62f79e", true}, {">= 9", "1234567", true}, {">= 9", "b62f79e-dirty", true}, {">= 9", "(devel)", true},
	} {
		text := "required_version: '" + c.wanted + "'\n" + in("memory: 512")
		r := &report{}
		f, _, err := testGrammar().check(sourcesOf(text), Options{Version: c.version}, r)
		if (err == nil) != c.fits || r.err() != nil {
			t.Errorf("%s, %s: %v %v", c.wanted, c.version, err, r.err())
		}
		if err == nil && f.RequiredVersion != c.wanted {
			t.Errorf("%s: the file says %q", c.wanted, f.RequiredVersion)
		}
	}
}

// What a file for another version holds cannot be judged by this one.
func TestRequiredVersionIsSaidFirst(t *testing.T) {
	text := "project: a\nfunctions: {f: {gpu: 1, memory: 1, image: '${NO}'}}\nrequired_version: '>= 0.${MINOR:-5}'\nnew: key\n"
	want := []string{"func.yaml:3:1: required_version: this file wants scar >= 0.5, and this is scar 0.1.0; install a version that fits"}
	for name, load := range map[string]func(*report) error{
		"all": func(r *report) error {
			_, _, err := testGrammar().check(sourcesOf(text), Options{Version: "v0.1.0-3-gabc1234"}, r)
			return err
		},
		"project": func(r *report) error {
			_, err := testGrammar().checkOnly(sourcesOf(text), Options{Version: "v0.1.0"}, []string{"required_version", "project"}, r)
			return err
		},
	} {
		err := load(&report{})
		var problems Problems
		if !errors.As(err, &problems) {
			t.Fatalf("%s: %v", name, err)
		}
		if diff := cmp.Diff(want, strings.Split(err.Error(), "\n")); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
	if got := problemsIn(t, "required_version: 0.5\n"+in("nope: 1")); len(got) != 2 || got[0] != "func.yaml:1:1: required_version: wants text; put 0.5 in quotes" {
		t.Errorf("%q", got)
	}
	if got := problemsIn(t, "required_version: newest\n"+in("nope: 1")); len(got) != 2 || got[0] != "func.yaml:1:1: required_version: wants constraints on versions such as >= 0.1, or >= 0.1, < 2, not \"newest\"" {
		t.Errorf("%q", got)
	}
}

// Names are offered whatever the version.
func TestOutlineAsksForNoVersion(t *testing.T) {
	f, err := Outline(t.Context(), []string{"-"}, Options{Stdin: strings.NewReader("required_version: '>= 9'\n" + in("memory: 512")), Version: "1.0.0"})
	if err != nil || len(f.Functions) != 1 {
		t.Errorf("%+v, %v", f, err)
	}
}
