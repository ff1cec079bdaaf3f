package aws

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
)

func TestRequestLines(t *testing.T) {
	lines := &RequestLines{}
	for _, l := range []struct {
		stream, message, id string
		last                bool
	}{
		{"a", "a line before all\n", "", false},
		{"a", "START RequestId: r1 Version: $LATEST\n", "r1", false},
		{"b", "START RequestId: r2 Version: $LATEST\n", "r2", false},
		{"a", "of one\n", "r1", false},
		{"b", `{"time":"now","level":"INFO","message":"of two","requestId":"r1"}`, "r2", false},
		{"a", "2026-01-02T03:04:05.678Z r1 Task timed out after 3.00 seconds\n", "r1", false},
		{"a", "I say that: Task timed out after lunch\n", "r1", false},
		{"a", "END RequestId: r1\n", "r1", false},
		{"a", "REPORT RequestId: r1\tDuration: 3.23 ms\n", "r1", true},
		{"a", "between\n", "", false},
		{"a", "START RequestId: r3 Version: $LATEST\n", "r3", false},
		{"a", "of three\n", "r3", false},
		{"b", "REPORT RequestId: r2\tDuration: 1 ms\n", "r2", true},
		{"b", "2026-01-02T03:04:05.678Z r2 Task timed out after 3.00 seconds\n", "r2", false},
		{"c", `{"time":"now","type":"platform.start","record":{"requestId":"r4","version":"$LATEST"}}`, "r4", false},
		{"c", `{"time":"now","level":"INFO","message":"x","requestId":"r4"}`, "r4", false},
		{"c", `{"time":"now","type":"platform.report","record":{"requestId":"r4"}}`, "r4", true},
		{"d", `{"time":"now","level":"INFO","message":"x","requestId":"r5"}`, "r5", false}, // of a log without Lambda's own lines
		{"d", `{"requestId":"r6"}`, "", false},
	} {
		id, last := lines.Of(LogEvent{Stream: l.stream, Message: l.message})
		if id != l.id || last != l.last {
			t.Errorf("%s: %q: %q, %v", l.stream, l.message, id, last)
		}
	}
}

func FuzzRequestLines(f *testing.F) {
	for _, seed := range []string{"START RequestId: ", "END RequestId: a\tb", "REPORT RequestId: a b", "x y Task timed out after 1", `{"type":"platform.report"}`, "{", ""} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, message string) {
		lines := &RequestLines{}
		lines.Of(LogEvent{Message: "START RequestId: first Version: 1"})
		id, last := lines.Of(LogEvent{Message: message})
		if strings.ContainsAny(id, "\n") && !strings.HasPrefix(message, "{") {
			t.Errorf("%q is an id", id)
		}
		if again, _ := lines.Of(LogEvent{Message: "text"}); last && again != "" {
			t.Errorf("%q ends a request, and %q goes on", message, again)
		}
	})
}

// writtenLog is a log group in memory. FilterLogEvents answers pages of two events, in the order of their times.
type writtenLog struct {
	events []LogEvent
	asked  []cloudwatchlogs.FilterLogEventsInput
}

func (w *writtenLog) FilterLogEvents(_ context.Context, in *cloudwatchlogs.FilterLogEventsInput, _ ...func(*cloudwatchlogs.Options)) (*cloudwatchlogs.FilterLogEventsOutput, error) {
	const page = 2
	from, _ := strconv.Atoi(deref(in.NextToken)) // the first has no token
	if from == 0 {
		w.asked = append(w.asked, *in)
	}
	out := &cloudwatchlogs.FilterLogEventsOutput{}
	for i, e := range w.events[from:] {
		at := e.Time.UnixMilli()
		wanted := at >= deref(in.StartTime) && (in.EndTime == nil || at <= *in.EndTime) &&
			(len(in.LogStreamNames) == 0 || slices.Contains(in.LogStreamNames, e.Stream)) &&
			strings.Contains(e.Message, strings.Trim(deref(in.FilterPattern), `"`))
		if !wanted {
			continue
		}
		if len(out.Events) == page {
			out.NextToken = ptr(strconv.Itoa(from + i))
			break
		}
		out.Events = append(out.Events, types.FilteredLogEvent{EventId: ptr(strconv.Itoa(from + i)), Timestamp: &at, LogStreamName: &e.Stream, Message: &e.Message})
	}
	return out, nil
}

// DescribeLogStreams answers pages of one stream.
func (w *writtenLog) DescribeLogStreams(_ context.Context, in *cloudwatchlogs.DescribeLogStreamsInput, _ ...func(*cloudwatchlogs.Options)) (*cloudwatchlogs.DescribeLogStreamsOutput, error) {
	var names []string
	for _, e := range slices.Backward(w.events) {
		if strings.HasPrefix(e.Stream, deref(in.LogStreamNamePrefix)) && !slices.Contains(names, e.Stream) {
			names = append(names, e.Stream)
		}
	}
	from, _ := strconv.Atoi(deref(in.NextToken)) // the first has no token
	out := &cloudwatchlogs.DescribeLogStreamsOutput{}
	if from < len(names) {
		out.LogStreams = []types.LogStream{{LogStreamName: &names[from]}}
	}
	if from+1 < len(names) {
		out.NextToken = ptr(strconv.Itoa(from + 1))
	}
	return out, nil
}

