package planner

import (
	"strings"

	"github.com/scar-go/scar/spec"
)

// InvokeConfig says what Lambda does about asynchronous events that a function fails on. A function for which there
// is none has Lambda's defaults, DefaultAttempts and DefaultMaxAge.
type InvokeConfig struct {
	Function  string `json:"function" plan:"replace"`
	Attempts  int    `json:"attempts" plan:"none=-1"` // retries after the first attempt, 0 to 2
	MaxAge    int    `json:"max_age"`                 // seconds after which an event is given up, 60 to 21600
	OnFailure string `json:"on_failure"`              // ARN of a bucket, queue, topic, event bus or function; empty: none
	OnSuccess string `json:"on_success"`              // likewise; always empty in a desired value
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
	if function, found := FunctionOfARN(c.OnFailure); found && function != c.Function {
		needs = append(needs, Address{KindFunction, function})
	}
	return needs
}

// invokeConfig is there only where something differs from what Lambda does by itself.
func (d *desire) invokeConfig(fn *spec.Function) {
	c := InvokeConfig{Function: fn.Name, Attempts: fn.Retries.Attempts, MaxAge: fn.Retries.MaxAge, OnFailure: failureARN(fn, d.env.Naming)}
	if c != (InvokeConfig{Function: fn.Name, Attempts: DefaultAttempts, MaxAge: DefaultMaxAge}) {
		d.add(fn, c, fn.Name)
	}
}

// failureARN is the ARN of what Lambda tells of the events that a function fails on; empty: nothing.
func failureARN(fn *spec.Function, naming Naming) string {
	if bucket, isURL := strings.CutPrefix(fn.OnFailure, "s3://"); isURL {
		return naming.BucketARN(strings.TrimSuffix(bucket, "/"))
	}
	return fn.OnFailure
}

// failureBucket is the bucket that Lambda puts a document into for each event that a function fails on.
func failureBucket(fn *spec.Function) (name string, found bool) {
	return bucketOfARN(failureARN(fn, Naming{}))
}

// failurePrefix is where in the bucket Lambda puts them (Lambda developer guide, "Capturing records of Lambda
// asynchronous invocations").
func failurePrefix(function string) string { return "aws/lambda/async/" + function + "/" }
