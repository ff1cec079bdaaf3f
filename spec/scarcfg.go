package spec

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
)

// shippedSettings are the defaults that the original wrote into every scar.cfg. A file that has one of them says nothing.
const shippedSettings = `{
"iam": {"boto_profile": "default", "role": ""},
"lambda": {"boto_profile": "default", "region": "us-east-1", "execution_mode": "lambda", "timeout": 300, "memory": 512,
  "description": "Automatically generated lambda function", "runtime": "python3.7", "layers": [],
  "invocation_type": "RequestResponse", "asynchronous": false, "log_type": "Tail", "log_level": "INFO",
  "environment": {"Variables": {"UDOCKER_BIN": "/opt/udocker/bin/", "UDOCKER_LIB": "/opt/udocker/lib/",
    "UDOCKER_DIR": "/tmp/shared/udocker", "UDOCKER_EXEC": "/opt/udocker/udocker.py"}},
  "deployment": {"max_payload_size": 52428800, "max_s3_payload_size": 262144000},
  "container": {"environment": {"Variables": {}}, "timeout_threshold": 10},
  "supervisor": {"version": "latest", "layer_name": "faas-supervisor", "license_info": "Apache 2.0"}},
"api_gateway": {"boto_profile": "default", "region": "us-east-1"},
"cloudwatch": {"boto_profile": "default", "region": "us-east-1", "log_retention_policy_in_days": 30},
"batch": {"multi_node_parallel": {"enabled": false, "number_nodes": 10, "main_node_index": 0},
  "boto_profile": "default", "region": "us-east-1", "vcpus": 1, "memory": 1024, "enable_gpu": false, "state": "ENABLED",
  "type": "MANAGED", "environment": {"Variables": {}},
  "compute_resources": {"security_group_ids": [], "type": "EC2", "desired_v_cpus": 0, "min_v_cpus": 0, "max_v_cpus": 2,
    "subnets": [], "instance_types": ["m3.medium"], "launch_template_name": "faas-supervisor",
    "instance_role": "arn:aws:iam::{account_id}:instance-profile/ecsInstanceRole"},
  "service_role": "arn:aws:iam::{account_id}:role/service-role/AWSBatchServiceRole"}}`

// meaningless are settings of functions that are in every scar.cfg and mean nothing for images. In a file of functions
// somebody wrote them on purpose, and is told.
var meaningless = []string{"runtime", "layers", "supervisor", "deployment", "handler", "invocation_type", "log_type", "state", "type"}

// readSettings reads the defaults of scar.cfg for the functions of a classic file, as a function has them. Keys that it
// does not know it leaves out: the original kept much there. It returns nil where there are none.
func (c *classic) readSettings(want *rule) *node {
	if c.opts.Settings == "" {
		return nil
	}
	src, err := readSettingsFile(c.opts.Settings)
	if err == nil && src == nil {
		return nil
	}
	var root *node
	if err == nil {
		src.index = c.src.index + 1
		if root = parse(src, &report{}); root == nil {
			err = fmt.Errorf("%s: it is JSON, but no YAML; correct it, or move it away", c.opts.Settings)
		}
	}
	if err != nil {
		unread := c.src.finding(max(c.root.line, 1), max(c.root.column, 1), fmt.Sprintf("the defaults of classic files cannot be read: %v", err))
		unread.path = "region" // which may be among them
		c.report.add(*unread)
		return nil
	}
	shipped := parse(&source{text: []byte(shippedSettings)}, &report{})
	kept := chosen(root.get("aws"), shipped, want)
	if kept == nil {
		return nil
	}
	return withoutNothing(kept)
}

// readSettingsFile reads a file of JSON as YAML, which finds the place of each value; nil where there is no file. The one
// thing that JSON allows and YAML does not is a tab between values.
func readSettingsFile(path string) (*source, error) {
	file, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer file.Close()
	text, err := io.ReadAll(io.LimitReader(file, maxSource+1))
	if err != nil {
		return nil, err
	}
	if len(text) > maxSource {
		return nil, fmt.Errorf("%s is larger than 1 MB", path)
	}
	var any json.RawMessage
	if err := json.Unmarshal(text, &any); err != nil {
		return nil, fmt.Errorf("%s:%d: no valid JSON; correct it, or move it away", path, faultOfJSON(text, err))
	}
	dir, err := filepath.Abs(filepath.Dir(path))
	if err != nil {
		return nil, err
	}
	return &source{name: path, dir: dir, text: bytes.ReplaceAll(text, []byte("\t"), []byte(" "))}, nil
}

// faultOfJSON is the line, from 1, in which JSON ends to make sense. What the library says may hold a secret.
func faultOfJSON(text []byte, err error) int {
	var syntax *json.SyntaxError
	if !errors.As(err, &syntax) {
		return 1
	}
	return 1 + bytes.Count(text[:min(int(syntax.Offset), len(text))], []byte("\n"))
}

// chosen is what somebody chose of settings: without what was shipped, what is unknown and what is of another kind than
// the schema says. It returns nil where nothing is left.
func chosen(n, shipped *node, want *rule) *node {
	switch {
	case n == nil || n.kind == null || want == nil || sameValue(n, shipped):
		return nil
	case n.kind == mapping:
		kept := made(n, mapping)
		for _, f := range n.fields {
			if slices.Contains(meaningless, f.name) {
				continue
			}
			if value := chosen(f.value, shipped.get(f.name), want.key(f.name)); value != nil && fits(value, want.key(f.name)) {
				kept.fields = append(kept.fields, field{f.name, value})
			}
		}
		if len(kept.fields) == 0 {
			return nil
		}
		return kept
	case n.kind == list && !slices.ContainsFunc(n.items, func(item *node) bool { return item.kind != scalar || item.text != "" }):
		return nil // versions before 1.0.8 shipped lists of one empty text
	default:
		return n
	}
}

// settingsFor are the defaults that one function has. What they say of jobs is for those that are jobs.
func settingsFor(item, settings *node) *node {
	mode := item.get("lambda").get("execution_mode")
	if mode == nil {
		mode = settings.get("lambda").get("execution_mode")
	}
	if item.get("batch") != nil || mode.str() != "" && mode.str() != modeLambda {
		return settings
	}
	kept := made(settings, mapping)
	for _, f := range settings.fields {
		if f.name != "batch" {
			kept.fields = append(kept.fields, f)
		}
	}
	return kept
}

// fits says whether a value is of a kind that the schema takes.
func fits(n *node, want *rule) bool {
	switch n.kind {
	case mapping:
		return slices.Contains(want.Types, "object")
	case list:
		return slices.Contains(want.Types, "array")
	default:
		return !slices.Contains(want.Types, "object") && (len(want.Types) != 1 || want.Types[0] != "array")
	}
}

// sameValue says whether two values are the same, wherever they stand.
func sameValue(a, b *node) bool {
	if a == nil || b == nil {
		return a == b
	}
	return a.kind == b.kind && a.text == b.text && slices.EqualFunc(a.items, b.items, sameValue) &&
		slices.EqualFunc(a.fields, b.fields, func(x, y field) bool { return x.name == y.name && sameValue(x.value, y.value) })
}
