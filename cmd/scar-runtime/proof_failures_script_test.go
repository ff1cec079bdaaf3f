package main

import (
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/scar-go/scar/runtime/job"
)

// scriptFailures are the ways in which a script itself goes wrong, or cannot even start.
func scriptFailures() []failureCase {
	failed, killed, start := job.ErrScriptFailed, job.ErrScriptKilled, job.ErrScriptStart
	return []failureCase{
		{name: "exit code 1", kind: failed, script: "echo why >&2; exit 1", says: []string{"exit code 1", "why"}},
		{name: "exit code 255", kind: failed, script: "exit 255", says: []string{"exit code 255"}},
		{name: "command that is missing", kind: failed, script: "nosuchcommand", says: []string{"exit code 127", "not in the image"}},
		{name: "command that is no program", kind: failed, script: "/etc/passwd", says: []string{"exit code 126", "cannot be executed"}},
		{name: "syntax error", kind: failed, script: "if then", says: []string{"exit code 2"}},
		{name: "command after which the script stops", kind: failed, script: "set -e; false; exit 0", says: []string{"exit code 1"}},
		{name: "closed standard output", kind: failed, script: "exec >&- 2>&-; exit 4", says: []string{"exit code 4"}},
		{name: "output that a background process holds", kind: failed, script: "sleep 1000 & exit 5", says: []string{"exit code 5"}},
		{name: "processes in sessions of their own", kind: failed, says: []string{"exit code 6"},
			script: "for i in 1 2 3 4 5 6 7 8; do setsid sh -c 'trap \"\" TERM HUP; sleep 1000' >/dev/null 2>&1 & done; exit 6"},
		{name: "processes that make processes", kind: failed, says: []string{"exit code 7"},
			script: "storm() { [ $1 = 0 ] && exec sleep 1000; storm $(($1-1)) & storm $(($1-1)) & }; storm 6; exit 7"},
		{name: "folder for results removed", kind: failed, script: `rm -r "$TMP_OUTPUT_DIR"; exit 8`, says: []string{"exit code 8"}},
		{name: "all folders removed", kind: failed, script: `rm -rf "${TMPDIR%/*}"; exit 9`, says: []string{"exit code 9"}},
		{name: "memory refused", kind: failed, script: "ulimit -v 100000; head -c 200000000 /dev/zero | tail > /dev/null; [ $? = 0 ]",
			says: []string{"exit code 1", "emory"}},
		{name: "memory run out", kind: killed, script: "kill -KILL $$", says: []string{"signal 9", "raise memory"}},
		{name: "segmentation fault", kind: killed, script: "kill -SEGV $$", says: []string{"signal 11"}},
		{name: "abort", kind: killed, script: "kill -ABRT $$", says: []string{"signal 6"}},
		{name: "SIGTERM", kind: killed, script: "kill -TERM $$", says: []string{"signal 15"}},
		{name: "broken pipe", kind: killed, script: "kill -PIPE $$", says: []string{"signal 13"}},
		{name: "file beyond the limit", kind: killed, script: `ulimit -f 1; exec head -c 100000 /dev/zero > "$TMPDIR/f"`, says: []string{"signal 25"}},
		{name: "interpreter that is missing", kind: start, whole: "#!/usr/bin/nosuch -x\n", says: []string{"/usr/bin/nosuch is not in the image"}},
		{name: "interpreter that env does not find", kind: failed, whole: "#!/usr/bin/env nosuch\n", says: []string{"exit code 127"}},
		{name: "interpreter with a carriage return", kind: start, whole: "#!/bin/sh\r\necho\r\n", says: []string{`"/bin/sh\r" is not in the image`}},
		{name: "no program", kind: start, whole: "\x7fELF and nothing more", says: []string{"no program for this architecture"}},
		{name: "script without right to run", kind: start, says: []string{"permission denied"},
			setup:  func(f *function) { f.replaceScript(func(path string) error { return os.Chmod(path, 0o644) }) },
			whole:  "#!/bin/sh\nexit 0",
			repair: func(f *function) { f.replaceScript(func(path string) error { return os.Chmod(path, 0o755) }) }},
		{name: "script that is gone", kind: start, says: []string{"no such file"},
			setup:  func(f *function) { f.replaceScript(os.Remove) },
			repair: func(f *function) { f.write("scar/script", obliging, 0o755) }},
		{name: "script that is a folder", kind: start, says: []string{"is a directory"},
			setup: func(f *function) {
				f.replaceScript(func(path string) error {
					if err := os.Remove(path); err != nil {
						return err
					}
					return os.Mkdir(path, 0o755)
				})
			},
			repair: func(f *function) { f.replaceScript(os.Remove); f.write("scar/script", obliging, 0o755) }},
		{name: "working directory that is missing", kind: start, says: []string{"cannot be entered"},
			job: func(j *job.Job) { j.WorkingDir = "/nosuch" }, repair: (*function).asUsual},
		{name: "program of the image that is missing", kind: start, says: []string{"nosuch is not in the image"},
			job: func(j *job.Job) { j.Script, j.Entrypoint = false, []string{"nosuch"} }, repair: (*function).asUsual},
		{name: "nothing to run", kind: start, says: []string{"neither an entrypoint nor a command"},
			job: func(j *job.Job) { j.Script = false }, repair: (*function).asUsual},
		{name: "arguments beyond the limit", kind: start, says: []string{"too large"}, repair: (*function).asUsual,
			job: func(j *job.Job) {
				j.Script, j.Entrypoint, j.Command = false, []string{"true"}, []string{strings.Repeat("x", 200<<10)}
			}},
	}
}

