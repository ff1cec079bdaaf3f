package planner

import (
	"cmp"
	"maps"
	"slices"

	"github.com/scar-go/scar/spec"
)

// Subject is a sort of thing that a file refers to, or that bears on it, and that is not scar's to make.
type Subject string

// The subjects, and what a Question about each names.
const (
	AboutSubnet        Subject = "subnet"         // its id
	AboutSecurityGroup Subject = "security_group" // its id
	AboutAccessPoint   Subject = "access_point"   // ARN, of EFS
	AboutParameter     Subject = "parameter"      // name or ARN, of Systems Manager
	AboutSecret        Subject = "secret"         // name or ARN, of Secrets Manager
	AboutQueue         Subject = "queue"          // ARN, of SQS
	AboutTopic         Subject = "topic"          // ARN, of SNS
	AboutEventBus      Subject = "event_bus"      // ARN, of EventBridge
	AboutFunction      Subject = "function"       // ARN or name
	AboutEncryption    Subject = "encryption"     // name of a bucket
	AboutRules         Subject = "rules"          // name of a bucket whose notifications are not in the state yet
	AboutConcurrency   Subject = "concurrency"    // nothing: it is about the account
)

// Question asks for something that a plan depends on and that is not scar's to make. Questions are comparable, so
// that each is asked once.
type Question struct {
	About Subject
	Name  string
}

// Answer is what is known of a Question's subject. Which fields are set depends on the subject.
type Answer struct {
	Absent  bool   // there is no such thing
	Unknown string // why it could not be found out, such as a right that the caller lacks; nothing else is set then

	VPC        string         // of a subnet or security group, and of the access point's file system
	Zone       string         // availability zone of a subnet
	Zones      []string       // of the mount targets of an access point's file system
	Visibility int            // seconds, of a queue
	FIFO       bool           // of a queue or topic
	Key        string         // encryption: ARN of the customer's key that objects of a bucket are encrypted with, or a secret, parameter, queue or topic; empty: none
	Limit      int            // concurrency: executions that the account may have at a time
	Reserved   map[string]int // concurrency: what of Limit is reserved, by function, or in all under an empty name

	Project string    // function: of scar that it belongs to; empty: none, or not scar's
	Writes  []Place   // function: folders that it may write to, where it is scar's
	Rules   []Trigger // rules: what is set at the bucket
}

// Place is a folder of a bucket.
type Place struct {
	Bucket string
	Prefix string // empty, or ends in a slash
}

// Answers are what is known so far.
type Answers map[Question]Answer

// Questions are what has to be asked before Check can judge a file, without those that known answers. The first come
// from the file alone, with live nil; answers and the live state lead to further ones, until there are none. Each is
// asked once, in a fixed order.
func Questions(f *spec.File, naming Naming, live State, known Answers) []Question {
	q := &questions{file: f, naming: naming, known: known, asked: map[Question]bool{}}
	if naming.Region == "" {
		return nil // where to ask is not known yet
	}
	for i := range f.Functions {
		fn := &f.Functions[i]
		q.network(fn)
		q.destinations(fn)
		q.secrets(fn)
		q.buckets(fn)
		if fn.ConcurrencyManaged && fn.Concurrency > 0 {
			q.ask(AboutConcurrency, "")
		}
	}
	q.flows(live)
	q.overlaps(live)
	return slices.SortedFunc(maps.Keys(q.asked), func(a, b Question) int {
		return cmp.Or(cmp.Compare(a.About, b.About), cmp.Compare(a.Name, b.Name))
	})
}

// questions collects what is to be asked.
type questions struct {
	file   *spec.File
	naming Naming
	known  Answers
	asked  map[Question]bool
}

func (q *questions) ask(about Subject, name string) {
	question := Question{about, name}
	if _, answered := q.known[question]; !answered {
		q.asked[question] = true
	}
}

// askHere asks about what is in the region of the functions. What is elsewhere has been refused.
func (q *questions) askHere(about Subject, name string) {
	if partition, region, isARN := placeOfARN(name); !isARN || partition == q.naming.Partition && region == q.naming.Region {
		q.ask(about, name)
	}
}

