package supervisor

import (
	"errors"
	"io"
	"strings"
	"testing"

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
	if !errors.As(failure(&job.Error{Type: "T", Message: "a\x7fb" + strings.Repeat("ü", maxMessage)}), &failed) {
		t.Fatal("not of the library's type")
	}
	if !strings.HasPrefix(failed.Message, "abü") || len(failed.Message) > maxMessage+len("…") {
		t.Errorf("message of %d bytes begins with %.10q", len(failed.Message), failed.Message)
	}
}
