package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/scar-go/scar/internal/proof"
	"github.com/scar-go/scar/runtime/job"
)

// threeResults is a script of three results, one of which is sent in parts.
const threeResults = "#!/bin/sh\nset -e\n" + inParts + `cat "$INPUT_FILE_PATH" > one; echo two > two
`

// results are what it makes of an object that holds "input".
func results() map[string]string {
	large := make([]byte, 17000000)
	copy(large, "begin")
	return map[string]string{"out/one": "input", "out/two": "two\n", "out/large": string(large) + "end"}
}

// crash is what goes wrong at one call of an invocation.
type crash struct {
	call string
	how  string
	rule func(call string, kill func()) rule
	also rule // what has to go wrong beside it for this call to be made

	orphans bool // an upload in parts may be left, although the runtime lived: it could not know of it, or not abort it
}

// crashes are all that is tried at one call.
func crashes(call string) []crash {
	keeps := func(fault fault) func(string, func()) rule {
		return func(call string, _ func()) rule { return exactly(call, fault) }
	}
	first := func(fault fault) func(string, func()) rule {
		return func(call string, _ func()) rule { return once(call, fault) }
	}
	// Who is not told that an upload has begun does not know what to abort.
	unknown := strings.HasSuffix(call, " begin")
	return []crash{
		{call: call, how: "is answered with 500", rule: keeps(refuse(500, "InternalError"))},
		{call: call, how: "is answered with 403", rule: keeps(refuse(403, "AccessDenied"))},
		{call: call, how: "is lost once", rule: first(cutBefore)},
		{call: call, how: "is always lost", rule: keeps(cutBefore)},
		{call: call, how: "is done and its answer lost once", rule: first(cutAfter), orphans: unknown},
		{call: call, how: "is done and its answer always lost", rule: keeps(cutAfter), orphans: unknown},
		{call: call, how: "kills before it is done", rule: func(call string, kill func()) rule { return once(call, killBefore(kill)) }},
		{call: call, how: "kills when it is done", rule: func(call string, kill func()) rule { return once(call, killAfter(kill)) }},
	}
}

// exactly does a fault to every call of this name.
func exactly(name string, f fault) rule {
	return func(call string) fault {
		if call == name {
			return f
		}
		return nil
	}
}

// killBefore ends the runtime, as Lambda does when memory runs out, before the call has had its effect.
func killBefore(kill func()) fault {
	return func(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
		kill()
		reset(w)
	}
}

// killAfter ends it when the call has had its effect, and before it is told.
func killAfter(kill func()) fault {
	return func(w http.ResponseWriter, r *http.Request, storage http.Handler) {
		storage.ServeHTTP(httptest.NewRecorder(), r)
		kill()
		reset(w)
	}
}

// TestCrashAtEachStorageCall takes the storage, or the runtime, away at each call of an invocation. Whatever happens, the
// answer is no success and the record says no such thing while a result is missing, and the next attempt completes the work.
func TestCrashAtEachStorageCall(t *testing.T) {
	calls := cleanCalls(t)
	var cases []crash
	for _, call := range calls {
		cases = append(cases, crashes(call)...)
	}
	abort := "DELETE out/large abort"
	for _, c := range crashes(abort) {
		c.also, c.orphans = exactly("PUT out/large part 2", refuse(403, "AccessDenied")), true
		cases = append(cases, c)
	}
	var mu sync.Mutex
	told, lies := map[string]int{}, 0
	want := results()
	atOnce(t, 8, cases, func(c crash) string { return c.call + " " + c.how }, func(t *testing.T, c crash) {
		end, lied := testCrash(t, c, want)
		mu.Lock()
		defer mu.Unlock()
		told[end]++
		if lied {
			lies++
		}
	})
	t.Logf("%d calls; the first attempts ended so: %v", len(calls)+1, told)
	if told[endDone] == 0 || told[endFailed] == 0 || told[endKilled] < 2*len(calls) {
		t.Errorf("not every kind of end was seen: %v", told)
	}
	proof.Count(t, "storage calls crashed or failed", float64(len(cases)), "")
	proof.Count(t, "successes with a result missing", float64(lies), "")
}

// prepareCrash is a function that has not started, with a gate before its storage, and the event that it gets.
func prepareCrash(t *testing.T) (f *function, g *gate, event string) {
	t.Helper()
	j := newJob()
	j.Dedupe = true
	f = prepare(t, j, threeResults)
	byParts(f)
	return f, atGate(f, nil), f.put("in/a", "input")
}

