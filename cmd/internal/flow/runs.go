package flow

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"iter"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/scar-go/scar/runs"
	"github.com/scar-go/scar/runtime/job"
	"github.com/scar-go/scar/spec"
)

const (
	// DefaultConcurrency is how many invocations a run over all objects has under way where nothing else says so: a tenth of
	// what a new account has room for.
	DefaultConcurrency = 20
	// DefaultQueued is how many of a run's messages are in a queue at a time.
	DefaultQueued = 1000
	// sweepGrace is how long an invocation may take beyond the function's timeout: an instance has to start first, which may take
	// 10 seconds of its own ("Understanding the Lambda execution environment lifecycle" in the developer guide), and its image to come.
	sweepGrace = 30 * time.Second
	// MaxConcurrency is how many invocations or messages a run can have under way.
	MaxConcurrency = 10000
)

// Sweep is a run of a function over all objects that are already in its inputs.
type Sweep struct {
	File     *spec.File
	Function *spec.Function

	runs.Selection
	Parent string // the run whose failed objects are taken; empty: those of the inputs
	Again  bool   // objects that are done, too
	New    bool   // begin a run even if one is unfinished
	Chosen bool   // the selection was given: an unfinished run must have the same

	Concurrency int // invocations, or messages, at a time; 0: as many as are reserved, or a default
	MaxFailures int // 0: any number

	Note     func(text string)
	Progress func(runs.Progress)
}

// Sweep begins a run, or goes on with one, until it is finished or the context ends: see [runs.Runner.Run].
func (a *Account) Sweep(ctx context.Context, s Sweep) (*runs.Summary, error) {
	if err := s.check(); err != nil {
		return nil, err
	}
	runner, err := a.sweeper(ctx, s)
	if err != nil {
		return nil, err
	}
	begin := runs.Begin{New: s.New, Chosen: s.Chosen, Info: s.info()}
	summary, err := runner.Run(ctx, begin)
	return summary, explainCall(err)
}

// CountSweep finds out what a run would take. It reads only.
func (a *Account) CountSweep(ctx context.Context, s Sweep, progress func(runs.Counted)) (runs.Counted, error) {
	if err := s.check(); err != nil {
		return runs.Counted{}, err
	}
	runner := &runs.Runner{Lister: a.listerOf(s.Function), Now: time.Now}
	if s.Function.Records != "" {
		runner.Records = a.recordsOf(s.Function)
	}
	counted, err := runner.Count(ctx, s.info(), progress)
	return counted, explainCall(err)
}

func (s *Sweep) info() runs.Info {
	return runs.Info{
		Project: s.File.Project, Function: s.Function.Name, Parent: s.Parent, Selection: s.Selection,
		Again: s.Again || s.Parent != "" && s.Function.Records == "", Queue: s.Function.Queue != nil, From: s.sources(),
	}
}

// check refuses what cannot be.
func (s *Sweep) check() error {
	switch {
	case s.Function.Records == "" && s.Parent != "":
		return noRecords(s.Function, "there are no runs of it to retry")
	case s.Function.Records == "" && s.Function.Queue != nil:
		return noRecords(s.Function, "nobody could tell what became of the messages in its queue")
	case s.Function.Records == "" && !s.Again:
		return noRecords(s.Function, "nobody can tell which objects are done; --again takes all of them, without a ledger, and nothing can go on with a run that was stopped")
	case s.Parent == "" && len(s.sources()) == 0:
		return fmt.Errorf("function %s has no input on the account's own S3 for which created objects start it: there is nothing to list", s.Function.Name)
	}
	return nil
}

func noRecords(fn *spec.Function, why string) error {
	text := "records is false"
	if !slices.ContainsFunc(fn.Outputs, func(o spec.Output) bool { return spec.IsOwnS3(o.Provider) }) {
		text = "it has no output on the account's own S3"
	}
	return fmt.Errorf("function %s writes no records (%s): %s", fn.Name, text, why)
}

