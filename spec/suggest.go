package spec

import (
	"maps"
	"slices"
	"strings"
)

// notYet are the keys of the native format that this version does not know, by where they stand. They
// are refused by name, so that nobody takes them for a slip of the pen or for done.
var notYet = struct{ file, function []string }{
	file: []string{"required_version"},
	function: []string{
		"http", "schedule", "queue", "mode", "batch", "concurrency", "retries", "on_failure", "vpc", "mounts", "package",
	},
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
	"create": "created", "put": "created", "delete": "removed", "deleted": "removed", "restore": "restored",
}

// unknownKey reports a key that a mapping does not have: one of a later version, one that belongs
// elsewhere, or a slip.
func (r *report) unknownKey(n *node, want *rule, name string) {
	child := n.get(name)
	if child == nil || child.bad {
		return
	}
	known := slices.Sorted(maps.Keys(want.one().Properties))
	atTop, inFunction := n.path == "", slices.Contains(known, "image")
	switch {
	case atTop && slices.Contains(notYet.file, name), inFunction && slices.Contains(notYet.function, name):
		r.atKey(child, "not supported by this version")
	case atTop && (slices.Contains(notYet.function, name) || want.key("defaults").Properties[name] != nil):
		r.atKey(child, "belongs to a function, or to defaults for all of them, not to the top of the file")
	case inFunction && slices.Contains([]string{"project", "region", "profile", "functions", "defaults"}, name):
		r.atKey(child, "belongs to the top of the file, not to a function")
	default:
		r.atKey(child, "unknown key; %s", suggestKey(name, known))
	}
}

func suggestKey(name string, known []string) string {
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
		if d := distance(lower, candidate, limit); d <= limit && (d < least || best == "") {
			best, least = candidate, d
		}
	}
	return best
}

// distance is the number of characters to insert, delete, replace or swap with a neighbour that lead
// from one word to the other (optimal string alignment). Above limit it is limit+1.
func distance(a, b string, limit int) int {
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
