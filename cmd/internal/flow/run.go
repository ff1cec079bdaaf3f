package flow

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"golang.org/x/sync/errgroup"

	"github.com/scar-go/scar/local/lambda"
	"github.com/scar-go/scar/planner"
	"github.com/scar-go/scar/runtime/job"
	"github.com/scar-go/scar/spec"
)

// RunOptions steer scar local run.
type RunOptions struct {
	StateDir string // of the backend
	CacheDir string // for converted images
	Images   string // for unpacked ones
	Version  string
	Out      string // folder for the results, made if absent
	Secrets  Secrets
	Note     func(string) // told what of the file is not on this machine; may be nil
}

// RunResult is what became of one file, or of one object that a function wrote and that started another.
type RunResult struct {
	Function string
	File     string
	Status   string // done, failed or skipped
	Attempts int
	Duration time.Duration // of the last attempt
	Outputs  []string      // paths below the folder of results; of those at other providers where they are: minio.lab/bucket/key
	Error    string
	LogTail  string
}

// The ends of a RunResult.
const (
	runDone    = "done"
	runFailed  = "failed"
	runSkipped = "skipped"
)

// transfers is how many files are put or fetched at once. The backend is on this machine.
const transfers = 16

// Run is a local backend to which a file has been applied.
type Run struct {
	options RunOptions
	file    *spec.File
	local   *Local
	objects *s3.Client
	ended   *invocations
}

// PrepareRun starts a backend, gives it the secrets and applies the file to it.
func PrepareRun(ctx context.Context, f *spec.File, o RunOptions) (*Run, error) {
	if err := os.MkdirAll(o.Out, 0o755); err != nil {
		return nil, fmt.Errorf("make the folder for the results: %w", err)
	}
	here, notes := forLocalRun(f)
	for _, note := range notes {
		if o.Note != nil {
			o.Note(note)
		}
	}
	ended := newInvocations(here)
	backend, err := StartLocal(ctx, LocalOptions{
		StateDir: o.StateDir, Images: o.Images, Region: f.Region,
		RetryDelays: []time.Duration{0, 0}, // as often as Lambda, without its minutes between
		OnDone:      ended.add,
	})
	if err != nil {
		return nil, err
	}
	r := &Run{options: o, file: here, local: backend, ended: ended}
	r.objects = s3.NewFromConfig(backend.Endpoint().config(), func(o *s3.Options) { o.UsePathStyle = true })
	err = r.keepSecrets(ctx)
	if err == nil {
		err = r.apply(ctx)
	}
	if err != nil {
		return nil, errors.Join(err, r.Close())
	}
	return r, nil
}

// keepSecrets stores the secrets that were given, and makes sure that none is missing. Those that the file brings itself are
// stored with the rest of it.
func (r *Run) keepSecrets(ctx context.Context) error {
	brought := Secrets{}
	for _, p := range r.file.Parameters {
		s := job.Secret{Service: job.SSM, Name: p.Name}
		if _, given := r.options.Secrets[s]; given {
			return fmt.Errorf("read secrets: the file brings %s itself, by a variable: set that, and leave it out of the file of secrets", s)
		}
		brought[s] = ""
	}
	k := newKeeper(r.local.Endpoint().config())
	if err := k.put(ctx, r.options.Secrets); err != nil {
		return err
	}
	return k.checkSecrets(ctx, planner.Jobs(r.file), brought)
}

func (r *Run) apply(ctx context.Context) error {
	account, err := Connect(ctx, Settings{
		Endpoint: r.local.Endpoint(), CacheDir: r.options.CacheDir, Version: r.options.Version, HostArch: true,
	})
	if err != nil {
		return err
	}
	planned, err := account.Plan(ctx, r.file, PlanOptions{})
	if err != nil {
		return err
	}
	_, err = planned.Apply(ctx, ApplyOptions{})
	return err
}

// Close ends the backend.
func (r *Run) Close() error { return r.local.Close() }

