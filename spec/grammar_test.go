package spec

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/scar-go/scar/schemas"
)

func TestSchemaIsDraft7(t *testing.T) {
	text := schemas.Native()
	if _, err := compile("https://example.org/schema", text); err != nil {
		t.Error(err)
	}
	var root struct {
		Schema string `json:"$schema"`
	}
	if err := json.Unmarshal(text, &root); err != nil || root.Schema != "http://json-schema.org/draft-07/schema#" {
		t.Errorf("it is of %q, %v", root.Schema, err)
	}
}

// TestSchemaReadsNothingElse refers to a schema in a file and to one on a server, both of which are there.
func TestSchemaReadsNothingElse(t *testing.T) {
	const content = `{"type": "string"}`
	asked := false
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		asked = true
		fmt.Fprint(w, content)
	}))
	defer server.Close()
	file := filepath.Join(writeFiles(t, map[string]string{"schema.json": content}), "schema.json")
	for _, target := range []string{server.URL + "/schema.json", (&url.URL{Scheme: "file", Path: filepath.ToSlash(file)}).String()} {
		text := fmt.Sprintf(`{"$id": "https://example.org/schema", "properties": {"a": {"$ref": %q}}}`, target)
		if _, err := compile("https://example.org/schema", []byte(text)); err == nil || !strings.Contains(err.Error(), target) {
			t.Errorf("%s: %v", target, err)
		}
	}
	if asked {
		t.Error("the server was asked for a schema")
	}
}

func TestDamagedSchemasAreRefused(t *testing.T) {
	for _, text := range []string{``, `{`, `{} {}`, `{"type": "text"}`, `{"pattern": "("}`, `{"properties": {"a": 1}}`, `{"$ref": "#/definitions/none"}`} {
		if _, err := compile("https://example.org/schema", []byte(text)); err == nil {
			t.Errorf("%q is taken", text)
		}
	}
}

// walkSchema calls visit for each key that the schema describes, with the path to it.
func walkSchema(t *testing.T, visit func(path string, key map[string]any, required bool)) {
	t.Helper()
	var root map[string]any
	if err := json.Unmarshal(schemas.Native(), &root); err != nil {
		t.Fatal(err)
	}
	var walk func(path string, schema map[string]any)
	walk = func(path string, schema map[string]any) {
		properties, _ := schema["properties"].(map[string]any)
		required, _ := schema["required"].([]any)
		for name, value := range properties {
			visit(path+name, value.(map[string]any), slices.Contains(required, any(name)))
			walk(path+name+".", value.(map[string]any))
		}
	}
	walk("", root)
	for name, definition := range root["definitions"].(map[string]any) {
		walk(name+".", definition.(map[string]any))
	}
}

func TestEveryKeyIsDocumented(t *testing.T) {
	seen := 0
	walkSchema(t, func(path string, key map[string]any, required bool) {
		seen++
		description, _ := key["description"].(string)
		if len(description) < 15 || !strings.HasSuffix(description, ".") {
			t.Errorf("%s has no description: %q", path, description)
		}
		if examples, _ := key["examples"].([]any); len(examples) == 0 {
			t.Errorf("%s has no example", path)
		}
		_, hasDefault := key["default"]
		says := strings.Contains(description, "Default: ") || strings.Contains(description, "Required") || strings.Contains(description, "Without script and run")
		if !hasDefault && !required && !says {
			t.Errorf("%s says nothing of its default", path)
		}
	})
	if seen < 45 {
		t.Errorf("only %d keys were looked at", seen)
	}
}

// TestExamplesOfTheSchemaAreValid puts each example of a function's keys into a file.
func TestExamplesOfTheSchemaAreValid(t *testing.T) {
	g, err := newGrammar()
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range g.root.key("functions").Others.rule.Properties {
		name, rule := key.name, key.rule
		for i, example := range rule.Examples {
			text := "project: a\nfunctions:\n  f: {image: alpine, " + name + ": " + flow(example) + "}\n"
			switch name {
			case "interpreter":
				text = strings.Replace(text, "alpine, ", "alpine, run: ls, ", 1)
			case "image":
				text = strings.Replace(text, "image: alpine, ", "", 1)
			case "mounts":
				text = strings.Replace(text, "alpine, ", "alpine, vpc: {subnets: subnet-1, security_groups: sg-1}, ", 1)
			case "dedupe", "queue":
				text = strings.Replace(text, "image: alpine, ", "image: alpine, input: s3://abc/x, output: s3://abc/y, ", 1)
			}
			if got := problemsIn(t, text); len(got) > 0 {
				t.Errorf("%s, example %d: %q", name, i, got)
			}
		}
	}
	for _, key := range g.root.Properties {
		name, rule := key.name, key.rule
		for i, example := range rule.Examples {
			text := map[string]string{"project": "project: a\n", "functions": "functions: {}\n"}
			text[name] = name + ": " + flow(example) + "\n"
			if got := problemsIn(t, text["project"]+text["functions"]+unlessIn(text, name)); len(got) > 0 {
				t.Errorf("%s, example %d: %q", name, i, got)
			}
		}
	}
}

