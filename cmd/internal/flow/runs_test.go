package flow

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/scar-go/scar/planner"
	"github.com/scar-go/scar/runs"
	"github.com/scar-go/scar/runtime/job"
	"github.com/scar-go/scar/spec"
)

// TestSweep lists odd keys from inputs that overlap, takes each object once, and keeps a ledger.
func TestSweep(t *testing.T) {
	w := newSweepWorld(t)
	odd := []string{"in/a b+c.png", "in/ü%20.png", "in/\x01control.png", "in/deep/er/x.png", "in/<&>\".png"}
	w.put(t, append(odd, "in/folder/", "in/note.txt", "other/x.png", "in/deep/only.jpg", job.RecordsPrefix+"x.png")...)
	if _, err := w.objects.PutObject(t.Context(), &s3.PutObjectInput{Bucket: sdk.String("photos"), Key: sdk.String("in/marker/")}); err != nil {
		t.Fatal(err)
	}
	s := sweepOf(spec.Input{Prefix: "in/", Suffix: []string{".png", "r/"}}, spec.Input{Prefix: "in/deep/"})
	counted, err := w.account.CountSweep(t.Context(), s, nil)
	want := append(odd, "in/deep/only.jpg", "in/folder/")
	if err != nil || counted.ToSend != len(want) || counted.Done != 0 {
		t.Errorf("%+v, %v", counted, err)
	}
	summary, err := w.account.Sweep(t.Context(), s)
	if err != nil || summary.Tally != (runs.Tally{Done: len(want)}) {
		t.Fatalf("%+v, %v", summary, err)
	}
	found := w.entries(t, s, summary.ID)
	for _, key := range want {
		if w.invoked[key] != 1 || found[key].Status != runs.Done || found[key].RequestID == "" {
			t.Errorf("%q: %d invocations, %+v", key, w.invoked[key], found[key])
		}
	}
	if len(found) != len(want) {
		t.Errorf("%d entries: %v", len(found), found)
	}
	for _, c := range []struct {
		selection runs.Selection
		again     bool
		tally     runs.Tally
	}{
		{runs.Selection{}, false, runs.Tally{Skipped: len(want)}},
		{runs.Selection{Prefix: "deep/"}, true, runs.Tally{Done: 1}},
		{runs.Selection{Suffix: ".jpg"}, true, runs.Tally{Done: 1}},
		{runs.Selection{Limit: 2}, true, runs.Tally{Done: 2}},
		{runs.Selection{NewerThan: time.Now().Add(time.Hour)}, true, runs.Tally{}},
		{runs.Selection{NewerThan: time.Now().Add(-time.Hour)}, true, runs.Tally{Done: len(want)}},
	} {
		one := s
		one.Selection, one.Again = c.selection, c.again
		got, err := w.account.Sweep(t.Context(), one)
		if err != nil || got.Tally != c.tally {
			t.Errorf("%+v: %+v, %v", c, got, err)
		}
	}
	all, err := w.account.Runs(t.Context(), s.Function)
	if err != nil || len(all) != 7 {
		t.Errorf("%d runs, %v", len(all), err)
	}
}

// TestSweepOfManyPages stops in the middle and goes on, with throttling and failures on the way.
func TestSweepOfManyPages(t *testing.T) {
	w := newSweepWorld(t)
	const objects = 2300
	keys := make([]string, objects)
	for i := range keys {
		keys[i] = fmt.Sprintf("in/%04d.png", i)
	}
	w.put(t, keys...)
	var calls, throttled int
	var mu sync.Mutex
	w.answer = func(key string) (int, *job.Error) {
		mu.Lock()
		defer mu.Unlock()
		if calls++; calls%100 == 0 {
			throttled++
			return http.StatusTooManyRequests, nil
		}
		if strings.HasSuffix(key, "77.png") {
			return http.StatusOK, &job.Error{Type: job.ErrScriptFailed, Message: "no"}
		}
		return http.StatusOK, nil
	}
	ctx, stop := context.WithCancel(t.Context())
	s := sweepOf(spec.Input{Prefix: "in/"})
	s.Progress = func(p runs.Progress) {
		if p.Done > 1200 {
			stop()
		}
	}
	first, err := w.account.Sweep(ctx, s)
	if err != nil || first.State != runs.Stopped {
		t.Fatalf("%+v, %v", first, err)
	}
	s.Progress = nil
	second, err := w.account.Sweep(t.Context(), s)
	if err != nil || !second.Resumed || second.ID != first.ID || second.Tally != (runs.Tally{Done: objects - 23, Failed: 23}) {
		t.Fatalf("%+v, %v", second, err)
	}
	if throttled == 0 {
		t.Error("nothing was refused")
	}
	for _, key := range keys {
		if w.invoked[key] != 1 {
			t.Errorf("%s: %d invocations", key, w.invoked[key])
		}
	}
	w.answer = nil
	s.Parent = second.ID
	third, err := w.account.Sweep(t.Context(), s)
	if err != nil || third.Tally != (runs.Tally{Done: 23}) {
		t.Errorf("%+v, %v", third, err)
	}
	fn, found, err := w.account.FindRun(t.Context(), s.File, third.ID)
	if err != nil || fn != s.Function || found.Parent != second.ID {
		t.Errorf("%+v, %v", found, err)
	}
	var unknown *UnknownRunError
	if _, _, err := w.account.FindRun(t.Context(), s.File, "20260131T080000Z-1f2e3d"); !errors.As(err, &unknown) {
		t.Errorf("%v", err)
	}
}

