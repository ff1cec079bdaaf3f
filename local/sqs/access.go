package sqs

import (
	"context"
	"net/http"
	"strings"

	"github.com/scar-go/scar/local/wire"
)

// mayUse refuses callers that neither their role nor the queue's policy lets take an action, such as SendMessage.
func (s *Service) mayUse(ctx context.Context, q queue, action string) error {
	return s.mayAct(ctx, wire.CallOf(ctx).Identity, q.value("Policy"), action, s.arn(q.Name))
}

// mayList is mayUse for a call that is about no queue.
func (s *Service) mayList(ctx context.Context) error {
	return s.mayAct(ctx, wire.CallOf(ctx).Identity, "", "ListQueues", s.arn("*"))
}

func (s *Service) mayAct(ctx context.Context, id wire.Identity, policy, action, resource string) error {
	allowed, err := s.cfg.Policies.AllowedOn(ctx, id, policy, "sqs:"+action, resource, nil)
	if err != nil || allowed {
		return err
	}
	// SQS writes its actions in lower case.
	action = "sqs:" + strings.ToLower(action)
	return wire.Errorf(http.StatusForbidden, "AccessDenied",
		"User: %s is not authorized to perform: %s on resource: %s because no identity-based policy allows the %s action", id.ARN, action, resource, action)
}

// CheckSend says whether a queue's policy lets a service send to it on behalf of a resource of an account. The error is
// SQS's where it does not, or where there is no such queue.
func (s *Service) CheckSend(_ context.Context, queueARN, service, sourceARN, sourceAccount string) error {
	q, err := s.byARN(queueARN)
	if err != nil {
		return err
	}
	conditions := map[string][]string{"aws:SourceArn": {sourceARN}, "aws:SourceAccount": {sourceAccount}}
	allowed, err := s.cfg.Policies.ServiceAllowedOn(q.value("Policy"), service, "sqs:SendMessage", queueARN, conditions)
	if err != nil || allowed {
		return err
	}
	return wire.Errorf(http.StatusForbidden, "AccessDenied",
		"%s is not authorized to perform: sqs:sendmessage on resource: %s because no resource-based policy allows the sqs:sendmessage action", service, queueARN)
}

// CheckCaller says whether a caller may take an action, such as SendMessage or ReceiveMessage, on a queue.
func (s *Service) CheckCaller(ctx context.Context, id wire.Identity, queueARN, action string) error {
	q, err := s.byARN(queueARN)
	if err != nil {
		return err
	}
	return s.mayAct(ctx, id, q.value("Policy"), action, queueARN)
}
