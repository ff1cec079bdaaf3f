package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/scar-go/scar/runtime/job"
)

func TestFailuresSayWhy(t *testing.T) {
	for _, c := range []struct {
		name, script, kind string
		texts              []string
	}{
		{"exit code", "echo working; echo why >&2; exit 3", job.ErrScriptFailed, []string{"exit code 3", "working\nwhy"}},
		{"command not found", "nosuchcommand", job.ErrScriptFailed, []string{"exit code 127", "not in the image", "nosuchcommand"}},
		{"signal", "echo dying; kill -SEGV $$", job.ErrScriptKilled, []string{"signal 11 (segmentation fault)", "dying"}},
		{"memory", "kill -KILL $$", job.ErrScriptKilled, []string{"signal 9", "memory ran out"}},
		{"interpreter", "#!/usr/bin/nosuch -x\n", job.ErrScriptStart, []string{"interpreter /usr/bin/nosuch is not in the image"}},
		{"carriage return", "#!/bin/sh\r\necho\r\n", job.ErrScriptStart, []string{`interpreter "/bin/sh\r" is not in the image`}},
		{"no program", "\x7fELF and nothing more", job.ErrScriptStart, []string{"no program for this architecture"}},
		{"control characters", "printf 'a\\177b\\001c\\377d'; exit 1", job.ErrScriptFailed, []string{"abc\uFFFDd"}},
		{"only the tail", "yes line | head -n 10000; echo last; exit 1", job.ErrScriptFailed, []string{"line\nlast"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := start(t, newJob(), c.script)
			a := f.invoke(f.put("in/a", "x"))
			f.wantFailure(a, c.kind, c.texts...)
			if a.failed != nil && len(a.failed.Message) > 4<<10 {
				t.Errorf("the message has %d bytes", len(a.failed.Message))
			}
			if got := f.objects("out/"); len(got) > 0 {
				t.Errorf("outputs of a failed script are stored: %q", keys(got))
			}
			f.checkClean()
			if r := f.record("in/a"); r.Status != job.Failed || r.Error.Type != c.kind {
				t.Errorf("record %+v", r)
			}
		})
	}
}

func TestInterpreterOfTheJob(t *testing.T) {
	j := newJob()
	j.Interpreter = "/bin/sh"
	f := start(t, j, "#!/usr/bin/nosuch\necho ran by sh")
	if got := f.output(f.invoke("{}")); got != "ran by sh\n" {
		t.Errorf("output %q", got)
	}
	j.Interpreter = "/bin/nosuch"
	f = start(t, j, "")
	f.wantFailure(f.invoke("{}"), job.ErrScriptStart, "/bin/nosuch cannot be executed: no such file")
	j.Script, j.Entrypoint = false, []string{"nosuch"}
	f = start(t, j, "")
	f.wantFailure(f.invoke("{}"), job.ErrScriptStart, "nosuch is not in the image")
}

func TestWorkingDirectory(t *testing.T) {
	j := newJob()
	j.WorkingDir = "/usr"
	f := start(t, j, "pwd")
	if got := f.output(f.invoke("{}")); got != "/usr\n" {
		t.Errorf("the script ran in %q", got)
	}
	j.WorkingDir = "/"
	f = start(t, j, "touch here && pwd")
	if got := f.output(f.invoke("{}")); !strings.HasPrefix(got, f.root+"/tmp/") {
		t.Errorf("the script ran in %q", got)
	}
	j.WorkingDir = "/nosuch"
	f = start(t, j, "pwd")
	f.wantFailure(f.invoke("{}"), job.ErrScriptStart, `working directory "/nosuch" cannot be entered: no such file`)
	f.checkClean()
}

// alive reports whether a process exists and is no zombie.
func alive(pid int) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	return err == nil && !regexp.MustCompile(`\) Z `).Match(stat)
}

// pids are the process ids that a script wrote to its log, as lines "pid N".
func (f *function) pids() []int {
	var found []int
	for _, m := range regexp.MustCompile(`(?m)^pid (\d+)$`).FindAllStringSubmatch(f.log.String(), -1) {
		pid, _ := strconv.Atoi(m[1])
		found = append(found, pid)
	}
	return found
}

// daemon leaves a process in a session of its own, whose parent is gone, which ignores SIGTERM.
const daemon = `setsid sh -c 'trap "" TERM HUP; echo "pid $$"; exec >/dev/null 2>&1; while :; do sleep 1; done' & 
(sh -c 'echo "pid $$"; exec sleep 1000' & )
`

