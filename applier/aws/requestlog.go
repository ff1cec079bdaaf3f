package aws

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

// RequestLines tells which request the lines of a function's log are of. A stream is written by one instance of the function,
// which serves one request at a time, so that what stands between the lines by which Lambda begins and ends a request is of
// it. Its zero value is ready for the first line of a log.
type RequestLines struct {
	current map[string]string // id of the request under way, by stream
}

// Of returns the id of the request that a line is of, empty if it is of none, and whether it is the last of it. Lines of a
// stream must come in their order.
func (r *RequestLines) Of(e LogEvent) (id string, last bool) {
	if r.current == nil {
		r.current = map[string]string{}
	}
	mark, id := readMark(e.Message)
	switch {
	case mark == markStart:
		r.current[e.Stream] = id
	case mark == markReport:
		delete(r.current, e.Stream)
	case mark == markNone && r.current[e.Stream] != "":
		id = r.current[e.Stream]
	}
	return id, mark == markReport
}

// mark is what a line says of a request.
type mark int

const (
	markNone   mark = iota // nothing; the line may still name the request that it is of
	markStart              // that it begins
	markWithin             // something of Lambda's own about it
	markReport             // what it took, which is the last
)

// textMarks begin the lines that Lambda writes about a request into a log of text (developer guide, "Understanding Lambda log
// formats"), before its id.
var textMarks = []struct {
	prefix string
	mark   mark
}{
	{"START RequestId: ", markStart}, {"END RequestId: ", markWithin}, {"REPORT RequestId: ", markReport},
}

// readMark reads a line by itself. In a log of JSON, every line names its request.
func readMark(message string) (mark, string) {
	for _, m := range textMarks {
		if rest, found := strings.CutPrefix(message, m.prefix); found {
			id, _, _ := strings.Cut(strings.TrimSpace(rest), " ")
			id, _, _ = strings.Cut(id, "\t")
			return m.mark, id
		}
	}
	if before, _, found := strings.Cut(message, " Task timed out after "); found {
		if _, id, two := strings.Cut(before, " "); two && !strings.Contains(id, " ") {
			return markWithin, id
		}
	}
	if strings.HasPrefix(message, "{") {
		return readJSONMark(message)
	}
	return markNone, ""
}

func readJSONMark(message string) (mark, string) {
	var line struct {
		Type   string
		Record struct{ RequestID string }

		Time, Level, Message *string // of the runtime's lines
		RequestID            string
	}
	if json.Unmarshal([]byte(message), &line) != nil {
		return markNone, ""
	}
	switch {
	case line.Type == "platform.start":
		return markStart, line.Record.RequestID
	case line.Type == "platform.report":
		return markReport, line.Record.RequestID
	case strings.HasPrefix(line.Type, "platform.") && line.Record.RequestID != "":
		return markWithin, line.Record.RequestID
	case line.Time != nil && line.Level != nil && line.Message != nil:
		return markNone, line.RequestID
	}
	return markNone, ""
}

const (
	// longestRequest is how long before its last line a request may have begun, whose beginning is not found: the longest
	// timeout of Lambda and a minute for an image to start.
	longestRequest = 16 * time.Minute

	// longestEvent is how long after its first attempt an asynchronous event may be tried again (developer guide,
	// "Asynchronous invocation").
	longestEvent = 6 * time.Hour

	// recent is how far back is looked first. The whole of a log may be years.
	recent = 24 * time.Hour
)

// TailRequest is Tail for the lines of one request, all of its attempts. Without opts.Since the last day is looked at, and
// where it has nothing of the request, all of the log. That there is nothing is an error, but with Follow.
func TailRequest(ctx context.Context, client LogClient, group, id string, opts TailOptions, emit func(LogEvent) error) error {
	lines := &RequestLines{}
	only := func(e LogEvent) error {
		if of, _ := lines.Of(e); of != id {
			return nil
		}
		return emit(e)
	}
	if opts.Follow {
		if opts.Since.IsZero() {
			opts.Since = time.Now().Add(-longestRequest)
		}
		return Tail(ctx, client, group, opts, only)
	}
	spans, err := findRequest(ctx, client, group, id, opts)
	if err != nil {
		return err
	}
	for _, s := range spans {
		whole := TailOptions{Since: s.from(), Until: s.to(), Streams: LogStreams{Names: []string{s.stream}}}
		if err := Tail(ctx, client, group, whole, only); err != nil {
			return err
		}
	}
	return nil
}

// span is the part of a stream in which the lines of a request are.
type span struct {
	stream         string
	first, last    time.Time // line that names the request
	started, ended bool      // the first is its beginning, the last its end
}

func (s *span) from() time.Time {
	if s.started {
		return s.first
	}
	return s.first.Add(-longestRequest)
}

func (s *span) to() time.Time {
	if s.ended {
		return s.last
	}
	return time.Time{}
}

// findRequest finds the streams that have lines of a request, in the order of its attempts.
func findRequest(ctx context.Context, client LogClient, group, id string, opts TailOptions) ([]*span, error) {
	if !opts.Since.IsZero() {
		spans, err := marks(ctx, client, group, id, opts)
		if err == nil && len(spans) == 0 {
			err = fmt.Errorf("the log group %s has nothing of request %s since %s: without --since, all of it is looked at", group, id, opts.Since.UTC().Format(time.RFC3339))
		}
		return spans, err
	}
	opts.Since = time.Now().Add(-recent)
	spans, err := marks(ctx, client, group, id, opts)
	if err != nil {
		return nil, err
	}
	if len(spans) > 0 && spans[0].first.After(opts.Since.Add(longestEvent)) {
		return spans, nil
	}
	opts.Since = time.Time{}
	if spans, err = marks(ctx, client, group, id, opts); err != nil {
		return nil, err
	}
	if len(spans) == 0 {
		return nil, fmt.Errorf("the log group %s has nothing of request %s: has it begun? A line takes some seconds to be readable; --follow waits for it", group, id)
	}
	return spans, nil
}

// marks finds the lines that name a request as the one that they are of. Others may mention it.
func marks(ctx context.Context, client LogClient, group, id string, opts TailOptions) ([]*span, error) {
	found := map[string]*span{}
	opts.Filter = strconv.Quote(id)
	err := Tail(ctx, client, group, opts, func(e LogEvent) error {
		mark, of := readMark(e.Message)
		if of != id {
			return nil
		}
		s := found[e.Stream]
		if s == nil {
			s = &span{stream: e.Stream, first: e.Time, started: mark == markStart}
			found[e.Stream] = s
		}
		s.last, s.ended = e.Time, mark == markReport
		return nil
	})
	return slices.SortedFunc(maps.Values(found), func(a, b *span) int { return a.first.Compare(b.first) }), err
}
