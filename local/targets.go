package local

import (
	"context"
	"fmt"
	"net/http"
	"strings"

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
	if service == "sqs" {
		err = d.b.sqs.CheckCaller(ctx, who, destinationARN, "SendMessage")
	} else {
		err = d.allowed(ctx, who, action, destinationARN)
	}
	if err != nil {
		return err
	}
	return targets(d).Send(ctx, destinationARN, document, "")
}

func (d destinations) allowed(ctx context.Context, who wire.Identity, action, resource string) error {
	allowed, err := d.b.iam.Allowed(ctx, who, action, resource, nil)
	if err != nil || allowed {
		return err
	}
	return wire.Errorf(http.StatusForbidden, "AccessDeniedException",
		"User: %s is not authorized to perform: %s on resource: %s because no identity-based policy allows the %s action", who.ARN, action, resource, action)
}
