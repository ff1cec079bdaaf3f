package sqs

import (
	"bytes"
	"context"
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/scar-go/scar/local/wire"
)

// maxMessage is the most bytes of a message, and of a batch of them, with its attributes.
const maxMessage = 1 << 20

// bounds are the attributes that are numbers, with their limits and defaults (API reference of SetQueueAttributes).
var bounds = map[string]struct{ least, most, otherwise int }{
	"VisibilityTimeout":             {0, 43200, 30},
	"DelaySeconds":                  {0, 900, 0},
	"MaximumMessageSize":            {1024, maxMessage, maxMessage},
	"MessageRetentionPeriod":        {60, 1209600, 345600},
	"ReceiveMessageWaitTimeSeconds": {0, 20, 0},
	"KmsDataKeyReusePeriodSeconds":  {60, 86400, 300},
}

// choices are the attributes that are one of some words. Those of FIFO queues are refused elsewhere.
var choices = map[string]struct {
	words []string
	fifo  bool
}{
	"SqsManagedSseEnabled":      {[]string{"true", "false"}, false},
	"FifoQueue":                 {[]string{"true"}, true},
	"ContentBasedDeduplication": {[]string{"true", "false"}, true},
	"DeduplicationScope":        {[]string{"queue", "messageGroup"}, true},
	"FifoThroughputLimit":       {[]string{"perQueue", "perMessageGroupId"}, true},
}

// documents are the attributes that are JSON, or free text.
var documents = []string{"Policy", "RedrivePolicy", "RedriveAllowPolicy", "KmsMasterKeyId"}

// counted are the attributes that can be asked for, and not set.
var counted = []string{
	"QueueArn", "CreatedTimestamp", "LastModifiedTimestamp",
	"ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible", "ApproximateNumberOfMessagesDelayed",
}

// redrivePolicy says when messages go to which dead-letter queue.
type redrivePolicy struct {
	Target string `json:"deadLetterTargetArn"`
	Most   number `json:"maxReceiveCount"`
}

// redriveAllowPolicy says which queues may use a queue for their dead letters.
type redriveAllowPolicy struct {
	Permission string   `json:"redrivePermission"`
	Sources    []string `json:"sourceQueueArns,omitempty"`
}

// redrive is the queue's redrive policy, if it has one.
func (q queue) redrive() (p redrivePolicy, found bool) {
	text := q.value("RedrivePolicy")
	if text == "" {
		return p, false
	}
	err := json.Unmarshal([]byte(text), &p) // it was checked when it was set
	return p, err == nil
}

// takesFrom says whether the queue may keep the dead letters of a source.
func (q queue) takesFrom(sourceARN string) bool {
	text := q.value("RedriveAllowPolicy")
	if text == "" {
		return true
	}
	var p redriveAllowPolicy
	if err := json.Unmarshal([]byte(text), &p); err != nil {
		return false
	}
	return p.Permission == "allowAll" || p.Permission == "byQueue" && slices.Contains(p.Sources, sourceARN)
}

// value is an attribute as it is answered, or empty where the queue has none.
func (q queue) value(name string) string {
	if v, found := q.Attributes[name]; found {
		return v
	}
	b, isNumber := bounds[name]
	switch {
	case name == "KmsDataKeyReusePeriodSeconds" && q.Attributes["KmsMasterKeyId"] == "":
		return ""
	case isNumber:
		return strconv.Itoa(b.otherwise)
	case name == "SqsManagedSseEnabled":
		return strconv.FormatBool(q.Attributes["KmsMasterKeyId"] == "")
	case !q.fifo():
		return ""
	case name == "FifoQueue":
		return "true"
	case name == "ContentBasedDeduplication":
		return "false"
	case name == "DeduplicationScope":
		return "queue"
	case name == "FifoThroughputLimit":
		return "perQueue"
	}
	return ""
}

// seconds is an attribute that is a number of seconds.
func (q queue) seconds(name string) time.Duration {
	return time.Duration(q.number(name)) * time.Second
}

func (q queue) number(name string) int {
	n, err := strconv.Atoi(q.value(name))
	if err != nil {
		return bounds[name].otherwise // cannot be: it was checked when it was set
	}
	return n
}

// set takes attributes that were checked. An empty one is the default again. The two ways to encrypt exclude each other.
func (q *queue) set(attributes map[string]string) {
	for name, value := range attributes {
		if value = canonical(name, value); value == "" {
			delete(q.Attributes, name)
		} else {
			q.Attributes[name] = value
		}
	}
	if attributes["KmsMasterKeyId"] != "" {
		delete(q.Attributes, "SqsManagedSseEnabled")
	} else if attributes["SqsManagedSseEnabled"] == "true" {
		delete(q.Attributes, "KmsMasterKeyId")
	}
}

// canonical is a value as it is answered later: numbers without zeros in front, documents without white space.
func canonical(name, value string) string {
	if n, err := strconv.Atoi(value); err == nil && bounds[name].most > 0 {
		return strconv.Itoa(n)
	}
	switch name {
	case "RedrivePolicy":
		var p redrivePolicy
		if err := json.Unmarshal([]byte(value), &p); err == nil {
			if b, err := json.Marshal(p); err == nil {
				return string(b)
			}
		}
	case "Policy", "RedriveAllowPolicy":
		var b bytes.Buffer
		if err := json.Compact(&b, []byte(value)); err == nil {
			return b.String()
		}
	}
	return value
}

