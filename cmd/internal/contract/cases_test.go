package contract

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/scar-go/scar/runtime/job"
)

// runs are about what runs, and where.
func runs() []contractCase {
	return []contractCase{
		{name: "a program as script", key: "elf", content: do([]string{"print", "ran"}), output: "ran\n", record: "done",
			shell: "echo ran"},
		{name: "a script without #!", function: "line", needs: withShell, key: "line", content: "x", record: "done",
			check: func(t *testing.T, _ world, r result) {
				if got := r.output(t); !strings.HasPrefix(got, "by ") || !strings.HasSuffix(got, "/scar/script\nmore\n") {
					t.Errorf("output %q", got)
				}
			}},
		{name: "arguments to the image's entrypoint", function: "own", needs: func(w traits) bool { return w.probe },
			key: "own", content: "x", output: `["-v" "two words" ""]` + "\n", record: "done"},
		{name: "an interpreter that is absent", function: "absent", key: "absent", content: "x",
			fails: job.ErrScriptStart, message: []string{"its interpreter /tmp/none is not in the image"}, record: "failed"},
		{name: "a working directory of its own", key: "cwd", content: do([]string{"cwd"}), record: "done",
			check: func(t *testing.T, _ world, r result) {
				if got := r.output(t); !regexp.MustCompile(`^in .*/tmp/scar-.*/work, 0 entries, writable\n$`).MatchString(got) {
					t.Errorf("output %q", got)
				}
			}, shell: `cd . && touch here && echo "in $PWD, $(ls -A | grep -vc here) entries, writable"`},
		{name: "empty standard input", key: "stdin", content: do([]string{"stdin"}), output: "stdin has 0 bytes\n", record: "done",
			shell: `echo "stdin has $(wc -c) bytes"`},
		{name: "no open files of others", key: "files", content: do([]string{"files"}), output: "open files: 0\n", record: "done"},
		{name: "only /tmp can be written to", needs: sandboxed, key: "touch",
			content: do([]string{"touch", "/", "/etc", "/scar", "/dev", "/tmp"}), record: "done",
			output: "/: read-only file system\n/etc: read-only file system\n/scar: read-only file system\n/dev: read-only file system\n/tmp: <nil>\n",
			shell:  `for d in / /etc /scar /dev; do (echo > $d/x) 2>/dev/null || echo "$d: read-only file system"; done; echo > /tmp/x && echo "/tmp: <nil>"`},
		{name: "no rights", needs: sandboxed, key: "who", content: do([]string{"who"}), record: "done",
			output: "root false, CapInh:0000000000000000 CapPrm:0000000000000000 CapEff:0000000000000000 CapBnd:0000000000000000 CapAmb:0000000000000000 NoNewPrivs:1\nfiles 1024\n"},
		{name: "shipped files", function: "files", needs: sandboxed, key: "files", content: do([]string{"payload"}), record: "done",
			output: "labels.txt: read-only, executable false, \"labels\"\ntool: read-only, executable true, \"#!/bin/sh\\n\"\n"},
	}
}

