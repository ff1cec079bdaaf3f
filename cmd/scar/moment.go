package main

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// momentHelp says what the flags take that parseTime reads.
const momentHelp = "a duration back from now (90s, 10m, 24h, 7d), or a time (RFC 3339)"

// parseTime reads a time, or a duration back from now. A day, which Go has no unit for, is 24 hours.
func parseTime(flag, text string, now time.Time) (time.Time, error) {
	if at, err := time.Parse(time.RFC3339, text); err == nil {
		return at.UTC(), nil
	}
	back, err := time.ParseDuration(text)
	if number, days := strings.CutSuffix(text, "d"); days {
		var n uint64
		n, err = strconv.ParseUint(number, 10, 16)
		back = time.Duration(n) * 24 * time.Hour
	}
	switch {
	case err != nil:
		return time.Time{}, fmt.Errorf("%s %q: want a duration such as 10m or 7d, or a time such as 2026-01-31T08:00:00Z", flag, text)
	case back < 0:
		return time.Time{}, fmt.Errorf("%s: a duration is counted back from now, without a sign", flag)
	}
	return now.Add(-back).UTC(), nil
}
