package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/scar-go/scar/internal/proof"
	"github.com/scar-go/scar/runtime/job"
)

// hangs are the ways in which a script does not end. It finds the name of its way in its event.
const hangs = `#!/bin/sh
loop='trap "" TERM INT HUP; while :; do sleep 1; done'
case "$EVENT" in
*hang-sleep*) sleep 1000 ;;
*hang-deaf*) eval "$loop" ;;
*hang-busy*) while :; do :; done ;;
*hang-daemon*) setsid sh -c "$loop" >/dev/null 2>&1 & sleep 1000 ;;
*hang-orphan*) (setsid sh -c "(setsid sh -c '$loop' &)" >/dev/null 2>&1 &); eval "$loop" ;;
*hang-output*) setsid sh -c "$loop" & sleep 1000 ;;
*hang-crowd*) i=0; while [ $i -lt 20 ]; do (setsid sleep 1000 >/dev/null 2>&1 &); i=$((i+1)); done; sleep 1000 ;;
*hang-stopped*) kill -STOP $$ ;;
*hang-fifo*) mkfifo "$TMPDIR/fifo"; cat "$TMPDIR/fifo" ;;
*hang-respawn*) trap 'setsid sleep 1000 & setsid sleep 1000 >/dev/null 2>&1 &' TERM; while :; do sleep 1000 & wait; done ;;
esac
echo "this script ended: $EVENT"
`

// hanging are those names.
func hanging() []string {
	var names []string
	for _, line := range strings.Split(hangs, "\n") {
		if name, _, ok := strings.Cut(line, "*) "); ok {
			names = append(names, strings.TrimPrefix(name, "*"))
		}
	}
	return names
}

// Whatever way a script hangs in, the caller gets an answer at least half a second before Lambda would end the
// function, and by then no process of the script is there any more.
func TestEveryHangIsAnsweredInTime(t *testing.T) {
	t.Parallel()
	const runtimes, limit, early = 10, 7 * time.Second, 500 * time.Millisecond
	names := hanging()
	j := newJob()
	j.TimeoutMargin = 6
	functions := make([]*function, runtimes)
	payloads := make([]map[string]string, runtimes)
	for i := range functions {
		functions[i], payloads[i] = start(t, j, hangs), map[string]string{}
		for _, name := range names {
			if i%2 == 0 {
				payloads[i][name] = functions[i].put("in/"+name, "content")
			} else {
				payloads[i][name] = fmt.Sprintf(`{"do":%q}`, name)
			}
		}
	}
	var group sync.WaitGroup
	faults := make([][]string, runtimes)
	for i, f := range functions {
		group.Go(func() {
			for k := range names {
				name := names[(i+k)%len(names)] // no two runtimes do the same at one time
				if fault := f.hang(payloads[i][name], limit, early); fault != "" {
					faults[i] = append(faults[i], fmt.Sprintf("runtime %d, %s: %s", i, name, fault))
				}
			}
		})
	}
	group.Wait()
	all := slices.Concat(faults...)
	for _, fault := range all {
		t.Error(fault)
	}
	proof.Count(t, "time-outs answered in time", float64(runtimes*len(names)-len(all)), "")
}

// hang sends an event that makes the script hang, and says what is wrong with the answer. It may be called beside the
// test's own goroutine.
func (f *function) hang(payload string, limit, early time.Duration) (fault string) {
	deadline := time.Now().Add(limit)
	patience := time.After(limit + 30*time.Second)
	select {
	case f.api.invocations <- invocation{payload: payload, deadline: deadline}:
	case <-patience:
		return "the runtime does not ask for an event"
	}
	var a answer
	select {
	case a = <-f.api.answers:
	case <-patience:
		return "no answer came"
	}
	left := f.processes()
	switch {
	case a.failed == nil:
		return fmt.Sprintf("the invocation succeeded: %s", a.body)
	case a.failed.Type != job.ErrTimeout:
		return a.failed.Error()
	case deadline.Sub(a.at) < early:
		return fmt.Sprintf("the answer came %s before the deadline", deadline.Sub(a.at))
	case len(left) > 0:
		return fmt.Sprintf("processes are left: %v", left)
	}
	return ""
}

// processes are those that the function's runtime has started or adopted, and all that have its folder in their
// environment, as every process of a script has: whoever their parent is. Those that have ended and whose
// status nobody has taken count too.
func (f *function) processes() []int {
	var found []int
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return []int{-1}
	}
	for _, entry := range entries {
		pid, err := strconv.Atoi(entry.Name())
		if err != nil || pid == f.cmd.Process.Pid {
			continue
		}
		folder := filepath.Join("/proc", entry.Name())
		stat, err := os.ReadFile(filepath.Join(folder, "stat"))
		if err != nil {
			continue // it has ended
		}
		// The second field is the program's name in parentheses, and may hold parentheses itself; the fourth is the parent.
		fields := bytes.Fields(stat[bytes.LastIndexByte(stat, ')')+1:])
		environment, _ := os.ReadFile(filepath.Join(folder, "environ")) // of our own processes it can be read
		if string(fields[1]) == strconv.Itoa(f.cmd.Process.Pid) || bytes.Contains(environment, []byte("TMPDIR="+f.root+"/")) {
			found = append(found, pid)
		}
	}
	return found
}
