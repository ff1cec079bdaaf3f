// Package event reads what started an invocation. It is pure parsing: every payload that Lambda can
// hand over, and any other bytes, give an Event or an error.
package event

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strings"
)

// Kind is what sort of event arrived.
type Kind int

// The kinds of events.
const (
	Direct Kind = iota // an invocation by hand: the payload is whatever the caller sent
	S3                 // notifications of objects, one record each
	Test               // the message that S3 sends when a notification is configured; nothing is to be done
)

// Event is what started an invocation.
type Event struct {
	Kind    Kind
	Raw     []byte   // the payload as it arrived
	Records []Record // of an event of kind S3
}

// Record is one object that S3 reports.
// Its source is https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html
type Record struct {
	Name      string // of the event, such as ObjectCreated:Put
	Time      string // of the event, ISO 8601, as S3 wrote it
	Bucket    string
	Key       string // decoded
	Size      int64  // bytes; 0 where the event names none
	ETag      string // without quotes
	Sequencer string
}

// FolderMarker reports whether the object is one that consoles make to show an empty folder: it has
// no bytes and its key ends in a slash.
func (r Record) FolderMarker() bool {
	return r.Size == 0 && strings.HasSuffix(r.Key, "/")
}

// Removed reports whether the event is that an object is gone, so that there is nothing to fetch.
func (r Record) Removed() bool {
	return strings.HasPrefix(r.Name, "ObjectRemoved:") || strings.HasPrefix(r.Name, "LifecycleExpiration:")
}

// Empty reports whether a direct invocation brought no payload: nothing, null or {}.
func (e *Event) Empty() bool {
	payload := bytes.TrimSpace(e.Raw)
	if len(payload) == 0 || string(payload) == "null" {
		return true
	}
	inner, opened := bytes.CutPrefix(payload, []byte("{"))
	inner, closed := bytes.CutSuffix(inner, []byte("}"))
	return opened && closed && len(bytes.TrimSpace(inner)) == 0
}

const (
	s3Source    = "aws:s3"
	s3TestEvent = "s3:TestEvent"
)

// Parse reads a payload. Everything that is JSON but no event of S3 is a direct invocation, as is an empty
// payload. An error means that the payload is no JSON, or that it is an event of S3 without what
// every event of S3 has.
func Parse(payload []byte) (*Event, error) {
	e := &Event{Kind: Direct, Raw: payload}
	if len(bytes.TrimSpace(payload)) == 0 {
		return e, nil
	}
	if !json.Valid(payload) {
		return nil, errors.New("the event is not JSON")
	}
	// A map, because the fields of a struct would match names of another case, and the payload of a direct
	// invocation may have fields of any name and type.
	var fields map[string]json.RawMessage
	if json.Unmarshal(payload, &fields) != nil {
		return e, nil
	}
	if text(fields["Event"]) == s3TestEvent && fields["Records"] == nil {
		e.Kind = Test
		return e, nil
	}
	records, ours := s3Records(fields["Records"])
	if !ours {
		return e, nil
	}
	e.Kind = S3
	for i, raw := range records {
		r, err := parseRecord(raw)
		if err != nil {
			return nil, fmt.Errorf("record %d of %d: %w", i+1, len(records), err)
		}
		e.Records = append(e.Records, r)
	}
	return e, nil
}

// s3Records returns the elements of a Records list, and whether one of them at least is S3's. A list without
// elements counts as S3's: there is nothing to do, and running the script would be a surprise.
func s3Records(list json.RawMessage) (records []json.RawMessage, ours bool) {
	if list == nil || json.Unmarshal(list, &records) != nil || records == nil {
		return nil, false
	}
	for _, raw := range records {
		var fields map[string]json.RawMessage
		if json.Unmarshal(raw, &fields) == nil && text(fields["eventSource"]) == s3Source {
			return records, true
		}
	}
	return records, len(records) == 0
}

// s3Record is the part of a record that is used.
type s3Record struct {
	EventSource string `json:"eventSource"`
	EventTime   string `json:"eventTime"`
	EventName   string `json:"eventName"`
	S3          struct {
		Bucket struct {
			Name string `json:"name"`
		} `json:"bucket"`
		Object struct {
			Key       string `json:"key"`
			Size      int64  `json:"size"`
			ETag      string `json:"eTag"`
			Sequencer string `json:"sequencer"`
		} `json:"object"`
	} `json:"s3"`
}

func parseRecord(raw json.RawMessage) (Record, error) {
	var r s3Record
	if err := json.Unmarshal(raw, &r); err != nil {
		return Record{}, fmt.Errorf("not a record of S3: %w", err)
	}
	if r.EventSource != s3Source {
		return Record{}, fmt.Errorf("event source %q stands beside records of S3", r.EventSource)
	}
	if r.S3.Bucket.Name == "" {
		return Record{}, errors.New("the bucket has no name")
	}
	key, err := url.QueryUnescape(r.S3.Object.Key)
	if err != nil {
		return Record{}, fmt.Errorf("decode key %q: %w", r.S3.Object.Key, err)
	}
	if key == "" {
		return Record{}, errors.New("the object has no key")
	}
	return Record{
		Name:      r.EventName,
		Time:      r.EventTime,
		Bucket:    r.S3.Bucket.Name,
		Key:       key,
		Size:      r.S3.Object.Size,
		ETag:      strings.Trim(r.S3.Object.ETag, `"`),
		Sequencer: r.S3.Object.Sequencer,
	}, nil
}

// text is the string that raw holds, or "" when it holds something else.
func text(raw json.RawMessage) string {
	var s string
	if raw == nil || json.Unmarshal(raw, &s) != nil {
		return ""
	}
	return s
}
