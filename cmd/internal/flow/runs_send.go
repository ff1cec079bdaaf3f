package flow

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/scar-go/scar/planner"
	"github.com/scar-go/scar/runs"
	"github.com/scar-go/scar/spec"
)

// invokerOf is what invokes a function for each object of a run. Each call is sent once: the run knows what to do about one
// that fails.
func (a *Account) invokerOf(fn *Deployed, connections int) runs.Invoker {
	client := a.invokeClient(time.Duration(fn.Timeout)*time.Second+afterTimeout, 1)
	wide := lambda.New(client.Options(), func(o *lambda.Options) { o.HTTPClient = wideClient(o.HTTPClient, connections) })
	return &sweepInvoker{account: a, client: wide, fn: fn}
}

type sweepInvoker struct {
	account *Account
	client  *lambda.Client
	fn      *Deployed
}

// Invoke implements [runs.Invoker].
func (i *sweepInvoker) Invoke(ctx context.Context, e runs.Event) (runs.Answer, error) {
	payload, err := i.account.sweepEvent(e)
	if err != nil {
		return runs.Answer{}, err
	}
	out, err := invoke(ctx, i.client, i.fn.Name, &lambda.InvokeInput{FunctionName: &i.fn.Name, Payload: payload})
	if err != nil {
		return runs.Answer{}, i.judge(payload, err)
	}
	answer, err := newAnswer(i.fn, out)
	if err != nil {
		// It has ended well, and what it answered cannot be read: the record tells more.
		return runs.Answer{}, &runs.DoubtfulError{Err: err}
	}
	return runs.Answer{RequestID: answer.RequestID, Failed: answer.Failure}, nil
}

// judge says what an invocation that was not answered means for a run.
func (i *sweepInvoker) judge(payload []byte, err error) error {
	if _, notReady := isNotReady(err); isThrottled(err) || notReady {
		return &runs.ThrottledError{Err: err}
	}
	var unanswered *UnansweredError
	var answered *awshttp.ResponseError
	switch {
	case errors.As(err, &unanswered):
		return &runs.DoubtfulError{Err: unanswered.Err}
	case errors.As(err, &answered) && answered.HTTPStatusCode() >= 500:
		return &runs.DoubtfulError{Err: explainCall(err)}
	case errors.As(err, &answered):
		return explainInvoke(i.fn, payload, MaxPayload, err)
	}
	// Nothing was sent: there is no connection, or no credentials. Throttling and that alike may pass; the run gives up if
	// it does not.
	if explained := explainCall(err); errors.Is(explained, errNoCredentials) {
		return explained
	}
	return &runs.ThrottledError{Err: explainCall(err)}
}

// sweepEvent is the event of an object as S3 writes it. Without the ETag, no function takes it for a duplicate.
func (a *Account) sweepEvent(e runs.Event) ([]byte, error) {
	etag := e.ETag
	if e.Again {
		etag = ""
	}
	return a.objectEvent(e.Bucket, e.Key, etag, e.Size, e.Modified)
}

// queueOf is the queue that a function takes its events from.
func (a *Account) queueOf(ctx context.Context, project string, fn *spec.Function) (*sweepQueue, error) {
	q := &sweepQueue{account: a, client: sqs.NewFromConfig(a.config), name: planner.QueueName(project, fn.Name)}
	in := &sqs.GetQueueUrlInput{QueueName: &q.name}
	if arn := fn.Queue.ARN; arn != "" {
		q.name, _ = planner.QueueOfARN(arn)
		in.QueueOwnerAWSAccountId = sdk.String(strings.Split(arn+"::::", ":")[4])
	}
	out, err := q.client.GetQueueUrl(ctx, in)
	var absent *types.QueueDoesNotExist
	if errors.As(err, &absent) {
		return nil, fmt.Errorf("there is no queue %s: apply the file first", q.name)
	}
	if err != nil {
		return nil, fmt.Errorf("find the queue of function %q: %w", fn.Name, explainCall(err))
	}
	q.url = sdk.ToString(out.QueueUrl)
	attributes, err := q.attributes(ctx, types.QueueAttributeNameRedrivePolicy)
	if err != nil {
		return nil, err
	}
	q.receives, err = maxReceives(attributes[string(types.QueueAttributeNameRedrivePolicy)])
	return q, err
}

