package view

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/go-multierror"

	"github.com/scar-go/scar/applier"
	"github.com/scar-go/scar/planner"
)

// fakeTime moves only when it is told to.
type fakeTime struct{ now time.Time }

func (f *fakeTime) Now() time.Time { return f.now }

func applyEvents(t *testing.T, format Format) (out, err string) {
	t.Helper()
	var outBuf, errBuf bytes.Buffer
	s := &Streams{Out: &outBuf, Err: &errBuf}
	clock := &fakeTime{time.Unix(0, 0)}
	a := NewApply(s, format)
	a.mu.Lock()
	a.now = clock.Now
	a.mu.Unlock()
	plan := everything()
	role, image, function := plan.Changes[5], plan.Changes[3], plan.Changes[9]
	a.Event(applier.Event{Type: applier.Started, Change: role})
	a.Event(applier.Event{Type: applier.Started, Change: image})
	a.Event(applier.Event{Type: applier.Progressed, Change: image, Progress: applier.Progress{Address: image.Address, Message: "pushing", Done: 1 << 20, Total: 3 << 20}})
	clock.now = clock.now.Add(6 * time.Second)
	a.repeat()
	a.repeat() // nothing new is said so soon
	a.Event(applier.Event{Type: applier.Done, Change: image, Outputs: map[string]string{"digest": digestOf("2")}})
	a.Event(applier.Event{Type: applier.Failed, Change: role, Err: errors.New("no such luck")})
	a.Event(applier.Event{Type: applier.Skipped, Change: function, Err: &applier.SkippedError{Cause: role.Address}})
	if e := a.Finish(plan, Outputs{Resources: planner.Outputs{image.Address: {"digest": digestOf("2")}}}, true); e != nil {
		t.Fatal(e)
	}
	return outBuf.String(), errBuf.String()
}

func TestApplySaysWhatHappens(t *testing.T) {
	out, err := applyEvents(t, Human)
	golden(t, "apply-out.txt", []byte(out))
	golden(t, "apply-err.txt", []byte(err))
}

func TestApplyJSONIsOneObjectALine(t *testing.T) {
	out, err := applyEvents(t, JSON)
	if err != "" {
		t.Errorf("standard error: %q", err)
	}
	lines := strings.Split(strings.TrimSpace(out), "\n")
	if len(lines) != 7 {
		t.Fatalf("%d lines, want 7:\n%s", len(lines), out)
	}
	for _, l := range lines {
		var v struct{ Type string }
		if e := json.Unmarshal([]byte(l), &v); e != nil || v.Type == "" {
			t.Errorf("%q: %v", l, e)
		}
	}
	var sum struct{ Add, Change, Failed, Skipped int }
	if e := json.Unmarshal([]byte(lines[6]), &sum); e != nil || sum.Change != 1 || sum.Failed != 1 || sum.Skipped != 1 || sum.Add != 0 {
		t.Errorf("summary %s: %v", lines[6], e)
	}
}

func TestApplyOnATerminal(t *testing.T) {
	var out, err bytes.Buffer
	a := NewApply(&Streams{Out: &out, Err: &err, Live: true, Width: 80}, Human)
	image := everything().Changes[3]
	a.Event(applier.Event{Type: applier.Started, Change: image})
	for i := range int64(4) {
		a.Event(applier.Event{Type: applier.Progressed, Change: image, Progress: applier.Progress{Address: image.Address, Done: i << 20, Total: 3 << 20}})
	}
	a.Event(applier.Event{Type: applier.Done, Change: image})
	if e := a.Finish(&planner.Plan{}, Outputs{}, false); e != nil {
		t.Fatal(e)
	}
	if !strings.Contains(err.String(), "image/grayify: changed after") || !strings.Contains(out.String(), "Apply complete! 0 added, 1 changed, 0 destroyed.") {
		t.Errorf("out %q\nerr %q", out.String(), err.String())
	}
}

func TestError(t *testing.T) {
	interrupted := &applier.Interrupted{Err: context.Canceled, Left: []planner.Address{{Kind: planner.KindRole, Name: "r"}}}
	for name, c := range map[string]struct {
		err  error
		want string
	}{
		"one":   {errors.New("it broke"), "error: it broke\n"},
		"lines": {errors.New("it broke:\nhere\nthere"), "error: it broke:\n  here\n  there\n"},
		"many":  {fmt.Errorf("apply: %w", multierror.Append(nil, errors.New("a"), errors.New("b"))), "error: a\nerror: b\n"},
		"skipped": {
			multierror.Append(nil, fmt.Errorf("function/f: %w", &applier.SkippedError{Cause: interrupted.Left[0]}), errors.New("role/r: create role: it broke")),
			"error: role/r: create role: it broke\n",
		},
		"interrupted": {
			multierror.Append(nil, fmt.Errorf("role/r: create role: %w", context.Canceled), interrupted),
			"error: interrupted: nothing was done; not done: role/r; apply again to finish\n",
		},
		"hostile": {errors.New("a\x1b[2Jb"), "error: a\uFFFD[2Jb\n"},
	} {
		t.Run(name, func(t *testing.T) {
			var out, err bytes.Buffer
			Error(&Streams{Out: &out, Err: &err}, c.err)
			if err.String() != c.want || out.Len() > 0 {
				t.Errorf("got %q, want %q; standard output %q", err.String(), c.want, out.String())
			}
		})
	}
}
