package main

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/scar-go/scar/internal/proof"
	"github.com/scar-go/scar/runtime/job"
)

// providerFailures are other storages that give no input or take no result.
func providerFailures() []failureCase {
	in, out := job.ErrStageIn, job.ErrStageOut
	wrapped := func(provider string) func(*function) string {
		return func(f *function) string {
			return `{"event":` + created(f.t, "in/a") + `,"storage_provider":"` + provider + `"}`
		}
	}
	name := &job.Credential{Text: "someone"}
	lab := job.Provider{Type: job.MinIO, AccessKey: name, SecretKey: name}
	nas := job.Provider{Type: job.WebDAV, User: name, Password: name}
	grid := job.Provider{Type: job.Onedata, Space: bucket, Token: name}
	return []failureCase{
		{name: "MinIO that denies an input", kind: in, setup: answers("minio.lab", lab, http.StatusForbidden), event: wrapped("minio.lab"),
			says: []string{"minio.lab/photos/in/a"}, repair: (*function).asUsual},
		{name: "MinIO that denies a result", kind: out, setup: answers("minio.lab", lab, http.StatusForbidden), says: []string{"minio.lab/photos/out/partial"}, stored: []string{"out/partial"}, repair: (*function).asUsual},
		{name: "WebDAV that does not know the password", kind: in, setup: answers("webdav.nas", nas, http.StatusUnauthorized), event: wrapped("webdav.nas"),
			says: []string{"webdav.nas/photos/in/a"}, repair: (*function).asUsual},
		{name: "WebDAV without the input", kind: in, setup: answers("webdav.nas", nas, http.StatusNotFound), event: wrapped("webdav.nas"),
			says: []string{"does not exist"}, repair: (*function).asUsual},
		{name: "WebDAV without room", kind: out, setup: answers("webdav.nas", nas, http.StatusInsufficientStorage), says: []string{"webdav.nas/"}, stored: []string{"out/partial"}, repair: (*function).asUsual},
		{name: "WebDAV that is in error", kind: out, setup: answers("webdav.nas", nas, http.StatusInternalServerError), says: []string{"webdav.nas/"}, stored: []string{"out/partial"}, repair: (*function).asUsual},
		{name: "Onedata that does not know the token", kind: in, setup: answers("onedata.grid", grid, http.StatusUnauthorized), event: wrapped("onedata.grid"),
			says: []string{"onedata.grid"}, repair: (*function).asUsual},
		{name: "credential of a storage that is no secret of this account", kind: job.ErrSecret, event: wrapped("webdav.nas"), repair: (*function).asUsual, rule: always("POST ", noSuchSecret),
			setup: answers("webdav.nas", job.Provider{Type: job.WebDAV, User: name,
				Password: &job.Credential{Secret: &job.Secret{Service: job.SecretsManager, Name: "nas"}}}, http.StatusOK),
			says: []string{"secretsmanager:nas"}},
	}
}

// answers gives a function another storage, in which an input and an output are, and which answers every call so.
func answers(name string, p job.Provider, status int) func(*function) {
	return func(f *function) {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			w.WriteHeader(status)
		}))
		f.t.Cleanup(server.Close)
		p.Endpoint = server.URL
		j := newJob()
		j.Storage = map[string]job.Provider{name: p}
		in, out := job.Input{Provider: name}, job.Output{Provider: name, Prefix: "out/"}
		if p.Type.HasBuckets() {
			in.Bucket, out.Bucket = bucket, bucket
		}
		j.Inputs, j.Outputs = append(j.Inputs, in), append(j.Outputs, out)
		f.writeJob(j)
	}
}

// noSuchSecret is the answer of both services that keep secrets.
func noSuchSecret(w http.ResponseWriter, r *http.Request, _ http.Handler) {
	_, _ = io.Copy(io.Discard, r.Body)
	w.WriteHeader(http.StatusBadRequest)
	_, _ = io.WriteString(w, `{"__type":"ResourceNotFoundException","message":"no such secret"}`)
}

// secretFailures are secrets of the script that cannot be had.
func secretFailures() []failureCase {
	secret := func(s job.Secret) func(*job.Job) {
		return func(j *job.Job) { j.Secrets = map[string]job.Secret{"PASSWORD": s} }
	}
	parameter, managed := job.Secret{Service: job.SSM, Name: "/p/key"}, job.Secret{Service: job.SecretsManager, Name: "db", Key: "password"}
	return []failureCase{
		{name: "parameter that does not exist", kind: job.ErrSecret, job: secret(parameter), rule: always("POST ", noSuchSecret), says: []string{"PASSWORD", "ssm:/p/key"}, repair: (*function).asUsual},
		{name: "secret that does not exist", kind: job.ErrSecret, job: secret(managed), rule: always("POST ", noSuchSecret), says: []string{"PASSWORD", "secretsmanager:db#password"}, repair: (*function).asUsual},
		{name: "service of secrets in error", kind: job.ErrSecret, job: secret(parameter), rule: always("POST ", refuse(500, "InternalError")), says: []string{"PASSWORD"}, repair: (*function).asUsual},
		{name: "service of secrets whose connection is lost", kind: job.ErrSecret, job: secret(managed), rule: always("POST ", cutBefore), says: []string{"PASSWORD"}, repair: (*function).asUsual},
		{name: "secret without the field", kind: job.ErrSecret, job: secret(managed), says: []string{"PASSWORD"}, repair: (*function).asUsual,
			rule: always("POST ", answerText(`{"ARN":"arn:aws:secretsmanager:eu-west-1:123456789012:secret:db-AbCdEf","Name":"db","SecretString":"{\"user\":\"u\"}"}`))},
	}
}

