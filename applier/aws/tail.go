package aws

import (
	"context"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
)

// LogClient is what Tail needs of CloudWatch Logs.
type LogClient = cloudwatchlogs.FilterLogEventsAPIClient

// TailOptions say which events Tail reads.
type TailOptions struct {
	Since   time.Time     // of the first event; zero: from the beginning
	Until   time.Time     // of the last event; zero: to the end. Only without Follow
	Follow  bool          // wait for new events until the context ends
	Filter  string        // a filter pattern of CloudWatch Logs; empty: every event
	Streams LogStreams    // those that are read
	Pause   time.Duration // between two looks at the log; 0 means two seconds
}

// LogEvent is one entry of a log.
type LogEvent struct {
	Time    time.Time
	Stream  string
	Message string // as it was written, usually with a line feed at its end
}

const (
	defaultTailPause = 2 * time.Second

	// lateness is how long after its time an event may become visible: the streams of a group are
	// filled independently. What was shown is remembered for as long.
	lateness = 30 * time.Second
)

// Tail reads the events of a log group in the order in which CloudWatch Logs answers them and calls
// emit for each, once. Without Follow it ends with the last one; with Follow it ends with the context,
// or with an error of emit. A log group that does not exist is an [AbsentLogGroupError].
func Tail(ctx context.Context, client LogClient, group string, opts TailOptions, emit func(LogEvent) error) error {
	if opts.Pause <= 0 {
		opts.Pause = defaultTailPause
	}
	t := &tail{client: client, group: group, opts: opts, emit: emit, seen: map[string]int64{}}
	if !opts.Since.IsZero() {
		t.from = opts.Since.UnixMilli()
	}
	for {
		if err := t.look(ctx); err != nil || !opts.Follow {
			return err
		}
		if err := sleep(ctx, opts.Pause); err != nil {
			return err
		}
	}
}

// tail is one Tail under way. Times are in milliseconds since 1970.
type tail struct {
	client LogClient
	group  string
	opts   TailOptions
	emit   func(LogEvent) error

	from int64            // where the next look begins
	last int64            // the latest time of an event so far
	seen map[string]int64 // time by id, of the events that the next look may find again
}

// look emits all events that are new since the last look.
func (t *tail) look(ctx context.Context) error {
	in := &cloudwatchlogs.FilterLogEventsInput{LogGroupName: &t.group}
	if t.from > 0 {
		in.StartTime = &t.from
	}
	if !t.opts.Until.IsZero() {
		in.EndTime = ptr(t.opts.Until.UnixMilli())
	}
	if t.opts.Filter != "" {
		in.FilterPattern = &t.opts.Filter
	}
	in.LogStreamNames = t.opts.Streams.Names
	if t.opts.Streams.Prefix != "" {
		in.LogStreamNamePrefix = &t.opts.Streams.Prefix
	}
	pages := cloudwatchlogs.NewFilterLogEventsPaginator(t.client, in)
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return logError(t.group, err)
		}
		for _, e := range page.Events {
			if err := t.show(e); err != nil {
				return err
			}
		}
		t.forget()
	}
	t.from = t.next()
	return nil
}

func (t *tail) show(e types.FilteredLogEvent) error {
	id, at := deref(e.EventId), deref(e.Timestamp)
	if _, shown := t.seen[id]; shown {
		return nil
	}
	t.seen[id] = at
	t.last = max(t.last, at)
	return t.emit(LogEvent{Time: time.UnixMilli(at), Stream: deref(e.LogStreamName), Message: deref(e.Message)})
}

// next is where the look after this one begins.
func (t *tail) next() int64 { return max(t.from, t.last-lateness.Milliseconds()) }

// forget drops what the next look cannot find again. A look may read the logs of years.
func (t *tail) forget() {
	for id, at := range t.seen {
		if at < t.next() {
			delete(t.seen, id)
		}
	}
}
