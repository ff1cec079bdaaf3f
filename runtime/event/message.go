package event

import (
	"encoding/json"
	"time"
)

// readContent reads what a message says: what happened to objects, messages of another service, or a content of its
// own, which is a file. The kind is Objects or Test if that is all that the message is about.
func (p *parser) readContent(content []byte, depth int) ([]Item, Kind) {
	v := value(content)
	isJSON := (v.first() == '{' || v.first() == '[') && json.Valid(v)
	if isJSON {
		e, err := p.readMessage(v, depth)
		if err != nil {
			return []Item{{Err: err}}, Topic
		}
		if e != nil {
			return e.Items, e.Kind
		}
	}
	name := "message.txt"
	if isJSON {
		name = "message.json"
	}
	return []Item{{File: &File{Name: name, Content: content}}}, Topic
}

// readMessage returns the event that a message holds, or nil if it holds none that messages carry.
func (p *parser) readMessage(v value, depth int) (*Event, error) {
	d := open(v)
	if depth < maxEnvelopes && d.kind.text() == "Notification" && d.message.first() == '"' {
		return p.readEnvelope(d, depth), nil
	}
	e, err := p.read(v, depth)
	if err != nil || e == nil {
		return nil, err
	}
	switch e.Kind {
	case Objects, Queue, Topic, Test:
		return e, nil
	}
	return nil, nil
}

// adopt makes items those of the message that they came in.
func adopt(items []Item, raw []byte, at string, message *Message) []Item {
	for i := range items {
		items[i].Raw = raw
		items[i].Message = message
		if items[i].Time == "" {
			items[i].Time = at
		}
	}
	return items
}

// fromMilliseconds is a time in the form in which S3 writes it; "" for one that no sender means.
func fromMilliseconds(ms int64) string {
	const endOf9999 = 253402300799999
	if ms <= 0 || ms > endOf9999 {
		return ""
	}
	return time.UnixMilli(ms).UTC().Format("2006-01-02T15:04:05.000Z")
}
