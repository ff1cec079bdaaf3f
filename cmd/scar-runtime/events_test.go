package main

import (
	"encoding/base64"
	"encoding/json"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/johannesboyne/gofakes3"
	"github.com/johannesboyne/gofakes3/backend/s3mem"

	"github.com/scar-go/scar/runtime/job"
)

// lab is an S3 that is not the account's own, as provider minio.lab of a job.
func lab(t *testing.T, j *job.Job) *function {
	t.Helper()
	backend := s3mem.New()
	if err := backend.CreateBucket(bucket); err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(gofakes3.New(backend).Server())
	t.Cleanup(server.Close)
	j.Storage = map[string]job.Provider{"minio.lab": {
		Type: job.MinIO, Endpoint: server.URL, AccessKey: &job.Credential{Text: "labkey"}, SecretKey: &job.Credential{Text: "labsecret"},
	}}
	return &function{t: t, s3: &bucketServer{backend: backend}}
}

// minioEvent is MinIO's event of an object.
func minioEvent(t *testing.T, key string) string {
	t.Helper()
	inner := strings.Replace(created(t, key), "aws:s3", "minio:s3", 1)
	return `{"EventName":"s3:ObjectCreated:Put","Key":"` + bucket + "/" + key + `",` + strings.TrimPrefix(inner, "{")
}

func TestObjectsOfOtherProviders(t *testing.T) {
	j := newJob()
	other := lab(t, &j)
	j.Inputs = append(j.Inputs, job.Input{Provider: "minio.lab", Bucket: bucket, Prefix: "in/"})
	j.Outputs = append(j.Outputs, job.Output{Provider: "minio.lab", Bucket: bucket, Prefix: "results/"})
	f := start(t, j, `cp "$INPUT_FILE_PATH" "$TMP_OUTPUT_DIR"; printf %s "$STORAGE_OBJECT_KEY"`)
	f.store("in/x/a", "of the account")
	other.store("in/x/a", "of the lab")
	wrapped := `{"event":` + created(t, "in/x/a") + `,"storage_provider":"minio"}`
	for name, payload := range map[string]string{"minio": minioEvent(t, "in/x/a"), "wrapper": wrapped, "wrapper by name": strings.Replace(wrapped, `"minio"`, `"minio.lab"`, 1)} {
		if got := f.output(f.invoke(payload)); got != "in/x/a" {
			t.Errorf("%s: output %q", name, got)
		}
		want := map[string]string{"out/x/a": "of the lab"}
		if diff := cmp.Diff(want, f.objects("out/")); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
		if got := other.objects("results/"); got["results/x/a"] != "of the lab" {
			t.Errorf("%s: results %q", name, keys(got))
		}
	}
	f.output(f.invoke(created(t, "in/x/a")))
	if got := f.objects("out/")["out/x/a"]; got != "of the account" {
		t.Errorf("output %q", got)
	}

	var record job.Record
	content := f.objects(job.RecordsPrefix)[job.RecordKey("f", "minio.lab", bucket, "in/x/a")]
	if err := json.Unmarshal([]byte(content), &record); err != nil || record.Provider != "minio.lab" || record.Attempts != 3 || len(record.Outputs) != 2 {
		t.Errorf("record %s, %v", content, err)
	}
	if log := f.log.String(); !strings.Contains(log, `"minio.lab/photos/in/x/a" status=done`) || !strings.Contains(log, "stored minio.lab/photos/results/x/a, 10 bytes") {
		t.Errorf("the log names places otherwise")
	}
	f.wantFailure(f.invoke(minioEvent(t, "in/none")), job.ErrStageIn, "minio.lab")
	f.wantFailure(f.invoke(strings.Replace(wrapped, `"minio"`, `"webdav"`, 1)), job.ErrBadEvent, `the storage provider "webdav", the job has s3, minio.lab`)
}

// httpEvent is the event of a function URL.
func httpEvent(t *testing.T, query, body string, headers map[string]string) string {
	t.Helper()
	all := map[string]string{"content-type": "text/plain"}
	maps.Copy(all, headers)
	payload, err := json.Marshal(map[string]any{
		"version": "2.0", "rawPath": "/some/path", "rawQueryString": query, "headers": all,
		"requestContext": map[string]any{"http": map[string]any{"method": "POST", "path": "/some/path"}},
		"body":           base64.StdEncoding.EncodeToString([]byte(body)), "isBase64Encoded": true,
	})
	if err != nil {
		t.Fatal(err)
	}
	return string(payload)
}

// response is a successful answer.
func (f *function) response(a answer) (r job.Response, body string) {
	f.t.Helper()
	body = f.output(a)
	if err := json.Unmarshal(a.body, &r); err != nil {
		f.t.Fatal(err)
	}
	return r, body
}

