package s3

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"go.etcd.io/bbolt"

	"github.com/scar-go/scar/local/wire"
)

const (
	outboxBatch = 16 // events that are delivered before they are crossed off in one transaction
	firstPause  = 250 * time.Millisecond
	longPause   = time.Minute
	giveUpAfter = 24 * time.Hour
)

// servicePrincipal is who S3 is when it sends an event.
const servicePrincipal = "s3.amazonaws.com"

// wakeDelivery tells Run that there may be events.
func (s *Service) wakeDelivery() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// Idle waits until every event so far has been handed to its target, or is lost because the target cannot
// take it. Run must be running. It returns the context's error if that comes first.
func (s *Service) Idle(ctx context.Context) error {
	for {
		moved := s.movedOn()
		batch, err := s.outboxFrom(nil)
		if err != nil || len(batch) == 0 {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-moved:
		}
	}
}

// movedOn returns a channel that is closed when events next leave the outbox.
func (s *Service) movedOn() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.moved == nil {
		s.moved = make(chan struct{})
	}
	return s.moved
}

// tellMoved wakes those who wait for events to leave the outbox.
func (s *Service) tellMoved() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.moved != nil {
		close(s.moved)
		s.moved = nil
	}
}

// deliverLoop delivers what is in the outbox, in order, until ctx is done. What a target cannot take
// now is tried again later and does not hold up the rest. A crash between delivering an event and
// crossing it off delivers it twice, as S3 may.
func (s *Service) deliverLoop(ctx context.Context) error {
	for ctx.Err() == nil {
		next, err := s.deliverDue(ctx)
		if err != nil && ctx.Err() == nil {
			s.Log.Error("deliver S3 events", "error", err)
			next = longPause
		}
		var again <-chan time.Time
		if next > 0 {
			again = s.Clock.After(next)
		}
		select {
		case <-ctx.Done():
		case <-s.wake:
		case <-again:
		}
	}
	return nil
}

// waiting is an entry of the outbox with its place.
type waiting struct {
	at []byte
	pending
}

// deliverDue delivers everything that is due, and returns how long the earliest of the rest wants to
// wait; 0 if there is no rest.
func (s *Service) deliverDue(ctx context.Context) (next time.Duration, err error) {
	var from []byte
	for {
		batch, err := s.outboxFrom(from)
		if err != nil || len(batch) == 0 {
			return next, err
		}
		from = append(batch[len(batch)-1].at, 0)
		pause, err := s.deliverBatch(ctx, batch)
		if err != nil {
			return 0, err
		}
		if pause > 0 && (next == 0 || pause < next) {
			next = pause
		}
	}
}

// outboxFrom reads the next entries.
func (s *Service) outboxFrom(from []byte) (batch []waiting, err error) {
	err = s.view(func(tx *bbolt.Tx) error {
		c := tx.Bucket(tableOutbox).Cursor()
		for k, v := c.Seek(from); k != nil && len(batch) < outboxBatch; k, v = c.Next() {
			w := waiting{at: append([]byte(nil), k...)}
			if err := json.Unmarshal(v, &w.pending); err != nil {
				return fmt.Errorf("read event %d: %w", binary.BigEndian.Uint64(k), err)
			}
			batch = append(batch, w)
		}
		return nil
	})
	return batch, err
}

// deliverBatch delivers what is due of a batch and crosses it off.
func (s *Service) deliverBatch(ctx context.Context, batch []waiting) (next time.Duration, err error) {
	var done, later []waiting
	for _, w := range batch {
		pause := w.After.Sub(s.Clock.Now())
		if pause <= 0 {
			if ctx.Err() != nil {
				break
			}
			if pause = s.deliver(ctx, &w); pause == 0 {
				done = append(done, w)
				continue
			}
			later = append(later, w)
		}
		if next == 0 || pause < next {
			next = pause
		}
	}
	if len(done)+len(later) == 0 {
		return next, nil
	}
	defer s.tellMoved()
	return next, s.update(func(tx *bbolt.Tx) error {
		outbox := tx.Bucket(tableOutbox)
		for _, w := range done {
			if err := outbox.Delete(w.at); err != nil {
				return err
			}
		}
		for _, w := range later {
			if err := write(outbox, w.at, w.pending); err != nil {
				return err
			}
		}
		return nil
	})
}

// deliver hands an event to its target. It returns 0 if the event is done with, be it lost, or else
// how long to wait before the next try.
func (s *Service) deliver(ctx context.Context, w *waiting) time.Duration {
	err := s.maySend(ctx, w.Bucket, w.Target)
	if err == nil {
		err = s.Targets.Send(ctx, w.Target, w.Payload, s.bucketARN(w.Bucket))
	}
	now := s.Clock.Now()
	switch {
	case err == nil:
		return 0
	case ctx.Err() != nil:
		return firstPause // not the target's fault: the next run tries again
	case final(err), now.Sub(w.Since) > giveUpAfter:
		s.Log.Warn("S3 event is lost", "target", w.Target, "bucket", w.Bucket, "error", err)
		return 0
	}
	pause := min(firstPause<<min(w.Attempts, 16), longPause)
	w.Attempts++
	w.After = now.Add(pause)
	return pause
}

// maySend asks a target whether S3 may send it events of the bucket.
func (s *Service) maySend(ctx context.Context, bucket, target string) error {
	return s.Targets.Check(ctx, target, servicePrincipal, s.bucketARN(bucket), s.Account)
}

// final says whether an error is an answer that another try would get too: the target is gone, S3 may
// not send to it, or it does not take the event.
func final(err error) bool {
	var e *wire.Error
	return errors.As(err, &e) && e.Status >= 400 && e.Status < 500 && e.Status != http.StatusTooManyRequests
}
