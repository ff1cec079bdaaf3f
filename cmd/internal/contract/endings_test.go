package contract

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/scar-go/scar/runtime/job"
)

// results are about what is stored.
func results() []contractCase {
	odd := []string{"-rf", " lead", "trail ", "a b", "new\nline", "+", "%20", "ü", "日本", ".hidden", "$(id)", "back\\slash", "..x", "#", "*"}
	var steps [][]string
	oddObjects := map[string]string{}
	for _, name := range odd {
		steps = append(steps, []string{"write", name, name})
		oddObjects["odd/"+name] = name
	}
	return []contractCase{
		{name: "files, in folders too", key: "files.x", content: do([]string{"write", "a.txt", "a"}, []string{"write", "sub/deep/b", ""}, []string{"mkdir", "empty"}),
			objects: map[string]string{"a.txt": "a", "sub/deep/b": ""}, record: "done",
			shell: `printf a > "$TMP_OUTPUT_DIR/a.txt"; cd "$TMP_OUTPUT_DIR"; mkdir -p sub/deep empty; : > sub/deep/b`},
		{name: "the input's folder is kept", key: "2024/jan/x.png", content: do([]string{"write", "plots/x.txt", "kept"}),
			objects: map[string]string{"2024/jan/plots/x.txt": "kept"}, record: "done"},
		{name: "names byte for byte", key: "odd/names", content: do(steps...), objects: oddObjects, record: "done"},
		{name: "links and pipes", key: "links/x", record: "done",
			content: do([]string{"write", "real", "real"}, []string{"symlink", "inside", "real"}, []string{"symlink", "outside", "/etc/hosts"},
				[]string{"symlink", "dangling", "nowhere"}, []string{"fifo", "pipe"}),
			objects: map[string]string{"links/real": "real", "links/inside": "real"}, log: []string{"outside", "pipe"}},
		{name: "a direct invocation's results", payload: do([]string{"write", "direct/x.txt", "direct"}), objects: map[string]string{"direct/x.txt": "direct"}},
		{name: "matching outputs", function: "matched", key: "in/sub/x",
			content: do([]string{"write", "a.txt", "a"}, []string{"write", "plots/b.txt", "b"}, []string{"write", "plots/c/d.png", "d"}, []string{"write", "dropped.wav", "x"}),
			objects: map[string]string{"texts/a.txt": "a", "plots/plots/b.txt": "b", "plots/plots/c/d.png": "d"}, log: []string{"dropped.wav"}, record: "done"},
		{name: "a name that is no key", key: "bad/name", content: do([]string{"write", "good", "x"}, []string{"writehex", hex.EncodeToString([]byte("b\xffd")), "x"}),
			fails: job.ErrStageOut, record: "failed"},
		{name: "no results", key: "none", content: do([]string{"print", "nothing"}), output: "nothing\n", record: "done", shell: "echo nothing"},
		{name: "no records", function: "nothing", key: "unrecorded", content: do([]string{"write", "u", "u"}), objects: map[string]string{"u": "u"}},
		{name: "a result replaces the one before", key: "again", content: do([]string{"write", "again", "1"}), objects: map[string]string{"again": "1"}, record: "done",
			check: func(t *testing.T, w world, _ result) {
				w.put(t, "probe", "again", do([]string{"write", "again", "2"}))
				if got := w.objects(t, "probe/out/again"); got[""] != "2" {
					t.Errorf("objects %q", got)
				}
			}},
	}
}

