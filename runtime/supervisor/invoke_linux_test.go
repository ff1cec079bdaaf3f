package supervisor

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/lambda/messages"

	"github.com/scar-go/scar/runtime/job"
)

// fakeSecrets is a source of secrets in memory.
type fakeSecrets struct {
	mu     sync.Mutex
	values map[string]string // by name as func.yaml has it
	asked  []string
}

func (f *fakeSecrets) Get(_ context.Context, s job.Secret) (string, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.asked = append(f.asked, s.String())
	value, ok := f.values[s.String()]
	if !ok {
		return "", fmt.Errorf("secret %s: no such parameter", s)
	}
	return value, nil
}

// local is a supervisor that runs in the process of the test.
type local struct {
	*Supervisor
	log *sink
}

func newLocal(t *testing.T, j job.Job, script string, secrets *fakeSecrets) *local {
	t.Helper()
	folder := t.TempDir()
	path := filepath.Join(folder, "script")
	must(t, os.WriteFile(path, []byte(script), 0o755), os.Mkdir(filepath.Join(folder, "tmp"), 0o755))
	log := &sink{}
	j.Script = true
	o := Options{Job: &j, Log: newTestLog(t, log, Debug), Getenv: func(string) string { return "" }, Script: path, Temp: filepath.Join(folder, "tmp")}
	if secrets != nil {
		o.Secrets = secrets
	}
	s, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	return &local{s, log}
}

// invoke returns the script's output, or the failure.
func (l *local) invoke(t *testing.T, payload string, within time.Duration) (string, *messages.InvokeResponse_Error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), within)
	defer cancel()
	answer, err := l.Invoke(ctx, []byte(payload))
	if err != nil {
		var failed messages.InvokeResponse_Error
		if !errors.As(err, &failed) {
			t.Fatalf("an error of another type: %v", err)
		}
		return "", &failed
	}
	return string(answer), nil
}

func bodyOf(t *testing.T, answer string) string {
	t.Helper()
	var response struct{ Body []byte }
	must(t, json.Unmarshal([]byte(answer), &response))
	return string(response.Body)
}

func TestSecretsAreVariables(t *testing.T) {
	j := job.Job{Secrets: map[string]job.Secret{
		"TOKEN":    {Service: job.SSM, Name: "/lab/token"},
		"PASSWORD": {Service: job.SecretsManager, Name: "db", Key: "password"},
	}}
	secrets := &fakeSecrets{values: map[string]string{"ssm:/lab/token": "sesame", "secretsmanager:db#password": "open=\n"}}
	l := newLocal(t, j, "#!/bin/sh\n[ \"$TOKEN\" = sesame ] && [ \"$PASSWORD\" = 'open=\n' ] && echo right", secrets)
	if len(secrets.asked) > 0 {
		t.Errorf("before the first event %q were fetched", secrets.asked)
	}
	answer, failed := l.invoke(t, "{}", time.Minute)
	if failed != nil || bodyOf(t, answer) != "right\n" {
		t.Fatalf("%s %v\n%s", answer, failed, l.log)
	}
	if os.Getenv("TOKEN") != "" || strings.Contains(l.log.String(), "sesame") {
		t.Error("a secret is where it should not be")
	}
	if _, failed := l.invoke(t, `{"Service":"Amazon S3","Event":"s3:TestEvent","Bucket":"b"}`, time.Minute); failed != nil || len(secrets.asked) != 2 {
		t.Errorf("for an event that runs nothing %q were fetched: %v", secrets.asked, failed)
	}
}

func TestSecretsThatCannotBeHad(t *testing.T) {
	reference := map[string]job.Secret{"TOKEN": {Service: job.SSM, Name: "/lab/token"}}
	for name, c := range map[string]struct {
		secrets *fakeSecrets
		text    string
	}{
		"missing":   {&fakeSecrets{}, "the variable TOKEN cannot be set: secret ssm:/lab/token: no such parameter"},
		"no source": {nil, "no access to secrets"},
		"zero byte": {&fakeSecrets{values: map[string]string{"ssm:/lab/token": "ses\x00ame"}}, "zero byte"},
		"too large": {&fakeSecrets{values: map[string]string{"ssm:/lab/token": strings.Repeat("sesame", 1<<15)}}, "larger than a variable"},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLocal(t, job.Job{Secrets: reference}, "echo ran", c.secrets)
			_, failed := l.invoke(t, "{}", time.Minute)
			if failed == nil || failed.Type != job.ErrSecret || !strings.Contains(failed.Message, c.text) {
				t.Errorf("%+v", failed)
			}
			if log := l.log.String(); strings.Contains(log, "ran\n") || strings.Contains(log, "sesame") || failed != nil && strings.Contains(failed.Message, "sesame") {
				t.Errorf("the script ran, or the secret is told: %s", log)
			}
		})
	}
}

