package main

import (
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/scar-go/scar/runtime/job"
)

// eventFailures are events that cannot be understood, in whole or in part.
func eventFailures() []failureCase {
	bad := job.ErrBadEvent
	payload := func(text string) func(*function) string { return func(*function) string { return text } }
	return []failureCase{
		{name: "event that is no JSON", kind: bad, event: payload("no JSON"), says: []string{"not JSON"}},
		{name: "event that breaks off", kind: bad, event: payload(`{"Records":[{"eventSource":"aws:s3"`), says: []string{"not JSON"}},
		{name: "object without a bucket", kind: bad, event: payload(`{"Records":[{"eventSource":"aws:s3","s3":{"object":{"key":"in/a"}}}]}`), says: []string{"bucket"}},
		{name: "object without a key", kind: bad, event: payload(`{"Records":[{"eventSource":"aws:s3","s3":{"bucket":{"name":"photos"},"object":{}}}]}`), says: []string{"key"}},
		{name: "object whose key is no text", kind: bad, event: payload(`{"Records":[{"eventSource":"aws:s3","s3":{"bucket":{"name":"photos"},"object":{"key":7}}}]}`)},
		{name: "object whose key is badly encoded", kind: bad, event: payload(`{"Records":[{"eventSource":"aws:s3","s3":{"bucket":{"name":"photos"},"object":{"key":"in/%zz"}}}]}`),
			says: []string{"%zz"}},
		{name: "one object of three", kind: job.ErrRecordsFailed, says: []string{"1 of 3 records failed", "s3://photos/in/none"}, done: []string{"in/a", "in/b"}, script: `[ -e "$INPUT_FILE_PATH" ] && rm "$TMP_OUTPUT_DIR/partial"`,
			event: func(f *function) string { f.store("in/b", "x"); return created(f.t, "in/a", "in/none", "in/b") }},
		{name: "object among records of another sender", kind: job.ErrRecordsFailed, says: []string{"1 of 2 records failed"}, done: []string{"in/a"}, script: `rm "$TMP_OUTPUT_DIR/partial"`,
			event: func(f *function) string {
				return strings.Replace(created(f.t, "in/a"), `"Records":[`, `"Records":[{"eventSource":"aws:unknown"},`, 1)
			}},
	}
}

// commandFailures are what a caller sends to be run in place of the job's own.
func commandFailures() []failureCase {
	bad, start := job.ErrBadEvent, job.ErrScriptStart
	payload := func(text string) func(*function) string { return func(*function) string { return text } }
	script := func(text string) func(*function) string {
		return payload(`{"script":"` + base64.StdEncoding.EncodeToString([]byte(text)) + `"}`)
	}
	return []failureCase{
		{name: "script of an event that is no base64", kind: bad, event: payload(`{"script":"%%%"}`), says: []string{"script", "base64"}},
		{name: "script of an event that is empty", kind: bad, event: payload(`{"script":""}`), says: []string{"script"}},
		{name: "script of an event that fails", kind: job.ErrScriptFailed, event: script("echo why; exit 3"), says: []string{"exit code 3", "why"}},
		{name: "script of an event without its interpreter", kind: start, event: script("#!/nosuch\n"), says: []string{"/nosuch"}},
		{name: "arguments of an event that are no list", kind: bad, event: payload(`{"cmd_args":"ls -l"}`), says: []string{"cmd_args", "list"}},
		{name: "arguments of an event that are no text", kind: bad, event: payload(`{"cmd_args":"[1]"}`), says: []string{"cmd_args"}},
		{name: "arguments of an event with a zero byte", kind: bad, event: payload(`{"cmd_args":["a\u0000b"]}`), says: []string{"zero byte"}},
		{name: "arguments of an event that name no program", kind: start, event: payload(`{"cmd_args":"[\"nosuch\"]"}`), says: []string{"nosuch is not in the image"}},
		{name: "arguments of an event that fail", kind: job.ErrScriptFailed, event: payload(`{"cmd_args":["sh","-c","exit 9"]}`), says: []string{"exit code 9"}},
	}
}