func (q *questions) network(fn *spec.Function) {
	if fn.VPC != nil {
		for _, id := range fn.VPC.Subnets {
			q.ask(AboutSubnet, id)
		}
		for _, id := range fn.VPC.SecurityGroups {
			q.ask(AboutSecurityGroup, id)
		}
	}
	for _, m := range fn.Mounts {
		q.askHere(AboutAccessPoint, m.AccessPoint)
	}
}

// destinations asks about the queue that a function takes its events from, and about what hears of its failures. What
// the file itself makes is not asked about.
func (q *questions) destinations(fn *spec.Function) {
	if fn.Queue != nil && fn.Queue.ARN != "" && !makes(q.file, q.naming.Account, fn.Queue.ARN) {
		q.askHere(AboutQueue, fn.Queue.ARN)
	}
	if about := aboutDestination(fn.OnFailure); about != "" && !makes(q.file, q.naming.Account, fn.OnFailure) {
		q.askHere(about, fn.OnFailure)
	}
}

// aboutDestination is the subject of what hears of failures; empty for a bucket, which is the plan's.
func aboutDestination(arn string) Subject {
	return map[string]Subject{"sqs": AboutQueue, "sns": AboutTopic, "events": AboutEventBus, "lambda": AboutFunction}[serviceOfARN(arn)]
}

// makes says whether the file describes the queue or function of an ARN. An account that is not known yet is the file's.
func makes(f *spec.File, account, arn string) bool {
	if whose, _ := accountOfARN(arn); account != "" && whose != account {
		return false
	}
	function, _ := FunctionOfARN(arn)
	queue, _ := QueueOfARN(arn)
	return slices.ContainsFunc(f.Functions, func(fn spec.Function) bool {
		hasQueue := fn.Queue != nil && fn.Queue.ARN == ""
		return fn.Name == function || hasQueue && (queue == QueueName(f.Project, fn.Name) || queue == DeadLetterName(f.Project, fn.Name))
	})
}

func (q *questions) secrets(fn *spec.Function) {
	for _, s := range secretsElsewhere(q.file, fn) {
		q.askHere(s.about(), s.Name)
	}
}

// buckets asks with which keys the objects of a function are encrypted.
func (q *questions) buckets(fn *spec.Function) {
	for _, use := range bucketUses(fn) {
		q.ask(AboutEncryption, use.bucket)
	}
}

// flows asks about the functions of others that the file's functions start, and about the rules for what those write.
func (q *questions) flows(live State) {
	w := newFlows(q.file, q.naming.Account, live, q.known)
	for _, node := range w.reached() {
		if !w.known[node] {
			q.ask(AboutFunction, node)
		}
		for _, wr := range w.writes[node] {
			if _, read := live[Address{KindBucket, wr.Bucket}]; !read && live != nil {
				q.ask(AboutRules, wr.Bucket)
			}
		}
	}
}

// overlaps asks whose the functions are that rules of others start, where such a rule is in the way of the file's.
func (q *questions) overlaps(live State) {
	others := foreignRules(q.file.Project, live)
	for i := range q.file.Functions {
		for _, t := range triggersOf(q.file, &q.file.Functions[i], q.naming) {
			for _, other := range others[t.Bucket] {
				if _, isFunction := FunctionOfARN(other.Target); isFunction && other.ID != t.ID && t.overlap(other) {
					q.ask(AboutFunction, unqualified(other.Target))
				}
			}
		}
	}
}

// foreignRules are the rules in a state that are not the project's, by bucket, in the order of their ids.
func foreignRules(project string, live State) map[string][]Trigger {
	rules := map[string][]Trigger{}
	for _, r := range live {
		if t, isTrigger := r.Value.(Trigger); isTrigger && r.Owner.Project != project {
			rules[t.Bucket] = append(rules[t.Bucket], t)
		}
	}
	for _, ofBucket := range rules {
		slices.SortFunc(ofBucket, func(a, b Trigger) int { return cmp.Compare(a.ID, b.ID) })
	}
	return rules
}
