// Package scar_test holds the tests of the tree as a whole.
package scar_test

import (
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/scar-go/scar"

// rules says which packages of the project each room may import, tests left aside. A room that is
// not named may import nothing of the project. A trailing /... stands for the folder and all below it.
var rules = map[string][]string{
	"spec":            {"schemas"},
	"schemas":         {},
	"planner":         {"spec", "runtime/job"},
	"applier":         {"planner"},
	"applier/aws":     {"applier", "planner", "image", "applier/aws/ec2"},
	"applier/aws/ec2": {},
	"image":           {},

	"runs":     {"runtime/job"},
	"transfer": {"runtime/job", "runtime/storage"},

	"internal/localtest": {"local"}, // for tests
	"internal/moto":      {},        // for tests
	"internal/proof":     {},        // for tests

	"runtime":            {},
	"runtime/generate":   {"image", "runtime/job"},
	"runtime/job":        {},
	"runtime/event":      {},
	"runtime/secret":     {"runtime/job"},
	"runtime/storage":    {"runtime/job"},
	"runtime/supervisor": {"runtime/event", "runtime/storage", "runtime/job"},

	"local":   {"image", "local/..."},
	"local/*": {"image", "local/wire", "local/store", "local/clock", "local/sandbox", "local/httpevent"},

	"cmd/scar-runtime":  {"runtime/supervisor", "runtime/secret", "runtime/job"},
	"cmd/scar":          {"cmd/internal/...", "schemas", "spec", "planner", "applier", "applier/aws", "image", "runtime/job", "local/...", "runs", "transfer"},
	"cmd/internal/view": {"spec", "planner", "applier", "runtime/job", "runs", "transfer"},
	"cmd/internal/flow": {"spec", "planner", "applier", "applier/aws", "image", "runtime", "runtime/job", "runtime/storage", "local/...", "runs", "transfer"},
}

func TestImportsFollowTheHousePlan(t *testing.T) {
	seen := map[string]bool{}
	err := filepath.WalkDir(".", func(file string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (d.Name() == "testdata" || strings.HasPrefix(d.Name(), ".") && file != ".") {
			return filepath.SkipDir
		}
		if !strings.HasSuffix(file, ".go") || strings.HasSuffix(file, "_test.go") {
			return nil
		}
		room := path.Dir(filepath.ToSlash(file))
		seen[room] = true
		checkImports(t, room, file)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(seen) < 5 {
		t.Errorf("only %d packages were looked at: %v", len(seen), seen)
	}
}

func checkImports(t *testing.T, room, file string) {
	t.Helper()
	parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ImportsOnly)
	if err != nil {
		t.Errorf("parse %s: %v", file, err)
		return
	}
	allowed, known := rules[room]
	if !known {
		allowed, known = rules[path.Dir(room)+"/*"]
	}
	if !known {
		t.Errorf("%s: package %s has no rule in imports_test.go", file, room)
		return
	}
	for _, spec := range parsed.Imports {
		imported, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			t.Errorf("%s: %v", file, err)
			continue
		}
		inner, ours := strings.CutPrefix(imported, module+"/")
		if ours && !slices.ContainsFunc(allowed, func(rule string) bool { return matches(rule, inner) }) {
			t.Errorf("%s: %s may not import %s", file, room, inner)
		}
	}
}

func matches(rule, pkg string) bool {
	folder, below := strings.CutSuffix(rule, "/...")
	return pkg == folder || below && strings.HasPrefix(pkg, folder+"/")
}

func TestMatches(t *testing.T) {
	for _, c := range []struct {
		rule, pkg string
		want      bool
	}{
		{"local/...", "local", true},
		{"local/...", "local/s3", true},
		{"local/...", "localhost", false},
		{"image", "image", true},
		{"image", "image/layer", false},
	} {
		if got := matches(c.rule, c.pkg); got != c.want {
			t.Errorf("matches(%q, %q) = %v", c.rule, c.pkg, got)
		}
	}
}
