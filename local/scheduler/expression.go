package scheduler

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// atLayout is that of the time in at(…), which is in the time zone of the schedule.
const atLayout = "2006-01-02T15:04:05"

// expression is a parsed schedule expression: one of its kinds.
type expression struct {
	at   time.Time     // of at(…)
	rate time.Duration // of rate(…)
	cron *cron
	zone *time.Location
}

// parseExpression reads rate(…), cron(…) or at(…) in a time zone, which may be empty for UTC.
func parseExpression(text, zone string) (e expression, err error) {
	if e.zone, err = loadZone(zone); err != nil {
		return e, err
	}
	inner, closed := strings.CutSuffix(text, ")")
	kind, inner, opened := strings.Cut(inner, "(")
	if !closed || !opened {
		return e, errors.New("it must be rate(…), cron(…) or at(…)")
	}
	switch kind {
	case "rate":
		e.rate, err = parseRate(inner)
	case "cron":
		e.cron, err = parseCron(inner)
	case "at":
		e.at, err = time.ParseInLocation(atLayout, inner, e.zone)
	default:
		err = errors.New("it must be rate(…), cron(…) or at(…)")
	}
	return e, err
}

// loadZone takes names only: the machine that runs the backend has a zone of its own, "Local", which is nobody else's.
func loadZone(name string) (*time.Location, error) {
	if name == "" {
		return time.UTC, nil
	}
	if name == "Local" {
		return nil, fmt.Errorf("unknown time zone %s", name)
	}
	return time.LoadLocation(name)
}

// maxRate bounds the number in a rate, so that no multiple of it overflows.
const maxRate = 100_000

func parseRate(text string) (time.Duration, error) {
	value, unit, found := strings.Cut(text, " ")
	n, err := strconv.ParseUint(value, 10, 32)
	if !found || err != nil || n == 0 || n > maxRate {
		return 0, fmt.Errorf("a rate is a number from 1 to %d and a unit", maxRate)
	}
	units := map[string]time.Duration{"minute": time.Minute, "hour": time.Hour, "day": 24 * time.Hour}
	size, known := units[strings.TrimSuffix(unit, "s")]
	if !known {
		return 0, errors.New("the unit of a rate is minutes, hours or days")
	}
	return time.Duration(n) * size, nil
}

// next is the first time of the expression at which a schedule is due, not before from and later than after; false: there is none.
// A rate counts from from, at which it is due for the first time.
func (e expression) next(after, from time.Time) (time.Time, bool) {
	switch {
	case e.cron != nil:
		// A cron expression has no seconds: a time at the very beginning counts.
		if before := from.Add(-time.Nanosecond); before.After(after) {
			after = before
		}
		return e.cron.next(after, e.zone)
	case e.rate > 0:
		if after.Before(from) {
			return from, true
		}
		return from.Add((after.Sub(from)/e.rate + 1) * e.rate), true
	default:
		return e.at, e.at.After(after)
	}
}
