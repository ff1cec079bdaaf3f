package scheduler

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/scar-go/scar/local/clock"
)

// occurrence is one time at which a schedule was due and that is not handed over yet.
type occurrence struct {
	ID        string    // of the execution
	Scheduled time.Time // when it was due
	Attempts  int       // that have failed
	Due       time.Time // no attempt before
}

// The pause before the first retry, and the longest; each is twice the one before. AWS says no more than that it backs off.
const (
	firstPause = time.Second
	maxPause   = time.Hour
)

// maxSleep is how long the clockwork trusts a timer: those of a machine that sleeps stop, and its clock does not.
const maxSleep = time.Minute

// errGone says that a schedule was deleted or changed meanwhile.
var errGone = errors.New("the schedule is gone")

// rouse makes the clockwork look at the schedules again.
func (s *Service) rouse() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// run starts what is due, until the context ends.
func (s *Service) run(ctx context.Context) {
	for ctx.Err() == nil {
		now := s.cfg.Clock.Now()
		due, next, err := s.due(now)
		if err != nil {
			s.cfg.Log.Error("the schedules cannot be read", "error", err)
		}
		for _, key := range due {
			failed := s.fire(ctx, key, now)
			if failed != nil && ctx.Err() == nil {
				s.cfg.Log.Error("a schedule cannot be run", "schedule", key, "error", failed)
			}
			err = cmp.Or(err, failed) // those that cannot be stored must not be tried without a pause
		}
		if len(due) > 0 && err == nil {
			continue
		}
		if latest := now.Add(maxSleep); err != nil || next.IsZero() || next.After(latest) {
			next = latest
		}
		select {
		case <-clock.At(s.cfg.Clock, next):
		case <-s.wake:
		case <-ctx.Done():
		}
	}
}

// due are the schedules that have something to do, or the time when the first will; zero: none will.
func (s *Service) due(now time.Time) (keys []string, next time.Time, err error) {
	err = s.schedules.Each("", func(key string, sc schedule) bool {
		switch first := sc.first(); {
		case first.IsZero():
		case !first.After(now):
			keys = append(keys, key)
		case next.IsZero() || first.Before(next):
			next = first
		}
		return true
	})
	return keys, next, err
}

// first is when the schedule has something to do; zero: never.
func (sc *schedule) first() time.Time {
	first := sc.Next
	for _, o := range sc.Pending {
		if first.IsZero() || o.Due.Before(first) {
			first = o.Due
		}
	}
	return first
}

// fire hands over what is due of a schedule. That it is due is stored first and that it was handed over last, so that a crash loses
// nothing, and repeats at most what it cut off.
func (s *Service) fire(ctx context.Context, key string, now time.Time) error {
	var sc schedule
	err := s.schedules.Update(key, func(stored *schedule, found bool) error {
		if !found {
			return errGone
		}
		stored.collect(now)
		sc = *stored
		return nil
	})
	if errors.Is(err, errGone) {
		return nil
	}
	if err != nil {
		return err
	}
	outcomes := map[string]error{}
	for _, o := range sc.Pending {
		if !o.Due.After(now) {
			outcomes[o.ID] = s.start(ctx, sc, o)
		}
	}
	if ctx.Err() != nil {
		return ctx.Err() // the service stops: attempts that it cut off do not count
	}
	return s.settle(key, outcomes, now)
}

// collect makes an occurrence of the time that is due, and plans the next. Of times that were missed, the last counts, if it is
// young enough.
func (sc *schedule) collect(now time.Time) {
	if sc.Next.IsZero() || sc.Next.After(now) {
		return
	}
	e, err := parseExpression(sc.Settings.ScheduleExpression, sc.Settings.ScheduleExpressionTimezone)
	if err != nil {
		sc.Next = time.Time{} // it was good when it was stored, by another release: there is no time to go by
		return
	}
	missed := sc.Next
	for !sc.Next.IsZero() && !sc.Next.After(now) {
		missed = sc.Next
		sc.plan(e, missed)
	}
	if now.Sub(missed) <= sc.maxAge() {
		sc.Pending = append(sc.Pending, occurrence{ID: rand.Text(), Scheduled: missed, Due: now})
	}
}

func (sc *schedule) maxAge() time.Duration {
	return time.Duration(*sc.Settings.Target.RetryPolicy.MaximumEventAgeInSeconds) * time.Second
}

