package flow

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/scar-go/scar/runtime/job"
	"github.com/scar-go/scar/runtime/storage"
	"github.com/scar-go/scar/spec"
	"github.com/scar-go/scar/transfer"
)

// Wait waits for what becomes of files that are put where functions take them from. The functions' records tell it.
type Wait struct {
	places *Places
	file   *spec.File

	mu      sync.Mutex
	former  map[awaited]*job.Record // the last that is of what was there before
	pending []awaited
}

// awaited is one file that one function processes.
type awaited struct {
	function string
	at       transfer.Place
}

// Wait prepares to wait for what is put to a place. It is an error if no function takes anything there, or if one keeps no records.
func (p *Places) Wait(to transfer.Place) (*Wait, error) {
	w := &Wait{places: p, file: p.file, former: map[awaited]*job.Record{}}
	var inputs []string
	taken := false
	for i := range p.file.Functions {
		fn := &p.file.Functions[i]
		for _, in := range fn.Inputs {
			here := transfer.Place{Provider: providerName(in.Provider), Bucket: in.Bucket, Key: in.Prefix}
			inputs = append(inputs, here.String())
			if here.Provider != to.Provider || here.Bucket != to.Bucket ||
				!strings.HasPrefix(to.Key, in.Prefix) && !strings.HasPrefix(in.Prefix, to.Key) {
				continue
			}
			if fn.Records == "" {
				return nil, fmt.Errorf("function %s keeps no records, which tell when it is done: give it an output in S3, and leave records on", fn.Name)
			}
			taken = true
		}
	}
	if taken {
		return w, nil
	}
	slices.Sort(inputs)
	return nil, fmt.Errorf("no function of %s takes files from %s: their inputs are %s", p.file.Path, to, strings.Join(slices.Compact(inputs), ", "))
}

func providerName(name string) string {
	if spec.IsOwnS3(name) {
		return spec.OwnS3
	}
	return name
}

// Before looks at the records of a file that is about to be put, to tell them from those that follow.
func (w *Wait) Before(ctx context.Context, item transfer.Item) error {
	for _, fn := range w.takers(item) {
		record, err := w.record(ctx, fn, item.At)
		if err != nil {
			return err
		}
		if record != nil {
			w.remember(awaited{fn.Name, item.At}, record)
		}
	}
	return nil
}

// remember keeps the record of what was there before.
func (w *Wait) remember(one awaited, record *job.Record) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.former[one] = record
}

// Put says that a file was put. It reports whether a function takes it.
func (w *Wait) Put(item transfer.Item) bool {
	takers := w.takers(item)
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, fn := range takers {
		w.pending = append(w.pending, awaited{fn.Name, item.At})
	}
	return len(takers) > 0
}

// Files is for how many results there is to wait.
func (w *Wait) Files() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.pending)
}

// takers are the functions that a file starts and that keep records.
func (w *Wait) takers(item transfer.Item) []*spec.Function {
	at := item.At
	var all []*spec.Function
	for i := range w.file.Functions {
		fn := &w.file.Functions[i]
		taken := slices.ContainsFunc(fn.Inputs, func(in spec.Input) bool {
			return providerName(in.Provider) == at.Provider && in.Bucket == at.Bucket && takes(in, at.Key, storedAs(item.Size))
		})
		if taken && fn.Records != "" {
			all = append(all, fn)
		}
	}
	return all
}

// record is the record of a file, nil if there is none.
func (w *Wait) record(ctx context.Context, fn *spec.Function, at transfer.Place) (*job.Record, error) {
	store, err := w.places.own(ctx, fn.Records)
	if err != nil {
		return nil, err
	}
	content, err := store.Read(ctx, fn.Records, job.RecordKey(fn.Name, at.Provider, at.Bucket, at.Key))
	if errors.Is(err, storage.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("look for the result of %s: %w", at, explainCall(err))
	}
	var record job.Record
	if err := json.Unmarshal(content, &record); err != nil {
		return nil, fmt.Errorf("read the record of %s: %w", at, err)
	}
	return &record, nil
}

