package logs

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/scar-go/scar/local/clock"
	"github.com/scar-go/scar/local/store"
	"github.com/scar-go/scar/local/wire"
)

func newService(t testing.TB, c clock.Clock) *Service {
	t.Helper()
	db, err := store.Open(filepath.Join(t.TempDir(), "state"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	s, err := New(Config{DB: db, Clock: c, Account: "000000000000", Region: "us-east-1"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.createLogGroup(context.Background(), createLogGroupInput{LogGroupName: "g"}); err != nil {
		t.Fatal(err)
	}
	return s
}

func messages(t *testing.T, s *Service, in filterLogEventsInput) []string {
	t.Helper()
	in.LogGroupName = "g"
	out, err := s.filterLogEvents(context.Background(), in)
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, e := range out.Events {
		all = append(all, e.Message)
	}
	return all
}

func TestEventsOfTheSameTimeKeepTheirOrder(t *testing.T) {
	s := newService(t, clock.Real{})
	var want []string
	for batch := range 3 {
		var events []Event
		for i := range 100 {
			m := fmt.Sprintf("%d-%d", batch, i)
			want = append(want, m)
			events = append(events, Event{1000, m})
		}
		if err := s.Append(context.Background(), "g", fmt.Sprint(batch), events); err != nil {
			t.Fatal(err)
		}
	}
	if got := messages(t, s, filterLogEventsInput{}); !slices.Equal(got, want) {
		t.Errorf("got %v", got)
	}
}

func TestRetention(t *testing.T) {
	ctx := context.Background()
	start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	now := clock.NewVirtual(start)
	s := newService(t, now)
	if _, err := s.putRetentionPolicy(ctx, putRetentionPolicyInput{"g", 1}); err != nil {
		t.Fatal(err)
	}
	add := func(message string) {
		t.Helper()
		if err := s.Append(ctx, "g", "s", []Event{{now.Now().UnixMilli(), message}}); err != nil {
			t.Fatal(err)
		}
	}
	add("old")
	now.Advance(20 * time.Hour)
	add("young")
	now.Advance(5 * time.Hour)
	if got := messages(t, s, filterLogEventsInput{}); !slices.Equal(got, []string{"young"}) {
		t.Errorf("after a day: %v", got)
	}
	out, err := s.getLogEvents(ctx, getLogEventsInput{LogGroupName: "g", LogStreamName: "s", StartFromHead: true})
	if err != nil || len(out.Events) != 1 {
		t.Errorf("after a day: %v %v", out.Events, err)
	}
	add("new")
	described, err := s.describeLogGroups(ctx, describeLogGroupsInput{})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := described.LogGroups[0].StoredBytes, int64(len("young")+len("new")+2*eventOverhead); got != want {
		t.Errorf("%d bytes are stored, want %d: what has expired is not gone", got, want)
	}
}

func TestDeletedStreamTakesItsEventsAlong(t *testing.T) {
	ctx := context.Background()
	s := newService(t, clock.Real{})
	for _, name := range []string{"a", "b"} {
		if err := s.Append(ctx, "g", name, []Event{{1, name + "1"}, {2, name + "2"}}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := s.deleteLogStream(ctx, streamInput{"g", "a"}); err != nil {
		t.Fatal(err)
	}
	if got := messages(t, s, filterLogEventsInput{}); !slices.Equal(got, []string{"b1", "b2"}) {
		t.Errorf("left: %v", got)
	}
}

func TestAppendNeedsTheGroup(t *testing.T) {
	s := newService(t, clock.Real{})
	err := s.Append(context.Background(), "absent", "s", []Event{{1, "m"}})
	var e *wire.Error
	if !errors.As(err, &e) || e.Code != "ResourceNotFoundException" {
		t.Errorf("got %v", err)
	}
	for name, want := range map[string]bool{"g": true, "absent": false} {
		if found, err := s.Exists(name); err != nil || found != want {
			t.Errorf("Exists(%s) = %v %v", name, found, err)
		}
	}
}

func TestPutLogEventsRejects(t *testing.T) {
	ctx := context.Background()
	now := clock.NewVirtual(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC))
	s := newService(t, now)
	if _, err := s.createLogStream(ctx, streamInput{"g", "s"}); err != nil {
		t.Fatal(err)
	}
	at := func(d time.Duration) int64 { return now.Now().Add(d).UnixMilli() }
	day := 24 * time.Hour
	out, err := s.putLogEvents(ctx, putLogEventsInput{"g", "s", []Event{
		{at(-20 * day), "old"}, {at(-15 * day), "old"}, {at(-day), "kept"}, {at(0), "kept"}, {at(3 * time.Hour), "new"}}})
	if err != nil {
		t.Fatal(err)
	}
	r := out.RejectedLogEventsInfo
	if r == nil || *r.TooOldLogEventEndIndex != 2 || *r.TooNewLogEventStartIndex != 4 {
		t.Errorf("rejected %+v", r)
	}
	if got := messages(t, s, filterLogEventsInput{}); len(got) != 2 {
		t.Errorf("kept %v", got)
	}
	for name, events := range map[string][]Event{
		"none":      {},
		"empty":     {{at(0), ""}},
		"too large": {{at(0), strings.Repeat("x", maxBatchBytes)}},
		"negative":  {{-1, "x"}},
	} {
		if _, err := s.putLogEvents(ctx, putLogEventsInput{"g", "s", events}); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

func TestTokensThatAreNone(t *testing.T) {
	ctx := context.Background()
	s := newService(t, clock.Real{})
	if err := s.Append(ctx, "g", "s", []Event{{1, "m"}}); err != nil {
		t.Fatal(err)
	}
	for _, token := range []string{"x", "f/", "f/zz", "b/" + strings.Repeat("0", 30), "q/" + strings.Repeat("0", 32)} {
		if _, err := s.getLogEvents(ctx, getLogEventsInput{LogGroupName: "g", LogStreamName: "s", NextToken: token}); err == nil {
			t.Errorf("GetLogEvents took %q", token)
		}
		if _, err := s.filterLogEvents(ctx, filterLogEventsInput{LogGroupName: "g", NextToken: token}); err == nil {
			t.Errorf("FilterLogEvents took %q", token)
		}
	}
}

func FuzzPattern(f *testing.F) {
	for _, p := range []string{``, `ERROR`, `"two words" -not ?any`, `"a \" b"`, `"open`, `{ $.a }`, `- ?`, `\`} {
		f.Add(p, "ERROR two words")
	}
	f.Fuzz(func(t *testing.T, text, message string) {
		p, err := parsePattern(text)
		if err != nil {
			var e *wire.Error
			if !errors.As(err, &e) {
				t.Errorf("error without a code: %v", err)
			}
			return
		}
		if p.matches(message) && slices.ContainsFunc(p.none, func(term string) bool { return strings.Contains(message, term) }) {
			t.Error("a message with an excluded term matches")
		}
	})
}

func BenchmarkAppend(b *testing.B) {
	s := newService(b, clock.Real{})
	events := make([]Event, 1000)
	for i := range events {
		events[i] = Event{int64(i), "START RequestId: 00000000-0000-0000-0000-000000000000 Version: $LATEST"}
	}
	for n := int64(0); b.Loop(); n++ {
		for i := range events {
			events[i].Timestamp = n // time goes on, as it does
		}
		if err := s.Append(context.Background(), "g", "s", events); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N*len(events))/b.Elapsed().Seconds(), "events/s")
}
