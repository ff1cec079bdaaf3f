package main

import (
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"maps"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/johannesboyne/gofakes3"
	"github.com/johannesboyne/gofakes3/backend/s3mem"

	"github.com/scar-go/scar/runtime/job"
)

// binary is the runtime as it is shipped, but for its optimisation for size.
var binary string

func TestMain(m *testing.M) {
	os.Exit(buildAndRun(m))
}

func buildAndRun(m *testing.M) int {
	folder, err := os.MkdirTemp("", "scar-runtime-test-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(folder)
	binary = filepath.Join(folder, "runtime")
	build := exec.Command("go", "build", "-tags", "lambda.norpc", "-o", binary, ".")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "build the runtime: %v\n%s", err, out)
		return 1
	}
	return m.Run()
}

const (
	bucket    = "photos"
	requestID = "8f507cfc-xmpl-4697-b07a-ac58fc914c95"
)

// function is a runtime that runs as a plain process, with Lambda and S3 beside it.
type function struct {
	t    testing.TB
	root string // stands for the image's root
	api  *lambdaAPI
	s3   *bucketServer
	log  *logFile
	cmd  *exec.Cmd
	wrap []string // a command that starts the runtime, in place of its own

	tls       bool // S3 is served by HTTPS
	untrusted bool // with a certificate that the runtime does not know
}

// logFile is a log that has what the runtime wrote as soon as its write has returned. From a pipe it would be read a moment later,
// after the answer perhaps.
type logFile struct{ *os.File }

func newLog(t testing.TB) *logFile {
	t.Helper()
	file, err := os.CreateTemp("", "scar-runtime-log-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = file.Close()
		_ = os.Remove(file.Name())
	})
	return &logFile{file}
}

func (l *logFile) String() string {
	content, err := os.ReadFile(l.Name())
	if err != nil {
		return err.Error()
	}
	return string(content)
}

// newJob is a job as the CLI writes it for a script with one input and one output.
func newJob() job.Job {
	return job.Job{
		Version: job.Version, Project: "p", Function: "f", Script: true, KeepFolders: true,
		Inputs:        []job.Input{{Provider: "s3", Bucket: bucket, Prefix: "in/"}},
		Outputs:       []job.Output{{Provider: "s3", Bucket: bucket, Prefix: "out/"}},
		Records:       &job.Records{Bucket: bucket},
		TimeoutMargin: 10, LogLevel: "debug",
	}
}

// start starts a function with the script and further variables.
func start(t testing.TB, j job.Job, script string, env ...string) *function {
	t.Helper()
	f := prepare(t, j, script)
	f.run(env...)
	return f
}

func prepare(t testing.TB, j job.Job, script string) *function {
	t.Helper()
	f := &function{t: t, root: t.TempDir(), api: newLambdaAPI(), log: newLog(t)}
	description, err := j.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	f.write("scar/job.json", string(description), 0o644)
	f.write("scar/script", script, 0o755)
	f.write("scar/files/labels.txt", "labels", 0o644)
	if err := os.Mkdir(filepath.Join(f.root, "tmp"), 0o755); err != nil {
		t.Fatal(err)
	}
	backend := s3mem.New()
	if err := backend.CreateBucket(bucket); err != nil {
		t.Fatal(err)
	}
	f.s3 = &bucketServer{Handler: gofakes3.New(backend).Server(), backend: backend}
	return f
}

func (f *function) write(path, content string, mode os.FileMode) {
	f.t.Helper()
	path = filepath.Join(f.root, path)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		f.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), mode); err != nil {
		f.t.Fatal(err)
	}
}

func (f *function) run(env ...string) {
	f.t.Helper()
	f.runWithLog(f.log.File, env...)
}

// runWithLog starts the runtime with another log than the buffer that tests look at.
func (f *function) runWithLog(lines io.Writer, env ...string) {
	f.t.Helper()
	api := httptest.NewServer(f.api)
	s3 := httptest.NewUnstartedServer(f.s3)
	if f.tls {
		s3.Config.ErrorLog = log.New(io.Discard, "", 0) // refused connections are expected
		s3.StartTLS()
	} else {
		s3.Start()
	}
	if f.tls && !f.untrusted {
		env = append(env, "SSL_CERT_FILE="+f.certificate(s3.Certificate().Raw), "SSL_CERT_DIR=/nonexistent")
	}
	argv := f.wrap
	if argv == nil {
		argv = []string{binary, f.root}
	}
	f.cmd = exec.Command(argv[0], argv[1:]...)
	f.cmd.Dir = f.root
	f.cmd.Env = append([]string{
		"PATH=" + os.Getenv("PATH"),
		"HOME=/nonexistent",
		"AWS_LAMBDA_RUNTIME_API=" + strings.TrimPrefix(api.URL, "http://"),
		"AWS_LAMBDA_FUNCTION_NAME=f",
		"AWS_LAMBDA_LOG_GROUP_NAME=/aws/lambda/f",
		"AWS_LAMBDA_LOG_STREAM_NAME=stream",
		"AWS_REGION=eu-west-1",
		"AWS_ACCESS_KEY_ID=key", "AWS_SECRET_ACCESS_KEY=secret", "AWS_SESSION_TOKEN=token",
		"AWS_ENDPOINT_URL=" + s3.URL,
	}, env...)
	f.cmd.Stdout, f.cmd.Stderr = lines, lines
	if err := f.cmd.Start(); err != nil {
		f.t.Fatal(err)
	}
	f.t.Cleanup(func() {
		_ = f.cmd.Process.Kill()
		_ = f.cmd.Wait()
		api.CloseClientConnections()
		api.Close()
		s3.Close()
		if f.t.Failed() {
			f.t.Logf("log of the function:\n%s", f.log)
		}
	})
}