// invocations are about what starts a script, and the variables that it gets.
func invocations() []contractCase {
	long := strings.Repeat("ü", 200) + ".tar.gz"
	named := func(name, key, want string) contractCase {
		return contractCase{name: "the name of " + name, key: key, content: do([]string{"input"}), record: "done",
			output: fmt.Sprintf("set true, files 1, below true, name %s\n", hex.EncodeToString([]byte(want)))}
	}
	return []contractCase{
		{name: "the object's content", key: "content", content: do([]string{"copy", "copy"}),
			objects: map[string]string{"copy": do([]string{"copy", "copy"})}, record: "done",
			check: func(t *testing.T, w world, _ result) {
				r := recordOf(t, w, "probe", "content")
				if r == nil || r.Attempts != 1 || len(r.Outputs) != 1 || r.Outputs[0].Key != "probe/out/copy" || r.Outputs[0].Size != 17 || r.ETag == "" || r.Sequencer == "" {
					t.Errorf("record %+v", r)
				}
			}},
		named("an object in folders", "a/b/c d.txt", "c d.txt"),
		named("an odd object", "-rf +%20&=ü\n日本.x", "-rf +%20&=ü\n日本.x"),
		named("an object that ends in dots", "dots/..", "object"),
		named("an object called script", "script", "script"),
		{name: "a long name is cut", key: long, content: do([]string{"input"}), record: "done",
			check: func(t *testing.T, _ world, r result) {
				_, text, _ := strings.Cut(strings.TrimSpace(r.output(t)), "name ")
				name, err := hex.DecodeString(text)
				if err != nil || len(name) > 255 || !strings.HasSuffix(string(name), "ü.gz") || !strings.HasPrefix(long, strings.TrimSuffix(string(name), ".gz")) {
					t.Errorf("name %q, %v", name, err)
				}
			}},
		{name: "a folder marker", key: "marker/", content: "", output: ""},
		{name: "a removed object", function: "removed", key: "gone", content: "x", removed: true, record: "done",
			output:  "set false, files 0, below false, name " + hex.EncodeToString([]byte(".")) + "\n",
			objects: map[string]string{"gone.txt": "gone"}},
		{name: "a test event", payload: `{"Service":"Amazon S3","Event":"s3:TestEvent","Time":"2026-01-02T03:04:05.678Z","Bucket":"contract","RequestId":"x","HostId":"y"}`},
		{name: "any JSON is event.json", payload: `[["input"],["copy","event"],["print","ü\u0000"]]`,
			output:  "set true, files 1, below true, name " + hex.EncodeToString([]byte("event.json")) + "\nü\x00\n",
			objects: map[string]string{"event": `[["input"],["copy","event"],["print","ü\u0000"]]`}},
		{name: "an empty direct invocation", function: "removed", payload: "{}",
			output:  "set false, files 0, below false, name " + hex.EncodeToString([]byte(".")) + "\n",
			objects: nil},
		{name: "variables", key: "sub/vari ables", content: do([]string{"env"}), record: "done", check: checkVariables},
		{name: "secrets", function: "secret", needs: sandboxed, key: "secret", content: do([]string{"env"}), record: "done",
			check: func(t *testing.T, _ world, r result) {
				got := r.output(t)
				for name, value := range secrets() {
					if !strings.Contains(got, fmt.Sprintf("%q", name+"="+value)) {
						t.Errorf("%s is not %q", name, value)
					}
				}
			}},
		{name: "arguments in the event", function: "own", needs: func(w traits) bool { return w.probe }, payload: `{"cmd_args":"[\"-x\",\"a b\"]"}`, output: `["-x" "a b"]` + "\n"},
		{name: "an event too large for a variable", payload: do([]string{"ignore", strings.Repeat("x", 140_000)}, []string{"env"}),
			log: []string{"EVENT is not set: "}, check: func(t *testing.T, _ world, r result) {
				if got := r.output(t); strings.Contains(got, `"EVENT=`) {
					t.Error("it is set")
				}
			}},
		{name: "several objects", payload: "", key: "many", content: do([]string{"print", "first"}), record: "done", check: checkSeveral},
		{name: "an object that is not there", payload: createdEvent("probe", "2026-01-02T03:04:05.678Z", "never stored"), fails: job.ErrStageIn,
			message: []string{"never stored"}},
		{name: "a damaged event", payload: `{"Records":[{"eventSource":"aws:s3","s3":{"bucket":{},"object":{}}}]}`, fails: job.ErrBadEvent},
		{name: "a message of a queue", payload: queueEvent(map[string]string{"m1": do([]string{"write", "message", "x"}), "m2": do([]string{"exit", "1"})}),
			objects: map[string]string{"message": "x"}, check: func(t *testing.T, _ world, r result) {
				if got := string(r.payload); got != `{"batchItemFailures":[{"itemIdentifier":"m2"}]}` {
					t.Errorf("answer %s", got)
				}
			}},
		{name: "duplicates are dropped", function: "once", key: "once", content: do([]string{"write", "once", "x"}), objects: map[string]string{"once": "x"},
			record: "done", check: checkOnce},
	}
}

// secrets are what the secrets of the function of that name hold.
func secrets() map[string]string {
	return map[string]string{"TOKEN": "t0ken value", "PASSWORD": "p\"wd"}
}