// maxReceives reads a redrive policy, whose count may be a number or a text of one.
func maxReceives(policy string) (int, error) {
	if policy == "" {
		return 0, nil
	}
	var p struct {
		MaxReceives json.Number `json:"maxReceiveCount"`
	}
	if err := json.Unmarshal([]byte(policy), &p); err != nil {
		return 0, fmt.Errorf("read the redrive policy %q: %w", policy, err)
	}
	n, err := strconv.Atoi(p.MaxReceives.String())
	if err != nil {
		return 0, fmt.Errorf("read the redrive policy %q: %w", policy, err)
	}
	return n, nil
}

type sweepQueue struct {
	account   *Account
	client    *sqs.Client
	name, url string
	receives  int
}

func (q *sweepQueue) attributes(ctx context.Context, names ...types.QueueAttributeName) (map[string]string, error) {
	out, err := q.client.GetQueueAttributes(ctx, &sqs.GetQueueAttributesInput{QueueUrl: &q.url, AttributeNames: names})
	if err != nil {
		return nil, fmt.Errorf("read queue %s: %w", q.name, explainCall(err))
	}
	return out.Attributes, nil
}

// MaxReceives implements [runs.Queue].
func (q *sweepQueue) MaxReceives() int { return q.receives }

// Empty implements [runs.Queue]. The counts are approximate, and right once nothing has happened for a minute
// (GetQueueAttributes in the API reference).
func (q *sweepQueue) Empty(ctx context.Context) (bool, error) {
	counts := []types.QueueAttributeName{
		types.QueueAttributeNameApproximateNumberOfMessages, types.QueueAttributeNameApproximateNumberOfMessagesNotVisible,
		types.QueueAttributeNameApproximateNumberOfMessagesDelayed,
	}
	attributes, err := q.attributes(ctx, counts...)
	if err != nil {
		return false, err
	}
	for _, name := range counts {
		if attributes[string(name)] != "0" {
			return false, nil
		}
	}
	return true, nil
}

// Send implements [runs.Queue].
func (q *sweepQueue) Send(ctx context.Context, events []runs.Event) []error {
	errs := make([]error, len(events))
	in := &sqs.SendMessageBatchInput{QueueUrl: &q.url}
	for i, e := range events {
		entry, err := q.entry(i, e)
		if errs[i] = err; err == nil {
			in.Entries = append(in.Entries, entry)
		}
	}
	out, err := q.client.SendMessageBatch(ctx, in)
	if err != nil {
		for i := range errs {
			errs[i] = errors.Join(errs[i], judgeQueued(err))
		}
		return errs
	}
	answered := map[string]error{}
	for _, failed := range out.Failed {
		answered[sdk.ToString(failed.Id)] = judgeEntry(failed)
	}
	for _, ok := range out.Successful {
		answered[sdk.ToString(ok.Id)] = nil
	}
	for i := range errs {
		err, found := answered[strconv.Itoa(i)]
		if !found {
			err = &runs.DoubtfulError{Err: errors.New("the answer says nothing of it")}
		}
		errs[i] = errors.Join(errs[i], err)
	}
	return errs
}

// entry is the message of an event. Those of a FIFO queue need a group, in which they are in order, and an id of which the
// queue takes one within five minutes.
func (q *sweepQueue) entry(i int, e runs.Event) (types.SendMessageBatchRequestEntry, error) {
	body, err := q.account.sweepEvent(e)
	entry := types.SendMessageBatchRequestEntry{Id: sdk.String(strconv.Itoa(i)), MessageBody: sdk.String(string(body))}
	if strings.HasSuffix(q.name, ".fifo") {
		sum := sha256.Sum256([]byte(e.Bucket + "/" + e.Key))
		entry.MessageGroupId = sdk.String(hex.EncodeToString(sum[:]))
		entry.MessageDeduplicationId = sdk.String(e.Run + "-" + hex.EncodeToString(sum[:]))
	}
	return entry, err
}

// judgeQueued says what a batch that was not answered means for a run. The client has tried several times by then.
func judgeQueued(err error) error {
	var answered *awshttp.ResponseError
	if errors.As(err, &answered) && answered.HTTPStatusCode() < 500 {
		return fmt.Errorf("send to the queue: %w", explainCall(err))
	}
	return &runs.DoubtfulError{Err: explainCall(err)}
}

func judgeEntry(failed types.BatchResultErrorEntry) error {
	err := fmt.Errorf("send to the queue: %s: %s", sdk.ToString(failed.Code), sdk.ToString(failed.Message))
	if failed.SenderFault {
		return err
	}
	return &runs.ThrottledError{Err: err}
}