// attempts is how often functions have tried what was put, by a record; 0: it is not of that. Others may have put the file again
// meanwhile: theirs counts, as there is no record of ours any more.
func (w *Wait) attempts(ctx context.Context, one awaited, record *job.Record) (int, error) {
	w.mu.Lock()
	former := w.former[one]
	w.mu.Unlock()
	if record == nil {
		return 0, nil
	}
	if former == nil {
		former = &job.Record{}
	}
	if ours, err := w.ours(ctx, one, record, former); err != nil || !ours {
		if err == nil {
			w.remember(one, record)
		}
		return 0, err
	}
	if record.ETag == former.ETag { // of one version all attempts are counted, whatever event they were for
		return max(record.Attempts-former.Attempts, 1), nil
	}
	return record.Attempts, nil
}

// clockSkew is how much the clocks of S3, which tells whole seconds, and of functions may differ.
const clockSkew = 2 * time.Second

// ours says whether a record is of the version of the file that was put, and of no event before.
func (w *Wait) ours(ctx context.Context, one awaited, record, former *job.Record) (bool, error) {
	if record.RequestID == former.RequestID || record.Sequencer != "" && record.Sequencer == former.Sequencer {
		return w.again(ctx, one, record)
	}
	now, err := w.stat(ctx, one.at)
	switch {
	case err != nil:
		return false, err
	case now == nil: // what was put is gone, and has a record
		return true, nil
	case spec.IsOwnS3(one.at.Provider) && record.Started.Add(clockSkew).Before(now.Modified): // the same was put before, and was still being processed
		return false, nil
	}
	return record.ETag == "" || now.ETag == "" || record.ETag == now.ETag, nil
}

// again says whether an earlier record counts, because the function does not process the same content twice. It goes by
// the content only where events have no order.
func (w *Wait) again(ctx context.Context, one awaited, record *job.Record) (bool, error) {
	if !w.function(one.function).Dedupe || record.Sequencer != "" || record.Status != job.Done || record.ETag == "" {
		return false, nil
	}
	now, err := w.stat(ctx, one.at)
	return now != nil && now.ETag == record.ETag, err
}

// stat looks at a file that was put; it is nil if it is gone.
func (w *Wait) stat(ctx context.Context, at transfer.Place) (*storage.Entry, error) {
	store, err := w.places.Open(ctx, at)
	if err != nil {
		return nil, err
	}
	entry, err := store.Stat(ctx, at.Bucket, at.Key)
	switch {
	case errors.Is(err, storage.ErrNotExist):
		return nil, nil
	case err != nil:
		return nil, explainCall(err)
	}
	return &entry, nil
}

// attemptsOf is how often a file is tried before it is given up.
func attemptsOf(fn *spec.Function, at transfer.Place) int {
	switch {
	case !spec.IsOwnS3(at.Provider), fn.Queue != nil && fn.Queue.ARN != "":
		return 1 // what starts it is the user's, and so is how often
	case fn.Queue != nil:
		return fn.Queue.Attempts
	}
	return 1 + fn.Retries.Attempts
}

// WaitOptions steer the wait.
type WaitOptions struct {
	Timeout time.Duration                  // after which it ends
	Get     string                         // folder that outputs are fetched into; empty: they are not
	Ended   func(RunResult)                // told of each file once it has ended, or the time is up; from several goroutines
	From    func(at transfer.Place) string // what the file is called on this machine
}

// The pauses between two looks at the records.
const (
	firstLook = 200 * time.Millisecond
	lastLook  = 5 * time.Second
)

// looksAtOnce is how many records are looked at at a time.
const looksAtOnce = 16

// Results waits until every file has ended, or the time is up, and says what became of each. An interrupt ends it with an error.
func (w *Wait) Results(ctx context.Context, o WaitOptions) (results []RunResult, err error) {
	var into *transfer.Folder
	if o.Get != "" {
		if into, err = transfer.OpenFolder(o.Get); err != nil {
			return nil, err
		}
		defer func() { err = errors.Join(err, into.Close()) }()
	}
	end := time.Now().Add(o.Timeout)
	pending := slices.Clone(w.pending)
	for pause := firstLook; len(pending) > 0; pause = min(pause*3/2, lastLook) {
		late := !time.Now().Before(end)
		found, left, err := w.look(ctx, pending, late, into, o)
		if err != nil {
			return nil, err
		}
		results, pending = append(results, found...), left
		if len(pending) == 0 {
			break
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("interrupted: %d of %d files have ended, the others go on", len(results), len(w.pending))
		case <-time.After(min(pause, max(time.Until(end), time.Millisecond))):
		}
	}
	slices.SortFunc(results, func(a, b RunResult) int { return strings.Compare(a.File, b.File) })
	return results, nil
}

