package flow

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/scar-go/scar/runtime/job"
	"github.com/scar-go/scar/spec"
)

// maxRecord bounds what is read of a record, in bytes.
const maxRecord = 64 << 20

// fetcher brings results into a folder. Keys come from scripts: whatever they are called, nothing is
// written outside the root.
type fetcher struct {
	objects   *s3.Client
	root      *os.Root
	placement placement
}

// fetched is a result, and the objects that were stored for it.
type fetched struct {
	RunResult
	stored []object
}

// result tells how an invocation ended, and fetches what it stored. name is that of the file that was
// put; empty for what a function wrote.
func (f *fetcher) result(ctx context.Context, records string, e ending, name string) (fetched, error) {
	if name == "" {
		name = "s3://" + e.bucket + "/" + e.key
	}
	r := fetched{RunResult: RunResult{Function: e.Function, File: name, Status: runDone, Attempts: e.attempt, Duration: e.Duration}}
	var record job.Record
	inBatch := len(e.Messages) > 0
	if records != "" && (inBatch || !e.failed) {
		var err error
		if record, err = f.record(ctx, records, e); err != nil {
			return r, fmt.Errorf("read the record of %s: %w", name, err)
		}
	}
	if inBatch && record.RequestID == e.RequestID { // what the invocation took, others took too
		d := record.Durations
		r.Duration = time.Duration(d.StageIn+d.Run+d.StageOut) * time.Millisecond
	}
	if e.failed {
		r.Status, r.Error, r.LogTail = runFailed, e.reason(record), e.LogTail
		return r, nil
	}
	for _, o := range record.Outputs {
		if !spec.IsOwnS3(o.Provider) {
			r.Outputs = append(r.Outputs, path.Join(o.Provider, o.Bucket)+"/"+o.Key)
			continue
		}
		r.stored = append(r.stored, object{o.Bucket, o.Key})
		local, err := f.fetch(ctx, o)
		if err != nil {
			r.Status, r.Error = runFailed, fmt.Sprintf("fetch s3://%s/%s: %v", o.Bucket, o.Key, err)
			return r, ctx.Err()
		}
		r.Outputs = append(r.Outputs, filepath.ToSlash(local))
	}
	return r, nil
}

// reason says why an object failed. Of a batch, the record tells what became of the one object; there is none of this
// attempt where the whole invocation came to a sudden end.
func (e ending) reason(record job.Record) string {
	switch {
	case record.Error != nil && record.RequestID == e.RequestID:
		return record.Error.Type + ": " + record.Error.Message
	case e.Failed():
		return e.ErrorType + ": " + e.ErrorMessage
	default:
		return "the function reported that it failed"
	}
}

// record reads what the runtime wrote down about an input. A folder marker has no record.
func (f *fetcher) record(ctx context.Context, bucket string, e ending) (record job.Record, err error) {
	out, err := f.objects.GetObject(ctx, &s3.GetObjectInput{Bucket: &bucket, Key: e.recordKey()})
	var absent *types.NoSuchKey
	if errors.As(err, &absent) {
		return record, nil
	}
	if err != nil {
		return record, err
	}
	defer func() { err = errors.Join(err, out.Body.Close()) }()
	return record, json.NewDecoder(io.LimitReader(out.Body, maxRecord)).Decode(&record)
}

func (f *fetcher) fetch(ctx context.Context, o job.Object) (path string, err error) {
	path, err = f.placement.path(o.Bucket, o.Key)
	if err != nil {
		return "", err
	}
	out, err := f.objects.GetObject(ctx, &s3.GetObjectInput{Bucket: &o.Bucket, Key: &o.Key})
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, out.Body.Close()) }()
	if err := f.root.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return "", err
	}
	return path, f.store(path, out.Body)
}

// store replaces a file in one step, so that what has its name is always complete.
func (f *fetcher) store(path string, content io.Reader) error {
	temp := filepath.Join(filepath.Dir(path), ".scar-"+rand.Text())
	file, err := f.root.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	_, err = io.Copy(file, content)
	err = errors.Join(err, file.Close())
	if err == nil {
		err = f.root.Rename(temp, path)
	}
	if err != nil {
		return errors.Join(err, f.root.Remove(temp))
	}
	return nil
}

// bodiesOf are the bodies of the messages in an event of SQS, by the messages' ids.
func bodiesOf(payload []byte) map[string]string {
	var event struct {
		Records []struct {
			MessageID string `json:"messageId"`
			Body      string `json:"body"`
		}
	}
	if err := json.Unmarshal(payload, &event); err != nil {
		return nil
	}
	bodies := make(map[string]string, len(event.Records))
	for _, r := range event.Records {
		bodies[r.MessageID] = r.Body
	}
	return bodies
}

// objectsOf are the objects that an S3 event tells of; nil for other payloads.
func objectsOf(payload []byte) []object {
	var event struct {
		Records []struct {
			S3 struct {
				Bucket struct{ Name string }
				Object struct{ Key string }
			}
		}
	}
	if err := json.Unmarshal(payload, &event); err != nil {
		return nil
	}
	var out []object
	for _, r := range event.Records {
		key, err := url.QueryUnescape(r.S3.Object.Key)
		if err == nil && r.S3.Bucket.Name != "" {
			out = append(out, object{r.S3.Bucket.Name, key})
		}
	}
	return out
}