// certificate writes a file that has programs trust a certificate.
func (f *function) certificate(der []byte) string {
	f.t.Helper()
	f.write("ca.pem", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})), 0o644)
	return filepath.Join(f.root, "ca.pem")
}

// invoke sends an event and waits for its answer.
func (f *function) invoke(payload string) answer {
	f.t.Helper()
	return f.invokeWithin(payload, 60*time.Second)
}

func (f *function) invokeWithin(payload string, limit time.Duration) answer {
	f.t.Helper()
	return f.send(invocation{payload: payload, deadline: time.Now().Add(limit), trace: "Root=1-abc"})
}

// inTime is how long before its deadline an answer must be there. The runtime keeps half a second back for its way to
// Lambda, of which a busy machine may take the most.
const inTime = 100 * time.Millisecond

func (f *function) send(in invocation) answer {
	f.t.Helper()
	timeout := time.After(time.Until(in.deadline) + 30*time.Second)
	select {
	case f.api.invocations <- in:
	case <-timeout:
		f.t.Fatalf("the runtime does not ask for an event; its log:\n%s", f.log)
	}
	select {
	case a := <-f.api.answers:
		return a
	case <-timeout:
		f.t.Fatalf("no answer came; the log:\n%s", f.log)
	}
	return answer{}
}

// initError is what the runtime reports in place of asking for its first event.
func (f *function) initError() *job.Error {
	f.t.Helper()
	select {
	case failed := <-f.api.initErrors:
		return failed
	case <-f.api.nexts:
		f.t.Fatal("the runtime started")
	case <-time.After(30 * time.Second):
		f.t.Fatal("the runtime reports nothing")
	}
	return nil
}

// output is the script's output in a successful answer.
func (f *function) output(a answer) string {
	f.t.Helper()
	if a.failed != nil {
		f.t.Fatalf("the invocation failed: %v", a.failed)
	}
	var response job.Response
	if err := json.Unmarshal(a.body, &response); err != nil {
		f.t.Fatalf("answer %s: %v", a.body, err)
	}
	text, err := base64.StdEncoding.DecodeString(response.Body)
	if err != nil || !response.IsBase64Encoded {
		f.t.Fatalf("answer %s: %v", a.body, err)
	}
	return string(text)
}

// put stores an object and returns the event of it.
func (f *function) put(key, content string) string {
	f.t.Helper()
	f.store(key, content)
	return created(f.t, key)
}

func (f *function) store(key, content string) {
	f.t.Helper()
	if _, err := f.s3.backend.PutObject(bucket, key, map[string]string{}, strings.NewReader(content), int64(len(content)), nil); err != nil {
		f.t.Fatal(err)
	}
}

// created is the event of S3 for objects that were created.
func created(t testing.TB, keys ...string) string {
	t.Helper()
	var records []any
	for _, key := range keys {
		records = append(records, map[string]any{
			"eventSource": "aws:s3", "eventName": "ObjectCreated:Put", "eventTime": "2026-01-02T03:04:05.678Z",
			"s3": map[string]any{
				"bucket": map[string]any{"name": bucket},
				"object": map[string]any{"key": url.QueryEscape(key), "size": 1, "eTag": "etag", "sequencer": "0055AED6DCD90281E5"},
			},
		})
	}
	payload, err := json.Marshal(map[string]any{"Records": records})
	if err != nil {
		t.Fatal(err)
	}
	return string(payload)
}

// objects are the contents of all objects but records, by key.
func (f *function) objects(prefix string) map[string]string {
	f.t.Helper()
	list, err := f.s3.backend.ListBucket(bucket, &gofakes3.Prefix{Prefix: prefix, HasPrefix: true}, gofakes3.ListBucketPage{})
	if err != nil {
		f.t.Fatal(err)
	}
	found := map[string]string{}
	for _, item := range list.Contents {
		object, err := f.s3.backend.GetObject(bucket, item.Key, nil)
		if err != nil {
			f.t.Fatal(err)
		}
		content, err := io.ReadAll(object.Contents)
		if err != nil {
			f.t.Fatal(err)
		}
		found[item.Key] = string(content)
	}
	return found
}

func (f *function) record(key string) *job.Record {
	f.t.Helper()
	content, ok := f.objects(job.RecordsPrefix)[job.RecordKey("f", job.OwnS3, bucket, key)]
	if !ok {
		f.t.Fatalf("there is no record of %q", key)
	}
	var r job.Record
	if err := json.Unmarshal([]byte(content), &r); err != nil {
		f.t.Fatal(err)
	}
	return &r
}

// checkClean fails the test if anything of an invocation is left.
func (f *function) checkClean() {
	f.t.Helper()
	entries, err := os.ReadDir(filepath.Join(f.root, "tmp"))
	if err != nil || len(entries) > 0 {
		f.t.Errorf("files are left: %v %v", entries, err)
	}
	children, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%[1]d/children", f.cmd.Process.Pid))
	if err == nil && len(children) > 0 {
		f.t.Errorf("processes are left: %s", children)
	}
}

func (f *function) wantFailure(a answer, kind string, texts ...string) {
	f.t.Helper()
	if a.failed == nil {
		f.t.Errorf("the invocation succeeded, want %s", kind)
		return
	}
	if a.failed.Type != kind {
		f.t.Errorf("the invocation failed as %s: %s; want %s", a.failed.Type, a.failed.Message, kind)
	}
	for _, text := range texts {
		if !strings.Contains(a.failed.Message, text) {
			f.t.Errorf("message %q does not say %q", a.failed.Message, text)
		}
	}
}

func keys(objects map[string]string) []string {
	return slices.Sorted(maps.Keys(objects))
}