// The credentials of a provider are fetched when it is needed, and their failure is not that of a file.
func TestCredentialsThatCannotBeHad(t *testing.T) {
	j := job.Job{Inputs: []job.Input{{Provider: "minio.lab", Bucket: "b"}}, Storage: map[string]job.Provider{"minio.lab": {Type: job.MinIO, Endpoint: "http://127.0.0.1:1",
		AccessKey: &job.Credential{Text: "k"}, SecretKey: &job.Credential{Secret: &job.Secret{Service: job.SSM, Name: "/lab/secret"}}}}}
	l := newLocal(t, j, "echo ran", &fakeSecrets{})
	_, failed := l.invoke(t, `{"event":{"Records":[{"eventSource":"aws:s3","eventName":"ObjectCreated:Put","s3":{"bucket":{"name":"b"},"object":{"key":"k"}}}]},"storage_provider":"minio.lab"}`, time.Minute)
	if failed == nil || failed.Type != job.ErrSecret || !strings.Contains(failed.Message, "ssm:/lab/secret") {
		t.Errorf("%+v", failed)
	}
}

// A script does not run for hours only to find that there is nowhere to put what it made.
func TestOutputsAreOpenedBeforeTheScriptRuns(t *testing.T) {
	with := func(name string) *job.Credential {
		return &job.Credential{Secret: &job.Secret{Service: job.SSM, Name: name}}
	}
	j := job.Job{
		Outputs: []job.Output{{Provider: "minio.lab", Bucket: "b", Prefix: "a/"}, {Provider: "minio.lab", Bucket: "b", Prefix: "c/"}},
		Storage: map[string]job.Provider{
			"minio.lab":   {Type: job.MinIO, Endpoint: "http://127.0.0.1:1", AccessKey: &job.Credential{Text: "k"}, SecretKey: with("/lab/secret")},
			"minio.other": {Type: job.MinIO, Endpoint: "http://127.0.0.1:1", AccessKey: &job.Credential{Text: "k"}, SecretKey: with("/other/secret")},
		},
	}
	secrets := &fakeSecrets{}
	l := newLocal(t, j, "echo ran", secrets)
	_, failed := l.invoke(t, "{}", time.Minute)
	if failed == nil || failed.Type != job.ErrSecret || !strings.Contains(failed.Message, "ssm:/lab/secret") {
		t.Errorf("%+v", failed)
	}
	if strings.Contains(l.log.String(), "ran\n") || strings.Contains(strings.Join(secrets.asked, " "), "other") {
		t.Errorf("the script ran, or too much was fetched: %q, %s", secrets.asked, l.log)
	}
	secrets.values = map[string]string{"ssm:/lab/secret": "s"}
	if _, failed := l.invoke(t, "{}", time.Minute); failed != nil { // there are no outputs, and nobody is called
		t.Errorf("%+v", failed)
	}
}

// queueOf is an event with messages of plain text, each named by its id, in a group or none.
func queueOf(group string, ids ...string) string {
	var records []map[string]any
	for _, id := range ids {
		name, group, _ := strings.Cut(id+group, "@")
		record := map[string]any{"messageId": name, "eventSource": "aws:sqs", "eventSourceARN": "arn:aws:sqs:eu-west-1:1:q", "body": name}
		if group != "" {
			record["attributes"] = map[string]any{"MessageGroupId": group}
			record["eventSourceARN"] = "arn:aws:sqs:eu-west-1:1:q.fifo"
		}
		records = append(records, record)
	}
	payload, _ := json.Marshal(map[string]any{"Records": records}) // of strings alone
	return string(payload)
}

func TestQueueAnswersWhatFailed(t *testing.T) {
	l := newLocal(t, job.Job{}, `name=$(cat "$INPUT_FILE_PATH"); echo "ran $name"; case $name in bad*) exit 1;; esac`, nil)
	for _, c := range []struct{ name, payload, want string }{
		{"good", queueOf("", "1", "2"), `{"batchItemFailures":[]}`},
		{"some", queueOf("", "1", "bad2", "3", "bad4"), `{"batchItemFailures":[{"itemIdentifier":"bad2"},{"itemIdentifier":"bad4"}]}`},
		{"none", `{"Records":[{"messageId":"t","eventSource":"aws:sqs","body":"{\"Service\":\"Amazon S3\",\"Event\":\"s3:TestEvent\",\"Bucket\":\"b\"}"}]}`, `{"batchItemFailures":[]}`},
		{"groups", queueOf("", "1@a", "bad2@a", "3@b", "4@a", "bad5@b", "6@c"),
			`{"batchItemFailures":[{"itemIdentifier":"bad2"},{"itemIdentifier":"4"},{"itemIdentifier":"bad5"}]}`},
	} {
		got, failed := l.invoke(t, c.payload, time.Minute)
		if failed != nil || got != c.want {
			t.Errorf("%s: %s, %v; want %s", c.name, got, failed, c.want)
		}
	}
	if log := l.log.String(); strings.Contains(log, "ran 4") || !strings.Contains(log, `"message 4": not run, because an earlier message of its group failed`) ||
		!strings.Contains(log, "ran 6") || strings.Count(log, "status=") != 2+4+5 {
		t.Errorf("log:\n%s", log)
	}
}

