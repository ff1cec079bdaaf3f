package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/scar-go/scar/internal/proof"
)

// peakOf is a program in Python that runs a command and prints how many kilobytes of it were resident at most. A child
// of this test would be charged with the memory of the test, which it shares until it becomes the command.
const peakOf = `
import resource, subprocess, sys
subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
`

// BenchmarkBinary links scar as it is shipped, and reports how large it is and what its smallest command holds in
// memory. The linker leaves out what is never called, unless something reachable calls methods by names that are not
// known before: then it keeps every method of the clients of AWS, which more than doubles the size. What does that, such
// as text/template, is a fault here.
func BenchmarkBinary(b *testing.B) {
	binary := filepath.Join(b.TempDir(), "scar")
	var size float64
	var peaks []float64
	for b.Loop() {
		for _, name := range link(b, binary) {
			b.Errorf("%s calls methods by name, so that the linker leaves out none", name)
		}
		info, err := os.Stat(binary)
		if err != nil {
			b.Fatal(err)
		}
		size = float64(info.Size()) / 1e6
		for range 9 {
			peaks = append(peaks, peak(b, binary, "version"))
		}
	}
	slices.Sort(peaks)
	resident := peaks[len(peaks)/2]
	b.ReportMetric(size, "MB")
	b.ReportMetric(resident, "MB-resident")
	proof.Count(b, "binary size", size, "MB")
	proof.Count(b, "resident at scar version", resident, "MB")
}

// link builds scar with the flags of the Makefile, and returns the functions that keep the linker from leaving out
// methods.
func link(b *testing.B, binary string) []string {
	b.Helper()
	cmd := exec.Command("go", "build", "-trimpath", "-ldflags=-s -w -dumpdep", "-o", binary, ".")
	dump, err := cmd.CombinedOutput()
	if err != nil {
		b.Fatalf("%v: %v\n%s", cmd, err, dump[:min(len(dump), 1<<12)])
	}
	if !bytes.Contains(dump, []byte("main.main -> ")) {
		b.Fatalf("%v says nothing of what needs what", cmd)
	}
	return byName(string(dump))
}

// byName is every function that the linker's account of what needs what (-dumpdep) marks as one that calls methods by
// name.
func byName(dump string) []string {
	var found []string
	for line := range strings.Lines(dump) {
		name, _, _ := strings.Cut(line, " -> ")
		if name, marked := strings.CutSuffix(name, " <ReflectMethod>"); marked && !slices.Contains(found, name) {
			found = append(found, name)
		}
	}
	return found
}

// peak is how many megabytes of a command are resident at most.
func peak(b *testing.B, command ...string) float64 {
	b.Helper()
	out, err := exec.Command("python3", append([]string{"-c", peakOf}, command...)...).Output()
	if err != nil {
		b.Fatalf("%v: %v", command, err)
	}
	kilobytes, err := strconv.ParseFloat(strings.TrimSpace(string(out)), 64)
	if err != nil {
		b.Fatal(err)
	}
	return kilobytes * 1024 / 1e6
}

func TestCallsByNameAreFound(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "go.mod"), "module calls\n")
	for name, c := range map[string]struct {
		main  string
		found bool
	}{
		"none":     {`func main() { println(reflect.ValueOf(0).Kind().String()) }`, false},
		"by name":  {`func main() { call(os.Args[0]) }; func call(name string) { reflect.ValueOf(os.Stdout).MethodByName(name) }`, true},
		"constant": {`func main() { println(reflect.ValueOf(os.Stdout).MethodByName("Name").IsValid()) }`, false},
	} {
		write(t, filepath.Join(dir, "main.go"), "package main\nimport (\"os\"; \"reflect\")\nvar _ = os.Args\n"+c.main+"\n")
		cmd := exec.Command("go", "build", "-ldflags=-dumpdep", "-o", filepath.Join(dir, "calls"), ".")
		cmd.Dir = dir
		dump, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%v: %v\n%s", cmd, err, dump)
		}
		// Once there is one, others in reflect follow, which the linker would have left out.
		if got := byName(string(dump)); slices.Contains(got, "main.call") != c.found || len(got) > 0 != c.found {
			t.Errorf("%s: %q", name, got)
		}
	}
}
