package scar_test

import (
	"context"
	"fmt"
	"io/fs"
	"maps"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"gopkg.in/yaml.v3"

	"github.com/scar-go/scar/planner"
	"github.com/scar-go/scar/spec"
)

// block is a fenced piece of code on a page.
type block struct {
	language string
	name     string // of the file that it is, from a comment at its beginning; empty: a part of one
	text     string
	line     int
}

var (
	fence    = regexp.MustCompile("(?ms)^```([a-z]+)\n(.*?)^```$")
	fileName = regexp.MustCompile(`\A(?:#!.*\n)?# ([a-z][a-z0-9.-]*\.[a-z]+)\n`)
)

// blocks are the pieces of code of a page, in their order.
func blocks(page string) []block {
	var all []block
	for _, at := range fence.FindAllStringSubmatchIndex(page, -1) {
		b := block{language: page[at[2]:at[3]], text: page[at[4]:at[5]], line: 1 + strings.Count(page[:at[0]], "\n")}
		if name := fileName.FindStringSubmatch(b.text); name != nil {
			b.name = name[1]
		}
		all = append(all, b)
	}
	return all
}

// TestFilesOfThePagesCanBePlanned reads each func.yaml that a page shows, alone and with each other file and each part
// of a file that follows it, and makes the plan for an empty account. The scripts are those of the page, or of
// the guide's first page, in whose folder the others go on.
func TestFilesOfThePagesCanBePlanned(t *testing.T) {
	const first = "docs/guide/first-function.md"
	planned := 0
	for _, page := range append(glob(t, "docs/guide/*.md"), "README.md", "docs/runtime.md", "docs/from-scar.md") {
		t.Run(page, func(t *testing.T) {
			folder := t.TempDir()
			for _, from := range []string{first, page} {
				for _, b := range blocks(readPage(t, from)) {
					if b.name != "" {
						writeFile(t, filepath.Join(folder, b.name), b.text)
					}
				}
			}
			planned += planPage(t, folder, blocks(readPage(t, page)))
		})
	}
	t.Logf("%d files and parts of files can be planned", planned)
	if planned < 15 {
		t.Error("there should be more of them")
	}
}

// planPage plans what the blocks of a page say, and returns how many there are.
func planPage(t *testing.T, folder string, page []block) int {
	planned := 0
	for _, b := range page {
		if b.language != "yaml" {
			continue
		}
		path := filepath.Join(folder, "func.yaml")
		paths := []string{path}
		switch b.name {
		case "func.yaml": // a page may show several
			writeFile(t, path, b.text)
		case "":
			paths = partOfFile(t, b, path)
		default:
			paths = append(paths, filepath.Join(folder, b.name))
			if strings.HasPrefix(b.name, "scar-") { // in the original's format, which is laid over nothing
				paths = paths[1:]
			}
		}
		if err := planFiles(t, paths); err != nil {
			t.Errorf("the block in line %d: %v", b.line, err)
		}
		planned++
	}
	return planned
}

// partOfFile makes files of the file at path and a part of one: keys of a function, which replace those of the file's
// first function, or other keys, which are laid over the file.
func partOfFile(t *testing.T, part block, path string) []string {
	t.Helper()
	name := filepath.Join(filepath.Dir(path), "part.yaml")
	var keys map[string]any
	if err := yaml.Unmarshal([]byte(part.text), &keys); err != nil {
		t.Fatalf("the block in line %d: %v", part.line, err)
	}
	if keys["functions"] != nil || keys["storage"] != nil {
		writeFile(t, name, part.text)
		return []string{path, name}
	}
	f, err := spec.Outline(context.Background(), []string{path}, spec.Options{})
	if err != nil || len(f.Functions) == 0 {
		t.Fatalf("the block in line %d is a part of a file, and there is none before it: %v", part.line, err)
	}
	var whole struct {
		Functions map[string]map[string]any `yaml:"functions"`
		Rest      map[string]any            `yaml:",inline"`
	}
	if err := yaml.Unmarshal([]byte(readPage(t, path)), &whole); err != nil {
		t.Fatal(err)
	}
	maps.Copy(whole.Functions[f.Functions[0].Name], keys)
	text, err := yaml.Marshal(whole)
	if err != nil {
		t.Fatal(err)
	}
	writeFile(t, name, string(text))
	return []string{name}
}

// planFiles reads files as scar does, and plans them for an empty account. Images are not looked into: a file
// stands for the archive.
func planFiles(t *testing.T, paths []string) error {
	t.Helper()
	variables := map[string]string{
		"SUBNET":       "subnet-0123456789abcdef0",
		"GROUP":        "sg-0123456789abcdef0",
		"ACCESS_POINT": "arn:aws:elasticfilesystem:eu-west-1:123456789012:access-point/fsap-0123456789abcdef0",
		"BUCKET":       "my-papers",
		"TOKEN":        "a secret",
	}
	writeFile(t, filepath.Join(filepath.Dir(paths[0]), "ghostscript.tar"), "an image")
	f, err := spec.Load(context.Background(), paths, spec.Options{Lookup: func(name string) (string, bool) {
		value, found := variables[name]
		return value, found
	}})
	if err != nil {
		return err
	}
	const digest = "sha256:0000000000000000000000000000000000000000000000000000000000000000"
	env := planner.Env{
		Naming:        planner.Naming{Partition: "aws", Account: "123456789012", Region: "eu-west-1"},
		Images:        map[string]planner.Image{},
		Architectures: map[string]string{},
		Parameters:    map[string]string{},
	}
	for _, p := range f.Parameters {
		env.Parameters[p.Name] = digest
	}
	for _, fn := range f.Functions {
		env.Images[fn.Name] = planner.Image{Digest: digest}
		env.Architectures[fn.Name] = "x86_64"
	}
	desired, err := planner.Desired(f, env)
	if err != nil {
		return err
	}
	if _, err := planner.Check(f, desired, nil, nil, false); err != nil {
		return err
	}
	plan, err := planner.New(desired, nil, planner.Options{})
	if err != nil {
		return err
	}
	if len(plan.Changes) == 0 {
		return fmt.Errorf("the plan of %s is empty", strings.Join(paths, ", "))
	}
	return nil
}

