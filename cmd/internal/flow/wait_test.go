package flow

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/scar-go/scar/runtime/job"
	"github.com/scar-go/scar/runtime/storage"
	"github.com/scar-go/scar/spec"
	"github.com/scar-go/scar/transfer"
)

// waitWorld is a bucket in which a test writes the records that a function would write.
type waitWorld struct {
	t      *testing.T
	fn     *spec.Function
	places *Places
	client *s3.Client
}

const putKey = "in/a.txt"

func newWaitWorld(t *testing.T, fn spec.Function) *waitWorld {
	t.Helper()
	fn.Name, fn.Records = "upper", "texts"
	if fn.Inputs == nil {
		fn.Inputs = []spec.Input{{Bucket: "texts", Prefix: "in/", Suffix: []string{""}, Events: []string{"s3:ObjectCreated:*"}}}
	}
	account := onBackend(t, nil)
	file := &spec.File{Path: "func.yaml", Functions: []spec.Function{fn}}
	places, err := account.Places(t.Context(), file)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(places.Close)
	client := s3.NewFromConfig(account.config, func(o *s3.Options) { o.UsePathStyle = true })
	if _, err := client.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: sdk.String("texts")}); err != nil {
		t.Fatal(err)
	}
	return &waitWorld{t, &file.Functions[0], places, client}
}

// record writes a record as of an attempt that begins now, on what is there.
func (w *waitWorld) record(r job.Record) {
	w.t.Helper()
	if r.ETag == "" {
		out, err := w.client.HeadObject(w.t.Context(), &s3.HeadObjectInput{Bucket: sdk.String("texts"), Key: sdk.String(putKey)})
		if err != nil {
			w.t.Fatal(err)
		}
		r.ETag = strings.Trim(*out.ETag, `"`)
	}
	if r.Started.IsZero() {
		r.Started = time.Now()
	}
	content, err := json.Marshal(r)
	if err != nil {
		w.t.Fatal(err)
	}
	w.object(job.RecordKey("upper", "", "texts", putKey), string(content))
}

func (w *waitWorld) object(key, content string) {
	w.t.Helper()
	_, err := w.client.PutObject(w.t.Context(), &s3.PutObjectInput{Bucket: sdk.String("texts"), Key: &key, Body: strings.NewReader(content)})
	if err != nil {
		w.t.Fatal(err)
	}
}

// put puts a file and returns what waits for its result.
func (w *waitWorld) put(content string) *Wait {
	w.t.Helper()
	to := transfer.Place{Provider: spec.OwnS3, Bucket: "texts", Key: "in/"}
	wait, err := w.places.Wait(to)
	if err != nil {
		w.t.Fatal(err)
	}
	path := filepath.Join(w.t.TempDir(), "a.txt")
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		w.t.Fatal(err)
	}
	observer := &waitObserver{wait: wait}
	tally, err := transfer.Put(w.t.Context(), []string{path}, to, w.places.Open, transfer.Options{Before: wait.Before, Observer: observer})
	if err != nil || tally.Done != 1 {
		w.t.Fatalf("%+v, %v", tally, err)
	}
	return wait
}

type waitObserver struct{ wait *Wait }

func (o *waitObserver) Found(int64)           {}
func (o *waitObserver) Moved(int64)           {}
func (o *waitObserver) Ended(i transfer.Item) { o.wait.Put(i) }

// results are what is known once the time is up at the latest.
func (w *waitWorld) results(wait *Wait, timeout time.Duration) RunResult {
	w.t.Helper()
	results, err := wait.Results(w.t.Context(), WaitOptions{
		Timeout: timeout, Ended: func(RunResult) {}, From: func(at transfer.Place) string { return at.Key },
	})
	if err != nil || len(results) != 1 {
		w.t.Fatalf("%+v, %v", results, err)
	}
	return results[0]
}

const atOnce = time.Nanosecond // looks once

