package flow

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/scar-go/scar/runtime/job"
	"github.com/scar-go/scar/spec"
)

// parts are the digests of the layers of a function.
func parts(t *testing.T, fn *spec.Function, j *job.Job) [added]string {
	t.Helper()
	layers, err := layersOf(context.Background(), &runtimes{}, fn, j, "x86_64")
	if err != nil {
		t.Fatal(err)
	}
	if len(layers) != added {
		t.Fatalf("%d layers, want %d", len(layers), added)
	}
	var out [added]string
	for i, l := range layers {
		out[i] = l.Digest()
	}
	return out
}

// TestEachChangeHasItsLayer changes one thing at a time: exactly the layer of that thing differs, and
// its position tells which it is.
func TestEachChangeHasItsLayer(t *testing.T) {
	path := filepath.Join(t.TempDir(), "labels.txt")
	if err := os.WriteFile(path, []byte("cat\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	const runtimeLayer, filesLayer, scriptLayer, jobLayer = 0, 1, 2, 3
	base := parts(t, &spec.Function{}, &job.Job{Version: job.Version})
	script := &spec.Script{Content: []byte("#!/bin/sh\n")}
	files := []spec.Entry{{Name: "labels.txt", Path: path, Size: 4}, {Name: "link", Target: "labels.txt"}}
	for name, c := range map[string]struct {
		fn   spec.Function
		job  job.Job
		want int
	}{
		"files":  {spec.Function{Files: files}, job.Job{Version: job.Version}, filesLayer},
		"script": {spec.Function{Script: script}, job.Job{Version: job.Version}, scriptLayer},
		"job":    {spec.Function{}, job.Job{Version: job.Version, Function: "other"}, jobLayer},
	} {
		got := parts(t, &c.fn, &c.job)
		if got != parts(t, &c.fn, &c.job) {
			t.Errorf("%s: the same function gave two images", name)
		}
		for i := range got {
			if (got[i] != base[i]) != (i == c.want) {
				t.Errorf("%s: layer %d changed: %v", name, i, got[i] != base[i])
			}
		}
		if got[runtimeLayer] == "" {
			t.Errorf("%s: no runtime", name)
		}
	}
}