// replaceScript does something to the script's file.
func (f *function) replaceScript(do func(path string) error) {
	f.t.Helper()
	if err := do(filepath.Join(f.root, "scar/script")); err != nil {
		f.t.Fatal(err)
	}
}

// asUsual starts the function anew with the usual job and script, as an apply does that mends the file.
func (f *function) asUsual() {
	f.t.Helper()
	f.usualJob()
	f.write("scar/script", obliging, 0o755)
	f.again()
}

// usualJob writes the usual job.
func (f *function) usualJob() {
	f.t.Helper()
	f.writeJob(newJob())
}

func (f *function) writeJob(j job.Job) {
	f.t.Helper()
	description, err := j.Marshal()
	if err != nil {
		f.t.Fatal(err)
	}
	f.write("scar/job.json", string(description), 0o644)
}

// outputFailures are results that cannot be stored as they are, whatever the storage does.
func outputFailures() []failureCase {
	long := strings.Repeat("n", 250)
	out := job.ErrStageOut
	return []failureCase{
		{name: "folder for results replaced by a link", kind: out, script: `rm -r "$TMP_OUTPUT_DIR"; ln -s /etc "$TMP_OUTPUT_DIR"`, says: []string{"symbolic link"}},
		{name: "folder for results replaced by a file", kind: out, script: `rm -r "$TMP_OUTPUT_DIR"; touch "$TMP_OUTPUT_DIR"`, says: []string{"by a file"}},
		{name: "folder for results replaced by a pipe", kind: out, script: `rm -r "$TMP_OUTPUT_DIR"; mkfifo "$TMP_OUTPUT_DIR"`, says: []string{"named pipe"}},
		{name: "result whose key is too long", kind: out, says: []string{"1024"},
			script: `mkdir -p "$TMP_OUTPUT_DIR/` + strings.Repeat(long+"/", 4) + `"; touch "$TMP_OUTPUT_DIR/` + strings.Repeat(long+"/", 4) + long + `"`},
		{name: "result whose name is not UTF-8", kind: out, script: `touch "$TMP_OUTPUT_DIR/$(printf '\377')"`, says: []string{"not UTF-8"}},
		{name: "result among the records", kind: out, says: []string{"kept for records"},
			job:    func(j *job.Job) { j.Outputs[0].Prefix = "" },
			script: `mkdir "$TMP_OUTPUT_DIR/.scar"; touch "$TMP_OUTPUT_DIR/.scar/f"`, repair: (*function).asUsual},
		{name: "two results of one key", kind: out, says: []string{"would both be stored as"}, repair: (*function).asUsual,
			job: func(j *job.Job) {
				j.Outputs = append(j.Outputs, job.Output{Provider: job.OwnS3, Bucket: bucket, Prefix: "out/b/"})
			},
			script: `mkdir "$TMP_OUTPUT_DIR/b"; touch "$TMP_OUTPUT_DIR/b/c" "$TMP_OUTPUT_DIR/c"`},
		{name: "answer beyond the limit", kind: job.ErrResponseTooBig, script: "yes | head -c 5000000",
			event: func(*function) string { return "{}" }, says: []string{"5000000 bytes"}},
	}
}

// timeFailures are the ways in which time runs out.
func timeFailures() []failureCase {
	shortly := func(j *job.Job) { j.TimeoutMargin = 3 }
	timeout := job.ErrTimeout
	return []failureCase{
		{name: "script that hangs", kind: timeout, within: 5 * time.Second, job: shortly, script: "sleep 1000", says: []string{"did not end in time"}},
		{name: "script that ignores SIGTERM", kind: timeout, within: 5 * time.Second, job: shortly, script: "trap '' TERM; sleep 1000; sleep 1000"},
		{name: "script that computes for ever", kind: timeout, within: 5 * time.Second, job: shortly, script: "trap '' TERM; while :; do :; done"},
		{name: "script that leaves a process and hangs", kind: timeout, within: 5 * time.Second, job: shortly, script: daemon + "sleep 1000"},
		{name: "script that ends well when it is ended", kind: timeout, within: 5 * time.Second, job: shortly, script: "trap 'exit 0' TERM; sleep 1000 & wait"},
		{name: "script that writes for ever", kind: timeout, within: 5 * time.Second, job: shortly, script: "exec yes"},
		{name: "input that never comes", kind: timeout, within: 5 * time.Second, job: shortly, rule: always("GET in/a", hang),
			says: []string{"before the input was fetched"}},
		{name: "input that comes too slowly", kind: timeout, within: 5 * time.Second, job: shortly, rule: always("GET in/a", trickle),
			says: []string{"before the input was fetched"}},
		{name: "result that is never taken", kind: job.ErrStageOut, within: 7 * time.Second, job: shortly, rule: always("PUT out/", hang),
			says: []string{"out/partial"}},
		{name: "deadline that is past", kind: timeout, within: -time.Second, last: true, says: []string{"the time was up"}},
	}
}
