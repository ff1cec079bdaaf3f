package spec

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// object is a mapping of a file that a test makes.
type object = map[string]any

// blocks are what stands in a block of each kind beside the key that is tried, so that this key's problem is the only one.
var blocks = map[string]func() object{
	"":           func() object { return object{"project": "a", "functions": object{}} },
	"function":   func() object { return object{"image": "alpine"} },
	"schedule":   func() object { return object{"expression": "rate(1 hour)"} },
	"vpc":        func() object { return object{"subnets": "subnet-1", "security_groups": "sg-1"} },
	"cors":       func() object { return object{"origins": "https://a"} },
	"mount":      func() object { return object{"access_point": accessPointARN.example, "path": "/mnt/a"} },
	"input":      func() object { return object{"from": "s3://abc/in"} },
	"output":     func() object { return object{"to": "s3://abc/out"} },
	"permission": func() object { return object{"actions": "s3:GetObject", "resources": "*"} },
	"s3":         func() object { return object{"access_key": "a", "secret_key": "ssm:/a"} },
	"minio":      func() object { return object{"endpoint": "https://a", "access_key": "a", "secret_key": "ssm:/a"} },
	"webdav":     func() object { return object{"endpoint": "https://a", "user": "a", "password": "ssm:/a"} },
	"onedata":    func() object { return object{"endpoint": "https://a", "token": "ssm:/a", "space": "a"} },
	"logs":       func() object { return object{} },
	"http":       func() object { return object{} },
	"queue":      func() object { return object{} },
	"retries":    func() object { return object{} },
	"batch":      func() object { return object{"nodes": 1000} },
}

// beside are the keys of a function that others need.
var beside = map[string]object{
	"dedupe":         {"input": "s3://abc/in", "output": "s3://abc/out"},
	"queue":          {"input": "s3://abc/in"},
	"mounts":         {"vpc": object{"subnets": "subnet-1", "security_groups": "sg-1"}},
	"timeout_margin": {"timeout": 900},
	"interpreter":    {"run": "ls"},
}

// keyCase is a key of the schema in a file.
type keyCase struct {
	path  string // in the file: functions.f.logs.level
	block object // that it is in
	file  object
	name  string
}

// caseFor makes a file around a key, named as walkSchema does; nil where no block is known for it.
func caseFor(path string) *keyCase {
	steps := strings.Split(path, ".")
	name, within := steps[len(steps)-1], steps[:len(steps)-1]
	file := blocks[""]()
	if len(within) == 0 {
		return &keyCase{name, file, file, name}
	}
	kind := within[len(within)-1]
	if blocks[kind] == nil {
		return nil
	}
	block := blocks[kind]()
	if slices.Contains([]string{"s3", "minio", "webdav", "onedata"}, kind) {
		file["storage"] = object{kind + ".a": block}
		return &keyCase{"storage." + kind + ".a." + name, block, file, name}
	}
	function := blocks["function"]()
	file["functions"] = object{"f": function}
	parent := map[string]string{"mount": "mounts", "cors": "http.cors", "permission": "permissions"}[kind]
	switch {
	case kind == "function":
		block, kind = function, name
	case parent == "http.cors":
		function["http"] = object{"cors": block}
	case parent != "":
		function[parent], kind = block, parent
	default:
		function[kind], parent = block, kind
	}
	for other, value := range beside[kind] {
		if _, set := function[other]; !set {
			function[other] = value
		}
	}
	return &keyCase{strings.Join(append([]string{"functions.f"}, strings.FieldsFunc(parent+"."+name, isDot)...), "."), block, file, name}
}

func isDot(r rune) bool { return r == '.' }

// with returns the problems of the file with a value for the key.
func (c *keyCase) with(t *testing.T, value any) Problems {
	t.Helper()
	block := maps.Clone(c.block)
	defer func() {
		clear(c.block)
		maps.Copy(c.block, block)
	}()
	c.block[c.name] = value
	text, err := json.Marshal(c.file)
	if err != nil {
		t.Fatal(err)
	}
	r := &report{}
	if _, _, err := testGrammar().check(sourcesOf(strings.ReplaceAll(string(text), "\x7f", "\\u007f")), Options{}, r); err != nil {
		t.Fatal(err)
	}
	problems, _ := r.err().(Problems)
	for _, p := range problems {
		if line := p.SourceLine; p.Line != 1 || line != "" && !strings.HasPrefix(string([]rune(line)[p.Column-1:]), `"`) && !strings.HasPrefix(p.Path, c.path+"[") && p.Path != "functions" {
			t.Errorf("%v: stands at no key", p)
		}
	}
	return problems
}

// refused makes sure that a value is refused, at this key alone and with these words.
func (c *keyCase) refused(t *testing.T, value any, words string) {
	t.Helper()
	problems := c.with(t, value)
	said := false
	for _, p := range problems {
		if !strings.HasPrefix(p.Path, c.path) {
			t.Errorf("%s: %v: a problem with another key: %v (%s)", c.path, value, p, p.Path)
		}
		said = said || strings.Contains(p.Message, words)
	}
	if !said {
		t.Errorf("%s: %.100v: %q is not said: %v", c.path, value, words, problems)
	}
}

