package view

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"
)

func runFiles() []RunFile {
	return []RunFile{
		{Function: "grayify", File: "a b.png", Status: RunDone, Attempts: 1, Duration: 1200 * time.Millisecond, Outputs: []string{"a b.png"}},
		{Function: "grayify", File: "ü.png", Status: RunFailed, Attempts: 3, Duration: 300 * time.Millisecond, Error: "Scar.ScriptFailed: exit code 3; its last output:\nno decode delegate\tfor it", LogTail: "convert: no decode delegate\x1b[31m\nbye\n"},
		{Function: "grayify", File: "notes.txt", Status: RunSkipped},
	}
}

func TestRunTable(t *testing.T) {
	var out, err bytes.Buffer
	r := NewRun(&Streams{Out: &out, Err: &err}, Human, 2)
	clock := &fakeTime{time.Unix(0, 0)}
	r.said, r.now = clock.now, clock.Now
	r.Processed(true)
	clock.now = clock.now.Add(6 * time.Second)
	r.Processed(false)
	if e := r.Finish(runFiles(), 6*time.Second); e != nil {
		t.Fatal(e)
	}
	golden(t, "run-out.txt", out.Bytes())
	golden(t, "run-err.txt", err.Bytes())
}

func TestRunJSON(t *testing.T) {
	var out, err bytes.Buffer
	r := NewRun(&Streams{Out: &out, Err: &err}, JSON, 2)
	r.Processed(true)
	if e := r.Finish(runFiles(), time.Second); e != nil {
		t.Fatal(e)
	}
	var got struct {
		Files []struct {
			File    string
			Status  string
			Seconds float64
			Outputs []string
		}
		Seconds float64
	}
	if e := json.Unmarshal(out.Bytes(), &got); e != nil {
		t.Fatal(e)
	}
	if len(got.Files) != 3 || got.Files[0].Seconds != 1.2 || got.Files[1].Outputs == nil || got.Seconds != 1 || err.Len() > 0 {
		t.Errorf("%+v; standard error %q", got, err.String())
	}
}

func TestFailureIsShownOnce(t *testing.T) {
	log := "START RequestId: 7f-1 Version: $LATEST\nworks on bad.txt\ndoes not like it\nscar ERROR 7f-1 \"s3://b/bad.txt\": Scar.ScriptFailed\n" +
		"END RequestId: 7f-1\nREPORT RequestId: 7f-1\tDuration: 11.96 ms\tMax Memory Used: 12 MB\t\n"
	for _, c := range []struct {
		name string
		file RunFile
		want string
	}{
		{"output in the log", RunFile{File: "bad.txt", Attempts: 3, Error: "Scar.ScriptFailed: exit code 3; its last output:\nworks on bad.txt\ndoes not like it", LogTail: log},
			"failed: bad.txt: Scar.ScriptFailed: exit code 3\n  3 attempts; the end of the last one's log:\n  | works on bad.txt\n  | does not like it\n" +
				"  | scar ERROR \"s3://b/bad.txt\": Scar.ScriptFailed\n  | REPORT Duration: 11.96 ms    Max Memory Used: 12 MB\n"},
		{"output that the log has lost", RunFile{File: "bad.txt", Attempts: 1, Error: "Scar.ScriptFailed: exit code 3; its last output:\nearlier", LogTail: log},
			"failed: bad.txt: Scar.ScriptFailed: exit code 3; its last output:\n  earlier\n  the end of its log:\n  | works on bad.txt\n  | does not like it\n" +
				"  | scar ERROR \"s3://b/bad.txt\": Scar.ScriptFailed\n  | REPORT Duration: 11.96 ms    Max Memory Used: 12 MB\n"},
		{"a reason that the log has too", RunFile{File: "bad.txt", Attempts: 1, Error: "Scar.StageOut: no room", LogTail: "scar ERROR 7f-1 \"bad.txt\": Scar.StageOut: no room\nbye\n"},
			"failed: bad.txt: Scar.StageOut: no room\n  the end of its log:\n  | bye\n"},
		{"no log", RunFile{File: "bad.txt", Attempts: 2, Error: "Sandbox.Timedout"}, "failed: bad.txt: Sandbox.Timedout\n  2 attempts\n"},
		{"no log, one attempt", RunFile{File: "bad.txt", Attempts: 1, Error: "fetch s3://b/k: no space"}, "failed: bad.txt: fetch s3://b/k: no space\n"},
		{"an odd log", RunFile{File: "bad.txt", Attempts: 1, Error: "E", LogTail: "\nRequestId: "}, "failed: bad.txt: E\n  the end of its log:\n  | RequestId:\n"},
	} {
		var out, err bytes.Buffer
		failure((&Streams{Out: &out, Err: &err}).err(), c.file)
		if got := strings.TrimPrefix(err.String(), "\n"); got != c.want {
			t.Errorf("%s: got\n%s\nwant\n%s", c.name, got, c.want)
		}
	}
}

// Lines of a log in JSON are shown as those of one in text, and why a file failed is not said again below.
func TestLogsInJSONAreReadable(t *testing.T) {
	object := func(level, message, more string) string {
		return fmt.Sprintf(`{"time":"2026-11-23T09:42:56.860Z","level":%q,"requestId":"7f-1","message":%q%s}`+"\n", level, message, more)
	}
	log := "START RequestId: 7f-1 Version: $LATEST\n" + object("INFO", "works on\tbad.txt", "") + object("INFO", `{"my":"own"}`, "") +
		object("ERROR", `"s3://b/bad.txt": Scar.ScriptFailed: exit code 3`, "") +
		object("ERROR", "s3://b/bad.txt: Scar.ScriptFailed", `,"summary":{"exit":"3"}`) +
		`{"_aws":{"Timestamp":1},"function":"f","requestId":"7f-1"}` + "\n" + `{"level":"INFO","message":"the script's own"}` + "\n"
	var out, err bytes.Buffer
	failure((&Streams{Out: &out, Err: &err}).err(), RunFile{File: "bad.txt", Attempts: 1, Error: "Scar.ScriptFailed: exit code 3", LogTail: log})
	want := "failed: bad.txt: Scar.ScriptFailed: exit code 3\n  the end of its log:\n  | works on    bad.txt\n  | {\"my\":\"own\"}\n" +
		"  | scar ERROR s3://b/bad.txt: Scar.ScriptFailed {\"exit\":\"3\"}\n  | {\"level\":\"INFO\",\"message\":\"the script's own\"}\n"
	if got := strings.TrimPrefix(err.String(), "\n"); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestTexts(t *testing.T) {
	for got, want := range map[string]string{
		size(0): "0 B", size(1023): "1023 B", size(1536): "1.5 kB", size(5 << 30): "5.0 GB",
		seconds(1234 * time.Millisecond): "1.2s", seconds(75 * time.Second): "75s", seconds(125 * time.Second): "2m05s",
		count(1, "file"): "1 file", count(0, "file"): "0 files",
		clean("a\tb\u202ec"): "a\uFFFDb\uFFFDc",
	} {
		if got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	for name, want := range map[string]bool{"API_TOKEN": true, "DB_PASSWORD": true, "AWS_SECRET_ACCESS_KEY": true, "QUALITY": false, "KEYBOARD": false, "PATH": false} {
		if got := sensitiveEntry("environment", name); got != want {
			t.Errorf("%s: sensitive %v, want %v", name, got, want)
		}
	}
}
