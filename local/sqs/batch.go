package sqs

import (
	"context"
	"slices"

	"github.com/scar-go/scar/local/wire"
)

const maxBatch = 10 // entries

var entryID = wire.Pattern(`^[A-Za-z0-9_-]{1,80}$`)

// batch is the input of a batch of calls.
type batch[E any] struct {
	QueueURL string `json:"QueueUrl"`
	Entries  []E
}

// failed is what went wrong with one entry of a batch.
type failed struct {
	ID          string `json:"Id" xml:"Id"`
	Code        string
	Message     string `json:",omitempty" xml:",omitempty"`
	SenderFault bool
}

func newFailed(id string, err error) failed {
	e := wire.AsError(err)
	return failed{ID: id, Code: e.Code, Message: e.Message, SenderFault: e.Status < 500}
}

// succeeded is an entry about which there is nothing more to say.
type succeeded struct {
	ID string `json:"Id" xml:"Id"`
}

// checkBatch refuses batches as a whole. Kind is the beginning of the entries' name.
func checkBatch(kind string, ids []string) error {
	if len(ids) == 0 {
		return failure(simpleQueueService+"EmptyBatchRequest", "There should be at least one %sBatchRequestEntry in the request.", kind)
	}
	if len(ids) > maxBatch {
		return failure(simpleQueueService+"TooManyEntriesInBatchRequest", "Maximum number of entries per request are %d. You have sent %d.", maxBatch, len(ids))
	}
	for i, id := range ids {
		if !entryID().MatchString(id) {
			return failure(simpleQueueService+"InvalidBatchEntryId", "A batch entry id can only contain alphanumeric characters, hyphens and underscores. It can be at most 80 letters long.")
		}
		if slices.Contains(ids[:i], id) {
			return failure(simpleQueueService+"BatchEntryIdsNotDistinct", "Id %s repeated.", id)
		}
	}
	return nil
}

func idsOf[E any](entries []E, id func(E) string) []string {
	out := make([]string, len(entries))
	for i, e := range entries {
		out[i] = id(e)
	}
	return out
}

type sendBatchOutput struct {
	Successful []sendOutput `xml:"SendMessageBatchResultEntry"`
	Failed     []failed     `json:",omitempty" xml:"BatchResultErrorEntry"`
}

func (s *Service) sendMessageBatch(ctx context.Context, in batch[sendInput]) (out sendBatchOutput, err error) {
	q, err := s.open(ctx, in.QueueURL, "SendMessage")
	if err != nil {
		return out, err
	}
	ids := idsOf(in.Entries, func(e sendInput) string { return e.ID })
	if err := checkBatch("SendMessage", ids); err != nil {
		return out, err
	}
	size := 0
	for _, e := range in.Entries {
		size += content{Body: e.MessageBody, Attributes: e.MessageAttributes}.size()
	}
	if size > maxMessage {
		return out, failure(simpleQueueService+"BatchRequestTooLong", "Batch requests cannot be longer than %d bytes. You have sent %d bytes.", maxMessage, size)
	}
	results, err := s.send(ctx, q, in.Entries)
	out.Successful = []sendOutput{}
	for i, r := range results {
		if r.err != nil {
			out.Failed = append(out.Failed, newFailed(ids[i], r.err))
			continue
		}
		out.Successful = append(out.Successful, r.sendOutput)
	}
	return out, err
}

type deleteBatchOutput struct {
	Successful []succeeded `xml:"DeleteMessageBatchResultEntry"`
	Failed     []failed    `json:",omitempty" xml:"BatchResultErrorEntry"`
}

func (s *Service) deleteMessageBatch(ctx context.Context, in batch[deleteInput]) (out deleteBatchOutput, err error) {
	q, err := s.open(ctx, in.QueueURL, "DeleteMessage")
	if err != nil {
		return out, err
	}
	ids := idsOf(in.Entries, func(e deleteInput) string { return e.ID })
	if err := checkBatch("DeleteMessage", ids); err != nil {
		return out, err
	}
	errs := s.edit(q, idsOf(in.Entries, func(e deleteInput) string { return e.ReceiptHandle }), s.remove)
	out.Successful, out.Failed = results(ids, errs)
	return out, nil
}

type visibilityBatchOutput struct {
	Successful []succeeded `xml:"ChangeMessageVisibilityBatchResultEntry"`
	Failed     []failed    `json:",omitempty" xml:"BatchResultErrorEntry"`
}

func (s *Service) changeMessageVisibilityBatch(ctx context.Context, in batch[visibilityInput]) (out visibilityBatchOutput, err error) {
	q, err := s.open(ctx, in.QueueURL, "ChangeMessageVisibility")
	if err != nil {
		return out, err
	}
	ids := idsOf(in.Entries, func(e visibilityInput) string { return e.ID })
	if err := checkBatch("ChangeMessageVisibility", ids); err != nil {
		return out, err
	}
	errs := make([]error, len(in.Entries))
	for i, e := range in.Entries {
		errs[i] = s.hide(q, e)
	}
	out.Successful, out.Failed = results(ids, errs)
	return out, nil
}

func results(ids []string, errs []error) (done []succeeded, wrong []failed) {
	done = []succeeded{}
	for i, err := range errs {
		if err != nil {
			wrong = append(wrong, newFailed(ids[i], err))
			continue
		}
		done = append(done, succeeded{ids[i]})
	}
	return done, wrong
}
