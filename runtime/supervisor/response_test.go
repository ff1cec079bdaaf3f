package supervisor

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/scar-go/scar/runtime/event"
	"github.com/scar-go/scar/runtime/job"
)

func TestParseHeaders(t *testing.T) {
	got, err := parseHeaders([]byte("Content-Type: text/html; charset=utf-8\n\nSet-Cookie:a=b\nset-cookie: \t c=d:e \nX-Empty:"))
	if err != nil {
		t.Fatal(err)
	}
	want := []header{{"Content-Type", "text/html; charset=utf-8"}, {"Set-Cookie", "a=b"}, {"set-cookie", "c=d:e"}, {"X-Empty", ""}}
	if !slices.Equal(got, want) {
		t.Errorf("got %q", got)
	}
	for content, text := range map[string]string{
		"no colon":                        `line 1: "no colon" is not of the form`,
		"A: b\n: c":                       "line 2",
		"A b: c":                          "no name of a header",
		" A: folded":                      "no name of a header",
		"Ä: c":                            "no name of a header",
		"A: b\r\nB: c":                    "printable ASCII",
		"A: b\x00":                        "printable ASCII",
		"A: ü":                            "printable ASCII",
		"A: \xff":                         "printable ASCII",
		"transfer-encoding: chunked":      "set by the server",
		"Content-Length: 3":               "set by the server",
		"Connection: close":               "set by the server",
		"Amz-Lambda-Request-Id: mine":     "set by scar",
		"amz-log-group-name: mine":        "set by scar",
		strings.Repeat("n", 50) + "\x7f:": "no name of a header",
	} {
		if got, err := parseHeaders([]byte(content)); err == nil || !strings.Contains(err.Error(), text) {
			t.Errorf("%q: %q, %v; want %q", content, got, err, text)
		}
	}
}

func FuzzParseHeaders(f *testing.F) {
	f.Add([]byte("A: b\nSet-Cookie: c"))
	f.Add([]byte("A:\r\n"))
	f.Fuzz(func(t *testing.T, content []byte) {
		headers, err := parseHeaders(content)
		if err != nil {
			return
		}
		for _, h := range headers {
			if h.name == "" || strings.ContainsAny(h.name+h.value, "\r\n\x00") || strings.HasPrefix(strings.ToLower(h.name), "amz-l") {
				t.Errorf("%q", h)
			}
		}
	})
}

func TestParseStatus(t *testing.T) {
	for content, want := range map[string]int{"200": 200, "404\n": 404, " 599 ": 599, "199": 0, "600": 0, "": 0, "abc": 0, "+200": 0, "0200": 0, "-20": 0, "2e2": 0} {
		if got, err := parseStatus([]byte(content)); got != want || (err == nil) != (want != 0) {
			t.Errorf("%q: %d, %v", content, got, err)
		}
	}
}

