package planner

import (
	"maps"
	"slices"
	"strings"

	"github.com/scar-go/scar/runtime/job"
	"github.com/scar-go/scar/spec"
)

// flows is what starts what: which functions write where, and which rules start a function for what is written. A
// function is named by a node: its name where the file has it, else its ARN.
type flows struct {
	file     *spec.File
	account  string
	ours     map[string]*spec.Function
	writes   map[string][]write  // by node
	calls    map[string][]string // nodes that are told of a node's failures, by that node
	starts   map[string][]start  // by store and bucket
	known    map[string]bool     // nodes of others about which there is an answer
	projects map[string]string   // of scar, by nodes of others
}

// write is where a function writes.
type write struct {
	Place
	store string
	match []string // globs on the names; none: they can be any

	// Names of scar's records and of Lambda's documents are hexadecimal digits and dashes, and then an ending. They are
	// surely written.
	fixed  bool
	ending string
}

// start says that a function starts for what is created at a place.
type start struct {
	Place
	store  string
	suffix string
	node   string
}

// newFlows joins what the file says with the rules of others that are known.
func newFlows(f *spec.File, account string, live State, answers Answers) *flows {
	w := &flows{
		file: f, account: account, ours: map[string]*spec.Function{},
		writes: map[string][]write{}, calls: map[string][]string{}, starts: map[string][]start{},
		known: map[string]bool{}, projects: map[string]string{},
	}
	for i := range f.Functions {
		w.ours[f.Functions[i].Name] = &f.Functions[i]
	}
	for i := range f.Functions {
		w.function(&f.Functions[i])
	}
	for _, rules := range foreignRules(f.Project, live) {
		for _, t := range rules {
			w.foreignRule(t)
		}
	}
	for q, answer := range answers {
		switch q.About {
		case AboutRules:
			for _, t := range answer.Rules {
				if !OwnsRule(f.Project, t) {
					w.foreignRule(t)
				}
			}
		case AboutFunction:
			w.foreignFunction(w.node(q.Name), answer)
		default: // nothing that starts or is started
		}
	}
	return w
}

// function adds one of the file's.
func (w *flows) function(fn *spec.Function) {
	add := func(wr write) { w.writes[fn.Name] = append(w.writes[fn.Name], wr) }
	for _, out := range fn.Outputs {
		add(write{Place: Place{out.Bucket, out.Prefix}, store: w.file.Store(out.Provider), match: out.Match})
	}
	if r := recordsOf(fn); r != nil {
		add(write{Place: Place{r.Bucket, job.RecordsPrefix + fn.Name + "/"}, store: spec.OwnS3, fixed: true, ending: ".json"})
	}
	if bucket, found := failureBucket(fn); found {
		add(write{Place: Place{bucket, failurePrefix(fn.Name)}, store: spec.OwnS3, fixed: true})
	}
	w.calls[fn.Name] = w.failuresStart(fn)
	for _, in := range fn.Inputs {
		if !startsForNew(in.Events) {
			continue
		}
		for _, suffix := range in.Suffix {
			w.start(start{Place: Place{in.Bucket, in.Prefix}, store: w.file.Store(in.Provider), suffix: suffix, node: fn.Name})
		}
	}
}

// failuresStart are the functions that a function's failures start: the one that Lambda tells of them, and those that take
// from the queue that it tells, or from the function's dead-letter queue.
func (w *flows) failuresStart(fn *spec.Function) []string {
	if _, isFunction := FunctionOfARN(fn.OnFailure); isFunction {
		return []string{w.node(fn.OnFailure)}
	}
	nodes := w.takers(fn.OnFailure)
	if fn.Queue == nil || fn.Queue.ARN != "" {
		return nodes
	}
	for _, name := range sortedKeys(w.ours) {
		q := w.ours[name].Queue
		if q == nil {
			continue
		}
		account, _ := accountOfARN(q.ARN)
		if queue, _ := QueueOfARN(q.ARN); queue == DeadLetterName(w.file.Project, fn.Name) && (account == w.account || w.account == "") {
			nodes = append(nodes, name)
		}
	}
	return nodes
}

// takers are the functions of the file that take from a queue, sorted.
func (w *flows) takers(arn string) []string {
	queue, isQueue := QueueOfARN(arn)
	if !isQueue {
		return nil
	}
	var nodes []string
	for _, name := range sortedKeys(w.ours) {
		if q := w.ours[name].Queue; q != nil && (q.ARN == arn || q.ARN == "" && queue == QueueName(w.file.Project, name)) {
			nodes = append(nodes, name)
		}
	}
	return nodes
}

// foreignRule adds a rule that is not the project's, if it is known which functions it starts.
func (w *flows) foreignRule(t Trigger) {
	if !startsForNew(t.Events) {
		return
	}
	for _, node := range w.startedBy(t) {
		w.start(start{Place: Place{t.Bucket, t.Prefix}, store: spec.OwnS3, suffix: t.Suffix, node: node})
	}
}

func (w *flows) start(s start) {
	at := s.store + "/" + s.Bucket
	w.starts[at] = append(w.starts[at], s)
}

func (w *flows) foreignFunction(node string, answer Answer) {
	if w.ours[node] != nil {
		return
	}
	w.known[node] = true
	if answer.Project != "" { // of a version that does not exist nothing is known
		w.projects[node] = answer.Project
	}
	for _, place := range answer.Writes {
		w.writes[node] = append(w.writes[node], write{Place: place, store: spec.OwnS3})
	}
}

// node names the function of an ARN, whatever its version.
func (w *flows) node(arn string) string {
	name, found := FunctionOfARN(arn)
	if !found {
		return arn
	}
	account, _ := accountOfARN(arn)
	if w.ours[name] != nil && (account == w.account || w.account == "") {
		return name
	}
	return unqualified(arn)
}

