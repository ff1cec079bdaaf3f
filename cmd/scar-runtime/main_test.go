package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/scar-go/scar/runtime/job"
)

const grayify = `#!/bin/sh
set -e
tr a-z A-Z < "$INPUT_FILE_PATH" > "$TMP_OUTPUT_DIR/$(basename "$INPUT_FILE_PATH")"
mkdir "$TMP_OUTPUT_DIR/thumbs"
echo thumb > "$TMP_OUTPUT_DIR/thumbs/t"
echo "did $STORAGE_OBJECT_KEY"
`

func TestObjectIsProcessed(t *testing.T) {
	f := start(t, newJob(), grayify)
	got := f.output(f.invoke(f.put("in/2026/cat.txt", "meow")))
	if got != "did in/2026/cat.txt\n" {
		t.Errorf("output is %q", got)
	}
	want := map[string]string{"out/2026/cat.txt": "MEOW", "out/2026/thumbs/t": "thumb\n"}
	if diff := cmp.Diff(want, f.objects("out/")); diff != "" {
		t.Error(diff)
	}
	f.checkClean()

	r := f.record("in/2026/cat.txt")
	if r.Started.IsZero() || r.ETag == "" || r.ETag == "etag" {
		t.Errorf("record %+v", r)
	}
	r.Started, r.ETag, r.Durations = job.Record{}.Started, "", job.Durations{}
	wantRecord := &job.Record{
		Version: 1, Function: "f", Bucket: bucket, Key: "in/2026/cat.txt", Sequencer: "0055AED6DCD90281E5",
		Status: job.Done, Attempts: 1, RequestID: requestID,
		Outputs: []job.Object{
			{Provider: "s3", Bucket: bucket, Key: "out/2026/cat.txt", Size: 4},
			{Provider: "s3", Bucket: bucket, Key: "out/2026/thumbs/t", Size: 6},
		},
	}
	if diff := cmp.Diff(wantRecord, r); diff != "" {
		t.Error(diff)
	}
	if log := f.log.String(); !strings.Contains(log, "did in/2026/cat.txt\n") || !strings.Contains(log, "scar INFO "+requestID+" ") {
		t.Errorf("log:\n%s", log)
	}
}

func TestAttemptsAreCountedPerVersion(t *testing.T) {
	f := start(t, newJob(), "grep -q good \"$INPUT_FILE_PATH\" || exit 3")
	event := f.put("in/a", "bad")
	for want := 1; want <= 2; want++ {
		f.wantFailure(f.invoke(event), job.ErrScriptFailed, "exit code 3")
		if r := f.record("in/a"); r.Attempts != want || r.Status != job.Failed || r.Error == nil || r.Error.Type != job.ErrScriptFailed {
			t.Errorf("attempt %d: record %+v", want, r)
		}
	}
	f.put("in/a", "good")
	f.output(f.invoke(event))
	if r := f.record("in/a"); r.Attempts != 1 || r.Status != job.Done || r.Error != nil {
		t.Errorf("a new version: record %+v", r)
	}
}

func TestNothingToDo(t *testing.T) {
	f := start(t, newJob(), "echo ran")
	f.store("in/folder/", "")
	marker := strings.Replace(created(t, "in/folder/"), `"size":1`, `"size":0`, 1)
	for _, payload := range []string{
		`{"Service":"Amazon S3","Event":"s3:TestEvent","Time":"t","Bucket":"photos","RequestId":"r","HostId":"h"}`,
		`{"Records":[]}`,
		marker,
		created(t, ".scar/f/x.json"),
	} {
		if got := f.output(f.invoke(payload)); got != "" {
			t.Errorf("%s: the script ran: %q", payload, got)
		}
	}
	if got := keys(f.objects("")); !slices.Equal(got, []string{"in/folder/"}) {
		t.Errorf("objects %q", got)
	}
}

// A function may be started by the removal of an object, which then cannot be fetched.
func TestRemovedObjectIsNotFetched(t *testing.T) {
	f := start(t, newJob(), `echo "$STORAGE_OBJECT_KEY ${INPUT_FILE_PATH-unset}"; ls "$TMP_INPUT_DIR"; echo gone > "$TMP_OUTPUT_DIR/note"`)
	event := strings.Replace(created(t, "in/2026/a"), "ObjectCreated:Put", "ObjectRemoved:Delete", 1)
	if got := f.output(f.invoke(event)); got != "in/2026/a unset\n" {
		t.Errorf("output %q", got)
	}
	if got := f.objects("out/")["out/2026/note"]; got != "gone\n" {
		t.Errorf("objects %q", keys(f.objects("")))
	}
	if r := f.record("in/2026/a"); r.Status != job.Done {
		t.Errorf("record %+v", r)
	}
}

func TestAnswerHasItsHeaders(t *testing.T) {
	f := start(t, newJob(), "printf 'out\\0put'; printf err >&2")
	a := f.invoke("{}")
	if got := f.output(a); got != "out\x00puterr" {
		t.Errorf("output is %q", got)
	}
	var response job.Response
	if err := json.Unmarshal(a.body, &response); err != nil {
		t.Fatal(err)
	}
	want := map[string]string{
		"amz-lambda-request-id": requestID, "amz-log-group-name": "/aws/lambda/f", "amz-log-stream-name": "stream",
	}
	if diff := cmp.Diff(want, response.Headers); diff != "" || response.StatusCode != 200 {
		t.Errorf("status %d\n%s", response.StatusCode, diff)
	}
}

