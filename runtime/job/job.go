// Package job is the contract between the scar that builds a function's image and the runtime that
// runs in it: where the files of scar lie in the image, what the job description says, what is
// written down about each input, and what an invocation answers. Both sides import it; it depends on
// the standard library only, because every byte of it goes into every function.
package job

import (
	"encoding/json"
	"fmt"
)

// The files that scar adds to an image. All lie below one top-level folder of scar's own, so that no
// entry can replace a file or a symbolic link of the base image.
const (
	Root            = "/scar"
	RuntimePath     = Root + "/runtime"  // the runtime binary, the image's entrypoint
	DescriptionPath = Root + "/job.json" // the Job
	ScriptPath      = Root + "/script"   // the user's script, absent when the image's own command runs
	FilesPath       = Root + "/files"    // the user's files, read-only, $EXTRA_PAYLOAD
)

// Version is the version of the job description that this package writes.
const Version = 1

// Job says what the runtime does with an event. It is stored as JSON in the image, so a change of
// any field is a change of the image.
type Job struct {
	Version  int    `json:"version"`
	Project  string `json:"project"`
	Function string `json:"function"`

	// What runs. Entrypoint, Cmd and WorkingDir are those of the base image's configuration.
	Entrypoint  []string `json:"entrypoint,omitempty"`
	Cmd         []string `json:"cmd,omitempty"`
	WorkingDir  string   `json:"working_dir,omitempty"`
	Script      bool     `json:"script,omitempty"`      // ScriptPath exists and is run
	Interpreter string   `json:"interpreter,omitempty"` // runs the script whatever its #! line says
	Command     []string `json:"command,omitempty"`     // arguments to Entrypoint instead of Cmd, when there is no script
	Files       bool     `json:"files,omitempty"`       // FilesPath holds files

	// Where files come from and go to.
	Inputs      []Input  `json:"inputs,omitempty"`
	Outputs     []Output `json:"outputs,omitempty"`
	KeepFolders bool     `json:"keep_folders,omitempty"` // the input's folder below its prefix comes before an output's name
	Records     *Records `json:"records,omitempty"`      // nil: no records are written
	Dedupe      bool     `json:"dedupe,omitempty"`       // an event that its record shows to be processed, or late, is a no-op

	Storage map[string]Provider `json:"storage,omitempty"` // the providers of inputs and outputs by name, but OwnS3
	Secrets map[string]Secret   `json:"secrets,omitempty"` // the script's variables that hold a secret

	TimeoutMargin int    `json:"timeout_margin"`       // seconds kept back from the deadline for storing outputs
	LogLevel      string `json:"log_level"`            // debug, info, warning or error
	LogFormat     string `json:"log_format,omitempty"` // json; text if empty
	Metrics       bool   `json:"metrics,omitempty"`    // each run logs its figures in CloudWatch's embedded metric format
}

// Input is a place whose objects start the function.
type Input struct {
	Provider string `json:"provider"`         // OwnS3, or a name of Job.Storage
	Bucket   string `json:"bucket,omitempty"` // empty where the provider has none
	Prefix   string `json:"prefix,omitempty"` // empty, or ends in a slash
}

// Output is a place that results are stored in.
type Output struct {
	Provider string   `json:"provider"`         // OwnS3, or a name of Job.Storage
	Bucket   string   `json:"bucket,omitempty"` // empty where the provider has none
	Prefix   string   `json:"prefix,omitempty"` // empty, or ends in a slash
	Match    []string `json:"match,omitempty"`  // globs on the path below TMP_OUTPUT_DIR; none takes every file
}

// Records is where the record of each input is kept: the function's first S3 output bucket.
type Records struct {
	Bucket string `json:"bucket"`
}

// Parse reads a job description and refuses one that this runtime does not understand.
func Parse(b []byte) (*Job, error) {
	var j Job
	if err := json.Unmarshal(b, &j); err != nil {
		return nil, fmt.Errorf("parse job description: %w", err)
	}
	if j.Version != Version {
		return nil, fmt.Errorf("job description has version %d, this runtime reads version %d: apply the function again with one scar", j.Version, Version)
	}
	return &j, nil
}

// Marshal writes the description as it is stored in the image: equal jobs give equal bytes.
func (j *Job) Marshal() ([]byte, error) {
	b, err := json.MarshalIndent(j, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("write job description: %w", err)
	}
	return append(b, '\n'), nil
}
