package supervisor

import (
	"bufio"
	"encoding/json"
	"io"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/scar-go/scar/runtime/job"
)

// entry is one line of a log in JSON.
type entry struct {
	Time, Level, RequestID, Message string
	Summary                         *summary
}

func entries(t *testing.T, log string) (all []entry) {
	t.Helper()
	lines := bufio.NewScanner(strings.NewReader(log))
	lines.Buffer(nil, 256<<10) // more is no event of CloudWatch
	for lines.Scan() {
		var e entry
		if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
			t.Fatalf("%v: %.200s", err, lines.Text())
		}
		if at, err := time.Parse(timeFormat, e.Time); err != nil || time.Since(at) > time.Hour {
			t.Errorf("time %q, %v", e.Time, err)
		}
		e.Time = ""
		all = append(all, e)
	}
	must(t, lines.Err())
	return all
}

func TestLogInJSON(t *testing.T) {
	s := &sink{}
	l := NewLog(s, Info, JSON)
	t.Cleanup(l.Close)
	o := newOutput(l, "id", 10, soon())
	_, _ = o.Write([]byte("said \"\x01\\\t<ü>\xff\n{\"level\":\"ERROR\"}\n"))
	l.Print(Warning, "id", "new\nline %q", "x")
	l.Print(Debug, "id", "not logged")
	l.Print(Error, "", "no invocation")
	given := &summary{Input: "s3://b/k", Status: statusDone, Exit: "0", BytesIn: 1, BytesOut: 2, Outputs: 3, StageIn: 4, Run: 5, StageOut: 6}
	l.summarize(Info, "id", given)
	if !l.Flush(10 * time.Second) {
		t.Fatal("the log is not flushed")
	}
	want := []entry{
		{Level: "INFO", RequestID: "id", Message: "said \"\x01\\\t<ü>\uFFFD"},
		{Level: "INFO", RequestID: "id", Message: `{"level":"ERROR"}`},
		{Level: "WARNING", RequestID: "id", Message: "new\nline \"x\""},
		{Level: "ERROR", Message: "no invocation"},
		{Level: "INFO", RequestID: "id", Message: "s3://b/k: done", Summary: given},
	}
	if diff := cmp.Diff(want, entries(t, s.String())); diff != "" {
		t.Error(diff)
	}
}

func TestLinesOfJSONFitCloudWatch(t *testing.T) {
	s := &sink{}
	l := NewLog(s, Info, JSON)
	t.Cleanup(l.Close)
	o := newOutput(l, "id", 10, soon())
	_, _ = o.Write([]byte(strings.Repeat("\x01", 100_000) + "\n"))
	l.Print(Error, "id", "%s", strings.Repeat("\x02", 100_000))
	l.Flush(10 * time.Second)
	all := entries(t, s.String())
	if len(all) != 5 {
		t.Fatalf("%d lines", len(all))
	}
	if got := all[0].Message + all[1].Message + all[2].Message + all[3].Message; len(got) != 100_000 {
		t.Errorf("%d of 100,000 bytes are logged", len(got))
	}
}

func TestDroppedLinesNameTheirInvocation(t *testing.T) {
	for format, want := range map[Format]string{Text: "scar WARNING id 1 lines were dropped", JSON: `"requestId":"id","message":"1 lines were dropped`} {
		s := &sink{held: make(chan struct{})}
		l := NewLog(s, Info, format)
		t.Cleanup(l.Close)
		patience := patience{}
		l.line("id", []byte(strings.Repeat("x", 10)), &patience)
		writing := func() bool {
			l.mu.Lock()
			defer l.mu.Unlock()
			return l.writing
		}
		for end := time.Now().Add(time.Minute); !writing() && time.Now().Before(end); {
			time.Sleep(time.Millisecond)
		}
		l.line("id", make([]byte, logBuffer), &patience)
		l.line("id", []byte("one more"), &patience)
		close(s.held)
		if l.Flush(10 * time.Second); !strings.Contains(s.String(), want) {
			t.Errorf("format %d: the log does not say %s", format, want)
		}
	}
}

func FuzzAppendQuoted(f *testing.F) {
	f.Add("plain \"quoted\" \\ \n\r\t\x00\x7f\u2028")
	f.Add("\xff\xc3")
	f.Fuzz(func(t *testing.T, text string) {
		var got string
		quoted := appendQuoted(nil, text)
		if err := json.Unmarshal(quoted, &got); err != nil {
			t.Fatalf("%q: %v", text, err)
		}
		if utf8.ValidString(text) && got != text {
			t.Errorf("%q became %q", text, got)
		}
		if strings.ContainsFunc(string(quoted), steersOutput) {
			t.Errorf("%q is more than one line of text", quoted)
		}
	})
}

// Names of objects may hold what terminals and readers of lines follow; JSON allows it to stand as it is.
func TestSummariesAreText(t *testing.T) {
	s := &summary{Input: "s3://b/\u009b2J\u0085\u007f\u2028ü\n"}
	var got summary
	line := encode(s)
	must(t, json.Unmarshal(line, &got))
	if got != *s || strings.ContainsFunc(string(line), steersOutput) {
		t.Errorf("%q", line)
	}
}

// The form is CloudWatch's, see the type's comment.
func TestMetricsAreEmbedded(t *testing.T) {
	run := &task{invocation: &invocation{Supervisor: &Supervisor{Options: Options{Job: &job.Job{Function: "f"}}}, id: "id"}}
	line := encode(run.metrics(&summary{Input: "s3://b/k", Status: "Scar.Timeout", StageIn: 1, Run: 2, StageOut: 3, BytesIn: 4, BytesOut: 5, Outputs: 6}, true))
	var root map[string]any
	must(t, json.Unmarshal(line, &root))
	meta := root["_aws"].(map[string]any)
	if at := int64(meta["Timestamp"].(float64)); time.Since(time.UnixMilli(at)).Abs() > time.Hour {
		t.Errorf("timestamp %d", at)
	}
	directive := meta["CloudWatchMetrics"].([]any)[0].(map[string]any)
	if directive["Namespace"] != "scar" || root["function"] != "f" || !cmp.Equal(directive["Dimensions"], []any{[]any{"function"}}) {
		t.Errorf("%s", line)
	}
	got := map[string]float64{}
	for _, m := range directive["Metrics"].([]any) {
		one := m.(map[string]any)
		value, ok := root[one["Name"].(string)].(float64)
		if !ok {
			t.Errorf("the metric %v has no value", one)
		}
		got[one["Name"].(string)+" "+one["Unit"].(string)] = value
	}
	want := map[string]float64{"StageIn Milliseconds": 1, "Run Milliseconds": 2, "StageOut Milliseconds": 3, "BytesIn Bytes": 4, "BytesOut Bytes": 5, "Outputs Count": 6, "Failed Count": 1}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// BenchmarkLine is what one line of a script costs on its way to the log.
func BenchmarkLine(b *testing.B) {
	line := []byte(strings.Repeat(`a line with "quotes", <tags> & ümläuts `, 3))
	for name, format := range map[string]Format{"text": Text, "json": JSON} {
		b.Run(name, func(b *testing.B) {
			l := NewLog(io.Discard, Info, format)
			defer l.Close()
			b.SetBytes(int64(len(line)))
			for b.Loop() {
				patience := patience{logPatience, soon()}
				l.line("8f507cfc-xmpl-4697-b07a-ac58fc914c95", line, &patience)
			}
		})
	}
}
