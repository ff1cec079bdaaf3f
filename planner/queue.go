package planner

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
	Tags           Tags   `json:"tags"`
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