func unlessIn(text map[string]string, name string) string {
	if name == "project" || name == "functions" {
		return ""
	}
	return text[name]
}

// TestDefaultsAreThoseOfTheSchema compares what a function without keys becomes with what the schema says.
func TestDefaultsAreThoseOfTheSchema(t *testing.T) {
	_, drafts, err := testGrammar().check(sourcesOf("project: a\nfunctions: {f: {image: alpine, input: s3://abc/x, output: s3://abc/y}}\n"), Options{}, &report{})
	if err != nil {
		t.Fatal(err)
	}
	f := drafts[0].Function
	said := map[string]string{}
	walkSchema(t, func(path string, key map[string]any, _ bool) {
		if value, found := key["default"]; found {
			said[path] = flow(value)
		}
	})
	for path, value := range map[string]any{
		"function.memory": f.Memory, "function.timeout": f.Timeout, "function.timeout_margin": f.TimeoutMargin,
		"function.ephemeral_storage": f.EphemeralStorage, "function.keep_folders": f.KeepFolders,
		"function.logs.retention_days": f.Logs.RetentionDays, "function.logs.level": f.Logs.Level,
		"function.logs.format": f.Logs.Format, "function.logs.metrics": f.Logs.Metrics,
		"function.dedupe": f.Dedupe, "function.records": f.Records != "",
		"function.http": f.HTTP != nil, "function.queue": f.Queue != nil, "function.retries.attempts": f.Retries.Attempts, "function.retries.max_age": f.Retries.MaxAge,
		"input.suffix": fmt.Sprintf("[%q]", f.Inputs[0].Suffix[0]),
	} {
		if got := fmt.Sprint(value); got != said[path] {
			t.Errorf("%s is %s, the schema says %q", path, got, said[path])
		}
	}
	r := &report{}
	batch := (&draft{node: &node{fields: []field{{"batch", &node{src: &source{}, kind: mapping}}}}}).readBatch(r)
	for path, value := range map[string]any{
		"function.mode": f.Mode, "function.preheat": f.Preheat, "batch.vcpus": batch.VCPUs, "batch.memory": batch.Memory, "batch.gpus": batch.GPUs,
		"batch.platform": batch.Platform, "batch.min_vcpus": batch.MinVCPUs, "batch.desired_vcpus": batch.DesiredVCPUs, "batch.max_vcpus": batch.MaxVCPUs,
		"batch.nodes": batch.Nodes, "batch.main_node": batch.MainNode,
	} {
		if got := fmt.Sprint(value); got != said[path] {
			t.Errorf("%s is %s, the schema says %q", path, got, said[path])
		}
	}
	full := readHTTP(&node{kind: mapping, fields: []field{{"cors", &node{kind: scalar, tag: "!!bool", text: "true"}}}}, r)
	d := &draft{node: &node{fields: []field{{"queue", &node{kind: mapping, fields: []field{{"attempts", nil}}}}}}, Function: Function{Inputs: []Input{{Provider: OwnS3}}}}
	d.readQueue(r)
	zone := readSchedule(&node{kind: scalar, tag: "!!str", text: "rate(1 hour)"}, r).Timezone
	for path, value := range map[string]any{
		"function.http.auth": full.Auth, "function.http.cors": false, "cors.origins": fmt.Sprintf("[%q]", full.CORS.Origins[0]),
		"cors.methods": fmt.Sprintf("[%q]", full.CORS.Methods[0]), "cors.headers": fmt.Sprintf("[%q]", full.CORS.Headers[0]), "cors.expose": full.CORS.Expose,
		"cors.credentials": full.CORS.Credentials, "cors.max_age": full.CORS.MaxAge, "function.schedule.timezone": zone,
		"function.queue.batch_size": d.Queue.BatchSize, "function.queue.attempts": d.Queue.Attempts,
	} {
		if got := fmt.Sprint(value); got != said[path] {
			t.Errorf("%s is %s, the schema says %q", path, got, said[path])
		}
	}
	if said["input.events"] != "[created]" || f.Inputs[0].Events[0] != eventWords["created"] {
		t.Errorf("events are %v, the schema says %s", f.Inputs[0].Events, said["input.events"])
	}
}

