package view

import (
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// maxText is the length, in characters, beyond which a value of a plan is cut.
const maxText = 120

// masked stands for a value that is not shown.
const masked = "(sensitive value)"

const (
	digestPrefix = "sha256:"
	digestLen    = 64 // hexadecimal digits
	digestShown  = 12 // that tell one from all others in a plan
)

// shortDigests cuts the content digests in a text.
func shortDigests(s string) string {
	before, rest, found := strings.Cut(s, digestPrefix)
	if !found {
		return s
	}
	n := 0
	for n < len(rest) && strings.IndexByte("0123456789abcdef", rest[n]) >= 0 {
		n++
	}
	if n != digestLen {
		return before + digestPrefix + shortDigests(rest)
	}
	return before + digestPrefix + rest[:digestShown] + "…" + shortDigests(rest[n:])
}

// clean makes a text fit for one line of a terminal: what AWS or a file brought may hold control
// characters, which could move the cursor or hide what a plan says.
func clean(s string) string {
	return strings.Map(func(r rune) rune {
		if r == utf8.RuneError || unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) {
			return '\uFFFD'
		}
		return r
	}, s)
}

// cleanLines is clean for a text of several lines.
func cleanLines(s string) string {
	lines := strings.Split(s, "\n")
	for i, line := range lines {
		lines[i] = clean(strings.ReplaceAll(strings.TrimSuffix(line, "\r"), "\t", "    "))
	}
	return strings.Join(lines, "\n")
}

// cut shortens a text that is too long to read, and says by how much.
func cut(s string) string {
	runes := []rune(s)
	if len(runes) <= maxText {
		return s
	}
	return fmt.Sprintf("%s… (%d characters)", string(runes[:maxText-20]), len(runes))
}

func quote(s string) string {
	return cut(strconv.Quote(shortDigests(s)))
}

// count is a number with its noun: "1 function", "2 functions".
func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return strconv.Itoa(n) + " " + noun + "s"
}

// size is a number of bytes as people read it, in units of 1,024.
func size(n int64) string {
	const unit = 1024
	if n < unit {
		return strconv.FormatInt(n, 10) + " B"
	}
	value, prefixes := float64(n)/unit, "kMGT"
	i := 0
	for value >= unit && i < len(prefixes)-1 {
		value /= unit
		i++
	}
	return fmt.Sprintf("%.1f %cB", value, prefixes[i])
}

// seconds is a time as people read it: tenths below ten seconds, minutes beyond two.
func seconds(d time.Duration) string {
	switch {
	case d < 10*time.Second:
		return fmt.Sprintf("%.1fs", d.Seconds())
	case d < 2*time.Minute:
		return fmt.Sprintf("%.0fs", d.Seconds())
	default:
		d = d.Round(time.Second)
		return fmt.Sprintf("%dm%02ds", int(d.Minutes()), int(d.Seconds())%60)
	}
}

func pad(s string, width int) string {
	if n := width - utf8.RuneCountInString(s); n > 0 {
		return s + strings.Repeat(" ", n)
	}
	return s
}
