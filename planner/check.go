package planner

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/go-multierror"

	"github.com/scar-go/scar/spec"
)

// Check says what is wrong with a file in this account: rules and loops with what others have there, things that it
// refers to and that do not exist or do not fit, rights and quotas that do not suffice. The error is all that is wrong,
// each with where in the file and what to do; the warnings are what may be wrong, and what could not be found out.
// answers are those to Questions. With allowLoops a loop is a warning.
func Check(f *spec.File, desired, live State, answers Answers, allowLoops bool) ([]Warning, error) {
	c := &checks{file: f, desired: desired, live: live, answers: answers, unknown: map[unknown]*unknownUses{}}
	c.loops(newFlows(f, accountOf(desired), live, answers), allowLoops)
	c.overlaps()
	c.room()
	for i := range f.Functions {
		fn := &f.Functions[i]
		c.network(fn)
		c.mounts(fn)
		c.queue(fn)
		c.failures(fn)
		c.secrets(fn)
		c.keys(fn)
	}
	c.concurrency()
	c.warnOfUnknown()
	if err := c.problems.ErrorOrNil(); err != nil {
		return c.warnings, sorted(c.problems)
	}
	return c.warnings, nil
}

// checks collects what is wrong.
type checks struct {
	file          *spec.File
	desired, live State
	answers       Answers
	problems      *multierror.Error
	warnings      []Warning
	unknown       map[unknown]*unknownUses
}

func (c *checks) problem(fn *spec.Function, format string, args ...any) {
	err := fmt.Errorf("function %s: %w", fn.Name, fmt.Errorf(format, args...))
	c.problems = multierror.Append(c.problems, placed(fn, err))
}

func (c *checks) warn(fn *spec.Function, format string, args ...any) {
	c.warnings = append(c.warnings, Warning{Address{KindFunction, fn.Name}, fmt.Sprintf(format, args...)})
}

// unknown is why answers are missing; what has one reason is told once.
type unknown struct {
	about  Subject
	reason string
}

// unknownUses are the names that could not be looked up, and the first function that has one of them.
type unknownUses struct {
	first *spec.Function
	names []string
}

// ask returns an answer; false where there is none, which is told at the end.
func (c *checks) ask(fn *spec.Function, about Subject, name string) (Answer, bool) {
	answer, asked := c.answers[Question{about, name}]
	if !asked {
		return Answer{}, false
	}
	if answer.Unknown == "" {
		return answer, true
	}
	key := unknown{about, answer.Unknown}
	uses := c.unknown[key]
	if uses == nil {
		uses = &unknownUses{first: fn}
		c.unknown[key] = uses
	}
	if !slices.Contains(uses.names, name) {
		uses.names = append(uses.names, name)
	}
	return Answer{}, false
}

func (c *checks) warnOfUnknown() {
	var keys []unknown
	for key := range c.unknown {
		keys = append(keys, key)
	}
	slices.SortFunc(keys, func(a, b unknown) int {
		return cmp.Or(cmp.Compare(a.about, b.about), cmp.Compare(a.reason, b.reason))
	})
	for _, key := range keys {
		uses := c.unknown[key]
		c.warn(uses.first, "not checked: %s: %s", key.about.describe(uses.names), key.reason)
	}
}

// describe says what names of a subject stand for.
func (s Subject) describe(names []string) string {
	words := map[Subject]string{
		AboutSubnet:        "subnets",
		AboutSecurityGroup: "security groups",
		AboutAccessPoint:   "access points",
		AboutParameter:     "parameters of Systems Manager",
		AboutSecret:        "secrets of Secrets Manager",
		AboutQueue:         "queues",
		AboutTopic:         "topics",
		AboutEventBus:      "event buses",
		AboutFunction:      "functions of others",
		AboutEncryption:    "keys of the buckets",
		AboutRules:         "rules of the buckets",
		AboutConcurrency:   "how much concurrency the account has left",
	}
	return strings.TrimSpace(words[s] + " " + strings.Join(names, ", "))
}