func TestRequestsAreAnswered(t *testing.T) {
	f := start(t, newJob(), `#!/bin/sh
echo "$REQUEST_METHOD $PATH_INFO $QUERY_STRING $CONTENT_TYPE|$width|${LD_PRELOAD-unset}|$QUALITY|$(cat "$INPUT_FILE_PATH")"
echo stored > "$TMP_OUTPUT_DIR/o"
`, "QUALITY=80")
	r, body := f.response(f.invoke(httpEvent(t, "width=10%25&LD_PRELOAD=/x.so&QUALITY=1", "pixels", nil)))
	if want := "POST /some/path width=10%25&LD_PRELOAD=/x.so&QUALITY=1 text/plain|10%|unset|80|pixels\n"; body != want {
		t.Errorf("body %q, want %q", body, want)
	}
	want := map[string]string{
		"Content-Type":          "text/plain; charset=utf-8",
		"amz-lambda-request-id": requestID, "amz-log-group-name": "/aws/lambda/f", "amz-log-stream-name": "stream",
	}
	if diff := cmp.Diff(want, r.Headers); diff != "" || r.StatusCode != 200 {
		t.Errorf("status %d\n%s", r.StatusCode, diff)
	}
	if got := f.objects("")["out/o"]; got != "stored\n" {
		t.Errorf("objects %q", keys(f.objects("")))
	}
	if log := f.log.String(); !strings.Contains(log, `parameters that are no variables: "LD_PRELOAD" (could change what programs do), "QUALITY" (set already)`) || strings.Contains(log, "/x.so\"") {
		t.Error("the log does not say which parameters are no variables")
	}
	for _, name := range []string{"REQUEST_METHOD", "width"} {
		if value, ok := variables(f.output(start(t, newJob(), "#!/bin/sh\nexec env -0").invoke("{}")))[name]; ok {
			t.Errorf("a direct invocation has %s=%s", name, value)
		}
	}
}

func TestFailedRequests(t *testing.T) {
	j := newJob()
	j.TimeoutMargin = 4
	f := start(t, j, `echo of the inside; echo partial > "$TMP_OUTPUT_DIR/o"; [ "$INPUT_FILE_PATH" ] && [ "$(cat "$INPUT_FILE_PATH")" = hang ] && sleep 1000; exit 3`)
	for _, c := range []struct {
		name, payload, kind string
		status              int
	}{
		{"exit code", httpEvent(t, "", "x", nil), job.ErrScriptFailed, 500},
		{"time", httpEvent(t, "", "hang", nil), job.ErrTimeout, 504},
		{"damaged body", strings.Replace(httpEvent(t, "", "pixels", nil), `"body":"`, `"body":"%%`, 1), job.ErrBadEvent, 400},
	} {
		within := time.Minute
		if c.kind == job.ErrTimeout {
			within = 6 * time.Second
		}
		r, body := f.response(f.invokeWithin(c.payload, within))
		var told job.Error
		if err := json.Unmarshal([]byte(body), &told); err != nil || told.Type != c.kind || strings.Contains(body, "of the inside") {
			t.Errorf("%s: body %s, %v", c.name, body, err)
		}
		if r.StatusCode != c.status || r.Headers["Content-Type"] != "application/json" || r.Headers["amz-lambda-request-id"] != requestID {
			t.Errorf("%s: %+v", c.name, r)
		}
		f.checkClean()
	}
	f.wantFailure(f.invoke(httpEvent(t, "", "x", map[string]string{"X-Amz-Invocation-Type": "Event"})), job.ErrScriptFailed, "of the inside")
	if got := keys(f.objects("")); len(got) > 0 {
		t.Errorf("objects %q", got)
	}
	if !strings.Contains(f.log.String(), `scar ERROR `+requestID+` "POST /some/path" status=Scar.ScriptFailed exit=3`) {
		t.Error("the log has no summary of the failure")
	}
}

func TestRequestsNameObjectsOfInputsOnly(t *testing.T) {
	j := newJob()
	other := lab(t, &j)
	j.Inputs = append(j.Inputs, job.Input{Provider: "minio.lab", Bucket: bucket, Prefix: "in/"})
	f := start(t, j, `cat "$INPUT_FILE_PATH"`)
	for _, key := range []string{"in/a", "private/a"} {
		f.store(key, "of the account")
		other.store(key, "of the lab")
	}
	for payload, want := range map[string]string{
		minioEvent(t, "in/a"):      "of the lab",
		minioEvent(t, "private/a"): minioEvent(t, "private/a"),
		created(t, "in/a"):         created(t, "in/a"),
		`{"event":` + created(t, "in/a") + `,"storage_provider":"minio"}`: "of the lab",
		`{"event":` + created(t, "in/a") + `,"storage_provider":"s3"}`:    `{"event":` + created(t, "in/a") + `,"storage_provider":"s3"}`,
		`{"script":"ZWNobyBwd25lZA=="}`:                                   `{"script":"ZWNobyBwd25lZA=="}`,
		`{"cmd_args":"[\"id\"]"}`:                                         `{"cmd_args":"[\"id\"]"}`,
	} {
		if _, body := f.response(f.invoke(httpEvent(t, "", payload, map[string]string{"content-type": "application/json"}))); body != want {
			t.Errorf("the body %s is answered with %q", payload, body)
		}
	}
}

