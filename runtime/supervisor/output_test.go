package supervisor

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"
	"time"
)

// sink is a log that can be looked at, and held up.
type sink struct {
	mu   sync.Mutex
	b    bytes.Buffer
	held chan struct{} // nil, or closed when writing may go on
}

func (s *sink) Write(p []byte) (int, error) {
	if s.held != nil {
		<-s.held
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *sink) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

func must(t *testing.T, errs ...error) {
	t.Helper()
	for _, err := range errs {
		if err != nil {
			t.Fatal(err)
		}
	}
}

func soon() time.Time { return time.Now().Add(time.Minute) }

func newTestLog(t *testing.T, w io.Writer, level Level) *Log {
	t.Helper()
	l := NewLog(w, level, Text)
	t.Cleanup(l.Close)
	return l
}

func TestOutputIsLoggedByLine(t *testing.T) {
	s := &sink{}
	l := newTestLog(t, s, Info)
	o := newOutput(l, "id", 10, soon())
	for _, part := range []string{"one\ntw", "o\n\nthr", "ee", " ü"} {
		if n, err := o.Write([]byte(part)); n != len(part) || err != nil {
			t.Fatal(n, err)
		}
	}
	o.end()
	if !l.Flush(10 * time.Second) {
		t.Fatal("the log is not flushed")
	}
	if got, want := s.String(), "one\ntwo\n\nthree ü\n"; got != want {
		t.Errorf("log %q, want %q", got, want)
	}
	if got := string(o.tail(100)); got != "\n\nthree ü" || o.total != 17 {
		t.Errorf("kept %q of %d bytes", got, o.total)
	}
	if got := string(o.tail(3)); got != " ü" {
		t.Errorf("the last bytes are %q", got)
	}
	if got := string(o.tail(9)); got != "\nthree ü" {
		t.Errorf("the last bytes are %q", got)
	}
	if got := o.text(4); got != "e ü" {
		t.Errorf("text %q", got)
	}
}

func TestLongLinesAreSplitBetweenCharacters(t *testing.T) {
	s := &sink{}
	l := newTestLog(t, s, Info)
	o := newOutput(l, "id", 10, soon())
	line := "x" + strings.Repeat("日", maxLine)
	for _, part := range []string{line[:5], line[5:100_000], line[100_000:]} {
		_, _ = o.Write([]byte(part))
	}
	o.end()
	l.Flush(10 * time.Second)
	lines := strings.Split(strings.TrimSuffix(s.String(), "\n"), "\n")
	if strings.Join(lines, "") != line {
		t.Error("the line's bytes are not all there")
	}
	for _, part := range lines {
		if len(part) > maxLine || strings.ToValidUTF8(part, "") != part {
			t.Errorf("a part has %d bytes, or is cut within a character", len(part))
		}
	}
}

func TestTailKeepsTheLastBytes(t *testing.T) {
	l := newTestLog(t, io.Discard, Info)
	var all []byte
	o := newOutput(l, "id", 100, soon())
	for i := range 300 {
		part := bytes.Repeat([]byte{byte('a' + i%26)}, i%7+i/250*150)
		all = append(all, part...)
		_, _ = o.Write(part)
		if want := all[max(0, len(all)-100):]; !bytes.Equal(o.tail(100), want) {
			t.Fatalf("after %d bytes the tail is %q, want %q", len(all), o.tail(100), want)
		}
		if cap(o.kept) > 1000 {
			t.Fatalf("%d bytes are held", cap(o.kept))
		}
	}
}

func TestLogThatDoesNotMove(t *testing.T) {
	s := &sink{held: make(chan struct{})}
	l := newTestLog(t, s, Info)
	o := newOutput(l, "id", 10, soon())
	line := strings.Repeat("x", 1000) + "\n"
	begun := time.Now()
	for range 5000 {
		_, _ = o.Write([]byte(line))
	}
	if took := time.Since(begun); took < logPatience || took > 10*logPatience {
		t.Errorf("5 MB took %s, want little more than %s", took, logPatience)
	}
	l.Print(Info, "id", "important")
	if l.Flush(time.Millisecond) {
		t.Error("a log that does not move is flushed")
	}
	close(s.held)
	if !l.Flush(10 * time.Second) {
		t.Fatal("the log is not flushed")
	}
	got := s.String()
	if !strings.Contains(got, "lines were dropped") || !strings.Contains(got, "scar INFO id important\n") {
		t.Errorf("the log does not tell all: ends with %q", got[max(0, len(got)-200):])
	}
	if len(got) > 2*logBuffer+10_000 {
		t.Errorf("%d bytes were held", len(got))
	}
}

func TestPrint(t *testing.T) {
	s := &sink{}
	l := newTestLog(t, s, Warning)
	l.Print(Info, "id", "left out")
	l.Print(Warning, "", "key %s", "a\nscar ERROR id forged\x1b[2J\xff\u009b2J\u0085\u2028ü")
	l.Flush(10 * time.Second)
	if got, want := s.String(), "scar WARNING - key a scar ERROR id forged [2J\uFFFD 2J  ü\n"; got != want {
		t.Errorf("log %q, want %q", got, want)
	}
}

func TestParseLevel(t *testing.T) {
	for name, want := range map[string]Level{"debug": Debug, "INFO": Info, "warning": Warning, "Error": Error, "": Info, "loud": Info} {
		if got := ParseLevel(name); got != want {
			t.Errorf("ParseLevel(%q) = %s", name, got)
		}
	}
}

// When its time is up a script is waited for no longer, whatever it writes then.
func TestPatienceEndsWithTheTime(t *testing.T) {
	s := &sink{held: make(chan struct{})}
	defer close(s.held)
	stop := time.Now().Add(logPatience / 10)
	l := newTestLog(t, s, Info)
	const outputs = 30 // each of which would be waited for
	for range outputs {
		o := newOutput(l, "id", 10, stop)
		for range 2 * logBuffer / 1000 {
			_, _ = o.Write([]byte(strings.Repeat("x", 1000) + "\n"))
		}
	}
	if late := time.Since(stop); late > outputs*logPatience/2 {
		t.Errorf("%d outputs took %s longer than the time", outputs, late)
	}
}

// The runtime's own messages take bounded memory too while the log does not move.
func TestMessagesAreBounded(t *testing.T) {
	s := &sink{held: make(chan struct{})}
	l := newTestLog(t, s, Info)
	const n = 400 // what is being written does not count
	for range n {
		l.Print(Error, "id", "%s", strings.Repeat("x", maxLine))
	}
	close(s.held)
	if !l.Flush(10 * time.Second) {
		t.Fatal("the log is not flushed")
	}
	text := s.String()
	dropped := n - strings.Count(text, "xxx\n")
	if len(text) > 2*(ownBuffer+2*maxLine) || dropped == 0 || !strings.Contains(text, fmt.Sprintf("scar WARNING id %d lines were dropped", dropped)) {
		t.Errorf("%d bytes, %d of %d messages", len(text), n-dropped, n)
	}
}