// TestPatternsAreSaidInWords makes sure that no message consists of a regular expression.
func TestPatternsAreSaidInWords(t *testing.T) {
	var walk func(path string, value any)
	walk = func(path string, value any) {
		switch v := value.(type) {
		case map[string]any:
			if _, isText := v["pattern"].(string); isText && v["patternErrorMessage"] == nil {
				t.Errorf("%s has a pattern without words", path)
			}
			for _, keyword := range []string{
				"oneOf", "anyOf", "allOf", "not", "else", "format", "const", "contains", "dependencies", "uniqueItems", "multipleOf",
				"exclusiveMinimum", "exclusiveMaximum", "minProperties", "maxProperties", "additionalItems",
			} {
				if v[keyword] != nil {
					t.Errorf("%s uses %s, which explain does not put into words", path, keyword)
				}
			}
			for key, child := range v {
				names, areNames := child.(map[string]any)
				switch {
				case key == "default", key == "examples":
				case areNames && (key == "properties" || key == "patternProperties" || key == "definitions"):
					for name, one := range names {
						walk(path+"/"+name, one)
					}
				default:
					walk(path+"/"+key, child)
				}
			}
		case []any:
			for i, child := range v {
				walk(fmt.Sprint(path, "/", i), child)
			}
		}
	}
	var root any
	if err := json.Unmarshal(schemas.Native(), &root); err != nil {
		t.Fatal(err)
	}
	walk("", root)
}

func TestSynonymsLeadToKnownWords(t *testing.T) {
	known := map[string]bool{"created": true, "removed": true, "restored": true, "x86_64": true, "arm64": true, "warning": true}
	walkSchema(t, func(path string, _ map[string]any, _ bool) {
		known[path[strings.LastIndexByte(path, '.')+1:]] = true
	})
	for other, word := range otherWords {
		if !known[word] {
			t.Errorf("%s leads to %s, which is no word of the format", other, word)
		}
	}
}

func TestQuantity(t *testing.T) {
	for _, c := range []struct {
		text, unit string
		want       int
		ok         bool
	}{
		{"512", "MB", 512, true}, {"512MB", "MB", 512, true}, {"2GB", "MB", 2048, true}, {"0", "MB", 0, true},
		{"90", "s", 90, true}, {"90s", "s", 90, true}, {"5m", "s", 300, true}, {"1h", "s", 3600, true},
		{"999999999GB", "MB", 999999999 * 1024, true},
		{"", "MB", 0, false}, {"MB", "MB", 0, false}, {"2gb", "MB", 0, false}, {"2 GB", "MB", 0, false}, {"1.5GB", "MB", 0, false},
		{"-1", "MB", 0, false}, {"+1", "MB", 0, false}, {"08", "MB", 0, false}, {"1e3", "MB", 0, false},
		{"1000000000", "MB", 0, false}, {"5m", "MB", 0, false}, {"2GB", "s", 0, false}, {"1h30m", "s", 0, false},
	} {
		if got, ok := quantity(c.text, c.unit); got != c.want || ok != c.ok {
			t.Errorf("quantity(%q, %s) = %d, %v", c.text, c.unit, got, ok)
		}
	}
}

func TestDistance(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want int
	}{
		{"", "", 0}, {"memory", "memory", 0}, {"memry", "memory", 1}, {"mmeory", "memory", 1}, {"memori", "memory", 1},
		{"imputs", "input", 2}, {"abc", "xyz", 3}, {"a", "abcdef", 3},
	} {
		if got := Distance(c.a, c.b, 2); got != c.want {
			t.Errorf("Distance(%q, %q) = %d, want %d", c.a, c.b, got, c.want)
		}
	}
}

func TestFirstTrue(t *testing.T) {
	for n := 1; n < 20; n++ {
		for first := 0; first <= n; first++ {
			for guess := -1; guess <= n+1; guess++ {
				got := firstTrue(n, guess, func(i int) bool { return i >= first })
				if got != min(first, n-1) {
					t.Fatalf("firstTrue(%d, %d) = %d, want %d", n, guess, got, min(first, n-1))
				}
			}
		}
	}
}
