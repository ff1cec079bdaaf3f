package spec

import (
	"fmt"
	"slices"
	"strings"
)

// readInputs reads a function's inputs.
func (d *draft) readInputs(providers *providerNames, r *report) {
	seen := map[place]*node{} // at other providers, where S3 compares no rules
	for _, item := range d.node.get("input").list() {
		at := item
		if item.kind == mapping {
			at = item.get("from")
		}
		in := Input{Suffix: readSuffixes(item.get("suffix"), r), Events: readEvents(item.get("events"), r)}
		where, found := providers.read(at, r)
		if !found {
			continue
		}
		in.Provider, in.Bucket, in.Prefix = where.provider, where.bucket, where.prefix
		if in.Provider != OwnS3 {
			refuseFilters(item, in.Provider, r)
			if first := seen[where]; first != nil {
				r.at(at, "is the same input as the one in %s", first.place(at))
			}
			seen[where] = at
		}
		d.Inputs = append(d.Inputs, in)
		d.inputs = append(d.inputs, at)
	}
}

// refuseFilters reports what only the rules of a bucket of the account can do.
func refuseFilters(item *node, provider string, r *report) {
	for _, key := range []string{"suffix", "events"} {
		if n := item.get(key); n != nil {
			r.atKey(n, "only works on the account's own S3; for %s set the filter where the events come from", provider)
		}
	}
}

// readOutputs reads a function's outputs.
func (d *draft) readOutputs(providers *providerNames, r *report) {
	seen := map[string]*node{}
	for _, item := range d.node.get("output").list() {
		at := item
		if item.kind == mapping {
			at = item.get("to")
		}
		out := Output{Match: readMatch(item.get("match"), r)}
		where, found := providers.read(at, r)
		if !found {
			continue
		}
		out.Provider, out.Bucket, out.Prefix = where.provider, where.bucket, where.prefix
		key := strings.Join(append([]string{out.Provider, out.Bucket, out.Prefix}, out.Match...), "\x00")
		if first := seen[key]; first != nil {
			r.at(at, "is the same output as the one in %s", first.place(at))
		}
		seen[key] = at
		d.Outputs = append(d.Outputs, out)
		d.outputs = append(d.outputs, at)
	}
}

// read reads a place; false where there is none that makes sense.
func (p *providerNames) read(n *node, r *report) (at place, found bool) {
	if n == nil || n.kind != scalar || n.bad {
		return at, false
	}
	at, found, problem := p.parse(n.text)
	if problem != "" {
		r.at(n, "%s", problem)
	}
	return at, found
}

func readSuffixes(n *node, r *report) []string {
	if n == nil || n.bad {
		return []string{""}
	}
	var suffixes []string
	if len(n.list()) > maxRules {
		r.at(n, "has %d suffixes: S3 allows %d rules for a bucket, one for each suffix", len(n.list()), maxRules)
		return []string{""}
	}
	for _, item := range n.list() {
		suffix := item.str()
		switch {
		case len(suffix) > maxKey:
			r.at(item, "has %d bytes, S3 allows %d in a key", len(suffix), maxKey)
		case strings.Contains(suffix, "*"):
			r.at(item, "is taken literally, * is no wildcard; write %q", strings.TrimLeft(suffix, "*"))
		case overlapsAny(suffix, suffixes, suffixOverlap):
			r.at(item, "%q overlaps another suffix of the list, which S3 refuses", suffix)
		}
		suffixes = append(suffixes, suffix)
	}
	return suffixes
}

func readEvents(n *node, r *report) []string {
	if n == nil || n.bad {
		return []string{eventWords["created"]}
	}
	var events []string
	for _, item := range n.list() {
		if item.kind != scalar || item.bad {
			continue
		}
		event, problem := parseEvent(item.text)
		if problem == "" && overlapsAny(event, events, sameEvent) {
			problem = "is covered by another event of the list"
		}
		if problem != "" {
			r.at(item, "%s", problem)
			continue
		}
		events = append(events, event)
	}
	slices.Sort(events)
	return events
}

