package spec

import (
	"slices"
	"strings"
)

// laterChoices are values, by key, that this version does not know, and what there is instead.
var laterChoices = map[string]struct {
	values  []string
	instead string
}{
	"package": {[]string{"zip"}, "functions are container images, package: image, which needs no mention"},
}

// otherWords are what people write who know other tools, and what it is called here.
var otherWords = map[string]string{
	"environment": "env", "environment_variables": "env", "variables": "env",
	"arch": "architecture", "architectures": "architecture", "cmd": "command", "args": "command",
	"init_script": "script", "run_script": "script", "extra_payload": "files", "memory_size": "memory",
	"storage_size": "ephemeral_storage", "disk": "ephemeral_storage", "timeout_threshold": "timeout_margin",
	"log_level": "logs", "retention_days": "logs", "iam_role": "role", "container": "image", "name": "project",
	"amd64": "x86_64", "x64": "x86_64", "x86-64": "x86_64", "aarch64": "arm64", "warn": "warning",
	"path": "from", "bucket": "from", "filter": "suffix", "include": "match", "pattern": "match",
	"action": "actions", "resource": "resources", "storage_providers": "storage", "providers": "storage",
	"host": "endpoint", "hostname": "endpoint", "url": "endpoint", "oneprovider_host": "endpoint",
	"login": "user", "username": "user", "pass": "password", "secret": "secret_key", "key": "access_key",
	"access_key_id": "access_key", "secret_access_key": "secret_key", "access_token": "token", "log_format": "logs",
	"cron": "schedule", "rate": "schedule", "timezone": "schedule", "cron_expression": "expression", "tz": "timezone", "time_zone": "timezone",
	"api_gateway": "http", "function_url": "http", "cors": "http", "auth": "http", "authentication": "auth", "api_name": "api",
	"allow_origins": "origins", "allow_methods": "methods", "allow_headers": "headers", "expose_headers": "expose", "allow_credentials": "credentials",
	"sqs": "queue", "batch_size": "queue", "queue_arn": "arn", "max_receives": "attempts", "max_receive_count": "attempts", "maximum_concurrency": "max_concurrency",
	"reserved_concurrency": "concurrency", "retry": "retries", "max_retries": "attempts", "max_event_age": "max_age",
	"destination": "on_failure", "dead_letter": "on_failure", "dead_letter_queue": "on_failure", "dlq": "on_failure", "onfailure": "on_failure",
	"vpc_config": "vpc", "subnets": "vpc", "security_groups": "vpc", "subnet_ids": "subnets", "subnetids": "subnets",
	"security_group_ids": "security_groups", "securitygroupids": "security_groups", "file_system": "mounts", "file_systems": "mounts", "efs": "mounts",
	"access_point_arn": "access_point", "local_mount_path": "path", "execution_mode": "mode", "package_type": "package",
	"enable_gpu": "gpus", "number_nodes": "nodes", "main_node_index": "main_node", "launch_template_name": "launch_template",
	"desired_v_cpus": "desired_vcpus", "min_v_cpus": "min_vcpus", "max_v_cpus": "max_vcpus", "shell": "interpreter",
	"scar_version": "required_version", "version": "required_version",
	"create": "created", "put": "created", "delete": "removed", "deleted": "removed", "restore": "restored",
}

// unknownKey reports a key that a mapping does not have: one of a later version, one that belongs
// elsewhere, or a slip.
func (r *report) unknownKey(n *node, want *rule, name string) {
	child := n.get(name)
	if child == nil || child.bad {
		return
	}
	known := want.one().Properties.sorted()
	atTop, inFunction := n.path == "", slices.Contains(known, "image")
	switch {
	case atTop && want.key("defaults").Properties.get(name) != nil:
		r.atKey(child, "belongs to a function, or to defaults for all of them, not to the top of the file")
	case inFunction && slices.Contains([]string{"project", "required_version", "region", "profile", "functions", "defaults"}, name):
		r.atKey(child, "belongs to the top of the file, not to a function")
	default:
		r.atKey(child, "unknown key; %s", suggestKey(name, known))
	}
}

func suggestKey(name string, known []string) string {
	if len(known) == 0 {
		return "only {} can stand here"
	}
	if meant := nearest(name, known, otherWords); meant != "" {
		return "did you mean " + meant + "?"
	}
	return "known here: " + strings.Join(known, ", ")
}

// nearest is the word of a list that was probably meant: the same but for its case, the one that other
// tools have another word for, or the one that the fewest changes lead to, if those are few for its
// length. It is empty where nothing is near.
func nearest(word string, known []string, synonyms map[string]string) string {
	lower := strings.ToLower(word)
	if meant := synonyms[lower]; meant != "" && slices.Contains(known, meant) {
		return meant
	}
	best, least := "", 3
	for _, candidate := range known {
		limit := min(least, 1+len(candidate)/5)
		if d := Distance(lower, strings.ToLower(candidate), limit); d <= limit && (d < least || best == "") {
			best, least = candidate, d
		}
	}
	return best
}

// Distance is the number of bytes to insert, delete, replace or swap with a neighbour that lead
// from one word to the other (optimal string alignment). Above limit it is limit+1. Suggestions are made of it.
func Distance(a, b string, limit int) int {
	if len(a)-len(b) > limit || len(b)-len(a) > limit {
		return limit + 1
	}
	before, last, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			row[j] = min(last[j]+1, row[j-1]+1, last[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last, row = last, row, before
	}
	return min(last[len(b)], limit+1)
}
