package contract

import (
	"os"
	"path/filepath"
	"testing"

	"gopkg.in/yaml.v3"

	"github.com/scar-go/scar/spec"
)

// function is an entry of func.yaml without what every function of the suite has.
type function struct {
	needs func(traits) bool // of the world; nil: nothing
	keys  map[string]any
}

func withShell(w traits) bool { return w.shell }

// functions are those that the cases use. All but some run the probe.
func functions(w traits) map[string]function {
	const script, run = "script", "run"
	timeout := 10 // half of it is the script's
	if w.emulated {
		timeout = 20 // the emulator takes its time to start
	}
	return map[string]function{
		"probe": {keys: map[string]any{script: "probe", "timeout": 60, "env": map[string]string{"QUALITY": "80", "EMPTY": "", "LINES": "a\nb"}}},
		"shell": {needs: withShell, keys: map[string]any{run: "#!/bin/sh\n. \"$INPUT_FILE_PATH\"\n", "timeout": 60}},
		"line":  {needs: withShell, keys: map[string]any{run: `echo "by $0"; echo more >&2`}},
		"timed": {keys: map[string]any{script: "probe", "timeout": timeout}},
		"removed": {keys: map[string]any{
			script: "probe", "env": map[string]string{"PROBE": do([]string{"input"}, []string{"write", "gone.txt", "gone"})},
			"input": []any{map[string]any{"from": "s3://" + bucket + "/removed/in/", "events": []string{"removed"}}},
		}},
		"files": {keys: map[string]any{script: "probe", "files": []string{"labels.txt", "tool"}}},
		"matched": {keys: map[string]any{
			script: "probe", "keep_folders": false,
			"output": []any{
				map[string]any{"to": "s3://" + bucket + "/matched/out/texts/", "match": []string{"*.txt"}},
				map[string]any{"to": "s3://" + bucket + "/matched/out/plots/", "match": []string{"plots/**"}},
			},
		}},
		"small":   {keys: map[string]any{script: "probe", "memory": 128}},
		"nothing": {keys: map[string]any{script: "probe", "records": false}},
		"once":    {keys: map[string]any{script: "probe", "dedupe": true}},
		"json":    {keys: map[string]any{script: "probe", "logs": map[string]any{"format": "json", "metrics": true}}},
		"secret": {needs: sandboxed, keys: map[string]any{script: "probe", "secrets": map[string]string{
			"TOKEN": "ssm:/contract/token", "PASSWORD": "secretsmanager:contract/db#password",
		}}},
		"absent": {keys: map[string]any{run: "#!/tmp/none -x\n"}},
		"own": {needs: func(w traits) bool { return w.probe }, keys: map[string]any{
			"command": []string{"-v", "two words", ""}, "env": map[string]string{"PROBE": do([]string{"args"})},
		}},
	}
}

// writeProject writes func.yaml for a world and what it refers to. image is what func.yaml has as image.
func writeProject(t *testing.T, w traits, image string) *spec.File {
	t.Helper()
	dir := t.TempDir()
	all := map[string]any{}
	for name, f := range functions(w) {
		if f.needs != nil && !f.needs(w) {
			continue
		}
		entry := map[string]any{
			"image": image, "logs": map[string]any{"level": "debug"},
			"input": []string{"s3://" + bucket + "/" + name + "/in/"}, "output": []string{"s3://" + bucket + "/" + name + "/out/"},
		}
		for key, value := range f.keys {
			entry[key] = value
		}
		all[name] = entry
	}
	return loadProject(t, dir, w.arch(), map[string]any{"project": "contract", "functions": all})
}

// loadProject writes a file into a folder, with the files that the functions of the tests ship, and reads it.
func loadProject(t *testing.T, dir, arch string, project map[string]any) *spec.File {
	t.Helper()
	content, err := yaml.Marshal(project)
	if err != nil {
		t.Fatal(err)
	}
	copyFile(t, probeFor(t, arch), filepath.Join(dir, "probe"))
	for name, f := range map[string]struct {
		content string
		mode    os.FileMode
	}{
		"func.yaml":  {string(content), 0o644},
		"labels.txt": {"labels", 0o640},
		"tool":       {"#!/bin/sh\n", 0o700},
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(f.content), f.mode); err != nil {
			t.Fatal(err)
		}
	}
	file, err := spec.Load(t.Context(), []string{filepath.Join(dir, "func.yaml")}, spec.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return file
}

func copyFile(t *testing.T, from, to string) {
	t.Helper()
	content, err := os.ReadFile(from)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(to, content, 0o755); err != nil {
		t.Fatal(err)
	}
}
