package lifecycle

import (
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"

	"github.com/scar-go/scar/applier"
	"github.com/scar-go/scar/image"
	"github.com/scar-go/scar/internal/proof"
	"github.com/scar-go/scar/local"
	"github.com/scar-go/scar/local/clock"
	"github.com/scar-go/scar/local/wire"
	"github.com/scar-go/scar/planner"
)

// A file before and after a change that creates, updates and deletes at once, of every kind.
const (
	beforeChange = `
project: imaging
functions:
  grayify:
    image: &image example/imagemagick:7
    run: &run cp "$INPUT_FILE_PATH" "$TMP_OUTPUT_DIR"
    input: [s3://photos/in/]
    output: [s3://photos/out/]
    http: {auth: none, cors: true}
    retries: {attempts: 1}
    concurrency: 3
  leaves:
    image: *image
    run: *run
    input: [s3://photos/leaves/]
    output: [s3://photos/out/]
    queue: true
    http: {api: images}
    schedule: rate(30 days)
    on_failure: s3://failed
`
	afterChange = `
project: imaging
functions:
  grayify:
    image: &image example/imagemagick:7
    run: &run cp -v "$INPUT_FILE_PATH" "$TMP_OUTPUT_DIR"
    memory: 1024
    input: [s3://photos/leaves/]
    output: [s3://photos/out/]
    queue: {attempts: 3}
    http: {api: pictures, auth: none}
    concurrency: 5
  comes:
    image: *image
    run: *run
    input: [s3://photos/in/, s3://scans/in/]
    output: [s3://photos/out/]
    http: {auth: none}
    schedule: rate(60 days)
    on_failure: s3://failed
`
)

