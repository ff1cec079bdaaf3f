package spec

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
	keyword "github.com/santhosh-tekuri/jsonschema/v6/kind"

	"github.com/scar-go/scar/schemas"
)

// newClassicGrammar reads the schema of classic files. It can fail only if the schema is damaged.
func newClassicGrammar() (*grammar, error) {
	text := schemas.Classic()
	var root rule
	if err := json.Unmarshal(text, &root); err != nil {
		return nil, fmt.Errorf("read the schema of classic files: %w", err)
	}
	if err := root.link(root.Definitions); err != nil {
		return nil, fmt.Errorf("read the schema of classic files: %w", err)
	}
	compiled, err := compile(root.ID, text)
	if err != nil {
		return nil, fmt.Errorf("compile the schema of classic files: %w", err)
	}
	return &grammar{root: &root, compiled: compiled}, nil
}

// check compares the file with the schema, which knows the keys and what can stand for them. What the values may be is
// checked when they are native.
func (c *classic) check() error {
	g := c.grammar
	c.oldTruths(c.root, g.root)
	err := g.compiled.Validate(instance(c.root, g.root))
	if err == nil {
		return nil
	}
	var invalid *jsonschema.ValidationError
	if !errors.As(err, &invalid) {
		return fmt.Errorf("validate against the schema of classic files: %w", err)
	}
	for _, problem := range single(invalid) {
		at, rule := g.locate(c.root, problem.InstanceLocation)
		if unknown, is := problem.ErrorKind.(*keyword.AdditionalProperties); is {
			for _, name := range unknown.Properties {
				c.unknownKey(at, rule, name)
			}
			continue
		}
		c.report.explain(at, rule, problem.ErrorKind)
	}
	return nil
}

// oldTruths turns yes, no, on and off into what they were to the YAML of the original (YAML 1.1), where the schema asks
// for true or false.
func (c *classic) oldTruths(n *node, want *rule) {
	if n.kind == scalar && want != nil && slices.Equal(want.Types, []string{"boolean"}) {
		switch strings.ToLower(n.text) {
		case "yes", "on":
			n.text, n.tag = "true", "!!bool"
		case "no", "off":
			n.text, n.tag = "false", "!!bool"
		}
	}
	for _, f := range n.fields {
		c.oldTruths(f.value, want.key(f.name))
	}
	for _, item := range n.items {
		c.oldTruths(item, want.item())
	}
}

// nativeWords are what native files have at places where classic ones have something else.
var nativeWords = map[string]string{
	"storage": "storage_providers", "script": "init_script", "files": "extra_payload", "mode": "execution_mode", "env": "environment",
	"project": "", "defaults": "", "required_version": "", "run": "", "secrets": "",
	"architecture": "architectures", "timeout_margin": "timeout_threshold", "match": "suffix", "to": "path", "from": "path",
	"subnets": "SubnetIds", "security_groups": "SecurityGroupIds", "mounts": "file_system", "profile": "boto_profile",
	"access_point": "Arn", "variables": "Variables", "retention_days": "log_retention_policy_in_days", "user": "login", "time": "timeout",
}

// unknownKey reports a key that classic files do not have there.
func (c *classic) unknownKey(n *node, want *rule, name string) {
	child := n.get(name)
	if child == nil || child.bad {
		return
	}
	known := want.one().Properties.sorted()
	home := homes[name]
	switch {
	case n.path == "functions":
		c.report.atKey(child, "this is a file in the classic Function Definition Language, with a list under %s, in which functions has only aws and oscar; "+
			"write the function as an item of the list, or convert the others with scar convert", classicMark(c.root).label)
	case name == "project":
		c.report.atKey(child, "belongs to files in the native format; the project of a classic file is its first function's name, and --project names another one")
	case strings.HasSuffix(n.path, "]") && slices.Contains(known, "lambda") && want.key("lambda").key(name) != nil:
		c.report.atKey(child, "belongs into lambda, one level deeper: - lambda: {%s: …}", name)
	case nearest(name, known, nativeWords) == "" && home != "" && !strings.HasSuffix(n.path, home):
		c.report.atKey(child, "unknown key here; it belongs to %s", home)
	default:
		if meant := nearest(name, known, nativeWords); meant != "" {
			c.report.atKey(child, "unknown key; did you mean %s?", meant)
			return
		}
		c.report.atKey(child, "unknown key; known here: %s", strings.Join(known, ", "))
	}
}

// homes are keys that people put elsewhere, and what they belong to.
var homes = map[string]string{
	"image": "container", "image_file": "container", "create_image": "container", "timeout_threshold": "container", "alpine": "container",
	"role": "iam", "delete_image": "ecr", "log_retention_policy_in_days": "cloudwatch", "bucket": "deployment",
	"init_script": "lambda", "run_script": "lambda", "input": "lambda", "output": "lambda", "memory": "lambda", "timeout": "lambda",
	"environment": "lambda", "extra_payload": "lambda", "instance_types": "compute_resources", "max_v_cpus": "compute_resources",
}
