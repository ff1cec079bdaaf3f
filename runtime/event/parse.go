package event

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
)

// Parse reads a payload. Everything that is JSON but no event of a known sender is a direct invocation, whose
// payload is its file, as is an empty payload, which brings none. An error means that the payload is no JSON; what
// is wrong with a single record or message is the error of its item.
func Parse(payload []byte) (*Event, error) {
	e := &Event{Kind: Direct, Raw: payload}
	if empty(payload) {
		e.Items = []Item{{Raw: payload}}
		return e, nil
	}
	if !json.Valid(payload) {
		return nil, errors.New("the event is not JSON")
	}
	// A map, because the fields of a struct would match names of another case, and the payload of a direct
	// invocation may have fields of any name and type.
	var fields map[string]json.RawMessage
	if json.Unmarshal(payload, &fields) == nil {
		if text(fields["Event"]) == s3TestEvent && fields["Records"] == nil {
			e.Kind = Test
			return e, nil
		}
		if records, ours := s3Records(fields["Records"]); ours {
			e.Kind = Objects
			for _, raw := range records {
				e.Items = append(e.Items, objectItem(raw, payload, len(records)))
			}
			return e, nil
		}
	}
	e.Items = []Item{{Raw: payload, File: &File{Name: "event.json", Content: payload}}}
	return e, nil
}

// empty reports whether a payload brings nothing: no bytes, null or {}.
func empty(payload []byte) bool {
	payload = bytes.TrimSpace(payload)
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

// objectItem is the item of one record of a list. A record that has the payload for itself keeps it byte for byte.
func objectItem(raw json.RawMessage, payload []byte, of int) Item {
	object, at, err := parseObject(raw)
	item := Item{Raw: payload, Time: at, Object: object, Err: err}
	if of > 1 {
		item.Raw = slices.Concat([]byte(`{"Records":[`), raw, []byte(`]}`))
	}
	return item
}

func parseObject(raw json.RawMessage) (object *Object, at string, err error) {
	var r s3Record
	if err := json.Unmarshal(raw, &r); err != nil {
		return nil, "", fmt.Errorf("not a record of S3: %w", err)
	}
	if r.EventSource != s3Source {
		return nil, "", fmt.Errorf("event source %q stands beside records of S3", r.EventSource)
	}
	if r.S3.Bucket.Name == "" {
		return nil, "", errors.New("the bucket has no name")
	}
	key, err := url.QueryUnescape(r.S3.Object.Key)
	if err != nil {
		return nil, "", fmt.Errorf("decode key %q: %w", r.S3.Object.Key, err)
	}
	if key == "" {
		return nil, "", errors.New("the object has no key")
	}
	return &Object{
		Event:     r.EventName,
		Bucket:    r.S3.Bucket.Name,
		Key:       key,
		Size:      r.S3.Object.Size,
		ETag:      strings.Trim(r.S3.Object.ETag, `"`),
		Sequencer: r.S3.Object.Sequencer,
	}, r.EventTime, nil
}

// text is the string that raw holds, or "" when it holds something else.
func text(raw json.RawMessage) string {
	var s string
	if raw == nil || json.Unmarshal(raw, &s) != nil {
		return ""
	}
	return s
}