func TestReadReply(t *testing.T) {
	secret := filepath.Join(t.TempDir(), "secret")
	must(t, os.WriteFile(secret, []byte("404"), 0o600))
	for _, c := range []struct {
		name string
		make func(folder string) error
		want *reply
		kind string
		text string
	}{
		{"nothing", func(string) error { return nil }, newReply(), "", ""},
		{"no folder", os.Remove, newReply(), "", ""},
		{"all", func(folder string) error {
			return errors.Join(os.WriteFile(folder+"/status", []byte("201\n"), 0o000), os.WriteFile(folder+"/headers", []byte("A: b"), 0o600),
				os.WriteFile(folder+"/body", []byte("\x00\xff"), 0o600), os.WriteFile(folder+"/other", nil, 0o600), os.Chmod(folder, 0))
		}, &reply{status: 201, headers: []header{{"A", "b"}}, body: []byte("\x00\xff")}, "", ""},
		{"empty body", func(folder string) error { return os.WriteFile(folder+"/body", nil, 0o600) }, &reply{status: 200, body: []byte{}}, "", ""},
		{"link", func(folder string) error { return os.Symlink(secret, folder+"/status") }, nil, "", "status in RESPONSE_DIR: it is a symbolic link"},
		{"link inside", func(folder string) error {
			return errors.Join(os.WriteFile(folder+"/status", []byte("201"), 0o600), os.Symlink("status", folder+"/body"))
		}, nil, "", "body in RESPONSE_DIR: it is a symbolic link"},
		{"folder", func(folder string) error { return os.Mkdir(folder+"/body", 0o700) }, nil, "", "body in RESPONSE_DIR: it is a folder"},
		{"replaced by a link", func(folder string) error {
			return errors.Join(os.Remove(folder), os.Symlink(filepath.Dir(secret), folder))
		}, nil, "", "replaced it by a symbolic link"},
		{"replaced by a file", func(folder string) error { return errors.Join(os.Remove(folder), os.WriteFile(folder, nil, 0o600)) }, nil, "", "replaced it by a file"},
		{"bad status", func(folder string) error { return os.WriteFile(folder+"/status", []byte("teapot"), 0o600) }, nil, "", `"teapot" is no status`},
		{"long status", func(folder string) error { return os.WriteFile(folder+"/status", make([]byte, maxStatusFile+1), 0o600) }, nil, "", "status in RESPONSE_DIR: it has more than 64 bytes"},
		{"long headers", func(folder string) error {
			return os.WriteFile(folder+"/headers", make([]byte, maxHeadersFile+1), 0o600)
		}, nil, "", "8192"},
		{"long body", func(folder string) error {
			return errors.Join(os.WriteFile(folder+"/body", nil, 0o600), os.Truncate(folder+"/body", 1<<40))
		}, nil, job.ErrResponseTooBig, "4715520"},
	} {
		t.Run(c.name, func(t *testing.T) {
			folder := filepath.Join(t.TempDir(), "response")
			must(t, os.Mkdir(folder, 0o700))
			t.Cleanup(func() { _ = os.Chmod(folder, 0o700) }) // what is closed could not be removed; some cases leave no folder
			must(t, c.make(folder))
			var warnings int
			got, err := readReply(folder, func(string, ...any) { warnings++ })
			if c.want == nil {
				if err == nil || !strings.Contains(err.Error(), c.text) || asError(err, "").Type != c.kind {
					t.Errorf("got %+v, %v", got, err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, got, cmp.AllowUnexported(reply{}, header{})); diff != "" {
				t.Error(diff)
			}
			if want := c.name == "all"; (warnings == 1) != want {
				t.Errorf("%d warnings", warnings)
			}
		})
	}
}

// request is an invocation by HTTP.
func request(front event.Front) *invocation {
	return &invocation{
		Supervisor: &Supervisor{Options: Options{Job: &job.Job{}, Getenv: func(string) string { return "x" }}},
		id:         "id",
		event:      &event.Event{Kind: event.HTTP, Request: &event.Request{Front: front}},
	}
}

func TestShapesOfAnswers(t *testing.T) {
	r := &reply{status: 404, body: []byte("<html>"), headers: []header{
		{"Vary", "a"}, {"Set-Cookie", "a=b"}, {"vary", "c"}, {"X-One", "1"}, {"set-cookie", "c=d"},
	}}
	own := `"amz-lambda-request-id":"id","amz-log-group-name":"x","amz-log-stream-name":"x"`
	ownMulti := `"amz-lambda-request-id":["id"],"amz-log-group-name":["x"],"amz-log-stream-name":["x"]`
	body := `"body":"PGh0bWw+","isBase64Encoded":true}`
	for front, want := range map[event.Front]string{
		event.URL: `{"statusCode":404,"headers":{"Content-Type":"text/html; charset=utf-8","Vary":"a, c","X-One":"1",` + own + `},"cookies":["a=b","c=d"],` + body,
		event.REST: `{"statusCode":404,"headers":{"Content-Type":"text/html; charset=utf-8","X-One":"1",` + own +
			`},"multiValueHeaders":{"Set-Cookie":["a=b","c=d"],"Vary":["a","c"]},` + body,
		event.LoadBalancerMulti: `{"statusCode":404,"statusDescription":"404 Not Found","multiValueHeaders":{"Content-Type":["text/html; charset=utf-8"],` +
			`"Set-Cookie":["a=b","c=d"],"Vary":["a","c"],"X-One":["1"],` + ownMulti + `},` + body,
	} {
		got, failed := request(front).answer(r)
		if failed != nil {
			t.Fatal(failed)
		}
		if diff := cmp.Diff(want, string(got)); diff != "" {
			t.Errorf("front %d:\n%s", front, diff)
		}
	}

	if _, failed := request(event.LoadBalancer).answer(r); failed == nil || failed.Type != job.ErrBadResponse {
		t.Errorf("two cookies by a load balancer: %v", failed)
	}
	r.headers = r.headers[:4]
	want := `{"statusCode":404,"statusDescription":"404 Not Found","headers":{"Content-Type":"text/html; charset=utf-8","Set-Cookie":"a=b","Vary":"a, c","X-One":"1",` +
		own + `},` + body
	got, failed := request(event.LoadBalancer).answer(r)
	if diff := cmp.Diff(want, string(got)); diff != "" || failed != nil {
		t.Errorf("%v\n%s", failed, diff)
	}
}

func TestContentTypes(t *testing.T) {
	for body, want := range map[string]string{
		`{"a": 1}`:             "application/json",
		" \n[1, 2]\n":          "application/json",
		`{"a": 1} and more`:    "text/plain; charset=utf-8",
		`"text"`:               "text/plain; charset=utf-8",
		"":                     "text/plain; charset=utf-8",
		"\x89PNG\r\n\x1a\n123": "image/png",
		"\x00\x01\xff":         "application/octet-stream",
	} {
		if got := guessType([]byte(body)); got != want {
			t.Errorf("%q is taken for %s, want %s", body, got, want)
		}
	}
	got, failed := request(event.URL).answer(&reply{status: 204, body: []byte("said nothing")})
	if failed != nil || strings.Contains(string(got), "Content-Type") || !strings.Contains(string(got), `"body":""`) {
		t.Errorf("%s %v", got, failed)
	}
	got, failed = request(event.URL).answer(&reply{status: 200, headers: []header{{"content-type", "x/y"}}, body: []byte("{}")})
	if failed != nil || strings.Contains(string(got), "Content-Type") {
		t.Errorf("%s %v", got, failed)
	}
}

func TestAnswersAreBounded(t *testing.T) {
	for front, limit := range map[event.Front]int{event.URL: answerLimit, event.REST: answerLimit, event.LoadBalancer: loadBalancerLimit, event.LoadBalancerMulti: loadBalancerLimit} {
		v := request(front)
		payload, failed := v.answer(&reply{status: 200, body: make([]byte, v.bodyLimit())})
		if failed != nil || len(payload) > limit || len(payload) < limit-keptBack {
			t.Errorf("front %d: the largest body makes %d bytes of %d: %v", front, len(payload), limit, failed)
		}
		many := &reply{status: 200, body: make([]byte, v.bodyLimit()), headers: []header{{"X", strings.Repeat("x", keptBack)}}}
		if _, failed := v.answer(many); failed == nil || failed.Type != job.ErrResponseTooBig {
			t.Errorf("front %d: headers count nothing: %v", front, failed)
		}
	}
}

func TestFailuresByHTTPTellNothingOfTheInside(t *testing.T) {
	for kind, want := range map[string]struct {
		status  int
		message string
	}{
		job.ErrScriptFailed: {500, "what happened"},
		job.ErrTimeout:      {504, "what happened"},
		job.ErrBadEvent:     {400, "what happened; its last output:\nsecret"},
		job.ErrStageOut:     {500, privateErrorMessage},
		job.ErrSecret:       {500, privateErrorMessage},
		job.ErrInternal:     {500, privateErrorMessage},
		job.ErrScriptStart:  {500, privateErrorMessage},
	} {
		payload, failed := request(event.URL).answerFailure(&job.Error{Type: kind, Message: "what happened" + lastOutput + "secret"})
		if failed != nil {
			t.Fatal(failed)
		}
		var response job.Response
		must(t, json.Unmarshal(payload, &response))
		body, err := base64.StdEncoding.DecodeString(response.Body)
		must(t, err)
		var told job.Error
		must(t, json.Unmarshal(body, &told))
		if response.StatusCode != want.status || told != (job.Error{Type: kind, Message: want.message}) || response.Headers["amz-lambda-request-id"] != "id" ||
			response.Headers["Content-Type"] != "application/json" {
			t.Errorf("%s: %s, body %s", kind, payload, body)
		}
	}
}