func TestScriptsAnswer(t *testing.T) {
	f := start(t, newJob(), `#!/bin/sh
echo logged only
cd "$RESPONSE_DIR"
echo 201 > status
printf 'Content-Type: image/png\nSet-Cookie: a=b\nSet-Cookie: c=d\n' > headers
printf '\211PNG\0' > body
`)
	for _, payload := range []string{httpEvent(t, "", "", nil), "{}", f.put("in/a", "x")} {
		r, body := f.response(f.invoke(payload))
		if body != "\x89PNG\x00" || r.StatusCode != 201 || r.Headers["Content-Type"] != "image/png" || !slices.Equal(r.Cookies, []string{"a=b", "c=d"}) {
			t.Errorf("%+v, body %q", r, body)
		}
		f.checkClean()
	}
	if !strings.Contains(f.log.String(), "logged only\n") {
		t.Error("the output is not logged")
	}
}

// An answer that cannot be given is a failure, of which nothing is stored.
func TestBadAnswersAreFailures(t *testing.T) {
	for _, c := range []struct{ name, script, kind, text string }{
		{"status", `echo 1000 > $RESPONSE_DIR/status`, job.ErrBadResponse, "write a number from 200 to 599"},
		{"header", `printf 'A: b\r\nC: d' > $RESPONSE_DIR/headers`, job.ErrBadResponse, "printable ASCII"},
		{"reserved header", `echo 'amz-lambda-request-id: x' > $RESPONSE_DIR/headers`, job.ErrBadResponse, "set by scar"},
		{"link", `ln -s /etc/passwd $RESPONSE_DIR/body`, job.ErrBadResponse, "symbolic link"},
		{"pipe", `mkfifo $RESPONSE_DIR/body`, job.ErrBadResponse, "named pipe"},
		{"folder", `mkdir $RESPONSE_DIR/body`, job.ErrBadResponse, "folder"},
		{"device", `rmdir $RESPONSE_DIR; ln -s /dev/zero $RESPONSE_DIR`, job.ErrBadResponse, "symbolic link"},
		{"body", `head -c 5000000 /dev/zero > $RESPONSE_DIR/body`, job.ErrResponseTooBig, "4715520"},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := start(t, newJob(), c.script+`; touch "$TMP_OUTPUT_DIR/o"`)
			f.wantFailure(f.invoke(f.put("in/a", "x")), c.kind, c.text)
			if got := f.objects("out/"); len(got) > 0 {
				t.Errorf("outputs %q", keys(got))
			}
			if r := f.record("in/a"); r.Status != job.Failed || r.Error.Type != c.kind {
				t.Errorf("record %+v", r)
			}
			f.checkClean()
		})
	}
}

func TestScriptOfTheEvent(t *testing.T) {
	f := start(t, newJob(), "echo the own")
	for script, want := range map[string]string{
		"echo plain; echo o > $TMP_OUTPUT_DIR/o":                         "plain\n",
		"#!/bin/sh -e\nstat -c %a \"$0\"; echo ${INPUT_FILE_PATH-unset}": "700\nunset\n",
	} {
		payload := `{"script":"` + base64.StdEncoding.EncodeToString([]byte(script)) + `"}`
		if got := f.output(f.invoke(payload)); got != want {
			t.Errorf("%q: output %q", script, got)
		}
		f.checkClean()
	}
	if got := f.output(f.invoke("{}")); got != "the own\n" {
		t.Errorf("afterwards the output is %q", got)
	}
	if got := keys(f.objects("")); !slices.Equal(got, []string{"out/o"}) {
		t.Errorf("objects %q", got)
	}
	f.wantFailure(f.invoke(`{"script":"%"}`), job.ErrBadEvent, "base64")
	f.wantFailure(f.invoke(`{"script":"`+base64.StdEncoding.EncodeToString([]byte("#!/bin/nosuch"))+`"}`), job.ErrScriptStart, "interpreter /bin/nosuch is not in the image", "static binary")
}

func TestArgumentsOfTheEvent(t *testing.T) {
	j := newJob()
	j.Entrypoint, j.Cmd = []string{"echo", "e"}, []string{"c"}
	f := start(t, j, "echo the script")
	if got := f.output(f.invoke(`{"cmd_args":"[\"x\",\"y z\"]"}`)); got != "e x y z\n" {
		t.Errorf("output %q", got)
	}
	if got := f.output(f.invoke("{}")); got != "the script\n" {
		t.Errorf("afterwards the output is %q", got)
	}
	j.Entrypoint = nil
	f = start(t, j, "echo the script")
	if got := f.output(f.invoke(`{"cmd_args":["echo","only"]}`)); got != "only\n" {
		t.Errorf("output %q", got)
	}
}

