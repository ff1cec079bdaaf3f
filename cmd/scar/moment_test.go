package main

import (
	"testing"
	"time"
)

func TestParseTime(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.FixedZone("CET", 3600))
	for text, want := range map[string]string{
		"0":                         "2026-03-01T11:00:00Z",
		"90s":                       "2026-03-01T10:58:30Z",
		"1h30m":                     "2026-03-01T09:30:00Z",
		"0d":                        "2026-03-01T11:00:00Z",
		"1d":                        "2026-02-28T11:00:00Z",
		"007d":                      "2026-02-22T11:00:00Z",
		"3650d":                     "2016-03-03T11:00:00Z",
		"2026-01-31T08:00:00Z":      "2026-01-31T08:00:00Z",
		"2026-01-31T08:00:00+02:00": "2026-01-31T06:00:00Z",

		"": "", "d": "", "1": "", "-1h": "", "-1d": "", "+1d": "", "1.5d": "", "1d12h": "", "65536d": "", "1 d": "", "yesterday": "", "2026-01-31": "",
	} {
		got, err := parseTime("--since", text, now)
		if want == "" && err == nil {
			t.Errorf("%q: %v, want an error", text, got)
		}
		if want != "" && (err != nil || got.Format(time.RFC3339Nano) != want) {
			t.Errorf("%q: %v, %v, want %s", text, got, err, want)
		}
	}
}