// Process puts the files that are taken, waits until all that they start has ended, and fetches the
// results. processed is told of every file that was put, once its last attempt has ended.
func (r *Run) Process(ctx context.Context, fn *spec.Function, inputs []RunInput, processed func(ok bool)) ([]RunResult, error) {
	names := map[object]string{}
	for _, in := range inputs {
		if in.Taken {
			names[object{in.Bucket, in.Key}] = in.Name
		}
	}
	r.ended.watch(slices.Collect(maps.Keys(names)), processed)
	if err := r.putAll(ctx, inputs); err != nil {
		return nil, err
	}
	results, err := r.follow(ctx, names)
	if err != nil {
		return nil, err
	}
	for _, in := range inputs {
		if !in.Taken {
			results = append(results, RunResult{Function: fn.Name, File: in.Name, Status: runSkipped})
		}
	}
	slices.SortFunc(results, func(a, b RunResult) int { return strings.Compare(a.File, b.File) })
	return results, nil
}

// follow waits for what was put and fetches its results, then for what these started, and so on.
func (r *Run) follow(ctx context.Context, names map[object]string) (results []RunResult, err error) {
	root, err := os.OpenRoot(r.options.Out)
	if err != nil {
		return nil, fmt.Errorf("open the folder for the results: %w", err)
	}
	defer func() { err = errors.Join(err, root.Close()) }()
	f := &fetcher{objects: r.objects, root: root, placement: newPlacement(r.file)}
	for {
		if err := r.ended.wait(ctx); err != nil {
			return nil, err
		}
		fetched, err := r.fetchAll(ctx, f, r.ended.take(), names)
		if err != nil {
			return nil, err
		}
		var next []object
		for _, one := range fetched {
			results = append(results, one.RunResult)
			next = append(next, r.started(one.stored)...)
		}
		if len(next) == 0 {
			return results, nil
		}
		r.ended.watch(next, func(bool) {})
	}
}

// started are those of the objects that start a function of the file, however they were stored: a rule
// for some ways of storing only may not have been met, and would be waited for in vain.
func (r *Run) started(stored []object) []object {
	return slices.DeleteFunc(stored, func(o object) bool {
		for i := range r.file.Functions {
			for _, rule := range ownInputs(&r.file.Functions[i]) {
				if rule.Bucket == o.bucket && takes(rule, o.key, storedByCall) && slices.Contains(rule.Events, "s3:ObjectCreated:*") {
					return false
				}
			}
		}
		return true
	})
}

func (r *Run) putAll(ctx context.Context, inputs []RunInput) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(transfers)
	for _, in := range inputs {
		if in.Taken {
			group.Go(func() error { return r.put(ctx, in) })
		}
	}
	return group.Wait()
}

func (r *Run) put(ctx context.Context, in RunInput) (err error) {
	file, err := os.Open(in.Path)
	if err != nil {
		return fmt.Errorf("put %s: %w", in.Name, err)
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	_, err = r.objects.PutObject(ctx, &s3.PutObjectInput{Bucket: &in.Bucket, Key: &in.Key, Body: file})
	if err != nil {
		return fmt.Errorf("put %s: %w", in.Name, err)
	}
	return nil
}

// fetchAll makes the results of invocations and fetches what they stored.
func (r *Run) fetchAll(ctx context.Context, f *fetcher, endings []ending, names map[object]string) ([]fetched, error) {
	out := make([]fetched, len(endings))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(transfers)
	for i, e := range endings {
		group.Go(func() (err error) {
			out[i], err = f.result(ctx, r.recordsOf(e.Function), e, names[e.object])
			return err
		})
	}
	return out, group.Wait()
}

// recordsOf is the bucket that holds the records of a function, empty if it writes none.
func (r *Run) recordsOf(function string) string {
	for _, j := range planner.Jobs(r.file) {
		if j.Function == function && j.Records != nil {
			return j.Records.Bucket
		}
	}
	return ""
}

// object is the address of an object.
type object struct{ bucket, key string }

// ending is the last attempt on one object.
type ending struct {
	object
	lambda.Invocation
	attempt int  // from 1
	failed  bool // one object of an invocation may, and others not
}

// recordKey is where the record of an object is.
func (e ending) recordKey() *string {
	return sdk.String(job.RecordKey(e.Function, job.OwnS3, e.bucket, e.key))
}
