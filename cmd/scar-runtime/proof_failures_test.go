package main

import (
	"encoding/json"
	"fmt"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/scar-go/scar/internal/proof"
	"github.com/scar-go/scar/runtime/job"
)

// failureCase is one kind of failure. It is brought about for the object in/a, whose content is then "bad"; the
// invocation after it, of the same object, finds "good" there and nothing else amiss.
type failureCase struct {
	name string
	kind string   // the error type that the invocation must end with
	says []string // what its message must hold

	script string            // what goes wrong, as lines of /bin/sh
	whole  string            // a script that replaces the usual one until the next invocation
	job    func(*job.Job)    // changes of the job
	setup  func(f *function) // before the runtime starts
	repair func(f *function) // before the next invocation
	rule   rule              // what goes wrong with the storage
	tmpfs  string            // options of a file system of its own for /tmp
	env    []string

	event  func(f *function) string // other than that in/a was created
	within time.Duration            // the time that the invocation has, a minute if zero
	last   bool                     // the time is up so late that nobody waits for an answer

	stored    []string // outputs that are stored all the same; where that is what failed, the message must name them
	done      []string // of an event of several objects: those that are processed nevertheless
	leftParts bool     // parts of an upload may stay, since the storage keeps them from being removed
	atStart   bool     // the runtime reports it in place of asking for events, and ends
}

// obliging is a script that copies good input to an output. Other input it takes for a reason to go wrong, but only
// after it has written an output that nobody must ever see.
const obliging = `#!/bin/sh
if [ "$(head -c 5 "${INPUT_FILE_PATH:-/dev/null}")" = good ]; then
	cp "$INPUT_FILE_PATH" "$TMP_OUTPUT_DIR/result"
	exit
fi
echo partial > "$TMP_OUTPUT_DIR/partial"
`

// TestEveryFailureIsTold brings about everything that is known to go wrong around an invocation. Each must end as a
// failed invocation of its type, store nothing that the message does not name, write down no success, leave nothing
// behind, and have no effect on the next invocation.
func TestEveryFailureIsTold(t *testing.T) {
	cases := slices.Concat(scriptFailures(), outputFailures(), timeFailures(), diskFailures(), eventFailures(), commandFailures(), senderFailures(),
		jobFailures(), fetchFailures(), storeFailures(), recordFailures(), providerFailures(), secretFailures(), responseFailures())
	names := map[string]bool{}
	for _, c := range cases {
		if names[c.name] {
			t.Errorf("two cases are called %q", c.name)
		}
		names[c.name] = true
	}
	var tried atomic.Int32 // a case may be skipped
	atOnce(t, 6, cases, func(c failureCase) string { return c.name }, func(t *testing.T, c failureCase) {
		testFailure(t, c)
		tried.Add(1)
	})
	proof.Count(t, "kinds of failure", float64(tried.Load()), "")
}

func testFailure(t *testing.T, c failureCase) {
	j := newJob()
	if c.job != nil {
		c.job(&j)
	}
	script := c.whole
	if script == "" {
		script = obliging + c.script
	}
	f := prepare(t, j, script)
	g := atGate(f, c.rule)
	if c.tmpfs != "" {
		f.wrap = onTmpfs(t, f, c.tmpfs)
	}
	if c.setup != nil {
		c.setup(f)
	}
	payload := f.put("in/a", "bad")
	if c.event != nil {
		payload = c.event(f)
	}
	f.run(c.env...)
	if c.atStart {
		f.failAtStart(c)
	} else {
		f.failOnce(c, payload, g)
	}

	g.set(nil)
	if c.whole != "" {
		f.write("scar/script", obliging, 0o755)
	}
	if c.repair != nil {
		c.repair(f)
	}
	if c.atStart {
		f.again()
	}
	f.succeedNext()
}

// failAtStart checks that the runtime ends and says why.
func (f *function) failAtStart(c failureCase) {
	f.t.Helper()
	f.wantFailure(answer{failed: f.initError()}, c.kind, c.says...)
	if err := f.cmd.Wait(); err == nil {
		f.t.Error("the runtime ended well")
	}
}

// failOnce sends the event and checks all that must hold of a failed invocation.
func (f *function) failOnce(c failureCase, payload string, g *gate) {
	f.t.Helper()
	within := c.within
	if within == 0 {
		within = time.Minute
	}
	deadline := time.Now().Add(within)
	a := f.send(invocation{payload: payload, deadline: deadline, trace: "Root=1-abc"})
	f.wantFailure(a, c.kind, c.says...)
	if c.kind == job.ErrStageOut {
		f.wantFailure(a, c.kind, c.stored...)
	}
	if early := deadline.Sub(a.at); early < inTime && !c.last {
		f.t.Errorf("the answer came %s before the deadline", early)
	}
	if got := keys(f.objects("out/")); !slices.Equal(got, c.stored) {
		f.t.Errorf("stored is %q, want %q", got, c.stored)
	}
	if left := f.leftovers(); len(left) > 0 {
		f.t.Errorf("left are: %q", left)
	}
	if n := g.uploadsLeft(); n > 0 && !c.leftParts {
		f.t.Errorf("%d uploads are left in parts", n)
	}
	f.checkRecords(c)
}

// checkRecords fails the test if a record says that something is done that is not.
func (f *function) checkRecords(c failureCase) {
	f.t.Helper()
	for path, content := range f.objects(job.RecordsPrefix) {
		var r job.Record
		if err := json.Unmarshal([]byte(content), &r); err != nil {
			f.t.Errorf("the record %s: %v", path, err)
			continue
		}
		switch {
		case slices.Contains(c.done, r.Key):
			if r.Status != job.Done {
				f.t.Errorf("the record of %s says %s, %v", r.Key, r.Status, r.Error)
			}
		case r.Status != job.Failed || r.Error == nil || r.Error.Type != c.kind && len(c.done) == 0:
			f.t.Errorf("the record of %s says %s, %v", r.Key, r.Status, r.Error)
		}
	}
}

// succeedNext invokes the function once more, with nothing amiss.
func (f *function) succeedNext() {
	f.t.Helper()
	if got := f.output(f.invoke(f.put("in/a", "good"))); got != "" {
		f.t.Errorf("the next invocation says %q", got)
	}
	if got := f.objects("out/")["out/result"]; got != "good" {
		f.t.Errorf("the next invocation's output is %q, of %q", got, keys(f.objects("")))
	}
	if left := f.leftovers(); len(left) > 0 {
		f.t.Errorf("the next invocation left: %q", left)
	}
	key := job.RecordKey("f", job.OwnS3, bucket, "in/a")
	if content, ok := f.objects(job.RecordsPrefix)[key]; ok && !strings.Contains(content, `"status":"done"`) {
		f.t.Errorf("the next invocation's record is %s", content)
	}
}

// onTmpfs is the command that starts the runtime with a file system of its own as /tmp, in namespaces of its own.
func onTmpfs(t *testing.T, f *function, options string) []string {
	t.Helper()
	unshare, err := exec.LookPath("unshare")
	if err != nil {
		t.Skip("unshare of util-linux is not installed")
	}
	if out, err := exec.Command(unshare, "--user", "--map-root-user", "--mount", "true").CombinedOutput(); err != nil {
		t.Skipf("user namespaces are not to be had: %s", out)
	}
	return []string{unshare, "--user", "--map-root-user", "--mount", "sh", "-c",
		fmt.Sprintf(`mount -t tmpfs -o %s tmpfs "$1" && exec "$2" "$3"`, options), "sh", filepath.Join(f.root, "tmp"), binary, f.root}
}