// A program's relative path begins at the image's folder, as with docker run, wherever the script runs.
func TestRelativeEntrypoint(t *testing.T) {
	for _, c := range []struct{ folder, entrypoint string }{{"", "bin/echo"}, {"/", "./bin/echo"}, {"/usr", "bin/printf"}, {"/usr/bin", "./printf"}} {
		j := newJob()
		j.Script, j.WorkingDir, j.Entrypoint = false, c.folder, []string{c.entrypoint, "hi"}
		if got := runOnce(t, j); strings.TrimSpace(got) != "hi" {
			t.Errorf("%s in %q: output %q", c.entrypoint, c.folder, got)
		}
	}
}

// runOnce is what a job without a script writes in a direct invocation.
func runOnce(t *testing.T, j job.Job) string {
	t.Helper()
	f := start(t, j, "")
	return f.output(f.invoke("{}"))
}

func TestDuplicatesAreNoOps(t *testing.T) {
	j := newJob()
	j.Dedupe, j.Metrics = true, true
	f := start(t, j, `echo ran; ! grep -q bad "$INPUT_FILE_PATH"`)
	event := func(sequencer string) string {
		return strings.Replace(created(t, "in/a"), "0055AED6DCD90281E5", sequencer, 1)
	}
	f.store("in/a", "bad")
	f.wantFailure(f.invoke(event("0A")), job.ErrScriptFailed)
	f.store("in/a", "good")
	for _, c := range []struct{ sequencer, want string }{
		{"0A", "ran\n"}, // it had failed
		{"0A", ""},
		{"0A0", ""},
		{"09", ""},
		{"0B", "ran\n"},
		{"0A", ""},
		{"0AFF", ""},
		{"0B01", "ran\n"},
	} {
		if got := f.output(f.invoke(event(c.sequencer))); got != c.want {
			t.Errorf("sequencer %s: output %q, want %q", c.sequencer, got, c.want)
		}
		f.checkClean()
	}
	if got := strings.Count(f.log.String(), `"s3://photos/in/a" status=duplicate exit=- `); got != 5 {
		t.Errorf("%d duplicates are logged", got)
	}
	if got := strings.Count(f.log.String(), `"CloudWatchMetrics"`); got != 4 {
		t.Errorf("%d lines with metrics", got)
	}
	if r := f.record("in/a"); r.Sequencer != "0B01" || r.Status != job.Done {
		t.Errorf("record %+v", r)
	}

	f.store(job.RecordKey("f", "", bucket, "in/a"), "no JSON")
	f.wantFailure(f.invoke(event("0C")), job.ErrRecord, "cannot be told")
	f.s3.refuse(func(r *http.Request) bool { return strings.Contains(r.URL.Path, "/.scar/") })
	f.wantFailure(f.invoke(event("0C")), job.ErrRecord, "AccessDenied")
}

func TestLogOfJSON(t *testing.T) {
	j := newJob()
	j.LogFormat, j.Metrics = "json", true
	f := start(t, j, `echo 'a "line"'; exit 3`)
	f.wantFailure(f.invoke(f.put("in/a", "x")), job.ErrScriptFailed)
	var script, summary, metrics bool
	for _, line := range strings.Split(strings.TrimSpace(f.log.String()), "\n") {
		var fields map[string]any
		if err := json.Unmarshal([]byte(line), &fields); err != nil {
			t.Errorf("%v: %s", err, line)
			continue
		}
		script = script || fields["message"] == `a "line"` && fields["level"] == "INFO" && fields["requestId"] == requestID
		if s, ok := fields["summary"].(map[string]any); ok {
			summary = fields["level"] == "ERROR" && s["input"] == "s3://photos/in/a" && s["status"] == job.ErrScriptFailed && s["exit"] == "3" && s["bytes_in"] == 1.0
		}
		metrics = metrics || fields["_aws"] != nil && fields["Failed"] == 1.0 && fields["requestId"] == requestID
	}
	if !script || !summary || !metrics {
		t.Errorf("line of the script %v, summary %v, metrics %v", script, summary, metrics)
	}
}

func TestUndefinedProviderIsABadJob(t *testing.T) {
	j := newJob()
	j.Outputs = append(j.Outputs, job.Output{Provider: "webdav.nas", Prefix: "x/"})
	f := start(t, j, "echo ran")
	if failed := f.initError(); failed.Type != job.ErrBadJob || !strings.Contains(failed.Message, `"webdav.nas"`) {
		t.Errorf("reported %v", failed)
	}
}