// look looks once at the records of all that is pending. Where it is late, all have ended.
func (w *Wait) look(ctx context.Context, pending []awaited, late bool, into *transfer.Folder, o WaitOptions) (results []RunResult, left []awaited, err error) {
	var mu sync.Mutex
	group, within := errgroup.WithContext(ctx)
	group.SetLimit(looksAtOnce)
	for _, one := range pending {
		group.Go(func() error {
			fn := w.function(one.function)
			record, err := w.record(within, fn, one.at)
			attempts := 0
			if err == nil {
				attempts, err = w.attempts(within, one, record)
			}
			if err != nil && ctx.Err() == nil {
				return err
			}
			over := attempts > 0 && (record.Status == job.Done || attempts >= attemptsOf(fn, one.at))
			if !over && !late {
				mu.Lock()
				defer mu.Unlock()
				left = append(left, one)
				return nil
			}
			r := w.result(ctx, one, record, attempts, into, o)
			if !over && r.Status == runFailed && attempts > 0 {
				r.Error += "; it will be tried again"
			}
			o.Ended(r)
			mu.Lock()
			defer mu.Unlock()
			results = append(results, r)
			return nil
		})
	}
	return results, left, group.Wait()
}

func (w *Wait) function(name string) *spec.Function {
	for i := range w.file.Functions {
		if w.file.Functions[i].Name == name {
			return &w.file.Functions[i]
		}
	}
	return nil
}

// missing says why a file may have no result.
func (w *Wait) missing(one awaited, after time.Duration) string {
	fn := w.function(one.function)
	switch {
	case !spec.IsOwnS3(one.at.Provider):
		return fmt.Sprintf("it has no result after %s: it starts function %s only if %s, or a program of yours, sends that an event, which scar does not set up", after, fn.Name, one.at.Provider)
	case fn.Queue != nil && fn.Queue.ARN != "":
		return fmt.Sprintf("it has no result after %s: it starts function %s by the queue %s, which the events of the bucket have to reach", after, fn.Name, fn.Queue.ARN)
	}
	return fmt.Sprintf("it has no result after %s: it goes on without being waited for", after)
}

// result says what became of a file, and fetches what came of it.
func (w *Wait) result(ctx context.Context, one awaited, record *job.Record, attempts int, into *transfer.Folder, o WaitOptions) RunResult {
	r := RunResult{Function: one.function, File: o.From(one.at), Status: runFailed}
	if attempts == 0 {
		r.Error = w.missing(one, o.Timeout)
		return r
	}
	d := record.Durations
	r.Attempts, r.Duration = attempts, time.Duration(d.StageIn+d.Run+d.StageOut)*time.Millisecond
	if record.Status != job.Done {
		r.Error = "it failed"
		if record.Error != nil {
			r.Error = record.Error.Type + ": " + record.Error.Message
		}
		return r
	}
	r.Status = runDone
	for _, out := range record.Outputs {
		at := transfer.Place{Provider: providerName(out.Provider), Bucket: out.Bucket, Key: out.Key}
		if into == nil {
			r.Outputs = append(r.Outputs, at.String())
			continue
		}
		name, err := w.fetch(ctx, into, at)
		if err != nil {
			r.Status, r.Error = runFailed, fmt.Sprintf("fetch %s: %v", at, err)
			return r
		}
		r.Outputs = append(r.Outputs, name)
	}
	return r
}

// fetch fetches an output and returns its path below the folder.
func (w *Wait) fetch(ctx context.Context, into *transfer.Folder, at transfer.Place) (string, error) {
	name := path.Join(at.Provider, at.Bucket) + "/" + at.Key
	if spec.IsOwnS3(at.Provider) {
		local, err := newPlacement(w.file).path(at.Bucket, at.Key)
		if err != nil {
			return "", err
		}
		name = filepath.ToSlash(local)
	}
	return name, into.Fetch(ctx, w.places.Open, at, name)
}
