//go:build linux

package main

import (
	"archive/tar"
	"bufio"
	"bytes"
	"compress/gzip"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/scar-go/scar/internal/proof"
	embedded "github.com/scar-go/scar/runtime"
	"github.com/scar-go/scar/runtime/job"
)

// python is Debian's, with the modules that a supervisor in Python needs.
const python = "/usr/bin/python3"

// shipped is the runtime as images get it, and the size of its layer in bytes.
func shipped(b *testing.B) (program string, size int) {
	b.Helper()
	blob, _, _, err := embedded.Layer(runtime.GOARCH)
	if err != nil {
		b.Fatal(err)
	}
	unzipped, err := gzip.NewReader(bytes.NewReader(blob))
	if err != nil {
		b.Fatal(err)
	}
	archive := tar.NewReader(unzipped)
	for {
		header, err := archive.Next()
		if err != nil {
			b.Fatalf("the layer has no %s: %v", job.RuntimePath, err)
		}
		if "/"+header.Name == job.RuntimePath {
			break
		}
	}
	content, err := io.ReadAll(archive)
	if err != nil {
		b.Fatal(err)
	}
	folder, err := os.MkdirTemp("", "scar-runtime-bench-")
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = os.RemoveAll(folder) })
	program = filepath.Join(folder, "runtime")
	if err := os.WriteFile(program, content, 0o755); err != nil {
		b.Fatal(err)
	}
	return program, len(blob)
}

// BenchmarkStart is the time from the start of the process to its first call of next, and the memory that it holds
// then, beside the time in which Python loads what a supervisor in it would begin with.
func BenchmarkStart(b *testing.B) {
	program, size := shipped(b)
	var starts, memory, baseline []float64
	for b.Loop() {
		b.StopTimer()
		if len(starts)%10 == 0 { // in between, so that both meet the machine in the same moods
			baseline = append(baseline, importPython(b))
		}
		f := prepare(b, newJob(), "")
		f.wrap = []string{program, f.root}
		b.StartTimer()
		begun := time.Now()
		f.run()
		<-f.api.nexts
		starts = append(starts, milliseconds(time.Since(begun)))
		b.StopTimer()
		memory = append(memory, megabytes(f.status("VmRSS")))
		_ = f.cmd.Process.Kill()
		b.StartTimer()
	}
	b.StopTimer()
	start := median(starts)
	b.ReportMetric(start, "median-ms")
	b.ReportMetric(median(baseline), "python-ms")
	b.ReportMetric(start/median(baseline), "of-python")
	b.ReportMetric(median(memory), "MB-resident")
	b.ReportMetric(float64(size)/1e6, "MB-gzipped")
	proof.Count(b, "start", start, "ms")
	proof.Count(b, "start beside Python", start/median(baseline), "")
	proof.Count(b, "memory after the start", median(memory), "MB")
	proof.Count(b, "size, compressed", float64(size)/1e6, "MB")
}

// importPython is how many milliseconds Python takes to load the modules.
func importPython(b *testing.B) float64 {
	b.Helper()
	begun := time.Now()
	if out, err := exec.Command(python, "-c", "import boto3, yaml").CombinedOutput(); err != nil {
		b.Fatalf("python3-boto3 and python3-yaml are the baseline: %v\n%s", err, out)
	}
	return milliseconds(time.Since(begun))
}

func milliseconds(d time.Duration) float64 { return float64(d.Nanoseconds()) / 1e6 }

// processorTime is what a process has used of the processors, all its threads together, to the nanosecond. Its clock has
// an id that clock_getcpuclockid(3) makes of the process id.
func processorTime(b *testing.B, pid int) time.Duration {
	b.Helper()
	const scheduled = 2
	var used unix.Timespec
	if err := unix.ClockGettime(int32(^pid<<3|scheduled), &used); err != nil {
		b.Fatalf("the processor time of process %d: %v", pid, err)
	}
	return time.Duration(used.Nano())
}

// stopwatch serves storage and knows for how long it was at work: for as long as one call at least was being served.
type stopwatch struct {
	http.Handler

	mu     sync.Mutex
	active int
	since  time.Time
	busy   time.Duration
}

func (s *stopwatch) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.count(1)
	defer s.count(-1)
	s.Handler.ServeHTTP(w, r)
}

func (s *stopwatch) count(change int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.active == 0 {
		s.since = time.Now()
	}
	s.active += change
	if s.active == 0 {
		s.busy += time.Since(s.since)
	}
}

func (s *stopwatch) total() time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.busy
}

