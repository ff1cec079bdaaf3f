package sns

import (
	"context"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/scar-go/scar/local/wire"
)

const (
	maxTags    = 50
	fifoSuffix = ".fifo"
)

var topicName = wire.Pattern(`^[A-Za-z0-9_-]{1,256}$`)

// topic is a topic, as it is stored.
type topic struct {
	Name    string
	Display string
	Key     string // KmsMasterKeyId; kept and shown
	Policy  string // document; never empty
	Tags    map[string]string
	Created time.Time
}

type topicOutput struct {
	TopicARN string `xml:"TopicArn"`
}

func (s *Service) createTopic(ctx context.Context, form url.Values) (any, error) {
	name := form.Get("Name")
	arn := s.arn(name)
	if err := s.mayAct(ctx, wire.CallOf(ctx).Identity, "", "CreateTopic", arn); err != nil {
		return nil, err
	}
	if strings.HasSuffix(name, fifoSuffix) {
		return nil, wire.Unknown("sns", "FIFO topics")
	}
	if !topicName().MatchString(name) {
		return nil, invalid("Topic Name")
	}
	made := topic{Name: name, Policy: s.defaultPolicy(arn), Tags: pairs(form, "Tags.member", "Key", "Value"), Created: s.cfg.Clock.Now()}
	for attribute, value := range pairs(form, "Attributes.entry", "key", "value") {
		if err := s.set(&made, attribute, value); err != nil {
			return nil, err
		}
	}
	if err := checkTags(made.Tags); err != nil {
		return nil, err
	}
	err := s.topics.Update(name, func(t *topic, found bool) error {
		if found {
			return sameTopic(*t, made, form)
		}
		*t = made
		return nil
	})
	return topicOutput{arn}, err
}

// sameTopic refuses to make a topic again with other tags or attributes. What is not named does not count.
func sameTopic(t, asked topic, form url.Values) error {
	if len(asked.Tags) > 0 && !maps.Equal(t.Tags, asked.Tags) {
		return invalid("Tags Reason: Topic already exists with different tags")
	}
	for attribute := range pairs(form, "Attributes.entry", "key", "value") {
		if t.attribute(attribute) != asked.attribute(attribute) {
			return invalid("Attributes Reason: Topic already exists with different attributes")
		}
	}
	return nil
}

// defaultPolicy is what SNS gives a topic: the owner's account may do everything.
func (s *Service) defaultPolicy(arn string) string {
	return fmt.Sprintf(`{"Version":"2008-10-17","Id":"__default_policy_ID","Statement":[{"Sid":"__default_statement_ID","Effect":"Allow","Principal":{"AWS":"*"},`+
		`"Action":["SNS:GetTopicAttributes","SNS:SetTopicAttributes","SNS:AddPermission","SNS:RemovePermission","SNS:DeleteTopic","SNS:Subscribe",`+
		`"SNS:ListSubscriptionsByTopic","SNS:Publish"],"Resource":%q,"Condition":{"StringEquals":{"AWS:SourceOwner":%q}}}]}`, arn, s.cfg.Account)
}

func (t topic) attribute(name string) string {
	switch name {
	case "DisplayName":
		return t.Display
	case "KmsMasterKeyId":
		return t.Key
	case "Policy":
		return t.Policy
	}
	return ""
}

func (s *Service) set(t *topic, attribute, value string) error {
	switch attribute {
	case "DisplayName":
		t.Display = value
	case "KmsMasterKeyId":
		t.Key = value
	case "Policy":
		if value == "" {
			value = s.defaultPolicy(s.arn(t.Name))
		}
		if err := s.cfg.Policies.CheckResourcePolicy(value); err != nil {
			return invalid("Policy Error: %v", err)
		}
		t.Policy = value
	case "FifoTopic":
		if value == "true" {
			return invalid("Topic names for FIFO topics must end with .fifo")
		}
	case "DeliveryPolicy", "TracingConfig", "SignatureVersion":
		return wire.Unknown("sns", "topic attribute "+attribute)
	default:
		return invalid("AttributeName")
	}
	return nil
}

func (s *Service) deleteTopic(ctx context.Context, form url.Values) (any, error) {
	t, err := s.open(ctx, form, "TopicArn", "DeleteTopic")
	if err != nil {
		if err.Error() == errNoTopic().Error() {
			return nil, nil // it is gone, as it was to be
		}
		return nil, err
	}
	// The subscriptions go first: a crash in between leaves a topic that can be deleted again.
	subscriptions, err := s.subscriptionsOf(t.Name)
	if err != nil {
		return nil, err
	}
	for _, sub := range subscriptions {
		if err := s.subscriptions.Delete(sub.key()); err != nil {
			return nil, err
		}
	}
	return nil, s.topics.Delete(t.Name)
}

type entry struct {
	Key   string `xml:"key"`
	Value string `xml:"value"`
}