// cleanCalls are the calls that an invocation makes when nothing goes wrong.
func cleanCalls(t *testing.T) []string {
	t.Helper()
	f, g, event := prepareCrash(t)
	f.run()
	f.output(f.invoke(event))
	f.checkComplete(results())
	made := g.made()
	calls := slices.Compact(slices.Sorted(slices.Values(made)))
	if len(calls) != len(made) || len(calls) < 10 {
		t.Fatalf("calls %q", made)
	}
	return calls
}

// The ends that a first attempt has.
const (
	endDone   = "done"
	endFailed = "failed"
	endKilled = "killed"
)

// testCrash is one case. It lied if the answer or the record of the first attempt claims what is not stored.
func testCrash(t *testing.T, c crash, want map[string]string) (end string, lied bool) {
	f, g, event := prepareCrash(t)
	died := make(chan struct{})
	kill := func() {
		_ = f.cmd.Process.Kill()
		close(died)
	}
	g.set(either(c.rule(c.call, kill), func(call string) fault {
		if c.also == nil {
			return nil
		}
		return c.also(call)
	}))
	f.run()
	end = f.attempt(event, died)
	if !slices.Contains(g.made(), c.call) {
		t.Errorf("the call was not made, but %q", g.made())
	}
	complete := f.complete(want)
	if end == endDone && !complete {
		lied = true
		t.Errorf("the answer is a success, and stored is %q", keys(f.objects("out/")))
	}
	r := f.recordOf("in/a")
	if r != nil && r.Status == job.Done && !complete {
		lied = true
		t.Errorf("the record says that all is done, and stored is %q", keys(f.objects("out/")))
	}
	if end == endDone && (r == nil || r.Status != job.Done) {
		t.Errorf("the answer is a success, and the record %v", r)
	}
	if end != endKilled {
		if left := f.leftovers(); len(left) > 0 {
			t.Errorf("left are: %q", left)
		}
		if n := g.uploadsLeft(); n > 0 && !c.orphans {
			t.Errorf("%d uploads are left in parts", n)
		}
	}

	g.set(nil)
	f.again()
	f.output(f.invoke(event))
	f.checkComplete(want)
	return end, lied
}

// attempt sends an event to a runtime that may be killed meanwhile.
func (f *function) attempt(event string, died <-chan struct{}) (end string) {
	f.t.Helper()
	limit := time.After(2 * time.Minute)
	select {
	case f.api.invocations <- invocation{payload: event, deadline: time.Now().Add(time.Minute)}:
	case <-limit:
		f.t.Fatal("the runtime does not ask for an event")
	}
	select {
	case a := <-f.api.answers:
		if a.failed != nil {
			return endFailed
		}
		return endDone
	case <-died:
		_ = f.cmd.Wait() // says that it was killed
		return endKilled
	case <-limit:
		f.t.Fatal("no answer came")
	}
	return ""
}

// complete reports whether exactly these objects are stored as results.
func (f *function) complete(want map[string]string) bool {
	f.t.Helper()
	got := f.objects("out/")
	for key, content := range want {
		if stored, ok := got[key]; !ok || !sameAs(stored, content) {
			return false
		}
	}
	return len(got) == len(want)
}

// checkComplete fails the test unless all results are stored, the record says so, and nothing else is there.
func (f *function) checkComplete(want map[string]string) {
	f.t.Helper()
	if !f.complete(want) {
		f.t.Errorf("stored is %q", keys(f.objects("out/")))
	}
	r := f.recordOf("in/a")
	if r == nil || r.Status != job.Done || len(r.Outputs) != len(want) {
		f.t.Fatalf("the record is %+v", r)
	}
	for _, o := range r.Outputs {
		if content, ok := want[o.Key]; !ok || int64(len(content)) != o.Size {
			f.t.Errorf("the record lists %+v", o)
		}
	}
	if left := f.leftovers(); len(left) > 0 {
		f.t.Errorf("left are: %q", left)
	}
}

// recordOf is the record of an object; nil where there is none.
func (f *function) recordOf(key string) *job.Record {
	f.t.Helper()
	content, ok := f.objects(job.RecordsPrefix)[job.RecordKey("f", job.OwnS3, bucket, key)]
	if !ok {
		return nil
	}
	var r job.Record
	if err := json.Unmarshal([]byte(content), &r); err != nil {
		f.t.Fatal(fmt.Errorf("record of %q: %w", key, err))
	}
	return &r
}
