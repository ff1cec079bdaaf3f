package s3

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"net"
	"time"

	"go.etcd.io/bbolt"
)

// happening is something that rules can ask for.
type happening struct {
	event string // without s3:, such as ObjectCreated:Put
	key   string
	object
}

// pending is an event in the outbox, which waits to be delivered.
type pending struct {
	Target   string `json:"Function"` // ARN, of a function in state files of earlier versions
	Bucket   string
	Payload  json.RawMessage
	Attempts int       `json:",omitempty"`
	Since    time.Time // when it happened
	After    time.Time // not to be tried before
}

// The event message structure of the S3 user guide, version 2.1, fields in its order.
type eventMessage struct {
	Records []eventRecord
}

type eventRecord struct {
	EventVersion      string            `json:"eventVersion"`
	EventSource       string            `json:"eventSource"`
	AWSRegion         string            `json:"awsRegion"`
	EventTime         string            `json:"eventTime"`
	EventName         string            `json:"eventName"`
	UserIdentity      principal         `json:"userIdentity"`
	RequestParameters map[string]string `json:"requestParameters"`
	ResponseElements  map[string]string `json:"responseElements"`
	S3                eventEntity       `json:"s3"`
}

type principal struct {
	PrincipalID string `json:"principalId"`
}

type eventEntity struct {
	SchemaVersion   string      `json:"s3SchemaVersion"`
	ConfigurationID string      `json:"configurationId"`
	Bucket          eventBucket `json:"bucket"`
	Object          eventObject `json:"object"`
}

type eventBucket struct {
	Name          string    `json:"name"`
	OwnerIdentity principal `json:"ownerIdentity"`
	ARN           string    `json:"arn"`
}

type eventObject struct {
	Key       string `json:"key"`
	Size      *int64 `json:"size,omitempty"` // absent for removed objects
	ETag      string `json:"eTag,omitempty"`
	Sequencer string `json:"sequencer"`
}

// record queues an event for every rule that wants it, in the transaction of what happened.
func (s *Service) record(tx *bbolt.Tx, req *request, info bucketInfo, what happening) error {
	if s.Targets == nil {
		return nil
	}
	for _, r := range info.Rules {
		if !r.wants(what.event, what.key) {
			continue
		}
		err := s.enqueue(tx, req, r.ARN, func(n uint64) ([]byte, error) { return s.message(req, info, r, what, n) })
		if err != nil {
			return err
		}
	}
	if _, told := bridged[what.event]; !info.EventBridge || !told {
		return nil
	}
	return s.enqueue(tx, req, s.defaultBus(info), func(n uint64) ([]byte, error) { return s.bridgeMessage(req, what, n) })
}

// enqueue puts an event into the outbox. Message writes it, with the number that it has there.
func (s *Service) enqueue(tx *bbolt.Tx, req *request, target string, message func(uint64) ([]byte, error)) error {
	outbox := tx.Bucket(tableOutbox)
	n, err := outbox.NextSequence()
	if err != nil {
		return err
	}
	payload, err := message(n)
	if err != nil {
		return err
	}
	p := pending{Target: target, Bucket: req.bucket, Payload: payload, Since: s.Clock.Now()}
	return write(outbox, binary.BigEndian.AppendUint64(nil, n), p)
}

func sequencer(sequence uint64) string { return fmt.Sprintf("%018X", sequence) }

// message writes the event. The sequencer grows with every event of the backend, so also with those of
// one key.
func (s *Service) message(req *request, info bucketInfo, r rule, what happening, sequence uint64) ([]byte, error) {
	object := eventObject{Key: urlEncode(what.key), Sequencer: sequencer(sequence)}
	if what.event != "ObjectRemoved:Delete" {
		object.ETag = what.ETag
		object.Size = &what.Size
	}
	record := eventRecord{
		EventVersion: "2.1",
		EventSource:  "aws:s3",
		AWSRegion:    info.Region,
		EventTime:    s.Clock.Now().UTC().Format(timeFormat),
		EventName:    what.event,
		UserIdentity: principal{s.principalID(req)},
		RequestParameters: map[string]string{
			"sourceIPAddress": sourceAddress(req.RemoteAddr),
		},
		ResponseElements: map[string]string{
			"x-amz-request-id": req.call.RequestID,
			"x-amz-id-2":       req.call.RequestID,
		},
		S3: eventEntity{
			SchemaVersion:   "1.0",
			ConfigurationID: r.ID,
			Bucket:          eventBucket{req.bucket, principal{s.canonicalID()}, s.bucketARN(req.bucket)},
			Object:          object,
		},
	}
	return writeEvent(eventMessage{[]eventRecord{record}})
}

func writeEvent(event any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(event); err != nil {
		return nil, fmt.Errorf("write event: %w", err)
	}
	return bytes.TrimSpace(b.Bytes()), nil
}

func (s *Service) principalID(req *request) string {
	if role := req.call.Identity.Role; role != "" {
		return "AWS:" + role
	}
	return "AWS:" + s.Account
}

func sourceAddress(remote string) string {
	if host, _, err := net.SplitHostPort(remote); err == nil {
		return host
	}
	return remote
}
