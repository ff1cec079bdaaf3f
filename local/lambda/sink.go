package lambda

import (
	"bytes"
	"context"
	"log/slog"
	"sync"
	"time"
)

const (
	flushDelay = 200 * time.Millisecond // for lines that no end of an invocation follows
	flushLines = 2000                   // lines that are stored at once, or
	flushBytes = 1 << 20                // bytes of them
	maxLine    = 256<<10 - 26           // CloudWatch Logs' limit of a message, in bytes
	tailSize   = 4 << 10                // bytes, what Lambda answers with LogType Tail
)

// sink takes what one instance writes, line by line, and stores it in order.
type sink struct {
	ctx    context.Context
	logs   Logs
	log    *slog.Logger
	group  string
	stream string

	mu       sync.Mutex
	line     []byte     // begun
	lines    []LogEvent // not stored
	size     int        // bytes of lines
	tail     []byte     // of the invocation under way
	timer    *time.Timer
	reported bool

	storing sync.Mutex
}

func newSink(ctx context.Context, cfg Config, group, stream string) *sink {
	return &sink{ctx: ctx, logs: cfg.Logs, log: cfg.Log, group: group, stream: stream}
}

// Write takes what the function's processes write.
func (s *sink) Write(p []byte) (int, error) {
	s.mu.Lock()
	for rest := p; len(rest) > 0; {
		i := bytes.IndexByte(rest, '\n')
		if i < 0 {
			s.line = append(s.line, rest...)
			rest = nil
		} else {
			s.line = append(s.line, rest[:i+1]...)
			rest = rest[i+1:]
		}
		if i >= 0 || len(s.line) >= maxLine {
			s.endLine()
		}
	}
	full := len(s.lines) >= flushLines || s.size >= flushBytes
	if !full && len(s.lines) > 0 && s.timer == nil {
		s.timer = time.AfterFunc(flushDelay, s.flush)
	}
	s.mu.Unlock()
	if full {
		s.flush()
	}
	return len(p), nil
}

// platform adds a line of Lambda's own, after what the function has begun.
func (s *sink) platform(text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.endLine()
	s.line = append(s.line, text...)
	s.line = append(s.line, '\n')
	s.endLine()
}

// endLine is called with the lock held.
func (s *sink) endLine() {
	for len(s.line) > 0 {
		n := min(len(s.line), maxLine)
		s.lines = append(s.lines, LogEvent{time.Now().UnixMilli(), string(s.line[:n])})
		s.size += n
		s.tail = append(s.tail, s.line[:n]...)
		s.line = s.line[n:]
	}
	s.line = nil
	if over := len(s.tail) - tailSize; over > tailSize { // seldom, not for each line
		s.tail = append([]byte(nil), s.tail[over:]...)
	}
}

// begin starts the tail of an invocation.
func (s *sink) begin() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tail = nil
}

// end is the tail of the invocation that ends.
func (s *sink) end() []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.endLine()
	return bytes.Clone(s.tail[max(0, len(s.tail)-tailSize):])
}

// flush stores what is there, in order.
func (s *sink) flush() {
	s.storing.Lock()
	defer s.storing.Unlock()
	s.mu.Lock()
	lines := s.lines
	s.lines, s.size, s.timer = nil, 0, nil
	s.mu.Unlock()
	if len(lines) == 0 {
		return
	}
	// Lambda loses lines without a word where there is no group or no right; one word is enough here.
	if err := s.logs.Append(s.ctx, s.group, s.stream, lines); err != nil && !s.reported {
		s.reported = true
		s.log.Warn("log lines of a function are lost", "group", s.group, "error", err)
	}
}
