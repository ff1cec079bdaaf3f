package event

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
)

const (
	// maxItems is how many records one event may have, those within its messages included. The largest batch that
	// Lambda takes from a queue has 10,000 messages, and no payload has room for so many records that say something.
	maxItems = 100_000

	// maxEnvelopes is how many messages, bodies and wrappers are opened around an event. What is in the last of
	// them may still be about objects; another envelope in it is content.
	maxEnvelopes = 4
)

var errTooMany = fmt.Errorf("the event has more than %d records", maxItems)

// Parse reads a payload. Everything that is JSON but no event of a known sender is a direct invocation, whose
// payload is its file, as is an empty payload, which brings none. An error means that the payload is no JSON, or a
// command to be run that is damaged, or that it has more than 100,000 records; what is wrong with a single record or
// message is the error of its item. Names of fields match by exact case; of a field that is there twice, the last
// one counts.
//
// The event refers to the payload, which must not be changed as long as the event is in use.
func Parse(payload []byte) (*Event, error) {
	if empty(payload) {
		return &Event{Kind: Direct, Raw: payload, Items: []Item{{Raw: payload}}}, nil
	}
	if !json.Valid(payload) {
		return nil, errors.New("the event is not JSON")
	}
	e, err := command(payload)
	if e == nil && err == nil {
		p := parser{left: maxItems}
		e, err = p.read(payload, 0)
	}
	if err != nil {
		return nil, err
	}
	if e == nil {
		e = file(payload, "")
	}
	e.Raw = payload
	return e, nil
}

// empty reports whether a payload brings nothing: no bytes, null or {}.
func empty(payload []byte) bool {
	const blanks = " \t\r\n"
	payload = bytes.Trim(payload, blanks)
	if len(payload) == 0 || string(payload) == "null" {
		return true
	}
	inner, opened := bytes.CutPrefix(payload, []byte("{"))
	inner, closed := bytes.CutSuffix(inner, []byte("}"))
	return opened && closed && len(bytes.Trim(inner, blanks)) == 0
}

// file is an event that is the input file itself.
func file(v value, at string) *Event {
	return &Event{Kind: Direct, Items: []Item{{Raw: v, Time: at, File: &File{Name: "event.json", Content: v}}}}
}

// parser reads one payload.
type parser struct {
	left int // records that it may still have
}

// document is the fields by which senders are told apart.
type document struct {
	raw value

	records, event, key                   value // lists of records; S3's test event; OneTrigger
	kind, message, timestamp              value // SNS in a queue: Type, Message, Timestamp
	version, id, source, detailType, time value // EventBridge
	detail                                value
	context                               value // requestContext of HTTP
	inner, provider                       value // the wrapper: event and storage_provider
	others                                bool  // there are fields that are not the wrapper's
}

func open(v value) document {
	d := document{raw: v}
	for name, member := range v.members() {
		switch string(name) {
		case "event":
			d.inner = member
			continue
		case "storage_provider":
			d.provider = member
			continue
		case "Records":
			d.records = member
		case "Event":
			d.event = member
		case "Key":
			d.key = member
		case "Type":
			d.kind = member
		case "Message":
			d.message = member
		case "Timestamp":
			d.timestamp = member
		case "version":
			d.version = member
		case "id":
			d.id = member
		case "source":
			d.source = member
		case "detail-type":
			d.detailType = member
		case "time":
			d.time = member
		case "detail":
			d.detail = member
		case "requestContext":
			d.context = member
		}
		d.others = true
	}
	return d
}

// read returns the event of a known sender, without its Raw, or nil for another document. It is within as many
// envelopes as depth says.
func (p *parser) read(v value, depth int) (*Event, error) {
	d := open(v)
	deeper := depth < maxEnvelopes
	switch {
	case d.records != nil:
		return p.readRecords(d, depth)
	case d.event.text() == s3TestEvent:
		return &Event{Kind: Test}, nil
	case d.detailType != nil:
		return d.readBus(), nil
	case d.context != nil && deeper:
		return p.readRequest(d, depth), nil
	case d.inner != nil && deeper:
		return p.readWrapper(d, depth)
	}
	return nil, nil
}

// readRecords reads a list of records by the sender of the first one that is known. A list without elements is about
// objects: there is nothing to do, and running the script would be a surprise.
func (p *parser) readRecords(d document, depth int) (*Event, error) {
	if d.records.first() != '[' {
		return nil, nil
	}
	count, source := 0, ""
	for record := range d.records.elements() {
		count++
		if source == "" {
			source = knownSource(record)
		}
	}
	envelopes := source == queueSource || source == topicSource
	switch {
	case count == 0:
		return &Event{Kind: Objects}, nil
	case source == "" || envelopes && depth >= maxEnvelopes:
		return nil, nil
	case count > p.left:
		return nil, errTooMany
	}
	p.left -= count
	l := list{document: d, source: source, records: slices.AppendSeq(make([]value, 0, count), d.records.elements())}
	switch source {
	case queueSource:
		return p.readQueue(l, depth), nil
	case topicSource:
		return p.readTopic(l, depth), nil
	}
	return l.readObjects(), nil
}

// knownSource is the sender of a record, or "" if it is no known one.
func knownSource(record value) string {
	switch source := sourceOf(record); source {
	case s3Source, minioSource, oneTriggerSource, queueSource, topicSource:
		return source
	}
	return ""
}

// sourceOf is what a record says of its sender. SNS writes the name of the field in its own way.
func sourceOf(record value) string {
	source := ""
	for name, member := range record.members() {
		switch string(name) {
		case "eventSource":
			source = member.text()
		case "EventSource":
			if member.text() == topicSource {
				return topicSource
			}
		}
	}
	if source == topicSource {
		return ""
	}
	return source
}

// list is an event of several records.
type list struct {
	document
	source  string
	records []value
}

// raw is the event with one record alone. A record that has the event for itself keeps it byte for byte.
func (l *list) raw(record value) []byte {
	if len(l.records) == 1 {
		return l.document.raw
	}
	return slices.Concat([]byte(`{"Records":[`), record, []byte(`]}`))
}

// check is an error for a record of another sender than the list's.
func (l *list) check(record value) error {
	if source := sourceOf(record); source != l.source {
		return fmt.Errorf("a record with the event source %q stands beside records of %s", source, l.source)
	}
	return nil
}