// TestSweepOfMuchThatIsNew asks for no record that a listing has shown to be absent, and for all others.
func TestSweepOfMuchThatIsNew(t *testing.T) {
	w := newSweepWorld(t)
	var all []runs.Object
	for i := range 2600 {
		all = append(all, runs.Object{Bucket: "photos", Key: fmt.Sprintf("in/%04d.png", i)})
	}
	for i := range 2100 { // of the first thousand and of others
		w.process(all[i*7%len(all)].Key, "etag", nil)
	}
	s := sweepOf(spec.Input{Prefix: "in/"})
	records := w.account.recordsOf(s.Function)
	page := all[:1000]
	absent, err := records.Absent(t.Context(), page)
	if err != nil {
		t.Fatal(err)
	}
	for i, o := range page {
		if recorded := w.invoked[o.Key] > 0; recorded == absent[i] {
			t.Errorf("%s: recorded %t, absent %t", o.Key, recorded, absent[i])
		}
	}
	if w.listings != 3 {
		t.Errorf("%d listings of 2100 records", w.listings)
	}
	// Where there are records of all objects, one listing shows that listing is of no use.
	for _, o := range all {
		w.process(o.Key, "etag", nil)
	}
	w.listings = 0
	if absent, err = records.Absent(t.Context(), page); err != nil || slices.Contains(absent, true) || w.listings != 1 {
		t.Errorf("%v after %d listings, %v", absent, w.listings, err)
	}
}

// TestSweepRefuses tries what cannot be.
func TestSweepRefuses(t *testing.T) {
	w := newSweepWorld(t)
	without := sweepOf(spec.Input{Prefix: "in/"})
	without.Function.Records = ""
	retried := without
	retried.Parent = "20260131T080000Z-1f2e3d"
	elsewhere := sweepOf(spec.Input{Provider: "minio.lab"})
	foreign := sweepOf(spec.Input{Prefix: "in/"})
	foreign.File.Project = "other"
	absent := sweepOf(spec.Input{Prefix: "in/"})
	absent.Function.Inputs[0].Bucket = "absent"
	for says, s := range map[string]Sweep{
		"--again takes all":    without,
		"no runs of it":        retried,
		"nothing to list":      elsewhere,
		"belongs to project":   foreign,
		"apply the file first": absent,
	} {
		if summary, err := w.account.Sweep(t.Context(), s); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%+v, %v: want an error with %q", summary, err, says)
		}
	}
	without.Again = true
	w.put(t, "in/a", "in/b")
	if summary, err := w.account.Sweep(t.Context(), without); err != nil || summary.Tally.Done != 2 {
		t.Errorf("%+v, %v", summary, err)
	}
}

// TestSweepThroughQueue takes the messages of a run from the function's queue.
func TestSweepThroughQueue(t *testing.T) {
	w := newSweepWorld(t)
	client := sqs.NewFromConfig(w.account.config)
	q, err := client.CreateQueue(t.Context(), &sqs.CreateQueueInput{QueueName: sdk.String(planner.QueueName("imaging", "grayify"))})
	if err != nil {
		t.Fatal(err)
	}
	var keys []string
	for i := range 137 {
		keys = append(keys, fmt.Sprintf("in/%03d.png", i))
	}
	w.put(t, keys...)
	ctx, stop := context.WithCancel(t.Context())
	drained := make(chan error, 1)
	go func() { drained <- w.drain(ctx, client, q.QueueUrl) }()
	s := sweepOf(spec.Input{Prefix: "in/"})
	s.Function.Queue = &spec.Queue{}
	s.Concurrency = 100
	summary, err := w.account.Sweep(t.Context(), s)
	stop()
	if err := <-drained; err != nil && ctx.Err() == nil {
		t.Error(err)
	}
	if err != nil || summary.Tally != (runs.Tally{Done: len(keys)}) {
		t.Fatalf("%+v, %v", summary, err)
	}
	slices.Sort(keys)
	for _, key := range keys {
		if w.invoked[key] != 1 {
			t.Errorf("%s: %d times", key, w.invoked[key])
		}
	}
}
