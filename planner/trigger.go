package planner

import (
	"fmt"
	"slices"
	"strings"

	"github.com/scar-go/scar/spec"
)

// Trigger is one rule of a bucket's notification document.
type Trigger struct {
	Bucket string   `json:"bucket" plan:"replace"`
	ID     string   `json:"id" plan:"replace"`
	Target string   `json:"target"` // ARN of the function, queue or topic
	Events []string `json:"events"` // sorted
	Prefix string   `json:"prefix"`
	Suffix string   `json:"suffix"`
}

// Kind implements Value.
func (Trigger) Kind() Kind { return KindTrigger }

func (t Trigger) needs(project string) []Address {
	needs := []Address{{KindBucket, t.Bucket}}
	if function, found := FunctionOfARN(t.Target); found {
		needs = append(needs, Address{KindPermission, function + "/" + StatementID(project, t.Bucket)})
	}
	if queue, found := QueueOfARN(t.Target); found {
		needs = append(needs, Address{KindQueue, queue})
	}
	return needs
}

func (d *desire) triggers(fn *spec.Function) {
	for _, t := range triggersOf(d.file, fn, d.env.Naming) {
		d.add(fn, t, t.Bucket+"/"+t.ID)
	}
}

// triggersOf are the rules that a function's inputs want: one for each suffix. At other providers, and for a queue of
// the user's, what starts the function is set up by others.
func triggersOf(f *spec.File, fn *spec.Function, naming Naming) []Trigger {
	target := naming.FunctionARN(fn.Name)
	if fn.Queue != nil {
		if fn.Queue.ARN != "" {
			return nil
		}
		target = queueARN(f.Project, fn, naming)
	}
	var triggers []Trigger
	for _, in := range fn.Inputs {
		if !spec.IsOwnS3(in.Provider) {
			continue
		}
		for _, suffix := range in.Suffix {
			triggers = append(triggers, Trigger{
				Bucket: in.Bucket,
				ID:     RuleID(f.Project, fn.Name, in.Bucket, in.Prefix, suffix, in.Events),
				Target: target,
				Events: slices.Sorted(slices.Values(in.Events)),
				Prefix: in.Prefix,
				Suffix: suffix,
			})
		}
	}
	return triggers
}

// overlap says whether one object can match both rules, which S3 refuses for rules that share an
// event type on one bucket.
func (t Trigger) overlap(other Trigger) bool {
	return t.Bucket == other.Bucket &&
		eitherWay(strings.HasPrefix, t.Prefix, other.Prefix) &&
		eitherWay(strings.HasSuffix, t.Suffix, other.Suffix) &&
		slices.ContainsFunc(t.Events, func(a string) bool {
			return slices.ContainsFunc(other.Events, func(b string) bool { return eventsOverlap(a, b) })
		})
}

// eventsOverlap compares two event types, of which either may be a family: s3:ObjectCreated:*.
func eventsOverlap(a, b string) bool {
	covers := func(a, b string) bool {
		family, isFamily := strings.CutSuffix(a, "*")
		return a == b || isFamily && strings.HasPrefix(b, family)
	}
	return eitherWay(covers, a, b)
}

func eitherWay(f func(a, b string) bool, a, b string) bool { return f(a, b) || f(b, a) }

func (t Trigger) describe() string {
	s := fmt.Sprintf("%s on s3://%s/%s", strings.Join(t.Events, ", "), t.Bucket, t.Prefix)
	if t.Suffix != "" {
		s += "*" + t.Suffix
	}
	return s
}
