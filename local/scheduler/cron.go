package scheduler

import (
	"errors"
	"fmt"
	"math/bits"
	"strconv"
	"strings"
	"time"
)

// The years that cron expressions can name, from "Schedule types on EventBridge Scheduler" in its user guide, as is all that
// follows about their syntax.
const (
	firstYear = 1970
	lastYear  = 2199
)

// cron is a parsed cron expression: minutes, hours, day of month, month, day of week, year. Sets are bit masks by value.
type cron struct {
	minutes, hours, months uint64
	days                   dayRule
	years                  [lastYear - firstYear + 1]bool
}

// dayRule says which days of a month fit. Exactly one of the kinds is used, besides the sets, which come together with nothing.
type dayRule struct {
	ofMonth uint64 // set of 1 to 31; 0: not by day of the month
	ofWeek  uint64 // set of 1 (Sunday) to 7; 0: not by day of the week

	last        bool // the last day of the month (L)
	lastWeekday bool // the last Monday to Friday of the month (LW)
	nearest     int  // the Monday to Friday nearest to this day, within the month (15W)
	lastOf      int  // the last such day of the week in the month (6L)
	nth, nthOf  int  // the nth such day of the week in the month (6#3)
}

// field is one of the fields of an expression.
type field struct {
	name     string
	min, max int
	names    []string // of the values from min on
}

var (
	minuteField  = field{"minutes", 0, 59, nil}
	hourField    = field{"hours", 0, 23, nil}
	dayField     = field{"day-of-month", 1, 31, nil}
	monthField   = field{"month", 1, 12, []string{"JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"}}
	weekdayField = field{"day-of-week", 1, 7, []string{"SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"}}
	yearField    = field{"year", firstYear, lastYear, nil}
)

// parseCron reads what is between the brackets of cron(…).
func parseCron(text string) (*cron, error) {
	parts := strings.Fields(text)
	if len(parts) != 6 {
		return nil, fmt.Errorf("a cron expression has 6 fields, not %d", len(parts))
	}
	c := &cron{}
	var err error
	if c.minutes, err = minuteField.set(parts[0]); err != nil {
		return nil, err
	}
	if c.hours, err = hourField.set(parts[1]); err != nil {
		return nil, err
	}
	if c.months, err = monthField.set(parts[3]); err != nil {
		return nil, err
	}
	if c.days, err = parseDays(parts[2], parts[4]); err != nil {
		return nil, err
	}
	err = yearField.each(parts[5], func(year int) { c.years[year-firstYear] = true })
	return c, err
}

func parseDays(ofMonth, ofWeek string) (d dayRule, err error) {
	switch {
	case ofMonth == "?" && ofWeek == "?":
		return d, errors.New("day-of-month and day-of-week cannot both be ?")
	case ofWeek == "?":
		err = d.parseOfMonth(ofMonth)
	case ofMonth == "?":
		err = d.parseOfWeek(ofWeek)
	default:
		err = errors.New("one of day-of-month and day-of-week must be ?")
	}
	return d, err
}

func (d *dayRule) parseOfMonth(text string) (err error) {
	day, nearest := strings.CutSuffix(text, "W")
	switch {
	case text == "L":
		d.last = true
	case text == "LW":
		d.lastWeekday = true
	case nearest:
		d.nearest, err = dayField.value(day)
	default:
		d.ofMonth, err = dayField.set(text)
	}
	return err
}

func (d *dayRule) parseOfWeek(text string) (err error) {
	if text == "L" {
		d.ofWeek = 1 << weekdayField.max // the last day of the week
		return nil
	}
	if day, last := strings.CutSuffix(text, "L"); last {
		d.lastOf, err = weekdayField.value(day)
		return err
	}
	day, nth, found := strings.Cut(text, "#")
	if !found {
		d.ofWeek, err = weekdayField.set(text)
		return err
	}
	if d.nthOf, err = weekdayField.value(day); err != nil {
		return err
	}
	d.nth, err = field{name: "the number after #", min: 1, max: 5}.value(nth)
	return err
}

func (f field) set(text string) (set uint64, err error) {
	err = f.each(text, func(value int) { set |= 1 << value })
	return set, err
}

// each calls add for every value of a list of values, ranges and steps.
func (f field) each(text string, add func(int)) error {
	for part := range strings.SplitSeq(text, ",") {
		from, to, step, err := f.span(part)
		if err != nil {
			return err
		}
		for value := from; value <= to; value += step {
			add(value)
		}
	}
	return nil
}

// span reads one part of a list: *, 5, 5-9, */15, 5/15 (from 5 to the end) or 5-30/15.
func (f field) span(part string) (from, to, step int, err error) {
	text, every, stepped := strings.Cut(part, "/")
	step = 1
	if stepped {
		if step, err = f.number(every); err != nil || step < 1 || step > f.max {
			return 0, 0, 0, fmt.Errorf("%s: %q is no step from 1 to %d", f.name, every, f.max)
		}
	}
	if text == "*" {
		return f.min, f.max, step, nil
	}
	first, last, ranged := strings.Cut(text, "-")
	if from, err = f.value(first); err != nil {
		return 0, 0, 0, err
	}
	switch {
	case ranged:
		if to, err = f.value(last); err != nil {
			return 0, 0, 0, err
		}
		if to < from {
			return 0, 0, 0, fmt.Errorf("%s: %q ends before it begins", f.name, text)
		}
	case stepped:
		to = f.max
	default:
		to = from
	}
	return from, to, step, nil
}

