// Package sns is the Amazon SNS of the embedded backend: standard topics whose messages go to queues and functions.
//
// A message is handed to all subscribers before Publish answers; one that a subscriber does not take is lost to it, as it is
// in SNS after its retries. FIFO topics, filter policies and other protocols than sqs and lambda are refused by name.
package sns

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strings"

	"github.com/scar-go/scar/local/clock"
	"github.com/scar-go/scar/local/store"
	"github.com/scar-go/scar/local/wire"
)

// Policies decides who may use a topic.
type Policies interface {
	// CheckResourcePolicy says what is wrong with the policy of a topic.
	CheckResourcePolicy(text string) error
	// AllowedOn says whether a caller may take an action on a topic, by its role or by the topic's policy.
	AllowedOn(ctx context.Context, id wire.Identity, policy, action, resource string, conditions map[string][]string) (bool, error)
	// ServiceAllowedOn says whether the topic's policy lets an AWS service take an action on it.
	ServiceAllowedOn(policy, service, action, resource string, conditions map[string][]string) (bool, error)
}

// Targets are what messages go to: queues and functions, by their ARNs.
type Targets interface {
	// Check says whether the target's policy lets principal send to it on behalf of sourceARN in sourceAccount.
	Check(ctx context.Context, targetARN, principal, sourceARN, sourceAccount string) error
	// Send hands a message over, and returns once it is durable. Source is the ARN of the topic.
	Send(ctx context.Context, targetARN string, payload []byte, source string) error
}

// Config is what a Service needs. All of it must be given, but for Log.
type Config struct {
	DB       *store.DB
	Clock    clock.Clock
	Account  string // twelve digits
	Region   string
	Policies Policies
	Targets  Targets
	Log      *slog.Logger // messages that a subscriber did not take; nil discards them
}

// Service is the SNS of one account and region. It is an http.Handler.
type Service struct {
	cfg           Config
	topics        *store.Table[topic]        // by name
	subscriptions *store.Table[subscription] // by the name of the topic, a colon, and the subscription's own id
	api           wire.QueryAPI
}

const (
	servicePrincipal = "sns.amazonaws.com"
	namespace        = "http://sns.amazonaws.com/doc/2010-03-31/"
	pageSize         = 100
)

// New returns the service, with the state that is in the database.
func New(cfg Config) (*Service, error) {
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	topics, err := store.NewTable[topic](cfg.DB, "sns.topics")
	if err != nil {
		return nil, err
	}
	subscriptions, err := store.NewTable[subscription](cfg.DB, "sns.subscriptions")
	if err != nil {
		return nil, err
	}
	s := &Service{cfg: cfg, topics: topics, subscriptions: subscriptions}
	s.api = wire.QueryAPI{Service: "sns", Namespace: namespace, Operations: map[string]wire.QueryOperation{
		"CreateTopic":               s.createTopic,
		"DeleteTopic":               s.deleteTopic,
		"GetTopicAttributes":        s.getTopicAttributes,
		"SetTopicAttributes":        s.setTopicAttributes,
		"ListTopics":                s.listTopics,
		"TagResource":               s.tagResource,
		"UntagResource":             s.untagResource,
		"ListTagsForResource":       s.listTagsForResource,
		"Subscribe":                 s.subscribe,
		"Unsubscribe":               s.unsubscribe,
		"GetSubscriptionAttributes": s.getSubscriptionAttributes,
		"SetSubscriptionAttributes": s.setSubscriptionAttributes,
		"ListSubscriptions":         s.listSubscriptions,
		"ListSubscriptionsByTopic":  s.listSubscriptionsByTopic,
		"Publish":                   s.publish,
	}}
	return s, nil
}

// ServeHTTP serves one call.
func (s *Service) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.api.ServeHTTP(w, r) }

// Tagged are the topics for the tagging service.
func (s *Service) Tagged(context.Context) ([]wire.Resource, error) {
	var out []wire.Resource
	err := s.topics.Each("", func(name string, t topic) bool {
		out = append(out, wire.Resource{ARN: s.arn(name), Tags: t.Tags})
		return true
	})
	return out, err
}

