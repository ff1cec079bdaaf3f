package local

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"

	"github.com/scar-go/scar/local/events"
	"github.com/scar-go/scar/local/wire"
)

// targets are what services of the backend send events to, by ARN. Each kind has a policy of its own that says who may.
type targets struct{ b *Backend }

// serviceOf is the service in an ARN.
func serviceOf(arn string) string {
	if parts := strings.SplitN(arn, ":", 6); len(parts) == 6 {
		return parts[2]
	}
	return ""
}

func noSuchTarget(arn string) error {
	return wire.Errorf(http.StatusNotFound, "ResourceNotFoundException", "The local backend has nothing that takes events at %s.", arn)
}

// Check says whether a target's policy lets a service send to it on behalf of a resource of an account.
func (t targets) Check(ctx context.Context, targetARN, principal, sourceARN, sourceAccount string) error {
	switch serviceOf(targetARN) {
	case "lambda":
		return t.b.lambda.CheckInvoke(ctx, targetARN, principal, sourceARN, sourceAccount)
	case "sqs":
		return t.b.sqs.CheckSend(ctx, targetARN, principal, sourceARN, sourceAccount)
	case "sns":
		return t.b.sns.CheckPublish(ctx, targetARN, principal, sourceARN, sourceAccount)
	case "events":
		return nil // services of the account may put events without being named
	}
	return noSuchTarget(targetARN)
}

// Send hands an event over, and returns once it is durable. Nothing is asked about rights.
func (t targets) Send(ctx context.Context, targetARN string, payload []byte, source string) error {
	switch serviceOf(targetARN) {
	case "lambda":
		_, err := t.b.lambda.InvokeEvent(ctx, targetARN, payload, source)
		return err
	case "sqs":
		_, err := t.b.sqs.Send(ctx, targetARN, string(payload), source)
		return err
	case "sns":
		subject := ""
		if serviceOf(source) == "s3" {
			subject = "Amazon S3 Notification"
		}
		return t.b.sns.Publish(ctx, targetARN, subject, string(payload))
	case "events":
		var e events.Event
		if err := json.Unmarshal(payload, &e); err != nil {
			return fmt.Errorf("send event to %s: %w", targetARN, err)
		}
		return t.b.events.Put(ctx, targetARN, e)
	}
	return noSuchTarget(targetARN)
}

// destinations take what Lambda says of asynchronous events, with the rights of the functions' roles.
type destinations struct{ b *Backend }

// deliveryRights are what the role of a function needs to tell a destination, by the destination's service.
var deliveryRights = map[string]string{
	"lambda": "lambda:InvokeFunction", "sqs": "sqs:SendMessage", "sns": "sns:Publish", "events": "events:PutEvents",
}

// Deliver gives a document to a bucket, where it gets that key, or to a queue, topic, event bus or function.
func (d destinations) Deliver(ctx context.Context, destinationARN, roleARN, key string, document []byte) error {
	select {
	case <-d.b.made: // events of an earlier process may end before all services are there
	case <-ctx.Done():
		return ctx.Err()
	}
	who, err := d.b.iam.Assume(ctx, roleARN, "lambda.amazonaws.com", "", "lambda-destination")
	if err != nil {
		return fmt.Errorf("tell %s: %w", destinationARN, err)
	}
	if bucket, found := strings.CutPrefix(destinationARN, "arn:"+wire.Partition(d.b.options.Region)+":s3:::"); found {
		// Lambda wants to list the bucket, too ("Adding a destination" in its developer guide).
		if err := d.allowed(ctx, who, "s3:ListBucket", destinationARN); err != nil {
			return err
		}
		return d.b.s3.Put(ctx, who, bucket, key, document)
	}
	service := serviceOf(destinationARN)
	action, known := deliveryRights[service]
	if !known {
		return noSuchTarget(destinationARN)
	}
	switch service {
	case "sqs":
		err = d.b.sqs.CheckCaller(ctx, who, destinationARN, "SendMessage")
	case "sns":
		err = d.b.sns.CheckCaller(ctx, who, destinationARN)
	default:
		err = d.allowed(ctx, who, action, destinationARN)
	}
	if err != nil {
		return err
	}
	if service == "events" {
		return d.putEvent(ctx, destinationARN, document)
	}
	return targets(d).Send(ctx, destinationARN, document, "")
}

// putEvent wraps a document as Lambda does for EventBridge ("Capturing records of Lambda asynchronous invocations" in its developer guide).
func (d destinations) putEvent(ctx context.Context, busARN string, document []byte) error {
	var in struct {
		RequestContext struct{ FunctionARN, Condition string }
	}
	if err := json.Unmarshal(document, &in); err != nil {
		return fmt.Errorf("tell %s: %w", busARN, err)
	}
	outcome := "Failure"
	if in.RequestContext.Condition == "Success" {
		outcome = "Success"
	}
	return d.b.events.Put(ctx, busARN, events.Event{
		Source: "lambda", DetailType: "Lambda Function Invocation Result - " + outcome,
		Resources: []string{busARN, in.RequestContext.FunctionARN}, Detail: document,
	})
}

func (d destinations) allowed(ctx context.Context, who wire.Identity, action, resource string) error {
	allowed, err := d.b.iam.Allowed(ctx, who, action, resource, nil)
	if err != nil || allowed {
		return err
	}
	return wire.Errorf(http.StatusForbidden, "AccessDeniedException",
		"User: %s is not authorized to perform: %s on resource: %s because no identity-based policy allows the %s action", who.ARN, action, resource, action)
}
