package aws

import (
	"context"
	"strconv"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
)

// longLog has a page of events for every minute.
type longLog struct{ pages, perPage int }

func (l longLog) FilterLogEvents(_ context.Context, in *cloudwatchlogs.FilterLogEventsInput, _ ...func(*cloudwatchlogs.Options)) (*cloudwatchlogs.FilterLogEventsOutput, error) {
	page, _ := strconv.Atoi(deref(in.NextToken)) // the first has no token
	out := &cloudwatchlogs.FilterLogEventsOutput{}
	for i := range l.perPage {
		id := strconv.Itoa(page*l.perPage + i)
		out.Events = append(out.Events, types.FilteredLogEvent{EventId: &id, Timestamp: ptr(int64(page)*60_000 + int64(i))})
	}
	if page+1 < l.pages {
		out.NextToken = ptr(strconv.Itoa(page + 1))
	}
	return out, nil
}

// TestTailRemembersOnlyWhatItMayFindAgain reads a log that is too long to be remembered.
func TestTailRemembersOnlyWhatItMayFindAgain(t *testing.T) {
	log := longLog{pages: 100, perPage: 10}
	shown, most := 0, 0
	tail := &tail{client: log, group: "g", seen: map[string]int64{}}
	tail.emit = func(LogEvent) error {
		shown++
		most = max(most, len(tail.seen))
		return nil
	}
	if err := tail.look(t.Context()); err != nil {
		t.Fatal(err)
	}
	if shown != log.pages*log.perPage || most > 2*log.perPage {
		t.Errorf("%d events shown, %d remembered at once", shown, most)
	}
	if want := int64(99*60_000 + 9 - lateness.Milliseconds()); tail.from != want {
		t.Errorf("the next look begins at %d, want %d", tail.from, want)
	}
}