// TestWaitForOneEvent counts only records of the event that a put makes.
func TestWaitForOneEvent(t *testing.T) {
	failed := &job.Error{Type: "Scar.ScriptFailed", Message: "no"}
	t.Run("the former version is still processed", func(t *testing.T) {
		w := newWaitWorld(t, spec.Function{})
		w.object(putKey, "former")
		former := job.Record{Status: job.Done, Attempts: 1, RequestID: "1", Sequencer: "01", ETag: "of-the-former-version"}
		wait := w.put("new")
		w.record(former)
		if r := w.results(wait, atOnce); r.Status != runFailed || !strings.Contains(r.Error, "no result after") {
			t.Errorf("the former version's result was taken: %+v", r)
		}
		w.record(job.Record{Status: job.Done, Attempts: 1, RequestID: "2", Sequencer: "02"})
		if r := w.results(wait, time.Minute); r.Status != runDone || r.Attempts != 1 {
			t.Errorf("%+v", r)
		}
	})
	t.Run("the former event meets the new version", func(t *testing.T) {
		w := newWaitWorld(t, spec.Function{Retries: spec.Retries{Attempts: 2}})
		w.object(putKey, "former")
		w.record(job.Record{Status: job.Failed, Error: failed, Attempts: 1, RequestID: "1", Sequencer: "01"})
		wait := w.put("new")
		w.record(job.Record{Status: job.Done, Attempts: 1, RequestID: "3", Sequencer: "01"})
		if r := w.results(wait, atOnce); r.Status == runDone {
			t.Errorf("a retry of the former event was taken: %+v", r)
		}
	})
	t.Run("the same content was still being processed", func(t *testing.T) {
		w := newWaitWorld(t, spec.Function{})
		wait := w.put("same")
		w.record(job.Record{Status: job.Done, Attempts: 1, RequestID: "1", Sequencer: "01", Started: time.Now().Add(-time.Minute)})
		if r := w.results(wait, atOnce); r.Status == runDone {
			t.Errorf("what began before the put was taken: %+v", r)
		}
	})
	t.Run("the same content has failed before", func(t *testing.T) {
		w := newWaitWorld(t, spec.Function{Retries: spec.Retries{Attempts: 2}})
		w.object(putKey, "same")
		w.record(job.Record{Status: job.Failed, Error: failed, Attempts: 3, RequestID: "1", Sequencer: "01"})
		wait := w.put("same")
		w.record(job.Record{Status: job.Failed, Error: failed, Attempts: 4, RequestID: "2", Sequencer: "02"})
		if r := w.results(wait, atOnce); r.Attempts != 1 || r.Error != "Scar.ScriptFailed: no; it will be tried again" {
			t.Errorf("after its first attempt: %+v", r)
		}
		w.record(job.Record{Status: job.Failed, Error: failed, Attempts: 6, RequestID: "2", Sequencer: "02"})
		if r := w.results(wait, time.Minute); r.Attempts != 3 || r.Error != "Scar.ScriptFailed: no" {
			t.Errorf("after its last attempt: %+v", r)
		}
	})
	t.Run("a queue tries it as often as it has it", func(t *testing.T) {
		w := newWaitWorld(t, spec.Function{Queue: &spec.Queue{Attempts: 2}, Retries: spec.Retries{Attempts: 5}})
		wait := w.put("x")
		w.record(job.Record{Status: job.Failed, Error: failed, Attempts: 2, RequestID: "2", Sequencer: "01"})
		if r := w.results(wait, time.Minute); r.Attempts != 2 || r.Error != "Scar.ScriptFailed: no" {
			t.Errorf("%+v", r)
		}
	})
	t.Run("what was put is gone", func(t *testing.T) {
		w := newWaitWorld(t, spec.Function{})
		wait := w.put("x")
		w.record(job.Record{Status: job.Done, Attempts: 1, RequestID: "1", Sequencer: "01"})
		if _, err := w.client.DeleteObject(t.Context(), &s3.DeleteObjectInput{Bucket: sdk.String("texts"), Key: sdk.String(putKey)}); err != nil {
			t.Fatal(err)
		}
		if r := w.results(wait, time.Minute); r.Status != runDone {
			t.Errorf("%+v", r)
		}
	})
}

// TestWaitWithoutResult says why there may be none, where it is not scar that makes the file start the function.
func TestWaitWithoutResult(t *testing.T) {
	arn := "arn:aws:sqs:eu-west-1:123456789012:mine"
	w := newWaitWorld(t, spec.Function{Queue: &spec.Queue{ARN: arn}})
	want := "it has no result after 1ns: it starts function upper by the queue " + arn + ", which the events of the bucket have to reach"
	if r := w.results(w.put("x"), atOnce); r.Error != want {
		t.Errorf("%q, want %q", r.Error, want)
	}
	w = newWaitWorld(t, spec.Function{})
	wait, err := w.places.Wait(transfer.Place{Provider: spec.OwnS3, Bucket: "texts"})
	if err != nil {
		t.Fatal(err)
	}
	at := awaited{"upper", transfer.Place{Provider: "minio.lab", Bucket: "b", Key: "in/a"}}
	want = "it has no result after 1m0s: it starts function upper only if minio.lab, or a program of yours, sends that an event, which scar does not set up"
	if got := wait.missing(at, time.Minute); got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

// TestWaitForWhatIsStored has files start those functions whose rules are for how they are stored.
func TestWaitForWhatIsStored(t *testing.T) {
	rule := func(events ...string) spec.Function {
		return spec.Function{Inputs: []spec.Input{{Bucket: "texts", Prefix: "in/", Suffix: []string{".txt"}, Events: events}}}
	}
	for name, c := range map[string]struct {
		fn           spec.Function
		small, large bool
	}{
		"any":           {rule("s3:ObjectCreated:*"), true, true},
		"by one call":   {rule("s3:ObjectCreated:Put"), true, false},
		"in parts":      {rule("s3:ObjectCreated:CompleteMultipartUpload"), false, true},
		"either":        {rule("s3:ObjectCreated:CompleteMultipartUpload", "s3:ObjectCreated:Put"), true, true},
		"copied":        {rule("s3:ObjectCreated:Copy"), false, false},
		"removed, only": {rule("s3:ObjectRemoved:*"), false, false},
	} {
		t.Run(name, func(t *testing.T) {
			c.fn.Name, c.fn.Records = "upper", "texts"
			w := &Wait{file: &spec.File{Functions: []spec.Function{c.fn}}}
			at := transfer.Place{Provider: spec.OwnS3, Bucket: "texts", Key: putKey}
			for size, want := range map[int64]bool{0: c.small, storage.InPartsAbove: c.small, storage.InPartsAbove + 1: c.large} {
				if got := w.Put(transfer.Item{At: at, Size: size}); got != want {
					t.Errorf("%d bytes: %v, want %v", size, got, want)
				}
			}
		})
	}
}

// TestInterruptedWait ends the wait, and says how far it is.
func TestInterruptedWait(t *testing.T) {
	w := newWaitWorld(t, spec.Function{})
	wait := w.put("x")
	ctx, interrupt := context.WithCancel(t.Context())
	interrupt()
	_, err := wait.Results(ctx, WaitOptions{Timeout: time.Minute, Ended: func(RunResult) {}, From: func(transfer.Place) string { return "a" }})
	if err == nil || err.Error() != "interrupted: 0 of 1 files have ended, the others go on" {
		t.Error(err)
	}
}