func TestTimeoutEndsEverything(t *testing.T) {
	j := newJob()
	j.TimeoutMargin = 6
	f := start(t, j, "#!/bin/sh\n"+daemon+"trap '' TERM\necho 'pid '$$; echo partial > $TMP_OUTPUT_DIR/o; sleep 1000; sleep 1000")
	event := f.put("in/a", "x")
	deadline := time.Now().Add(11 * time.Second) // of which the script has 5 to start everything
	a := f.send(invocation{payload: event, deadline: deadline})
	f.wantFailure(a, job.ErrTimeout, "did not end in time", "raise timeout")
	if early := deadline.Sub(a.at); early < inTime {
		t.Errorf("the answer came %s before the deadline", early)
	}
	pids := f.pids()
	if len(pids) != 3 {
		t.Errorf("processes %v", pids)
	}
	for _, pid := range pids {
		if alive(pid) {
			t.Errorf("process %d is alive", pid)
		}
	}
	f.checkClean()
	if got := f.objects("out/"); len(got) > 0 {
		t.Errorf("outputs %q", keys(got))
	}
	if r := f.record("in/a"); r.Error == nil || r.Error.Type != job.ErrTimeout {
		t.Errorf("record %+v", r)
	}
}

func TestScriptMayEndByItselfAtTheDeadline(t *testing.T) {
	j := newJob()
	j.TimeoutMargin = 8
	f := start(t, j, "trap 'echo cleaned up; exit 0' TERM\nsleep 1000 & wait")
	f.wantFailure(f.invokeWithin("{}", 13*time.Second), job.ErrTimeout, "cleaned up")
}

func TestMarginBeyondTheTimeLeavesHalf(t *testing.T) {
	j := newJob()
	j.TimeoutMargin = 60
	f := start(t, j, "sleep 0.2; echo done")
	if got := f.output(f.invokeWithin("{}", 30*time.Second)); got != "done\n" {
		t.Errorf("output %q", got)
	}
}

func TestBackgroundProcessesAreEnded(t *testing.T) {
	f := start(t, newJob(), daemon+"sleep 0.2; sleep 1000 &\necho \"pid $!\"; echo done")
	begun := time.Now()
	if got := f.output(f.invoke("{}")); !strings.HasSuffix(got, "done\n") {
		t.Errorf("output %q", got)
	}
	if took := time.Since(begun); took > 20*time.Second {
		t.Errorf("a child that holds the output open held the answer up for %s", took)
	}
	pids := f.pids()
	if len(pids) != 3 || slices.ContainsFunc(pids, alive) {
		t.Errorf("processes %v, some alive", pids)
	}
	f.checkClean()
}

func TestOutputOfWhatFollowsTheScriptIsKept(t *testing.T) {
	f := start(t, newJob(), "(sleep 0.05; echo late) &\necho early")
	if got := f.output(f.invoke("{}")); got != "early\nlate\n" {
		t.Errorf("output %q", got)
	}
}

// Processes whose parent ends become the runtime's. It must take their status while the script runs, or they
// count against the limit on processes.
func TestOrphansAreReapedDuringTheRun(t *testing.T) {
	f := start(t, newJob(), `zombies() { cat /proc/[0-9]*/stat 2>/dev/null | grep -c ") Z $PPID "; }
i=0; while [ $i -lt 200 ]; do (true & ); i=$((i+1)); done
i=0; while [ "$(zombies)" != 0 ] && [ $i -lt 200 ]; do sleep 0.05; i=$((i+1)); done
zombies; :`)
	if got := f.output(f.invoke("{}")); got != "0\n" {
		t.Errorf("zombies: %s", got)
	}
}

func TestLargeOutput(t *testing.T) {
	f := start(t, newJob(), `head -c 3000000 /dev/zero | tr '\0' x; echo; echo end`)
	if got := f.output(f.invoke("{}")); len(got) != 3000005 || !strings.HasSuffix(got, "x\nend\n") {
		t.Errorf("output of %d bytes", len(got))
	}
	for _, line := range strings.Split(f.log.String(), "\n") {
		if len(line) > 64<<10 {
			t.Errorf("a line of the log has %d bytes", len(line))
		}
	}
	if n := strings.Count(f.log.String(), "x"); n < 3000000 {
		t.Errorf("the log has %d of 3,000,000 bytes", n)
	}
	// An event's answer holds the end of the output.
	if got := f.output(f.invoke(f.put("in/a", ""))); len(got) != 128<<10 || !strings.HasSuffix(got, "x\nend\n") {
		t.Errorf("output of %d bytes", len(got))
	}

	f = start(t, newJob(), `yes | head -c 5000000; touch "$TMP_OUTPUT_DIR/o"`)
	f.wantFailure(f.invoke("{}"), job.ErrResponseTooBig, "wrote 5000000 bytes", "holds 4715520")
	if got := f.objects(""); len(got) > 0 {
		t.Errorf("objects %q", keys(got))
	}
}

