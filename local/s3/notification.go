package s3

import (
	"crypto/rand"
	"encoding/xml"
	"fmt"
	"net/url"
	"slices"
	"strings"
)

// The messages are those of PutBucketNotificationConfiguration's InvalidArgument.
const (
	msgOverlap     = "Configurations overlap. Configurations on the same bucket cannot share a common event type."
	msgUnvalidated = "Unable to validate the following destination configurations"
	msgEvent       = "A specified event is not supported for notifications."
	msgARN         = "The ARN is not well formed"
	msgRegion      = "The notification destination service region is not valid for the bucket location constraint"
	msgSameID      = "Same ID used for multiple configurations. IDs must be unique."
	msgFilterName  = "filter rule name must be either prefix or suffix"
	msgFilterTwice = "Cannot specify more than one prefix rule and one suffix rule in a filter."
	msgFilterSize  = "Size of filter rule value cannot exceed 1024 bytes in UTF-8 representation"
)

const (
	maxFilter = 1024 // bytes of a prefix or suffix
	maxRules  = 100  // per bucket
)

// notifiable are the event types of the S3 user guide, without s3:. Those ending in * stand for all
// that begin so.
var notifiable = map[string]bool{
	"ObjectCreated:*": true, "ObjectCreated:Put": true, "ObjectCreated:Post": true, "ObjectCreated:Copy": true,
	"ObjectCreated:CompleteMultipartUpload": true,
	"ObjectRemoved:*":                       true, "ObjectRemoved:Delete": true, "ObjectRemoved:DeleteMarkerCreated": true,
	"ObjectRestore:*": true, "ObjectRestore:Post": true, "ObjectRestore:Completed": true, "ObjectRestore:Delete": true,
	"ReducedRedundancyLostObject": true,
	"Replication:*":               true, "Replication:OperationFailedReplication": true,
	"Replication:OperationMissedThreshold": true, "Replication:OperationReplicatedAfterThreshold": true,
	"Replication:OperationNotTracked": true,
	"LifecycleExpiration:*":           true, "LifecycleExpiration:Delete": true,
	"LifecycleExpiration:DeleteMarkerCreated": true, "LifecycleTransition": true,
	"IntelligentTiering": true, "ObjectAcl:Put": true,
	"ObjectTagging:*": true, "ObjectTagging:Put": true, "ObjectTagging:Delete": true,
}

// element is an XML element with everything in it, known to this backend or not.
type element struct {
	XMLName  xml.Name
	Attrs    []xml.Attr `xml:",any,attr"`
	Text     string     `xml:",chardata"`
	Children []element  `xml:",any"`
}

// rule is one configuration of the document.
type rule struct {
	ID      string
	Service string // the one in the destination's ARN: lambda, sqs or sns
	ARN     string
	Events  []string // without s3:
	Prefix  string   `json:",omitempty"` // decoded
	Suffix  string   `json:",omitempty"` // decoded
}

// destinations are the configurations' elements: the element with the ARN, and its service.
var destinations = map[string]struct{ element, service string }{
	"CloudFunctionConfiguration": {"CloudFunction", "lambda"},
	"QueueConfiguration":         {"Queue", "sqs"},
	"TopicConfiguration":         {"Topic", "sns"},
}

// parseNotification reads a notification document as it is stored or sent. The document is made
// canonical: rules without an id get one, and filter names are written Prefix and Suffix, as S3
// answers them whatever was sent.
func parseNotification(text []byte) (root element, rules []rule, err error) {
	if err := xml.Unmarshal(text, &root); err != nil || root.XMLName.Local != "NotificationConfiguration" {
		return root, nil, errMalformedXML()
	}
	for i := range root.Children {
		e := &root.Children[i]
		d, ok := destinations[e.XMLName.Local]
		if !ok {
			if e.XMLName.Local != "EventBridgeConfiguration" {
				return root, nil, errMalformedXML()
			}
			continue
		}
		r, err := e.rule(d.element, d.service)
		if err != nil {
			return root, nil, err
		}
		rules = append(rules, r)
	}
	return root, rules, checkRules(rules)
}

