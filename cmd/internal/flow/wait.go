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
	former  map[awaited]string // id of the request that a record is of which was there before
	pending []awaited
}

// awaited is one file that one function processes.
type awaited struct {
	function string
	at       transfer.Place
}

// Wait prepares to wait for what is put to a place. It is an error if no function takes anything there, or if one keeps no records.
func (p *Places) Wait(to transfer.Place) (*Wait, error) {
	w := &Wait{places: p, file: p.file, former: map[awaited]string{}}
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
func (w *Wait) Before(ctx context.Context, at transfer.Place) error {
	for _, fn := range w.takers(at) {
		one := awaited{fn.Name, at}
		record, err := w.record(ctx, fn, at)
		if err != nil {
			return err
		}
		if record != nil {
			w.mu.Lock()
			w.former[one] = record.RequestID
			w.mu.Unlock()
		}
	}
	return nil
}

// Put says that a file was put. It reports whether a function takes it.
func (w *Wait) Put(at transfer.Place) bool {
	takers := w.takers(at)
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, fn := range takers {
		w.pending = append(w.pending, awaited{fn.Name, at})
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
func (w *Wait) takers(at transfer.Place) []*spec.Function {
	var all []*spec.Function
	for i := range w.file.Functions {
		fn := &w.file.Functions[i]
		taken := slices.ContainsFunc(fn.Inputs, func(in spec.Input) bool {
			return providerName(in.Provider) == at.Provider && in.Bucket == at.Bucket && takes(in, at.Key)
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

// ours says whether a record is of the version of the file that was put. If others have put it again meanwhile, theirs counts: there
// is none of ours any more.
func (w *Wait) ours(ctx context.Context, one awaited, record *job.Record) (bool, error) {
	w.mu.Lock()
	former := w.former[one]
	w.mu.Unlock()
	if record == nil || record.RequestID == former {
		return false, nil
	}
	store, err := w.places.Open(ctx, one.at)
	if err != nil {
		return false, err
	}
	now, err := store.Stat(ctx, one.at.Bucket, one.at.Key)
	switch {
	case errors.Is(err, storage.ErrNotExist): // what was put is gone, and has a record
		return true, nil
	case err != nil:
		return false, explainCall(err)
	}
	return record.ETag == "" || now.ETag == "" || record.ETag == now.ETag, nil
}

// last says whether no other attempt follows the one that a record is of.
func last(fn *spec.Function, one awaited, record *job.Record) bool {
	return record.Status == job.Done || record.Attempts >= attemptsOf(fn, one.at)
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
			isOurs := false
			if err == nil {
				isOurs, err = w.ours(within, one, record)
			}
			if err != nil && ctx.Err() == nil {
				return err
			}
			if !isOurs {
				record = nil
			}
			over := isOurs && last(fn, one, record)
			if !over && !late {
				mu.Lock()
				defer mu.Unlock()
				left = append(left, one)
				return nil
			}
			r := w.result(ctx, one, record, over, into, o)
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

// result says what became of a file, and fetches what came of it.
func (w *Wait) result(ctx context.Context, one awaited, record *job.Record, over bool, into *transfer.Folder, o WaitOptions) RunResult {
	r := RunResult{Function: one.function, File: o.From(one.at), Status: runFailed}
	if record == nil {
		r.Error = fmt.Sprintf("it has no result after %s: it goes on without being waited for", o.Timeout)
		return r
	}
	d := record.Durations
	r.Attempts, r.Duration = record.Attempts, time.Duration(d.StageIn+d.Run+d.StageOut)*time.Millisecond
	if record.Status != job.Done {
		r.Error = "it failed"
		if record.Error != nil {
			r.Error = record.Error.Type + ": " + record.Error.Message
		}
		if !over {
			r.Error += "; it will be tried again"
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
