package supervisor

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/scar-go/scar/runtime/job"
	"github.com/scar-go/scar/runtime/storage"
)

// recordVersion is the version of the records that are written.
const recordVersion = 1

// maxRecordError is how much of an error's message a record keeps, in bytes.
const maxRecordError = 8 << 10

// readPrior begins to read the record of the last attempt on an input, while that is staged in. The function that it returns waits for it;
// the record is nil where there is none.
func (t *task) readPrior(ctx context.Context) func() (*job.Record, error) {
	if t.Job.Records == nil || t.object == nil {
		return func() (*job.Record, error) { return nil, nil }
	}
	var prior *job.Record
	var err error
	done := make(chan struct{})
	ctx, cancel := context.WithDeadline(ctx, t.storeBy)
	go func() {
		defer close(done)
		defer cancel()
		if prior, err = t.fetchPrior(ctx); errors.Is(err, storage.ErrNotExist) {
			err = nil
		}
	}()
	return func() (*job.Record, error) { <-done; return prior, err }
}

func (t *task) fetchPrior(ctx context.Context) (*job.Record, error) {
	store, err := t.stores.Own()
	if err != nil {
		return nil, err
	}
	content, err := store.Read(ctx, t.Job.Records.Bucket, t.recordKey())
	if err != nil {
		return nil, err
	}
	prior, err := parsePrior(content)
	if err != nil {
		return nil, fmt.Errorf("read the record of the last attempt: %w", err)
	}
	return prior, nil
}

// parsePrior reads a record but its outputs, which may be many and are of no interest to the next attempt.
func parsePrior(content []byte) (*job.Record, error) {
	var prior struct {
		job.Record
		Outputs passedOver `json:"outputs"`
	}
	if err := json.Unmarshal(content, &prior); err != nil {
		return nil, err
	}
	return &prior.Record, nil
}

// passedOver is a part of a document that is not kept.
type passedOver struct{}

func (*passedOver) UnmarshalJSON([]byte) error { return nil }

func (t *task) recordKey() string {
	return job.RecordKey(t.Job.Function, t.object.Provider, t.object.Bucket, t.object.Key)
}

// writeRecord writes down how an attempt ended and returns that end: a success that could not be written down
// is a failure, because what reads records would take the input for one that was never processed.
func (t *task) writeRecord(ctx context.Context, started time.Time, prior func() (*job.Record, error), failed *job.Error) *job.Error {
	before, err := prior()
	if err != nil {
		t.print(Warning, "this counts as the first attempt: %v", err)
	}
	if t.Job.Records == nil || t.object == nil {
		return failed
	}
	content, err := json.Marshal(t.newRecord(started, before, failed))
	if err == nil {
		err = t.storeRecord(ctx, content)
	}
	switch {
	case err == nil:
		return failed
	case failed != nil:
		t.print(Error, "the record of this failure is not written: %v", err)
		return failed
	}
	return &job.Error{Type: job.ErrRecord, Message: fmt.Sprintf("the outputs are stored, but not their record: %v", err)}
}

func (t *task) storeRecord(ctx context.Context, content []byte) error {
	store, err := t.stores.Own()
	if err != nil {
		return err
	}
	// Half of the time that is kept back for it: in the other half what the run has left is removed.
	ctx, cancel := context.WithDeadline(ctx, t.storeBy.Add(t.answerBy.Sub(t.storeBy)/2))
	defer cancel()
	return store.Write(ctx, t.Job.Records.Bucket, t.recordKey(), content)
}

func (t *task) newRecord(started time.Time, prior *job.Record, failed *job.Error) *job.Record {
	r := &job.Record{
		Version:   recordVersion,
		Function:  t.Job.Function,
		Provider:  t.object.Provider,
		Bucket:    t.object.Bucket,
		Key:       t.object.Key,
		ETag:      t.fetched.ETag,
		Sequencer: t.object.Sequencer,
		Status:    job.Done,
		Attempts:  1,
		RequestID: t.id,
		Started:   started.UTC(),
		Durations: t.durations,
		Outputs:   t.stored,
	}
	if r.ETag == "" && !t.object.Removed() { // it was not fetched
		r.ETag = t.object.ETag
	}
	if prior != nil && prior.ETag == r.ETag {
		r.Attempts = prior.Attempts + 1
	}
	if failed != nil {
		r.Status = job.Failed
		r.Error = &job.Error{Type: failed.Type, Message: cut(failed.Message, maxRecordError)}
	}
	return r
}
