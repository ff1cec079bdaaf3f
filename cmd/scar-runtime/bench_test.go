package main

import (
	"bytes"
	"fmt"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
)

// BenchmarkStart is the time from the start of the process to its first call of next, and the memory that it holds then.
func BenchmarkStart(b *testing.B) {
	var kept int
	for b.Loop() {
		b.StopTimer()
		f := prepare(b, newJob(), "")
		b.StartTimer()
		f.run()
		<-f.api.nexts
		b.StopTimer()
		kept = resident(b, f)
		_ = f.cmd.Process.Kill()
		b.StartTimer()
	}
	b.ReportMetric(float64(kept)/1024, "MB-resident")
}

func resident(b *testing.B, f *function) int {
	b.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", f.cmd.Process.Pid))
	if err != nil {
		b.Fatal(err)
	}
	kb, err := strconv.Atoi(string(regexp.MustCompile(`VmRSS:\s+(\d+)`).FindSubmatch(status)[1]))
	if err != nil {
		b.Fatal(err)
	}
	return kb
}

// ownTime is the processor time that the runtime itself has used, in the kernel's ticks of 10 ms.
func ownTime(b *testing.B, f *function) time.Duration {
	b.Helper()
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", f.cmd.Process.Pid))
	if err != nil {
		b.Fatal(err)
	}
	fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
	user, err := strconv.Atoi(fields[11])
	if err != nil {
		b.Fatal(err)
	}
	system, err := strconv.Atoi(fields[12])
	if err != nil {
		b.Fatal(err)
	}
	return time.Duration(user+system) * 10 * time.Millisecond
}

// BenchmarkEvent is one event from the call of next to the answer, S3 on this machine included; the
// script is a program that ends at once.
func BenchmarkEvent(b *testing.B) {
	j := newJob()
	j.Script, j.Entrypoint, j.LogLevel = false, []string{"true"}, "warning"
	for name, payload := range map[string]func(*function) string{
		"direct": func(*function) string { return "{}" },
		"object": func(f *function) string { return f.put("in/a", "content") },
	} {
		b.Run(name, func(b *testing.B) {
			f := start(b, j, "")
			event := payload(f)
			f.output(f.invoke(event))
			used := ownTime(b, f)
			for b.Loop() {
				f.output(f.invoke(event))
			}
			b.ReportMetric(float64((ownTime(b, f)-used).Microseconds())/1000/float64(b.N), "own-CPU-ms/op")
			b.ReportMetric(float64(resident(b, f))/1024, "MB-resident")
		})
	}
}
