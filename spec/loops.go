package spec

import (
	"slices"
	"strings"
)

// records is the folder of a function's first output bucket in which the runtime keeps its records, and scar run its ledgers.
const records = ".scar/"

// recordEndings are what the names of records and of the parts of ledgers end in.
var recordEndings = []string{".json", ".jsonl"}

// checkLoops finds inputs that are fed by what they cause: a function's own outputs, those of functions
// that start each other in a circle, and the records that are written after each event.
func checkLoops(f *File, drafts []*draft, r *report) {
	for _, d := range drafts {
		for i, in := range d.Inputs {
			for j, out := range d.Outputs {
				if f.feeds(out, in) {
					r.at(d.inputs[i], "would loop (--allow-loops accepts it): the output in %s would start %s again for each of its results; "+
						"set them apart by folder or bucket%s", d.outputs[j].place(d.inputs[i]), d.Name, in.orByMatch())
				}
			}
		}
	}
	checkRecords(f, drafts, r)
	checkFailures(f, drafts, r)
	checkCircles(f, drafts, r)
}

// feeds says whether a file stored in the output can be an object of the input that starts a function.
func (f *File) feeds(out Output, in Input) bool {
	return f.Store(out.Provider) == f.Store(in.Provider) && out.Bucket == in.Bucket && strings.HasPrefix(out.Prefix, in.Prefix) && in.created() &&
		slices.ContainsFunc(in.Suffix, out.canEndIn)
}

// orByMatch is the way out of a loop that there is if the input takes only some names: an output that writes none of them.
func (in Input) orByMatch() string {
	if slices.Contains(in.Suffix, "") {
		return ""
	}
	return ", or say with match at the output that no result ends in " + strings.Join(in.Suffix, " or ")
}

// created says whether storing an object is one of the input's events.
func (in Input) created() bool { return overlapsAny(eventWords["created"], in.Events, sameEvent) }

// canEndIn says whether the output takes a file whose name ends so. What a glob ends in, after its last
// wildcard, is all that is known of the names that it matches.
func (out Output) canEndIn(suffix string) bool {
	if len(out.Match) == 0 {
		return true
	}
	return slices.ContainsFunc(out.Match, func(glob string) bool {
		return suffixOverlap(glob[strings.LastIndexAny(glob, `*?]}\`)+1:], suffix)
	})
}

// checkRecords finds inputs that the records of a function would start.
func checkRecords(f *File, drafts []*draft, r *report) {
	writers := map[string]*draft{} // by bucket; one per bucket is enough to say
	for _, d := range drafts {
		if d.Records != "" && writers[d.Records] == nil {
			writers[d.Records] = d
		}
	}
	for _, d := range drafts {
		for i, in := range d.Inputs {
			writer := writers[in.Bucket]
			if writer == nil || f.Store(in.Provider) != OwnS3 || d.inputs[i].bad || !in.coversRecords() {
				continue
			}
			r.at(d.inputs[i], "covers %s, where scar keeps the records of %s, so each record would start %s; "+
				"name a folder or a suffix", records, writer.Name, d.Name)
		}
	}
}

func (in Input) coversRecords() bool {
	return prefixOverlap(in.Prefix, records) && in.created() && slices.ContainsFunc(in.Suffix, func(s string) bool {
		return slices.ContainsFunc(recordEndings, func(ending string) bool { return suffixOverlap(s, ending) })
	})
}

// checkCircles finds functions that start each other through their outputs.
func checkCircles(f *File, drafts []*draft, r *report) {
	c := circles{f, map[string][]*draft{}}
	for _, d := range drafts {
		for _, in := range d.Inputs {
			if at := c.where(in.Provider, in.Bucket); !slices.Contains(c.consumers[at], d) {
				c.consumers[at] = append(c.consumers[at], d)
			}
		}
	}
	reported := map[*draft]bool{}
	for _, d := range drafts {
		circle := c.find(d)
		if len(circle) < 2 || slices.ContainsFunc(circle, func(d *draft) bool { return reported[d] }) {
			continue
		}
		names := make([]string, 0, len(circle)+1)
		for _, member := range append(circle, d) {
			names = append(names, member.Name)
			reported[member] = true
		}
		r.at(d.inputs[f.fedInput(circle[len(circle)-1], d)], "would loop (--allow-loops accepts it): each function's results start the next: %s", strings.Join(names, " → "))
	}
}

// circles looks for functions that start each other.
type circles struct {
	*File
	consumers map[string][]*draft // by store and bucket of an input
}

func (c circles) where(provider, bucket string) string { return c.Store(provider) + "/" + bucket }

// find is a shortest way from a function through the functions that its results start back to it,
// without the return; nil where there is none.
func (c circles) find(start *draft) []*draft {
	from := map[*draft]*draft{}
	queue := []*draft{start}
	for len(queue) > 0 {
		d := queue[0]
		queue = queue[1:]
		for _, out := range d.Outputs {
			for _, next := range c.consumers[c.where(out.Provider, out.Bucket)] {
				if next == start && d != start && c.fedInput(d, start) >= 0 {
					return trace(d, start, from)
				}
				if next == start || from[next] != nil || c.fedInput(d, next) < 0 {
					continue
				}
				from[next] = d
				queue = append(queue, next)
			}
		}
	}
	return nil
}

// trace is the way to a function that a search has found.
func trace(end, start *draft, from map[*draft]*draft) []*draft {
	way := []*draft{end}
	for d := end; d != start; {
		d = from[d]
		way = append(way, d)
	}
	slices.Reverse(way)
	return way
}

// fedInput is the first input of a function that an output of another feeds; -1 where there is none.
func (f *File) fedInput(by, d *draft) int {
	return slices.IndexFunc(d.Inputs, func(in Input) bool {
		return slices.ContainsFunc(by.Outputs, func(out Output) bool { return f.feeds(out, in) })
	})
}