func TestSlowLogDoesNotHoldTheScriptUp(t *testing.T) {
	f := prepare(t, newJob(), "yes 'a line of the script' | head -c 50000000; exit 5")
	r, w, err := os.Pipe() // that nobody reads while the script runs
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	f.runWithLog(w)
	w.Close()
	f.wantFailure(f.invoke("{}"), job.ErrScriptFailed, "exit code 5", "a line of the script")
	buffer := make([]byte, 8<<20)
	var log []byte
	for !strings.Contains(string(log), "lines were dropped") {
		n, err := r.Read(buffer)
		if err != nil {
			t.Fatalf("the log ended without saying that lines are missing: %v", err)
		}
		log = append(log, buffer[:n]...)
	}
}

// A log that stands still may make lines be dropped, but the answer is in time, even if the script writes all that only once it
// is asked to end.
func TestLogThatStandsStillDelaysNoAnswer(t *testing.T) {
	for _, margin := range []int{1, 2} {
		j := newJob()
		j.TimeoutMargin = margin
		f := prepare(t, j, "#!/bin/sh\ntrap 'yes a line of the script' TERM\nsleep 1000 & wait")
		r, w, err := os.Pipe() // that nobody reads
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		f.runWithLog(w)
		w.Close()
		if fault := f.hang("{}", 4*time.Second, inTime); fault != "" {
			t.Errorf("with a margin of %d s: %s", margin, fault)
		}
	}
}

// mounted has a function start in namespaces where a command has mounted something; $1 is the folder for temporary files.
func (f *function) mounted(command string) {
	f.t.Helper()
	unshare, err := exec.LookPath("unshare")
	if err != nil {
		f.t.Skip("unshare of util-linux is not installed")
	}
	if out, err := exec.Command(unshare, "--user", "--map-root-user", "--mount", "true").CombinedOutput(); err != nil {
		f.t.Skipf("user namespaces are not to be had: %s", out)
	}
	f.wrap = []string{unshare, "--user", "--map-root-user", "--mount", "sh", "-c",
		command + ` && exec "$2" "$3"`, "sh", filepath.Join(f.root, "tmp"), binary, f.root}
}

func TestNoShell(t *testing.T) {
	f := prepare(t, newJob(), "echo ran")
	f.mounted(`mount --bind /dev/null "$(readlink -f /bin/sh)"`)
	f.run()
	f.wantFailure(f.invoke("{}"), job.ErrScriptStart, "the script has no #! line, and /bin/sh, which such scripts are run by, cannot be executed", "give a static binary as script")
	f.write("scar/script", "#!"+binary+"\n", 0o755)
	f.wantFailure(f.invoke("{}"), job.ErrScriptFailed, "exit code 1", "is started by AWS Lambda") // it runs
}

func TestDiskFull(t *testing.T) {
	f := prepare(t, newJob(), `[ ! -s "$INPUT_FILE_PATH" ] || head -c 8000000 /dev/zero > $TMPDIR/big`)
	f.mounted(`mount -t tmpfs -o size=4m tmpfs "$1"`)
	f.run()
	f.wantFailure(f.invoke(f.put("in/large", strings.Repeat("x", 5<<20))), job.ErrDiskFull, "in/large needs 5 MB, /tmp has", "ephemeral_storage")
	large := strings.Repeat("x", 5<<20)
	f.wantFailure(f.invoke(`{"Records":[{"messageId":"7","eventSource":"aws:sqs","body":"`+large+`"}]}`), job.ErrDiskFull, "message 7 needs 5 MB, /tmp has")
	if r, body := f.response(f.invoke(httpEvent(t, "", large, nil))); r.StatusCode != 500 || !strings.Contains(body, "POST /some/path needs 5 MB, /tmp has") {
		t.Errorf("status %d, body %s", r.StatusCode, body)
	}
	f.wantFailure(f.invoke(f.put("in/a", "x")), job.ErrScriptFailed, "/tmp is full")
	f.output(f.invoke(f.put("in/b", "")))
}
