package local

import (
	"context"
	"encoding/json"

	"github.com/scar-go/scar/local/apigateway"
	"github.com/scar-go/scar/local/ec2"
	"github.com/scar-go/scar/local/efs"
	"github.com/scar-go/scar/local/iam"
	"github.com/scar-go/scar/local/lambda"
	"github.com/scar-go/scar/local/logs"
	"github.com/scar-go/scar/local/sqs"
)

// The services know each other by small interfaces of their own. What is here makes one service what another asks for.

// sessions gives Lambda the credentials of IAM.
type sessions struct{ iam *iam.Service }

func (s sessions) Session(ctx context.Context, roleARN, servicePrincipal, sessionName string) (lambda.Credentials, error) {
	c, err := s.iam.Session(ctx, roleARN, servicePrincipal, sessionName)
	return lambda.Credentials(c), err
}

// lines gives Lambda's lines to CloudWatch Logs.
type lines struct{ logs *logs.Service }

func (l lines) Append(ctx context.Context, group, stream string, events []lambda.LogEvent) error {
	out := make([]logs.Event, len(events))
	for i, e := range events {
		out[i] = logs.Event(e)
	}
	return l.logs.Append(ctx, group, stream, out)
}

// networks gives EFS the subnets of EC2.
type networks struct{ *ec2.Service }

func (n networks) Subnet(ctx context.Context, id string) (efs.Subnet, error) {
	s, err := n.Service.Subnet(ctx, id)
	return efs.Subnet{VPC: s.VPC, Zone: s.Zone, ZoneID: s.ZoneID, CIDR: s.CIDR, DefaultGroup: s.DefaultGroup}, err
}

// functions gives API Gateway the answers of Lambda.
type functions struct{ *lambda.Service }

func (f functions) Invoke(ctx context.Context, functionARN string, payload []byte) (apigateway.Result, error) {
	r, err := f.Service.Invoke(ctx, functionARN, payload)
	return apigateway.Result(r), err
}

// queues gives Lambda the messages of SQS.
type queues struct{ sqs *sqs.Service }

func (q queues) Receive(ctx context.Context, queueARN string, most int) ([]lambda.QueueMessage, error) {
	messages, err := q.sqs.Poll(ctx, queueARN, most)
	out := make([]lambda.QueueMessage, 0, len(messages))
	for _, m := range messages {
		given, wrong := givenAttributes(m.Given)
		if wrong != nil {
			return nil, wrong
		}
		out = append(out, lambda.QueueMessage{
			ID: m.ID, Receipt: m.Receipt, Body: m.Body, MD5: m.MD5, Attributes: m.Attributes, MessageAttributes: given,
			MD5OfAttributes: m.MD5OfGiven, ReceiveCount: m.ReceiveCount,
		})
	}
	return out, err
}

func (q queues) Delete(ctx context.Context, queueARN string, receipts []string) error {
	return q.sqs.Delete(ctx, queueARN, receipts)
}

func (q queues) Release(ctx context.Context, queueARN string, receipts []string) error {
	return q.sqs.Release(ctx, queueARN, receipts)
}

func (q queues) Hold(ctx context.Context, queueARN string, receipts []string) (bool, error) {
	return q.sqs.Hold(ctx, queueARN, receipts)
}

func (q queues) Attributes(ctx context.Context, queueARN string) (lambda.QueueAttributes, error) {
	info, err := q.sqs.Info(ctx, queueARN)
	return lambda.QueueAttributes{VisibilityTimeout: info.Visibility}, err
}

// givenAttributes are message attributes as Lambda's events write them.
func givenAttributes(given map[string]sqs.Attribute) (json.RawMessage, error) {
	type written struct {
		StringValue      *string  `json:"stringValue,omitempty"`
		BinaryValue      []byte   `json:"binaryValue,omitempty"`
		StringListValues []string `json:"stringListValues"`
		BinaryListValues [][]byte `json:"binaryListValues"`
		DataType         string   `json:"dataType"`
	}
	if len(given) == 0 {
		return nil, nil
	}
	out := map[string]written{}
	for name, a := range given {
		out[name] = written{a.StringValue, a.BinaryValue, []string{}, [][]byte{}, a.DataType}
	}
	return json.Marshal(out)
}
