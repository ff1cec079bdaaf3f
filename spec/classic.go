package spec

import (
	"cmp"
	"path/filepath"
	"strings"
)

// classic is a file in the Function Definition Language of the original scar. It is translated into the native format, in
// nodes that keep their places in the file: what comes after knows one format.
type classic struct {
	opts     Options
	grammar  *grammar // of classic files
	report   *report
	disk     bool // scripts and payloads are looked at
	headOnly bool // only project, region and profile are

	src       *source
	root      *node // of the file, without keys that have no value
	functions []*classicFunction
	storage   *node // native; nil: the file has none

	placeholders map[string]string // secrets by the variable that stands for each
	order        []string          // of placeholders, as in the file

	noted    map[string]bool    // keys that a note has been made of
	comments map[*node][]string // what conversion says of native nodes

	scripts      map[string]*node // run_script, by function
	asynchronous map[string]bool
}

// classicProviders are the keys below functions, each with a list, by which a classic file is known.
var classicProviders = []string{"aws", "oscar"}

// classicMark is the list by which a file in the format of the original scar is known; nil in a native one. Without the
// dash before lambda it is no list, which the schema says.
func classicMark(root *node) *node {
	for _, provider := range classicProviders {
		if n := root.get("functions").get(provider); n != nil && (n.kind == list || n.get("lambda") != nil) {
			return n
		}
	}
	return nil
}

// newClassic begins to read a classic file.
func newClassic(root *node, g *grammar, opts Options, r *report) *classic {
	c := &classic{
		opts: opts, grammar: g, report: r, src: root.src,
		placeholders: map[string]string{}, noted: map[string]bool{}, comments: map[*node][]string{},
		scripts: map[string]*node{}, asynchronous: map[string]bool{},
	}
	c.root = withoutNothing(root)
	return c
}

// readClassic translates a classic file. Its secrets are the variables of what it becomes.
func readClassic(root *node, opts Options, r *report, d depth) (*reading, error) {
	g, err := newClassicGrammar()
	if err != nil {
		return nil, err
	}
	c := newClassic(root, g, opts, r)
	c.disk, c.headOnly = d == withDisk, d == headOnly
	c.hideSecrets()
	opts.Lookup = c.lookup
	if c.headOnly {
		c.readFunctions()
		return &reading{root: c.header(), opts: opts, classic: c}, nil
	}
	if err := c.check(); err != nil {
		return nil, err
	}
	return &reading{root: c.native(), opts: opts, classic: c}, nil
}

// withoutNothing is a tree without the keys that have no value, or an empty text: to the original they were not there.
// Variables and tags can be empty.
func withoutNothing(n *node) *node {
	pruned := *n
	pruned.fields, pruned.items, pruned.index = nil, nil, nil
	for _, f := range n.fields {
		empty := f.value.kind == scalar && f.value.text == "" && n.label != "Variables" && n.label != "tags"
		if f.value.kind != null && !empty {
			pruned.fields = append(pruned.fields, field{f.name, withoutNothing(f.value)})
		}
	}
	for _, item := range n.items {
		pruned.items = append(pruned.items, withoutNothing(item))
	}
	return &pruned
}

// native is the file in the native format. What is wrong with it is reported.
func (c *classic) native() *node {
	c.readFunctions()
	root := c.header()
	c.readStorage()
	functions := c.mapping(c.root.get("functions"), "functions")
	functions.path = "functions"
	seen := map[string]*node{}
	for _, f := range c.functions {
		name := f.lambda.get("name")
		if f.name == "" {
			continue // has been reported
		}
		if first := seen[f.name]; first != nil {
			c.report.at(name, "%s is the name of the function in %s too", f.name, first.place(name))
			continue
		}
		seen[f.name] = name
		functions.fields = append(functions.fields, field{f.name, f.native()})
	}
	c.readServices(functions)
	defaults := c.mapping(functions, "defaults")
	defaults.set("keep_folders", c.flag(functions, false))
	c.comment(defaults.get("keep_folders"), "Results were stored without the folders of their inputs.")
	root.set("defaults", defaults)
	root.set("storage", c.storage)
	root.set("functions", functions)
	return root
}

// header is the native file with project, region and profile only.
func (c *classic) header() *node {
	root := c.mapping(c.root, "the file")
	root.path = ""
	root.set("project", c.readProject())
	root.set("region", c.readCommon("region", "region"))
	root.set("profile", c.readCommon("boto_profile", "profile"))
	return root
}

// readFunctions finds the functions of AWS, with the settings of scar.cfg filled in.
func (c *classic) readFunctions() {
	settings := c.readSettings(c.grammar.root.key("functions").key("aws").item())
	for _, item := range c.root.get("functions").get("aws").list() {
		if item.kind != mapping {
			continue // has been reported
		}
		f := &classicFunction{classic: c, item: item}
		if settings != nil {
			f.item = overlay(settingsFor(item, settings), item, plainLevel)
		}
		f.lambda = f.item.get("lambda")
		f.container = f.lambda.get("container")
		f.name = f.lambda.get("name").str()
		c.functions = append(c.functions, f)
	}
}