// sources are the inputs that created objects start the function from.
func (s *Sweep) sources() []runs.Source {
	if s.Parent != "" {
		return nil
	}
	var sources []runs.Source
	for _, in := range s.Function.Inputs {
		created := slices.ContainsFunc(in.Events, func(e string) bool { return strings.HasPrefix(e, "s3:ObjectCreated:") })
		if spec.IsOwnS3(in.Provider) && created {
			sources = append(sources, runs.Source{Bucket: in.Bucket, Prefix: in.Prefix, Suffix: in.Suffix})
		}
	}
	return sources
}

// sweeper joins what a run works with.
func (a *Account) sweeper(ctx context.Context, s Sweep) (*runs.Runner, error) {
	deployed, err := a.Function(ctx, s.Function.Name)
	switch {
	case err != nil:
		return nil, err
	case deployed.Project != s.File.Project:
		return nil, fmt.Errorf("function %s belongs to project %s, and the file is that of project %s", deployed.Name, deployed.Project, s.File.Project)
	case deployed.Reserved == 0:
		return nil, fmt.Errorf("function %s never runs: its concurrency is 0", deployed.Name)
	}
	concurrency := s.Concurrency
	if concurrency == 0 {
		concurrency = DefaultConcurrency
		if deployed.Reserved > 0 {
			concurrency = min(deployed.Reserved, MaxConcurrency)
		}
	}
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	r := &runs.Runner{
		Lister: a.listerOf(s.Function), Concurrency: concurrency, MaxFailures: s.MaxFailures,
		Timeout: time.Duration(deployed.Timeout)*time.Second + sweepGrace,
		Host:    host, PID: os.Getpid(), Process: processIdentity(), Gone: processGone, There: processThere,
		Tempo: runs.DefaultTempo(), Now: time.Now, Random: randomID, Note: s.Note, Progress: s.Progress,
	}
	if s.Function.Records != "" {
		r.Records, r.Ledger = a.recordsOf(s.Function), a.ledgerOf(s.Function)
	}
	if s.Function.Queue != nil {
		if s.Concurrency == 0 {
			r.Concurrency = DefaultQueued
		}
		r.Queue, err = a.queueOf(ctx, s.File.Project, s.Function)
		return r, err
	}
	r.Invoker = a.invokerOf(deployed, concurrency)
	return r, nil
}

func randomID() (id [3]byte) {
	_, _ = rand.Read(id[:]) // it never fails: see its documentation
	return id
}

// Runs are the runs of a function, the latest first.
func (a *Account) Runs(ctx context.Context, fn *spec.Function) ([]runs.Overview, error) {
	if fn.Records == "" {
		return nil, noRecords(fn, "there is nothing written down about its runs")
	}
	all, err := runs.List(ctx, a.ledgerOf(fn), stillWorking)
	return all, explainCall(err)
}

// stillWorking says whether somebody works on a run. On this machine the process tells.
func stillWorking(holder runs.Holder, silent time.Duration) bool {
	return silent < runs.DefaultTempo().Lease && !processGone(holder)
}

// UnknownRunError says that no function of a file has a run of some id.
type UnknownRunError struct{ ID, Project string }

func (e *UnknownRunError) Error() string {
	return fmt.Sprintf("no function of project %s has a run %s: scar runs lists those that there are", e.Project, e.ID)
}

// FindRun finds a run by its id, among those of all functions of a file.
func (a *Account) FindRun(ctx context.Context, file *spec.File, id string) (*spec.Function, *runs.Overview, error) {
	for i := range file.Functions {
		fn := &file.Functions[i]
		if fn.Records == "" {
			continue
		}
		found, err := runs.Look(ctx, a.ledgerOf(fn), id, stillWorking)
		if err == nil {
			return fn, found, nil
		}
		if !errors.Is(err, runs.ErrNotExist) {
			return nil, nil, explainCall(err)
		}
	}
	return nil, nil, &UnknownRunError{ID: id, Project: file.Project}
}

// RunEntries are what the ledger says of each object of a run.
func (a *Account) RunEntries(ctx context.Context, fn *spec.Function, id string) iter.Seq2[runs.Entry, error] {
	return runs.Entries(ctx, a.ledgerOf(fn), id)
}

// ledgerPrefix is where the ledger of a function is in its records bucket: no function has a name with a dot.
func ledgerPrefix(function string) string { return job.RecordsPrefix + ".runs/" + function + "/" }