func entries(m map[string]string) []entry {
	var out []entry
	for _, key := range slices.Sorted(maps.Keys(m)) {
		out = append(out, entry{key, m[key]})
	}
	return out
}

type attributesOutput struct {
	Attributes []entry `xml:"Attributes>entry"`
}

func (s *Service) getTopicAttributes(ctx context.Context, form url.Values) (any, error) {
	t, err := s.open(ctx, form, "TopicArn", "GetTopicAttributes")
	if err != nil {
		return nil, err
	}
	subscriptions, err := s.subscriptionsOf(t.Name)
	if err != nil {
		return nil, err
	}
	attributes := map[string]string{
		"TopicArn": s.arn(t.Name), "Owner": s.cfg.Account, "Policy": t.Policy, "DisplayName": t.Display,
		"SubscriptionsConfirmed": strconv.Itoa(len(subscriptions)), "SubscriptionsPending": "0", "SubscriptionsDeleted": "0",
		"EffectiveDeliveryPolicy": `{"http":{"defaultHealthyRetryPolicy":{"minDelayTarget":20,"maxDelayTarget":20,"numRetries":3,"numMaxDelayRetries":0,"numNoDelayRetries":0,"numMinDelayRetries":0,"backoffFunction":"linear"},"disableSubscriptionOverrides":false,"defaultRequestPolicy":{"headerContentType":"text/plain; charset=UTF-8"}}}`,
	}
	if t.Key != "" {
		attributes["KmsMasterKeyId"] = t.Key
	}
	return attributesOutput{entries(attributes)}, nil
}

func (s *Service) setTopicAttributes(ctx context.Context, form url.Values) (any, error) {
	t, err := s.open(ctx, form, "TopicArn", "SetTopicAttributes")
	if err != nil {
		return nil, err
	}
	return nil, s.change(t.Name, func(t *topic) error { return s.set(t, form.Get("AttributeName"), form.Get("AttributeValue")) })
}

func (s *Service) change(name string, change func(*topic) error) error {
	return s.topics.Update(name, func(t *topic, found bool) error {
		if !found {
			return errNoTopic()
		}
		return change(t)
	})
}

func (s *Service) listTopics(ctx context.Context, form url.Values) (any, error) {
	if err := s.mayAct(ctx, wire.CallOf(ctx).Identity, "", "ListTopics", s.arn("*")); err != nil {
		return nil, err
	}
	var names []string
	err := s.topics.Each("", func(name string, _ topic) bool {
		names = append(names, name)
		return true
	})
	if err != nil {
		return nil, err
	}
	names, next, err := page(ctx, form, names)
	out := struct {
		Topics    []topicOutput `xml:"Topics>member"`
		NextToken string        `xml:",omitempty"`
	}{NextToken: next}
	for _, name := range names {
		out.Topics = append(out.Topics, topicOutput{s.arn(name)})
	}
	return out, err
}

func checkTags(tags map[string]string) error {
	for key, value := range tags {
		if key == "" || len(key) > 128 || len(value) > 256 || strings.HasPrefix(strings.ToLower(key), "aws:") {
			return invalid("Tags Reason: the tag %q is invalid", key)
		}
	}
	if len(tags) > maxTags {
		return failure(400, "TagLimitExceeded", "Could not complete request: tag quota of per resource exceeded")
	}
	return nil
}

func (s *Service) tagged(ctx context.Context, form url.Values, action string) (topic, error) {
	t, err := s.open(ctx, form, "ResourceArn", action)
	if err != nil && err.Error() == errNoTopic().Error() {
		err = failure(404, "ResourceNotFound", "Resource does not exist")
	}
	return t, err
}

func (s *Service) tagResource(ctx context.Context, form url.Values) (any, error) {
	t, err := s.tagged(ctx, form, "TagResource")
	if err != nil {
		return nil, err
	}
	added := pairs(form, "Tags.member", "Key", "Value")
	return wire.Empty{}, s.change(t.Name, func(t *topic) error {
		if t.Tags == nil {
			t.Tags = map[string]string{}
		}
		maps.Copy(t.Tags, added)
		return checkTags(t.Tags)
	})
}

func (s *Service) untagResource(ctx context.Context, form url.Values) (any, error) {
	t, err := s.tagged(ctx, form, "UntagResource")
	if err != nil {
		return nil, err
	}
	return wire.Empty{}, s.change(t.Name, func(t *topic) error {
		for i := 1; ; i++ {
			key, found := wire.Member(form, "TagKeys", i, "")
			if !found {
				return nil
			}
			delete(t.Tags, key)
		}
	})
}

func (s *Service) listTagsForResource(ctx context.Context, form url.Values) (any, error) {
	t, err := s.tagged(ctx, form, "ListTagsForResource")
	type tag struct{ Key, Value string }
	out := struct {
		Tags []tag `xml:"Tags>member"`
	}{}
	for _, key := range slices.Sorted(maps.Keys(t.Tags)) {
		out.Tags = append(out.Tags, tag{key, t.Tags[key]})
	}
	return out, err
}
