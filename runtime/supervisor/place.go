package supervisor

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/scar-go/scar/runtime/event"
	"github.com/scar-go/scar/runtime/job"
)

// placeName is what logs and messages call an object: s3://bucket/key where it is in the account's own S3, else its
// provider's name and its path, such as minio.lab/bucket/key.
func placeName(provider, bucket, key string) string {
	if provider == "" || provider == job.OwnS3 {
		return "s3://" + bucket + "/" + key
	}
	return provider + "/" + joinPath(bucket, key)
}

// shown is a name as messages have it: as it is where all of it can be printed, else with escapes in place of line breaks and the
// like. Different names may look the same then.
func shown(name string) string {
	if utf8.ValidString(name) && !strings.ContainsFunc(name, func(r rune) bool { return !strconv.IsPrint(r) }) {
		return name
	}
	quoted := strconv.Quote(name)
	return quoted[1 : len(quoted)-1]
}

func joinPath(bucket, key string) string {
	if bucket == "" {
		return key
	}
	return bucket + "/" + key
}

// providerOf is the name of an object's provider, as inputs and outputs have it.
func providerOf(o *event.Object) string { return cmp.Or(o.Provider, job.OwnS3) }

// checkJob refuses a job that cannot be carried out whatever arrives.
func checkJob(j *job.Job) error {
	bad := func(format string, args ...any) error {
		return &job.Error{Type: job.ErrBadJob, Message: fmt.Sprintf(format, args...)}
	}
	defined := func(provider string) bool {
		_, ok := j.Storage[provider]
		return ok || provider == job.OwnS3
	}
	for _, in := range j.Inputs {
		if !defined(in.Provider) {
			return bad("an input is in the storage provider %q, the job has %s", in.Provider, providerNames(j))
		}
	}
	for _, out := range j.Outputs {
		if !defined(out.Provider) {
			return bad("an output goes to the storage provider %q, the job has %s", out.Provider, providerNames(j))
		}
	}
	if j.Dedupe && j.Records == nil {
		return bad("dedupe needs records: give the function an output in S3, and leave records on")
	}
	return nil
}

// providerNames lists the providers of a job.
func providerNames(j *job.Job) string {
	names := append([]string{job.OwnS3}, slices.Sorted(maps.Keys(j.Storage))...)
	return enumerate(names)
}

// locate says where an object of an event is: its provider is a name of Job.Storage then, or empty for the account's own S3, and
// there is a bucket only where the provider has buckets. The event itself is not changed.
func locate(j *job.Job, o *event.Object) (*event.Object, error) {
	found := *o
	if o.Provider == "" || o.Provider == job.OwnS3 {
		found.Provider = ""
		return &found, nil
	}
	var candidates []event.Object
	for _, name := range slices.Sorted(maps.Keys(j.Storage)) {
		p := j.Storage[name]
		if name != o.Provider && string(p.Type) != o.Provider {
			continue
		}
		if placed, ok := placeIn(name, p, o); ok {
			candidates = append(candidates, placed)
		}
	}
	if len(candidates) > 1 {
		candidates = slices.DeleteFunc(candidates, func(c event.Object) bool { return !covered(j.Inputs, &c) })
	}
	switch len(candidates) {
	case 1:
		return &candidates[0], nil
	case 0:
		return nil, fmt.Errorf("the event names %q in the storage provider %q, the job has %s", joinPath(o.Bucket, o.Key), o.Provider, providerNames(j))
	}
	return nil, fmt.Errorf("the event names the storage provider %q, which may be each of %s: name one of them", o.Provider, providerNames(j))
}

// placeIn is an object as it is found in a provider. Onedata's events name the space where others name a bucket, so an
// object of another space is not in it.
func placeIn(name string, p job.Provider, o *event.Object) (event.Object, bool) {
	placed := *o
	placed.Provider = name
	switch {
	case p.Type.HasBuckets() || o.Bucket == "":
	case p.Type == job.Onedata && p.Space != "":
		placed.Bucket = ""
		return placed, o.Bucket == p.Space
	default:
		placed.Bucket, placed.Key = "", joinPath(o.Bucket, o.Key)
	}
	return placed, true
}

// covered reports whether an input covers an object.
func covered(inputs []job.Input, o *event.Object) bool {
	return slices.ContainsFunc(inputs, func(in job.Input) bool {
		return in.Provider == providerOf(o) && in.Bucket == o.Bucket && strings.HasPrefix(o.Key, in.Prefix)
	})
}
