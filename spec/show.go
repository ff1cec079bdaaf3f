package spec

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"gopkg.in/yaml.v3"
)

// Shown is a file with its overlays, defaults and variables put in, and where each value came from.
type Shown struct {
	Settings []Setting // in the order of the schema; functions and other names of the user's in that of the file

	root *yaml.Node
}

// Setting is one value of a file, at the end of its path.
type Setting struct {
	Path string `json:"path"` // functions.grayify.input[0].from

	// Value is a string, an int, a float64 or a bool; an empty []any or map[string]any for a list or mapping without entries.
	Value any `json:"value"`

	// Origin is the place of the key: func.yaml:12:5, after defaults, for one that all functions have, and before the
	// variables that were put in: func.yaml:12:5, $NAME. What the file does not have is from default, which a
	// place follows where the file has true or another short form of a block.
	Origin string `json:"origin"`

	// Hidden says that Value is not shown: it is what the file has before variables are put in, or words that say so.
	Hidden bool `json:"hidden,omitempty"`
}

// Show reads files as Load does, scripts and other files aside, and returns what they come to. Its errors are those of
// Load.
func Show(ctx context.Context, paths []string, opts Options) (*Shown, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	sources, err := readSources(paths, opts)
	if err != nil {
		return nil, err
	}
	g, err := newGrammar()
	if err != nil {
		return nil, err
	}
	return g.show(sources, opts)
}

// show does all that can be done without the disk.
func (g *grammar) show(sources []*source, opts Options) (*Shown, error) {
	r := &report{}
	read, err := g.read(sources, opts, r, withDisk)
	if err != nil {
		return nil, err
	}
	root := read.root
	_, drafts, err := g.checkReading(read, r)
	if err != nil {
		return nil, err
	}
	if err := r.err(); err != nil {
		return nil, err
	}
	s := &shower{margins: map[string]int{}, functions: map[string]*node{}}
	for _, d := range drafts {
		s.functions[d.Name], s.margins[d.Name] = d.node, d.TimeoutMargin
	}
	shown := s.mapping(view{node: root, want: g.root})
	return &Shown{Settings: s.settings, root: shown}, nil
}

// YAML is the whole as one file that Load reads as the same File, in any folder: paths are absolute. Behind each value
// stands where it came from. What is hidden stands there as the variable that it came from, or has to be written again.
func (s *Shown) YAML() ([]byte, error) {
	var b bytes.Buffer
	encoder := yaml.NewEncoder(&b)
	encoder.SetIndent(2)
	if err := encoder.Encode(s.root); err != nil {
		return nil, fmt.Errorf("write the file: %w", err)
	}
	if err := encoder.Close(); err != nil {
		return nil, fmt.Errorf("write the file: %w", err)
	}
	return b.Bytes(), nil
}

// shower goes through a tree and notes its values.
type shower struct {
	functions map[string]*node // defaults filled in
	margins   map[string]int   // timeout_margin of each, s
	settings  []Setting
}

// view is a value that is shown.
type view struct {
	node  *node // nil: the file has none, its default is shown
	want  *rule
	path  string
	at    level
	place string // of the short form of the block that an absent value is in
	item  bool   // it is in a list, whose items are shown as they are
	raw   bool   // dollar signs are left alone in it
	file  bool   // it names a file, or may
}

// unshown are the keys whose defaults are not shown: a block of tags says that others are removed, so an empty one is
// not the same as none, and what is in defaults is in the functions.
var unshown = []string{"tags", "defaults"}

// mapping shows a mapping, or the one that a short form stands for.
func (s *shower) mapping(v view) *yaml.Node {
	shown := &yaml.Node{Kind: yaml.MappingNode}
	add := func(name string, value *yaml.Node) {
		if value != nil {
			shown.Content = append(shown.Content, &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: name}, value)
		}
	}
	for _, known := range v.want.one().properties() {
		if v.path == "" && known.name == "defaults" || known.name == "attempts" && v.node.get("arn") != nil { // set at the user's queue
			continue
		}
		add(known.name, s.value(v.below(known.name, known.rule)))
	}
	if v.node == nil {
		return shown
	}
	for _, f := range v.node.fields {
		if v.want.one().properties().get(f.name) != nil {
			continue
		}
		child := v.below(f.name, v.want.key(f.name))
		if v.at == functionsLevel {
			child.node = s.functions[f.name]
		}
		add(f.name, s.value(child))
	}
	return shown
}

// properties are the keys that a rule names; none for nil.
func (r *rule) properties() keys {
	if r == nil {
		return nil
	}
	return r.Properties
}

// below is the view of a key's value.
func (v view) below(name string, want *rule) view {
	child := view{node: v.node.get(name), want: want, path: join(v.path, name), at: v.at.below(name), place: v.place, item: v.item}
	if v.at == functionLevel {
		child.raw = name == "run" || name == "command"
		child.file = name == "script" || name == "files" || name == "image" && isImagePath(child.node.str())
	}
	return child
}

// value shows a value; nil where the file has none and none is meant.
func (s *shower) value(v view) *yaml.Node {
	n := v.node
	switch {
	case n == nil:
		return s.absent(v)
	case n.kind == list && len(n.items) == 0:
		return s.leaf(v, []any{})
	case n.kind == list:
		shown := &yaml.Node{Kind: yaml.SequenceNode}
		for i, item := range n.items {
			shown.Content = append(shown.Content, s.value(view{
				node: item, want: v.want.item(), path: v.path + "[" + strconv.Itoa(i) + "]", at: plainLevel, item: true, raw: v.raw, file: v.file,
			}))
		}
		return shown
	case n.kind == mapping:
		if shown := s.mapping(v); len(shown.Content) > 0 {
			return shown
		}
		return s.leaf(v, map[string]any{})
	case v.item || len(v.want.properties()) == 0:
		return s.leaf(v, scalarValue(n, v))
	case n.truth(false): // true stands for a block
		return s.mapping(view{want: v.want, path: v.path, at: plainLevel, place: origin(n)})
	case len(v.want.Required) == 1 && n.tag == "!!str": // a text, for a block of it alone
		block := &node{src: n.src, line: n.line, column: n.column, kind: mapping, fields: []field{{v.want.Required[0], n}}}
		return s.mapping(view{node: block, want: v.want, path: v.path, at: plainLevel})
	default:
		return s.leaf(v, scalarValue(n, v))
	}
}

