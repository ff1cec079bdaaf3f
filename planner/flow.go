package planner

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/scar-go/scar/runtime/job"
	"github.com/scar-go/scar/spec"
)

// checkFlow looks at where the objects of all functions go: two rules that S3 would refuse together,
// rules that would start a function for scar's own records, and loops, in which a function's outputs
// start, perhaps through others, the function again.
func (d *desire) checkFlow() {
	triggers := triggersByBucket(d.state)
	for _, bucket := range sortedKeys(triggers) {
		d.checkOverlapsWithinFile(triggers[bucket])
	}
	d.checkRecords(triggers)
	d.checkLoops()
}

func (d *desire) checkOverlapsWithinFile(ofBucket []Trigger) {
	for i, a := range ofBucket {
		for _, b := range ofBucket[i+1:] {
			if a.overlap(b) {
				d.problem(d.named(b.function()), "functions %s and %s: %s overlaps %s: S3 starts one function for one event: give them different prefixes or suffixes",
					a.function(), b.function(), a.describe(), b.describe())
			}
		}
	}
}

// triggersByBucket groups the rules of a state by the bucket that holds them, in the order in which
// they are shown.
func triggersByBucket(s State) map[string][]Trigger {
	grouped := map[string][]Trigger{}
	for _, r := range s {
		if t, isTrigger := r.Value.(Trigger); isTrigger {
			grouped[t.Bucket] = append(grouped[t.Bucket], t)
		}
	}
	for _, triggers := range grouped {
		slices.SortFunc(triggers, func(a, b Trigger) int { return strings.Compare(a.ID, b.ID) })
	}
	return grouped
}

func (d *desire) checkRecords(triggers map[string][]Trigger) {
	for i := range d.file.Functions {
		writer := &d.file.Functions[i]
		records := recordsOf(writer)
		if records == nil {
			continue
		}
		written := Trigger{
			Bucket: records.Bucket,
			Prefix: job.RecordsPrefix + writer.Name + "/",
			Suffix: ".json",
			Events: []string{"s3:ObjectCreated:*"},
		}
		for _, t := range triggers[records.Bucket] {
			if t.overlap(written) {
				d.problem(d.named(t.function()), "function %s: its input (%s) covers the records that scar keeps in s3://%s/%s: use a prefix, or another output bucket",
					t.function(), t.describe(), written.Bucket, written.Prefix)
			}
		}
	}
}

// feed is how surely what one function writes starts another.
type feed int

const (
	never feed = iota
	perhaps
	surely
)

// feeds compares an output with an input. What a script names its files is unknown; an output that
// takes only some names cannot feed an input that wants others.
func feeds(f *spec.File, out spec.Output, in spec.Input) feed {
	created := slices.ContainsFunc(in.Events, func(e string) bool { return strings.HasPrefix(e, "s3:ObjectCreated:") })
	if f.Store(out.Provider) != f.Store(in.Provider) || out.Bucket != in.Bucket || !created || !eitherWay(strings.HasPrefix, out.Prefix, in.Prefix) {
		return never
	}
	// An output prefix above the input prefix reaches it only with folders that the script makes.
	sure := strings.HasPrefix(out.Prefix, in.Prefix)
	best := never
	for _, suffix := range in.Suffix {
		switch {
		case suffix == "" && sure && len(out.Match) == 0:
			return surely
		case suffix == "" || len(out.Match) == 0 || slices.ContainsFunc(out.Match, func(glob string) bool { return canEndIn(glob, suffix) }):
			best = perhaps
		}
	}
	return best
}

// canEndIn says whether a name that matches the glob can end in the suffix.
func canEndIn(glob, suffix string) bool {
	wildcard := strings.LastIndexAny(glob, "*?]")
	if wildcard < 0 {
		return strings.HasSuffix(glob, suffix)
	}
	return eitherWay(strings.HasSuffix, glob[wildcard+1:], suffix)
}

// checkLoops finds the shortest loop through each function. One that is sure to turn is a problem,
// one that depends on the names of files a warning.
func (d *desire) checkLoops() {
	next := d.feedGraph()
	reported := map[string]bool{}
	for start := range d.file.Functions {
		for _, certainty := range []feed{surely, perhaps} {
			loop := d.loopThrough(next, start, certainty)
			if loop == nil {
				continue
			}
			key := strings.Join(slices.Sorted(slices.Values(loop)), "\x00")
			if !reported[key] {
				reported[key] = true
				d.reportLoop(loop, certainty)
			}
			break
		}
	}
}

func (d *desire) reportLoop(loop []string, certainty feed) {
	turn := strings.Join(append(slices.Clone(loop), loop[0]), " → ")
	if certainty == surely {
		d.problem(d.named(loop[0]), "functions %s: the outputs of each start the next, without end: write to a prefix that is no input", turn)
		return
	}
	d.warn(Address{KindFunction, loop[0]}, fmt.Sprintf("outputs may start functions without end (%s), depending on the names of the files that are written", turn))
}

// feedGraph says which functions each function's outputs start, by index, and how surely.
func (d *desire) feedGraph() []map[int]feed {
	type input struct {
		function int
		spec.Input
	}
	inputs := map[string][]input{} // by bucket
	for i, fn := range d.file.Functions {
		for _, in := range fn.Inputs {
			inputs[in.Bucket] = append(inputs[in.Bucket], input{i, in})
		}
	}
	graph := make([]map[int]feed, len(d.file.Functions))
	for i, fn := range d.file.Functions {
		graph[i] = map[int]feed{}
		for _, out := range fn.Outputs {
			for _, in := range inputs[out.Bucket] {
				if f := feeds(d.file, out, in.Input); f > graph[i][in.function] {
					graph[i][in.function] = f
				}
			}
		}
	}
	return graph
}

// loopThrough returns the names along the shortest way from a function back to itself, or nil.
func (d *desire) loopThrough(graph []map[int]feed, start int, certainty feed) []string {
	functions := d.file.Functions
	cameFrom := map[int]int{}
	for queue := []int{start}; len(queue) > 0; queue = queue[1:] {
		at := queue[0]
		for _, next := range slices.Sorted(maps.Keys(graph[at])) {
			if graph[at][next] < certainty {
				continue
			}
			if next == start {
				loop := []string{functions[at].Name}
				for at != start {
					at = cameFrom[at]
					loop = append(loop, functions[at].Name)
				}
				slices.Reverse(loop)
				return loop
			}
			if _, seen := cameFrom[next]; !seen {
				cameFrom[next] = at
				queue = append(queue, next)
			}
		}
	}
	return nil
}
