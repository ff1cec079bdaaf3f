// Package runs sends a function one event for each object that is already there, however many there are, and writes down
// what became of each. It is pure: what it lists, invokes, reads and writes with is given to it.
//
// A run works through pages of objects. A page is written into the run's ledger before any of its objects is sent, and its
// results once all of them have ended, so that nothing is held in memory but the few pages under way. What was sent and did not
// end before the process was killed is settled by the records that the runtime writes for each object: see [Runner.Run].
package runs

import (
	"context"
	"errors"
	"time"

	"github.com/scar-go/scar/runtime/job"
)

// Object is one object to process.
type Object struct {
	Bucket   string    `json:"bucket"`
	Key      string    `json:"key"`
	ETag     string    `json:"etag"` // without quotes
	Size     int64     `json:"size"` // bytes
	Modified time.Time `json:"modified,omitzero"`
}

// Lister finds the objects of a run, in an order that does not change.
type Lister interface {
	// List returns up to limit of the objects behind a cursor, and the cursor behind those. The first cursor is empty, and so
	// is the one behind the last object. A call may return no object and yet a cursor: the next ones follow.
	List(ctx context.Context, cursor string, limit int) (objects []Object, next string, err error)
}

// Records are what the runtime writes down about each object.
type Records interface {
	// Record returns the record of an object, nil if there is none.
	Record(ctx context.Context, o Object) (*job.Record, error)
	// Absent says of which objects there surely is no record, as far as that takes fewer calls than to read each: of the others
	// there may be one, or none.
	Absent(ctx context.Context, objects []Object) ([]bool, error)
	// Exists says whether an object is still there.
	Exists(ctx context.Context, o Object) (bool, error)
}

// Event is what is sent about an object.
type Event struct {
	Object
	Run string // its id
	// Again says that an object is to be processed even if a record says that this version of it was.
	Again bool
}

// Invoker invokes the function and waits for its end.
type Invoker interface {
	// Invoke returns the answer, or a [ThrottledError] or a [DoubtfulError]. Any other error ends the run.
	Invoke(ctx context.Context, e Event) (Answer, error)
}

// Answer is the end of an invocation.
type Answer struct {
	RequestID string
	Failed    *job.Error // nil: it succeeded
}

// Queue is the queue that the function takes its events from.
type Queue interface {
	// Send puts events into the queue. There is an error, or nil, for each of them; an error of any other type than those that
	// Invoke knows ends the run.
	Send(ctx context.Context, events []Event) []error
	// Empty says whether nothing is in the queue, received or not.
	Empty(ctx context.Context) (bool, error)
	// MaxReceives is how often a message is received before it goes to the dead-letter queue; 0: it never does.
	MaxReceives() int
}

// QueueBatch is how many events Queue.Send takes at most.
const QueueBatch = 10

// Ledger keeps the documents of a function's runs under names that are paths with slashes.
type Ledger interface {
	// Read returns a document, or ErrNotExist.
	Read(ctx context.Context, name string) (*Document, error)
	// Write stores a document. A condition that does not hold is ErrConflict.
	Write(ctx context.Context, name string, content []byte, c Condition) (version string, err error)
	// List names what is directly in a folder, which is empty or ends in a slash, in the order of bytes: documents, and
	// folders with a slash behind them.
	List(ctx context.Context, folder string) ([]string, error)
}

// Document is a document of a ledger.
type Document struct {
	Content []byte
	Version string
	Age     time.Duration // since it was written, by the clock of what keeps it
}

// Condition says when a document may be stored. The zero condition always holds.
type Condition struct {
	Absent  bool   // there is none of this name
	Version string // it is the one that there is, unless empty
}

// The errors of a Ledger.
var (
	ErrNotExist = errors.New("there is no such document")
	ErrConflict = errors.New("another wrote the document meanwhile")
)

// ThrottledError says that there was no place for an event now: nothing was sent.
type ThrottledError struct{ Err error }

func (e *ThrottledError) Error() string { return e.Err.Error() }

// Unwrap returns what the service said.
func (e *ThrottledError) Unwrap() error { return e.Err }

// DoubtfulError says that nobody knows whether an event was sent, or what became of it.
type DoubtfulError struct{ Err error }

func (e *DoubtfulError) Error() string { return e.Err.Error() }

// Unwrap returns what went wrong.
func (e *DoubtfulError) Unwrap() error { return e.Err }

// Info is what is fixed about a run when it begins.
type Info struct {
	Version  int       `json:"version"`
	ID       string    `json:"id"`
	Project  string    `json:"project"`
	Function string    `json:"function"`
	Parent   string    `json:"parent,omitempty"` // the run whose failed objects it takes
	Started  time.Time `json:"started"`
	Selection
	Again bool     `json:"again,omitempty"` // takes objects that are done, too
	Queue bool     `json:"queue,omitempty"` // through the function's queue
	From  []Source `json:"from,omitempty"`  // where the objects are; none where there is a parent
}

// Selection is which of the objects a run takes.
type Selection struct {
	Prefix    string    `json:"prefix,omitempty"`    // of the key, below the prefix of the input
	Suffix    string    `json:"suffix,omitempty"`    // of the key
	NewerThan time.Time `json:"newer_than,omitzero"` // of objects that were stored later
	Limit     int       `json:"limit,omitempty"`     // of the objects that are sent; 0: none
}

// Source is a place whose objects a run takes.
type Source struct {
	Bucket string   `json:"bucket"`
	Prefix string   `json:"prefix,omitempty"`
	Suffix []string `json:"suffix,omitempty"` // one of which the key ends in; none: whatever it ends in
}

// Status is what became of an object in a run.
type Status string

// What can become of an object.
const (
	Done    Status = "done"
	Failed  Status = "failed"
	Skipped Status = "skipped" // a record said that this version was done before it was its turn
	Gone    Status = "gone"    // it was deleted before it could be processed
	Pending Status = "pending" // not known yet
)

// Entry is what a ledger says of one object.
type Entry struct {
	Object
	Status    Status       `json:"status"`
	Attempts  int          `json:"attempts,omitempty"` // on this version of the object, those before the run too
	Sent      int          `json:"sent,omitempty"`     // how often this run sent it, as far as it knows
	Reason    string       `json:"reason,omitempty"`   // why it was sent again, skipped, or is not there
	RequestID string       `json:"request_id,omitempty"`
	Started   time.Time    `json:"started,omitzero"`     // of the last attempt
	Duration  int64        `json:"duration_ms,omitzero"` // of the last attempt
	Outputs   []job.Object `json:"outputs,omitempty"`
	Omitted   int          `json:"outputs_omitted,omitempty"` // how many more outputs the record names
	Error     *job.Error   `json:"error,omitempty"`
}

// Tally counts objects by what became of them.
type Tally struct {
	Done    int `json:"done"`
	Failed  int `json:"failed"`
	Skipped int `json:"skipped"`
	Gone    int `json:"gone"`
}

// Total is how many objects have been counted.
func (t Tally) Total() int { return t.Done + t.Failed + t.Skipped + t.Gone }

// sent is how many of the objects counted had to be sent.
func (t Tally) sent() int { return t.Done + t.Failed + t.Gone }

func (t *Tally) count(s Status) {
	switch s {
	case Done:
		t.Done++
	case Failed:
		t.Failed++
	case Skipped:
		t.Skipped++
	case Gone:
		t.Gone++
	}
}

func (t *Tally) add(other Tally) {
	t.Done += other.Done
	t.Failed += other.Failed
	t.Skipped += other.Skipped
	t.Gone += other.Gone
}
