package lifecycle

import (
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/scar-go/scar/applier"
	"github.com/scar-go/scar/local"
	"github.com/scar-go/scar/local/wire"
)

// A file before and after a change that creates, updates and deletes at once.
const (
	beforeChange = `
project: imaging
functions:
  grayify: &f
    image: example/imagemagick:7
    run: cp "$INPUT_FILE_PATH" "$TMP_OUTPUT_DIR"
    input: [s3://photos/in/]
    output: [s3://photos/out/]
  leaves:
    <<: *f
    input: [s3://photos/leaves/]
`
	afterChange = `
project: imaging
functions:
  grayify: &f
    image: example/imagemagick:7
    run: cp -v "$INPUT_FILE_PATH" "$TMP_OUTPUT_DIR"
    memory: 1024
    input: [s3://photos/leaves/]
    output: [s3://photos/out/]
  comes:
    <<: *f
    input: [s3://photos/in/, s3://scans/in/]
`
)

// TestCallThatFailsAtAnyPoint breaks an apply at every one of its calls, before or after the call took
// effect, and expects that one more apply gets there. Every try begins with a copy of one account.
func TestCallThatFailsAtAnyPoint(t *testing.T) {
	account, base := t.TempDir(), baseImage(t, "amd64")
	var p *project
	t.Run("before", func(t *testing.T) {
		w := openWorld(t, account, base)
		w.converge(w.project(w.load(beforeChange)))
		p = w.project(w.load(afterChange))
	})
	again := func(t *testing.T) *world {
		dir := t.TempDir()
		if err := os.CopyFS(dir, os.DirFS(account)); err != nil {
			t.Fatal(err)
		}
		return openWorld(t, dir, base)
	}
	var calls int
	t.Run("whole", func(t *testing.T) { calls = again(t).callsOfApply(p) })
	t.Logf("an apply makes %d calls", calls)
	if calls < 30 {
		t.Fatalf("an apply makes only %d calls", calls)
	}
	denied := wire.Errorf(http.StatusForbidden, "AccessDeniedException", "Not now.")
	for k := 1; k <= calls; k++ {
		for _, fault := range []local.Fault{{Err: denied}, {Err: denied, After: true}} {
			t.Run(fmt.Sprintf("call %d, after it took effect: %v", k, fault.After), func(t *testing.T) {
				t.Parallel()
				w := again(t)
				plan := w.mustPlan(p)
				w.script.Inject("*", k, fault)
				_, err := applier.Apply(t.Context(), w.cloud(p), plan, applier.Options{})
				w.script.Calm() // the last calls of an apply depend on how long it waits
				// The answer to a HEAD has no body, so the status is all that can be said.
				if err != nil && !strings.Contains(err.Error(), "Not now") && !strings.Contains(err.Error(), "403") {
					t.Errorf("the error does not say why: %v", err)
				}
				w.converge(p)
			})
		}
	}
}

// callsOfApply counts the calls that applying a project makes, planning aside.
func (w *world) callsOfApply(p *project) int {
	w.t.Helper()
	plan := w.mustPlan(p)
	w.script.Forget()
	if _, err := applier.Apply(w.t.Context(), w.cloud(p), plan, applier.Options{}); err != nil {
		w.t.Fatal(err)
	}
	return len(w.script.Calls())
}

// TestAWorseDay applies while everything is throttled now and then, roles take their time and reads
// lag behind.
func TestAWorseDay(t *testing.T) {
	w := newWorld(t)
	w.script.PageSize(1)
	for _, service := range []string{"iam", "lambda", "s3", "ecr", "logs", "tagging"} {
		w.script.Throttle(service+":*", 2)
	}
	w.script.Stale("iam:*", 1)
	w.script.Stale("lambda:*", 1)
	w.converge(w.project(w.load(beforeChange)))
	after := w.project(w.load(afterChange))
	for _, service := range []string{"iam", "lambda", "s3", "ecr", "logs", "tagging"} {
		w.script.Throttle(service+":*", 2)
	}
	w.converge(after)
	w.destroy(after)
}