func TestQueueOfFailuresFails(t *testing.T) {
	l := newLocal(t, job.Job{}, `echo of the script; exit 3`, nil)
	_, failed := l.invoke(t, queueOf("", "1"), time.Minute)
	if failed == nil || failed.Type != job.ErrScriptFailed || !strings.Contains(failed.Message, "exit code 3") {
		t.Errorf("one message: %+v", failed)
	}
	_, failed = l.invoke(t, queueOf("@g", "1", "2"), time.Minute)
	if failed == nil || failed.Type != job.ErrRecordsFailed || !strings.Contains(failed.Message, "2 of 2 records failed:\nmessage 1: Scar.ScriptFailed") ||
		!strings.Contains(failed.Message, "message 2: Scar.ScriptFailed: not run") {
		t.Errorf("two messages: %+v", failed)
	}
}

// Messages that all fail are no success because two of them have one id.
func TestQueueOfOneMessageTwiceFails(t *testing.T) {
	l := newLocal(t, job.Job{}, `exit 3`, nil)
	if got, failed := l.invoke(t, queueOf("", "1", "1"), time.Minute); failed == nil || failed.Type != job.ErrScriptFailed {
		t.Errorf("%s, %+v", got, failed)
	}
}

// What is not begun when the time is up is delivered again.
func TestMessagesWhoseTimeIsUpFail(t *testing.T) {
	l := newLocal(t, job.Job{TimeoutMargin: 3}, `[ "$(cat "$INPUT_FILE_PATH")" = 1 ] || sleep 1000`, nil)
	got, failed := l.invoke(t, queueOf("", "1", "2", "3"), 8*time.Second)
	if failed != nil || got != `{"batchItemFailures":[{"itemIdentifier":"2"},{"itemIdentifier":"3"}]}` {
		t.Errorf("%s, %v", got, failed)
	}
	if log := l.log.String(); !strings.Contains(log, `"message 2": Scar.Timeout: the script did not end in time`) ||
		!strings.Contains(log, `"message 3": Scar.Timeout: the time was up before its turn came`) {
		t.Errorf("log:\n%s", log)
	}
}

func TestPartsOfOneMessageFailTogether(t *testing.T) {
	l := newLocal(t, job.Job{}, "echo ran", nil)
	body, _ := json.Marshal(`{"Records":[{"eventSource":"aws:s3","s3":{}},{"eventSource":"aws:s3","s3":{}}]}`)
	got, failed := l.invoke(t, `{"Records":[{"messageId":"1","eventSource":"aws:sqs","body":`+string(body)+`},{"messageId":"2","eventSource":"aws:sqs","body":"x"}]}`, time.Minute)
	if failed != nil || got != `{"batchItemFailures":[{"itemIdentifier":"1"}]}` {
		t.Errorf("%s, %v", got, failed)
	}
}

// What several messages of a topic make their runs write is answered as one, of which the end is kept.
func TestSeveralItemsAreAnsweredAsOne(t *testing.T) {
	l := newLocal(t, job.Job{}, `cat "$INPUT_FILE_PATH"; echo 404 > "$RESPONSE_DIR/status"; [ "$(cat "$INPUT_FILE_PATH")" = long ] && head -c 200000 /dev/zero | tr '\0' x; echo .`, nil)
	topic := func(messages ...string) string {
		var records []any
		for _, m := range messages {
			records = append(records, map[string]any{"EventSource": "aws:sns", "Sns": map[string]any{"MessageId": m, "Message": m}})
		}
		payload, _ := json.Marshal(map[string]any{"Records": records}) // of strings alone
		return string(payload)
	}
	answer, failed := l.invoke(t, topic("a", "b"), time.Minute)
	if failed != nil || bodyOf(t, answer) != "a.\nb.\n" || !strings.HasPrefix(answer, `{"statusCode":200,`) {
		t.Errorf("%s, %v", answer, failed)
	}
	if answer, failed = l.invoke(t, topic("a", "long", "b"), time.Minute); failed != nil || len(bodyOf(t, answer)) != eventBody || !strings.HasSuffix(bodyOf(t, answer), "x.\nb.\n") {
		t.Errorf("%d bytes, %v", len(answer), failed)
	}
	if answer, failed = l.invoke(t, topic("a"), time.Minute); failed != nil || !strings.HasPrefix(answer, `{"statusCode":404,`) {
		t.Errorf("%s, %v", answer, failed)
	}
}
