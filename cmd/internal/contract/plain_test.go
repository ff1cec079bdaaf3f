package contract

import (
	"bytes"
	"crypto/md5"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/johannesboyne/gofakes3"
	"github.com/johannesboyne/gofakes3/backend/s3mem"

	"github.com/scar-go/scar/planner"
	"github.com/scar-go/scar/runtime/job"
	"github.com/scar-go/scar/spec"
)

// plain is the world in which the runtime is a process like any other: its root is a folder, and beside
// it are a Runtime API and an S3 of the test.
type plain struct {
	suite   *testing.T
	is      traits
	runtime []string // the command that starts it, without the folder
	file    *spec.File
	jobs    map[string]job.Job
	backend gofakes3.Backend
	s3      string // URL
	running map[string]*process
	events  int
}

func TestContractAsAPlainProcess(t *testing.T) {
	t.Parallel()
	_, err := os.Stat("/bin/sh")
	runSuite(t, newPlain(t, traits{name: "a plain process", shell: err == nil}, runtimeFor(t, "amd64")))
}

func newPlain(t *testing.T, is traits, runtime ...string) *plain {
	t.Helper()
	p := &plain{
		suite: t, is: is, runtime: runtime, backend: s3mem.New(), jobs: map[string]job.Job{}, running: map[string]*process{},
	}
	p.file = writeProject(t, p.traits(), "registry.example/none")
	for _, j := range planner.Jobs(p.file) {
		p.jobs[j.Function] = j
	}
	if err := p.backend.CreateBucket(bucket); err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(gofakes3.New(p.backend).Server())
	t.Cleanup(server.Close)
	p.s3 = server.URL
	return p
}

func (p *plain) traits() traits { return p.is }

// process is a running function.
type process struct {
	api   *runtimeAPI
	log   *logBuffer
	ended chan struct{} // closed when the runtime has ended
}

// described is a function as the file describes it.
func (p *plain) described(name string) *spec.Function {
	for i := range p.file.Functions {
		if p.file.Functions[i].Name == name {
			return &p.file.Functions[i]
		}
	}
	return nil
}

// function starts a function when it is first used.
func (p *plain) function(t *testing.T, name string) *process {
	t.Helper()
	if running := p.running[name]; running != nil {
		return running
	}
	j, known := p.jobs[name]
	if !known {
		t.Fatalf("there is no function %s", name)
	}
	fn := p.described(name)
	dir, err := os.MkdirTemp(programs, "root-")
	if err != nil {
		t.Fatal(err)
	}
	fill(t, dir, fn, j)
	running := &process{api: newRuntimeAPI(time.Duration(fn.Timeout) * time.Second), log: &logBuffer{}, ended: make(chan struct{})}
	p.running[name] = running
	p.start(t, running, name, dir, fn.Env)
	return running
}

// fill writes what scar's layers hold into a folder.
func fill(t *testing.T, dir string, fn *spec.Function, j job.Job) {
	t.Helper()
	for _, folder := range []string{"tmp", job.FilesPath} {
		if err := os.MkdirAll(filepath.Join(dir, folder), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	description, err := j.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, job.DescriptionPath), description, 0o644); err != nil {
		t.Fatal(err)
	}
	if fn.Script != nil {
		if err := os.WriteFile(filepath.Join(dir, job.ScriptPath), fn.Script.Content, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for _, f := range fn.Files {
		copyFile(t, f.Path, filepath.Join(dir, job.FilesPath, f.Name))
	}
}

// start starts the runtime. It ends with the suite, not with the case that used it first.
func (p *plain) start(t *testing.T, running *process, name, dir string, env map[string]string) {
	t.Helper()
	api := httptest.NewServer(running.api)
	argv := append(append([]string{}, p.runtime...), dir)
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.Env = []string{
		"PATH=" + os.Getenv("PATH"), "HOME=/nonexistent",
		"AWS_LAMBDA_RUNTIME_API=" + strings.TrimPrefix(api.URL, "http://"),
		"AWS_LAMBDA_FUNCTION_NAME=" + name, "AWS_LAMBDA_LOG_GROUP_NAME=/aws/lambda/" + name, "AWS_LAMBDA_LOG_STREAM_NAME=stream",
		"AWS_REGION=us-east-1", "AWS_ACCESS_KEY_ID=key", "AWS_SECRET_ACCESS_KEY=secret", "AWS_SESSION_TOKEN=token",
		"AWS_ENDPOINT_URL=" + p.s3,
	}
	if p.is.emulated {
		cmd.Env = append(cmd.Env, "PROBE_EMULATOR="+emulator)
	}
	for name, value := range env {
		cmd.Env = append(cmd.Env, name+"="+value)
	}
	cmd.Stdout, cmd.Stderr = running.log, running.log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(running.ended)
		_ = cmd.Wait() // it is killed
	}()
	p.suite.Cleanup(func() {
		_ = cmd.Process.Kill() // unless it has ended by itself, which the cases have noticed
		<-running.ended
		api.CloseClientConnections()
		api.Close()
	})
}

func (p *plain) put(t *testing.T, function, key, content string) result {
	t.Helper()
	p.store(t, function, key, content)
	return p.notify(t, "ObjectCreated:Put", function, key, content)
}

func (p *plain) remove(t *testing.T, function, key string) result {
	t.Helper()
	return p.notify(t, "ObjectRemoved:Delete", function, key, "")
}

func (p *plain) notify(t *testing.T, kind, function, key, content string) result {
	t.Helper()
	p.events++
	sum := md5.Sum([]byte(content))
	at := time.Now().UTC().Format("2006-01-02T15:04:05.000Z")
	return p.send(t, function, s3Event(kind, function, at, fmt.Sprintf("%018X", p.events), hex.EncodeToString(sum[:]), key))
}

func (p *plain) send(t *testing.T, function, payload string) result {
	t.Helper()
	running := p.function(t, function)
	begin := running.log.Len()
	r := running.invoke(t, payload)
	r.log = func() string { return running.log.From(begin) }
	return r
}

func (p *plain) store(t *testing.T, function, key, content string) {
	t.Helper()
	_, err := p.backend.PutObject(bucket, function+"/in/"+key, map[string]string{}, strings.NewReader(content), int64(len(content)), nil)
	if err != nil {
		t.Fatal(err)
	}
}

func (p *plain) objects(t *testing.T, prefix string) map[string]string {
	t.Helper()
	list, err := p.backend.ListBucket(bucket, &gofakes3.Prefix{Prefix: prefix, HasPrefix: true}, gofakes3.ListBucketPage{})
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]string{}
	for _, item := range list.Contents {
		object, err := p.backend.GetObject(bucket, item.Key, nil)
		if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(object.Contents)
		if err != nil {
			t.Fatal(err)
		}
		found[strings.TrimPrefix(item.Key, prefix)] = string(content)
	}
	return found
}

