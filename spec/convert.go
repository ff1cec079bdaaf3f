package spec

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"
)

// Converted is a classic file in the native format.
type Converted struct {
	YAML []byte // Load reads it, in the folder of the classic file, as the File that that is

	// Variables stand in YAML for the secrets of the classic file, in the order of the file. Values are those that the
	// variables need to have.
	Variables []Variable
}

// Variable is a variable that stands for a secret.
type Variable struct {
	Name  string
	Value Sealed
}

// Convert writes a classic file anew in the native format, with comments that say what is different. Scripts and payloads
// have to be there, images need not. What is wrong with the file is returned as Problems, as by Load; a file in the native
// format is another error.
func Convert(ctx context.Context, path string, opts Options) (*Converted, error) {
	sources, err := readSources([]string{path}, opts)
	if err != nil {
		return nil, err
	}
	g, err := newGrammar()
	if err != nil {
		return nil, err
	}
	r := &report{}
	read, err := g.read(sources, opts, r, withDisk)
	if err != nil {
		return nil, err
	}
	if read.root != nil && read.classic == nil {
		return nil, fmt.Errorf("%s is in the native format already", sources[0].name)
	}
	_, drafts, err := g.checkReading(read, r)
	if err != nil {
		return nil, err
	}
	d := newDisk(r)
	for _, draft := range drafts {
		d.openScript(draft)
		if err := d.openFiles(ctx, draft); err != nil {
			return nil, err
		}
	}
	if err := r.err(); err != nil {
		return nil, err
	}
	return read.classic.convert(read.root)
}

// convert writes the native file.
func (c *classic) convert(root *node) (*Converted, error) {
	var b bytes.Buffer
	for _, line := range c.heading() {
		b.WriteString("# " + line + "\n")
	}
	b.WriteString("\n")
	encoder := yaml.NewEncoder(&b)
	encoder.SetIndent(2)
	if err := encoder.Encode(c.encoded(root, "")); err != nil {
		return nil, fmt.Errorf("write the file: %w", err)
	}
	if err := encoder.Close(); err != nil {
		return nil, fmt.Errorf("write the file: %w", err)
	}
	converted := &Converted{YAML: b.Bytes()}
	for _, name := range c.order {
		converted.Variables = append(converted.Variables, Variable{name, Seal(c.placeholders[name])})
	}
	return converted, nil
}

// heading is what the file says of itself before it begins.
func (c *classic) heading() []string {
	lines := []string{"Converted from " + oneLine(c.src.name) + ". It does the same, from the same folder."}
	for _, note := range c.report.noted() {
		lines = append(lines, oneLine(note.Place+": "+note.Text))
	}
	if len(c.order) > 0 {
		lines = append(lines, "Secrets do not stand here: ${NAME} is looked up in the environment and in the files of --env-file.")
	}
	return lines
}

// oneLine is a text that can stand in a comment.
func oneLine(text string) string {
	return strings.Join(strings.FieldsFunc(text, func(r rune) bool { return r < ' ' || r == 0x7f || r == 0x85 || r == 0x2028 || r == 0x2029 }), " ")
}

// encoded is a value for the encoder; key is its own.
func (c *classic) encoded(n *node, key string) *yaml.Node {
	switch n.kind {
	case mapping:
		shown := &yaml.Node{Kind: yaml.MappingNode}
		for _, f := range n.fields {
			name := &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: f.name}
			if comments := c.comments[f.value]; len(comments) > 0 {
				name.HeadComment = "# " + strings.Join(mapped(comments, oneLine), "\n# ")
			}
			shown.Content = append(shown.Content, name, c.encoded(f.value, f.name))
		}
		return shown
	case list:
		shown := &yaml.Node{Kind: yaml.SequenceNode}
		for _, item := range n.items {
			shown.Content = append(shown.Content, c.encoded(item, key))
		}
		return shown
	default:
		return c.encodedScalar(n, key)
	}
}

func mapped(texts []string, change func(string) string) []string {
	changed := make([]string, len(texts))
	for i, text := range texts {
		changed[i] = change(text)
	}
	return changed
}

// encodedScalar is a scalar that the native format reads as what it is. A path of scar.cfg is relative to that.
func (c *classic) encodedScalar(n *node, key string) *yaml.Node {
	text := escapeDollars(n.text)
	if n.written != "" {
		text = n.written
	}
	path := slices.Contains([]string{"script", "files"}, key) || key == "image" && isImagePath(n.text)
	if path && n.src != c.src {
		if absolute, err := resolve(n); err == nil {
			text = escapeDollars(absolute)
		}
	}
	tag := n.tag
	if !slices.Contains([]string{"!!int", "!!float", "!!bool"}, tag) {
		tag = "!!str"
	}
	return &yaml.Node{Kind: yaml.ScalarNode, Tag: tag, Value: text}
}

// EnvFile is the variables of a converted file as ReadEnvFile reads them. Its errors name variables, never values.
func (c *Converted) EnvFile() ([]byte, error) {
	var b bytes.Buffer
	for _, v := range c.Variables {
		line, fits := assignEnv(v.Name, v.Value.Reveal())
		if !fits {
			return nil, fmt.Errorf("the secret %s holds what a file of variables cannot have; put it into Systems Manager or Secrets Manager by hand", v.Name)
		}
		b.WriteString(line)
	}
	return b.Bytes(), nil
}

// inDoubleQuotes writes what means something between double quotes otherwise.
var inDoubleQuotes = strings.NewReplacer(`\`, `\\`, `"`, `\"`, "$", `\$`, "\n", `\n`, "\r", `\r`)

// assignEnv is a line of a file of variables; false where none can hold the value.
func assignEnv(name, value string) (line string, fits bool) {
	for _, quoted := range []string{"'" + value + "'", `"` + inDoubleQuotes.Replace(value) + `"`, value} {
		line = name + "=" + quoted + "\n"
		if read, err := parseEnv([]byte(line)); err == nil && len(read) == 1 && read[name] == value {
			return line, true
		}
	}
	return "", false
}
