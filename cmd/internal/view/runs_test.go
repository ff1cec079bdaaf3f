package view

import (
	"bytes"
	"encoding/json"
	"errors"
	"iter"
	"strings"
	"testing"
	"time"

	"github.com/scar-go/scar/runs"
	"github.com/scar-go/scar/runtime/job"
)

func TestSweepProgress(t *testing.T) {
	for want, c := range map[string]struct {
		p    runs.Progress
		rate float64
	}{
		"f: 0 of 64 or more objects; 1 under way": {runs.Progress{Total: 64, InFlight: 1}, 0},
		"f: 100 of 1000 objects, 5 failed, 20 skipped, 1 deleted; 8 under way, 12.5/s, about 72s left": {
			runs.Progress{Tally: runs.Tally{Done: 74, Failed: 5, Skipped: 20, Gone: 1}, Total: 1000, Complete: true, InFlight: 8}, 12.5,
		},
	} {
		if got := progressText("f", c.p, c.rate); got != want {
			t.Errorf("%s\nwant %s", got, want)
		}
	}
}

func TestPaceForgets(t *testing.T) {
	var p pace
	at := time.Unix(0, 0)
	if p.add(at, 0); p.rate() != 0 {
		t.Error("a rate without time")
	}
	ended := 0
	for i := range 600 { // a minute at 10 per second, then a minute at 100 per second
		at = at.Add(time.Second / 5)
		if ended += 2; i >= 300 {
			ended += 18
		}
		p.add(at, ended)
	}
	if r := p.rate(); r < 99 || r > 101 {
		t.Errorf("%f per second", r)
	}
	if len(p.marks) > 40 {
		t.Errorf("%d marks", len(p.marks))
	}
}

func streamsTo(out, err *bytes.Buffer) *Streams { return &Streams{Out: out, Err: err} }

func TestSweepEnd(t *testing.T) {
	info := runs.Info{ID: "20260131T080000Z-1f2e3d", Function: "f", From: []runs.Source{{Bucket: "b", Prefix: "in/"}}}
	for want, end := range map[string]SweepEnd{
		"Run complete! 2 done, 0 failed in 1.0s\nEach object: scar runs 20260131T080000Z-1f2e3d\n": {Summary: &runs.Summary{Info: info, State: runs.Finished, Tally: runs.Tally{Done: 2}}, Records: "b"},
		"Run stopped. 2 done, 1 failed in 1.0s\nTo go on with it: scar run f --all --local\n":      {Summary: &runs.Summary{Info: info, State: runs.Stopped, Tally: runs.Tally{Done: 2, Failed: 1}}, Records: "b", Same: " --local"},
		"Run complete, with failures. 2 done, 1 failed in 1.0s\nWhat failed, and why: scar runs 20260131T080000Z-1f2e3d --failed -f a.yaml\nTo try that again:    scar retry 20260131T080000Z-1f2e3d --failed -f a.yaml\n": {
			Summary: &runs.Summary{Info: info, State: runs.Finished, Tally: runs.Tally{Done: 2, Failed: 1}}, Records: "b", Same: " -f a.yaml",
		},
		"There is nothing to do: there is no object below s3://b/in/.\n":                                           {Summary: &runs.Summary{Info: info, State: runs.Finished}, Records: "b"},
		"Run complete! 1 done, 0 failed in 1.0s\nNothing of it is written down: the function writes no records.\n": {Summary: &runs.Summary{Info: info, State: runs.Finished, Tally: runs.Tally{Done: 1}}},
	} {
		end.Took = time.Second
		var out, err bytes.Buffer
		if e := end.Print(streamsTo(&out, &err), Human); e != nil || out.String() != want {
			t.Errorf("%q, %v\nwant %q", out.String(), e, want)
		}
	}
}

// TestRunEntries shows objects whose keys and errors hold what could move the cursor.
func TestRunEntries(t *testing.T) {
	broken := errors.New("broken")
	entries := func(fail bool) iter.Seq2[runs.Entry, error] {
		return func(yield func(runs.Entry, error) bool) {
			if !yield(runs.Entry{Object: runs.Object{Bucket: "b", Key: "in/\x1b[2J.png"}, Status: runs.Failed, Attempts: 2, Duration: 1500,
				Reason: "sent again", Error: &job.Error{Type: job.ErrScriptFailed, Message: "exit \x1b[31m3\nmore"}}, nil) {
				return
			}
			if !yield(runs.Entry{Object: runs.Object{Bucket: "b", Key: "in/a"}, Status: runs.Done, Attempts: 1, Outputs: []job.Object{
				{Provider: "s3", Bucket: "b", Key: "out/a"}, {Provider: "webdav.nas", Key: "a"}}, Omitted: 3}, nil) {
				return
			}
			if fail {
				yield(runs.Entry{}, broken)
			}
		}
	}
	o := &runs.Overview{Info: runs.Info{ID: "i", Function: "f"}, State: runs.Finished}
	var out, err bytes.Buffer
	if e := RunEntries(streamsTo(&out, &err), Human, o, entries(false), false); e != nil {
		t.Fatal(e)
	}
	if strings.Contains(out.String(), "\x1b") {
		t.Errorf("control characters: %q", out.String())
	}
	for _, want := range []string{"failed    2         1.5s     s3://b/in/", "Scar.ScriptFailed: exit", "\n      more\n", "sent again", "→ s3://b/out/a", "→ webdav.nas/a", "→ and 3 more"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("it lacks %q:\n%s", want, out.String())
		}
	}
	out.Reset()
	if e := RunEntries(streamsTo(&out, &err), JSON, o, entries(false), true); e != nil {
		t.Fatal(e)
	}
	var one runs.Entry
	if e := json.Unmarshal(out.Bytes(), &one); e != nil || one.Status != runs.Failed { // one line only
		t.Errorf("%s: %v", out.String(), e)
	}
	if e := RunEntries(streamsTo(&out, &err), JSON, o, entries(true), false); !errors.Is(e, broken) {
		t.Errorf("%v", e)
	}
}
