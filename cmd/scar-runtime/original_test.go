package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/scar-go/scar/runtime/job"
)

// The tests of this file are the faults that invocations by the original had, see https://github.com/grycap/scar.

// The script lay in the folder that inputs were fetched to, so that an object of its name took its place.
func TestOriginalLetAnObjectReplaceTheScript(t *testing.T) {
	f := start(t, newJob(), `echo "the script, of $(cat "$INPUT_FILE_PATH")"`)
	for _, key := range []string{"in/init_script.sh", "in/script", "in/scar/script", "script", "scar/script", "in/job.json", "in/run_script.sh"} {
		for range 2 { // what the first run fetches must not be what the second runs
			if got := f.output(f.invoke(f.put(key, "echo pwned"))); got != "the script, of echo pwned\n" {
				t.Errorf("%s: output %q", key, got)
			}
		}
	}
	if content, err := os.ReadFile(filepath.Join(f.root, job.ScriptPath)); err != nil || strings.Contains(string(content), "pwned") {
		t.Errorf("the script is now %q, %v", content, err)
	}
}

// A failing or timed-out script was answered with status 200, and what it had written by then was stored as its results.
func TestOriginalAnswered200ForAFailingScript(t *testing.T) {
	j := newJob()
	j.TimeoutMargin = 4
	for name, c := range map[string]struct{ script, kind string }{
		"fails":   {"exit 1", job.ErrScriptFailed},
		"hangs":   {"sleep 1000", job.ErrTimeout},
		"dies":    {"kill -SEGV $$", job.ErrScriptKilled},
		"ignores": {"trap '' TERM; while :; do sleep 1; done", job.ErrTimeout},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := start(t, j, `echo partial > "$TMP_OUTPUT_DIR/o"; `+c.script)
			within := time.Minute
			if c.kind == job.ErrTimeout {
				within = 6 * time.Second
			}
			f.wantFailure(f.invokeWithin(f.put("in/a", "x"), within), c.kind)
			if r, _ := f.response(f.invokeWithin(httpEvent(t, "", "x", nil), within)); r.StatusCode < 500 {
				t.Errorf("by HTTP the status is %d", r.StatusCode)
			}
			if got := f.objects("out/"); len(got) > 0 {
				t.Errorf("partial outputs are stored: %q", keys(got))
			}
			if r := f.record("in/a"); r.Status != job.Failed {
				t.Errorf("record %+v", r)
			}
			f.checkClean()
		})
	}
}

// Of an event's records only the first was looked at.
func TestOriginalProcessedOnlyTheFirstRecord(t *testing.T) {
	f := start(t, newJob(), `cp "$INPUT_FILE_PATH" "$TMP_OUTPUT_DIR"`)
	for _, key := range []string{"in/1", "in/2", "in/3"} {
		f.store(key, key)
	}
	f.output(f.invoke(created(t, "in/1", "in/2", "in/3")))
	body, err := json.Marshal(created(t, "in/2", "in/3"))
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{"out/1": "in/1", "out/2": "in/2", "out/3": "in/3"}
	if diff := cmp.Diff(want, f.objects("out/")); diff != "" {
		t.Error(diff)
	}

	queued := start(t, newJob(), `cp "$INPUT_FILE_PATH" "$TMP_OUTPUT_DIR"`)
	queued.store("in/2", "2")
	queued.store("in/3", "3")
	a := queued.invoke(`{"Records":[{"messageId":"1","eventSource":"aws:sqs","body":` + string(body) + `},{"messageId":"2","eventSource":"aws:sqs","body":"plain"}]}`)
	if a.failed != nil || string(a.body) != `{"batchItemFailures":[]}` {
		t.Errorf("answer %s, %v", a.body, a.failed)
	}
	if got := keys(queued.objects("out/")); !slices.Equal(got, []string{"out/2", "out/3", "out/message.txt"}) {
		t.Errorf("outputs %q", got)
	}
}

// The message by which S3 tests a new rule ran the script.
func TestOriginalRanTheScriptForATestEvent(t *testing.T) {
	f := start(t, newJob(), `echo ran; echo x > "$TMP_OUTPUT_DIR/o"`)
	test := `{"Service":"Amazon S3","Event":"s3:TestEvent","Time":"2026-01-02T03:04:05.678Z","Bucket":"photos","RequestId":"r","HostId":"h"}`
	text, err := json.Marshal(test)
	if err != nil {
		t.Fatal(err)
	}
	for _, payload := range []string{
		test,
		`{"Records":[{"EventSource":"aws:sns","Sns":{"MessageId":"m","Message":` + string(text) + `}}]}`,
		`{"Records":[{"messageId":"m","eventSource":"aws:sqs","body":` + string(text) + `}]}`,
	} {
		if a := f.invoke(payload); a.failed != nil {
			t.Errorf("%s: %v", payload, a.failed)
		}
	}
	if got := keys(f.objects("")); len(got) > 0 || strings.Contains(f.log.String(), "ran\n") {
		t.Errorf("the script ran, objects %q", got)
	}
}