// responseFailures are answers that a script left and that cannot be given.
func responseFailures() []failureCase {
	bad := job.ErrBadResponse
	return []failureCase{
		{name: "status of an answer that is none", kind: bad, script: `echo fine > "$RESPONSE_DIR/status"`, says: []string{"status"}},
		{name: "status of an answer beyond the range", kind: bad, script: `echo 100 > "$RESPONSE_DIR/status"`, says: []string{"status"}},
		{name: "header of an answer without a colon", kind: bad, script: `echo nonsense > "$RESPONSE_DIR/headers"`, says: []string{"headers"}},
		{name: "header of an answer that splits it", kind: bad, script: `printf 'A: b\rSet-Cookie: c\n' > "$RESPONSE_DIR/headers"`, says: []string{"headers"}},
		{name: "header of an answer that is a server's", kind: bad, script: `echo 'Transfer-Encoding: chunked' > "$RESPONSE_DIR/headers"`, says: []string{"Transfer-Encoding"}},
		{name: "header of an answer that is scar's", kind: bad, script: `echo 'amz-lambda-request-id: 1' > "$RESPONSE_DIR/headers"`, says: []string{"set by scar"}},
		{name: "body of an answer that is a link", kind: bad, script: `ln -s /etc/passwd "$RESPONSE_DIR/body"`, says: []string{"symbolic link"}},
		{name: "body of an answer that is a pipe", kind: bad, script: `mkfifo "$RESPONSE_DIR/body"`, says: []string{"named pipe"}},
		{name: "body of an answer that is a folder", kind: bad, script: `mkdir "$RESPONSE_DIR/body"`, says: []string{"folder"}},
		{name: "folder of an answer replaced by a link", kind: bad, script: `rmdir "$RESPONSE_DIR"; ln -s /etc "$RESPONSE_DIR"`, says: []string{"symbolic link"}},
		{name: "body of an answer beyond the limit", kind: job.ErrResponseTooBig, script: `head -c 5000000 /dev/zero > "$RESPONSE_DIR/body"`, says: []string{"body"}},
	}
}

// TestFailuresByHTTPHaveTheirStatus: a caller by HTTP who waits gets no success either, and not the script's output.
func TestFailuresByHTTPHaveTheirStatus(t *testing.T) {
	j := newJob()
	j.TimeoutMargin = 3
	f := start(t, j, `echo partial > "$TMP_OUTPUT_DIR/partial"; echo "a secret of the script"; eval "$(cat "$INPUT_FILE_PATH")"`)
	request := func(body string) string {
		payload, err := json.Marshal(map[string]any{
			"version": "2.0", "rawPath": "/run", "requestContext": map[string]any{"http": map[string]any{"method": "POST"}}, "body": body,
		})
		if err != nil {
			t.Fatal(err)
		}
		return string(payload)
	}
	damaged := `{"version":"2.0","rawPath":"/run","requestContext":{"http":{"method":"POST"}},"body":"%%%","isBase64Encoded":true}`
	cases := []struct {
		payload string
		status  int
		kind    string
	}{
		{request("exit 3"), 500, job.ErrScriptFailed},
		{request("kill -KILL $$"), 500, job.ErrScriptKilled},
		{request("sleep 1000"), 504, job.ErrTimeout},
		{request(`echo no > "$RESPONSE_DIR/status"`), 500, job.ErrBadResponse},
		{request(`rm -r "$TMP_OUTPUT_DIR"; touch "$TMP_OUTPUT_DIR"`), 500, job.ErrStageOut},
		{request("yes | head -c 5000000"), 500, job.ErrResponseTooBig},
		{damaged, 400, job.ErrBadEvent},
	}
	for _, c := range cases {
		within := time.Minute
		if c.kind == job.ErrTimeout {
			within = 5 * time.Second
		}
		var response job.Response
		a := f.invokeWithin(c.payload, within)
		body := f.output(a)
		if err := json.Unmarshal(a.body, &response); err != nil {
			t.Fatal(err)
		}
		var told job.Error
		if err := json.Unmarshal([]byte(body), &told); err != nil {
			t.Errorf("%s: body %q: %v", c.payload, body, err)
		}
		if response.StatusCode != c.status || told.Type != c.kind || strings.Contains(body, "a secret") {
			t.Errorf("%s: status %d, body %s; want %d, %s", c.payload, response.StatusCode, body, c.status, c.kind)
		}
		f.checkClean()
	}
	if diff := cmp.Diff(map[string]string{}, f.objects("")); diff != "" {
		t.Error(diff)
	}
	proof.Count(t, "kinds of failure told by HTTP", float64(len(cases)), "")
}