// TestLinksLeadSomewhere follows the links of all pages to files and to headings. Every page of docs is linked from
// another one.
func TestLinksLeadSomewhere(t *testing.T) {
	pages := markdownFiles(t)
	linked := map[string]bool{}
	for _, page := range pages {
		for _, target := range links(readPage(t, page)) {
			file, heading, err := follow(page, target)
			if err != nil {
				t.Errorf("%s: %s: %v", page, target, err)
				continue
			}
			if _, err := os.Stat(file); err != nil {
				t.Errorf("%s: %s leads nowhere", page, target)
				continue
			}
			if heading != "" && !slices.Contains(headings(readPage(t, file)), heading) {
				t.Errorf("%s: %s: %s has no such heading", page, target, file)
			}
			linked[file] = linked[file] || file != page
		}
	}
	for _, page := range pages {
		if strings.HasPrefix(page, "docs/") && !linked[page] {
			t.Errorf("no page leads to %s", page)
		}
	}
}

// TestEveryCommandIsInTheGuide looks for each command of the reference, which has all of them, on the guide's pages, and on the one about
// the original, whose commands are there. A command that is only in the reference is found by those who know it already.
func TestEveryCommandIsInTheGuide(t *testing.T) {
	var guide strings.Builder
	for _, page := range append(glob(t, "docs/guide/*.md"), "docs/from-scar.md") {
		guide.WriteString(readPage(t, page))
	}
	commands := regexp.MustCompile("(?m)^## (scar [a-z ]+)$").FindAllStringSubmatch(readPage(t, "docs/reference/commands.md"), -1)
	if len(commands) < 13 {
		t.Fatalf("the reference has %d commands", len(commands))
	}
	for _, command := range commands {
		if !regexp.MustCompile(command[1] + `\b`).MatchString(guide.String()) {
			t.Errorf("no page of the guide has %s", command[1])
		}
	}
}

// TestEveryExampleIsInTheREADME looks for a link to each example.
func TestEveryExampleIsInTheREADME(t *testing.T) {
	linked := links(readPage(t, "README.md"))
	examples := glob(t, "examples/*/README.md")
	if len(examples) == 0 {
		t.Fatal("there are no examples")
	}
	for _, readme := range examples {
		if folder := filepath.ToSlash(filepath.Dir(readme)); !slices.Contains(linked, folder) {
			t.Errorf("README.md does not lead to %s", folder)
		}
	}
}

var (
	code     = regexp.MustCompile("(?ms)^```.*?^```$|`[^`\n]*`")
	link     = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	title    = regexp.MustCompile(`(?m)^#{1,6} (.*)$`)
	unlinked = regexp.MustCompile(`\[([^\]]*)\]\([^)]*\)`)
	dropped  = regexp.MustCompile(`[^\p{L}\p{N}_ -]`)
)

// links are the targets of a page's links to other files of the tree and to headings.
func links(page string) []string {
	var targets []string
	for _, found := range link.FindAllStringSubmatch(code.ReplaceAllString(page, ""), -1) {
		if u, err := url.Parse(found[1]); err != nil || u.Scheme == "" {
			targets = append(targets, found[1])
		}
	}
	return targets
}

// follow is the file that a link of a page leads to, and the heading in it.
func follow(page, target string) (file, heading string, err error) {
	u, err := url.Parse(target)
	if err != nil {
		return "", "", err
	}
	if u.Path == "" {
		return page, u.Fragment, nil
	}
	return filepath.ToSlash(filepath.Join(filepath.Dir(page), filepath.FromSlash(u.Path))), u.Fragment, nil
}

// headings are what the headings of a page are called in links, as GitHub makes it: in lower case, dashes for spaces,
// without punctuation.
func headings(page string) []string {
	var names []string
	for _, found := range title.FindAllStringSubmatch(fence.ReplaceAllString(page, ""), -1) {
		text := strings.ToLower(unlinked.ReplaceAllString(found[1], "$1"))
		names = append(names, strings.ReplaceAll(dropped.ReplaceAllString(text, ""), " ", "-"))
	}
	return names
}

// markdownFiles are the pages of the tree.
func markdownFiles(t *testing.T) []string {
	t.Helper()
	var pages []string
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && path != "." && (strings.HasPrefix(d.Name(), ".") || d.Name() == "testdata"):
			return filepath.SkipDir
		case !d.IsDir() && strings.HasSuffix(path, ".md"):
			pages = append(pages, filepath.ToSlash(path))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return pages
}

func glob(t *testing.T, pattern string) []string {
	t.Helper()
	paths, err := filepath.Glob(pattern)
	if err != nil {
		t.Fatal(err)
	}
	return paths
}

func readPage(t *testing.T, path string) string {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return strings.ReplaceAll(string(content), "\r\n", "\n")
}

func writeFile(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}
