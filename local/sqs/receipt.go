package sqs

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"

	"go.etcd.io/bbolt"

	"github.com/scar-go/scar/local/wire"
)

const maxVisibility = 43200 // seconds

// receipt is the handle of one receive of a message: the queue, the message's number and the receive's own mark.
func receipt(queue string, number []byte, nonce string) string {
	return base64.StdEncoding.EncodeToString([]byte(queue + " " + hex.EncodeToString(number) + " " + nonce))
}

// parseReceipt takes a handle of a queue apart.
func parseReceipt(queue, handle string) (number []byte, nonce string, err error) {
	text, err := base64.StdEncoding.DecodeString(handle)
	if err != nil {
		return nil, "", errReceipt()
	}
	parts := strings.Split(string(text), " ")
	if len(parts) != 3 || parts[0] != queue {
		return nil, "", errReceipt()
	}
	number, err = hex.DecodeString(parts[1])
	if err != nil || len(number) != 8 {
		return nil, "", errReceipt()
	}
	return number, parts[2], nil
}

type deleteInput struct {
	QueueURL      string `json:"QueueUrl"`
	ID            string `json:"Id"` // in a batch
	ReceiptHandle string
}

func (s *Service) deleteMessage(ctx context.Context, in deleteInput) (out wire.Empty, err error) {
	q, err := s.open(ctx, in.QueueURL, "DeleteMessage")
	if err != nil {
		return out, err
	}
	if in.ReceiptHandle == "" {
		return out, errMissing("ReceiptHandle")
	}
	return out, s.edit(q, []string{in.ReceiptHandle}, s.remove)[0]
}

type visibilityInput struct {
	QueueURL          string `json:"QueueUrl"`
	ID                string `json:"Id"` // in a batch
	ReceiptHandle     string
	VisibilityTimeout *number
}

func (s *Service) changeMessageVisibility(ctx context.Context, in visibilityInput) (out wire.Empty, err error) {
	q, err := s.open(ctx, in.QueueURL, "ChangeMessageVisibility")
	if err != nil {
		return out, err
	}
	return out, s.hide(q, in)
}

// hide changes for how long a message that somebody works on is hidden.
func (s *Service) hide(q queue, in visibilityInput) error {
	seconds := in.VisibilityTimeout.or(-1)
	switch {
	case in.ReceiptHandle == "":
		return errMissing("ReceiptHandle")
	case in.VisibilityTimeout == nil:
		return errMissing("VisibilityTimeout")
	case seconds < 0 || seconds > maxVisibility:
		return errParameter(seconds, "VisibilityTimeout", "Must be between 0 and 43200.")
	}
	return s.edit(q, []string{in.ReceiptHandle}, s.hiding(time.Duration(seconds)*time.Second))[0]
}

// edition is what is done to one message that was received. Current says whether the handle is of the last receive.
type edition func(m messages, q queue, number []byte, st state, current bool) error

// edit does something to messages, in one transaction. There is an error for each handle, or nil.
func (s *Service) edit(q queue, handles []string, do edition) []error {
	errs := make([]error, len(handles))
	err := s.cfg.DB.Bolt().Update(func(tx *bbolt.Tx) error {
		m, _, err := messagesOf(tx, q.Name)
		if err != nil {
			return err
		}
		for i, handle := range handles {
			err := m.edit(q, handle, do)
			var refused *wire.Error
			if err != nil && !errors.As(err, &refused) {
				return err
			}
			errs[i] = err
		}
		return nil
	})
	if err != nil {
		for i := range errs {
			errs[i] = fmt.Errorf("change messages of queue %q: %w", q.Name, err)
		}
	}
	s.changed(q.Name)
	return errs
}

func (m messages) edit(q queue, handle string, do edition) error {
	number, nonce, err := parseReceipt(q.Name, handle)
	if err != nil {
		return err
	}
	st, found, err := m.loadState(number)
	if err != nil {
		return err
	}
	return do(m, q, number, st, found && st.Nonce == nonce)
}

// remove deletes a message. A handle that is no longer the message's, or of a message that is gone, does nothing: who deletes
// too late is not told. Only FIFO queues say that the message is somebody else's again.
func (s *Service) remove(m messages, q queue, number []byte, st state, current bool) error {
	if !current {
		return nil
	}
	if q.fifo() && !st.Visible.After(s.cfg.Clock.Now()) {
		return errParameter("the handle", "ReceiptHandle", "The receipt handle has expired.")
	}
	return m.remove(number, st)
}

func (s *Service) hiding(d time.Duration) edition {
	return func(m messages, _ queue, number []byte, st state, current bool) error {
		now := s.cfg.Clock.Now()
		if !current {
			return errParameter("the handle", "ReceiptHandle", "Message does not exist or is not available for visibility timeout change.")
		}
		if !st.Visible.After(now) {
			return failure(simpleQueueService+"MessageNotInflight", "The message referred to isn't in flight.")
		}
		next := st
		next.Visible = now.Add(d)
		return m.setState(number, st, next)
	}
}
