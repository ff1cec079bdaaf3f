package lambda

import (
	"log/slog"
	"runtime"
	"slices"
	"time"

	"github.com/scar-go/scar/local/clock"
	"github.com/scar-go/scar/local/store"
)

// Config is what a Service needs. DB, Clock, Account, Region, Endpoint, Roles, Images, Logs and Cache
// must be given. What a missing neighbour would do is refused by name. New uses all of them at once, since events and
// messages may wait from before.
type Config struct {
	DB       *store.DB
	Clock    clock.Clock
	Account  string        // twelve digits
	Region   string        // such as us-east-1
	Endpoint func() string // URL of the backend, the functions' AWS_ENDPOINT_URL
	Roles    Roles
	Images   Images
	Logs     Logs
	Cache    string // folder for unpacked images, made when the first function starts

	Authorizer   Authorizer   // nil: no right is checked, and no signed request of a function URL accepted
	Queues       Queues       // of event source mappings
	Destinations Destinations // of asynchronous invocations
	Networks     Networks     // for functions in a VPC
	FileSystems  FileSystems  // for functions with a file system

	// RetryDelays are waited before each retry of an asynchronous event; nil: one and two minutes, as Lambda. A function whose
	// settings ask for more retries waits the last one again. If all are zero, messages that a function failed on are visible
	// again at once, too.
	RetryDelays []time.Duration
	// Concurrency is how many instances work at the same time; 0: as many as the machine has CPUs, two at least. Up to three times as many
	// do if they are called by those that wait for them, such as other functions.
	Concurrency int
	IdleTimeout time.Duration // how long an idle instance is kept; 0: five minutes
	Settle      Settle
	OnDone      func(Invocation) // called after each invocation; may be nil; must not block for long
	OnThrottle  func(string)     // called with the name of a function that had no place for an invocation; likewise
	OnURL       func(URL)        // called with each function URL that is made; likewise
	Log         *slog.Logger     // what goes wrong behind the scenes; nil: nothing is logged
}

// Settle is how long a created function is Pending, and an updated one InProgress: until as many
// reads have been answered, and until as much time has passed. Event source mappings take as long.
type Settle struct {
	Reads int
	Delay time.Duration
}

// Invocation is one finished invocation: for asynchronous events, one attempt; for a queue, one batch.
type Invocation struct {
	Function     string
	RequestID    string
	Payload      []byte
	Source       string // ARN of what the event comes from, such as a bucket, a schedule or a queue; empty: a caller
	Async        bool
	Attempt      int  // from 1; of a batch, how often the message that was received most often has been
	Final        bool // there is no further attempt; always false for a failed batch, since the queue decides
	ErrorType    string
	ErrorMessage string // empty if the invocation succeeded
	Response     []byte
	Duration     time.Duration
	LogTail      string // the last 4 KB of the log of this invocation

	Messages         []Message // of a batch from a queue, in its order
	Destination      string    // ARN of what was told of a final outcome; empty: nothing was to be
	DestinationError string    // why it could not be told; empty: it was
}

// Message is one message of a batch.
type Message struct {
	ID      string
	Attempt int  // how often it has been received, from 1
	Failed  bool // it stays in the queue
}

// Failed says whether the invocation ended with an error. The invocation of a batch succeeds with messages that failed.
func (i Invocation) Failed() bool { return i.ErrorType != "" || i.ErrorMessage != "" }

// Unrun says whether the function never got the event: it was given up before, or the backend could not run it. A function that
// fails answers with its error.
func (i Invocation) Unrun() bool { return i.Failed() && i.Response == nil }

const defaultIdleTimeout = 5 * time.Minute

func (c Config) withDefaults() Config {
	if c.RetryDelays == nil {
		c.RetryDelays = []time.Duration{time.Minute, 2 * time.Minute}
	}
	if c.Concurrency == 0 {
		c.Concurrency = max(2, runtime.NumCPU())
	}
	if c.IdleTimeout == 0 {
		c.IdleTimeout = defaultIdleTimeout
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.OnDone == nil {
		c.OnDone = func(Invocation) {}
	}
	if c.OnThrottle == nil {
		c.OnThrottle = func(string) {}
	}
	if c.OnURL == nil {
		c.OnURL = func(URL) {}
	}
	return c
}

// redelivers says whether failed messages come back at once.
func (c Config) redelivers() bool {
	return !slices.ContainsFunc(c.RetryDelays, func(d time.Duration) bool { return d > 0 })
}

// retryDelay is how long an event waits after an attempt; failed is how many failed before.
func (c Config) retryDelay(failed int) time.Duration {
	if len(c.RetryDelays) == 0 {
		return 0
	}
	return c.RetryDelays[min(failed, len(c.RetryDelays)-1)]
}
