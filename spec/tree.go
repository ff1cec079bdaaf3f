package spec

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"gopkg.in/yaml.v3"
)

// kind is what a node is.
type kind int

const (
	null kind = iota
	scalar
	list
	mapping
)

// node is a value of a file, with the place where it stands. Aliases and merge keys are resolved, so
// that a tree is a tree; nodes of several files can be in one.
type node struct {
	src          *source
	line, column int // of the key, or of the value where there is no key
	length       int // of key and value in characters, if that is one line; else of the key
	keyLength    int
	path         string // functions.grayify.input[0].from
	label        string // the key, as messages name it: from

	kind   kind
	text   string           // of a scalar, as written, quotes and escapes resolved
	tag    string           // of a scalar, as YAML's core schema sees it: !!str, !!int, …
	fields []field          // of a mapping
	items  []*node          // of a list
	index  map[string]*node // of a large mapping's fields, made when first needed

	written   string   // the text before variables of the environment were put into it; empty where none were
	variables []string // that were, as origins name them: $NAME

	bad     bool // a problem with it has been reported
	private bool // it may hold a secret: its text is never shown
	brought bool // its text is a secret, which becomes a parameter of the project
}

// field is one entry of a mapping.
type field struct {
	name  string
	value *node
}

// get is the value of a key; nil in a nil node, in one that is no mapping and for an absent key.
func (n *node) get(name string) *node {
	if n == nil {
		return nil
	}
	if len(n.fields) > manyFields {
		return n.indexed()[name]
	}
	for _, f := range n.fields {
		if f.name == name {
			return f.value
		}
	}
	return nil
}

// manyFields is the number of fields above which looking one up in a map is faster.
const manyFields = 32

func (n *node) indexed() map[string]*node {
	if n.index == nil {
		n.index = make(map[string]*node, len(n.fields))
		for _, f := range n.fields {
			n.index[f.name] = f.value
		}
	}
	return n.index
}

// place names the line of a node for a message about another one of the file.
func (n *node) place(from *node) string {
	if n.src != from.src {
		return n.src.name + ":" + strconv.Itoa(n.line)
	}
	return "line " + strconv.Itoa(n.line)
}

// join is the path of a key below another path.
func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}

// The bounds on what one file may turn into. Both are far above what a file that people write needs.
const (
	maxDepth  = 40     // of nested lists and mappings
	maxCopies = 50_000 // nodes that aliases and merge keys stand for
)

// treeBuilder turns the library's nodes into ours.
type treeBuilder struct {
	src     *source
	report  *report
	open    map[*yaml.Node]bool // anchors that are being expanded
	copying int                 // aliases that we are in
	copies  int
	failed  bool // a bound is exceeded: the tree is of no use
}

// newTree builds the tree of a document, or reports why it cannot and returns nil.
func newTree(src *source, root *yaml.Node, r *report) *node {
	b := &treeBuilder{src: src, report: r, open: map[*yaml.Node]bool{}}
	n := &node{src: src, line: root.Line, column: root.Column, label: "the file"}
	b.fill(n, root, 0)
	if b.failed {
		return nil
	}
	return n
}

// fail reports what makes the whole tree useless, once.
func (b *treeBuilder) fail(y *yaml.Node, message string) {
	if !b.failed {
		b.report.add(*b.src.finding(max(y.Line, 1), max(y.Column, 1), message))
	}
	b.failed = true
}

// fill gives a node, whose place is set, its value.
func (b *treeBuilder) fill(n *node, y *yaml.Node, depth int) {
	if b.copying > 0 {
		b.copies++
	}
	switch {
	case b.failed:
		return
	case depth > maxDepth:
		b.fail(y, "this is nested deeper than "+strconv.Itoa(maxDepth)+" levels")
		return
	case b.copies > maxCopies:
		b.fail(y, "the aliases of the file stand for more than "+strconv.Itoa(maxCopies)+" values")
		return
	}
	switch y.Kind {
	case yaml.AliasNode:
		b.expand(y, func(target *yaml.Node) { b.fill(n, target, depth) })
	case yaml.MappingNode:
		n.kind = mapping
		b.checkTag(n, y, "!!map")
		b.fillMapping(n, y, depth)
	case yaml.SequenceNode:
		n.kind = list
		b.checkTag(n, y, "!!seq")
		n.items = make([]*node, 0, len(y.Content))
		for i, item := range y.Content {
			child := &node{
				src: b.src, line: item.Line, column: item.Column, label: n.label,
				path: n.path + "[" + strconv.Itoa(i) + "]",
			}
			child.keyLength = scalarLength(item)
			child.length = child.keyLength
			b.fill(child, item, depth+1)
			n.items = append(n.items, child)
		}
	default:
		b.fillScalar(n, y)
	}
}

// expand goes on with what an alias stands for.
func (b *treeBuilder) expand(alias *yaml.Node, with func(target *yaml.Node)) {
	target := alias.Alias
	if target == nil || b.open[target] {
		b.fail(alias, "the alias *"+alias.Value+" stands for a value that it is in")
		return
	}
	b.open[target] = true
	b.copying++
	with(target)
	b.copying--
	delete(b.open, target)
}

