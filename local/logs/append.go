package logs

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"net/http"
	"slices"
	"time"

	"go.etcd.io/bbolt"

	"github.com/scar-go/scar/local/store"
	"github.com/scar-go/scar/local/wire"
)

// Limits of PutLogEvents, from its API reference.
const (
	maxBatchEvents = 10_000
	maxBatchBytes  = 1 << 20
	eventOverhead  = 26 // bytes that each event counts besides its message
	maxAge         = 14 * 24 * time.Hour
	maxAhead       = 2 * time.Hour
)

// pruneStep is the most expired events that one append removes, so that none of them is slow.
const pruneStep = 1000

// Event is one line of a log.
type Event struct {
	Timestamp int64  `json:"timestamp"` // milliseconds since 1970
	Message   string `json:"message"`
}

// Append adds events to a stream, which is made if absent, in one transaction. The group must exist.
func (s *Service) Append(_ context.Context, groupName, streamName string, events []Event) error {
	if len(events) == 0 {
		return nil
	}
	err := s.update(groupName, func(b *bbolt.Bucket, g *group) error {
		st, found, err := readStream(b, streamName)
		if err != nil {
			return err
		}
		if !found {
			if st, err = s.newStream(b, streamName); err != nil {
				return err
			}
		}
		if err := s.append(b, g, &st, events); err != nil {
			return err
		}
		if err := store.PutJSON(b.Bucket(streamsBucket), streamName, st); err != nil {
			return err
		}
		return s.prune(b, g)
	})
	if err != nil {
		return fmt.Errorf("append to log %q: %w", groupName, err)
	}
	return nil
}

func (s *Service) append(b *bbolt.Bucket, g *group, st *stream, events []Event) error {
	now := s.now()
	kept, index := b.Bucket(eventsBucket), b.Bucket(indexBucket)
	id := number(st.ID)
	for _, e := range events {
		order, err := kept.NextSequence()
		if err != nil {
			return err
		}
		key := append(number(uint64(e.Timestamp)), number(order)...)
		value := slices.Concat(id, number(uint64(now)), []byte(e.Message))
		if err := kept.Put(key, value); err != nil {
			return err
		}
		if err := index.Put(append(slices.Clone(id), key...), nil); err != nil {
			return err
		}
		g.Bytes += size(value)
		if st.FirstEvent == 0 || e.Timestamp < st.FirstEvent {
			st.FirstEvent = e.Timestamp
		}
		st.LastEvent = max(st.LastEvent, e.Timestamp)
	}
	st.LastIngestion = now
	return nil
}

// prune removes events that the group's retention no longer covers.
func (s *Service) prune(b *bbolt.Bucket, g *group) error {
	oldest := number(uint64(s.oldest(*g)))
	kept, index := b.Bucket(eventsBucket), b.Bucket(indexBucket)
	for range pruneStep {
		key, value := kept.Cursor().First()
		if key == nil || bytes.Compare(key, oldest) >= 0 {
			return nil
		}
		key = slices.Clone(key)
		g.Bytes -= size(value)
		if err := index.Delete(append(slices.Clone(value[:8]), key...)); err != nil {
			return err
		}
		if err := kept.Delete(key); err != nil {
			return err
		}
	}
	return nil
}

// oldest is the time before which the group has no events any more.
func (s *Service) oldest(g group) int64 {
	if g.Retention == 0 {
		return 0
	}
	return s.now() - (time.Duration(g.Retention) * 24 * time.Hour).Milliseconds()
}

// size is what a stored event counts as stored bytes.
func size(value []byte) int64 { return int64(len(value) - valueHeader + eventOverhead) }

// valueHeader is the length of what comes before the message: the stream's id and the time of arrival.
const valueHeader = 16

// number is a number as a key: numbers sort as their keys do.
func number(n uint64) []byte { return binary.BigEndian.AppendUint64(nil, n) }

type putLogEventsInput struct {
	LogGroupName  string
	LogStreamName string
	LogEvents     []Event
}

type putLogEventsOutput struct {
	NextSequenceToken     string    `json:"nextSequenceToken"`
	RejectedLogEventsInfo *rejected `json:"rejectedLogEventsInfo,omitempty"`
}

type rejected struct {
	TooNewLogEventStartIndex *int `json:"tooNewLogEventStartIndex,omitempty"`
	TooOldLogEventEndIndex   *int `json:"tooOldLogEventEndIndex,omitempty"`
}

func (s *Service) putLogEvents(ctx context.Context, in putLogEventsInput) (out putLogEventsOutput, err error) {
	if err := checkBatch(in.LogEvents); err != nil {
		return out, err
	}
	err = s.view(in.LogGroupName, func(b *bbolt.Bucket) error {
		st, found, err := readStream(b, in.LogStreamName)
		if err == nil && !found {
			return noSuchStream()
		}
		out.NextSequenceToken = fmt.Sprint(st.ID)
		return err
	})
	if err != nil {
		return out, err
	}
	// The events are in order of time, so those that are too old come first and those too new last.
	now := s.cfg.Clock.Now()
	first, _ := slices.BinarySearchFunc(in.LogEvents, now.Add(-maxAge).UnixMilli(), compareTime)
	last, _ := slices.BinarySearchFunc(in.LogEvents, now.Add(maxAhead).UnixMilli(), compareTime)
	if first > 0 {
		out.RejectedLogEventsInfo = &rejected{TooOldLogEventEndIndex: &first}
	}
	if last < len(in.LogEvents) {
		if out.RejectedLogEventsInfo == nil {
			out.RejectedLogEventsInfo = &rejected{}
		}
		out.RejectedLogEventsInfo.TooNewLogEventStartIndex = &last
	}
	return out, s.Append(ctx, in.LogGroupName, in.LogStreamName, in.LogEvents[first:last])
}

func compareTime(e Event, t int64) int { return int(e.Timestamp - t) }

func checkBatch(events []Event) error {
	if len(events) == 0 || len(events) > maxBatchEvents {
		return constraint(len(events), "logEvents", fmt.Sprintf("have length between 1 and %d", maxBatchEvents))
	}
	total := 0
	for i, e := range events {
		if e.Message == "" {
			return constraint("", fmt.Sprintf("logEvents.%d.member.message", i+1), "have length greater than or equal to 1")
		}
		if i > 0 && e.Timestamp < events[i-1].Timestamp {
			return invalid("Log events in a single PutLogEvents request must be in chronological order.")
		}
		if e.Timestamp < 0 {
			return constraint(e.Timestamp, fmt.Sprintf("logEvents.%d.member.timestamp", i+1), "have value greater than or equal to 0")
		}
		total += len(e.Message) + eventOverhead
	}
	if total > maxBatchBytes {
		return wire.Errorf(http.StatusBadRequest, "InvalidParameterException", "Upload too large: %d bytes exceeds limit of %d", total, maxBatchBytes)
	}
	return nil
}
