package event

import "errors"

const topicSource = "aws:sns"

// readTopic reads messages of SNS. The event is one about objects if every message is.
// By https://docs.aws.amazon.com/lambda/latest/dg/with-sns.html
func (p *parser) readTopic(l list, depth int) *Event {
	e := &Event{}
	tests, objects := 0, 0
	for _, record := range l.records {
		var message, at value
		for name, member := range record.members() {
			if string(name) == "Sns" {
				message, at = readNotification(member)
			}
		}
		items, kind := []Item{{Err: l.check(record)}}, Topic
		switch {
		case items[0].Err != nil:
		case message.first() != '"':
			items[0].Err = errors.New("the notification has no message")
		default:
			items, kind = p.readContent(message.bytes(), depth+1)
		}
		switch kind {
		case Test:
			tests++
		case Objects:
			objects++
		}
		e.Items = append(e.Items, adopt(items, l.raw(record), at.text(), nil)...)
	}
	e.Kind = topicKind(tests, objects, len(l.records))
	return e
}

func readNotification(v value) (message, at value) {
	for name, member := range v.members() {
		switch string(name) {
		case "Message":
			message = member
		case "Timestamp":
			at = member
		}
	}
	return message, at
}

// readEnvelope reads a notification in the form in which SNS hands it to a queue.
// By https://docs.aws.amazon.com/sns/latest/dg/sns-sqs-as-subscriber.html
func (p *parser) readEnvelope(d document, depth int) *Event {
	items, kind := p.readContent(d.message.bytes(), depth+1)
	return &Event{Kind: kind, Items: adopt(items, d.raw, d.timestamp.text(), nil)}
}

// topicKind is the kind of an event of so many messages, some of which are test events and some about objects.
func topicKind(tests, objects, of int) Kind {
	switch {
	case tests == of:
		return Test
	case tests+objects == of:
		return Objects
	}
	return Topic
}
