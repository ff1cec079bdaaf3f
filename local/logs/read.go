package logs

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math"
	"slices"
	"strings"

	"go.etcd.io/bbolt"

	"github.com/scar-go/scar/local/wire"
)

const (
	maxPageEvents = 10_000
	maxPageBytes  = 1 << 20
)

type outputEvent struct {
	Timestamp     int64  `json:"timestamp"`
	Message       string `json:"message"`
	IngestionTime int64  `json:"ingestionTime"`
}

func newOutputEvent(key, value []byte) outputEvent {
	return outputEvent{
		Timestamp:     int64(binary.BigEndian.Uint64(key)),
		IngestionTime: int64(binary.BigEndian.Uint64(value[8:])),
		Message:       string(value[valueHeader:]),
	}
}

type getLogEventsInput struct {
	LogGroupName       string
	LogGroupIdentifier string
	LogStreamName      string
	StartTime          *int64
	EndTime            *int64 // events of this time or later are left out
	NextToken          string
	Limit              int
	StartFromHead      bool
}

type getLogEventsOutput struct {
	Events            []outputEvent `json:"events"`
	NextForwardToken  string        `json:"nextForwardToken"`
	NextBackwardToken string        `json:"nextBackwardToken"`
}

func (s *Service) getLogEvents(ctx context.Context, in getLogEventsInput) (out getLogEventsOutput, err error) {
	name, err := s.groupName(in.LogGroupName, in.LogGroupIdentifier)
	if err != nil {
		return out, err
	}
	if in.Limit < 0 || in.Limit > maxPageEvents {
		return out, constraint(in.Limit, "limit", fmt.Sprintf("have value between 1 and %d", maxPageEvents))
	}
	w, err := newWindow(in)
	if err != nil {
		return out, err
	}
	w.size = wire.PageSize(ctx, in.Limit, maxPageEvents)
	err = s.view(name, func(b *bbolt.Bucket) error {
		st, found, err := readStream(b, in.LogStreamName)
		if err != nil {
			return err
		}
		if !found {
			return noSuchStream()
		}
		g, err := readGroup(b)
		if err != nil {
			return err
		}
		w.raise(s.oldest(g))
		out = w.read(b, st.ID)
		return nil
	})
	return out, err
}

// position is where an event is among those of its group: its key.
type position [16]byte

func positionOf(timestamp int64, order uint64) (p position) {
	binary.BigEndian.PutUint64(p[:], uint64(timestamp))
	binary.BigEndian.PutUint64(p[8:], order)
	return p
}

func (p position) next() position {
	return positionOf(int64(binary.BigEndian.Uint64(p[:])), binary.BigEndian.Uint64(p[8:])+1)
}

// window is the part of a stream that a call asks for: from the first position up to, not including,
// the second.
type window struct {
	from, to position
	forward  bool
	size     int
}

// newWindow reads times and token. A token is a direction and the position at which the page before
// ended, so that the page after the last is empty and has the same token again, as AWS promises.
func newWindow(in getLogEventsInput) (window, error) {
	w := window{to: positionOf(math.MaxInt64, math.MaxUint64), forward: in.StartFromHead}
	if in.StartTime != nil {
		w.from = positionOf(max(0, *in.StartTime), 0)
	}
	if in.EndTime != nil {
		w.to = positionOf(max(0, *in.EndTime), 0)
	}
	if in.NextToken == "" {
		return w, nil
	}
	direction, text, _ := strings.Cut(in.NextToken, "/")
	b, err := hex.DecodeString(text)
	if err != nil || len(b) != len(position{}) || direction != "f" && direction != "b" {
		return w, invalid("The specified nextToken is invalid.")
	}
	at := position(b)
	w.forward = direction == "f"
	if w.forward && bytes.Compare(at[:], w.from[:]) > 0 {
		w.from = at
	}
	if !w.forward && bytes.Compare(at[:], w.to[:]) < 0 {
		w.to = at
	}
	return w, nil
}

// raise leaves out events before a time.
func (w *window) raise(oldest int64) {
	if at := positionOf(oldest, 0); bytes.Compare(at[:], w.from[:]) > 0 {
		w.from = at
	}
}

func (w window) read(b *bbolt.Bucket, streamID uint64) getLogEventsOutput {
	events := b.Bucket(eventsBucket)
	first, last := w.to, w.from // of an empty page
	if !w.forward {
		last = w.to
	} else {
		first = w.from
	}
	out := []outputEvent{}
	total := 0
	w.walk(b.Bucket(indexBucket).Cursor(), streamID, func(p position) bool {
		value := events.Get(p[:])
		total += int(size(value))
		if len(out) == w.size || len(out) > 0 && total > maxPageBytes {
			return false
		}
		out = append(out, newOutputEvent(p[:], value))
		if w.forward || len(out) == 1 {
			last = p.next()
		}
		if !w.forward || len(out) == 1 {
			first = p
		}
		return true
	})
	if !w.forward {
		slices.Reverse(out)
	}
	return getLogEventsOutput{out, "f/" + hex.EncodeToString(last[:]), "b/" + hex.EncodeToString(first[:])}
}

// walk visits the window's positions, oldest first if it looks forward and newest first if not.
func (w window) walk(c *bbolt.Cursor, streamID uint64, visit func(position) bool) {
	id := number(streamID)
	low, high := append(slices.Clone(id), w.from[:]...), append(slices.Clone(id), w.to[:]...)
	if w.forward {
		for key, _ := c.Seek(low); key != nil && bytes.Compare(key, high) < 0; key, _ = c.Next() {
			if !visit(position(key[len(id):])) {
				return
			}
		}
		return
	}
	key, _ := c.Seek(high)
	if key == nil {
		key, _ = c.Last()
	}
	for ; key != nil && bytes.Compare(key, low) >= 0; key, _ = c.Prev() {
		if bytes.Compare(key, high) < 0 && !visit(position(key[len(id):])) {
			return
		}
	}
}
