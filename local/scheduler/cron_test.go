package scheduler

import (
	"slices"
	"strings"
	"testing"
	"time"
)

const wall = "2006-01-02 15:04 MST"

// TestCron states times that can be looked up in a calendar. Many of the expressions are examples of the user guide.
func TestCron(t *testing.T) {
	for _, c := range []struct {
		expression, zone, after string // after is in UTC
		want                    []string
	}{
		{"0/5 * * * ? *", "", "2026-01-01 00:00", []string{"2026-01-01 00:05 UTC", "2026-01-01 00:10 UTC"}},
		{"* * * * ? *", "", "2026-12-31 23:59", []string{"2027-01-01 00:00 UTC"}},
		{"15 10 ? * 6L 2022-2023", "", "2022-01-01 00:00", []string{"2022-01-28 10:15 UTC", "2022-02-25 10:15 UTC"}},
		{"15 10 ? * 6L 2022-2023", "", "2023-12-01 00:00", []string{"2023-12-29 10:15 UTC", ""}},
		{"15 12 * * ? *", "", "2026-02-28 12:15", []string{"2026-03-01 12:15 UTC"}},
		{"0 18 ? * MON-FRI *", "", "2026-11-20 18:00", []string{"2026-11-23 18:00 UTC", "2026-11-24 18:00 UTC"}}, // a Friday
		{"0 8 1 * ? *", "", "2026-01-01 08:00", []string{"2026-02-01 08:00 UTC"}},
		{"0 0 L * ? *", "", "2024-02-01 00:00", []string{"2024-02-29 00:00 UTC", "2024-03-31 00:00 UTC", "2024-04-30 00:00 UTC"}},
		{"0 0 LW * ? *", "", "2026-01-01 00:00", []string{"2026-01-30 00:00 UTC", "2026-02-27 00:00 UTC"}},
		{"0 0 15W * ? *", "", "2026-08-01 00:00", []string{"2026-08-14 00:00 UTC", "2026-09-15 00:00 UTC"}}, // 2026-08-15 is a Saturday
		{"0 0 1W 8 ? 2026", "", "2026-01-01 00:00", []string{"2026-08-03 00:00 UTC", ""}},                   // 2026-08-01 is a Saturday
		{"0 0 31W 5 ? 2026", "", "2026-01-01 00:00", []string{"2026-05-29 00:00 UTC", ""}},                  // 2026-05-31 is a Sunday
		{"0 0 31W * ? 2026", "", "2026-01-31 00:00", []string{"2026-03-31 00:00 UTC"}},                      // February has none
		{"0 0 ? * 3#2 *", "", "2026-11-01 00:00", []string{"2026-11-10 00:00 UTC", "2026-12-08 00:00 UTC"}},
		{"0 0 ? * SUN#5 *", "", "2026-11-01 00:00", []string{"2026-11-29 00:00 UTC", "2027-01-31 00:00 UTC"}},
		{"0 0 ? * L *", "", "2026-11-23 00:00", []string{"2026-11-28 00:00 UTC"}}, // Saturday
		{"0 0 ? * 1,sat *", "", "2026-11-23 00:00", []string{"2026-11-28 00:00 UTC", "2026-11-29 00:00 UTC"}},
		{"0 0 29 2 ? *", "", "2026-01-01 00:00", []string{"2028-02-29 00:00 UTC", "2032-02-29 00:00 UTC"}},
		{"0 0 30 2 ? *", "", "2026-01-01 00:00", []string{""}},
		{"0 0 1 1 ? 1970", "", "2026-01-01 00:00", []string{""}},
		{"59 23 31 12 ? 2199", "", "2026-01-01 00:00", []string{"2199-12-31 23:59 UTC", ""}},
		{"1-31/30 1-1 ? * 1,7 *", "", "2026-11-28 00:00", []string{"2026-11-28 01:01 UTC", "2026-11-28 01:31 UTC", "2026-11-29 01:01 UTC"}},
		{"0 */12 * JAN,7 ? *", "", "2026-01-31 12:00", []string{"2026-07-01 00:00 UTC"}},

		{"0 9 * * ? *", "America/New_York", "2026-07-01 12:00", []string{"2026-07-01 09:00 EDT"}},
		// Summer time begins: there is no 02:30 on 2026-03-29 in Berlin.
		{"30 2 * * ? *", "Europe/Berlin", "2026-03-28 12:00", []string{"2026-03-30 02:30 CEST"}},
		{"30 * * * ? *", "Europe/Berlin", "2026-03-29 00:00", []string{"2026-03-29 01:30 CET", "2026-03-29 03:30 CEST"}},
		// Summer time ends: 02:30 comes twice on 2026-10-25 in Berlin, and counts once.
		{"30 2 * * ? *", "Europe/Berlin", "2026-10-24 12:00", []string{"2026-10-25 02:30 CEST", "2026-10-26 02:30 CET"}},
		{"30 * * * ? *", "Europe/Berlin", "2026-10-24 23:00", []string{"2026-10-25 01:30 CEST", "2026-10-25 02:30 CEST", "2026-10-25 03:30 CET"}},
		{"30 1 * * ? *", "America/New_York", "2026-11-01 00:00", []string{"2026-11-01 01:30 EDT", "2026-11-02 01:30 EST"}},
		// Half an hour, on Lord Howe Island: 01:45 comes twice on 2026-04-05.
		{"45 1 * * ? *", "Australia/Lord_Howe", "2026-04-04 00:00", []string{"2026-04-05 01:45 +11", "2026-04-06 01:45 +1030"}},
		// Samoa had no 2011-12-30.
		{"0 0 * * ? *", "Pacific/Apia", "2011-12-29 10:00", []string{"2011-12-31 00:00 +14"}},
	} {
		e, err := parseExpression("cron("+c.expression+")", c.zone)
		if err != nil {
			t.Errorf("%s: %v", c.expression, err)
			continue
		}
		at, err := time.Parse("2006-01-02 15:04", c.after)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for range c.want {
			next, found := e.cron.next(at, e.zone)
			if !found {
				got = append(got, "")
				break
			}
			at = next
			got = append(got, next.Format(wall))
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s %s after %s: %q, want %q", c.expression, c.zone, c.after, got, c.want)
		}
	}
}