// failures are about scripts that fail, and about what they leave behind.
func failures() []contractCase {
	return []contractCase{
		{name: "an exit code", key: "exit", content: do([]string{"write", "never", "x"}, []string{"print", "out"}, []string{"stderr", "err"}, []string{"exit", "3"}),
			fails: job.ErrScriptFailed, message: []string{"exit code 3", "out\nerr"}, record: "failed", log: []string{"out", "err", "status=Scar.ScriptFailed exit=3"},
			shell: `echo x > "$TMP_OUTPUT_DIR/never"; echo out; echo err >&2; exit 3`},
		{name: "exit code 255", key: "exit255", content: do([]string{"exit", "255"}), fails: job.ErrScriptFailed, message: []string{"exit code 255"}, record: "failed"},
		{name: "an absent command", needs: withShell, function: "shell", key: "command", content: "no-such-command", fails: job.ErrScriptFailed,
			message: []string{"exit code 127", "not in the image"}, record: "failed"},
		{name: "a signal", key: "signal", content: do([]string{"kill", "15"}), fails: job.ErrScriptKilled, message: []string{"signal 15"}, record: "failed", shell: "kill -TERM $$"},
		{name: "SIGKILL", key: "sigkill", content: do([]string{"kill", "9"}), fails: job.ErrScriptKilled, message: []string{"signal 9", "memory ran out"}, record: "failed", shell: "kill -KILL $$"},
		{name: "the tail of the output is in the message", key: "tail", content: do([]string{"flood", "100000"}, []string{"print", "the end"}, []string{"exit", "1"}),
			fails: job.ErrScriptFailed, message: []string{"x\nthe end"}, record: "failed", check: func(t *testing.T, _ world, r result) {
				if len(r.failed.Message) > 16<<10 {
					t.Errorf("the message has %d bytes", len(r.failed.Message))
				}
			}},
		{name: "time-out of a script that hangs", function: "timed", key: "hang", content: do([]string{"write", "never", "x"}, []string{"hang"}), fails: job.ErrTimeout,
			message: []string{"hanging"}, record: "failed", log: []string{"status=Scar.Timeout"}},
		{name: "time-out of a script that ends well", function: "timed", key: "obey", content: do([]string{"write", "never", "x"}, []string{"obey"}), fails: job.ErrTimeout,
			message: []string{"asked to end"}, record: "failed"},
		{name: "after a time-out", function: "timed", key: "after", content: do([]string{"fresh"}), record: "done",
			output: "1 in the temporary folder, 0 in fresh ones, 0 daemons\n"},
		{name: "a daemon is ended", key: "daemon", content: do([]string{"daemon"}, []string{"print", "done"}), record: "done", check: func(t *testing.T, _ world, r result) {
			if got := r.output(t); !strings.Contains(got, "done\n") {
				t.Errorf("output %q", got)
			}
		}},
		{name: "after a daemon", key: "after-daemon", content: do([]string{"fresh"}), record: "done",
			output: "1 in the temporary folder, 0 in fresh ones, 0 daemons\n"},
		{name: "files are left", key: "leave", content: do([]string{"leave"}), record: "done"},
		{name: "after files were left", key: "after-leave", content: do([]string{"fresh"}), record: "done",
			output: "1 in the temporary folder, 0 in fresh ones, 0 daemons\n"},
		{name: "/tmp is full", needs: sandboxed, key: "full", content: do([]string{"fill"}, []string{"exit", "1"}), record: "failed", fails: job.ErrScriptFailed,
			check: func(t *testing.T, _ world, r result) {
				if !regexp.MustCompile(`full after (50\d|51[0-2]) MB: true`).MatchString(r.failed.Message) {
					t.Errorf("message %q", r.failed.Message)
				}
			}},
		{name: "after /tmp was full", needs: sandboxed, key: "after-full", content: do([]string{"fill"}), record: "done",
			check: func(t *testing.T, _ world, r result) {
				if got := r.output(t); !regexp.MustCompile(`full after (50\d|51[0-2]) MB: true`).MatchString(got) {
					t.Errorf("output %q", got)
				}
			}},
		{name: "memory runs out", needs: sandboxed, function: "small", key: "memory", content: do([]string{"allocate", "300"}), fails: "Runtime.OutOfMemory"},
		{name: "after memory ran out", needs: sandboxed, function: "small", key: "after-memory", content: do([]string{"fresh"}), record: "done",
			output: "1 in the temporary folder, 0 in fresh ones, 0 daemons\n"},
		{name: "attempts are counted", key: "tries", content: do([]string{"exit", "4"}), fails: job.ErrScriptFailed, record: "failed", check: checkAttempts},
	}
}

// checkAttempts sends the event of an object again, for the same version of it.
func checkAttempts(t *testing.T, w world, _ result) {
	first := recordOf(t, w, "probe", "tries")
	if first == nil {
		t.Fatal("there is no record")
	}
	again := s3Event("ObjectCreated:Put", "probe", "2026-01-02T03:04:05.678Z", first.Sequencer, first.ETag, "tries")
	if r := w.send(t, "probe", again); r.failed.Type != job.ErrScriptFailed {
		t.Errorf("ended as %+v", r.failed)
	}
	if now := recordOf(t, w, "probe", "tries"); now.Attempts != first.Attempts+1 {
		t.Errorf("%d attempts, then %d", first.Attempts, now.Attempts)
	}
}

