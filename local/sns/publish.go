package sns

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"time"
	"unicode/utf8"
)

const (
	maxMessage = 256 << 10 // bytes
	maxSubject = 100       // characters
)

// message is what was published.
type message struct {
	ID         string
	Topic      string // ARN
	Subject    string
	Body       string
	At         time.Time
	Attributes map[string]messageAttribute
}

// messageAttribute is an attribute that the publisher gave a message, as it is delivered.
type messageAttribute struct {
	Type  string
	Value string // of binary data: in base64
}

func (s *Service) publish(ctx context.Context, form url.Values) (any, error) {
	switch {
	case form.Get("PhoneNumber") != "":
		return nil, invalid("PhoneNumber Reason: the local backend sends no text messages")
	case form.Get("MessageStructure") != "":
		return nil, invalid("MessageStructure Reason: the local backend publishes one text to all")
	case form.Get("MessageGroupId") != "":
		return nil, invalid("MessageGroupId Reason: The request includes MessageGroupId parameter that is not valid for this topic type")
	}
	parameter := "TopicArn"
	if form.Get(parameter) == "" {
		parameter = "TargetArn"
	}
	t, err := s.open(ctx, form, parameter, "Publish")
	if err != nil {
		return nil, err
	}
	m := message{ID: newID(), Topic: s.arn(t.Name), Subject: form.Get("Subject"), Body: form.Get("Message"), At: s.cfg.Clock.Now(), Attributes: attributesOf(form)}
	if err := m.check(); err != nil {
		return nil, err
	}
	return struct {
		MessageID string `xml:"MessageId"`
	}{m.ID}, s.deliver(ctx, t.Name, m)
}

func attributesOf(form url.Values) map[string]messageAttribute {
	out := map[string]messageAttribute{}
	for i := 1; ; i++ {
		at := fmt.Sprintf("MessageAttributes.entry.%d.", i)
		if !form.Has(at + "Name") {
			return out
		}
		value := form.Get(at + "Value.StringValue")
		if form.Has(at + "Value.BinaryValue") {
			value = form.Get(at + "Value.BinaryValue")
		}
		out[form.Get(at+"Name")] = messageAttribute{form.Get(at + "Value.DataType"), value}
	}
}

func (m message) check() error {
	switch {
	case m.Body == "":
		return invalid("Empty message")
	case !utf8.ValidString(m.Body):
		return invalid("Message Reason: Message must be UTF-8")
	case len(m.Body) > maxMessage:
		return invalid("Message too long")
	case utf8.RuneCountInString(m.Subject) > maxSubject || strings.ContainsAny(m.Subject, "\n\r"):
		return invalid("Subject")
	}
	return nil
}

// Publish gives a message to the subscribers of a topic, as a service does. Nothing is asked about rights.
func (s *Service) Publish(ctx context.Context, topicARN, subject, body string) error {
	t, err := s.byARN("TopicArn", topicARN)
	if err != nil {
		return err
	}
	return s.deliver(ctx, t.Name, message{ID: newID(), Topic: topicARN, Subject: subject, Body: body, At: s.cfg.Clock.Now()})
}

// deliver hands a message to all subscribers. What one of them does not take is logged.
func (s *Service) deliver(ctx context.Context, topic string, m message) error {
	subscriptions, err := s.subscriptionsOf(topic)
	if err != nil {
		return err
	}
	for _, sub := range subscriptions {
		payload, err := s.payload(sub, m)
		if err != nil {
			return fmt.Errorf("publish to topic %q: %w", topic, err)
		}
		err = s.cfg.Targets.Check(ctx, sub.Endpoint, servicePrincipal, m.Topic, s.cfg.Account)
		if err == nil {
			err = s.cfg.Targets.Send(ctx, sub.Endpoint, payload, m.Topic)
		}
		if err != nil {
			s.cfg.Log.Warn("a subscriber does not take a message", "topic", topic, "endpoint", sub.Endpoint, "message", m.ID, "error", err)
		}
	}
	return nil
}

// notification is a message as queues and functions get it ("Parsing message formats" in the SNS developer guide). Signatures cannot be
// verified here; the fields are there because subscribers look for them.
type notification struct {
	Type           string
	MessageID      string  `json:"MessageId"`
	TopicARN       string  `json:"TopicArn"`
	Subject        *string `json:",omitempty"`
	Message        string
	Timestamp      string
	Version        string `json:"SignatureVersion"`
	Signature      string
	UnsubscribeURL string
	Attributes     map[string]messageAttribute `json:"MessageAttributes,omitempty"`
}

func (s *Service) payload(sub subscription, m message) ([]byte, error) {
	if sub.Raw {
		return []byte(m.Body), nil
	}
	n := notification{
		Type: "Notification", MessageID: m.ID, TopicARN: m.Topic, Message: m.Body, Timestamp: m.At.UTC().Format("2006-01-02T15:04:05.000Z"),
		Version: "1", Signature: "EXAMPLE", Attributes: m.Attributes,
	}
	if m.Subject != "" {
		n.Subject = &m.Subject
	}
	if sub.Protocol == "sqs" {
		return json.Marshal(n)
	}
	type record struct {
		EventSource          string
		EventVersion         string
		EventSubscriptionARN string `json:"EventSubscriptionArn"`
		Sns                  notification
	}
	return json.Marshal(map[string][]record{"Records": {{"aws:sns", "1.0", s.subscriptionARN(sub), n}}})
}