func (s *Service) arn(name string) string {
	return fmt.Sprintf("arn:%s:sns:%s:%s:%s", wire.Partition(s.cfg.Region), s.cfg.Region, s.cfg.Account, name)
}

func failure(status int, code, format string, args ...any) error {
	return wire.Errorf(status, code, format, args...)
}

func invalid(format string, args ...any) error {
	return failure(http.StatusBadRequest, "InvalidParameter", "Invalid parameter: "+format, args...)
}

func errNoTopic() error {
	return failure(http.StatusNotFound, "NotFound", "Topic does not exist")
}

// open is the topic that a form names in a parameter, if the caller may take the action on it.
func (s *Service) open(ctx context.Context, form url.Values, parameter, action string) (topic, error) {
	arn := form.Get(parameter)
	t, err := s.byARN(parameter, arn)
	if err != nil {
		return t, err
	}
	return t, s.mayAct(ctx, wire.CallOf(ctx).Identity, t.Policy, action, arn)
}

func (s *Service) byARN(parameter, arn string) (topic, error) {
	parts := strings.SplitN(arn, ":", 6)
	if len(parts) != 6 || parts[2] != "sns" {
		return topic{}, invalid("%s Reason: An ARN must have at least 6 elements, not %d", parameter, len(parts))
	}
	t, found, err := s.topics.Get(parts[5])
	if err == nil && (!found || s.arn(parts[5]) != arn) {
		err = errNoTopic()
	}
	return t, err
}

func (s *Service) mayAct(ctx context.Context, id wire.Identity, policy, action, resource string) error {
	allowed, err := s.cfg.Policies.AllowedOn(ctx, id, policy, "sns:"+action, resource, nil)
	if err != nil || allowed {
		return err
	}
	return failure(http.StatusForbidden, "AuthorizationError",
		"User: %s is not authorized to perform: SNS:%s on resource: %s because no identity-based policy allows the SNS:%s action", id.ARN, action, resource, action)
}

// CheckPublish says whether a topic's policy lets a service publish to it on behalf of a resource of an account. The error is
// SNS's where it does not, or where there is no such topic.
func (s *Service) CheckPublish(_ context.Context, topicARN, service, sourceARN, sourceAccount string) error {
	t, err := s.byARN("TopicArn", topicARN)
	if err != nil {
		return err
	}
	conditions := map[string][]string{"aws:SourceArn": {sourceARN}, "aws:SourceAccount": {sourceAccount}}
	allowed, err := s.cfg.Policies.ServiceAllowedOn(t.Policy, service, "sns:Publish", topicARN, conditions)
	if err != nil || allowed {
		return err
	}
	return failure(http.StatusForbidden, "AuthorizationError", "%s is not authorized to perform: SNS:Publish on resource: %s", service, topicARN)
}

// CheckCaller says whether a caller may publish to a topic.
func (s *Service) CheckCaller(ctx context.Context, id wire.Identity, topicARN string) error {
	t, err := s.byARN("TopicArn", topicARN)
	if err != nil {
		return err
	}
	return s.mayAct(ctx, id, t.Policy, "Publish", topicARN)
}

// pairs are the entries of a map or a list of a form, such as Attributes.entry.1.key and .value, or Tags.member.1.Key and .Value.
func pairs(form url.Values, prefix, key, value string) map[string]string {
	out := map[string]string{}
	for i := 1; ; i++ {
		at := fmt.Sprintf("%s.%d.", prefix, i)
		if !form.Has(at + key) {
			return out
		}
		out[form.Get(at+key)] = form.Get(at + value)
	}
}

// page cuts the page out of sorted keys that a form asks for.
func page(ctx context.Context, form url.Values, keys []string) (part []string, next string, err error) {
	start, err := wire.PageStart(form.Get("NextToken"), "InvalidParameter")
	if err != nil {
		return nil, "", err
	}
	for len(keys) > 0 && keys[0] < start {
		keys = keys[1:]
	}
	if size := wire.PageSize(ctx, 0, pageSize); len(keys) > size {
		return keys[:size], wire.PageToken(keys[size]), nil
	}
	return keys, "", nil
}
