package event

import (
	"errors"
	"strconv"
	"strings"
)

const queueSource = "aws:sqs"

// readQueue reads a batch of messages of SQS.
// By https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html
func (p *parser) readQueue(l list, depth int) *Event {
	e := &Event{Kind: Queue}
	for _, record := range l.records {
		m := readQueued(record)
		message := Message{ID: m.id, Group: m.group}
		items := []Item{{Err: l.check(record)}}
		switch {
		case items[0].Err != nil:
		case m.body.first() != '"':
			items[0].Err = errors.New("the message has no body")
		default:
			items, _ = p.readContent(m.body.bytes(), depth+1)
		}
		e.Messages = append(e.Messages, message)
		e.Items = append(e.Items, adopt(items, l.raw(record), m.sent, &message)...)
	}
	return e
}

// queued is the parts of a message of SQS that are used.
type queued struct {
	id, group, sent string
	body            value
}

func readQueued(record value) queued {
	var m queued
	var arn string
	for name, member := range record.members() {
		switch string(name) {
		case "messageId":
			m.id = member.text()
		case "body":
			m.body = member
		case "eventSourceARN":
			arn = member.text()
		case "attributes":
			m.group, m.sent = readAttributes(member)
		}
	}
	// Messages of other queues may have a group too, for a fair share of the consumers, and no order in it:
	// https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-fair-queues.html
	if arn != "" && !strings.HasSuffix(arn, ".fifo") {
		m.group = ""
	}
	return m
}

func readAttributes(attributes value) (group, sent string) {
	for name, member := range attributes.members() {
		switch string(name) {
		case "MessageGroupId":
			group = member.text()
		case "SentTimestamp":
			ms, err := strconv.ParseInt(member.text(), 10, 64)
			if err != nil {
				ms = 0
			}
			sent = fromMilliseconds(ms)
		}
	}
	return group, sent
}
