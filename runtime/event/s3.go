package event

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
)

// By https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html and
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-how-to-event-types-and-destinations.html
const (
	s3Source    = "aws:s3"
	s3TestEvent = "s3:TestEvent"
)

// MinIO writes records as S3 does, keys encoded as a form's included, with its own source, and event names that
// begin with "s3:". See ToEvent in https://github.com/minio/minio/blob/master/cmd/event-notification.go
const (
	minioSource   = "minio:s3"
	minioProvider = "minio"
)

// readObjects reads a list of which each record is about an object.
func (l *list) readObjects() *Event {
	e := &Event{Kind: Objects, Items: make([]Item, 0, len(l.records))}
	for _, record := range l.records {
		item := Item{Err: l.check(record)}
		switch {
		case item.Err != nil:
		case l.source == oneTriggerSource:
			item.Object, item.Time, item.Err = l.readOneTrigger(record)
		default:
			item.Object, item.Time, item.Err = readS3(record)
		}
		item.Raw = l.raw(record)
		if item.Object != nil && l.source == minioSource {
			item.Object.Provider = minioProvider
		}
		e.Items = append(e.Items, item)
	}
	return e
}

// readS3 reads one record of S3 or MinIO, and its time even if it is damaged.
func readS3(record value) (o *Object, at string, err error) {
	var event string
	var s3 value
	for name, member := range record.members() {
		switch string(name) {
		case "eventTime":
			at = member.text()
		case "eventName":
			event = strings.TrimPrefix(member.text(), "s3:")
		case "s3":
			s3 = member
		}
	}
	o, err = readEntity(s3, "eTag", url.QueryUnescape)
	if err != nil {
		return nil, at, err
	}
	o.Event = event
	return o, at, nil
}

// readEntity reads what an event says of a bucket and an object in it. The field of the ETag is called differently by
// S3 and by EventBridge, and only the one encodes keys.
func readEntity(v value, etag string, decode func(key string) (string, error)) (*Object, error) {
	var bucket, object value
	for name, member := range v.members() {
		switch string(name) {
		case "bucket":
			bucket = member
		case "object":
			object = member
		}
	}
	o := &Object{}
	var err error
	for name, member := range bucket.members() {
		if string(name) == "name" {
			o.Bucket, err = member.name("the name of the bucket")
		}
	}
	if err == nil && o.Bucket == "" {
		err = errors.New("the name of the bucket is missing")
	}
	if err != nil {
		return nil, err
	}
	if err := o.read(object, etag, decode); err != nil {
		return nil, fmt.Errorf("object of bucket %q: %w", o.Bucket, err)
	}
	return o, nil
}

// read sets what is known of the object itself.
func (o *Object) read(v value, etag string, decode func(key string) (string, error)) error {
	var key, size value
	for name, member := range v.members() {
		switch string(name) {
		case "key":
			key = member
		case "size":
			size = member
		case "sequencer":
			o.Sequencer = member.text()
		case etag:
			o.ETag = strings.Trim(member.text(), `"`)
		}
	}
	encoded, err := key.name("its key")
	if err != nil {
		return err
	}
	if o.Key, err = decode(encoded); err != nil {
		return fmt.Errorf("decode key %q: %w", encoded, err)
	}
	if o.Size, err = size.integer(); err != nil || o.Size < 0 {
		return fmt.Errorf("the size of %q is %q, not a number of bytes", o.Key, size)
	}
	return nil
}
