// Package event reads what started an invocation. It is pure parsing: every payload that Lambda can
// hand over, and any other bytes, give an Event or an error.
package event

import "strings"

// Kind is what sort of event arrived. It decides how the event is answered.
type Kind int

// The kinds of events.
const (
	Direct   Kind = iota // an invocation by hand: the payload is whatever the caller sent
	Objects              // what happened to objects, as their storage, SNS or EventBridge reports it
	Queue                // messages of SQS, each of which succeeds or fails by itself
	Topic                // messages of SNS
	Schedule             // EventBridge says that it is time
	HTTP                 // a request by function URL, API Gateway or load balancer
	Test                 // the message that a storage sends when a notification is configured; nothing is to be done
)

// Event is what started an invocation.
type Event struct {
	Kind  Kind
	Raw   []byte // the payload as it arrived
	Items []Item // what is to be processed, in order; a direct invocation without payload has one, which is empty

	Request  *Request  // of kind HTTP
	Messages []Message // of kind Queue, in order: all that arrived, those that bring no items and so succeed included

	// What a direct invocation brings to be run in place of the job's own.
	Script    []byte   // of {"script": …}
	Arguments []string // of {"cmd_args": …}, to the image's entrypoint
}

// Item is one thing to be processed by one run of the script: an object, a file that the event brought along, or
// nothing at all.
//
// An item of kind HTTP may have both: its body, and the one object of another storage that this body, as MinIO's and
// OneTrigger's, is about. Nobody has checked that the caller is that storage, so it is for the reader to decide
// whether a caller may name the object. It is never one of the account's own S3.
type Item struct {
	// Raw is the event with this item alone, in the shape in which it arrived; with the whole message, if it came in one
	// with others. A wrapper that names a storage is taken off.
	Raw []byte

	Time    string   // when it happened, in ISO 8601: as the sender wrote it, or of its milliseconds; empty where it says nothing
	Message *Message // that it came in, of kind Queue
	Object  *Object
	File    *File
	Err     error // why it cannot be processed, with what is known of it
}

// Message is one message of a queue. Several items may have come in one.
type Message struct {
	ID    string
	Group string // of a FIFO queue, within which the order counts; empty for others
}

// Object is an object of a storage.
// Its source is https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html
type Object struct {
	Provider  string // as the event names it: a type such as minio, or a name such as minio.lab; empty for the account's own S3
	Event     string // what happened to it, such as ObjectCreated:Put, without a leading s3:
	Bucket    string
	Key       string // decoded
	Size      int64  // bytes; 0 where the event names none
	ETag      string // without quotes
	Sequencer string
}

// File is content that an event brought along. It may be a part of the payload and must not be changed.
type File struct {
	Name    string // of the file to be, without folders
	Content []byte
}

// Request is what a caller by HTTP sent, but its body, which is the item's file.
type Request struct {
	Front       Front
	Method      string
	Path        string
	Query       string            // encoded: as it was sent by way of a URL, else put together again from its parts
	Parameters  map[string]string // of the query, decoded; the last where one is repeated
	ContentType string
	Async       bool // nobody waits for the answer: the caller says so by the header X-Amz-Invocation-Type: Event
}

// Front is what took a request and hands the answer on. Each wants its own shape of answer.
type Front int

// The fronts.
const (
	URL               Front = iota // a function URL, or an HTTP API with payload format 2.0
	REST                           // a REST API, or an HTTP API with payload format 1.0
	LoadBalancer                   // an Application Load Balancer
	LoadBalancerMulti              // one whose target group has multi-value headers
)

// FolderMarker reports whether the object is one that consoles make to show an empty folder: it has
// no bytes and its key ends in a slash.
func (o *Object) FolderMarker() bool {
	return o.Size == 0 && strings.HasSuffix(o.Key, "/")
}

// Removed reports whether the event is that an object is gone, so that there is nothing to fetch.
func (o *Object) Removed() bool {
	return strings.HasPrefix(o.Event, "ObjectRemoved:") || strings.HasPrefix(o.Event, "LifecycleExpiration:")
}
