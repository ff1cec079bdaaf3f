// Package contract tests that a script finds the same surroundings wherever the runtime runs: as a plain process,
// and in images of glibc, of musl, and of nothing but one static program.
package contract

import (
	"encoding/base64"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/scar-go/scar/internal/proof"
	"github.com/scar-go/scar/runtime/job"
)

// bucket is that of all inputs and outputs. A function's are below its name.
const bucket = "contract"

// world is a place in which functions run.
type world interface {
	traits() traits

	// put stores an object, of which an event comes, and returns what became of the run. remove removes one.
	put(t *testing.T, function, key, content string) result
	remove(t *testing.T, function, key string) result

	// send invokes a function with a payload and waits for its answer.
	send(t *testing.T, function, payload string) result

	// store stores an object below an input without an event.
	store(t *testing.T, function, key, content string)

	// objects are the contents of the objects below a prefix, by the rest of the key.
	objects(t *testing.T, prefix string) map[string]string
}

// traits are what tells worlds apart.
type traits struct {
	name      string
	shell     bool // there is /bin/sh
	sandboxed bool // the runtime is alone in an image, as in Lambda
	probe     bool // the image's entrypoint is the probe
	emulated  bool // programs are for arm64, and run by an emulator
}

// arch is the architecture of the world's programs.
func (w traits) arch() string {
	if w.emulated {
		return "arm64"
	}
	return "amd64"
}

// result is the end of an invocation.
type result struct {
	failed  job.Error     // no Type: it succeeded
	payload []byte        // the answer
	log     func() string // what has been logged of it so far
}

func (r result) response(t *testing.T) job.Response {
	t.Helper()
	var response job.Response
	if err := json.Unmarshal(r.payload, &response); err != nil {
		t.Fatalf("answer %q: %v", r.payload, err)
	}
	return response
}

// output is what the script wrote, as the answer has it.
func (r result) output(t *testing.T) string {
	t.Helper()
	if r.failed.Type != "" {
		t.Fatalf("the invocation failed: %v", &r.failed)
	}
	response := r.response(t)
	if !response.IsBase64Encoded {
		t.Errorf("the answer is not encoded: %s", r.payload)
	}
	text, err := base64.StdEncoding.DecodeString(response.Body)
	if err != nil {
		t.Fatalf("answer %s: %v", r.payload, err)
	}
	return string(text)
}

// wantLog waits for a part of the log, which may come a moment after the answer.
func (r result) wantLog(t *testing.T, part string) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); !strings.Contains(r.log(), part); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Errorf("the log lacks %q", part)
			return
		}
	}
}

// contractCase is one thing that a script can rely on.
type contractCase struct {
	name     string
	function string            // of the table of functions; empty: probe
	needs    func(traits) bool // of the world; nil: nothing

	// What happens: an object with instructions for the probe arrives, or a payload, or an object is removed.
	key     string // below the input
	content string
	payload string
	removed bool

	shell string // the same as a script of the shell, for worlds that have one

	// What is expected.
	fails   string            // error type
	message []string          // parts of the error's message
	output  string            // all of the script's output; not compared if empty
	objects map[string]string // what is new below the output, all of it; nil: nothing
	log     []string          // parts of the log
	record  string            // status of the record; empty: there is none
	check   func(t *testing.T, w world, r result)
}

func sandboxed(w traits) bool { return w.sandboxed }

// do are instructions for the probe.
func do(steps ...[]string) string {
	text, err := json.Marshal(steps)
	if err != nil {
		panic(err) // strings can always be written
	}
	return string(text)
}

// runSuite runs the cases in a world, one after the other: functions are warm, and nothing of a case may
// be seen by the next.
func runSuite(t *testing.T, w world) {
	var count atomic.Int64
	for _, c := range slices.Concat(runs(), invocations(), results(), failures(), answers()) {
		if c.needs != nil && !c.needs(w.traits()) {
			continue
		}
		if c.function == "" {
			c.function = "probe"
		}
		t.Run(c.name, func(t *testing.T) {
			c.run(t, w)
			count.Add(1)
		})
		if c.shell == "" || !w.traits().shell {
			continue
		}
		t.Run(c.name+", by a shell", func(t *testing.T) {
			c := c
			c.function, c.content = "shell", c.shell
			c.run(t, w)
			count.Add(1)
		})
	}
	if least := int64(25); count.Load() < least {
		t.Errorf("%d cases, want %d at least", count.Load(), least)
	}
	proof.Count(t, "contract cases", float64(count.Load()), "")
}

func (c contractCase) run(t *testing.T, w world) {
	before := w.objects(t, c.function+"/out/")
	var r result
	switch {
	case c.payload != "":
		r = w.send(t, c.function, c.payload)
	case c.removed:
		r = w.remove(t, c.function, c.key)
	default:
		r = w.put(t, c.function, c.key, c.content)
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("failed %+v, answer %q, log:\n%s", r.failed, r.payload, r.log())
		}
	})
	c.checkEnd(t, r)
	fresh := w.objects(t, c.function+"/out/")
	maps.DeleteFunc(fresh, func(key, content string) bool { old, known := before[key]; return known && old == content })
	if diff := cmp.Diff(c.objects, fresh); diff != "" && len(c.objects)+len(fresh) > 0 {
		t.Errorf("objects (-want +got):\n%s", diff)
	}
	if c.key != "" {
		c.checkRecord(t, w)
	}
	if c.check != nil {
		c.check(t, w, r)
	}
}

func (c contractCase) checkEnd(t *testing.T, r result) {
	t.Helper()
	if r.failed.Type != c.fails {
		t.Errorf("the invocation ended as %q: %s; want %q", r.failed.Type, r.failed.Message, c.fails)
	}
	for _, part := range c.message {
		if !strings.Contains(r.failed.Message, part) {
			t.Errorf("message %q lacks %q", r.failed.Message, part)
		}
	}
	for _, part := range c.log {
		r.wantLog(t, part)
	}
	if c.output != "" && c.fails == "" {
		if got := r.output(t); got != c.output {
			t.Errorf("output %q, want %q", got, c.output)
		}
	}
}

func (c contractCase) checkRecord(t *testing.T, w world) {
	t.Helper()
	record := recordOf(t, w, c.function, c.key)
	switch {
	case record == nil && c.record != "":
		t.Errorf("there is no record")
	case record != nil && string(record.Status) != c.record:
		t.Errorf("the record says %q, want %q", record.Status, c.record)
	case record == nil || c.fails == "":
		return
	case record.Error == nil || record.Error.Type != c.fails:
		t.Errorf("the record's error is %+v", record.Error)
	}
}

// recordOf is the record of an object below a function's input, nil if there is none.
func recordOf(t *testing.T, w world, function, key string) *job.Record {
	t.Helper()
	name := job.RecordKey(function, job.OwnS3, bucket, function+"/in/"+key)
	content, found := w.objects(t, name)[""]
	if !found {
		return nil
	}
	var r job.Record
	if err := json.Unmarshal([]byte(content), &r); err != nil {
		t.Fatal(err)
	}
	return &r
}