func TestDirectInvocations(t *testing.T) {
	f := start(t, newJob(), `echo "$EVENT|${INPUT_FILE_PATH##*/}|${STORAGE_OBJECT_KEY-unset}"; cat ${INPUT_FILE_PATH:-/dev/null}; echo hi > $TMP_OUTPUT_DIR/o`)
	for payload, want := range map[string]string{
		"":                   "||unset\n",
		"null":               "null||unset\n",
		"{}":                 "{}||unset\n",
		`{"a": 1}`:           "{\"a\": 1}|event.json|unset\n{\"a\": 1}",
		`[1]`:                "[1]|event.json|unset\n[1]",
		`{"Records":"mine"}`: "{\"Records\":\"mine\"}|event.json|unset\n{\"Records\":\"mine\"}",
	} {
		if got := f.output(f.invoke(payload)); got != want {
			t.Errorf("payload %q: output %q, want %q", payload, got, want)
		}
	}
	if got := keys(f.objects("")); !slices.Equal(got, []string{"out/o"}) {
		t.Errorf("objects %q", got)
	}
	f.wantFailure(f.invoke("no JSON"), job.ErrBadEvent, "not JSON")
	f.wantFailure(f.invoke(`{"Records":[{"eventSource":"aws:s3"}]}`), job.ErrBadEvent, "the name of the bucket is missing")
	f.output(f.invoke("{}"))

	large := `{"a":"` + strings.Repeat("x", 200<<10) + `"}`
	if got := f.output(f.invoke(large)); !strings.HasSuffix(got, large) || !strings.HasPrefix(got, "|event.json") {
		t.Errorf("a large event: output of %d bytes begins with %.20q", len(got), got)
	}
	if !strings.Contains(f.log.String(), "EVENT is not set: it has") {
		t.Error("the log does not say that EVENT is not set")
	}
}

func TestSeveralRecordsAreAllTried(t *testing.T) {
	f := start(t, newJob(), `cp "$INPUT_FILE_PATH" "$TMP_OUTPUT_DIR"; ls "$TMP_OUTPUT_DIR"; ! grep bad "$INPUT_FILE_PATH"`)
	for _, key := range []string{"in/1", "in/2", "in/4"} {
		f.put(key, map[bool]string{true: "bad", false: "good"}[key == "in/2"])
	}
	a := f.invoke(created(t, "in/1", "in/2", "in/3", "in/4"))
	f.wantFailure(a, job.ErrRecordsFailed, "2 of 4 records failed", "s3://photos/in/2: Scar.ScriptFailed: the script ended with exit code 1",
		"s3://photos/in/3: Scar.StageIn: fetch s3://photos/in/3: the object does not exist")
	if got := keys(f.objects("out/")); !slices.Equal(got, []string{"out/1", "out/4"}) {
		t.Errorf("outputs %q", got)
	}
	for key, want := range map[string]job.Status{"in/1": job.Done, "in/2": job.Failed, "in/3": job.Failed, "in/4": job.Done} {
		if r := f.record(key); r.Status != want {
			t.Errorf("%s is %s", key, r.Status)
		}
	}
	if got := f.output(f.invoke(created(t, "in/1", "in/4"))); got != "1\n4\n" {
		t.Errorf("output %q", got)
	}
}

func TestImageCommand(t *testing.T) {
	for _, c := range []struct {
		entrypoint, cmd, command []string
		want                     string
	}{
		{[]string{"echo", "e"}, []string{"c"}, nil, "e c\n"},
		{[]string{"echo", "e"}, []string{"c"}, []string{"x", "y z"}, "e x y z\n"},
		{nil, []string{"/bin/sh", "-c", "echo $0", "-rf"}, nil, "-rf\n"},
		{nil, []string{"c"}, []string{"echo", "only"}, "only\n"},
	} {
		j := newJob()
		j.Script, j.Entrypoint, j.Cmd, j.Command = false, c.entrypoint, c.cmd, c.command
		f := start(t, j, "")
		if got := f.output(f.invoke("{}")); got != c.want {
			t.Errorf("%q %q %q: output %q", c.entrypoint, c.cmd, c.command, got)
		}
	}
	j := newJob()
	j.Script = false
	f := start(t, j, "")
	f.wantFailure(f.invoke("{}"), job.ErrScriptStart, "neither an entrypoint nor a command")
}

func TestBrokenJobIsReported(t *testing.T) {
	for _, content := range []string{"{", `{"version": 99}`, ""} {
		f := prepare(t, newJob(), "")
		f.write("scar/job.json", content, 0o644)
		f.run()
		if failed := f.initError(); failed.Type != job.ErrBadJob || failed.Message == "" {
			t.Errorf("job %q: reported %v", content, failed)
		}
		if err := f.cmd.Wait(); err == nil {
			t.Errorf("job %q: the runtime ended well", content)
		}
	}
}

func TestOutsideOfAnImageAFolderIsNeeded(t *testing.T) {
	shared := prepare(t, newJob(), "")
	if err := os.Remove(filepath.Join(shared.root, "tmp")); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(os.TempDir(), filepath.Join(shared.root, "tmp")); err != nil {
		t.Fatal(err)
	}
	shared.run()
	if failed := shared.initError(); failed.Type != job.ErrInternal || !strings.Contains(failed.Message, "is not the absolute path of a folder") {
		t.Errorf("a link to the machine's folder of temporary files: %v", failed)
	}

	if root, err := imageRoot([]string{}); err == nil {
		t.Errorf("without an argument the root is %q", root)
	}
	if root, err := imageRoot([]string{"relative"}); err != nil || !filepath.IsAbs(root) {
		t.Errorf("root %q, %v", root, err)
	}
}