// Outputs to a provider that was not defined were dropped without a word.
func TestOriginalDroppedOutputsOfAnUnknownProvider(t *testing.T) {
	for _, provider := range []string{"minio.lab", "webdav", "s3.other", ""} {
		j := newJob()
		j.Outputs = append(j.Outputs, job.Output{Provider: provider, Bucket: "b"})
		f := start(t, j, `echo ran`)
		if failed := f.initError(); failed.Type != job.ErrBadJob || !strings.Contains(failed.Message, `the storage provider "`+provider+`", the job has s3`) {
			t.Errorf("provider %q: reported %v", provider, failed)
		}
	}
}

// Variables, files and processes of one invocation were there in the next.
func TestOriginalLeakedBetweenInvocations(t *testing.T) {
	f := start(t, newJob(), `#!/bin/sh
echo "$(ls -A "${TMPDIR%/*/*}" | wc -l) $(ls -A "$TMP_INPUT_DIR" "$TMP_OUTPUT_DIR" "$RESPONSE_DIR" "$HOME" "$TMPDIR" . | grep -v ':$' | tr '\n' ' ')"
echo "${STORAGE_OBJECT_KEY-unset} ${INPUT_FILE_PATH-unset} ${width-unset} ${REQUEST_METHOD-unset} $(cat /proc/[0-9]*/cmdline 2>/dev/null | tr '\0' ' ' | grep -c 'sleep 9876[5]')"
touch "$TMP_INPUT_DIR/left" "$TMP_OUTPUT_DIR/left" "$HOME/left" "$TMPDIR/left" left "${TMPDIR%/*/*}/left"; echo 418 > "$RESPONSE_DIR/status"
setsid sleep 98765 >/dev/null 2>&1 &
`)
	event := f.put("in/a", "x")
	for _, c := range []struct{ payload, want string }{
		{event, "1 a \nin/a set unset unset 0\n"},
		{"{}", "1 \nunset unset unset unset 0\n"},
		{httpEvent(t, "width=1", "x", nil), "1 body.txt \nunset set 1 POST 0\n"},
		{"{}", "1 \nunset unset unset unset 0\n"},
		{event, "1 a \nin/a set unset unset 0\n"},
	} {
		r, got := f.response(f.invoke(c.payload))
		words := strings.Fields(got)
		for i, word := range words {
			if strings.HasPrefix(word, f.root) {
				words[i] = "set"
			}
		}
		if diff := cmp.Diff(strings.Fields(c.want), words); diff != "" || r.StatusCode != 418 {
			t.Errorf("status %d\n%s", r.StatusCode, diff)
		}
		f.checkClean()
	}
}

// White space at either end of an output's name was lost.
func TestOriginalStrippedNamesOfOutputs(t *testing.T) {
	f := start(t, newJob(), `cd "$TMP_OUTPUT_DIR"; mkdir ' d '; touch ' a' 'b ' ' d / c ' "$(printf 'tab\t')" 'new
'`)
	f.output(f.invoke("{}"))
	want := []string{"out/ a", "out/ d / c ", "out/b ", "out/new\n", "out/tab\t"}
	if diff := cmp.Diff(want, keys(f.objects("out/"))); diff != "" {
		t.Error(diff)
	}
}

// The credentials of storage providers were in a variable of the function, as base64, and in the image.
func TestOriginalCarriedCredentialsInVariables(t *testing.T) {
	j := newJob()
	other := lab(t, &j)
	provider := j.Storage["minio.lab"]
	provider.SecretKey = &job.Credential{Secret: &job.Secret{Service: job.SSM, Name: "/lab/secret"}}
	j.Storage["minio.named"] = provider
	j.Inputs = append(j.Inputs, job.Input{Provider: "minio.lab", Bucket: bucket, Prefix: "in/"})
	f := start(t, j, "#!/bin/sh\nexec env -0")
	other.store("in/a", "x")
	all := variables(f.output(f.invoke(strings.Replace(`{"event":`+created(t, "in/a")+`,"storage_provider":"minio.lab"}`, "\n", "", -1))))
	if all["STORAGE_OBJECT_KEY"] != "in/a" {
		t.Fatalf("variables %q", all)
	}
	for name, value := range all {
		for _, text := range []string{"labkey", "labsecret", "bGFia2V5", "bGFic2VjcmV0"} {
			if strings.Contains(value, text) {
				t.Errorf("%s holds a credential: %q", name, value)
			}
		}
	}
	// A secret is in the image by its name alone: a job cannot hold more of it.
	description, err := os.ReadFile(filepath.Join(f.root, job.DescriptionPath))
	if err != nil {
		t.Fatal(err)
	}
	var named struct {
		Storage map[string]struct {
			SecretKey map[string]any `json:"secret_key"`
		} `json:"storage"`
	}
	if err := json.Unmarshal(description, &named); err != nil {
		t.Fatal(err)
	}
	want := map[string]any{"secret": map[string]any{"service": "ssm", "name": "/lab/secret"}}
	if diff := cmp.Diff(want, named.Storage["minio.named"].SecretKey); diff != "" {
		t.Error(diff)
	}
}
