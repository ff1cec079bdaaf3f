package s3

import "fmt"

// bridged are the events that go to EventBridge, with what they are called there and the call that is their reason (S3 user guide,
// "EventBridge event message structure").
var bridged = map[string]struct{ detailType, reason string }{
	"ObjectCreated:Put":                     {"Object Created", "PutObject"},
	"ObjectCreated:Post":                    {"Object Created", "POST Object"},
	"ObjectCreated:Copy":                    {"Object Created", "CopyObject"},
	"ObjectCreated:CompleteMultipartUpload": {"Object Created", "CompleteMultipartUpload"},
	"ObjectRemoved:Delete":                  {"Object Deleted", "DeleteObject"},
	"ObjectTagging:Put":                     {"Object Tags Added", ""},
	"ObjectTagging:Delete":                  {"Object Tags Deleted", ""},
}

// bridgeEvent is an event for EventBridge, which adds what all its events have.
type bridgeEvent struct {
	Source     string       `json:"source"`
	DetailType string       `json:"detail-type"`
	Resources  []string     `json:"resources"`
	Detail     bridgeDetail `json:"detail"`
}

type bridgeDetail struct {
	Version   string       `json:"version"`
	Bucket    named        `json:"bucket"`
	Object    bridgeObject `json:"object"`
	RequestID string       `json:"request-id"`
	Requester string       `json:"requester"`
	Address   string       `json:"source-ip-address"`
	Reason    string       `json:"reason,omitempty"`
	Deletion  string       `json:"deletion-type,omitempty"`
}

type named struct {
	Name string `json:"name"`
}

// bridgeObject has its key as it is, not encoded as in S3's own events.
type bridgeObject struct {
	Key       string `json:"key"`
	Size      *int64 `json:"size,omitempty"` // absent for removed objects
	ETag      string `json:"etag,omitempty"`
	Sequencer string `json:"sequencer"`
}

func (s *Service) defaultBus(info bucketInfo) string {
	return fmt.Sprintf("arn:%s:events:%s:%s:event-bus/default", s.partition, info.Region, s.Account)
}

func (s *Service) bridgeMessage(req *request, what happening, sequence uint64) ([]byte, error) {
	called := bridged[what.event]
	e := bridgeEvent{Source: "aws.s3", DetailType: called.detailType, Resources: []string{s.bucketARN(req.bucket)}}
	e.Detail = bridgeDetail{
		Version: "0", Bucket: named{req.bucket}, Object: bridgeObject{Key: what.key, ETag: what.ETag, Sequencer: sequencer(sequence)},
		RequestID: req.call.RequestID, Requester: s.Account, Address: sourceAddress(req.RemoteAddr), Reason: called.reason,
	}
	if what.event == "ObjectRemoved:Delete" {
		e.Detail.Deletion, e.Detail.Object.ETag = "Permanently Deleted", ""
	} else {
		e.Detail.Object.Size = &what.Size
	}
	return writeEvent(e)
}