// unqualified is the ARN of a function without its version.
func unqualified(arn string) string {
	parts := strings.SplitN(arn, ":", 8)
	return strings.Join(parts[:min(7, len(parts))], ":")
}

// startedBy are the functions that a rule starts, directly or by a queue: one of scar's, or one that functions of the
// file take from. What else takes from a queue is not known.
func (w *flows) startedBy(t Trigger) []string {
	if _, isFunction := FunctionOfARN(t.Target); isFunction {
		return []string{w.node(t.Target)}
	}
	if _, isQueue := QueueOfARN(t.Target); !isQueue {
		return nil
	}
	nodes := w.takers(t.Target)
	if owner := ownerOfRule(t); len(nodes) == 0 && owner.Function != "" {
		parts := strings.Split(t.Target, ":")
		nodes = append(nodes, w.node(Naming{Partition: parts[1], Region: parts[3], Account: parts[4]}.FunctionARN(owner.Function)))
	}
	return nodes
}

func startsForNew(events []string) bool {
	return slices.ContainsFunc(events, func(e string) bool { return strings.HasPrefix(e, "s3:ObjectCreated:") })
}

// feed is how surely what one function does starts another.
type feed int

const (
	never feed = iota
	perhaps
	surely
)

// feeds compares what is written with what starts a function. What a script names its files is unknown; an output that
// takes only some names cannot feed an input that wants others.
func (wr write) feeds(s start) feed {
	if wr.store != s.store || wr.Bucket != s.Bucket || !eitherWay(strings.HasPrefix, wr.Prefix, s.Prefix) {
		return never
	}
	// What is written above the input's prefix reaches it only with folders that the script makes.
	sure := strings.HasPrefix(wr.Prefix, s.Prefix)
	switch {
	case wr.fixed && !strings.HasSuffix(wr.ending, s.suffix):
		if digits, found := strings.CutSuffix(s.suffix, wr.ending); found && strings.Trim(digits, "0123456789abcdef-") == "" {
			return perhaps
		}
		return never
	case sure && (wr.fixed || s.suffix == "" && len(wr.match) == 0):
		return surely
	case wr.fixed, s.suffix == "", len(wr.match) == 0:
		return perhaps
	case slices.ContainsFunc(wr.match, func(glob string) bool { return canEndIn(glob, s.suffix) }):
		return perhaps
	default:
		return never
	}
}

// canEndIn says whether a name that matches the glob can end in the suffix.
func canEndIn(glob, suffix string) bool {
	wildcard := strings.LastIndexAny(glob, `*?]}\`)
	if wildcard < 0 {
		return strings.HasSuffix(glob, suffix)
	}
	return eitherWay(strings.HasSuffix, glob[wildcard+1:], suffix)
}

// next says which functions one starts, and how surely.
func (w *flows) next(node string) map[string]feed {
	started := map[string]feed{}
	for _, called := range w.calls[node] {
		started[called] = surely
	}
	for _, wr := range w.writes[node] {
		for _, s := range w.starts[wr.store+"/"+wr.Bucket] {
			if f := wr.feeds(s); f > started[s.node] {
				started[s.node] = f
			}
		}
	}
	return started
}

// reached are the functions of others that the file's functions start, directly or not, sorted.
func (w *flows) reached() []string {
	seen := map[string]bool{}
	queue := slices.Sorted(maps.Keys(w.ours))
	for ; len(queue) > 0; queue = queue[1:] {
		for node := range w.next(queue[0]) {
			if !seen[node] && w.ours[node] == nil {
				seen[node] = true
				queue = append(queue, node)
			}
		}
	}
	return slices.Sorted(maps.Keys(seen))
}

// loop is a way from a function back to itself.
type loop struct {
	nodes     []string
	certainty feed
}

// loops finds the shortest loop through each of the file's functions, the surest first, each once.
func (w *flows) loops() []loop {
	graph := map[string]map[string]feed{}
	for _, node := range slices.Concat(slices.Sorted(maps.Keys(w.ours)), w.reached()) {
		graph[node] = w.next(node)
	}
	var found []loop
	reported := map[string]bool{}
	for i := range w.file.Functions {
		for _, certainty := range []feed{surely, perhaps} {
			nodes := loopThrough(graph, w.file.Functions[i].Name, certainty)
			if nodes == nil {
				continue
			}
			if key := strings.Join(slices.Sorted(slices.Values(nodes)), "\x00"); !reported[key] {
				reported[key] = true
				found = append(found, loop{nodes, certainty})
			}
			break
		}
	}
	return found
}

// loopThrough returns the nodes along the shortest way from one back to itself, or nil.
func loopThrough(graph map[string]map[string]feed, start string, certainty feed) []string {
	cameFrom := map[string]string{}
	for queue := []string{start}; len(queue) > 0; queue = queue[1:] {
		at := queue[0]
		for _, next := range sortedKeys(graph[at]) {
			if graph[at][next] < certainty {
				continue
			}
			if next == start {
				nodes := []string{at}
				for at != start {
					at = cameFrom[at]
					nodes = append(nodes, at)
				}
				slices.Reverse(nodes)
				return nodes
			}
			if _, seen := cameFrom[next]; !seen {
				cameFrom[next] = at
				queue = append(queue, next)
			}
		}
	}
	return nil
}

// turn names the functions of a loop in the order in which they start each other.
func (w *flows) turn(l loop) string {
	names := make([]string, 0, len(l.nodes)+1)
	for _, node := range append(slices.Clone(l.nodes), l.nodes[0]) {
		if project := w.projects[node]; project != "" {
			name, _ := FunctionOfARN(node)
			node = name + " (project " + project + ")"
		}
		names = append(names, node)
	}
	return strings.Join(names, " → ")
}
