package view

import (
	"bytes"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/scar-go/scar/runtime/job"
)

func TestInvokedDone(t *testing.T) {
	i := Invoked{Function: "grayify", RequestID: "r\x1b[1m", LogStream: "s", Status: 404}
	for _, c := range []struct {
		output   string
		terminal bool
		out, err string
	}{
		{"a\x00\xff", false, "a\x00\xff", ""},
		{"a\x00\xff", true, "", "The output, 3 B, is no text and is not shown on a terminal: write it to a file with -o FILE, or redirect it.\n"},
		{"text", true, "text", "\n"},
		{"text\n", true, "text\n", ""},
		{"", true, "", ""},
	} {
		var out, err bytes.Buffer
		if e := i.Done(&Streams{Out: &out, Err: &err, Live: true}, Human, []byte(c.output), c.terminal); e != nil {
			t.Fatal(e)
		}
		want := c.err + "status: 404 Not Found\nrequest id: r\uFFFD[1m\nlog stream: s\n"
		if out.String() != c.out || err.String() != want {
			t.Errorf("%q: %q, %q", c.output, &out, &err)
		}
	}
}

// TestInvokedFailed prints neither twice what the log has too, nor what was seen while it ran.
func TestInvokedFailed(t *testing.T) {
	i := Invoked{
		Function: "grayify", RequestID: "r1",
		Failure: &job.Error{Type: job.ErrScriptFailed, Message: "the script ended with exit code 3; its last output:\nno such color"},
		LogTail: "START RequestId: r1 Version: 1\nno such color\nEND RequestId: r1\n",
	}
	const first = "error: function grayify failed: Scar.ScriptFailed: the script ended with exit code 3\n"
	for tailed, want := range map[bool]string{
		false: first + "  the end of its log:\n  | no such color\nrequest id: r1\n",
		true:  first + "request id: r1\n",
	} {
		var out, err bytes.Buffer
		i.Tailed = tailed
		if e := i.Failed(&Streams{Out: &out, Err: &err}, Human); e != nil || out.Len() > 0 || err.String() != want {
			t.Errorf("%v: %v, %q, %q", tailed, e, &out, &err)
		}
	}
}

func TestHTTPAnswer(t *testing.T) {
	own := http.Header{http.CanonicalHeaderKey(job.HeaderRequestID): {"r1"}}
	for want, a := range map[string]HTTPAnswer{
		"": {Status: 204},
		"error: function f answers 403 Forbidden: who calls needs the rights lambda:InvokeFunctionUrl and lambda:InvokeFunction on the function\n": {Status: 403, Signed: true},
		"error: function f answers 403 Forbidden: who calls needs the right execute-api:Invoke\n":                                                  {Status: 403, Signed: true, API: true},
		"error: function f answers 403 Forbidden\nrequest id: r1\n":                                                                                {Status: 403, Signed: true, Header: own},
		"error: function f answers 500 Internal Server Error: scar logs f --request-id r1 shows why\nrequest id: r1\n":                             {Status: 500, Header: own},
		"error: function f answers 502 Bad Gateway: scar logs f shows why\n":                                                                       {Status: 502},
		"error: function f answers 302 Found, to /else\n":                                                                                          {Status: 302, Header: http.Header{"Location": {"/else"}}},
		"error: function f answers 503 Service Unavailable: an HTTP API waits for 30 seconds; scar run f waits as long as the function may take\n": {Status: 503, API: true},
	} {
		var out, err bytes.Buffer
		a.Function = "f"
		if e := a.Print(&Streams{Out: &out, Err: &err}, []byte("body"), false); e != nil || out.String() != "body" || err.String() != want {
			t.Errorf("%v, %q, %q", e, &out, &err)
		}
	}
}

// TestTail tells the lines of several requests apart, as soon as there are several.
func TestTail(t *testing.T) {
	var err bytes.Buffer
	show := Tail(&Streams{Err: &err})
	at := time.Date(2026, 1, 31, 8, 9, 10, 11_000_000, time.UTC)
	for _, l := range [][2]string{{"aaaaaaaa-1", "one\n"}, {"bbbbbbbb-2", "two\x1b\n"}, {"aaaaaaaa-1", "three"}, {"c", "four"}} {
		if e := show(l[0], LogLine{Time: at, Message: l[1]}); e != nil {
			t.Fatal(e)
		}
	}
	want := strings.ReplaceAll("@ one\nbbbbbbbb @ two\uFFFD\naaaaaaaa @ three\nc @ four\n", "@", "08:09:10.011")
	if err.String() != want {
		t.Errorf("%q", &err)
	}
}