// rule reads one configuration and makes it canonical.
func (e *element) rule(destination, service string) (rule, error) {
	r := rule{Service: service}
	for i := range e.Children {
		c := &e.Children[i]
		switch c.XMLName.Local {
		case "Id":
			r.ID = c.Text
		case destination:
			r.ARN = strings.TrimSpace(c.Text)
		case "Event":
			event, ok := strings.CutPrefix(strings.TrimSpace(c.Text), "s3:")
			if !ok || !notifiable[event] {
				return r, errInvalidArgument("Event", c.Text, msgEvent)
			}
			r.Events = append(r.Events, event)
		case "Filter":
			if err := c.filter(&r); err != nil {
				return r, err
			}
		}
	}
	if r.ARN == "" || len(r.Events) == 0 {
		return r, errMalformedXML()
	}
	if r.ID == "" {
		r.ID = rand.Text()
		e.Children = slices.DeleteFunc(e.Children, func(c element) bool { return c.XMLName.Local == "Id" })
		e.Children = slices.Insert(e.Children, 0, element{XMLName: xml.Name{Local: "Id"}, Text: r.ID})
	}
	return r, nil
}

// filter reads <Filter><S3Key><FilterRule>…
func (e *element) filter(r *rule) error {
	seen := map[string]bool{}
	for i := range e.Children {
		for j := range e.Children[i].Children {
			f := &e.Children[i].Children[j]
			if e.Children[i].XMLName.Local != "S3Key" || f.XMLName.Local != "FilterRule" {
				continue
			}
			name, value := f.filterRule()
			if len(value) > maxFilter {
				return errInvalidArgument("FilterRule.Value", value[:maxFilter], msgFilterSize)
			}
			if seen[name] {
				return errInvalidArgument("FilterRule.Name", name, msgFilterTwice)
			}
			seen[name] = true
			switch name {
			case "Prefix":
				r.Prefix = decodeFilter(value)
			case "Suffix":
				r.Suffix = decodeFilter(value)
			default:
				return errInvalidArgument("FilterRule.Name", name, msgFilterName)
			}
		}
	}
	return nil
}

func (e *element) filterRule() (name, value string) {
	for i := range e.Children {
		c := &e.Children[i]
		switch c.XMLName.Local {
		case "Name":
			switch strings.ToLower(c.Text) {
			case "prefix":
				c.Text = "Prefix"
			case "suffix":
				c.Text = "Suffix"
			}
			name = c.Text
		case "Value":
			value = c.Text
		}
	}
	return name, value
}

// decodeFilter returns the characters that a prefix or suffix stands for. The S3 user guide wants a
// space written as + and other special characters percent-encoded; one that is not encoded stands for
// itself.
func decodeFilter(value string) string {
	if decoded, err := url.QueryUnescape(value); err == nil {
		return decoded
	}
	return value
}

// checkRules finds equal ids and rules that would both want the same event.
func checkRules(rules []rule) error {
	if len(rules) > maxRules {
		return errInvalidArgument("", "", fmt.Sprintf("A bucket can have at most %d notification configurations.", maxRules))
	}
	for i, a := range rules {
		for _, b := range rules[:i] {
			if a.ID == b.ID {
				return errInvalidArgument("Id", a.ID, msgSameID)
			}
			if a.overlaps(b) {
				return errInvalidArgument("", "", msgOverlap)
			}
		}
	}
	return nil
}

func (r rule) overlaps(o rule) bool {
	if !strings.HasPrefix(r.Prefix, o.Prefix) && !strings.HasPrefix(o.Prefix, r.Prefix) ||
		!strings.HasSuffix(r.Suffix, o.Suffix) && !strings.HasSuffix(o.Suffix, r.Suffix) {
		return false
	}
	for _, a := range r.Events {
		for _, b := range o.Events {
			if covers(a, b) || covers(b, a) {
				return true
			}
		}
	}
	return false
}

// covers says whether an event type, perhaps with * at its end, means the other.
func covers(pattern, event string) bool {
	general, ok := strings.CutSuffix(pattern, "*")
	return pattern == event || ok && strings.HasPrefix(event, general)
}

// wants says whether the rule is for an event on a key.
func (r rule) wants(event, key string) bool {
	return strings.HasPrefix(key, r.Prefix) && strings.HasSuffix(key, r.Suffix) &&
		slices.ContainsFunc(r.Events, func(pattern string) bool { return covers(pattern, event) })
}

// render writes the element without namespaces, children in their order.
func (e *element) render(doc *document) {
	doc.open(e.XMLName.Local)
	if len(e.Children) == 0 {
		doc.text(e.Text)
	}
	for i := range e.Children {
		e.Children[i].render(doc)
	}
	doc.close(e.XMLName.Local)
}
