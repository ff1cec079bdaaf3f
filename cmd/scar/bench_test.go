package main

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// BenchmarkCommands measures whole processes: the time of the CPU that a command costs, from its start
// to its end.
func BenchmarkCommands(b *testing.B) {
	dir := b.TempDir()
	path := filepath.Join(dir, "func.yaml")
	var text strings.Builder
	text.WriteString("project: bench\ndefaults: {image: 'debian:13', run: 'true'}\nfunctions:\n")
	for i := range 100 {
		fmt.Fprintf(&text, "  f%03d: {input: [s3://photos/in/f%03d/], output: [s3://photos/out/f%03d/]}\n", i, i, i)
	}
	write(b, path, text.String())
	for _, c := range []struct {
		name string
		args []string
	}{
		{"version", []string{"version"}},
		{"validate100", []string{"validate", "-f", path}},
	} {
		b.Run(c.name, func(b *testing.B) {
			var cpu time.Duration
			for b.Loop() {
				cmd := exec.Command("scar", c.args...)
				if out, err := cmd.CombinedOutput(); err != nil {
					b.Fatalf("%v\n%s", err, out)
				}
				cpu += cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
			}
			b.ReportMetric(float64(cpu.Milliseconds())/float64(b.N), "cpu-ms/op")
		})
	}
}
