package sns

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/scar-go/scar/local/wire"
)

// subscription is who gets the messages of a topic, as it is stored.
type subscription struct {
	ID       string
	Topic    string // name
	Protocol string // sqs or lambda
	Endpoint string // ARN
	Raw      bool   // the message alone is delivered; queues only
	Created  time.Time
}

func (s subscription) key() string { return s.Topic + ":" + s.ID }

func (s *Service) subscriptionARN(sub subscription) string { return s.arn(sub.Topic) + ":" + sub.ID }

func (s *Service) subscriptionsOf(topic string) (out []subscription, err error) {
	err = s.subscriptions.Each(topic+":", func(_ string, sub subscription) bool {
		out = append(out, sub)
		return true
	})
	return out, err
}

func (s *Service) subscribe(ctx context.Context, form url.Values) (any, error) {
	t, err := s.open(ctx, form, "TopicArn", "Subscribe")
	if err != nil {
		return nil, err
	}
	sub := subscription{ID: newID(), Topic: t.Name, Protocol: form.Get("Protocol"), Endpoint: form.Get("Endpoint"), Created: s.cfg.Clock.Now()}
	switch sub.Protocol {
	case "sqs", "lambda":
	case "http", "https", "email", "email-json", "sms", "application", "firehose":
		return nil, wire.Unknown("sns", "protocol "+sub.Protocol)
	default:
		return nil, invalid("Protocol")
	}
	if parts := strings.SplitN(sub.Endpoint, ":", 6); len(parts) != 6 || parts[2] != sub.Protocol {
		return nil, invalid("Endpoint Reason: %s endpoint ARN", strings.ToUpper(sub.Protocol))
	}
	for attribute, value := range pairs(form, "Attributes.entry", "key", "value") {
		if err := sub.set(attribute, value); err != nil {
			return nil, err
		}
	}
	others, err := s.subscriptionsOf(t.Name)
	if err != nil {
		return nil, err
	}
	for _, other := range others {
		if other.Endpoint == sub.Endpoint {
			if other.Raw != sub.Raw {
				return nil, invalid("Attributes Reason: Subscription already exists with different attributes")
			}
			return subscriptionOutput{s.subscriptionARN(other)}, nil
		}
	}
	return subscriptionOutput{s.subscriptionARN(sub)}, s.subscriptions.Put(sub.key(), sub)
}

type subscriptionOutput struct {
	SubscriptionARN string `xml:"SubscriptionArn"`
}

func (s *subscription) set(attribute, value string) error {
	switch attribute {
	case "RawMessageDelivery":
		raw, err := strconv.ParseBool(value)
		if err != nil {
			return invalid("Attributes Reason: RawMessageDelivery: Invalid value [%s]. Must be true or false.", value)
		}
		if raw && s.Protocol == "lambda" {
			return invalid("Attributes Reason: RawMessageDelivery: Delivery protocol [lambda] does not support raw message delivery.")
		}
		s.Raw = raw
	case "FilterPolicy", "FilterPolicyScope", "RedrivePolicy", "DeliveryPolicy", "SubscriptionRoleArn", "ReplayPolicy":
		if value != "" {
			return wire.Unknown("sns", "subscription attribute "+attribute)
		}
	default:
		return invalid("AttributeName")
	}
	return nil
}

// openSubscription is the subscription that a form names, if the caller may take the action on it.
func (s *Service) openSubscription(ctx context.Context, form url.Values, action string) (subscription, error) {
	arn := form.Get("SubscriptionArn")
	key, _ := strings.CutPrefix(arn, s.arn(""))
	sub, found, err := s.subscriptions.Get(key)
	if err == nil && (!found || s.subscriptionARN(sub) != arn) {
		err = failure(http.StatusNotFound, "NotFound", "Subscription does not exist")
	}
	if err != nil {
		return sub, err
	}
	return sub, s.mayAct(ctx, wire.CallOf(ctx).Identity, "", action, s.arn(sub.Topic))
}

func (s *Service) unsubscribe(ctx context.Context, form url.Values) (any, error) {
	sub, err := s.openSubscription(ctx, form, "Unsubscribe")
	if err != nil {
		return nil, err
	}
	return nil, s.subscriptions.Delete(sub.key())
}

func (s *Service) getSubscriptionAttributes(ctx context.Context, form url.Values) (any, error) {
	sub, err := s.openSubscription(ctx, form, "GetSubscriptionAttributes")
	return attributesOutput{entries(map[string]string{
		"SubscriptionArn": s.subscriptionARN(sub), "TopicArn": s.arn(sub.Topic), "Protocol": sub.Protocol, "Endpoint": sub.Endpoint, "Owner": s.cfg.Account,
		"RawMessageDelivery": strconv.FormatBool(sub.Raw), "PendingConfirmation": "false", "ConfirmationWasAuthenticated": "true",
		"SubscriptionPrincipal": wire.CallOf(ctx).Identity.ARN,
	})}, err
}

func (s *Service) setSubscriptionAttributes(ctx context.Context, form url.Values) (any, error) {
	sub, err := s.openSubscription(ctx, form, "SetSubscriptionAttributes")
	if err != nil {
		return nil, err
	}
	return nil, s.subscriptions.Update(sub.key(), func(sub *subscription, _ bool) error {
		return sub.set(form.Get("AttributeName"), form.Get("AttributeValue"))
	})
}

type listedSubscription struct {
	SubscriptionARN string `xml:"SubscriptionArn"`
	Owner           string
	Protocol        string
	Endpoint        string
	TopicARN        string `xml:"TopicArn"`
}

type listSubscriptionsOutput struct {
	Subscriptions []listedSubscription `xml:"Subscriptions>member"`
	NextToken     string               `xml:",omitempty"`
}

func (s *Service) listSubscriptions(ctx context.Context, form url.Values) (any, error) {
	if err := s.mayAct(ctx, wire.CallOf(ctx).Identity, "", "ListSubscriptions", s.arn("*")); err != nil {
		return nil, err
	}
	return s.listed(ctx, form, "")
}

func (s *Service) listSubscriptionsByTopic(ctx context.Context, form url.Values) (any, error) {
	t, err := s.open(ctx, form, "TopicArn", "ListSubscriptionsByTopic")
	if err != nil {
		return nil, err
	}
	return s.listed(ctx, form, t.Name+":")
}

func (s *Service) listed(ctx context.Context, form url.Values, prefix string) (out listSubscriptionsOutput, err error) {
	all := map[string]subscription{}
	var keys []string
	err = s.subscriptions.Each(prefix, func(key string, sub subscription) bool {
		keys, all[key] = append(keys, key), sub
		return true
	})
	if err != nil {
		return out, err
	}
	keys, out.NextToken, err = page(ctx, form, keys)
	for _, key := range keys {
		sub := all[key]
		out.Subscriptions = append(out.Subscriptions, listedSubscription{s.subscriptionARN(sub), s.cfg.Account, sub.Protocol, sub.Endpoint, s.arn(sub.Topic)})
	}
	return out, err
}

// newID makes a UUID, version 4.
func newID() string {
	var u [16]byte
	_, _ = rand.Read(u[:]) // never fails
	u[6], u[8] = u[6]&0x0f|0x40, u[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", u[:4], u[4:6], u[6:8], u[8:10], u[10:])
}
