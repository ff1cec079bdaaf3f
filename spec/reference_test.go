package spec

import (
	"regexp"
	"strings"
	"testing"

	"gopkg.in/yaml.v3"
)

func TestReferenceHasEveryKey(t *testing.T) {
	text, err := Reference()
	if err != nil {
		t.Fatal(err)
	}
	headings := map[string]int{}
	for _, found := range regexp.MustCompile("(?m)^#+ `(.+)`$").FindAllStringSubmatch(string(text), -1) {
		headings[found[1]]++
	}
	places := map[string][]string{ // where the definitions are used
		"": {""}, "function.": {""}, "cors.": {"http.cors."}, "mount.": {"mounts[]."}, "input.": {"input[]."}, "output.": {"output[]."},
		"permission.": {"permissions[]."}, "s3.": {"s3.NAME."}, "minio.": {"minio.NAME."}, "webdav.": {"webdav.NAME."}, "onedata.": {"onedata.NAME."},
	}
	seen := 0
	walkSchema(t, func(path string, key map[string]any, _ bool) {
		definition, name := "", path
		for prefix := range places {
			if strings.HasPrefix(path, prefix) && len(prefix) > len(definition) {
				definition, name = prefix, path[len(prefix):]
			}
		}
		for _, place := range places[definition] {
			if headings[place+name] == 0 {
				t.Errorf("%s is not in the reference as %s", path, place+name)
			}
			seen++
		}
		if examples, _ := key["examples"].([]any); len(examples) > 0 {
			line := name[strings.LastIndexByte(name, '.')+1:] + ": " + flow(examples[0])
			if !strings.Contains(string(text), line) {
				t.Errorf("the example %s is not in the reference", line)
			}
		}
	})
	if total := len(headings); seen < 75 || total < 75 {
		t.Errorf("%d keys, %d headings", seen, total)
	}
	if headings["tags"] != 2 || headings["defaults"] != 1 || headings["image"] != 1 {
		t.Errorf("keys are there more than once: %v", headings)
	}
}

// The examples of the reference can be pasted into a file.
func TestExamplesOfTheReferenceAreYAML(t *testing.T) {
	text, err := Reference()
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	for _, line := range strings.Split(string(text), "\n") {
		_, examples, found := strings.Cut(line, "- Example: ")
		if !found {
			continue
		}
		for _, found := range regexp.MustCompile("`([^`]+)`").FindAllStringSubmatch(examples, -1) {
			var value map[string]any
			if err := yaml.Unmarshal([]byte(found[1]), &value); err != nil || len(value) != 1 {
				t.Errorf("%s: %v", found[1], err)
			}
			seen++
		}
	}
	if seen < 80 {
		t.Errorf("only %d examples", seen)
	}
}