// value reads a number within the field's bounds, or one of its names.
func (f field) value(text string) (int, error) {
	for i, name := range f.names {
		if strings.EqualFold(text, name) {
			return f.min + i, nil
		}
	}
	n, err := f.number(text)
	if err != nil || n < f.min || n > f.max {
		return 0, fmt.Errorf("%s: %q is not within %d to %d", f.name, text, f.min, f.max)
	}
	return n, nil
}

// number reads digits, and no sign.
func (f field) number(text string) (int, error) {
	if strings.ContainsFunc(text, func(c rune) bool { return c < '0' || c > '9' }) {
		return 0, fmt.Errorf("%s: %q is no number", f.name, text)
	}
	return strconv.Atoi(text)
}

// next is the first time after t that fits, in the time zone; false: there is none.
//
// It goes by the clock on the wall: a time that the beginning of summer time leaves out is skipped, and one that its end repeats
// counts once, the first time ("Daylight savings time on EventBridge Scheduler" in the user guide).
func (c *cron) next(t time.Time, zone *time.Location) (time.Time, bool) {
	local := t.In(zone)
	for year := max(local.Year(), firstYear); year <= lastYear; year++ {
		if !c.years[year-firstYear] {
			continue
		}
		for month := time.January; month <= time.December; month++ {
			if c.months&(1<<month) == 0 || year == local.Year() && month < local.Month() {
				continue
			}
			if found, ok := c.inMonth(year, month, t, zone); ok {
				return found, true
			}
		}
	}
	return time.Time{}, false
}

// inMonth is the first time after t in a month.
func (c *cron) inMonth(year int, month time.Month, t time.Time, zone *time.Location) (time.Time, bool) {
	days := c.days.in(year, month)
	if y, m, day := t.In(zone).Date(); y == year && m == month {
		days &^= 1<<day - 1 // those before
	}
	for ; days != 0; days &= days - 1 {
		day := bits.TrailingZeros64(days)
		for hours := c.hours; hours != 0; hours &= hours - 1 {
			for minutes := c.minutes; minutes != 0; minutes &= minutes - 1 {
				at, exists := onWall(year, month, day, bits.TrailingZeros64(hours), bits.TrailingZeros64(minutes), zone)
				if exists && at.After(t) {
					return at, true
				}
			}
		}
	}
	return time.Time{}, false
}

// onWall is the first moment at which a clock on the wall shows a time, and whether there is one.
func onWall(year int, month time.Month, day, hour, minute int, zone *time.Location) (time.Time, bool) {
	at := time.Date(year, month, day, hour, minute, 0, 0, zone)
	if at.Day() != day || at.Hour() != hour || at.Minute() != minute {
		return time.Time{}, false
	}
	// Which of two such moments Date gives is not said. The other one is the shift away, an hour nearly everywhere.
	_, offset := at.Zone()
	_, before := at.Add(-maxShift).Zone()
	if earlier := at.Add(time.Duration(offset-before) * time.Second); earlier.Before(at) {
		if e := earlier.In(zone); e.Day() == day && e.Hour() == hour && e.Minute() == minute {
			return e, true
		}
	}
	return at, true
}

// maxShift is more than any zone's clocks were ever put back at once, but for those that crossed the date line.
const maxShift = 4 * time.Hour

// in is the set of the days of a month that fit.
func (d dayRule) in(year int, month time.Month) uint64 {
	length := time.Date(year, month+1, 0, 0, 0, 0, 0, time.UTC).Day()
	all := (uint64(1)<<(length+1) - 1) &^ 1
	first := int(time.Date(year, month, 1, 0, 0, 0, 0, time.UTC).Weekday()) + 1 // 1 is Sunday
	weekday := func(day int) int { return (first+day-2)%7 + 1 }
	switch {
	case d.ofMonth != 0:
		return d.ofMonth & all
	case d.last:
		return 1 << length
	case d.lastWeekday:
		return 1 << nearestWeekday(length, length, weekday)
	case d.nearest > length:
		return 0
	case d.nearest > 0:
		return 1 << nearestWeekday(d.nearest, length, weekday)
	case d.lastOf > 0:
		return 1 << (length - (weekday(length)-d.lastOf+7)%7)
	case d.nth > 0:
		return 1 << (1 + (d.nthOf-first+7)%7 + 7*(d.nth-1)) & all
	}
	var days uint64
	for day := 1; day <= length; day++ {
		if d.ofWeek&(1<<weekday(day)) != 0 {
			days |= 1 << day
		}
	}
	return days
}

// nearestWeekday is the Monday to Friday nearest to a day that does not leave the month.
func nearestWeekday(day, length int, weekday func(int) int) int {
	switch {
	case weekday(day) == 7 && day > 1: // Saturday
		return day - 1
	case weekday(day) == 7:
		return day + 2
	case weekday(day) == 1 && day < length: // Sunday
		return day + 1
	case weekday(day) == 1:
		return day - 2
	default:
		return day
	}
}
