package planner

import "github.com/scar-go/scar/spec"

// Queue is an SQS queue: one between buckets and a function, or one that keeps what a function could not process.
type Queue struct {
	Name              string `json:"name" plan:"replace"`
	VisibilityTimeout int    `json:"visibility_timeout"` // seconds that a received message is hidden from others
	Retention         int    `json:"retention"`          // seconds after which SQS drops a message
	MaxReceives       int    `json:"max_receives"`       // after which a message goes to DeadLetter; 0: never
	DeadLetter        string `json:"dead_letter"`        // ARN of a queue; empty: none
	Encrypted         bool   `json:"encrypted"`          // with keys that SQS manages
	Policy            Policy `json:"policy"`             // who may send
	Tags              Tags   `json:"tags"`
}

// Kind implements Value.
func (Queue) Kind() Kind { return KindQueue }

func (q Queue) needs(string) []Address {
	if dead, found := QueueOfARN(q.DeadLetter); found {
		return []Address{{KindQueue, dead}}
	}
	return nil
}

// EventSource is a mapping by which Lambda takes messages from a queue and gives them to a function. AWS alone knows
// its id; it is found by its function, its queue and its tags.
type EventSource struct {
	Function       string `json:"function" plan:"replace"`
	Queue          string `json:"queue" plan:"replace"` // ARN
	BatchSize      int    `json:"batch_size"`           // messages in one invocation
	MaxConcurrency int    `json:"max_concurrency"`      // invocations at a time; 0: as many as Lambda likes
	ReportFailures bool   `json:"report_failures"`      // the function answers which messages of a batch failed
	Enabled        bool   `json:"enabled"`

	// What a queue's messages do not need, and what keeps them from the function when it is set by hand. Both are empty in
	// a desired value.
	Filters        []string `json:"filters"`         // patterns, sorted; Lambda deletes messages that match none
	BatchingWindow int      `json:"batching_window"` // seconds for which Lambda gathers messages

	Tags Tags `json:"tags"`
}

// Kind implements Value.
func (EventSource) Kind() Kind { return KindEventSource }

func (e EventSource) needs(string) []Address {
	needs := []Address{{KindFunction, e.Function}}
	if queue, found := QueueOfARN(e.Queue); found {
		needs = append(needs, Address{KindQueue, queue})
	}
	return needs
}

// What scar's queues are set to.
const (
	maxVisibility    = 43200 // s, SQS's limit
	queueRetention   = 4 * 24 * 3600
	deadRetention    = 14 * 24 * 3600 // s, SQS's limit: what is in it waits for a person
	deadVisibility   = 30             // s, SQS's default
	visibilityFactor = 6              // what Lambda asks for, in timeouts of the function (Lambda developer guide, "Using Lambda with Amazon SQS")
)

// queue makes the queue between a function's buckets and the function, and the one for what the function cannot process.
func (d *desire) queue(fn *spec.Function) {
	if fn.Queue == nil || fn.Queue.ARN != "" {
		return
	}
	name, dead := QueueName(d.file.Project, fn.Name), DeadLetterName(d.file.Project, fn.Name)
	d.add(fn, Queue{
		Name: dead, VisibilityTimeout: deadVisibility, Retention: deadRetention, Encrypted: true, Tags: d.tags(fn),
	}, dead)
	d.add(fn, Queue{
		Name:              name,
		VisibilityTimeout: min(visibilityFactor*fn.Timeout, maxVisibility),
		Retention:         queueRetention,
		MaxReceives:       fn.Queue.Attempts,
		DeadLetter:        d.env.QueueARN(dead),
		Encrypted:         true,
		Policy:            d.fromBuckets(fn, name),
		Tags:              d.tags(fn),
	}, name)
}

// fromBuckets lets the function's own buckets, and no others, send to its queue.
func (d *desire) fromBuckets(fn *spec.Function, queue string) Policy {
	var buckets StringList
	for _, in := range fn.Inputs {
		if spec.IsOwnS3(in.Provider) {
			buckets = append(buckets, d.env.BucketARN(in.Bucket))
		}
	}
	if len(buckets) == 0 {
		return Policy{}
	}
	return Policy{Version: policyVersion, Statements: []Statement{{
		Sid:       "FromBuckets",
		Effect:    "Allow",
		Principal: StringLists{"Service": {ServicePrincipal("s3")}},
		Action:    StringList{"sqs:SendMessage"},
		Resource:  StringList{d.env.QueueARN(queue)},
		Condition: Conditions{
			"ArnEquals":    {"aws:SourceArn": sortedList(buckets)},
			"StringEquals": {"aws:SourceAccount": {d.env.Account}},
		},
	}}}
}

// queueARN is the ARN of the queue that a function takes its events from, empty where there is none.
func queueARN(project string, fn *spec.Function, naming Naming) string {
	switch {
	case fn.Queue == nil:
		return ""
	case fn.Queue.ARN != "":
		return fn.Queue.ARN
	default:
		return naming.QueueARN(QueueName(project, fn.Name))
	}
}

func (d *desire) eventSource(fn *spec.Function) {
	arn := queueARN(d.file.Project, fn, d.env.Naming)
	name, found := QueueOfARN(arn)
	if !found {
		return
	}
	d.add(fn, EventSource{
		Function:       fn.Name,
		Queue:          arn,
		BatchSize:      fn.Queue.BatchSize,
		MaxConcurrency: fn.Queue.MaxConcurrency,
		ReportFailures: true, // the runtime says which messages of a batch failed
		Enabled:        true,
		Tags:           d.tags(fn),
	}, fn.Name+"/"+name)
}
