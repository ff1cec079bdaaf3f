package s3

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"

	"github.com/scar-go/scar/local/wire"
)

func (s *Service) getNotification(req *request) error {
	if err := s.allowBucket(req, "s3:GetBucketNotification"); err != nil {
		return err
	}
	info, err := s.bucketInfo(req.bucket)
	if err != nil {
		return err
	}
	doc := newDocument("NotificationConfiguration", namespace)
	doc.b.WriteString(info.Notification)
	return doc.answer(req, "NotificationConfiguration")
}

func (s *Service) putNotification(req *request) error {
	if err := s.allowBucket(req, "s3:PutBucketNotification"); err != nil {
		return err
	}
	text, err := req.body()
	if err != nil {
		return err
	}
	root, rules, err := parseNotification(text)
	if err != nil {
		return err
	}
	info, err := s.bucketInfo(req.bucket)
	if err != nil {
		return err
	}
	for _, r := range rules {
		if err := checkDestination(info, r); err != nil {
			return err
		}
	}
	if !strings.EqualFold(req.Header.Get("X-Amz-Skip-Destination-Validation"), "true") {
		if err := s.tryDestinations(req, rules); err != nil {
			return err
		}
	}
	inner := &document{}
	for i := range root.Children {
		root.Children[i].render(inner)
	}
	err = s.changeBucket(req.bucket, func(b *bucketInfo) error {
		b.Notification, b.Rules, b.EventBridge = inner.b.String(), rules, root.has("EventBridgeConfiguration")
		return nil
	})
	if err == nil {
		req.w.WriteHeader(http.StatusOK)
	}
	return err
}

// has says whether an element has a child of that name.
func (e *element) has(name string) bool {
	return slices.ContainsFunc(e.Children, func(c element) bool { return c.XMLName.Local == name })
}

// checkDestination checks the ARN of a rule.
func checkDestination(info bucketInfo, r rule) error {
	fields := strings.SplitN(r.ARN, ":", 6)
	if len(fields) != 6 || fields[0] != "arn" || fields[2] != r.Service || fields[5] == "" || len(fields[4]) != 12 {
		return errInvalidArgument("ARN", r.ARN, msgARN)
	}
	if fields[3] != info.Region {
		return errInvalidArgument("ARN", r.ARN, msgRegion)
	}
	return nil
}

// refusals are what S3 says of destinations that do not take its events, by their service.
var refusals = map[string]struct{ denied, absent string }{
	"lambda": {"Not authorized to invoke function", "Not authorized to invoke function"},
	"sqs":    {"Permissions on the destination queue do not allow S3 to publish notifications from this bucket", "The destination queue does not exist"},
	"sns":    {"Permissions on the destination topic do not allow S3 to publish notifications from this bucket", "The destination topic does not exist"},
}

// tryDestinations asks every destination whether it takes events of the bucket. Queues and topics get a test event.
func (s *Service) tryDestinations(req *request, rules []rule) error {
	if s.Targets == nil {
		return nil
	}
	test, err := s.testEvent(req)
	if err != nil {
		return err
	}
	tried := map[string]bool{}
	for _, r := range rules {
		if tried[r.ARN] {
			continue
		}
		tried[r.ARN] = true
		if strings.HasSuffix(r.ARN, ".fifo") {
			return errUnvalidated(r.ARN, "FIFO queues and topics are not supported")
		}
		err := s.maySend(req.Context(), req.bucket, r.ARN)
		if err == nil && r.Service != "lambda" {
			err = s.Targets.Send(req.Context(), r.ARN, test, s.bucketARN(req.bucket))
		}
		if err != nil {
			return refused(r, err)
		}
	}
	return nil
}

func refused(r rule, err error) error {
	why := refusals[r.Service].denied
	if e := asWire(err); strings.Contains(e.Code, "NonExistent") || e.Status == http.StatusNotFound {
		why = refusals[r.Service].absent
	}
	if r.Service == "lambda" {
		why += " [" + r.ARN + "]"
	}
	return errUnvalidated(r.ARN, why)
}

func errUnvalidated(arn, why string) error {
	return detailed(wire.Errorf(http.StatusBadRequest, "InvalidArgument", msgUnvalidated), "ArgumentName1", arn, "ArgumentValue1", why)
}

// testEvent is what a queue or topic gets when it becomes a destination (S3 user guide, "Event message structure").
func (s *Service) testEvent(req *request) ([]byte, error) {
	return json.Marshal(struct {
		Service, Event, Time, Bucket string
		RequestID                    string `json:"RequestId"`
		HostID                       string `json:"HostId"`
	}{"Amazon S3", "s3:TestEvent", s.Clock.Now().UTC().Format(timeFormat), req.bucket, req.call.RequestID, req.call.RequestID})
}