func checkVariables(t *testing.T, w world, r result) {
	var all []string
	if err := json.Unmarshal([]byte(r.output(t)), &all); err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, v := range all {
		name, value, _ := strings.Cut(v, "=")
		got[name] = value
	}
	for name, want := range map[string]string{
		"STORAGE_OBJECT_KEY": "probe/in/sub/vari ables", "QUALITY": "80", "LINES": "a\nb", "INPUT_FILE_PATH": got["TMP_INPUT_DIR"] + "/vari ables",
		"AWS_LAMBDA_REQUEST_ID": got["REQUEST_ID"], "AWS_LAMBDA_FUNCTION_NAME": "probe", "EMPTY": "",
	} {
		if value, set := got[name]; !set || value != want {
			t.Errorf("%s is %q, want %q", name, value, want)
		}
	}
	for _, name := range []string{"AWS_LAMBDA_RUNTIME_API", "EXTRA_PAYLOAD"} {
		if value, set := got[name]; set {
			t.Errorf("%s is set: %q", name, value)
		}
	}
	for _, name := range []string{"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_REGION", "REQUEST_ID", "PATH"} {
		if got[name] == "" {
			t.Errorf("%s is not set", name)
		}
	}
	if id := r.response(t).Headers[job.HeaderRequestID]; id != got["REQUEST_ID"] {
		t.Errorf("REQUEST_ID is %q, the answer's header %q", got["REQUEST_ID"], id)
	}
	if net.ParseIP(got["INSTANCE_IP"]) == nil {
		t.Errorf("INSTANCE_IP is %q", got["INSTANCE_IP"])
	}
	if !regexp.MustCompile(`^20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$`).MatchString(got["EVENT_TIME"]) {
		t.Errorf("EVENT_TIME is %q", got["EVENT_TIME"])
	}
	var event struct{ Records []any }
	if err := json.Unmarshal([]byte(got["EVENT"]), &event); err != nil || len(event.Records) != 1 {
		t.Errorf("EVENT is %q", got["EVENT"])
	}
	inTmp := regexp.MustCompile(`/tmp/scar-[^/]+/[a-z]+$`)
	seen := map[string]bool{}
	for _, name := range []string{"TMP_INPUT_DIR", "TMP_OUTPUT_DIR", "RESPONSE_DIR", "HOME", "TMPDIR"} {
		if !inTmp.MatchString(got[name]) || seen[got[name]] {
			t.Errorf("%s is %q", name, got[name])
		}
		seen[got[name]] = true
	}
	if w.traits().sandboxed && !strings.HasPrefix(got["HOME"], "/tmp/") {
		t.Errorf("HOME is %q", got["HOME"])
	}
}

// checkSeveral invokes with an event of three objects, one of which fails.
func checkSeveral(t *testing.T, w world, _ result) {
	w.store(t, "probe", "second", do([]string{"exit", "3"}))
	w.store(t, "probe", "third", do([]string{"write", "third", "x"}))
	r := w.send(t, "probe", createdEvent("probe", "2026-01-02T03:04:05.678Z", "many", "second", "third"))
	if r.failed.Type != job.ErrRecordsFailed || !strings.Contains(r.failed.Message, "probe/in/second") || strings.Contains(r.failed.Message, "probe/in/third") {
		t.Errorf("ended as %+v", r.failed)
	}
	if got := w.objects(t, "probe/out/third"); got[""] != "x" {
		t.Errorf("objects %q", got)
	}
	for key, want := range map[string]job.Status{"many": job.Done, "second": job.Failed, "third": job.Done} {
		if record := recordOf(t, w, "probe", key); record == nil || record.Status != want {
			t.Errorf("the record of %s is %+v", key, record)
		}
	}
}

// checkOnce sends the event of an object again, with the sequencer of its record.
func checkOnce(t *testing.T, w world, _ result) {
	first := recordOf(t, w, "once", "once")
	if first == nil {
		t.Fatal("there is no record")
	}
	again := strings.Replace(createdEvent("once", "2026-01-02T03:04:05.678Z", "once"), `"sequencer":"0055AED6DCD90281E5"`, `"sequencer":"`+first.Sequencer+`"`, 1)
	if r := w.send(t, "once", again); r.failed.Type != "" {
		t.Errorf("the second event failed: %v", &r.failed)
	}
	if now := recordOf(t, w, "once", "once"); now.Attempts != 1 || now.RequestID != first.RequestID {
		t.Errorf("the record is %+v", now)
	}
}

func sortedKeys[V any](m map[string]V) []string {
	var keys []string
	for key := range m {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}
