package flow

import (
	"fmt"
	"maps"
	"runtime"
	"slices"
	"strings"

	"github.com/scar-go/scar/spec"
)

// localRecords is the bucket for records of functions that write none elsewhere. They tell a run what came of its files.
const localRecords = "scar-local-run-records"

// forLocalRun is a file as a run on this machine needs it: every function that S3 starts writes records, and secrets that
// the file names by ARN are looked for by name, since the account and region of an ARN are not here. What else is of
// an account that is not here is left out, and so is what a run has no use for; notes say what of it the script may miss.
func forLocalRun(f *spec.File) (here *spec.File, notes []string) {
	changed := *f
	here = &changed
	here.Storage = maps.Clone(f.Storage)
	for name, s := range here.Storage {
		s.AccessKey, s.SecretKey = localCredential(s.AccessKey), localCredential(s.SecretKey)
		s.User, s.Password, s.Token = localCredential(s.User), localCredential(s.Password), localCredential(s.Token)
		here.Storage[name] = s
	}
	here.Functions = slices.Clone(f.Functions)
	for i := range here.Functions {
		fn := &here.Functions[i]
		if fn.Records == "" && len(ownInputs(fn)) > 0 {
			fn.Records = localRecords
		}
		fn.Secrets = maps.Clone(fn.Secrets)
		for name, s := range fn.Secrets {
			s.Name = localName(s.Name)
			fn.Secrets[name] = s
		}
		for _, left := range leaveOut(fn) {
			notes = append(notes, fmt.Sprintf("function %s: %s", fn.Name, left))
		}
	}
	return here, notes
}

// localAttempts is how often a message of a queue of the user's is tried: what is set at the queue is not known here.
const localAttempts = 5

// leaveOut takes out of a function what is not on this machine, and says what. Of triggers, a run uses the inputs only.
func leaveOut(fn *spec.Function) (notes []string) {
	fn.HTTP, fn.Schedule, fn.Preheat = nil, nil, false
	if q := fn.Queue; q != nil && q.ARN != "" {
		fn.Queue = &spec.Queue{BatchSize: q.BatchSize, MaxConcurrency: q.MaxConcurrency, Attempts: localAttempts}
		notes = append(notes, fmt.Sprintf("the queue %s is not on this machine: files come by one of the run's own, with %d attempts", q.ARN, localAttempts))
	}
	if fn.Queue != nil && len(ownInputs(fn)) == 0 {
		fn.Queue = nil // nothing would fill it
	}
	if fn.VPC != nil {
		fn.VPC = nil
		notes = append(notes, "vpc is left out: it runs in the network of this machine")
	}
	for _, m := range fn.Mounts {
		notes = append(notes, fmt.Sprintf("mounts is left out: there is nothing at %s", m.Path))
	}
	fn.Mounts = nil
	if fn.OnFailure != "" && !isBucket(fn.OnFailure) {
		notes = append(notes, fmt.Sprintf("on_failure is left out: %s is not on this machine", fn.OnFailure))
		fn.OnFailure = ""
	}
	if fn.Role != "" {
		notes = append(notes, fmt.Sprintf("the role %s is not on this machine: it gets one of the run's own, with the rights that the file shows", fn.Role))
		fn.Role = ""
	}
	if fn.ConcurrencyManaged && fn.Concurrency == 0 {
		notes = append(notes, "concurrency 0 is left out: it would never run")
	}
	if fn.Concurrency <= 0 || fn.Concurrency >= max(2, runtime.NumCPU()) { // as the backend runs at a time, or more
		fn.Concurrency, fn.ConcurrencyManaged = spec.Unreserved, false
	}
	return notes
}

// isBucket says whether what hears of failures is a bucket.
func isBucket(place string) bool {
	parts := strings.Split(place, ":")
	return parts[0] == "s3" || len(parts) > 2 && parts[2] == "s3"
}

func localCredential(c *spec.Credential) *spec.Credential {
	if c == nil || c.Secret == nil {
		return c
	}
	s := *c.Secret
	s.Name = localName(s.Name)
	return &spec.Credential{Secret: &s}
}

// localName is the name in the ARN of a parameter or secret; a name stays as it is.
func localName(name string) string {
	parts := strings.SplitN(name, ":", 7)
	switch {
	case parts[0] != "arn":
		return name
	case len(parts) == 6: // arn:aws:ssm:REGION:ACCOUNT:parameter/NAME
		return strings.TrimPrefix(parts[5], "parameter")
	case len(parts) == 7: // arn:aws:secretsmanager:REGION:ACCOUNT:secret:NAME-RANDOM
		return parts[6][:max(strings.LastIndexByte(parts[6], '-'), 0)]
	default:
		return name
	}
}

// ownInputs are the inputs of a function on the account's own S3.
func ownInputs(fn *spec.Function) []spec.Input {
	return slices.DeleteFunc(slices.Clone(fn.Inputs), func(in spec.Input) bool { return !spec.IsOwnS3(in.Provider) })
}