// TestCallThatFailsAtAnyPoint breaks an apply at every one of its calls, before and, where it writes, after the call took
// effect, and expects that one more apply gets there. Every try begins with a copy of one account.
func TestCallThatFailsAtAnyPoint(t *testing.T) {
	account, base := t.TempDir(), baseImage(t, "amd64")
	var p *project
	t.Run("before", func(t *testing.T) {
		w := openWorld(t, account, base, newQuickClock())
		w.converge(w.project(w.load(beforeChange)))
		p = w.project(w.load(afterChange))
	})
	again := func(t *testing.T) *world { return copyWorld(t, account, t.TempDir(), base, newQuickClock()) }
	calls := map[string]int{} // which of them comes when differs from apply to apply, so each is counted for itself
	t.Run("whole", func(t *testing.T) {
		for _, call := range again(t).callsOfApply(p) {
			calls[call.Service+":"+call.Operation]++
		}
	})
	denied := wire.Errorf(http.StatusForbidden, "AccessDeniedException", "Not now.")
	tries := 0
	for operation, n := range calls {
		faults := []local.Fault{{Err: denied}}
		if writes(operation) {
			faults = append(faults, local.Fault{Err: denied, After: true})
		}
		for k := 1; k <= n; k++ {
			for _, fault := range faults {
				tries++
				t.Run(fmt.Sprintf("%s %d, after it took effect: %v", operation, k, fault.After), func(t *testing.T) {
					t.Parallel()
					w := again(t)
					plan := w.mustPlan(p)
					w.script.Inject(operation, k, fault)
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
	t.Logf("%d operations, %d faults", len(calls), tries)
	t.Cleanup(func() { proof.Count(t, "calls of an apply that failed or were lost", float64(tries), "") }) // after those in parallel
	if tries < 250 {
		t.Errorf("only %d faults were tried", tries)
	}
}

// callsOfApply are the calls that applying a project makes, planning aside.
func (w *world) callsOfApply(p *project) []local.Call {
	w.t.Helper()
	plan := w.mustPlan(p)
	w.script.Forget()
	_, err := applier.Apply(w.t.Context(), w.cloud(p), plan, applier.Options{})
	w.must(err)
	return w.script.Calls()
}

// writes says whether an operation changes something, by its name.
func writes(operation string) bool {
	service, name, _ := strings.Cut(operation, ":")
	for _, prefix := range []string{"Get", "List", "Describe", "Head", "BatchGet", "BatchCheck"} {
		if strings.HasPrefix(name, prefix) {
			return false
		}
	}
	return service != "registry" || strings.HasPrefix(name, "Put") || strings.HasPrefix(name, "Post")
}

// TestAWorseDay applies while everything is throttled now and then, roles take their time and reads
// lag behind.
func TestAWorseDay(t *testing.T) {
	w := newWorld(t)
	w.script.PageSize(1)
	for _, service := range services() {
		w.script.Throttle(service+":*", 2)
	}
	w.script.Stale("iam:*", 1)
	w.script.Stale("lambda:*", 1)
	w.script.Stale("sqs:*", 1)
	w.script.Stale("scheduler:*", 1)
	w.script.Stale("apigateway:*", 1)
	w.converge(w.project(w.load(beforeChange)))
	after := w.project(w.load(afterChange))
	for _, service := range services() {
		w.script.Throttle(service+":*", 2)
	}
	w.converge(after)
	w.destroy(after)
}

// services are those that a plan reads or an apply changes.
func services() []string {
	return []string{"iam", "lambda", "s3", "ecr", "logs", "tagging", "sqs", "scheduler", "apigateway", "ssm"}
}

// lost is a call that takes effect and fails in a way that the SDK repeats.
func lost() local.Fault {
	return local.Fault{Err: wire.Errorf(http.StatusServiceUnavailable, "ServiceUnavailable", "Try again."), After: true}
}

// phase is a part of a project's life, which begins with a copy of an account.
type phase struct {
	account string
	live    func(*world)
}

// TestLostAnswers has every call that writes take effect and fail once, in a way that the SDK repeats: the apply
// itself gets there, for nobody can tell such a call from one that failed. Of the phases in which a call is made, one is tried.
func TestLostAnswers(t *testing.T) {
	t.Parallel()
	before, after := t.TempDir(), t.TempDir()
	base, now := baseImage(t, "amd64"), newQuickClock()
	var first, second *project
	t.Run("before", func(t *testing.T) {
		w := openWorld(t, before, base, now)
		first, second = w.project(w.load(beforeChange)), w.project(w.load(afterChange))
		w.converge(first)
		w.changeByHand("keep logs for ever", "widen the role's policy")
	})
	toSecond := func(w *world) { w.converge(second) }
	t.Run("after", func(t *testing.T) { toSecond(copyWorld(t, before, after, base, now)) })
	phases := []phase{
		{before, toSecond},
		{after, func(w *world) { w.converge(first) }},
		{before, func(w *world) { w.destroy(first) }},
		{t.TempDir(), func(w *world) { w.converge(first) }},
	}
	in := map[string]phase{} // by operation
	for i, p := range phases {
		t.Run(fmt.Sprintf("phase %d", i), func(t *testing.T) {
			w := copyWorld(t, p.account, t.TempDir(), base, now)
			w.script.Forget()
			p.live(w)
			for _, call := range w.script.Calls() {
				operation := call.Service + ":" + call.Operation
				if _, known := in[operation]; !known && call.Service != "registry" && writes(operation) {
					in[operation] = p
				}
			}
		})
	}
	if len(in) < 30 {
		t.Errorf("only these calls write: %v", in)
	}
	for operation, p := range in {
		t.Run(operation, func(t *testing.T) {
			t.Parallel()
			w := copyWorld(t, p.account, t.TempDir(), base, now)
			w.script.Inject(operation, 1, lost())
			p.live(w)
		})
	}
}

// copyWorld opens a copy of an account, in a folder that is empty.
func copyWorld(t *testing.T, account, dir string, base *image.Base, now clock.Clock) *world {
	t.Helper()
	if err := os.CopyFS(dir, os.DirFS(account)); err != nil {
		t.Fatal(err)
	}
	return openWorld(t, dir, base, now)
}

// TestLostAnswerOfAChangedPermission is the one change that is made of two calls, of which the second meets what
// it made itself.
func TestLostAnswerOfAChangedPermission(t *testing.T) {
	w := newWorld(t)
	p := w.project(w.load(oneFunction))
	w.converge(p)
	w.changeByHand("let any bucket start the function")
	w.script.Inject("lambda:AddPermission", 1, lost())
	w.converge(p)
}

// TestLostAnswerOfAReplacement makes a role of the project's again, whose path cannot change.
func TestLostAnswerOfAReplacement(t *testing.T) {
	w := newWorld(t)
	p := w.project(w.load(oneFunction))
	h := w.hands()
	_, err := h.iam.CreateRole(t.Context(), &iam.CreateRoleInput{
		RoleName: h.role, Tags: []types.Tag{{Key: sdk.String(planner.TagProject), Value: &p.name}},
		AssumeRolePolicyDocument: sdk.String(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"lambda.amazonaws.com"},"Action":"sts:AssumeRole"}]}`),
	})
	if err != nil {
		t.Fatal(err)
	}
	w.script.Inject("iam:CreateRole", 1, lost())
	w.converge(p)
}