// runtimeAPI is Lambda's Runtime API for one function.
type runtimeAPI struct {
	timeout time.Duration
	next    chan invocation
	results chan result
	count   int

	deadline atomic.Int64 // of the invocation under way, in milliseconds since 1970
}

type invocation struct{ id, payload string }

func newRuntimeAPI(timeout time.Duration) *runtimeAPI {
	return &runtimeAPI{timeout: timeout, next: make(chan invocation), results: make(chan result, 1)}
}

func (a *runtimeAPI) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	path, _ := strings.CutPrefix(r.URL.Path, "/2018-06-01/runtime/")
	switch {
	case path == "invocation/next":
		select {
		case next := <-a.next:
			a.deadline.Store(time.Now().Add(a.timeout).UnixMilli())
			w.Header().Set("Lambda-Runtime-Aws-Request-Id", next.id)
			w.Header().Set("Lambda-Runtime-Deadline-Ms", fmt.Sprint(a.deadline.Load()))
			w.Header().Set("Lambda-Runtime-Invoked-Function-Arn", "arn:aws:lambda:us-east-1:123456789012:function:f")
			_, _ = io.WriteString(w, next.payload) // the runtime's fault if it does not read it
		case <-r.Context().Done():
		}
		return
	case strings.HasSuffix(path, "/response"):
		payload, err := io.ReadAll(r.Body)
		if err != nil {
			payload = []byte(err.Error())
		}
		a.results <- result{payload: payload}
	case strings.HasSuffix(path, "/error"):
		var end result
		if err := json.NewDecoder(r.Body).Decode(&end.failed); err != nil {
			end.failed.Message = err.Error()
		}
		a.results <- end
	default:
		http.NotFound(w, r)
		return
	}
	w.WriteHeader(http.StatusAccepted)
}

// invoke has the function run and waits for the end of that.
func (p *process) invoke(t *testing.T, payload string) result {
	t.Helper()
	a := p.api
	a.count++
	limit := time.After(a.timeout + time.Minute)
	select {
	case a.next <- invocation{fmt.Sprintf("00000000-0000-4000-8000-%012d", a.count), payload}:
	case end := <-a.results:
		t.Fatalf("the runtime does not start: %v", &end.failed)
	case <-p.ended:
		t.Fatalf("the runtime has ended; its log:\n%s", p.log.From(0))
	case <-limit:
		t.Fatal("the runtime does not ask for an event")
	}
	select {
	case end := <-a.results:
		if late := time.Since(time.UnixMilli(a.deadline.Load())); late > 0 {
			t.Errorf("the answer came %v after the deadline", late)
		}
		return end
	case <-p.ended:
		t.Fatalf("the runtime has ended; its log:\n%s", p.log.From(0))
	case <-limit:
		t.Fatal("no answer came")
	}
	return result{}
}

// logBuffer is a log that can be read while it is written.
type logBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

// Len is how many bytes have been written.
func (l *logBuffer) Len() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Len()
}

// From is what has been written since there were as many bytes.
func (l *logBuffer) From(begin int) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return string(l.b.Bytes()[begin:])
}