// settle stores how attempts ended: what succeeded is forgotten, what failed is tried again or given up.
func (s *Service) settle(key string, outcomes map[string]error, now time.Time) error {
	done := false
	err := s.schedules.Update(key, func(sc *schedule, found bool) error {
		if !found {
			return errGone
		}
		var left []occurrence
		for _, o := range sc.Pending {
			err, tried := outcomes[o.ID]
			switch {
			case !tried:
				left = append(left, o)
			case err != nil:
				left = append(left, s.retried(sc, o, err, now)...)
			}
		}
		sc.Pending = left
		done = sc.completed()
		return nil
	})
	if err == nil && done {
		err = s.schedules.Remove(key, func(sc schedule, found bool) error {
			if !found || !sc.completed() {
				return errGone // changed meanwhile
			}
			return nil
		})
	}
	if errors.Is(err, errGone) {
		return nil
	}
	return err
}

// completed says whether a schedule is to be deleted because it has nothing to do any more.
func (sc *schedule) completed() bool {
	set := sc.Settings
	return set.ActionAfterCompletion == afterDelete && set.State == enabled && sc.Next.IsZero() && len(sc.Pending) == 0
}

// retried is the occurrence as it waits for its next attempt, or nothing if that was the last.
func (s *Service) retried(sc *schedule, o occurrence, err error, now time.Time) []occurrence {
	o.Attempts++
	pause := min(firstPause<<min(o.Attempts-1, 20), maxPause)
	o.Due = now.Add(pause)
	final := o.Attempts > *sc.Settings.Target.RetryPolicy.MaximumRetryAttempts || o.Due.Sub(o.Scheduled) > sc.maxAge()
	s.cfg.Log.Warn("a schedule cannot start its function", "schedule", scheduleKey(sc.Group, sc.Name), "attempt", o.Attempts, "final", final, "error", err)
	if final {
		return nil
	}
	return []occurrence{o}
}

// start hands an occurrence to the function, with the rights of the schedule's role.
func (s *Service) start(ctx context.Context, sc schedule, o occurrence) error {
	t := sc.Settings.Target
	id, err := s.cfg.Roles.Assume(ctx, t.RoleARN, servicePrincipal, s.groupARN(sc.Group), sessionName)
	if err != nil {
		return err
	}
	const action = "lambda:InvokeFunction"
	allowed, err := s.cfg.Roles.Allowed(ctx, id, action, t.ARN, nil)
	if err != nil {
		return err
	}
	if !allowed {
		return fmt.Errorf("the role %s does not allow %s on %s", t.RoleARN, action, t.ARN)
	}
	payload, err := s.payload(sc, o)
	if err != nil {
		return err
	}
	_, err = s.cfg.Invoker.InvokeEvent(ctx, t.ARN, payload, s.scheduleARN(sc.Group, sc.Name))
	return err
}

// document is what Scheduler sends where a schedule has no input of its own. Its detail is a text, unlike that of EventBridge.
type document struct {
	Version    string   `json:"version"`
	ID         string   `json:"id"`
	DetailType string   `json:"detail-type"`
	Source     string   `json:"source"`
	Account    string   `json:"account"`
	Time       string   `json:"time"`
	Region     string   `json:"region"`
	Resources  []string `json:"resources"`
	Detail     string   `json:"detail"`
}

func (s *Service) payload(sc schedule, o occurrence) ([]byte, error) {
	arn, at := s.scheduleARN(sc.Group, sc.Name), o.Scheduled.UTC().Format(time.RFC3339)
	if sc.Settings.Target.Input == nil {
		return json.Marshal(document{
			Version: "0", ID: o.ID, DetailType: "Scheduled Event", Source: "aws.scheduler", Account: s.cfg.Account,
			Time: at, Region: s.cfg.Region, Resources: []string{arn}, Detail: "{}",
		})
	}
	// "Adding context attributes" in the user guide. None of the values needs an escape in JSON.
	return []byte(strings.NewReplacer(
		"<aws.scheduler.schedule-arn>", arn, "<aws.scheduler.scheduled-time>", at,
		"<aws.scheduler.execution-id>", o.ID, "<aws.scheduler.attempt-number>", strconv.Itoa(o.Attempts+1),
	).Replace(*sc.Settings.Target.Input)), nil
}
