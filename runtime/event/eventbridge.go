package event

// readBus reads an event of EventBridge: about an object, a schedule, or anything else.
// By https://docs.aws.amazon.com/eventbridge/latest/ref/overiew-event-structure.html
func (d *document) readBus() *Event {
	source, kind, at := d.source.text(), d.detailType.text(), d.time.text()
	if source == "" || kind == "" || d.detail == nil {
		return nil
	}
	if source == "aws.s3" {
		if event := s3Event(kind, d.detail); event != "" {
			return d.readBusObject(event)
		}
	}
	switch {
	case kind == "Scheduled Event" && (source == "aws.events" || source == "aws.scheduler"):
		e := file(d.raw, at)
		e.Kind = Schedule
		return e
	case d.version.text() != "" && d.id.text() != "":
		return file(d.raw, at)
	}
	return nil
}

// readBusObject reads an event about an object. Its key is not encoded, as those of S3's own notifications are.
func (d *document) readBusObject(event string) *Event {
	object, err := readEntity(d.detail, "etag", func(key string) (string, error) { return key, nil })
	if err == nil {
		object.Event = event
	}
	return &Event{Kind: Objects, Items: []Item{{Raw: d.raw, Time: d.time.text(), Object: object, Err: err}}}
}

// s3Event is what S3 itself calls an event that EventBridge reports, or "" for one that is about no object. By
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/ev-mapping-troubleshooting.html and, for the fields,
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/EventBridge.html
func s3Event(kind string, detail value) string {
	var reason, deletion string
	for name, member := range detail.members() {
		switch string(name) {
		case "reason":
			reason = member.text()
		case "deletion-type":
			deletion = member.text()
		}
	}
	switch kind {
	case "Object Created":
		return "ObjectCreated:" + created(reason)
	case "Object Deleted":
		return deleted(reason, deletion)
	case "Object Restore Initiated":
		return "ObjectRestore:Post"
	case "Object Restore Completed":
		return "ObjectRestore:Completed"
	case "Object Restore Expired":
		return "ObjectRestore:Delete"
	case "Object Storage Class Changed":
		return "LifecycleTransition"
	case "Object Access Tier Changed":
		return "IntelligentTiering"
	case "Object ACL Updated":
		return "ObjectAcl:Put"
	case "Object Tags Added":
		return "ObjectTagging:Put"
	case "Object Tags Deleted":
		return "ObjectTagging:Delete"
	}
	return ""
}

// created is what S3 calls the way in which an object came to be; a way that is not known keeps its name.
func created(reason string) string {
	switch reason {
	case "PutObject":
		return "Put"
	case "POST Object":
		return "Post"
	case "CopyObject":
		return "Copy"
	}
	return reason // CompleteMultipartUpload has one name for both
}

func deleted(reason, deletion string) string {
	kind, how := "ObjectRemoved", "Delete"
	if reason == "Lifecycle Expiration" {
		kind = "LifecycleExpiration"
	}
	if deletion == "Delete Marker Created" {
		how = "DeleteMarkerCreated"
	}
	return kind + ":" + how
}