// answers are about what callers and the log get.
func answers() []contractCase {
	page := do([]string{"respond", "status", "201"}, []string{"respond", "headers", "Content-Type: text/x-test\nX-One: 1\n"}, []string{"respond", "body", "hello"})
	return []contractCase{
		{name: "the output, both streams", payload: do([]string{"print", "one"}, []string{"stderr", "two"}, []string{"print", "three"}), output: "one\ntwo\nthree\n",
			check: func(t *testing.T, _ world, r result) {
				response := r.response(t)
				if response.StatusCode != 200 || response.Headers[job.HeaderLogGroup] != "/aws/lambda/probe" || response.Headers[job.HeaderLogStream] == "" {
					t.Errorf("answer %s", r.payload)
				}
			}},
		{name: "all of a direct invocation's output", payload: do([]string{"flood", "2000000"}), output: strings.Repeat("x", 2000000) + "\n"},
		{name: "the end of an event's output", key: "flood", content: do([]string{"flood", "300000"}, []string{"print", "end"}), record: "done",
			check: func(t *testing.T, _ world, r result) {
				if got := r.output(t); len(got) != 128<<10 || !strings.HasSuffix(got, "x\nend\n") {
					t.Errorf("%d bytes that end in %q", len(got), got[max(0, len(got)-10):])
				}
			}},
		{name: "an output that is too large", payload: do([]string{"write", "never", "x"}, []string{"flood", "5000000"}), fails: job.ErrResponseTooBig},
		{name: "the summary", key: "sum", content: do([]string{"write", "sum", "12345"}), record: "done", objects: map[string]string{"sum": "12345"},
			log: []string{"s3://contract/probe/in/sum", "status=done exit=0 bytes_in=25 bytes_out=5 outputs=1 stage_in_ms="}},
		{name: "a log of JSON", function: "json", key: "json", content: do([]string{"print", "a line"}), record: "done", check: checkJSONLog},
		{name: "status, headers and body", payload: page, check: checkPage},
		{name: "a request", payload: request("POST", "size=10&QUALITY=1&LD_PRELOAD=x", "application/json", page), check: checkPage},
		{name: "a request's variables", payload: request("PUT", "size=10&QUALITY=1&LD_PRELOAD=/x&a=b%20c", "application/json", do([]string{"env"})),
			check: func(t *testing.T, _ world, r result) {
				got := r.output(t)
				for name, want := range map[string]string{
					"size": "10", "a": "b c", "QUALITY": "80", "REQUEST_METHOD": "PUT", "PATH_INFO": "/some/path", "CONTENT_TYPE": "application/json",
				} {
					if !strings.Contains(got, fmt.Sprintf("%q", name+"="+want)) {
						t.Errorf("%s is not %q in %s", name, want, got)
					}
				}
				if strings.Contains(got, `"LD_PRELOAD=`) {
					t.Error("a caller can set LD_PRELOAD")
				}
			}},
		{name: "a failing request", payload: request("POST", "", "application/json", do([]string{"print", "private"}, []string{"exit", "1"})),
			check: func(t *testing.T, _ world, r result) {
				response := r.response(t)
				if response.StatusCode != 500 || strings.Contains(r.output(t), "private") || !strings.Contains(r.output(t), job.ErrScriptFailed) {
					t.Errorf("answer %s", r.payload)
				}
			}},
		{name: "a bad answer", payload: do([]string{"write", "never", "x"}, []string{"respond", "status", "two"}), fails: job.ErrBadResponse},
		{name: "a script in the event", needs: func(w traits) bool { return !w.emulated }, payload: `{"script":"IyEvdG1wL25vbmUK"}`, fails: job.ErrScriptStart, message: []string{"/tmp/none"}},
		{name: "a script of the shell in the event", needs: withShell, payload: `{"script":"ZWNobyBoZWxsbyBmcm9tICIkMCIgfCBjdXQgLWMgMS0xMAo="}`, output: "hello from\n"},
	}
}

func checkPage(t *testing.T, _ world, r result) {
	t.Helper()
	response := r.response(t)
	if r.output(t) != "hello" || response.StatusCode != 201 || response.Headers["Content-Type"] != "text/x-test" || response.Headers["X-One"] != "1" {
		t.Errorf("answer %s", r.payload)
	}
}

func checkJSONLog(t *testing.T, _ world, r result) {
	r.wantLog(t, "_aws") // the last line
	found := false
	for line := range strings.Lines(r.log()) {
		var l struct{ Message, RequestID, Level string }
		if !strings.HasPrefix(line, "{") { // Lambda's own lines
			continue
		}
		if err := json.Unmarshal([]byte(line), &l); err != nil {
			t.Errorf("line %q: %v", line, err)
		}
		if l.Message == "a line" {
			found = l.RequestID != "" && l.Level == "INFO"
		}
	}
	if !found {
		t.Error("the script's line is not there as it should be")
	}
}