func (b *treeBuilder) fillScalar(n *node, y *yaml.Node) {
	n.kind, n.text, n.tag = scalar, y.Value, y.ShortTag()
	switch n.tag {
	case "!!null":
		n.kind = null
	case "!!str", "!!int", "!!float", "!!bool":
	case "!!timestamp", "!!merge":
		n.tag = "!!str"
	default:
		b.refuseTag(n, n.tag)
	}
	if strings.ContainsRune(n.text, 0) {
		b.report.hide(n) // what it is has not been looked at
		b.report.at(n, "holds a zero byte")
	}
}

// refuseTag reports a tag. Where a secret may stand it is not shown: to YAML, a password that begins with ! is one.
func (b *treeBuilder) refuseTag(n *node, tag string) {
	if strings.HasPrefix(n.path, "storage.") || strings.HasPrefix(n.path, "storage_providers.") || inSecrets(n.path) || strings.Contains(n.path, ".Variables.") {
		b.report.at(n, "holds a YAML tag, which is not supported; put text that begins with ! in quotes")
		return
	}
	b.report.at(n, "the YAML tag %s is not supported; write the value without it", tag)
}

func (b *treeBuilder) checkTag(n *node, y *yaml.Node, want string) {
	if tag := y.ShortTag(); tag != want {
		b.refuseTag(n, tag)
	}
}

// fillMapping adds a mapping's own keys, then those that its merge keys bring and that it lacks.
func (b *treeBuilder) fillMapping(n *node, y *yaml.Node, depth int) {
	seen := make(map[string]*node, len(y.Content)/2)
	for i := 0; i+1 < len(y.Content); i += 2 {
		if y.Content[i].ShortTag() == "!!merge" {
			continue
		}
		key, value := y.Content[i], y.Content[i+1]
		name, ok := b.keyName(n, key)
		if !ok {
			continue
		}
		child := b.child(n, name, key, value)
		if first := seen[name]; first != nil {
			b.report.atKey(child, "is here a second time; it is in line %d too", first.line)
			continue
		}
		seen[name] = child
		b.fill(child, value, depth+1)
		n.fields = append(n.fields, field{name, child})
	}
	for i := 0; i+1 < len(y.Content); i += 2 {
		if y.Content[i].ShortTag() == "!!merge" {
			b.merge(n, y.Content[i+1], seen, depth)
		}
	}
}

// merge adds the fields of what a merge key (<<) names: a mapping or a list of mappings.
func (b *treeBuilder) merge(n *node, y *yaml.Node, seen map[string]*node, depth int) {
	switch {
	case b.failed:
	case y.Kind == yaml.AliasNode:
		b.expand(y, func(target *yaml.Node) { b.merge(n, target, seen, depth) })
	case y.Kind == yaml.SequenceNode && depth <= maxDepth:
		for _, item := range y.Content {
			b.merge(n, item, seen, depth+1)
		}
	case y.Kind == yaml.MappingNode:
		merged := &node{src: n.src, line: y.Line, column: y.Column, path: n.path, label: n.label, kind: mapping}
		b.fillMapping(merged, y, depth+1)
		b.copies++
		for _, f := range merged.fields {
			if seen[f.name] == nil {
				seen[f.name] = f.value
				n.fields = append(n.fields, f)
			}
		}
	default:
		b.fail(y, "a merge key (<<) wants a mapping, or a list of mappings")
	}
}

// child is the node of a key's value, still without the value. Its place is the key's.
func (b *treeBuilder) child(parent *node, name string, key, value *yaml.Node) *node {
	child := &node{
		src: b.src, line: key.Line, column: key.Column, keyLength: max(scalarLength(key), 1),
		path: join(parent.path, name), label: name,
	}
	child.length = child.keyLength
	if length := scalarLength(value); length > 0 && value.Line == key.Line && value.Column > key.Column {
		child.length = value.Column - key.Column + length
	}
	return child
}

// scalarLength is the number of characters that a scalar takes in its line; 0 where that cannot be told.
func scalarLength(y *yaml.Node) int {
	switch {
	case y.Kind == yaml.AliasNode:
		return utf8.RuneCountInString(y.Value) + 1
	case y.Kind != yaml.ScalarNode || y.Anchor != "" || y.Style&yaml.TaggedStyle != 0:
		return 0
	case y.Style == 0 && !strings.Contains(y.Value, "\n"):
		return utf8.RuneCountInString(y.Value)
	case y.Style&(yaml.DoubleQuotedStyle|yaml.SingleQuotedStyle) != 0 && !strings.ContainsAny(y.Value, "\\\n\"'"):
		return utf8.RuneCountInString(y.Value) + 2
	default:
		return 0
	}
}

// keyName is the name that a key gives to its value.
func (b *treeBuilder) keyName(n *node, key *yaml.Node) (name string, ok bool) {
	if key.Kind == yaml.AliasNode && key.Alias != nil {
		key = key.Alias
	}
	if key.Kind != yaml.ScalarNode || key.ShortTag() == "!!null" {
		b.report.add(finding{
			src: b.src, line: key.Line, column: key.Column, length: 1, path: n.path,
			message: n.label + ": a key here is no text",
		})
		return "", false
	}
	if strings.ContainsFunc(key.Value, unicode.IsControl) {
		b.report.add(finding{
			src: b.src, line: key.Line, column: key.Column, length: 1, path: n.path,
			message: n.label + ": a key here holds a line end or another control character",
		})
		return "", false
	}
	return key.Value, true
}