// checkAttributes refuses attributes that a queue of that name cannot have.
func (s *Service) checkAttributes(name string, attributes map[string]string) error {
	q := queue{Name: name}
	for _, attribute := range slices.Sorted(maps.Keys(attributes)) {
		value := attributes[attribute]
		b, isNumber := bounds[attribute]
		c, isChoice := choices[attribute]
		var err error
		switch {
		case isNumber:
			if n, wrong := strconv.Atoi(value); wrong != nil || n < b.least || n > b.most {
				err = errAttributeValue(attribute)
			}
		case isChoice && c.fifo && !q.fifo():
			err = errAttributeName(attribute)
		case isChoice:
			if !slices.Contains(c.words, value) {
				err = errAttributeValue(attribute)
			}
		case !slices.Contains(documents, attribute):
			err = errAttributeName(attribute)
		case value != "":
			err = s.checkDocument(q, attribute, value)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (s *Service) checkDocument(q queue, attribute, text string) error {
	switch attribute {
	case "Policy":
		if err := s.cfg.Policies.CheckResourcePolicy(text); err != nil {
			return errAttributeValue(attribute)
		}
	case "RedrivePolicy":
		return s.checkRedrive(q, text)
	case "RedriveAllowPolicy":
		var p redriveAllowPolicy
		err := json.Unmarshal([]byte(text), &p)
		known := slices.Contains([]string{"allowAll", "denyAll", "byQueue"}, p.Permission)
		if err != nil || !known || (p.Permission == "byQueue") != (len(p.Sources) > 0) || len(p.Sources) > 10 {
			return errParameter(text, attribute, "Amazon SQS can't create the redrive allow policy, as it’s in an unsupported format.")
		}
	}
	return nil
}

func (s *Service) checkRedrive(q queue, text string) error {
	var p redrivePolicy
	if err := json.Unmarshal([]byte(text), &p); err != nil {
		return errParameter(text, "RedrivePolicy", "Redrive policy is not a valid JSON map.")
	}
	if p.Target == "" {
		return errParameter(text, "RedrivePolicy", "Redrive policy does not contain mandatory attribute: deadLetterTargetArn.")
	}
	if p.Most < 1 || p.Most > 1000 {
		return errParameter(text, "RedrivePolicy", "Invalid value for maxReceiveCount: "+strconv.Itoa(int(p.Most))+", valid values are from 1 to 1000 both inclusive.")
	}
	dead, err := s.byARN(p.Target)
	if err != nil {
		return errParameter(text, "RedrivePolicy", "Dead letter target does not exist.")
	}
	if dead.fifo() != q.fifo() {
		return errParameter(text, "RedrivePolicy", "Dead-letter queue must be same type of queue as the source.")
	}
	if !dead.takesFrom(s.arn(q.Name)) {
		return errParameter(text, "RedrivePolicy", "The dead-letter queue does not allow this queue as its source.")
	}
	return nil
}

type attributesInput struct {
	QueueURL       string `json:"QueueUrl"`
	Attributes     map[string]string
	AttributeNames []string
}

type attributesOutput struct {
	Attributes textMap `json:",omitempty" xml:"Attribute"`
}

func (s *Service) getQueueAttributes(ctx context.Context, in attributesInput) (out attributesOutput, err error) {
	q, err := s.open(ctx, in.QueueURL, "GetQueueAttributes")
	if err != nil {
		return out, err
	}
	names := slices.Concat(slices.Collect(maps.Keys(bounds)), slices.Collect(maps.Keys(choices)), documents, counted)
	for _, name := range in.AttributeNames {
		if name != "All" && !slices.Contains(names, name) {
			return out, errAttributeName(name)
		}
	}
	if !slices.Contains(in.AttributeNames, "All") {
		names = in.AttributeNames
	}
	numbers := counts{}
	if slices.ContainsFunc(names, func(name string) bool { return strings.HasPrefix(name, "Approximate") }) {
		if numbers, err = s.count(q); err != nil {
			return out, err
		}
	}
	out.Attributes = textMap{}
	for _, name := range names {
		if value := s.attribute(q, name, numbers); value != "" {
			out.Attributes[name] = value
		}
	}
	return out, nil
}

func (s *Service) attribute(q queue, name string, n counts) string {
	switch name {
	case "QueueArn":
		return s.arn(q.Name)
	case "CreatedTimestamp":
		return strconv.FormatInt(q.Created.Unix(), 10)
	case "LastModifiedTimestamp":
		return strconv.FormatInt(q.Modified.Unix(), 10)
	case "ApproximateNumberOfMessages":
		return strconv.Itoa(n.visible)
	case "ApproximateNumberOfMessagesNotVisible":
		return strconv.Itoa(n.inFlight)
	case "ApproximateNumberOfMessagesDelayed":
		return strconv.Itoa(n.delayed)
	}
	return q.value(name)
}

func (s *Service) setQueueAttributes(ctx context.Context, in attributesInput) (out wire.Empty, err error) {
	q, err := s.open(ctx, in.QueueURL, "SetQueueAttributes")
	if err != nil {
		return out, err
	}
	if len(in.Attributes) == 0 {
		return out, errMissing("Attribute.Name")
	}
	if _, found := in.Attributes["FifoQueue"]; found {
		return out, errAttributeName("FifoQueue")
	}
	if err := s.checkAttributes(q.Name, in.Attributes); err != nil {
		return out, err
	}
	defer s.changed(q.Name) // a shorter retention, or a longer delay, is looked at by those who wait
	return out, s.queues.Update(q.Name, func(q *queue, found bool) error {
		if !found {
			return errNoSuchQueue()
		}
		q.set(in.Attributes)
		q.Modified = s.cfg.Clock.Now()
		return nil
	})
}