// ownTimes calls one function again and again, and returns what each call took beside the storage and one run of the
// program that it starts, in milliseconds.
func ownTimes(b *testing.B, storage *stopwatch, more func() bool, once func()) (own []float64) {
	b.Helper()
	for more() {
		begun, stored := time.Now(), storage.total()
		once()
		took := time.Since(begun) - (storage.total() - stored)
		begun = time.Now()
		if err := exec.Command("true").Run(); err != nil {
			b.Fatal(err)
		}
		own = append(own, milliseconds(took-time.Since(begun)))
	}
	return own
}

// eventJob runs a program that ends at once.
func eventJob() job.Job {
	j := newJob()
	j.Script, j.Entrypoint, j.LogLevel = false, []string{"true"}, "warning"
	return j
}

// inMemory puts the files of a benchmark into memory where the machine can. On a disk, making the folders of a run takes
// from half a millisecond to many, depending on how many files any program has removed in the seconds before.
func inMemory(b *testing.B) {
	b.Helper()
	const memory = "/dev/shm"
	if info, err := os.Stat(memory); err == nil && info.IsDir() {
		b.Setenv("TMPDIR", memory)
	}
}

// BenchmarkEvent is one event of S3, from its being handed out to its answer. What counts is what the runtime adds to
// the storage and to the program, beside what a supervisor in Python adds that makes the same calls.
func BenchmarkEvent(b *testing.B) {
	program, _ := shipped(b)
	inMemory(b)
	f := prepare(b, eventJob(), "")
	f.wrap = []string{program, f.root}
	storage := &stopwatch{Handler: f.s3.Handler}
	f.s3.Handler = storage
	f.run()
	event := f.put("in/a", "content")
	for range 20 {
		f.output(f.invoke(event))
	}
	used := processorTime(b, f.cmd.Process.Pid)
	own := ownTimes(b, storage, b.Loop, func() { f.output(f.invoke(event)) })
	b.StopTimer()
	processor := milliseconds(processorTime(b, f.cmd.Process.Pid)-used) / float64(len(own))
	baseline := pythonTimes(b, f, storage, event)
	b.ReportMetric(median(own), "own-ms/op")
	b.ReportMetric(processor, "own-CPU-ms/op")
	b.ReportMetric(median(baseline), "python-own-ms/op")
	b.ReportMetric(median(own)/median(baseline), "of-python")
	b.ReportMetric(megabytes(f.status("VmRSS")), "MB-resident")
	proof.Count(b, "own time per event", median(own), "ms")
}

// pythonTimes are the own times of a supervisor in Python, with the storage of f.
func pythonTimes(b *testing.B, f *function, storage *stopwatch, event string) []float64 {
	b.Helper()
	// The endpoint is an argument because boto3 before 1.28 does not know the variable.
	cmd := exec.Command(python, "testdata/supervisor.py", variable(f.cmd.Env, "AWS_ENDPOINT_URL"))
	cmd.Env = append(slices.Clone(f.cmd.Env), "AWS_DEFAULT_REGION="+variable(f.cmd.Env, "AWS_REGION"), "TMPDIR="+b.TempDir())
	var log bytes.Buffer
	cmd.Stderr = &log
	events, err := cmd.StdinPipe()
	if err != nil {
		b.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	answers := bufio.NewReader(stdout)
	once := func() {
		if _, err := io.WriteString(events, event+"\n"); err != nil {
			b.Fatal(err)
		}
		if answer, err := answers.ReadString('\n'); err != nil || !strings.Contains(answer, `"statusCode": 200`) {
			b.Fatalf("the supervisor in Python answers %q, %v\n%s", answer, err, log.String())
		}
	}
	for range 5 {
		once()
	}
	left := 50
	return ownTimes(b, storage, func() bool { left--; return left >= 0 }, once)
}

// variable is the last value of a variable in an environment.
func variable(environment []string, name string) (value string) {
	for _, v := range environment {
		if given, ok := strings.CutPrefix(v, name+"="); ok {
			value = given
		}
	}
	return value
}

// BenchmarkDirect is one direct invocation, without any storage.
func BenchmarkDirect(b *testing.B) {
	program, _ := shipped(b)
	f := prepare(b, eventJob(), "")
	f.wrap = []string{program, f.root}
	f.run()
	f.output(f.invoke("{}"))
	used := processorTime(b, f.cmd.Process.Pid)
	for b.Loop() {
		f.output(f.invoke("{}"))
	}
	b.ReportMetric(milliseconds(processorTime(b, f.cmd.Process.Pid)-used)/float64(b.N), "own-CPU-ms/op")
}
