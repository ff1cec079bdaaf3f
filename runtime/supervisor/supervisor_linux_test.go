package supervisor

import (
	"errors"
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/lambda/messages"

	"github.com/scar-go/scar/runtime/job"
)

// A fault of the runtime fails the invocation that met it, with a type that can be told from the script's, and the next
// invocation works.
func TestFaultsOfTheRuntimeAreAnswered(t *testing.T) {
	s, err := New(Options{Job: &job.Job{}, Log: newTestLog(t, io.Discard, Error), Temp: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	for _, payload := range []string{`{"Records":[]}`, `{"version":"2.0","rawPath":"/","requestContext":{"http":{"method":"GET"}}}`} {
		_, err = s.Invoke(t.Context(), []byte(payload)) // Getenv is nil
		var failed messages.InvokeResponse_Error
		if !errors.As(err, &failed) || failed.Type != job.ErrInternal || failed.ShouldExit {
			t.Fatalf("%s: error is %#v", payload, err)
		}
	}
	s.Getenv = func(string) string { return "" }
	if _, err := s.Invoke(t.Context(), []byte(`{"Records":[]}`)); err != nil {
		t.Error(err)
	}
}

func TestFailureIsFitForAHeader(t *testing.T) {
	var failed messages.InvokeResponse_Error
	if !errors.As(failure(&job.Error{Type: "T", Message: "a\x7fb" + strings.Repeat("ü", maxMessage)}, false), &failed) || failed.ShouldExit {
		t.Fatal("not of the library's type")
	}
	if !strings.HasPrefix(failed.Message, "abü") || len(failed.Message) > maxMessage+len("…") {
		t.Errorf("message of %d bytes begins with %.10q", len(failed.Message), failed.Message)
	}
}

// What a script left and nothing removes must not be there in the next invocation, so there is none in this process.
func TestNothingRunsBesideWhatIsLeft(t *testing.T) {
	l := newLocal(t, job.Job{}, "echo ran", nil)
	l.spoilt = errors.New("the script left processes that do not end when they are killed: [7]")
	for _, payload := range []string{`{}`, queueOf("", "1", "2"), `{"version":"2.0","rawPath":"/","requestContext":{"http":{"method":"GET"}}}`} {
		got, failed := l.invoke(t, payload, time.Minute)
		if failed == nil || !failed.ShouldExit || !strings.Contains(failed.Message, "not run: the script left processes") {
			t.Errorf("%s: %s, %+v", payload, got, failed)
		}
	}
	if strings.Contains(l.log.String(), "ran\n") {
		t.Error("the script ran")
	}
}

// A process that becomes another one all the time may not be caught. Whether it is or not, the time that there is for that is kept.
func TestKillingEnds(t *testing.T) {
	l := newLocal(t, job.Job{TimeoutMargin: 4}, `#!/bin/sh
cat > "$HOME/again" <<'END'
#!/bin/sh
setsid "$0" >/dev/null 2>&1 &
END
chmod +x "$HOME/again"
for i in 1 2 3 4; do "$HOME/again"; done
sleep 1000`, nil)
	begun := time.Now()
	_, failed := l.invoke(t, "{}", 6*time.Second)
	if failed == nil || failed.Type != job.ErrTimeout {
		t.Errorf("%+v", failed)
	}
	if took := time.Since(begun); took > 6*time.Second {
		t.Errorf("the answer took %s of 6 s", took)
	}
	left, err := offspring(os.Getpid())
	if (err != nil || len(left) > 0) && !failed.ShouldExit {
		t.Errorf("left are %v, %v", left, err)
	}
}
