package planner

import (
	"slices"

	"github.com/scar-go/scar/runtime/job"
	"github.com/scar-go/scar/spec"
)

// Jobs returns what goes into the image of each function, in the order of the file's functions. What
// only the base image knows, its Entrypoint, Cmd and WorkingDir, is left for the caller to fill in.
func Jobs(f *spec.File) []job.Job {
	jobs := make([]job.Job, len(f.Functions))
	for i := range f.Functions {
		jobs[i] = jobOf(f, &f.Functions[i])
	}
	return jobs
}

func jobOf(f *spec.File, fn *spec.Function) job.Job {
	j := job.Job{
		Version:       job.Version,
		Project:       f.Project,
		Function:      fn.Name,
		Command:       slices.Clone(fn.Command),
		Files:         len(fn.Files) > 0,
		KeepFolders:   fn.KeepFolders,
		Records:       recordsOf(fn),
		TimeoutMargin: fn.TimeoutMargin,
		LogLevel:      fn.Logs.Level,
	}
	if fn.Script != nil {
		j.Script, j.Interpreter = true, fn.Script.Interpreter
	}
	for _, in := range fn.Inputs {
		j.Inputs = append(j.Inputs, job.Input{Provider: "s3", Bucket: in.Bucket, Prefix: in.Prefix})
	}
	for _, out := range fn.Outputs {
		j.Outputs = append(j.Outputs, job.Output{
			Provider: "s3", Bucket: out.Bucket, Prefix: out.Prefix, Match: slices.Clone(out.Match),
		})
	}
	return j
}