// senderFailures are failures of what other senders than S3 brought.
func senderFailures() []failureCase {
	failed, bad := job.ErrScriptFailed, job.ErrBadEvent
	payload := func(text string) func(*function) string { return func(*function) string { return text } }
	message := func(id, body string) string {
		return fmt.Sprintf(`{"messageId":%q,"body":%q,"attributes":{},"eventSource":"aws:sqs"}`, id, body)
	}
	topic := func(text string) string {
		return fmt.Sprintf(`{"Records":[{"EventSource":"aws:sns","Sns":{"Type":"Notification","MessageId":"m","Message":%q}}]}`, text)
	}
	url := func(header, body string) string {
		return fmt.Sprintf(`{"version":"2.0","rawPath":"/","rawQueryString":"","headers":{%s},"requestContext":{"http":{"method":"POST","path":"/"}},"body":%q,"isBase64Encoded":true}`, header, body)
	}
	async := `"x-amz-invocation-type":"Event"`
	return []failureCase{
		{name: "message of a queue", kind: failed, script: "exit 3", event: payload(`{"Records":[` + message("one", "text") + `]}`), says: []string{"exit code 3"}},
		{name: "all messages of a queue", kind: job.ErrRecordsFailed, script: "exit 3", says: []string{"2 of 2", "message one", "message two"},
			event: payload(`{"Records":[` + message("one", "text") + `,` + message("two", "text") + `]}`)},
		{name: "message of a queue about an object that does not exist", kind: job.ErrStageIn, says: []string{"in/none"},
			event: func(f *function) string { return `{"Records":[` + message("one", created(f.t, "in/none")) + `]}` }},
		{name: "message of a topic", kind: failed, script: "exit 3", event: payload(topic("text")), says: []string{"exit code 3"}},
		{name: "message of a topic about an object that does not exist", kind: job.ErrStageIn, says: []string{"in/none"},
			event: func(f *function) string { return topic(created(f.t, "in/none")) }},
		{name: "schedule", kind: failed, script: "exit 3", says: []string{"exit code 3"},
			event: payload(`{"version":"0","id":"i","detail-type":"Scheduled Event","source":"aws.events","time":"2026-01-02T03:04:05Z","detail":{}}`)},
		{name: "request that nobody waits for", kind: failed, script: "exit 3", event: payload(url(async, "eA==")), says: []string{"exit code 3"}},
		{name: "damaged request that nobody waits for", kind: bad, event: payload(url(async, "%%%")), says: []string{"base64"}},
		{name: "object of a storage that the job does not have", kind: bad, says: []string{`"minio.lab"`, "the job has s3"},
			event: func(f *function) string {
				return `{"event":` + created(f.t, "in/a") + `,"storage_provider":"minio.lab"}`
			}},
		{name: "object of MinIO in a job without it", kind: bad, says: []string{"minio"},
			event: payload(`{"EventName":"s3:ObjectCreated:Put","Key":"photos/in/a","Records":[{"eventSource":"minio:s3","eventName":"s3:ObjectCreated:Put","s3":{"bucket":{"name":"photos"},"object":{"key":"in%2Fa"}}}]}`)},
	}
}

// jobFailures are descriptions of the job that are missing or damaged, and surroundings that are no image.
func jobFailures() []failureCase {
	write := func(description string) func(*function) {
		return func(f *function) { f.write("scar/job.json", description, 0o644) }
	}
	broken := job.ErrBadJob
	return []failureCase{
		{name: "job that is missing", kind: broken, atStart: true, repair: (*function).usualJob, says: []string{"job.json"},
			setup: func(f *function) {
				if err := os.Remove(filepath.Join(f.root, "scar/job.json")); err != nil {
					f.t.Fatal(err)
				}
			}},
		{name: "job that is empty", kind: broken, atStart: true, setup: write(""), repair: (*function).usualJob},
		{name: "job that breaks off", kind: broken, atStart: true, setup: write(`{"version": 1, "project": "p`), repair: (*function).usualJob},
		{name: "job of a later version", kind: broken, atStart: true, setup: write(`{"version": 99}`), repair: (*function).usualJob, says: []string{"version 99", "apply"}},
		{name: "output to a storage that the job does not have", kind: broken, atStart: true, repair: (*function).usualJob, says: []string{`"webdav.nas"`},
			job: func(j *job.Job) { j.Outputs = append(j.Outputs, job.Output{Provider: "webdav.nas", Prefix: "out/"}) }},
		{name: "input from a storage that the job does not have", kind: broken, atStart: true, repair: (*function).usualJob, says: []string{`"minio.lab"`},
			job: func(j *job.Job) { j.Inputs = append(j.Inputs, job.Input{Provider: "minio.lab", Bucket: bucket}) }},
		{name: "dedupe without records", kind: broken, atStart: true, repair: (*function).usualJob, says: []string{"records"},
			job: func(j *job.Job) { j.Dedupe, j.Records = true, nil }},
		{name: "/tmp that is a link", kind: job.ErrInternal, atStart: true, says: []string{"folder"},
			setup: func(f *function) {
				f.replaceTemp(func(path string) error { return os.Symlink(os.TempDir(), path) })
			},
			repair: func(f *function) { f.replaceTemp(func(path string) error { return os.Mkdir(path, 0o755) }) }},
		{name: "/tmp that is missing", kind: job.ErrInternal, atStart: true, says: []string{"tmp"},
			setup:  func(f *function) { f.replaceTemp(func(string) error { return nil }) },
			repair: func(f *function) { f.write("tmp/left", "", 0o644) }},
	}
}

// replaceTemp makes something else of the folder that stands for /tmp.
func (f *function) replaceTemp(do func(path string) error) {
	f.t.Helper()
	path := filepath.Join(f.root, "tmp")
	if err := os.Remove(path); err != nil {
		f.t.Fatal(err)
	}
	if err := do(path); err != nil {
		f.t.Fatal(err)
	}
}