func TestExpressionsThatAreNone(t *testing.T) {
	for _, text := range []string{
		"", "x", "cron", "cron()", "cron(* * * * *)", "cron(* * * * * *)", "cron(* * ? * ? *)", "cron(60 * * * ? *)", "cron(* 24 * * ? *)",
		"cron(* * 0 * ? *)", "cron(* * 32 * ? *)", "cron(* * * 13 ? *)", "cron(* * ? * 8 *)", "cron(* * ? * 0 *)", "cron(* * * * ? 1969)",
		"cron(* * * * ? 2200)", "cron(*/60 * * * ? *)", "cron(*/0 * * * ? *)", "cron(5-1 * * * ? *)", "cron(1,, * * * ? *)", "cron(? * * * ? *)",
		"cron(* * W * ? *)", "cron(* * ? * 3#6 *)", "cron(* * ? * 3#0 *)", "cron(* * ? * # *)", "cron(* * 32W * ? *)", "cron(* * ? * XL *)",
		"cron(-1 * * * ? *)", "cron(+1 * * * ? *)", "cron(0 0 1 1 ? *", "CRON(0 0 1 1 ? *)",
		"rate()", "rate(5)", "rate(0 minutes)", "rate(-1 minutes)", "rate(1 second)", "rate(1 week)", "rate(1  hour)", "rate(1.5 hours)",
		"rate(99999999999 days)", "at()", "at(2026-01-01)", "at(2026-13-01T00:00:00)",
	} {
		if e, err := parseExpression(text, ""); err == nil {
			t.Errorf("%q: %+v", text, e)
		}
	}
	for _, zone := range []string{"Local", "Nowhere/Land", "../../etc/passwd", "UTC+1"} {
		if _, err := parseExpression("rate(1 hour)", zone); err == nil {
			t.Errorf("zone %q is taken", zone)
		}
	}
}

func TestRateCountsFromTheBeginning(t *testing.T) {
	from := time.Date(2026, 1, 1, 10, 7, 30, 0, time.UTC)
	e, err := parseExpression("rate(2 hours)", "")
	if err != nil {
		t.Fatal(err)
	}
	for after, want := range map[time.Duration]time.Duration{
		-time.Second:                 0,
		0:                            2 * time.Hour,
		time.Hour:                    2 * time.Hour,
		2 * time.Hour:                4 * time.Hour,
		1000*time.Hour + time.Second: 1002 * time.Hour,
	} {
		if got, found := e.next(from.Add(after), from); !found || !got.Equal(from.Add(want)) {
			t.Errorf("after %v: %v, want %v", after, got.Sub(from), want)
		}
	}
}

// FuzzCron checks that what is parsed gives times that grow, that begin a minute, and that no earlier time fits better.
func FuzzCron(f *testing.F) {
	for _, seed := range []string{"* * * * ? *", "0/15 1-5 ? JAN-MAR 2#1 2020-2030", "5 4 L * ? *", "5 4 31W * ? *", "1 2 ? * 7L *", "0,30 */2 29 2 ? *"} {
		f.Add(seed, int64(1772000000), uint8(0))
	}
	zones := []string{"UTC", "Europe/Berlin", "Australia/Lord_Howe", "America/St_Johns"}
	f.Fuzz(func(t *testing.T, text string, second int64, zone uint8) {
		c, err := parseCron(text)
		if err != nil {
			return
		}
		if len(strings.Fields(text)) != 6 {
			t.Fatalf("%q is taken", text)
		}
		location, err := time.LoadLocation(zones[int(zone)%len(zones)])
		if err != nil {
			t.Fatal(err)
		}
		after := time.Unix(second%(1<<33), 0)
		first, found := c.next(after, location)
		if !found {
			return
		}
		if !first.After(after) || first.Second() != 0 {
			t.Errorf("%q after %v: %v", text, after, first)
		}
		middle := after.Add(first.Sub(after) / 2)
		if again, found := c.next(middle, location); !found || middle.Before(first) && !again.Equal(first) {
			t.Errorf("%q: %v after %v, but %v after %v", text, first, after, again, middle)
		}
		if second, found := c.next(first, location); found && !second.After(first) {
			t.Errorf("%q: %v after %v", text, second, first)
		}
	})
}

func BenchmarkCronNext(b *testing.B) {
	c, err := parseCron("30 2 ? * 6#5 *")
	if err != nil {
		b.Fatal(err)
	}
	zone, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		b.Fatal(err)
	}
	at := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for b.Loop() {
		if _, found := c.next(at, zone); !found {
			b.Fatal("there is no next time")
		}
	}
}