func readMatch(n *node, r *report) []string {
	var globs []string
	for _, item := range n.list() {
		glob := item.str()
		if problem := checkGlob(glob); problem != "" {
			r.at(item, "%s", problem)
		}
		globs = append(globs, glob)
	}
	return globs
}

// checkGlob says what is wrong with a glob on a slash-separated path. The empty one has been reported.
func checkGlob(glob string) string {
	if glob == "" {
		return ""
	}
	for _, part := range strings.Split(glob, "/") {
		if part == "" || part == "." || part == ".." {
			return fmt.Sprintf("%q matches nothing: it is compared with a path below TMP_OUTPUT_DIR such as plots/a.png", shorten(glob))
		}
		if !isGlob(part) {
			return fmt.Sprintf("%q is no glob: a bracket is not closed, or a backslash has nothing behind it", shorten(glob))
		}
	}
	return ""
}

// isGlob says whether the brackets of a glob are closed and its backslashes have a character to escape.
func isGlob(glob string) bool {
	for i := 0; i < len(glob); i++ {
		switch glob[i] {
		case '\\':
			i++
		case '[':
			i = classEnd(glob, i)
		}
		if i >= len(glob) {
			return false
		}
	}
	return true
}

// classEnd is the index of the bracket that closes the one at i; the glob's length where there is none.
// A bracket is no end where it comes first, or after a backslash.
func classEnd(glob string, i int) int {
	i++
	if i < len(glob) && (glob[i] == '!' || glob[i] == '^') {
		i++
	}
	for first := i; i < len(glob) && (glob[i] != ']' || i == first); i++ {
		if glob[i] == '\\' {
			i++
		}
	}
	return min(i, len(glob))
}

func overlapsAny(s string, others []string, overlap func(a, b string) bool) bool {
	return slices.ContainsFunc(others, func(other string) bool { return overlap(s, other) })
}

func prefixOverlap(a, b string) bool { return strings.HasPrefix(a, b) || strings.HasPrefix(b, a) }

func suffixOverlap(a, b string) bool { return strings.HasSuffix(a, b) || strings.HasSuffix(b, a) }

// maxRules is S3's limit for the rules of one bucket.
const maxRules = 100

// ruleAt is one input of one function.
type ruleAt struct {
	*draft
	Input
	node *node
}

// checkRules finds rules on one bucket that S3 would refuse together: those that can match the same
// object and event. It says whether all buckets have room for their rules.
func checkRules(drafts []*draft, r *report) bool {
	buckets, count := map[string][]ruleAt{}, map[string]int{}
	fits := true
	for _, d := range drafts {
		for i, in := range d.Inputs {
			if in.Provider != OwnS3 || d.Queue != nil && d.Queue.ARN != "" {
				continue // nothing, or a queue of the user's, gets a rule
			}
			rule := ruleAt{d, in, d.inputs[i]}
			before := count[in.Bucket]
			count[in.Bucket] += len(in.Suffix)
			if count[in.Bucket] > maxRules {
				if before <= maxRules {
					r.at(rule.node, "is one rule too many for the bucket %s: S3 allows %d, one for each input and suffix", in.Bucket, maxRules)
				}
				fits = false
				continue
			}
			for _, other := range buckets[in.Bucket] {
				if rule.overlaps(other.Input) {
					r.at(rule.node, "overlaps the input of %s in %s, which S3 refuses: one object could start both; "+
						"set their folders, suffixes or events apart", other.Name, other.node.place(rule.node))
				}
			}
			buckets[in.Bucket] = append(buckets[in.Bucket], rule)
		}
	}
	return fits
}

// overlaps says whether one event on one object can match both inputs of a bucket.
func (in Input) overlaps(other Input) bool {
	return prefixOverlap(in.Prefix, other.Prefix) &&
		slices.ContainsFunc(in.Suffix, func(s string) bool { return overlapsAny(s, other.Suffix, suffixOverlap) }) &&
		slices.ContainsFunc(in.Events, func(e string) bool { return overlapsAny(e, other.Events, sameEvent) })
}
