package spec

import (
	"slices"
	"strings"
)

// failures is the folder of a bucket in which Lambda tells of failures: aws/lambda/async/FUNCTION/2026/01/31/TIME-UUID
// (Lambda developer guide, "Capturing records of Lambda asynchronous invocations").
const failures = "aws/lambda/async/"

// checkFailures finds functions that hear of their own failures, by a bucket, by each other or by themselves.
func checkFailures(f *File, drafts []*draft, r *report) {
	byName := make(map[string]*draft, len(drafts))
	for _, d := range drafts {
		byName[d.Name] = d
	}
	for _, d := range drafts {
		n := d.node.get("on_failure")
		switch bucket, isBucket := strings.CutPrefix(d.OnFailure, "s3://"); {
		case d.OnFailure == "":
		case isBucket:
			checkFailureBucket(f, d, bucket, drafts, r)
		case d.Queue != nil && d.Queue.ARN == d.OnFailure:
			r.at(n, "would loop (--allow-loops accepts it): %s takes its events from this queue", d.Name)
		default:
			if circle := failureCircle(d, byName); circle != nil && circle[0] == slices.Min(circle) {
				r.at(n, "would loop (--allow-loops accepts it): what one fails on starts the next: %s", strings.Join(circle, " → "))
			}
		}
	}
}

// checkFailureBucket finds inputs that what Lambda tells of failures would start.
func checkFailureBucket(f *File, by *draft, bucket string, drafts []*draft, r *report) {
	for _, d := range drafts {
		for i, in := range d.Inputs {
			if in.Bucket != bucket || f.Store(in.Provider) != OwnS3 || !in.coversFailures(by.Name) {
				continue
			}
			r.at(d.inputs[i], "covers %s%s/, where Lambda tells of what %s failed on, so each failure would start %s: that is on_failure in %s; "+
				"name a folder or a suffix here, or another bucket there", failures, by.Name, by.Name, d.Name, by.node.get("on_failure").place(d.inputs[i]))
		}
	}
}

// coversFailures says whether what Lambda tells of a function's failures can be an object of the input.
func (in Input) coversFailures(function string) bool {
	return prefixOverlap(in.Prefix, failures+function+"/") && in.created() && slices.ContainsFunc(in.Suffix, endsUUID)
}

// endsUUID says whether a UUID in lower case can end so.
func endsUUID(suffix string) bool { return strings.Trim(suffix, "0123456789abcdef-") == "" }

// failureCircle are the functions that hear of each other's failures, from one back to itself; nil where they do not
// come back to it.
func failureCircle(start *draft, byName map[string]*draft) []string {
	names := []string{start.Name}
	for d := start; len(names) <= len(byName); {
		next := byName[functionName(d.OnFailure)]
		if next == nil {
			return nil
		}
		names = append(names, next.Name)
		if next == start {
			return names
		}
		d = next
	}
	return nil
}