// maxProject is the length that the schema allows a project's name.
const maxProject = 32

// readProject finds the project: that of the options, or the name of the first function.
func (c *classic) readProject() *node {
	at := c.firstName()
	if at == nil {
		at = c.root
	}
	project := c.text(at, c.opts.Project)
	project.path = "project"
	switch {
	case c.opts.Project != "":
	case at == c.root:
		project.bad = true
		if c.headOnly || len(c.report.found) == 0 { // the schema has not said that it is missing
			c.report.add(finding{
				src: c.src, line: c.root.line, column: c.root.column, length: 1, path: "project",
				message: "the file has no function with a name, which the project would be named after; add one, or name the project with --project",
			})
		}
	default:
		project.text = projectOf(at.text)
		c.comment(project, "Classic files name no project: it is called after their first function.")
		if project.text != at.text {
			c.note(at, "project", "the project is named %s, after the first function; --project names another one", project.text)
		}
	}
	return project
}

// firstName is the name of the first function, or where there is none of the first service; nil where none has one.
func (c *classic) firstName() *node {
	for _, f := range c.functions {
		if f.name != "" {
			return f.lambda.get("name")
		}
	}
	for _, service := range c.services() {
		if name := service.get("name"); name.str() != "" {
			return name
		}
	}
	return nil
}

// projectOf makes the name of a function one that a project can have.
func projectOf(function string) string {
	words := strings.FieldsFunc(strings.ToLower(function), func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= '0' && r <= '9')
	})
	name := strings.Join(words, "-")
	if name == "" || name[0] < 'a' {
		name = strings.TrimSuffix("scar-"+name, "-")
	}
	return strings.TrimSuffix(name[:min(len(name), maxProject)], "-")
}

// readCommon reads what the functions of one file have in common: their region, or their profile. Without one it is the
// AWS SDK's.
func (c *classic) readCommon(key, native string) *node {
	names, nodes := map[string][]string{}, map[string]*node{} // of functions, by value
	var values []string
	for _, f := range c.functions {
		n := f.common(key)
		if n != nil && n.kind != scalar {
			return c.renamed(n, native) // the schema of the native format says what is wrong with it
		}
		value := ""
		if n != nil {
			value = n.text
		}
		if names[value] == nil {
			values = append(values, value)
			nodes[value] = n
		}
		names[value] = append(names[value], cmp.Or(f.name, "a function without a name"))
	}
	switch {
	case len(values) > 1:
		c.reportSplit(cmp.Or(nodes[values[1]], nodes[values[0]]), native, values, names)
		return nil
	case len(values) == 1 && nodes[values[0]] != nil:
		return c.renamed(nodes[values[0]], native)
	default:
		return nil
	}
}

// reportSplit reports functions that no one file can have.
func (c *classic) reportSplit(at *node, native string, values []string, names map[string][]string) {
	parts := make([]string, len(values))
	for i, value := range values {
		parts[i] = strings.Join(names[value], ", ") + " in " + cmp.Or(value, "the one that the AWS SDK finds")
	}
	c.report.atKey(c.renamed(at, native), "the functions of a file are in one %s; put these into files of their own: %s", native, strings.Join(parts, "; "))
}

// renamed is a copy of a node of which messages speak at the path of the native key.
func (c *classic) renamed(n *node, path string) *node {
	made := *n
	made.path = path
	return &made
}

// complete adds to the file what the native format has no words for.
func (c *classic) complete(f *File, drafts []*draft) {
	f.Classic = true
	for _, d := range drafts {
		d.Asynchronous = c.asynchronous[d.Name]
	}
}

// open opens the script that scar run sends to a function.
func (c *classic) open(d *disk, f *draft) {
	n := c.scripts[f.Name]
	if n == nil {
		return
	}
	path, info := d.stat(n)
	if info == nil {
		return
	}
	content, problem := readScript(path, n.text, info)
	if problem != "" {
		d.report.at(n, "%s", problem)
		return
	}
	f.RunScript = &Script{Name: filepath.Base(path), Content: content}
	if namesProgram(content) {
		f.RunScript.Interpreter = classicShell
	}
}

// note keeps what the user should know, once for each key.
func (c *classic) note(n *node, key, format string, args ...any) {
	if c.noted[key] {
		return
	}
	c.noted[key] = true
	c.report.note(n, format, args...)
}

// comment keeps what a converted file says above a key.
func (c *classic) comment(n *node, text string) { c.comments[n] = append(c.comments[n], text) }
