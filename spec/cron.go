package spec

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	_ "time/tzdata" // so that the same time zones are known on every machine, Windows and small images included
)

// readSchedule reads when a function starts by itself.
func readSchedule(n *node, r *report) *Schedule {
	if n == nil {
		return nil
	}
	at, zone := n, n.get("timezone")
	if n.kind == mapping {
		at = n.get("expression")
	}
	s := &Schedule{Expression: at.str(), Timezone: zone.or(defaultTimezone)}
	if problem := checkZone(s.Timezone); problem != "" {
		r.at(zone, "%s", problem)
	}
	if s.Expression == "" {
		return nil
	}
	if problem := checkSchedule(s.Expression); problem != "" {
		r.at(at, "%s", problem)
	}
	return s
}

var zoneName = pattern(`^[A-Za-z][A-Za-z0-9_+-]*(/[A-Za-z0-9_+-]+)*$`)

// checkZone says what is wrong with the name of a time zone, if anything is.
func checkZone(name string) string {
	if zoneName().MatchString(name) && name != "Local" && !strings.HasPrefix(name, "posix") && !strings.HasPrefix(name, "right/") {
		if _, err := time.LoadLocation(name); err == nil {
			return ""
		}
	}
	return fmt.Sprintf("wants IANA's name of a time zone such as Europe/Berlin, not %q", shorten(name))
}

// maxExpression is the most characters that EventBridge Scheduler takes.
const maxExpression = 256

var (
	rateExpression = pattern(`^rate\(([0-9]+) ([a-z]+)\)$`)
	cronExpression = pattern(`^cron\((.*)\)$`)
)

// checkSchedule says what EventBridge Scheduler would refuse in an expression, if anything (EventBridge Scheduler user
// guide, "Schedule types").
func checkSchedule(text string) string {
	const wants = "wants rate(1 hour) or cron(minutes hours day-of-month month day-of-week year)"
	if len(text) > maxExpression {
		return fmt.Sprintf("has %d characters, %d are allowed", len(text), maxExpression)
	}
	if found := rateExpression().FindStringSubmatch(text); found != nil {
		return checkRate(found[1], found[2])
	}
	if found := cronExpression().FindStringSubmatch(text); found != nil {
		return checkCron(found[1])
	}
	switch {
	case strings.HasPrefix(text, "rate("):
		return wants + fmt.Sprintf(", a whole number and minutes, hours or days in rate(…), not %q", shorten(text))
	case strings.HasPrefix(text, "at("):
		return "at(…) would start the function once, after which nothing is left to plan; " + wants
	case len(strings.Fields(text)) == 5:
		return wants + "; five fields are the cron of Unix, the sixth here is the year, and one of the days is ?"
	default:
		return wants + fmt.Sprintf(", not %q", shorten(text))
	}
}

// checkRate says what is wrong with rate(VALUE UNIT). Scheduler wants hour for one and hours for several.
func checkRate(value, unit string) string {
	number, err := strconv.Atoi(value)
	one := strings.TrimSuffix(unit, "s")
	switch {
	case !slices.Contains([]string{"minute", "hour", "day"}, one):
		return fmt.Sprintf("wants minutes, hours or days, not %s", shorten(unit))
	case err != nil || len(value) > maxDigits:
		return fmt.Sprintf("%s %s are more than a schedule can wait", shorten(value), unit)
	case number == 0:
		return "is below the minimum of one minute, rate(1 minute)"
	case number == 1 && unit != one:
		return fmt.Sprintf("wants rate(1 %s), without the s", one)
	case number > 1 && unit == one:
		return fmt.Sprintf("wants rate(%d %ss), with an s", number, one)
	default:
		return ""
	}
}

// cronField is what one field of a cron expression can hold.
type cronField struct {
	name     string
	low, top int
	words    []string // for the numbers from low on
	signs    string   // beside , - and *
}

var cronFields = []cronField{
	{"minutes", 0, 59, nil, "/"},
	{"hours", 0, 23, nil, "/"},
	{"day-of-month", 1, 31, nil, "/?LW"},
	{"month", 1, 12, []string{"JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"}, "/"},
	{"day-of-week", 1, 7, []string{"SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"}, "?L#"},
	{"year", 1970, 2199, nil, "/"},
}

// The fields of days, of which exactly one is ?.
const (
	dayOfMonth = 2
	dayOfWeek  = 4
)

// checkCron says what is wrong with what stands in cron(…).
func checkCron(text string) string {
	fields := strings.Fields(text)
	if len(fields) != len(cronFields) {
		return fmt.Sprintf("has %d fields, cron(…) has 6: minutes hours day-of-month month day-of-week year", len(fields))
	}
	for i, field := range cronFields {
		if !field.takes(fields[i]) {
			return fmt.Sprintf("%q is nothing for %s, which %s", shorten(fields[i]), field.name, field.wants())
		}
	}
	if (fields[dayOfMonth] == "?") == (fields[dayOfWeek] == "?") {
		return "wants ? in exactly one of day-of-month and day-of-week, as in cron(0 8 ? * MON-FRI *)"
	}
	return ""
}

// wants says what a field can hold.
func (f cronField) wants() string {
	said := fmt.Sprintf("wants numbers from %d to %d", f.low, f.top)
	if f.words != nil {
		said += fmt.Sprintf(", %s to %s", f.words[0], f.words[len(f.words)-1])
	}
	return said + " and , - * " + strings.Join(strings.Split(f.signs, ""), " ")
}

// takes says whether a field can hold a text: one of * and ?, or parts with commas between them.
func (f cronField) takes(text string) bool {
	if text == "?" {
		return strings.Contains(f.signs, "?")
	}
	for _, part := range strings.Split(text, ",") {
		if !f.takesPart(part) {
			return false
		}
	}
	return true
}

func (f cronField) takesPart(part string) bool {
	has := func(sign string) bool { return strings.Contains(f.signs, sign) }
	if from, step, found := strings.Cut(part, "/"); found {
		every, ok := plainNumber(step)
		return has("/") && ok && every >= 1 && every <= f.top && (from == "*" || f.takesRange(from))
	}
	if day, nth, found := strings.Cut(part, "#"); found {
		_, ok := f.value(day)
		return has("#") && ok && len(nth) == 1 && nth >= "1" && nth <= "5"
	}
	switch {
	case part == "*":
		return true
	case part == "L":
		return has("L")
	case part == "LW":
		return has("W")
	case has("W") && strings.HasSuffix(part, "W"):
		_, ok := f.value(strings.TrimSuffix(part, "W"))
		return ok
	case has("#") && strings.HasSuffix(part, "L"): // the last such day of the month
		_, ok := f.value(strings.TrimSuffix(part, "L"))
		return ok
	default:
		return f.takesRange(part)
	}
}

// takesRange says whether a text is a value, or two with a dash between them.
func (f cronField) takesRange(text string) bool {
	from, to, several := strings.Cut(text, "-")
	if _, ok := f.value(from); !ok {
		return false
	}
	if !several {
		return true
	}
	_, ok := f.value(to)
	return ok
}

// value is the number of a text, or of a word.
func (f cronField) value(text string) (int, bool) {
	if i := slices.Index(f.words, strings.ToUpper(text)); i >= 0 {
		return f.low + i, true
	}
	number, ok := plainNumber(text)
	return number, ok && number >= f.low && number <= f.top
}

// plainNumber reads a number of digits alone.
func plainNumber(text string) (int, bool) {
	if text == "" || len(text) > maxDigits || strings.Trim(text, "0123456789") != "" {
		return 0, false
	}
	number, err := strconv.Atoi(text)
	return number, err == nil
}
