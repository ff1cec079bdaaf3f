package supervisor

import (
	"bytes"
	"strings"
	"time"
	"unicode/utf8"
)

// maxLine is how many bytes of a script's line are logged as one. CloudWatch takes events of up to
// 256 KB (1 MB since 2025); longer lines are split.
const maxLine = 64 << 10

// maxLineOf is maxLine for a format. A byte may take six in JSON.
func maxLineOf(f Format) int {
	if f == JSON {
		return maxLine / 2
	}
	return maxLine
}

// output takes what a script writes, both its streams as one: line by line to the log, and the
// last bytes for the answer.
type output struct {
	log      *Log
	id       string // of the invocation
	patience patience
	keep     int // bytes at the end to keep
	kept     []byte
	total    int64
	line     []byte // begun and not yet ended
}

// newOutput takes the output of a script whose time is up at stop.
func newOutput(log *Log, id string, keep int, stop time.Time) *output {
	return &output{log: log, id: id, patience: patience{logPatience, stop}, keep: keep}
}

func (o *output) Write(p []byte) (int, error) {
	o.total += int64(len(p))
	o.retain(p)
	for rest := p; len(rest) > 0; {
		line, after, ended := bytes.Cut(rest, []byte("\n"))
		rest = after
		o.line = append(o.line, line...)
		for limit := maxLineOf(o.log.format); len(o.line) > limit; {
			n := runeStart(o.line, limit)
			o.log.line(o.id, o.line[:n], &o.patience)
			o.line = append(o.line[:0], o.line[n:]...)
		}
		if ended {
			o.endLine()
		}
	}
	return len(p), nil
}

// end logs a last line that no line break ends.
func (o *output) end() {
	if len(o.line) > 0 {
		o.endLine()
	}
}

func (o *output) endLine() {
	o.log.line(o.id, o.line, &o.patience)
	o.line = o.line[:0]
}

func (o *output) retain(p []byte) {
	if len(p) >= o.keep {
		o.kept = append(o.kept[:0], p[len(p)-o.keep:]...)
		return
	}
	// Up to twice as much is held, so that each byte is moved about once.
	if len(o.kept)+len(p) > 2*o.keep {
		from := len(o.kept) + len(p) - o.keep
		o.kept = append(o.kept[:0], o.kept[from:]...)
	}
	o.kept = append(o.kept, p...)
}

// tail is the last n bytes at most, beginning at a whole character.
func (o *output) tail(n int) []byte {
	n = min(n, o.keep)
	if o.total <= int64(n) {
		return o.kept
	}
	tail := o.kept[max(0, len(o.kept)-n):]
	for i := 0; i < len(tail) && i < utf8.UTFMax; i++ {
		if utf8.RuneStart(tail[i]) {
			return tail[i:]
		}
	}
	return tail
}

// text is the last n bytes as part of a message: without bytes that are no text. Lambda repeats
// messages in a header, which may hold none of them.
func (o *output) text(n int) string {
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		if r < ' ' && r != '\n' && r != '\t' || r == 0x7f {
			return -1
		}
		return r
	}, strings.ToValidUTF8(string(o.tail(n)), "\uFFFD")))
}

// runeStart is the greatest index up to n at which a character begins, or n where the bytes are no UTF-8.
func runeStart(b []byte, n int) int {
	for i := n; i > n-utf8.UTFMax; i-- {
		if utf8.RuneStart(b[i]) {
			return i
		}
	}
	return n
}
