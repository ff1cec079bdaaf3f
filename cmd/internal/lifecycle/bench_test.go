package lifecycle

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/scar-go/scar/applier"
	"github.com/scar-go/scar/planner"
)

// BenchmarkLocalRun processes 100 small files with cp in a real image: the whole command, from reading
// the file to the last result on the disk.
func BenchmarkLocalRun(b *testing.B) {
	const files = 100
	c := newCLI(b)
	c.debianImage("busybox.tar", "busybox-static")
	c.write("func.yaml", `
project: bench
functions:
  copy:
    image: ./busybox.tar
    run: cp "$INPUT_FILE_PATH" "$TMP_OUTPUT_DIR"
    input: [s3://bench/in/]
    output: [s3://bench/out/]
`)
	for i := range files {
		c.write(fmt.Sprintf("in/%03d.txt", i), "a small file\n")
	}
	c.run("scar", "local", "run", "--in", "in", "--out", "warm") // fills the caches of images
	b.ResetTimer()
	for i := range b.N {
		c.run("scar", "local", "run", "--in", "in", "--out", fmt.Sprintf("out%d", i))
	}
	b.StopTimer()
	b.ReportMetric(float64(files*b.N)/b.Elapsed().Seconds(), "files/s")
	results, err := os.ReadDir(filepath.Join(c.dir, "out0"))
	if err != nil || len(results) != files {
		b.Fatalf("%d results, %v", len(results), err)
	}
}

// BenchmarkChangedScript applies a change of the script and counts the bytes that go to the registry.
func BenchmarkChangedScript(b *testing.B) {
	w := newWorld(b)
	file := func(i int) *project {
		f := w.load(oneFunction)
		f.Functions[0].Script.Content = fmt.Appendf(nil, "#!/bin/sh\necho %d\n", i)
		return w.project(f)
	}
	w.converge(file(0))
	pushed := int64(0)
	i := 0
	for b.Loop() {
		i++
		p := file(i)
		var last int64
		events := func(e applier.Event) {
			if e.Change.Kind == planner.KindImage {
				last = max(last, e.Progress.Done)
			}
		}
		if _, err := applier.Apply(b.Context(), w.cloud(p), w.mustPlan(p), applier.Options{Events: events}); err != nil {
			b.Fatal(err)
		}
		pushed += last
	}
	b.ReportMetric(float64(pushed)/float64(i), "pushed-B/op")
	if pushed == 0 {
		b.Error("nothing was counted")
	}
}
