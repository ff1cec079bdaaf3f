package supervisor

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"time"
	"unicode"
)

// Level is how much a message of the runtime's own matters.
type Level int

// The levels, as Job.LogLevel names them.
const (
	Debug Level = iota
	Info
	Warning
	Error
)

var levelNames = []string{"debug", "info", "warning", "error"}

// ParseLevel reads a name of a level; an unknown name is Info.
func ParseLevel(name string) Level {
	for i, known := range levelNames {
		if strings.EqualFold(name, known) {
			return Level(i)
		}
	}
	return Info
}

func (l Level) String() string { return strings.ToUpper(levelNames[l]) }

// Format is the form of a log's lines.
type Format int

// The formats, as Job.LogFormat names them.
const (
	Text Format = iota // the script's lines as they are, the runtime's with level and request id
	JSON               // each line an object with time, level, requestId and message
)

// ParseFormat reads a name of a format; an unknown name is Text.
func ParseFormat(name string) Format {
	if strings.EqualFold(name, "json") {
		return JSON
	}
	return Text
}

const (
	logBuffer   = 1 << 20     // bytes that wait for a log that does not take them at once
	ownBuffer   = 8 << 20     // bytes that wait at most, those that the runtime writes itself included
	logPatience = time.Second // for which one run of a script may wait for room in the buffer, in all
)

// Log is the function's log: the script's lines and the runtime's own, in the order they came. Writing to it never
// blocks for long, however slow the log is: lines that find no room are dropped, and their number is logged.
type Log struct {
	level  Level
	format Format

	mu        sync.Mutex
	changed   sync.Cond // pending, writing or dropped
	pending   []byte
	writing   bool
	dropped   int
	droppedOf string // id of the last invocation whose lines were dropped
	closed    bool
}

// NewLog returns a log that writes to w from a goroutine of its own, which ends with Close.
// Messages of the runtime below level are left out; the script's lines never are.
func NewLog(w io.Writer, level Level, format Format) *Log {
	l := &Log{level: level, format: format}
	l.changed.L = &l.mu
	go l.drain(w)
	return l
}

// drain hands over what is pending, as much as there is at once.
func (l *Log) drain(w io.Writer) {
	l.mu.Lock()
	defer l.mu.Unlock()
	var batch []byte
	for {
		for len(l.pending) == 0 && !l.closed {
			l.changed.Wait()
		}
		if len(l.pending) == 0 {
			return
		}
		batch, l.pending = l.pending, batch[:0]
		if l.dropped > 0 {
			batch = l.appendMessage(batch, Warning, l.droppedOf, fmt.Sprintf("%d lines were dropped: the log does not take them fast enough", l.dropped))
			l.dropped = 0
		}
		l.writing = true
		l.mu.Unlock()
		// There is nowhere to report a log that fails to.
		_, _ = w.Write(batch)
		l.mu.Lock()
		l.writing = false
		if cap(batch) > 2*logBuffer {
			batch = nil // it was needed once
		}
		l.changed.Broadcast()
	}
}

// patience is how long a run of a script may wait for room in the buffer: a time in all, and never past the end of its own time,
// when the answer must not be late because of what the script writes last.
type patience struct {
	left  time.Duration
	until time.Time
}

// line adds one line of the script that the invocation id runs. It waits for room while patience lasts, and takes what it
// waited from it.
func (l *Log) line(id string, text []byte, p *patience) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.full(len(text)) && p.left > 0 {
		start := time.Now()
		l.wait(min(p.left, p.until.Sub(start)), func() bool { return !l.full(len(text)) })
		p.left -= time.Since(start)
	}
	if l.full(len(text)) {
		l.dropped++
		l.droppedOf = id
		return
	}
	if l.format == JSON {
		l.pending = appendObject(l.pending, Info, id, string(text), nil)
	} else {
		l.pending = append(append(l.pending, text...), '\n')
	}
	l.changed.Broadcast()
}

func (l *Log) full(more int) bool { return len(l.pending) > 0 && len(l.pending)+more > logBuffer }

// wait waits until the condition holds, at most for a time. l.mu is held.
func (l *Log) wait(atMost time.Duration, condition func() bool) bool {
	end := time.Now().Add(atMost)
	wake := time.AfterFunc(atMost, func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.changed.Broadcast()
	})
	defer wake.Stop()
	for !condition() {
		if !time.Now().Before(end) {
			return false
		}
		l.changed.Wait()
	}
	return true
}

// Print adds a message of the runtime, with the invocation's id where there is one.
func (l *Log) Print(level Level, id, format string, args ...any) {
	if level < l.level {
		return
	}
	message := fmt.Sprintf(format, args...)
	l.add(id, func(to []byte) []byte { return l.appendMessage(to, level, id, message) })
}

// add adds a line of the runtime's own. It waits for nothing: there are few of them as a rule, and an event whose many records
// all fail must not use up the memory of a function whose log does not move.
func (l *Log) add(id string, line func(to []byte) []byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.pending) > ownBuffer {
		l.dropped++
		l.droppedOf = id
		return
	}
	l.pending = line(l.pending)
	l.changed.Broadcast()
}

// summarize adds the summary of a run.
func (l *Log) summarize(level Level, id string, s *summary) {
	if l.format != JSON {
		l.Print(level, id, "%s", s)
		return
	}
	if level < l.level {
		return
	}
	fields := encode(s)
	l.add(id, func(to []byte) []byte { return appendObject(to, level, id, s.Input+": "+s.Status, fields) })
}

// metrics adds a line for CloudWatch to read, which may have nothing but JSON in both formats.
func (l *Log) metrics(m *embeddedMetrics) {
	line := encode(m)
	l.add(m.RequestID, func(to []byte) []byte { return append(append(to, line...), '\n') })
}

// appendMessage appends a line of the runtime's own. A message is cut as the script's lines are.
func (l *Log) appendMessage(to []byte, level Level, id, message string) []byte {
	message = cut(message, maxLineOf(l.format))
	if l.format == JSON {
		return appendObject(to, level, id, message, nil)
	}
	if id == "" {
		id = "-"
	}
	return fmt.Appendf(to, "scar %s %s %s\n", level, id, printable(message))
}

// Flush waits until everything is handed over, and reports whether it was within a time.
func (l *Log) Flush(atMost time.Duration) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.wait(atMost, func() bool { return len(l.pending) == 0 && !l.writing })
}

// Close ends the log's goroutine once everything is handed over. Nothing may be added afterwards.
func (l *Log) Close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closed = true
	l.changed.Broadcast()
}

// printable makes text of any origin fit for one line of a log: keys and names of files may hold
// line breaks, which would let them pass for messages of the runtime.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if steersOutput(r) {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s, "\uFFFD"))
}

// steersOutput reports whether a character is an order to what shows it rather than text: a control character, of which
// there is a second set from U+0080 on that terminals follow too, or a line's end by Unicode.
func steersOutput(r rune) bool {
	return unicode.IsControl(r) || r == '\u2028' || r == '\u2029'
}
