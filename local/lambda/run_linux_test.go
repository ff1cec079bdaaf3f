package lambda

import (
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/google/go-cmp/cmp"
)

func TestInstancesAreReusedAndKeepTheirTmp(t *testing.T) {
	b := newBench(t, nil)
	b.create("f", nil)
	if a := b.call("f", testEvent{Do: "write", Name: "/tmp/x", Size: 7}); a.Count != 1 {
		t.Errorf("first: %+v", a)
	}
	if a := b.call("f", testEvent{Do: "read", Name: "/tmp/x"}); a != (testAnswer{2, "7"}) {
		t.Errorf("second: %+v", a)
	}
	if f := b.fail("f", testEvent{Do: "write", Name: "/x", Size: 1}); !strings.Contains(f.Message, "read-only file system") {
		t.Errorf("writing outside of /tmp: %+v", f)
	}
	if f := b.fail("f", testEvent{Do: "write", Name: "/tmp/y", Size: 513 << 20}); f.Type == "" {
		t.Errorf("a /tmp of 512 MB took more: %+v", f)
	}
}

func TestFunctionSeesLambdasEnvironment(t *testing.T) {
	b := newBench(t, nil)
	t.Setenv("SECRET_OF_THE_HOST", "x")
	b.create("f", func(in *lambda.CreateFunctionInput) {
		in.Environment = &types.Environment{Variables: map[string]string{"OVERRIDDEN": "function", "Mine": "1"}}
		in.MemorySize = aws.Int32(256)
	})
	got := map[string]string{}
	for _, v := range strings.Split(b.call("f", testEvent{Do: "env"}).Text, "\n") {
		name, value, _ := strings.Cut(v, "=")
		got[name] = value
	}
	for name, pattern := range map[string]string{
		"AWS_LAMBDA_RUNTIME_API":     `^127\.0\.0\.1:\d+$`,
		"AWS_LAMBDA_LOG_STREAM_NAME": `^\d{4}/\d\d/\d\d/\[\$LATEST\][0-9a-f]{32}$`,
	} {
		if !regexp.MustCompile(pattern).MatchString(got[name]) {
			t.Errorf("%s=%s", name, got[name])
		}
		delete(got, name)
	}
	delete(got, "_X_AMZN_TRACE_ID") // set by the runtime of the test function
	want := map[string]string{
		"AWS_ACCESS_KEY_ID": "AKID", "AWS_SECRET_ACCESS_KEY": "SECRET", "AWS_SESSION_TOKEN": "TOKEN",
		"AWS_REGION": "us-east-1", "AWS_DEFAULT_REGION": "us-east-1", "AWS_ENDPOINT_URL": "http://127.0.0.1:1",
		"AWS_LAMBDA_FUNCTION_NAME": "f", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "256", "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
		"AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand", "AWS_LAMBDA_LOG_GROUP_NAME": "/aws/lambda/f",
		"LAMBDA_TASK_ROOT": "/var/task", "LAMBDA_RUNTIME_DIR": "/var/runtime", "LANG": "en_US.UTF-8", "TZ": ":UTC",
		"FROM_IMAGE": "yes", "OVERRIDDEN": "function", "Mine": "1", "PATH": "/bin",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestFailuresOfFunctions(t *testing.T) {
	b := newBench(t, nil)
	b.create("f", nil)
	b.create("brief", func(in *lambda.CreateFunctionInput) { in.Timeout = aws.Int32(3) })
	for _, c := range []struct {
		function string
		event    testEvent
		want     failure // the message is the end of it
	}{
		{"f", testEvent{Do: "fail"}, failure{"errorString", "it went wrong"}},
		{"f", testEvent{Do: "exit", Size: 3}, failure{"Runtime.ExitError", "Error: Runtime exited with error: exit status 3"}},
		{"f", testEvent{Do: "exit"}, failure{"Runtime.ExitError", "Error: Runtime exited without providing a reason"}},
		{"f", testEvent{Do: "kill"}, failure{"Runtime.ExitError", "Error: Runtime exited with error: signal: killed"}},
		{"f", testEvent{Do: "alloc", Size: 300}, failure{"Runtime.OutOfMemory", "Error: Runtime exited with error: signal: killed"}},
		{"f", testEvent{Do: "large", Size: 6<<20 + 200}, failure{"Function.ResponseSizeTooLarge", "Response payload size exceeded maximum allowed payload size (6291556 bytes)."}},
		{"brief", testEvent{Do: "sleep"}, failure{"Sandbox.Timedout", "Error: Task timed out after 3.00 seconds"}},
	} {
		got := b.fail(c.function, c.event)
		if got.Type != c.want.Type || !strings.HasSuffix(got.Message, c.want.Message) {
			t.Errorf("%+v: %+v, want %+v", c.event, got, c.want)
		}
		if a := b.call(c.function, testEvent{Do: "print"}); a.Count > 2 {
			t.Errorf("after %+v: %+v", c.event, a)
		}
	}
	got := b.call("brief", testEvent{Do: "deadline"}).Text
	if left, err := time.ParseDuration(got); err != nil || left > 3*time.Second {
		t.Errorf("deadline in %s, want 3 s or, on a slow machine, less", got)
	}
	if got := b.call("f", testEvent{Do: "wrongid"}).Text; got != "400 Bad Request" {
		t.Errorf("an answer to no request: %s", got)
	}
}

func TestAnswerCountsThoughTheRuntimeEnds(t *testing.T) {
	b := newBench(t, nil)
	b.create("f", nil)
	for range 5 {
		if out := b.invoke("f", testEvent{Do: "answerexit"}); out.FunctionError != nil || string(out.Payload) != `"answered"` {
			t.Errorf("%s: %s", aws.ToString(out.FunctionError), out.Payload)
		}
	}
	d := &delivery{outcome: make(chan outcome, 1)}
	late := &failure{"Runtime.ExitError", ""}
	if got := d.answered(late); got.failure != late {
		t.Errorf("without an answer: %+v", got)
	}
	d.outcome <- outcome{response: []byte("x")}
	if got := d.answered(late); got.failure != nil || string(got.response) != "x" {
		t.Errorf("with an answer: %+v", got)
	}
}

func TestFailuresOfInitialisation(t *testing.T) {
	b := newBench(t, nil)
	for _, c := range []struct {
		name   string
		change func(*lambda.CreateFunctionInput)
		want   failure
	}{
		{"exits", func(in *lambda.CreateFunctionInput) {
			in.Environment = &types.Environment{Variables: map[string]string{"INIT": "exit"}}
		}, failure{"Runtime.ExitError", "Error: Runtime exited with error: exit status 9"}},
		{"absent", func(in *lambda.CreateFunctionInput) {
			in.ImageConfig = &types.ImageConfig{EntryPoint: []string{"/nothing"}}
		}, failure{"Runtime.InvalidEntrypoint", "Error: fork/exec /nothing: no such file or directory"}},
		{"nowhere", func(in *lambda.CreateFunctionInput) {
			in.ImageConfig = &types.ImageConfig{WorkingDirectory: aws.String("/nowhere")}
		}, failure{"Runtime.InvalidWorkingDir", "Error: chdir /nowhere: no such file or directory"}},
	} {
		b.create(c.name, c.change)
		if got := b.fail(c.name, testEvent{}); got.Type != c.want.Type || !strings.HasSuffix(got.Message, c.want.Message) {
			t.Errorf("%s: %+v, want %+v", c.name, got, c.want)
		}
	}
	if log := b.account.log(); strings.Count(log, "cannot go on") != 2 {
		t.Errorf("an initialisation that fails is tried twice; log:\n%s", log)
	}
}

func TestLogHasLambdasLinesInOrder(t *testing.T) {
	b := newBench(t, nil)
	b.create("f", nil)
	out := b.invoke("f", testEvent{Do: "print", Size: 3})
	tail, err := base64.StdEncoding.DecodeString(aws.ToString(out.LogResult))
	if err != nil {
		t.Fatal(err)
	}
	const id = `[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}`
	first := `^START RequestId: ` + id + ` Version: \$LATEST\nline 0\nline 1\nline 2\nEND RequestId: ` + id +
		`\nREPORT RequestId: ` + id + `\tDuration: [\d.]+ ms\tBilled Duration: \d+ ms\tMemory Size: 128 MB\tMax Memory Used: \d+ MB\tInit Duration: [\d.]+ ms\t\n$`
	if !regexp.MustCompile(first).Match(tail) {
		t.Errorf("tail:\n%s", tail)
	}
	if b.account.log() != string(tail) {
		t.Errorf("stored:\n%s", b.account.log())
	}
	b.call("f", testEvent{Do: "print", Size: 5000})
	last := strings.Index(b.account.log(), "line 4999\nEND")
	if last < 0 {
		t.Error("the last line does not come before END")
	}
	out = b.invoke("f", testEvent{Do: "exit", Size: 4})
	if tail, err = base64.StdEncoding.DecodeString(*out.LogResult); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(tail), "last words\n") || !strings.Contains(string(tail), "Status: error\tError Type: Runtime.ExitError") {
		t.Errorf("tail of a crash:\n%s", tail)
	}
	if !b.account.groups["/aws/lambda/f"] || len(b.account.groups) != 1 || len(b.account.streams) != 1 {
		t.Errorf("groups %v, streams %v", b.account.groups, b.account.streams)
	}
}

func TestProcessesOfAnInstanceEndWithIt(t *testing.T) {
	b := newBench(t, nil)
	b.create("f", nil)
	marker := fmt.Sprintf("marker-%d", os.Getpid())
	b.call("f", testEvent{Do: "daemon", Name: marker})
	if n := len(withEnvironment(t, marker)); n != 1 {
		t.Fatalf("%d daemons", n)
	}
	if _, err := b.client.DeleteFunction(t.Context(), &lambda.DeleteFunctionInput{FunctionName: aws.String("f")}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the end of the daemon", func() bool { return len(withEnvironment(t, marker)) == 0 })
}

// withEnvironment are the processes that have a word in their environment.
func withEnvironment(t *testing.T, word string) []string {
	t.Helper()
	files, err := filepath.Glob("/proc/[0-9]*/environ")
	if err != nil {
		t.Fatal(err)
	}
	return slices.DeleteFunc(files, func(file string) bool {
		content, err := os.ReadFile(file)
		return err != nil || !strings.Contains(string(content), word)
	})
}

func TestWhatCannotRunSaysSoInTheLog(t *testing.T) {
	b := newBench(t, nil)
	b.create("f", func(in *lambda.CreateFunctionInput) {
		in.Architectures = []types.Architecture{types.ArchitectureArm64}
		if runtime.GOARCH == "arm64" {
			in.Architectures[0] = types.ArchitectureX8664
		}
	})
	_, err := b.client.Invoke(t.Context(), &lambda.InvokeInput{FunctionName: aws.String("f")})
	wantError(t, err, "ServiceException", "is for")
	if log := b.account.log(); !strings.Contains(log, "cannot run this function") {
		t.Errorf("log: %q", log)
	}
	if done := b.invocations(); len(done) != 1 || done[0].ErrorType != "Local.NotRun" {
		t.Errorf("%+v", done)
	}
}

func TestIdleInstancesEnd(t *testing.T) {
	b := newBench(t, func(c *Config) { c.IdleTimeout = 50 * time.Millisecond })
	b.create("f", nil)
	b.call("f", testEvent{Do: "print"})
	eventually(t, "the end of the instance", func() bool {
		b.service.engine.mu.Lock()
		defer b.service.engine.mu.Unlock()
		return len(b.service.engine.idle) == 0
	})
	if a := b.call("f", testEvent{Do: "print"}); a.Count != 1 {
		t.Errorf("%+v", a)
	}
}

func TestUpdatesReplaceInstances(t *testing.T) {
	b := newBench(t, nil)
	b.create("f", nil)
	b.call("f", testEvent{Do: "print"})
	_, err := b.client.UpdateFunctionConfiguration(t.Context(), &lambda.UpdateFunctionConfigurationInput{
		FunctionName: aws.String("f"), Environment: &types.Environment{Variables: map[string]string{"NEW": "yes"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	if a := b.call("f", testEvent{Do: "env"}); a.Count != 1 || !strings.Contains(a.Text, "NEW=yes") {
		t.Errorf("%+v", a)
	}
}

func BenchmarkColdStart(b *testing.B) {
	bench := newBench(b, nil)
	bench.create("f", func(in *lambda.CreateFunctionInput) {})
	for b.Loop() {
		bench.call("f", testEvent{Do: "print"})
		bench.service.engine.discard("f", time.Now().UnixNano())
		bench.service.engine.mu.Lock()
		clear(bench.service.engine.oldest)
		bench.service.engine.mu.Unlock()
	}
}

func BenchmarkWarmInvoke(b *testing.B) {
	bench := newBench(b, nil)
	bench.create("f", nil)
	bench.call("f", testEvent{Do: "print"})
	for b.Loop() {
		bench.call("f", testEvent{Do: "print"})
	}
}