// TestTailRequest reads a request with two attempts, hours apart, among others that mention it.
func TestTailRequest(t *testing.T) {
	now := time.Now()
	log := &writtenLog{}
	write := func(ago time.Duration, stream string, messages ...string) {
		for _, m := range messages {
			log.events = append(log.events, LogEvent{Time: now.Add(-ago), Stream: stream, Message: m})
		}
	}
	write(26*time.Hour, "a", "START RequestId: r0 Version: 1", "old", "REPORT RequestId: r0")
	write(20*time.Hour, "a", "START RequestId: r1 Version: 1", "one of r1", "two of r1", "REPORT RequestId: r1", "START RequestId: r2 Version: 1")
	write(19*time.Hour, "a", "r2 waits for r1", "REPORT RequestId: r2")
	write(18*time.Hour, "b", "START RequestId: r3 Version: 1", "of r3")
	write(17*time.Hour, "c", "START RequestId: r1 Version: 1")
	write(16*time.Hour, "b", "of r3 too, about r1", "REPORT RequestId: r3")
	write(16*time.Hour, "c", "r1 again")
	read := func(id string, opts TailOptions) (string, error) {
		var b strings.Builder
		err := TailRequest(t.Context(), log, "g", id, opts, func(e LogEvent) error {
			fmt.Fprintf(&b, "%s:%s ", e.Stream, e.Message)
			return nil
		})
		return b.String(), err
	}
	for id, want := range map[string]string{
		"r0": "a:START RequestId: r0 Version: 1 a:old a:REPORT RequestId: r0 ",
		"r1": "a:START RequestId: r1 Version: 1 a:one of r1 a:two of r1 a:REPORT RequestId: r1 c:START RequestId: r1 Version: 1 c:r1 again ",
		"r2": "a:START RequestId: r2 Version: 1 a:r2 waits for r1 a:REPORT RequestId: r2 ",
		"r3": "b:START RequestId: r3 Version: 1 b:of r3 b:of r3 too, about r1 b:REPORT RequestId: r3 ",
	} {
		if got, err := read(id, TailOptions{}); err != nil || got != want {
			t.Errorf("%s: %v\n%s", id, err, got)
		}
	}
	if got, err := read("r1", TailOptions{Since: now.Add(-17*time.Hour - time.Minute)}); err != nil || !strings.HasPrefix(got, "c:START") {
		t.Errorf("since: %v, %s", err, got)
	}
	if got, err := read("r9", TailOptions{}); err == nil || got != "" || !strings.Contains(err.Error(), "has nothing of request r9: has it begun?") {
		t.Errorf("unknown: %v, %s", err, got)
	}
	if _, err := read("r0", TailOptions{Since: now.Add(-time.Hour)}); err == nil || !strings.Contains(err.Error(), "has nothing of request r0 since 2") {
		t.Errorf("too late: %v", err)
	}
	log.asked = nil
	if _, err := read("r2", TailOptions{}); err != nil || len(log.asked) != 3 || log.asked[2].EndTime == nil || !slices.Equal(log.asked[2].LogStreamNames, []string{"a"}) {
		t.Errorf("%v: asked %d times, the last about %v", err, len(log.asked), log.asked[len(log.asked)-1])
	}
}

func TestFindLogStreams(t *testing.T) {
	log := &writtenLog{}
	for _, stream := range []string{"2026/01/30/[$LATEST]0a1b", "2026/01/31/[$LATEST]2c3d", "2026/01/31/[$LATEST]4e5f"} {
		log.events = append(log.events, LogEvent{Stream: stream})
	}
	for text, want := range map[string]LogStreams{
		"2026/01/31/[$LATEST]2c3d": {Names: []string{"2026/01/31/[$LATEST]2c3d"}},
		"2026/01/31":               {Prefix: "2026/01/31"},
		"0a1b":                     {Names: []string{"2026/01/30/[$LATEST]0a1b"}},
		"31/[$LATEST]":             {Names: []string{"2026/01/31/[$LATEST]4e5f"}}, // of the page that has one first
	} {
		got, err := FindLogStreams(t.Context(), log, "g", text)
		if err != nil || got.Prefix != want.Prefix || !slices.Equal(got.Names, want.Names) {
			t.Errorf("%s: %v, %v", text, got, err)
		}
	}
	_, err := FindLogStreams(t.Context(), log, "g", "6a7b")
	if err == nil || !strings.Contains(err.Error(), `no stream "6a7b"; the last that were written to are 2026/01/31/[$LATEST]4e5f, 2026/01/31/[$LATEST]2c3d`) {
		t.Error(err)
	}
	if _, err := FindLogStreams(t.Context(), &writtenLog{}, "g", "x"); err == nil || err.Error() != "the log group g has no streams yet" {
		t.Error(err)
	}
}
