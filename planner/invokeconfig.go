package planner

// InvokeConfig says what Lambda does about asynchronous events that a function fails on. A function for which there
// is none has Lambda's defaults, DefaultAttempts and DefaultMaxAge.
type InvokeConfig struct {
	Function  string `json:"function" plan:"replace"`
	Attempts  int    `json:"attempts"`   // retries after the first attempt, 0 to 2
	MaxAge    int    `json:"max_age"`    // seconds after which an event is given up, 60 to 21600
	OnFailure string `json:"on_failure"` // ARN of a bucket, queue, topic, event bus or function; empty: none
	OnSuccess string `json:"on_success"` // likewise; always empty in a desired value
}

// Lambda's defaults.
const (
	DefaultAttempts = 2
	DefaultMaxAge   = 21600 // s
)

// Kind implements Value.
func (InvokeConfig) Kind() Kind { return KindInvokeConfig }

func (c InvokeConfig) needs(string) []Address {
	needs := []Address{{KindFunction, c.Function}}
	if queue, found := QueueOfARN(c.OnFailure); found {
		needs = append(needs, Address{KindQueue, queue})
	}
	if bucket, found := bucketOfARN(c.OnFailure); found {
		needs = append(needs, Address{KindBucket, bucket})
	}
	return needs
}