// absent shows the default of a value that the file does not have.
func (s *shower) absent(v view) *yaml.Node {
	name := v.path[strings.LastIndexByte(v.path, '.')+1:]
	if v.item || v.want == nil || v.want.Default == nil || slices.Contains(unshown, name) {
		return nil
	}
	switch value := v.want.Default.(type) {
	case map[string]any:
		if len(value) == 0 {
			return nil
		}
		return s.mapping(v)
	case []any:
		if len(value) == 0 {
			return nil
		}
		shown := &yaml.Node{Kind: yaml.SequenceNode}
		for i, item := range value {
			shown.Content = append(shown.Content, s.leaf(view{path: v.path + "[" + strconv.Itoa(i) + "]", place: v.place}, item))
		}
		return shown
	case float64:
		number := int(value)
		if function, found := strings.CutSuffix(v.path, ".timeout_margin"); found {
			number = s.margins[strings.TrimPrefix(function, "functions.")]
		}
		return s.leaf(v, number)
	case string:
		if value == "" {
			return nil
		}
		return s.leaf(v, value)
	default:
		return s.leaf(v, value)
	}
}

// notShown stands for a value that the file holds and that looks like a secret.
const notShown = "(not shown)"

// leaf shows a value that has no parts and notes it.
func (s *shower) leaf(v view, value any) *yaml.Node {
	setting := Setting{Path: v.path, Value: value, Origin: "default"}
	if v.place != "" {
		setting.Origin += ", " + v.place
	}
	text, isText := value.(string)
	if v.node != nil {
		setting.Origin = origin(v.node)
	}
	if isText && !v.raw {
		text = escapeDollars(text)
	}
	if v.node != nil && v.node.kind == scalar {
		switch secret := hidesValue(v); {
		case secret && v.node.written != "":
			written := v.node.asVariable()
			text, isText, setting.Value, setting.Hidden = written, true, written, true
		case secret:
			text, isText, setting.Value, setting.Hidden = notShown, true, notShown, true
		}
	}
	s.settings = append(s.settings, setting)
	shown := &yaml.Node{Kind: yaml.ScalarNode, LineComment: "# " + setting.Origin}
	switch value := setting.Value.(type) {
	case []any:
		shown.Kind, shown.Style = yaml.SequenceNode, yaml.FlowStyle
	case map[string]any:
		shown.Kind, shown.Style = yaml.MappingNode, yaml.FlowStyle
	case int:
		shown.Tag, shown.Value = "!!int", strconv.Itoa(value)
	case float64:
		shown.Tag, shown.Value = "!!float", strconv.FormatFloat(value, 'f', -1, 64)
	case bool:
		shown.Tag, shown.Value = "!!bool", strconv.FormatBool(value)
	default:
		shown.Tag, shown.Value = "!!str", text
		if !isText {
			shown.Value = fmt.Sprint(value)
		}
		if strings.Contains(text, "\n") {
			shown.Style = blockStyle(text)
		}
	}
	return shown
}

// hidesValue says whether a value is a secret that the file brings, or looks like one: by the name of a variable in env, or of the environment.
func hidesValue(v view) bool {
	if v.node.brought {
		return true
	}
	for _, name := range v.node.variables {
		if LooksSecret(name) {
			return true
		}
	}
	name, inEnv := "", false
	if i := strings.LastIndex(v.path, ".env."); i >= 0 {
		name, inEnv = v.path[i+len(".env."):], strings.HasPrefix(v.path, "functions.")
	}
	return inEnv && LooksSecret(name)
}

// blockStyle is the style of a text of several lines: as it is, where a block of YAML can hold it as it is.
func blockStyle(text string) yaml.Style {
	if strings.ContainsAny(text, "\r\u0085\u2028\u2029\ufeff") || strings.ContainsAny(text[:1], " \t\n") || strings.Contains(text, " \n") {
		return yaml.DoubleQuotedStyle
	}
	return yaml.LiteralStyle
}

// scalarValue is the value of a scalar as the schema reads it.
func scalarValue(n *node, v view) any {
	if v.file {
		if path, err := resolve(n); err == nil {
			return path
		}
	}
	if v.want.asWritten() || n.tag == "!!str" && (v.want == nil || v.want.Unit == "") {
		return n.text
	}
	if number, err := strconv.Atoi(n.text); err == nil {
		return number
	}
	if n.tag == "!!bool" {
		return n.truth(false)
	}
	if number, err := strconv.ParseFloat(n.text, 64); err == nil && n.tag == "!!float" {
		return number
	}
	return n.text
}

// origin is where a value came from.
func origin(n *node) string {
	name := n.src.name
	if strings.ContainsFunc(name, unicode.IsControl) {
		name = strconv.Quote(name)
	}
	at := fmt.Sprintf("%s:%d:%d", name, n.line, n.column)
	if strings.HasPrefix(n.path, "defaults.") {
		at = "defaults, " + at
	}
	return strings.Join(append([]string{at}, n.variables...), ", ")
}