// accountOf is the account that a desired state is for, as the roles of its functions have it.
func accountOf(desired State) string {
	for _, r := range desired {
		if function, isFunction := r.Value.(Function); isFunction {
			if account, found := accountOfARN(function.Role); found {
				return account
			}
		}
	}
	return ""
}

// loops reports functions that start each other without end. What is sure to is a problem, what depends on the names
// of files a warning.
func (c *checks) loops(w *flows, allow bool) {
	for _, node := range w.reached() {
		c.ask(&c.file.Functions[0], AboutFunction, node)
		for _, wr := range w.writes[node] {
			c.ask(&c.file.Functions[0], AboutRules, wr.Bucket)
		}
	}
	for _, l := range w.loops() {
		fn := w.ours[l.nodes[0]]
		switch turn := w.turn(l); {
		case l.certainty == surely && !allow:
			c.problem(fn, "%s: what each of these functions does starts the next, without end: write to a place that starts none of them, or allow it with --allow-loops", turn)
		case l.certainty == surely:
			c.warn(fn, "functions start each other without end (%s): Lambda stops that after about 16 turns where it notices, and each turn costs", turn)
		default:
			c.warn(fn, "outputs may start functions without end (%s), depending on the names of the files that are written", turn)
		}
	}
}

// overlaps compares the rules that the file wants with those of others on the same buckets. Those that are the
// project's give way, and the file's own have been compared with each other when it was read.
func (c *checks) overlaps() {
	others := foreignRules(c.file.Project, c.live)
	for _, r := range c.desired.Sorted() {
		t, isTrigger := r.Value.(Trigger)
		if !isTrigger {
			continue
		}
		for _, other := range others[t.Bucket] {
			if t.ID != other.ID && t.overlap(other) { // one with its id is refused, or taken over, by the plan
				c.problem(c.function(r.Owner.Function), "%s overlaps the rule %q (%s), which starts %s: S3 allows one rule for an event; change the prefix or suffix, or remove that rule",
					t.describe(), other.ID, other.describe(), c.startedBy(other))
			}
		}
	}
}

// maxRules is S3's limit for the rules of one bucket (S3 user guide, "Amazon S3 event notifications").
const maxRules = 100

// room checks that a bucket has room for the file's rules beside those of others. That its own are not too many by
// themselves has been seen when it was read.
func (c *checks) room() {
	others, own := foreignRules(c.file.Project, c.live), map[string][]Resource{}
	for _, r := range c.desired.Sorted() {
		if t, isTrigger := r.Value.(Trigger); isTrigger {
			own[t.Bucket] = append(own[t.Bucket], r)
		}
	}
	for _, bucket := range sortedKeys(own) {
		beside := slices.DeleteFunc(others[bucket], func(t Trigger) bool {
			_, takenOver := c.desired[Address{KindTrigger, bucket + "/" + t.ID}]
			return takenOver
		})
		if len(beside) > 0 && len(own[bucket])+len(beside) > maxRules {
			c.problem(c.function(own[bucket][0].Owner.Function), "the file wants %d rules on s3://%s, one for each input and suffix, where others have %d, and S3 allows %d in all: use fewer suffixes, or another bucket",
				len(own[bucket]), bucket, len(beside), maxRules)
		}
	}
}

// startedBy says what a rule of others starts, and whose that is.
func (c *checks) startedBy(t Trigger) string {
	owner := ownerOfRule(t)
	if owner.Project == "" {
		owner.Project = c.answers[Question{AboutFunction, unqualified(t.Target)}].Project
	}
	name := t.Target
	if function, isFunction := FunctionOfARN(t.Target); isFunction {
		name = "the function " + function
	} else if owner.Function != "" {
		name = "the queue of the function " + owner.Function
	}
	if owner.Project != "" {
		name += " of the project " + owner.Project
	}
	return name
}

// function finds one of the file's functions by its name.
func (c *checks) function(name string) *spec.Function {
	for i := range c.file.Functions {
		if c.file.Functions[i].Name == name {
			return &c.file.Functions[i]
		}
	}
	return &spec.Function{Name: name}
}
