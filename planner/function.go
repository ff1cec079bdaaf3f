package planner

import (
	"fmt"
	"maps"
	"strings"
	"unicode"

	"github.com/scar-go/scar/spec"
)

// Function is a Lambda function that runs an image.
type Function struct {
	Name             string            `json:"name" plan:"replace"`
	Description      string            `json:"description"`
	PackageType      string            `json:"package_type" plan:"replace"` // Image
	Image            string            `json:"image"`                       // URI by digest; empty for a zip function
	Entrypoint       []string          `json:"entrypoint"`                  // of Lambda's ImageConfig, always empty in a desired value
	Command          []string          `json:"command"`                     // likewise
	WorkingDirectory string            `json:"working_directory"`           // likewise
	Role             string            `json:"role"`                        // ARN
	Memory           int               `json:"memory"`                      // MB
	Timeout          int               `json:"timeout"`                     // seconds
	EphemeralStorage int               `json:"ephemeral_storage"`           // MB
	Architecture     string            `json:"architecture"`                // x86_64 or arm64
	Environment      map[string]string `json:"environment"`
	LogGroup         string            `json:"log_group"`
	LogFormat        string            `json:"log_format"`                 // Text or JSON
	LogLevel         string            `json:"log_level"`                  // Lambda's ApplicationLogLevel; empty with Text
	SystemLogLevel   string            `json:"system_log_level"`           // empty with Text
	Subnets          []string          `json:"subnets"`                    // ids, sorted; none: in no VPC
	SecurityGroups   []string          `json:"security_groups"`            // ids, sorted
	Mounts           map[string]string `json:"mounts"`                     // ARN of an access point of EFS by the path below /mnt/; one at most
	Concurrency      int               `json:"concurrency" plan:"none=-1"` // reserved; Unreserved: none is
	Tags             Tags              `json:"tags"`
}

// Unreserved is the Concurrency of a function for which none is reserved. One with 0 never runs.
const Unreserved = -1

// Kind implements Value.
func (Function) Kind() Kind { return KindFunction }

func (f Function) needs(project string) []Address {
	needs := []Address{{KindImage, f.Name}, {KindLogGroup, f.LogGroup}}
	if _, role, found := strings.Cut(f.Role, ":role"+RolePath(project)); found {
		needs = append(needs, Address{KindRole, role})
	}
	return needs
}

func (d *desire) function(fn *spec.Function) {
	f := Function{
		Name:             fn.Name,
		Description:      fn.Description,
		PackageType:      "Image",
		Image:            d.env.ImageURI(RepositoryName(d.file.Project), d.env.Images[fn.Name].Digest),
		Role:             d.roleARN(fn),
		Memory:           fn.Memory,
		Timeout:          fn.Timeout,
		EphemeralStorage: fn.EphemeralStorage,
		Architecture:     d.env.Architectures[fn.Name],
		Environment:      maps.Clone(fn.Env),
		LogGroup:         LogGroupName(fn.Name),
		LogFormat:        "Text",
		Concurrency:      Unreserved,
		Tags:             d.tags(fn),
	}
	f.Tags[TagImage], f.Tags[TagStarts] = imageTag(fn.Image), strings.Join(startsOf(fn), " ")
	if fn.Logs.Format == jsonLogs {
		f.LogFormat, f.LogLevel, f.SystemLogLevel = "JSON", allLines, systemLogLevel(fn.Logs.Level)
	}
	if fn.VPC != nil {
		f.Subnets, f.SecurityGroups = sortedList(fn.VPC.Subnets), sortedList(fn.VPC.SecurityGroups)
	}
	for _, m := range fn.Mounts {
		f.Mounts = map[string]string{m.Path: m.AccessPoint}
	}
	if fn.ConcurrencyManaged {
		f.Concurrency = fn.Concurrency
	}
	d.add(fn, f, fn.Name)
	d.warnOfFunction(fn)
}

// maxTagValue is how many characters the value of a tag may have.
const maxTagValue = 256

// imageTag is what a function's image is called in its file, as a tag can hold it: of an archive its name without the
// folders, of what is too long the beginning, and _ for what no tag may hold.
func imageTag(s spec.Source) string {
	name := s.Reference
	if s.Path != "" {
		name = s.Path[strings.LastIndexAny(s.Path, `/\`)+1:]
	}
	allowed := func(r rune) rune {
		if unicode.In(r, unicode.L, unicode.N) || strings.ContainsRune(" _.:/=+-@", r) {
			return r
		}
		return '_'
	}
	characters := []rune(strings.Map(allowed, name))
	return string(characters[:min(len(characters), maxTagValue)])
}

// startsOf are the sorts of what starts a function, sorted.
func startsOf(fn *spec.Function) []string {
	var starts []string
	for _, in := range fn.Inputs {
		kind, _, _ := strings.Cut(provider(in.Provider), ".")
		starts = append(starts, kind)
	}
	if fn.Queue != nil {
		starts = append(starts, "queue")
	}
	if fn.Schedule != nil {
		starts = append(starts, "schedule")
	}
	switch {
	case fn.HTTP != nil && fn.HTTP.API != "":
		starts = append(starts, "api")
	case fn.HTTP != nil:
		starts = append(starts, "url")
	}
	return sortedList(starts)
}

// allLines is the level at which Lambda drops none of the lines that a script prints. The runtime filters its own.
const allLines = "TRACE"

// systemLogLevel is the level of Lambda's own lines, such as those about time and memory.
func systemLogLevel(level string) string {
	if level == "debug" {
		return "DEBUG"
	}
	return "INFO"
}

// warnOfFunction says what of a function's settings may not be meant.
func (d *desire) warnOfFunction(fn *spec.Function) {
	address := Address{KindFunction, fn.Name}
	for _, name := range sortedKeys(fn.Env) {
		if LooksSecret(name) {
			d.warn(address, fmt.Sprintf(
				"the variable %s looks like a secret, and everybody who may read the function's configuration can read it: move it from env to secrets", name))
		}
	}
	d.warnOfRole(fn)
	if fn.ConcurrencyManaged && fn.Concurrency == 0 {
		events := "go to on_failure at once"
		if fn.OnFailure == "" {
			events = "are lost, as there is no on_failure"
		}
		d.warn(address, "concurrency is 0: the function never runs: requests are refused, messages wait, and events "+events)
	}
	if fn.ConcurrencyManaged && fn.Concurrency > 0 && fn.Queue != nil && fn.Queue.MaxConcurrency > fn.Concurrency {
		d.warn(address, fmt.Sprintf("queue.max_concurrency is %d, and concurrency only %d: Lambda takes more messages than may be worked on, and those that have to wait too often end in the dead-letter queue; make it %d at most",
			fn.Queue.MaxConcurrency, fn.Concurrency, fn.Concurrency))
	}
	if fn.OnFailure != "" && fn.Queue != nil && fn.Schedule == nil {
		d.warn(address, "on_failure hears of asynchronous events only: what fails from the queue goes to the dead-letter queue that belongs to it")
	}
}
