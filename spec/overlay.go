package spec

import "slices"

// level says how deep in a file a mapping is, where that decides how another one is laid over it.
type level int

const (
	fileLevel level = iota
	functionsLevel
	functionLevel
	plainLevel
)

// below is the level of a key's value.
func (l level) below(key string) level {
	switch {
	case l == fileLevel && key == "functions":
		return functionsLevel
	case l == fileLevel && key == "defaults":
		return functionLevel
	case l == functionsLevel:
		return functionLevel
	default:
		return plainLevel
	}
}

// whatRuns are the keys of a function of which one can be set. One of them in a later file, or in a
// function beside defaults, replaces whichever was there.
var whatRuns = []string{"script", "run", "command"}

// overlay lays a node of a later file over one of an earlier file: mappings are merged key by key,
// scalars and lists replaced. Neither is changed; every value keeps its place.
func overlay(base, over *node, at level) *node {
	if base.kind != mapping || over.kind != mapping {
		return over
	}
	merged := *base
	merged.fields, merged.index = nil, nil
	for _, f := range base.fields {
		switch later := over.get(f.name); {
		case later != nil:
			merged.fields = append(merged.fields, field{f.name, overlay(f.value, later, at.below(f.name))})
		case at == functionLevel && replaced(f.name, over):
		default:
			merged.fields = append(merged.fields, f)
		}
	}
	for _, f := range over.fields {
		if base.get(f.name) == nil {
			merged.fields = append(merged.fields, f)
		}
	}
	return &merged
}

// replaced says whether a function's key has to give way to another one of those that say what runs.
func replaced(name string, over *node) bool {
	return slices.Contains(whatRuns, name) && (over.get("script") != nil || over.get("run") != nil || over.get("command") != nil)
}

// mergedKeys are the keys of a function whose names are added to those of defaults.
var mergedKeys = []string{"env", "secrets", "tags"}

// withDefaults is a function with the defaults filled in: its own keys replace those of defaults, but
// env, secrets and tags are merged name by name.
func withDefaults(defaults, function *node) *node {
	if defaults == nil || defaults.kind != mapping || function.kind != mapping {
		return function
	}
	merged := *function
	merged.fields, merged.index = nil, nil
	for _, f := range function.fields {
		common := defaults.get(f.name)
		if common != nil && slices.Contains(mergedKeys, f.name) {
			f.value = overlay(common, f.value, plainLevel)
		}
		merged.fields = append(merged.fields, f)
	}
	for _, f := range defaults.fields {
		if function.get(f.name) == nil && !replaced(f.name, function) {
			merged.fields = append(merged.fields, f)
		}
	}
	return &merged
}