// allowed makes sure that these words are not said of a value; of none, that it is taken.
func (c *keyCase) allowed(t *testing.T, value any, words string) {
	t.Helper()
	for _, p := range c.with(t, value) {
		if strings.Contains(p.Message, words) {
			t.Errorf("%s: %.100v: %v", c.path, value, p)
		}
	}
}

// TestBadValuesOfEveryKey walks the schema and gives each key what it does not take: values of all other types, what is
// beyond its bounds, with what is just within them, no word of its choices, and nothing where it has to be there.
func TestBadValuesOfEveryKey(t *testing.T) {
	values := map[string]any{"object": object{"x?": 1}, "array": []any{"?"}, "string": "?\u00e9? ?", "boolean": true, "integer": 7, "null": nil}
	seen := 0
	walkSchema(t, func(path string, key map[string]any, required bool) {
		c := caseFor(path)
		if c == nil {
			t.Errorf("no case for %s; add its block", path)
			return
		}
		seen++
		rule := schemaRule(t, c.path)
		for kind, value := range values {
			if slices.Contains(rule.Types, kind) || kind == "integer" && slices.Contains(rule.Types, "number") || kind == "null" && rule.asWritten() {
				continue
			}
			c.refused(t, value, "")
		}
		if required {
			c.missing(t)
		}
		c.bounds(t, rule)
		c.words(t, rule)
	})
	if seen < 75 {
		t.Errorf("only %d keys were tried", seen)
	}
}

// schemaRule is the rule for a path of a file.
func schemaRule(t *testing.T, path string) *rule {
	t.Helper()
	at := testGrammar().root
	steps := strings.Split(path, ".")
	for i := 0; i < len(steps); i++ {
		step := steps[i]
		if i == 1 && steps[0] == "storage" {
			step, i = step+".a", i+1
		}
		if at = at.key(step); at == nil {
			t.Fatalf("the schema has no %s", path)
		}
	}
	return at
}

// missing tries a file without the key.
func (c *keyCase) missing(t *testing.T) {
	t.Helper()
	value := c.block[c.name]
	delete(c.block, c.name)
	defer func() { c.block[c.name] = value }()
	text, err := json.Marshal(c.file)
	if err != nil {
		t.Fatal(err)
	}
	if got := problemsIn(t, string(text)); !slices.ContainsFunc(got, func(line string) bool { return strings.Contains(line, c.name+": is missing; add ") }) {
		t.Errorf("without %s: %q", c.path, got)
	}
}

// bounds tries values at the bounds of a key and beyond.
func (c *keyCase) bounds(t *testing.T, rule *rule) {
	t.Helper()
	if rule.Minimum != nil {
		c.allowed(t, *rule.Minimum, "")
		below := next(t, *rule.Minimum, -1)
		c.refused(t, below, fmt.Sprintf("%s is below the minimum of %s", below, rule.measure(rule.Minimum)))
	}
	if rule.Maximum != nil {
		c.allowed(t, *rule.Maximum, "")
		above := next(t, *rule.Maximum, 1)
		c.refused(t, above, fmt.Sprintf("%s is above the maximum of %s", above, rule.measure(rule.Maximum)))
	}
	if (rule.Minimum != nil) != (rule.Maximum != nil) || rule.Minimum == nil && slices.Contains(rule.Types, "integer") && rule.Enum == nil {
		t.Errorf("%s has no bounds", c.path)
	}
	if rule.MaxLength > 0 && slices.Contains(rule.Types, "string") {
		c.allowed(t, strings.Repeat("x", rule.MaxLength), "are allowed")
		c.refused(t, strings.Repeat("x", rule.MaxLength+1), fmt.Sprintf("has %d characters, %d are allowed", rule.MaxLength+1, rule.MaxLength))
	}
	if rule.MaxItems > 0 {
		items := make([]any, rule.MaxItems+1)
		for i := range items {
			items[i] = rule.item().example()
		}
		c.allowed(t, items[1:], "are allowed")
		c.refused(t, items, fmt.Sprintf("has %d items, %d are allowed", rule.MaxItems+1, rule.MaxItems))
	}
}

// next is the number that lies a step from a bound.
func next(t *testing.T, bound json.Number, step float64) json.Number {
	t.Helper()
	value, err := bound.Float64()
	if err != nil {
		t.Fatal(err)
	}
	return json.Number(strconv.FormatFloat(value+step, 'f', -1, 64))
}

// example is an item that the schema shows, or a word.
func (r *rule) example() any {
	if len(r.Examples) > 0 {
		return r.Examples[0]
	}
	return "x"
}

// words tries texts that are none of the choices of a key, or do not have its form.
func (c *keyCase) words(t *testing.T, rule *rule) {
	t.Helper()
	switch one := rule.one(); {
	case len(rule.Enum) > 0 && slices.Contains(rule.Types, "integer"):
		c.refused(t, 2, "wants 1, 3, 5")
	case len(rule.Enum) > 0:
		c.refused(t, "none-of-these", "wants "+flow(rule.Enum[0]))
	case rule.PatternWords != "" && rule.Unit == "":
		c.refused(t, "?\u00e9? ?", "")
	case rule.Unit != "":
		c.refused(t, "5 parsecs", rule.PatternWords)
	case one.PatternWords != "" && one != rule:
		c.refused(t, []any{"?\u00e9? ?"}, "")
	}
}
